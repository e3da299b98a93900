"""NumPy's own functions in code: its inner loops, which strict code of Tensors calls as eager
Tensors do, so that both have the same bits.

A loop is told to take one number, or the lanes of a vector, in a row. That gives what it gives for
whole arrays: NumPy's functions depend on how an array lies only where it is read backwards, which
no Tensor is (tensor/layout.py). The name of a loop says all about it, so that a module that
declares it is linked by its name alone.

Source: NumPy reference, "UFunc API": PyUFuncObject, PyUFuncGenericFunction.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lowering.bindings import ir

from ...ops import Op
from ...real_types import BY_BITS

if TYPE_CHECKING:
    from .builder import Builder


class _Fields(ctypes.Structure):
    """What a PyUFuncObject has behind the object's head."""

    _fields_ = (
        ("nin", ctypes.c_int),
        ("nout", ctypes.c_int),
        ("nargs", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
        ("ntypes", ctypes.c_int),
        ("reserved", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("types", ctypes.POINTER(ctypes.c_char)),
    )


class Loop(NamedTuple):
    """An inner loop: where it is, and what it is given beside the arrays."""

    address: int
    data: int


_CALL = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4)


def computes(op: Op) -> bool:
    """Whether eager Tensors have the op from a loop whose results nothing else is sure to give."""
    return op.ufunc is not None and (op.libm is not None or op.orders_zeros)


@cache
def loop_of(ufunc: str, bits: int) -> Loop | None:
    """NumPy's loop of a function of floats of so many bits; None where it is not found so."""
    function = getattr(np, ufunc)
    dtype = BY_BITS[bits].dtype
    letter = dtype.char
    signature = f"{letter * function.nin}->{letter}"
    if signature not in function.types:
        return None
    k = function.types.index(signature)
    head = object.__basicsize__
    fields = _Fields.from_address(id(function) + head)
    shown = (fields.nin, fields.nout, fields.nargs, fields.ntypes)
    if shown != (function.nin, 1, function.nargs, function.ntypes) or not fields.functions[k]:
        return None
    loop = Loop(fields.functions[k] or 0, fields.data[k] or 0)
    return loop if _holds(function, loop, dtype) else None


def _holds(function: Any, loop: Loop, dtype: np.dtype[Any]) -> bool:
    """Whether the loop gives what the function does, one number at a time."""
    numbers = [np.linspace(low, 0.9, 7, dtype=dtype) for low in (0.1, 0.2)][: function.nin]
    out = np.zeros(7, dtype)
    steps = (ctypes.c_ssize_t * function.nargs)(*[dtype.itemsize] * function.nargs)
    for k in range(7):
        places = [x.ctypes.data + k * dtype.itemsize for x in (*numbers, out)]
        given = (ctypes.c_void_p * function.nargs)(*places)
        one = ctypes.c_ssize_t(1)
        _CALL(loop.address)(
            ctypes.addressof(given), ctypes.addressof(one), ctypes.addressof(steps), loop.data
        )
    return bool((out == function(*numbers)).all())


def addresses(names: Iterable[str]) -> dict[str, int]:
    """Where the loops of these names are."""
    found = {}
    for name in names:
        _, ufunc, number, *data = name.split(".")
        loop = loop_of(ufunc, int(number[1:]))
        if loop is None:
            raise LookupError(f"NumPy has no loop of {ufunc} that can be called")
        found[name] = loop.data if data else loop.address
    return found


def emit(b: Builder, op: Op, operands: Sequence[ir.Value], *, literal: bool) -> ir.Value | None:
    """The op on numbers or vectors of one type; None if there is no such loop.

    literal   whether the last operand is one number for all, by which NumPy may choose what it does
    """
    assert op.ufunc is not None
    loop = loop_of(op.ufunc, b.bits)
    if loop is None:
        return None
    type = operands[0].type
    lanes = b.width(operands[0]) * b.lanes
    name = f"strict.{op.name}{'.literal' * literal}.{lanes}xf{b.bits}"
    if b.is_new(name):
        b.declare(f"numpy.{op.ufunc}.f{b.bits}", "(!llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr)")
        marks = {"no_inline": ir.UnitAttr.get(), "no_unwind": ir.UnitAttr.get()}
        with b.inside():
            types = [type] * op.arity
            block = b.function(name, types, type, internal=True, attributes=marks)
            b.leave(_called(b, op, loop, list(block.arguments), lanes, literal))
    return b.call(name, operands, type)


def _called(
    b: Builder, op: Op, loop: Loop, operands: Sequence[ir.Value], lanes: int, literal: bool
) -> ir.Value:
    """What the loop gives for operands that are written in a row."""
    size = b.bits // 8
    rooms = [b.alloca(lanes, b.element_type, 64) for _ in range(op.arity + 1)]
    places = b.alloca(op.arity + 1, b.ptr)
    steps = b.alloca(op.arity + 1, b.i64)
    count = b.alloca(1, b.i64)
    for x, room in zip(operands, rooms, strict=False):
        b.store(x, room, size)
    for k, room in enumerate(rooms):
        b.store(room, b.element(places, k, b.ptr))
        step = 0 if literal and k == op.arity - 1 else size
        b.store(b.integer(step), b.element(steps, k, b.i64))
    b.store(b.integer(lanes), count)
    name = f"numpy.{op.ufunc}.f{b.bits}"
    data = b.external(f"{name}.data") if loop.data else b.build("llvm.mlir.zero", [b.ptr], [])
    b.call(name, [places, count, steps, data])
    return b.load(rooms[-1], operands[0].type, size)
