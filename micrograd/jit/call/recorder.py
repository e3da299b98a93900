"""The recorder of traces in this process: machine code in the slots of `Traced`.

`begin` gives a scope a tape. The first time it compiles the code (tape_code.py), puts it into the
operators and methods of `Traced`, and tries it out against Python's definitions of them. Where the
interpreter is not one that the code is for, or something is not as expected, Python goes on
recording.
"""

from __future__ import annotations

import ctypes
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

import lowering
from lowering import LoweringError
from lowering.bindings import ir

from ... import copies
from ...engine import Value
from ...locks import Lock
from ...opdef import LISTENERS
from ...ops import OPS, Op
from ...store import Live
from ...traced import Scope, Traced
from ..dialect.blocks import new_module
from ..emit.builder import Builder
from ..emit.native import native
from ..target import Target
from .callable import LAYOUT, Unexpected, available, immortal, slot_offset, symbols
from .counter import check_counter
from .cpython import Objects
from .definitions import MOST_OPERANDS
from .frames import frames, set_slot, slot_of
from .tape import Code, Tape
from .tape_code import CALLED, COMPARISONS, Recorder
from .tape_rows import LITERAL, Places
from .tape_trial import try_out

BINARY = ("__add__", "__sub__", "__mul__", "__truediv__", "__pow__")
UNARY = ("__neg__", "__abs__")
COMPARE = "__lt__"
"""The slot of all comparisons, by one of its methods."""
VARARGS = 0x01 | 0x02  # METH_VARARGS | METH_KEYWORDS
"""How methods are called: by the one convention in which CPython itself reads no arguments."""


def begin(scope: Scope) -> None:
    """Give it a tape, if machine code can record."""
    code = code_of_tapes()
    if code is not None:
        scope.tape = Tape(code)


_made: list[Code | None] = []
_lock = Lock()


def code_of_tapes() -> Code | None:
    """The machine code, in the slots; None if there can be none, or not yet."""
    if _made:
        return _made[0]
    with _lock:
        if _made:
            return _made[0]
        _made.append(None)  # for who asks meanwhile
    if available():
        try:
            _made[0] = _installed()
        except (Unexpected, LoweringError, AttributeError, TypeError, ValueError) as error:
            warnings.warn(
                f"traces are recorded by Python, which takes longer: {error}",
                RuntimeWarning,
                stacklevel=2,
            )
    return _made[0]


def _installed() -> Code:
    tables = _Tables()
    for op in OPS.values():
        tables.enter(op)
    methods = _methods(tables.ops)
    made, code = _compiled(tables, methods)
    slots = _slots(made)
    before = [(kind, name, slot_of(kind, name)) for kind, name, _ in slots]
    by_python = {name: Traced.__dict__[name] for name in methods}
    for slot in slots:
        set_slot(*slot)
    for name in methods:
        setattr(Traced, name, _method(name, made.address(f"{name}.method")))
    try:
        try_out(lambda: Tape(code), tables.ops)
    except BaseException:
        for slot in before:
            set_slot(*slot)
        for name, method in by_python.items():
            setattr(Traced, name, method)
        raise

    def give_way(op: Op) -> None:
        """To a new op of this name."""
        for name in (op.name, op.ufunc):
            if name is not None and name in by_python:
                setattr(Traced, name, by_python[name])

    LISTENERS[:0] = [give_way, tables.enter]
    return code


def _slots(made: lowering.NativeModule) -> list[tuple[type, str, int]]:
    """Types, operators of theirs, and the addresses of the code for these. What is not traced has
    some too, as it may be the first of two operands.
    """
    slots: list[tuple[type, str, int]] = [(Op, "__call__", made.address("call"))]
    slots += [(kind, COMPARE, made.address("compare")) for kind in (Traced, Live)]
    slots += [(Traced, name, made.address(f"{name}.slot")) for name in UNARY]
    for name in BINARY:
        by_python = slot_of(Traced, name)  # where there is other code, value_code.py's, it stays
        kinds = [kind for kind in (Traced, Value, Live) if slot_of(kind, name) == by_python]
        slots += [(kind, name, made.address(f"{name}.slot")) for kind in kinds]
        slots.append((Traced, name.replace("__", "__i", 1), made.address(f"{name}.slot")))
    return slots


