"""The arithmetic of eager Values in this process: machine code in the slots of `Value`.

`begin` compiles the code (value_code.py), puts it into the operators and methods of `Value` and
into calls of ops, and tries it out against Python's definitions of them (value_trial.py). Where the
interpreter is not one that the code is for, or something is not as expected, or a definition is not
the engine's any more, Python goes on. Whoever assigns an operator in the class later takes the code
back, for Python then gives its slot a function of its own.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from types import MethodType
from typing import Any

import numpy as np

import lowering
from lowering import LoweringError
from lowering.bindings import ir

from ... import copies, engine, opdef
from ...backward import INTERIOR
from ...engine import Value
from ...locks import Lock
from ...opdef import OPS, Op
from ...store import Live, Store
from ...traced import Traced
from ..dialect.blocks import new_module
from ..emit.builder import Builder
from ..emit.native import native
from ..target import Target
from . import value_interior
from .callable import (
    HAVE_VECTORCALL,
    LAYOUT,
    NativeCallable,
    Unexpected,
    available,
    immortal,
    slot_offset,
    symbols,
)
from .counter import check_counter
from .cpython import Objects
from .frames import TRAVERSE, check_types, set_slot, slot_of
from .value_code import CALLED, Arithmetic
from .value_making import Places
from .value_trial import try_out

BINARY = ("__add__", "__sub__", "__mul__", "__truediv__", "__pow__")
IN_PLACE = tuple(name.replace("__", "__i", 1) for name in BINARY)
UNARY = ("__neg__", "__abs__")
COMPARE, CALL = "__lt__", "__call__"
_METHOD_DESCRIPTOR = 1 << 17  # Py_TPFLAGS_METHOD_DESCRIPTOR
_COMPARISONS = ("__lt__", "__le__", "__gt__", "__ge__")


class Method(NativeCallable):
    """A method of Values that is an op: machine code, and what Python defines, which it calls."""

    __slots__ = ("definition",)

    def __init__(self, definition: Any) -> None:
        self.definition = definition

    def __get__(self, of: Any, kind: Any = None) -> Any:
        return self if of is None else MethodType(self, of)

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "definition"), name)

    def __reduce__(self) -> Any:
        return getattr, (Value, self.definition.__name__)


def _let_call(kind: type) -> None:
    """Let calls of its objects, and of attributes of that type, run the function in the slot."""
    flags = ctypes.c_size_t.from_address(id(kind) + LAYOUT.type_flags)
    flags.value |= HAVE_VECTORCALL | _METHOD_DESCRIPTOR
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


_begun: list[bool] = []
_lock = Lock()
_installed: list[Any] = []  # machine code's slots and methods, and Python's


def begin() -> bool:
    """Let machine code compute from now on, if it can; whether it does. It is made once."""
    with _lock:
        if not _begun:
            _begun.append(False)  # for who asks meanwhile
            if available() and _is_as_defined():
                try:
                    _install()
                    _begun[0] = True
                    INTERIOR.append(value_interior.made())
                except (Unexpected, LoweringError, AttributeError, TypeError, ValueError):
                    pass  # nothing is lost but time
        return _begun[0]


def _is_as_defined() -> bool:
    """Whether nobody has replaced what the code does the work of."""
    names = (*_reflected(BINARY), *IN_PLACE, *UNARY, *_COMPARISONS)
    own = Op.__dict__["__call__"].__code__.co_filename == opdef.__file__
    return own and all(Value.__dict__.get(name) is engine.DEFINED[name] for name in names)


def _reflected(names: tuple[str, ...]) -> list[str]:
    return [spelt for name in names for spelt in (name, name.replace("__", "__r", 1))]


def _install() -> None:
    check_types()
    _let_call(Method)
    ops = [op for op in OPS.values() if op.emittable and op.arity <= 3]
    table = np.zeros((CALLED, 3), dtype=np.int64)
    previous = np.zeros(1, dtype=np.int64)
    made = _compiled(ops, table, previous)
    entries = {op: _entered(table, op, made.address(f"{op.name}.number")) for op in ops}
    slots: list[tuple[type, str, int]]
    slots = [
        (kind, name, made.address(f"{name}.slot"))
        for name in (*BINARY, *IN_PLACE, *UNARY)
        for kind in (Value, Live)
    ]
    slots += [(Value, COMPARE, made.address("compare")), (Op, CALL, made.address("call"))]
    slots.append((Value, TRAVERSE, made.address("traverse")))
    before = [(kind, name, slot_of(kind, name)) for kind, name, _ in slots]
    previous[0] = slot_of(Op, CALL)
    by_python = _methods(entries)
    methods = {}
    for name, definition in by_python.items():
        method = methods[name] = Method(definition)
        method._arrays = entries[definition.op]
        method._entry = made.address("method")
        immortal(method)
    _set(slots, methods)
    try:
        try_out(ops, by_python)
    except BaseException:
        _set(before, by_python)
        raise
    _installed.append((slots, methods, before, by_python))


def _set(slots: list[tuple[type, str, int]], methods: Mapping[str, Any]) -> None:
    for slot in slots:
        set_slot(*slot)
    for name, method in methods.items():
        setattr(Value, name, method)


def pause() -> None:
    """Let Python compute until `resume` is called, if machine code does now."""
    for _, _, before, definitions in _installed:
        _set(before, definitions)


def resume() -> None:
    """Let machine code compute again, if it did."""
    for slots, methods, _, _ in _installed:
        _set(slots, methods)


def _methods(entries: dict[Op, int]) -> dict[str, Any]:
    """Python's definitions of the methods that are ops which the code knows."""
    found = {}
    for name, method in vars(Value).items():
        known = not name.startswith("__") and getattr(method, "op", None) in entries
        if known and method is engine.DEFINED.get(name):
            found[name] = method
    return found


