"""Accumulators: private copies of what every iteration of a loop adds to.

They lie in lanes, next to each other, so LLVM keeps them in registers for the whole loop where
there are enough; behind the loop they are added to their targets, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..ir.extents import is_number
from ..ir.program import Access, Statement
from ..schedule.lanes import VectorLoop
from .scratch import Memory, Scratch, layout, tiling
from .shuffles import spread, windows
from .storage import Elements, Index

MOST_SUMS = 4096
"""Numbers in one accumulator; larger targets are added to in place."""


@dataclass(slots=True)
class Accumulator:
    """A private target of a statement.

    lane    the dimension of the statement that lies along its rows
    width   how many partial sums each element has: those of the lanes of a vector, or 1
    """

    scratch: Scratch
    statement: Statement
    lane: int
    width: int


class Accumulators:
    """The accumulators of one loop.

    A sum over lanes has two: one with a partial sum per lane, for full vectors, and one of single
    numbers for what is left. `padded`: nothing is left of run-time extents.
    """

    def __init__(self, memory: Memory, loop: VectorLoop, padded: bool) -> None:
        self.memory = memory
        self.loop = loop
        self.padded = padded or is_number(loop.group.count)
        self.wide: dict[int, Accumulator] = {}
        self.single: dict[int, Accumulator] = {}

    def prepare(self, s: Statement, lane: int | None) -> None:
        """Give the statement what it needs, if its target is the same for every iteration."""
        if s.accumulate is None or s.target.strides[0] or s.target.parts:
            return
        group = self.loop.group
        if group.in_turn and any(
            a.array == s.target.array
            for other in group.statements
            for a in other.accesses[other.accumulate is not None :]
        ):
            return  # what is added may be read in the next iteration
        width = self.loop.width
        along = lane or 0
        strides, size = layout(s.target, s.domain, along, width)
        if size > MOST_SUMS:
            return
        over_lanes = lane is not None and not s.target.strides[lane]
        if over_lanes and s.domain[along] >= width:
            wide = tuple(d * width for d in strides)
            self.wide[id(s)] = self._new(s, wide, size * width, along, width)
        aligned = self.loop.across and self.loop.block % width == 0 and self.padded
        if not over_lanes or s.domain[along] % width or (lane == 0 and not aligned):
            self.single[id(s)] = self._new(s, strides, size, along, 1)

    def _new(
        self, s: Statement, strides: tuple[int, ...], size: int, lane: int, width: int
    ) -> Accumulator:
        memory, b = self.memory, self.memory.b
        base = memory.storage.allocate(size)
        scratch = Scratch(base, ("sum", id(s), width), strides)
        whole = Scratch(base, scratch.name, (1,))
        zero = b.constant(-0.0)
        for box, wide in tiling([size], 0, self.loop.width):
            for at in memory.points(box):
                memory.store(whole, at, b.splat(zero, wide), wide)
        memory.forget()
        return Accumulator(scratch, s, lane, width)

    def find(self, s: Statement, width: int) -> Accumulator | None:
        """Where a statement adds a value `width` lanes wide."""
        over_lanes = id(s) in self.wide
        if over_lanes and width == self.loop.width:
            return self.wide[id(s)]
        return self.single.get(id(s))

    def flush(self) -> None:
        """Add every accumulator to its target."""
        for accumulator in [*self.wide.values(), *self.single.values()]:
            with self.memory.b.made_for(accumulator.statement):
                self._flush(accumulator)

    def _flush(self, accumulator: Accumulator) -> None:
        memory, b = self.memory, self.memory.b
        s, lane = accumulator.statement, accumulator.lane
        dims = [d for d in range(1, len(s.domain)) if s.target.strides[d]]
        lane_at = dims.index(lane) if lane in dims and accumulator.width == 1 else None
        for box, width in tiling([s.domain[d] for d in dims], lane_at, self.loop.width):
            for index in memory.points(box):
                at: list[Index] = [(0, None)] * len(s.domain)
                for d, i in zip(dims, index, strict=True):
                    at[d] = i
                value = memory.load(accumulator.scratch, at, max(width, accumulator.width))
                if accumulator.width > 1:
                    value = b.add_lanes(value)
                self._add(s.target, value, memory.elements(s.target, at, lane, width))
        memory.forget()

    def _add(self, target: Access, value: Any, elements: Elements) -> None:
        """Add to a target in memory; to elements a few places apart as to whole vectors."""
        memory, b = self.memory, self.memory.b
        found = windows(elements, memory.storage.program.arrays[target.array].size)
        if not found:
            memory.storage.add(target, value, elements)
        nothing = b.splat(b.constant(-0.0), elements.width)
        for window in found:
            row = Elements((window.start, elements.index[1]), 1, elements.width)
            memory.storage.add(target, spread(b, window, value, nothing), row)
