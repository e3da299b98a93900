"""Sums over the iterations of a nest that lie in lanes: lane by lane, and their lanes behind it."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from ...ops import Op
from ..ir.extents import Affine, Entries
from ..ir.program import (
    Access,
    Array,
    Node,
    Program,
    Role,
    Statement,
    map_statements,
    row_major,
)
from ..passes.reaching import fresh
from .courses import depends, reorders, varies
from .nest import Nest

MOST_NUMBERS = 1 << 16
"""Numbers that all lanes of the sums may have."""


class LaneSums:
    """A nest whose sums over its outermost loop go into arrays with a number for each lane.

    nest    on those arrays, which are tiles that all iterations share
    first   statements before it, which begin the sums
    last    statements behind it, which add up the lanes
    width   lanes that they have: those of one vector, also where several run at once
    """

    def __init__(self, arrays: dict[str, Array], nest: Nest, width: int) -> None:
        self.program = Program(arrays)
        self.width = width
        self.lanes: dict[str, int] = {}
        self.first: list[Node] = []
        self.last: list[Node] = []
        self.left = MOST_NUMBERS
        self.whole: dict[tuple[str, Op], str] = {}
        self.tiles = dict(nest.tiles)
        body = map_statements(nest.body, self._change)
        self.nest = replace(nest, body=body, tiles=self.tiles, lanes=self.lanes)

    def _change(self, s: Statement) -> Statement:
        op, target = s.accumulate, s.target
        if op is None or target.array in self.tiles or varies(target, 0):
            return s
        if not reorders(op, strict=False) or op.identity is None:
            return s
        array = self.program.arrays[target.array]
        kept = [d for d in range(1, len(s.domain)) if varies(target, d)]
        if target.parts and array.size <= prod(int(s.domain[d]) for d in kept):
            return self._of_array(s, op, array)
        gone = [d for d in range(len(s.domain)) if d not in kept]
        counts = tuple(int(s.domain[d]) for d in kept)
        size = prod(counts)
        if size * self.width > self.left or any(
            depends(s.domain[d], g) for d in kept for g in gone
        ):
            return s
        self.left -= size * self.width
        name = fresh(self.program, f"lanes_{target.array}")
        self.program.declare(name, Role.TEMPORARY, (size, self.width))
        self.tiles[name], self.lanes[name] = size, self.width
        self.first.append(s.beside(Access(name, 0, (1,)), float(op.identity), (size * self.width,)))
        strides = dict(zip(kept, row_major(counts), strict=True))
        own = Access(name, 0, tuple(strides.get(d, 0) for d in range(len(s.domain))))
        domain = tuple(_without(s.domain[d], kept) for d in kept)
        lanes = tuple(self.width * d for d in row_major(counts))
        behind = target.with_strides(lambda x: (*(x[d] for d in kept), 0))
        source = Access(name, 0, (*lanes, 1))
        self.last.append(s.beside(behind, source, (*domain, self.width), op))
        return replace(s, target=own)

    def _of_array(self, s: Statement, op: Op, array: Array) -> Statement:
        """The statement, whose target has lanes for each of its elements."""
        name = self.whole.get((array.name, op))
        if name is None:
            if array.size * self.width > self.left:
                return s
            self.left -= array.size * self.width
            name = fresh(self.program, f"lanes_{array.name}")
            self.program.declare(name, Role.TEMPORARY, (array.size, self.width))
            self.whole[array.name, op] = name
            self.tiles[name], self.lanes[name] = array.size, self.width
            begin = Access(name, 0, (1,))
            self.first.append(s.beside(begin, float(op.identity or 0), (array.size * self.width,)))
            lanes = Access(name, 0, (self.width, 1))
            domain = array.size, self.width
            self.last.append(s.beside(Access(array.name, 0, (1, 0)), lanes, domain, op))
        return replace(s, target=replace(s.target, array=name))


def _without(count: int, kept: list[int]) -> int:
    """A trip count inside of these loops alone."""
    if isinstance(count, Affine | Entries):
        strides = tuple(count.strides[d] for d in kept if d < len(count.strides))
        if isinstance(count, Affine):
            return Affine(count.offset, strides, int(count))
        return Entries(count.array, count.offset, strides, int(count))
    return count