def _entered(table: Any, op: Op, function: int) -> int:
    """The address of a new entry of the table."""
    at = id(op) >> 4
    while table[at % CALLED, 0]:
        at += 1
    row = table[at % CALLED]
    row[:] = id(op), function, op.arity
    return int(row.ctypes.data)


def _compiled(ops: list[Op], table: Any, previous: Any) -> lowering.NativeModule:
    check_counter()
    names = {op.operator: op for op in ops if op.operator is not None}
    probe = Method(object())
    places, definition = _places(), slot_offset(probe, probe.definition)
    counter: Any = copies.next_serial
    known = dict(symbols())
    known |= {"Value": id(Value), "Live": id(Live), "Traced": id(Traced)}
    known |= {"next_serial": id(counter.__self__), "zero": id(0)}
    known |= {"_Py_NoneStruct": id(None), "_Py_NotImplementedStruct": id(NotImplemented)}
    known |= {f"op.{op.name}": id(immortal(op)) for op in ops}
    known |= {
        "no_label": id(immortal(Value(0.0).label)),
        "op_table": table.ctypes.data,
        "call.python": previous.ctypes.data,
        "compare.python": slot_of(Value, COMPARE),
    }
    for name in (*_reflected(BINARY), *IN_PLACE, *UNARY):
        known[name] = id(immortal(Value.__dict__[name]))
    target = Target.host(np.float64, strict=True)

    def module() -> ir.Module:
        with new_module() as module:
            Arithmetic(Objects(Builder(module, target)), places, definition).emit(
                ops,
                {name: names[name] for name in BINARY},
                {name: names[name.replace("__i", "__", 1)] for name in IN_PLACE},
                {name: names[name] for name in UNARY},
            )
        return module

    made_from = "arithmetic", places, definition, ops
    made = native(module, target, made_from, symbols=known, opt_level=1, passes=False)
    immortal((made, table, previous))
    return made


def _places() -> Places:
    """Where the slots of Values are: where what is assigned is found."""
    v: Any = Value(1.0)
    fields: dict[str, Any] = {
        "_data": -1234.5,
        "_entry": OPS["where"],
        "_operand": object(),
        "_other": object(),
        "_serial": 2**40 + 12345,
        "_home": object(),
        "grad": 2**41 + 54321,
        "label": "a trial",
    }
    for name, x in fields.items():
        setattr(v, name, x)
    store = Store([1.0])
    found = [slot_offset(v, x) for x in fields.values()]
    return Places(*[*found, slot_offset(store, store.address)])