def _compiled(tables: _Tables, methods: dict[str, Op]) -> tuple[lowering.NativeModule, Code]:
    layout, places = frames(), _places()
    check_counter()
    names = {op.operator: op for op in OPS.values() if op.operator is not None}
    known = _symbols(methods)
    known |= {
        "op_table": tables.by_number.ctypes.data,
        "op_calls": tables.called.ctypes.data,
    }
    target = Target.host(np.float64, strict=True)

    def module() -> ir.Module:
        with new_module() as module:
            o = Objects(Builder(module, target))
            Recorder(o, layout, places, {op: k for k, op in enumerate(tables.ops)}).emit(
                {name: names[name] for name in BINARY},
                {name: names[name] for name in UNARY},
                methods,
                [OPS[name] for name in COMPARISONS],
            )
        return module

    # what LLVM could do for it takes four times as long, and gains a tenth
    made_from = "recorder", LAYOUT, layout, places, tables.ops, methods
    made = native(module, target, made_from, symbols=known, opt_level=0, passes=False)
    immortal((made, tables))
    release, mark = (
        immortal(ctypes.PYFUNCTYPE(None, *[ctypes.c_size_t] * n)(made.address(name)))
        for name, n in (("release", 2), ("mark", 5))
    )
    free = ctypes.PYFUNCTYPE(None, ctypes.c_size_t)(("PyMem_RawFree", ctypes.pythonapi))
    return made, Code(layout.bytecode, tables.ops, release, mark, immortal(free))


def _methods(ops: list[Op]) -> dict[str, Op]:
    """The ops that are methods of traced Values, by their names; they take one other at most."""
    known = {name: getattr(method, "op", None) for name, method in vars(Traced).items()}
    return {
        name: op
        for name, op in known.items()
        if not name.startswith("__") and op in ops and op.arity <= 2
    }


class _Definition(ctypes.Structure):  # PyMethodDef
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    ]


def _method(name: str, address: int) -> Any:
    """A method of traced Values that runs the code there."""
    make: Any = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.POINTER(_Definition))(
        ("PyDescr_NewMethod", ctypes.pythonapi)
    )
    return make(Traced, immortal(_Definition(immortal(name.encode()), address, VARARGS, None)))


class _Tables:
    """The ops that the code knows, by their numbers; and their numbers, by the ops that are called.

    Their memory stays where it is; ops that are defined later are entered, too.
    """

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.by_number = np.zeros(CALLED // 4, dtype=np.int64)
        self.called = np.zeros((CALLED, 2), dtype=np.int64)

    def enter(self, op: Op) -> None:
        """Know an op, if there is room."""
        if op.arity > MOST_OPERANDS or len(self.ops) == len(self.by_number):
            return
        self.by_number[len(self.ops)] = id(immortal(op))
        at = (id(op) >> 4) ^ (id(op) >> 12)
        while self.called[at % CALLED, 0]:
            at += 1
        self.called[at % CALLED] = id(op), op.arity << LITERAL | len(self.ops)
        self.ops.append(op)


def _symbols(methods: Iterable[str]) -> dict[str, int]:
    """What the code refers to."""
    counter: Any = copies.next_serial
    known = dict(symbols())
    known |= {"Traced": id(Traced), "Value": id(Value), "Live": id(Live), "Tape": id(Tape)}
    known |= {"next_serial": id(counter.__self__), "zero": id(0)}
    known |= {"_Py_NoneStruct": id(None), "_Py_NotImplementedStruct": id(NotImplemented)}
    for kind in (Traced, Value):
        for name in BINARY:
            for spelt in (name, name.replace("__", "__r", 1)):
                known[f"{kind.__name__}.{spelt}"] = id(immortal(kind.__dict__[spelt]))
    for name in (*UNARY, *methods):
        known[f"Traced.{name}"] = id(immortal(Traced.__dict__[name]))
    known["compare.python"] = slot_of(Traced, COMPARE)
    known["call.python"] = slot_of(Op, "__call__")
    return known


def _places() -> Places:
    """Where the slots of traced Values and of scopes are: where what is assigned is found."""
    scope = Scope("a trial")
    v: Any = Traced("x", scope=scope)
    fields: dict[str, Any] = {
        "_scope": scope,
        "_serial": 2**40 + 12345,
        "_entry": OPS["atan2"],
        "grad": 2**41 + 54321,
    }
    for name, x in fields.items():
        setattr(v, name, x)
    operand: Any = object()
    v._operand = operand
    own, serial, entry, grad = (slot_offset(v, x) for x in fields.values())
    tape: Any = object()
    scope.tape = tape
    return Places(own, serial, entry, grad, slot_offset(v, operand), slot_offset(scope, tape))
