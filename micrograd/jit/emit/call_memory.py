"""Memory that lives for one call of a function: on its stack while that is little, else the heap.

A thread's stack is a few megabytes at most, and whoever calls has used some of it; a program's
temporaries may be larger than that.
"""

from __future__ import annotations

from lowering.bindings import ir

from ...memory import require_for_code
from .builder import Builder
from .data import STACK_BYTES

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
        self.from_heap = 0

    def allocate(self, count: int, type: ir.Type, size: int) -> ir.Value:
        """The address of `count` elements of a type that takes `size` bytes.

        What allocates it stands at the beginning of the function, so all of the code may use it.
        """
        with self.b.inside(ir.InsertionPoint.at_block_begin(self.entry)):
            if self.on_stack + count * size > STACK_BYTES:
                return self._from_heap(count * size)
            self.on_stack += count * size
            return self.b.alloca(count, type, ALIGNMENT)

    def _from_heap(self, size: int) -> ir.Value:
        """The first cache line in what `malloc` gives."""
        self.from_heap += size
        require_for_code(self.from_heap)
        b = self.b
        word = ir.IntegerType.get_signless(b.target.processor.family.pointer_bits)
        b.declare("malloc", f"({word}) -> !llvm.ptr")
        b.declare("free", "(!llvm.ptr)")
        room = b.constant_op(ir.IntegerAttr.get(word, size + ALIGNMENT - 1), word)
        given = b.call("malloc", [room], b.ptr)
        self.on_heap.append(given)
        address = b.build("llvm.ptrtoint", [b.i64], [given])
        below = b.integer_op("llvm.sub", b.integer(0), address)
        short = b.integer_op("llvm.and", b.integer(ALIGNMENT - 1), below)
        return b.offset(given, short, ir.IntegerType.get_signless(8))

    def release(self) -> None:
        """Free what was taken from the heap."""
        for address in self.on_heap:
            self.b.call("free", [address])
