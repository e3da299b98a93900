"""A name in a script -> the kernel that a command is about."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from ..engine import Value
from ..errors import MicrogradError, kind
from ..jit import jit
from ..jit.page.paged import Paged
from ..nn import Module

DEFAULT = "value_and_grad"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for.

    args    of a call, as Python
    wrt     names of parameters, or an expression that gives Values
    wanted  the name of a derivative, or "value"; None: the command's own, and a kernel as it is
    """

    name: str
    args: str | None = None
    wrt: str | None = None
    wanted: str | None = None
    dtype: str | None = None
    strict: bool = False

    def as_strict(self) -> Asked:
        """The same, strict."""
        return replace(self, strict=True)


def split(text: str) -> tuple[Path, str]:
    """The script and the name of `script.py:name`."""
    path, colon, name = text.rpartition(":")
    if not colon or not all(part.isidentifier() for part in name.split(".")):
        raise argparse.ArgumentTypeError(
            f"expected a script and a name in it, as script.py:loss, got {text!r}"
        )
    return Path(path), name


def kernel_of(module: ModuleType, asked: Asked, default: str = DEFAULT) -> Any:
    """The kernel, called with the arguments that are given, so that its shapes are known;
    `default`: what is wanted of a function if nothing else is asked for.

    Raises MicrogradError for a name that is not there, saying which are, and for what is no
    function, Value, model or kernel.
    """
    found = _found(module, asked.name)
    if isinstance(found, Paged) or hasattr(found, "page"):
        if asked.wrt is not None or asked.dtype is not None or asked.strict:
            raise MicrogradError(
                f"{asked.name} is compiled by the script already, which says wrt, dtype and strict "
                "for it; leave these options out"
            )
        kernel = found
        wanted = asked.wanted or "value"
    else:
        kernel = _compiled(found, asked, module)
        wanted = asked.wanted or default
        if isinstance(found, Value) and asked.wanted is None and not kernel._parameters:
            wanted = "value"  # nothing that it is computed of has a name
    if wanted != "value":
        kernel = getattr(kernel, wanted)
    if asked.args is not None:
        args, kwargs = _arguments(asked.args, module)
        kernel(*args, **kwargs)
    return kernel


def _compiled(found: Any, asked: Asked, module: ModuleType) -> Any:
    if not callable(found) and not isinstance(found, Value):
        raise MicrogradError(
            f"{asked.name} is {kind(found)}; it should be a function, a Value, a model or a "
            f"kernel. {_known(module)}"
        )
    wrt = None if asked.wrt is None else _wrt(asked.wrt, found, module)
    if wrt is None and isinstance(found, Value):
        wrt = _named_leaves(found, module) or None
    return jit(found, wrt=wrt, dtype=asked.dtype, strict=asked.strict)


def _wrt(text: str, found: Any, module: ModuleType) -> Any:
    """Names of the function's parameters, or what the expression gives."""
    names = [name.strip() for name in text.split(",")]
    code = getattr(found, "__code__", None)
    if code is not None:
        n = code.co_argcount + code.co_kwonlyargcount
        if set(names) <= set(code.co_varnames[:n]):
            return names
    given = _evaluated(text, module, "--wrt")
    return [given] if isinstance(given, Value) else list(given)


def _named_leaves(value: Value, module: ModuleType) -> list[Value]:
    """The leaves of a Value that the script has names for, alone, in lists or in models, or that
    have labels: those that one would take its derivatives by.
    """
    named: dict[Value, None] = {}
    for x in vars(module).values():
        parts = x.parameters() if isinstance(x, Module) else x
        for part in parts if isinstance(parts, (list, tuple)) else [parts]:
            if isinstance(part, Value):
                named[part] = None
    seen, stack = {value}, [value]
    while stack:
        found = stack.pop()
        if not found._prev and found.label:
            named[found] = None
        for x in found._prev:
            if x not in seen:
                seen.add(x)
                stack.append(x)
    return [x for x in named if x in seen and not x._prev]


def _arguments(text: str, module: ModuleType) -> tuple[tuple[Any, ...], dict[str, Any]]:
    given: tuple[tuple[Any, ...], dict[str, Any]] = _evaluated(
        f"(lambda *args, **kwargs: (args, kwargs))({text})", module, "--args"
    )
    return given


def _evaluated(text: str, module: ModuleType, option: str) -> Any:
    """An expression of the user, with the names of the user's script."""
    try:
        return eval(text, dict(vars(module)))
    except Exception as error:
        raise MicrogradError(
            f"{option} cannot be evaluated: {type(error).__name__}: {error}"
        ) from error


def _found(module: ModuleType, name: str) -> Any:
    first, *rest = name.split(".")
    if first not in vars(module):
        raise MicrogradError(f"there is no {first} in {_name(module)}. {_known(module)}")
    found = vars(module)[first]
    for part in rest:
        try:
            found = getattr(found, part)
        except AttributeError:
            raise MicrogradError(f"{first} in {_name(module)} has no {part}") from None
    return found


def _known(module: ModuleType) -> str:
    """What a page could be about, as a sentence."""
    names = [
        name
        for name, x in vars(module).items()
        if not name.startswith("_")
        and (
            isinstance(x, (Value, Module, Paged))
            or (isinstance(x, FunctionType) and x.__module__ == module.__name__)
        )
    ]
    if not names:
        return f"{_name(module)} has no function, Value, model or kernel"
    return f"{_name(module)} has {', '.join(names)}"


def _name(module: ModuleType) -> str:
    return Path(str(module.__file__)).name
