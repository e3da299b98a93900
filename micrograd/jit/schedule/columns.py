"""Triangles row by row -> column by column, with the rows side by side.

    for i < n in order:                       for j < n in order:
      for j < i in order:                       b[j]
        a[i, j]                                 for i < n - j - 1:
      b[i]                                        a[j + 1 + i, j]

Factorizations and substitutions fill a triangle row by row, each number from those on its left: one
long chain. Where a number needs no other of its column, a column is a free loop, whose points lie
in lanes. Arrays that nobody outside sees are turned, so that columns lie in a row.

Each statement of the triangle has a loop of its own over the rows. That every number is set, added
to and read in this order still is looked at for every point. Sums are in another order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from ..ir.extents import Affine, Entries, Extent, is_number
from ..ir.points import Ints, Unknown, counted, elements, points
from ..ir.program import (
    Access,
    Loop,
    Node,
    Order,
    Program,
    Role,
    Statement,
    accesses,
    map_accesses,
    statements,
)
from ..target import Target
from .across import LATENCY
from .courses import course, reorders
from .nest import paths
from .turning import LARGEST_BOX, MOST_POINTS, turned

FEWEST_VECTORS = 2
"""Vectors of rows, at least."""


def by_columns(program: Program, target: Target) -> Program:
    """The program with its triangles by columns where that gives the same."""
    if target.strict or target.lanes == 1:
        return program
    body: list[Node] = []
    triangles = []
    for node in program.body:
        triangle = _triangle(node) if isinstance(node, Loop) else None
        long = triangle is not None and triangle.rows >= FEWEST_VECTORS * target.lanes
        if triangle is None or not long or not _keeps_order(triangle, program):
            body.append(node)
        else:
            triangles.append(triangle)
            body += triangle.nodes()
    if not triangles:
        return program
    after = turned(replace(program, body=body), [t.columns for t in triangles])
    return after if _cost(after, target.lanes) < _cost(program, target.lanes) else program


def _keeps_order(triangle: Triangle, program: Program) -> bool:
    """Whether it may go by columns, as far as that is known before the code runs."""
    try:
        return triangle.keeps_order(program)
    except Unknown:
        return False


def _cost(program: Program, width: int) -> float:
    """Vector operations; in loops in order around others, each waits for the one before it."""
    total = 0.0
    for s, path in paths(program.body):
        waits = LATENCY if len(path) > 1 else 1.0
        around = prod(map(int, s.domain[: len(path)]))
        total += waits * around * course(s, len(path), width, strict=False).cost
    return total


def _triangle(loop: Loop) -> Triangle | None:
    """The triangle that a loop in order fills, if that is what it does."""
    inner = [k for k, node in enumerate(loop.body) if isinstance(node, Loop)]
    if loop.order is Order.FREE or not is_number(loop.extent) or len(inner) != 1:
        return None
    at = inner[0]
    row = loop.body[at]
    assert isinstance(row, Loop)
    if row.order is not loop.order or not isinstance(row.extent, Affine):
        return None
    if row.extent.strides != (1,) or row.extent.offset not in (0, 1):
        return None
    counts = [c for s in statements([loop]) for c in s.domain]
    known = not any(isinstance(c, Extent) for c in counts)
    return Triangle(loop, at, row) if known and _is_flat(row) else None


def _is_flat(row: Loop) -> bool:
    return all(isinstance(s, Statement) for s in row.body)


@dataclass(slots=True)
class Triangle:
    """A loop in order over rows; in its body, at `at`, the loop along a row, in the same order."""

    loop: Loop
    at: int
    row: Loop
    columns: list[Statement] = field(init=False)

    def __post_init__(self) -> None:
        self.columns = [_column(s, self.diagonal) for s in statements([self.row])]

    @property
    def diagonal(self) -> int:
        """1 if the diagonal is part of the rows, else 0."""
        assert isinstance(self.row.extent, Affine)
        return self.row.extent.offset

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.loop.extent

    @property
    def forward(self) -> bool:
        """Whether from the first row to the last."""
        return self.loop.order is Order.FORWARD

    @property
    def _beside(self) -> tuple[list[Statement], list[Statement]]:
        """What is done for each row before its numbers, and after them."""
        before, after = self.loop.body[: self.at], self.loop.body[self.at + 1 :]
        return list(statements(before)), list(statements(after))

    def nodes(self) -> list[Node]:
        """The loop over columns, and one over rows for what comes first or last of all."""
        before, after = self._beside
        order, n = self.loop.order, self.rows
        apart, with_them = (before, after) if self.forward else (after, before)
        early = self.forward is not bool(self.diagonal)
        inside = [*with_them, *self.columns] if early else [*self.columns, *with_them]
        loops: list[Node] = [Loop(n, order, list(inside))]
        alone: list[Node] = [Loop(n, order, list(apart))] if apart else []
        return [*alone, *loops] if self.forward else [*loops, *alone]

    def keeps_order(self, program: Program) -> bool:
        """Whether every number is set before it is added to, and that before it is read, row by
        row and column by column.
        """
        every = list(statements([self.loop]))
        if sum(s.points for s in every) > LARGEST_BOX:  # they would take memory to be counted
            return False
        if sum(counted(s.domain, program) for s in every) > MOST_POINTS:
            return False
        written = {s.target.array for s in every}
        if any(program.arrays[name].role is Role.STATE for name in written):
            return False
        ops = {(s.target.array, s.accumulate) for s in every if s.accumulate is not None}
        if not all(reorders(op, strict=False) for _, op in ops) or len(dict(ops)) < len(ops):
            return False
        events = [_Events(program.arrays[name].size, name) for name in written]
        for s, now, then in self._times(program):
            for event in events:
                event.count(s, now, then, program)
        return all(event.in_order for event in events)

    def _times(self, program: Program) -> Iterator[tuple[Statement, Ints, Ints]]:
        """When every point of every statement runs: now, row by row, and then."""
        before, after = self._beside
        inside = list(statements([self.row]))
        n, k = self.rows, len(before) + len(inside) + len(after) + 1
        for number, s in enumerate([*before, *inside, *after]):
            columns = points(s.domain, program)
            i = columns[0] if self.forward else n - 1 - columns[0]
            along = number >= len(before) and number < len(before) + len(inside)
            if along:
                j = columns[1] if self.forward else n - 1 - columns[1]
                place = j * k + number
                then = j * k + number
                if not self.diagonal:
                    then += k if self.forward else -k
                now = i * (n + 2) * k + k + place
            else:
                first = number < len(before)
                now = i * (n + 2) * k + (number if first else (n + 1) * k + number)
                away = first is self.forward
                then = i * k + number + (0 if not away else -2 * n * k if first else 2 * n * k)
            yield s, now, then


class _Events:
    """When the elements of an array are set, added to and read, now and then."""

    def __init__(self, size: int, name: str) -> None:
        self.name = name
        low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
        self.set = np.full((2, size), low)
        self.first = np.full((2, size), high)
        self.last = np.full((2, size), low)
        self.read = np.full((2, size), high)

    def count(self, s: Statement, now: Ints, then: Ints, program: Program) -> None:
        """Count a statement in."""
        for which, times in enumerate((now, then)):
            if s.target.array == self.name:
                where = np.broadcast_to(elements(s.target, s.domain, program), times.shape)
                if s.accumulate is None:
                    np.maximum.at(self.set[which], where, times)
                else:
                    np.minimum.at(self.first[which], where, times)
                    np.maximum.at(self.last[which], where, times)
            for a in dict.fromkeys(accesses(s.expr)):
                if a.array == self.name:
                    where = np.broadcast_to(elements(a, s.domain, program), times.shape)
                    np.minimum.at(self.read[which], where, times)

    @property
    def in_order(self) -> bool:
        """Whether each is set, then added to, then read, in both orders."""
        ready = np.maximum(self.set, self.last)
        return bool((self.set < self.first).all() and (ready < self.read).all())


def _column(s: Statement, diagonal: int) -> Statement:
    """The statement of a row's number, inside of a loop over columns, with one over rows."""
    first = 1 - diagonal

    def swap(strides: tuple[int, ...]) -> tuple[int, ...]:
        return (strides[0] + strides[1], strides[0], *strides[2:])

    def move(a: Access) -> Access:
        parts = tuple(
            [
                replace(p, offset=p.offset + first * p.strides[0], strides=swap(p.strides))
                for p in a.parts
            ]
        )
        return Access(a.array, a.offset + first * a.strides[0], swap(a.strides), parts)

    def extent(count: int) -> int:
        if not isinstance(count, Affine | Entries):
            return count
        strides = (*count.strides, 0, 0)[: max(2, len(count.strides))]
        offset, moved = count.offset + first * strides[0], swap(strides)
        if isinstance(count, Affine):
            return Affine(offset, moved, int(count))
        return Entries(count.array, offset, moved, int(count))

    n = s.domain[0]
    domain = (n, Affine(n - first, (-1,), n - first), *map(extent, s.domain[2:]))
    return replace(s, target=move(s.target), expr=map_accesses(s.expr, move), domain=domain)
