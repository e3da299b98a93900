"""Machine code that finds what a derivative flows through: `backward.interior` of large graphs.

    i64 interior(void **found, i64 newest)

`found` has by serial number each Value that has been found, at first the youngest one; afterwards
all of them, the oldest first, at its end. `interior` says how many there are, or OTHER: what is not
as the engine makes it, subclasses, ops that are not in the table and cycles, is left to Python.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from lowering.bindings import ir

from ...engine import Value
from ...opdef import OPS, Op
from ...store import Live
from ..dialect.blocks import new_module
from ..emit.builder import Builder
from ..emit.native import native
from ..target import Target
from .callable import immortal, symbols
from .cpython import Objects
from .definitions import MOST_OPERANDS
from .value_walk import NEWEST_SERIAL, OTHER, Walk

GAP = 1 << 20
"""Where so many serial numbers in a row are of no Value that counts, Python finds the rest."""
CALLED = 256
"""Entries of the table of ops, one of hashes: an op, and a bit for each operand that a derivative
flows to."""


def made() -> Callable[[Any], list[Any] | None]:
    """What gives `backward.interior` of a Value, or None where Python must find it."""
    code = _compiled()

    def interior(root: Any) -> list[Any] | None:
        newest = root._serial
        if newest >= NEWEST_SERIAL or type(root) is not Value:
            return None
        found = np.zeros(newest + 1, dtype=np.int64)
        found[newest] = id(root)
        n = code(found.ctypes.data, newest)
        if n == OTHER:
            return None
        first = found.ctypes.data + 8 * (newest + 1 - n)
        order = list((ctypes.py_object * n).from_address(first))
        order.reverse()
        return order

    return interior


def _compiled() -> Callable[[int, int], int]:
    table = np.zeros((CALLED, 2), dtype=np.int64)
    for op in OPS.values():
        if op.arity <= MOST_OPERANDS:
            _enter(table, op)
    known = dict(symbols())
    known |= {"Value": id(Value), "Live": id(Live), "_Py_NoneStruct": id(None)}
    known["flows"] = table.ctypes.data
    target = Target.host(np.float64, strict=True)

    def module() -> ir.Module:
        with new_module() as module:
            _Interior(Objects(Builder(module, target))).emit()
        return module

    code = native(module, target, ("interior",), symbols=known, opt_level=1, passes=False)
    immortal((code, table))
    kind = ctypes.PYFUNCTYPE(ctypes.c_ssize_t, ctypes.c_size_t, ctypes.c_size_t)
    function: Callable[[int, int], int] = immortal(kind(code.address("interior")))
    return function


def _enter(table: Any, op: Op) -> None:
    at = id(immortal(op)) >> 4
    while table[at % CALLED, 0]:
        at += 1
    table[at % CALLED] = id(op), sum(1 << k for k in op.differentiable)


class _Interior(Walk):
    """Appends the function to the module of `o`."""

    def emit(self) -> None:
        """Do so."""
        o, b = self.o, self.o.b
        found, newest = o.function("interior", [o.ptr, o.i64], o.i64).arguments
        head, further, none, one, done, other = (
            o.block(*[o.i64] * 4),
            *(o.block() for _ in range(5)),
        )
        o.go_to(head, newest, o.integer(1), o.integer(0), o.integer(0))
        b.enter(head)
        at, left, count, gap = head.arguments
        b.branch_if(o.compare("ne", left, 0), further, done)
        b.enter(further)
        v = b.load(o.at(found, at, o.ptr), o.ptr)
        before = o.integer_op("sub", at, 1)
        b.branch_if(o.is_null(v), none, one)
        b.enter(none)
        o.require(o.compare("ult", gap, GAP), other)
        o.go_to(head, before, left, count, o.integer_op("add", gap, 1))
        b.enter(one)
        # what has been found lies where what has been looked at was
        b.store(v, o.at(found, o.integer_op("sub", newest, count), o.ptr))
        flows = self._flows(o.pointer(v, self.places["_entry"]), other)
        operands, n = self._operands(v, other)
        for k in range(MOST_OPERANDS):
            bit = o.integer_op("and", o.integer_op("lshr", flows, k), 1)
            reached = b.build("llvm.select", [o.i64], [o.compare("eq", bit, 1), n, o.integer(0)])
            left = self._seen(found, at, left, (operands, reached, k), other)
        left, more = o.integer_op("sub", left, 1), o.integer_op("add", count, 1)
        o.go_to(head, before, left, more, o.integer(0))
        b.enter(done)
        b.leave(count)
        b.enter(other)
        b.leave(o.integer(OTHER))

    def _counts(self, x: ir.Value) -> ir.Value:
        """Whether a Value is none of the leaves."""
        entry = self.o.pointer(x, self.places["_entry"])
        return self.o.compare("ne", entry, self.o.object("_Py_NoneStruct"))

    def _flows(self, op: ir.Value, otherwise: ir.Block) -> ir.Value:
        """The bits of an op."""
        o, b = self.o, self.o.b
        first = o.integer_op("lshr", b.build("llvm.ptrtoint", [o.i64], [op]), 4)
        return o.word(o.probed(o.object("flows"), op, first, 16, CALLED - 1, otherwise), 8)
