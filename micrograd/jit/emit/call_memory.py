"""Memory that lives for one call of a function: on its stack while that is little, else the heap.

A thread's stack is a few megabytes at most, and whoever calls has used some of it; a program's
temporaries may be larger than that.
"""

from __future__ import annotations

from typing import Any

from lowering.bindings import ir

from .blocks import DYNAMIC_INDEX, declare
from .builder import Builder

STACK_BYTES = 256 * 1024
"""Bytes that a function takes on its stack at most."""
ALIGNMENT = 64
"""Where memory begins: at a cache line, which no vector is longer than."""


class CallMemory:
    """Memory for the function that `entry` begins.

    Whoever ends the function calls `release` before each return.
    """

    def __init__(self, builder: Builder, entry: ir.Block) -> None:
        self.b = builder
        self.entry = entry
        self.on_stack = 0
        self.on_heap: list[ir.Value] = []

    def allocate(self, count: int, type: ir.Type, size: int) -> ir.Value:
        """The address of `count` elements of a type that takes `size` bytes.

        What allocates it stands at the beginning of the function, so all of the code may use it.
        """
        b = self.b
        here = b.block
        if self.on_stack + count * size <= STACK_BYTES:
            self.on_stack += count * size
            attributes = {
                "elem_type": ir.TypeAttr.get(type),
                "alignment": ir.IntegerAttr.get(b.i64, ALIGNMENT),
            }
            address = self._first("llvm.alloca", [b.ptr], [self._constant(count)], attributes)
        else:
            address = self._from_heap(count * size)
        b.enter(here)
        return address

    def _from_heap(self, size: int) -> ir.Value:
        """The first cache line in what `malloc` gives."""
        b = self.b
        for name, signature in (("malloc", "(i64) -> !llvm.ptr"), ("free", "(!llvm.ptr)")):
            if b.is_new(name):
                declare(b.module, f"@{name}{signature}")
        room = self._constant(size + ALIGNMENT - 1)
        given = self._first("llvm.call", [b.ptr], [room], b.callee("malloc", 1))
        self.on_heap.append(given)
        address = self._first("llvm.ptrtoint", [b.i64], [given])
        below = self._first("llvm.sub", [b.i64], [self._constant(0), address])
        short = self._first("llvm.and", [b.i64], [self._constant(ALIGNMENT - 1), below])
        dynamic = {
            "rawConstantIndices": ir.DenseI32ArrayAttr.get([DYNAMIC_INDEX]),
            "elem_type": ir.TypeAttr.get(ir.IntegerType.get_signless(8)),
        }
        return self._first("llvm.getelementptr", [b.ptr], [given, short], dynamic)

    def release(self) -> None:
        """Free what was taken from the heap."""
        for address in self.on_heap:
            self.b.build("llvm.call", [], [address], self.b.callee("free", 1))

    def _constant(self, n: int) -> ir.Value:
        b = self.b
        b.enter_at_start(self.entry)
        number = {"value": ir.IntegerAttr.get(b.i64, n)}
        return b.build("llvm.mlir.constant", [b.i64], [], number)

    def _first(
        self, name: str, results: list[ir.Type], operands: list[ir.Value], attributes: Any = None
    ) -> ir.Value:
        """An operation right behind its last operand, which no other one follows."""
        self.b.enter_at_start(self.entry, after=operands[-1].owner)
        return self.b.build(name, results, operands, attributes)
