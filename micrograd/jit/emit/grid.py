"""Functions that threads of a grid run, and what these compute with the numbers that say which
thread they are.

A grid has blocks of THREADS threads. Functions go through *phases*: the threads of a block wait for
each other between two. Where a processor runs grids, a function is one that it launches; elsewhere
it does what all threads do, one after the other, phase by phase, so that the same code can be tried
on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from lowering.bindings import ir

from .builder import Builder

THREADS = 128
"""The threads of a block."""
UNROLLED = 12
"""An array of more numbers is read and written in a loop."""

Phase: TypeAlias = Callable[[Sequence[Any], "Place"], None]


class Place:
    """Which thread of a grid it is: numbers of type i64.

    n        how many points there are
    blocks   how many blocks
    block    which of them
    thread   which thread of that
    """

    def __init__(self, n: Any, blocks: Any, block: Any, thread: Any) -> None:
        self.n, self.blocks, self.block, self.thread = n, blocks, block, thread


class Grid:
    """Emits functions of a grid."""

    def __init__(self, builder: Builder) -> None:
        self.b = builder

    def function(self, name: str, pointers: int, phases: Sequence[Phase]) -> None:
        """A function of so many pointers, `n` and `blocks`, of these phases."""
        b = self.b
        types = [b.ptr] * pointers + [b.i64, b.i64]
        for k, phase in enumerate(phases):
            b.function(f"{name}.{k}", [*types, b.i64, b.i64], internal=True)
            *given, n, blocks, block, thread = b.block.arguments
            phase(given, Place(n, blocks, block, thread))
            b.leave()
        grid = b.target.grid
        if grid is None:
            self._one_by_one(name, types, len(phases))
            return
        convention = ir.Attribute.parse(f"#llvm.cconv<{grid.convention}>")
        b.function(name, types, attributes={"CConv": convention})
        given = list(b.block.arguments)
        block, thread = (self._number(x) for x in (grid.block, grid.thread))
        for k in range(len(phases)):
            if k:
                self._wait()
            b.call(f"{name}.{k}", [*given, block, thread])
        b.leave()

    def _one_by_one(self, name: str, types: Sequence[ir.Type], phases: int) -> None:
        """The same for all blocks, by one thread for all."""
        b = self.b
        b.function(name, types)
        given = list(b.block.arguments)
        with b.each(given[-1]) as block:
            for k in range(phases):
                with b.loop(b.integer(THREADS)) as thread:
                    b.call(f"{name}.{k}", [*given, block, thread])
        b.leave()

    def _number(self, intrinsic: str) -> Any:
        b = self.b
        b.declare(intrinsic, "() -> i32")
        return b.build("llvm.zext", [b.i64], [b.call(intrinsic, [], b.i32)])

    def _wait(self) -> None:
        """Wait for the other threads of the block, and see what they have written."""
        b = self.b
        assert b.target.grid is not None
        for name, numbers in b.target.grid.barrier:
            if name.startswith("llvm."):
                b.declare(name, f"({', '.join('i32' for _ in numbers)})")
                b.call(name, [b.constant_integer(n, b.i32) for n in numbers])
            else:
                ordering = ir.IntegerAttr.get(b.i64, {"acquire": 4, "release": 5}[name])
                among = {"ordering": ordering, "syncscope": ir.StringAttr.get("workgroup")}
                b.build("llvm.fence", [], [], among)

    # -- numbers -------------------------------------------------------------------------------

    @contextmanager
    def numbers(self, size: int) -> Iterator[list[Any]]:
        """Every place of an array of so many numbers; many of them by a loop."""
        b = self.b
        if size <= UNROLLED:
            yield [b.integer(k) for k in range(size)]
            return
        with b.loop(b.integer(size)) as k:
            yield [k]

    @contextmanager
    def count(self, first: Any, step: Any, end: Any) -> Iterator[Any]:
        """How many numbers there are from the first on, step by step, below the end; if any."""
        b = self.b
        with b.when(b.compare_integers("slt", first, end)):
            rest = b.integer_op("llvm.sub", b.integer_op("llvm.sub", end, first), b.integer(1))
            yield b.integer_op("llvm.add", b.integer_op("llvm.udiv", rest, step), b.integer(1))

    @contextmanager
    def every(self, first: Any, step: Any, end: Any) -> Iterator[Any]:
        """Each of them."""
        b = self.b
        with self.count(first, step, end) as count, b.loop(count) as k:
            yield b.integer_op("llvm.add", first, b.integer_op("llvm.mul", k, step))

    def sum(self, count: Any, base: Any, first: Any, step: Any) -> Any:
        """The sum of so many numbers, at least one, in order."""
        b = self.b

        def add(k: Any, carried: list[Any]) -> list[Any]:
            at = b.integer_op("llvm.add", first, b.integer_op("llvm.mul", k, step))
            return [b.add(carried[0], b.load(b.element(base, at, b.number), b.number))]

        return b.loop_carried(count, [b.constant(0.0)], add)[0]

    def thread(self, place: Place) -> Any:
        """Which thread of the grid it is."""
        return self.b.integer_op("llvm.add", self.times(place.block, THREADS), place.thread)

    def times(self, x: Any, factor: int) -> Any:
        return self.b.integer_op("llvm.mul", x, self.b.integer(factor))
