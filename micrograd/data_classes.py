"""`dataclass` as the standard library has it, whose classes are made in a fifth of the time.

There each class compiles the text of five or more methods when it is made, which takes half a
millisecond, and the first compilation of a process imports 70 classes. Here a method is written and
compiled when it is first called.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

_ORDERS = {"__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">="}
_MISSING = dataclasses.MISSING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: type | None = None, /, **options: bool) -> Any:
        """The class with the methods of a data class. Options: `frozen`, `slots`, `eq`, `order`,
        `unsafe_hash` and `repr`, which mean what they mean there.
        """
        return _made(cls) if cls is not None else lambda cls: _made(cls, **options)


def _made(
    cls: type,
    *,
    repr: bool = True,
    eq: bool = True,
    order: bool = False,
    unsafe_hash: bool = False,
    frozen: bool = False,
    slots: bool = False,
) -> type:
    own = cls.__dict__.get("__hash__", _MISSING)
    hashes = own is not _MISSING and not (own is None and "__eq__" in cls.__dict__)
    found: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots)(cls)
    fields = dataclasses.fields(found)
    compared = [f.name for f in fields if f.compare]
    methods: dict[str, Any] = {"__init__": _late(found, "__init__", lambda: _init(found, frozen))}
    if repr:
        methods["__repr__"] = _repr([f.name for f in fields if f.repr])
    if eq:
        methods["__eq__"] = _late(found, "__eq__", lambda: _comparison("__eq__", compared))
    if order:
        methods |= {x: _late(found, x, partial(_comparison, x, compared)) for x in _ORDERS}
    if frozen:
        methods |= _frozen(found, [f.name for f in fields])
        if slots:
            methods |= {"__getstate__": _state, "__setstate__": _set_state}
    for name, method in methods.items():
        if name not in found.__dict__:
            setattr(found, name, method)
    if unsafe_hash or (eq and frozen and not hashes):
        hashed = [f.name for f in fields if (f.compare if f.hash is None else f.hash)]
        found.__hash__ = _late(found, "__hash__", lambda: _hash(hashed))
    elif eq and not hashes:
        found.__hash__ = None
    return found  # type: ignore[no-any-return]


def _late(cls: Any, name: str, made: Callable[[], Any]) -> Any:
    """A method that is made when it is called, and takes its own place."""

    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        found = made()
        found.__qualname__ = f"{cls.__qualname__}.{name}"
        setattr(cls, name, found)
        return found(self, *arguments, **named)

    return method


def _compiled(head: str, lines: list[str], **scope: Any) -> Any:
    """The function of a text."""
    exec(f"def {head}:\n " + "\n ".join(lines or ["pass"]), scope)
    return scope[head.partition("(")[0]]


def _init(cls: Any, frozen: bool) -> Any:
    scope: dict[str, Any] = {"_missing_": _MISSING, "_put_": object.__setattr__}
    parameters, keywords = ["self"], list[str]()
    lines: list[str] = []
    for f in dataclasses.fields(cls):
        value = f.name
        if f.default is not _MISSING:
            scope[f"default_{f.name}"] = f.default
        if f.default_factory is not _MISSING:
            scope[f"factory_{f.name}"] = f.default_factory
            made = f"factory_{f.name}()"
            value = f"{made} if {f.name} is _missing_ else {f.name}" if f.init else made
        elif not f.init:
            if f.default is _MISSING:
                continue
            value = f"default_{f.name}"
        if f.init:
            optional = f.default_factory is not _MISSING or f.default is not _MISSING
            default = "_missing_" if f.default is _MISSING else f"default_{f.name}"
            parameter = f"{f.name}={default}" if optional else f.name
            (keywords if f.kw_only else parameters).append(parameter)
        put = f"_put_(self, {f.name!r}, {value})" if frozen else f"self.{f.name} = {value}"
        lines.append(put)
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    given = ", ".join([*parameters, *(["*", *keywords] if keywords else [])])
    return _compiled(f"__init__({given})", lines, **scope)


def _comparison(name: str, compared: list[str]) -> Any:
    """Of the fields as tuples, if both are of the same class."""
    mine, others = (_tuple(x, compared) for x in ("self", "other"))
    lines = [
        "if other.__class__ is not self.__class__: return NotImplemented",
        f"return {mine} {_ORDERS.get(name, '==')} {others}",
    ]
    return _compiled(f"{name}(self, other)", lines)


def _hash(names: list[str]) -> Any:
    return _compiled("__hash__(self)", [f"return hash({_tuple('self', names)})"])


def _tuple(x: str, names: list[str]) -> str:
    return "(" + "".join(f"{x}.{name}," for name in names) + ")"


def _repr(names: list[str]) -> Any:
    def __repr__(self: Any) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({shown})"

    return recursive_repr()(__repr__)


def _frozen(cls: Any, names: list[str]) -> dict[str, Any]:
    """The methods that let nobody set or delete a field."""

    def __setattr__(self: Any, name: str, value: Any) -> None:
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def __delattr__(self: Any, name: str) -> None:
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    return {"__setattr__": __setattr__, "__delattr__": __delattr__}


def _state(self: Any) -> list[Any]:
    return [getattr(self, f.name) for f in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for f, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, f.name, value)
