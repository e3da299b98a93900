"""Recurrences in two dimensions -> wavefronts: a loop in order over diagonals, each a free loop.

    for i < n in order:                          for d < n + m in order:
      t[i + 1, 0] = g(t[i, 0])                     for k < beside[d]:
      for j < m in order:                            ...  at i = d
        t[i + 1, j + 1] = f(t[i, j + 1], ...)      ...  for k < counts[d]
                                                        at i = first[d] + k, j = d - i - 1

What depends on both indices needs neighbours of diagonals before alone, so the points of a diagonal
lie in lanes. What is done for each row beside its points has a column of its own. Arrays that are
seen by nobody outside are laid out by diagonals, so that they lie in a row.

Requires an optimised program; establishes one that computes the same, unless strict with sums in
another order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import numpy.typing as npt

from ..ir.extents import Entries, is_number
from ..ir.places import apart
from ..ir.program import (
    Access,
    Array,
    Loop,
    Node,
    Order,
    Part,
    Program,
    Role,
    Statement,
    map_accesses,
    map_statements,
    statements,
)
from ..target import Target
from .counts import functions, operations
from .courses import course
from .diagonals import Arranged, arranged
from .distances import Grid, grid, part_of, turned

FEWEST = 8
"""Iterations of either loop, at least."""
CALLED = 2
"""Operations to take an argument out of a vector and put a result in, where each is a call."""


def wavefronts(program: Program, target: Target) -> Program:
    """The program with those pairs of loops as wavefronts where that is cheaper."""
    if target.lanes == 1:
        return program
    found = {}
    for node in program.body:
        skew = skewed(node, target) if isinstance(node, Loop) else None
        if skew is not None:
            found[id(node)] = skew
    if not found:
        return program
    made = Diagonals(program, found)
    return made.program if made.pays(target) else program


def skewed(loop: Loop, target: Target) -> Skew | None:
    """How the points of a loop lie on diagonals, if they may run so."""
    points = grid(loop)
    if points is None or min(points.rows, points.columns) < FEWEST:
        return None
    when = arranged(points, strict=target.strict)
    return None if when is None else Skew(points, when)


@dataclass(frozen=True, slots=True)
class Skew:
    """How the members of a grid lie on diagonals."""

    points: Grid
    when: Arranged

    @property
    def first(self) -> int:
        """The number of the first diagonal, where 0 is that of the first point."""
        return min([0, *self.when.columns.values()])

    @property
    def count(self) -> int:
        """How many diagonals there are."""
        n, m = self.points.rows, self.points.columns
        return n + max([m - 1, *self.when.columns.values()]) - self.first

    def loop(self, loop: Loop, program: Program) -> Loop:
        """The loops over diagonals, and over what lies on one; with index arrays of the program.

        loop   the same as it was found, with arrays by diagonals
        """
        n, m, count = self.points.rows, self.points.columns, self.count
        d = np.arange(count) + self.first
        row = np.maximum(0, d - m + 1)
        name = f"{n}_{m}" if count == n + m - 1 else f"{n}_{m}_{count}_{-self.first}"
        first = _table(program, f"first_{name}", row)
        counts = _table(program, f"counts_{name}", np.maximum(0, np.minimum(d, n - 1) - row + 1))
        now, body = list(statements([loop])), list[Node]()
        for k in self.when.members:
            member, extent = self.points.members[k], Entries(counts, 0, (1,), min(n, m))
            column = self.when.columns.get(k)
            if column is not None:
                here = (d >= column) & (d < column + n)
                beside = _table(program, f"row_{n}_{count}_{column - self.first}", here)
                extent = Entries(beside, 0, (1,), 1)
            s = self._placed(turned(now[k]) if member.turned else now[k], column, first)
            s = replace(s, domain=(count, extent, *s.domain[member.depth :]))
            body.append(s if column is None else Loop(extent, Order.FREE, [s]))
        return Loop(count, self.points.order, body)

    def _placed(self, s: Statement, column: int | None, first: str) -> Statement:
        """The statement on diagonal d: of points at row `first[d] + k`, else of the row that runs
        with a column.
        """

        def along(a: Access | Part) -> tuple[int, tuple[int, ...]]:
            if column is not None:
                row, *rest = a.strides
                return a.offset + row * (self.first - column), (row, 0, *rest)
            row, across, *rest = a.strides
            return a.offset + across * self.first, (across, row - across, *rest)

        def place(a: Access) -> Access:
            parts = []
            for p in a.parts:
                offset, strides = along(p)
                parts.append(replace(p, offset=offset, strides=strides))
            offset, strides = along(a)
            moves = strides[1]
            if moves:
                parts.append(Part("entry", first, 0, (1, *(0,) * (len(strides) - 1)), moves))
            return Access(a.array, offset, strides, tuple(parts))

        return replace(s, target=place(s.target), expr=map_accesses(s.expr, place))


def _table(program: Program, name: str, entries: npt.ArrayLike) -> str:
    """The name of the index array: another one where a parameter has this."""
    while name in program.arrays:
        array = program.arrays[name]
        if array.is_index and array.data is not None and np.array_equal(array.data, entries):
            return name
        name += "_"
    return program.table(name, entries)


class Diagonals:
    """Makes the program of some loops over points, by their ids."""

    def __init__(self, program: Program, found: Mapping[int, Skew]) -> None:
        self.found = found
        self.program = replace(program, arrays=dict(program.arrays))
        self.wanted = {
            a.array: program.arrays[a.array]
            for skew in found.values()
            for m in (skew.points.members[k] for k in skew.when.members)
            for a in m.statement.accesses
            if m.is_point and abs(a.strides[0] - a.strides[1]) > 1
        }
        body = [part for node in program.body for part in _by_rows(node, self.wanted)]
        self.wanted = {
            name: array
            for name, array in self.wanted.items()
            if array.role is Role.TEMPORARY and len(array.shape) == 2
        }
        for s in statements(body):
            for a in s.accesses:
                if a.array in self.wanted and self._moved(a, s.domain) is None:
                    del self.wanted[a.array]
        for name, array in self.wanted.items():
            rows, columns = array.shape
            shape = (rows + columns - 1, rows)
            self.program.arrays[name] = replace(array, shape=shape)
        self.loops: list[Loop] = []
        self.program = replace(self.program, body=[x for n in body for x in self._nodes(n)])

    def _nodes(self, node: Node) -> list[Node]:
        """What a node of the program becomes, with arrays by diagonals."""

        def change(s: Statement) -> Statement:
            def place(a: Access) -> Access:
                if a.array not in self.wanted:
                    return a
                moved = self._moved(a, s.domain)
                assert moved is not None
                return moved

            return replace(s, target=place(s.target), expr=map_accesses(s.expr, place))

        (changed,) = map_statements([node], change)
        skew = self.found.get(id(node))
        if skew is None:
            return [changed]
        assert isinstance(changed, Loop)
        before, behind = (
            part_of(changed, [k in some for k in range(len(skew.points.members))])
            for some in (skew.when.before, skew.when.behind)
        )
        self.loops.append(skew.loop(changed, self.program))
        return [*before, self.loops[-1], *behind]

    def _moved(self, a: Access, domain: tuple[int, ...]) -> Access | None:
        """The same element, where diagonals lie one after the other; None if it has no place."""
        places = None
        array = self.wanted[a.array]
        if not a.parts:
            places = apart(a.offset, a.strides, [], array.shape, domain)
        if places is None:
            return None
        row, column = places
        wide = array.shape[0]

        def at(i: int, j: int) -> int:
            return (i + j) * wide + i

        strides = [at(i, j) for i, j in zip(row.strides, column.strides, strict=True)]
        return Access(a.array, at(row.offset, column.offset), tuple(strides))

    def pays(self, target: Target) -> bool:
        """Whether diagonals in vectors are cheaper than one point after the other."""
        across = along = 0.0
        for s in statements(self.loops):
            if s.domain[1] > 1:
                often = _points(s, self.program) / int(s.domain[1])
                across += often * course(s, 1, target.lanes, target.strict).cost
                points = often * prod(map(int, s.domain[1:]))
                across += CALLED * functions(s.expr) * points if target.strict else 0
                along += points * (operations(s.expr) + 1)
        return 2 * across < along


def _points(s: Statement, program: Program) -> int:
    """Of how many points of the grid a statement is."""
    count = s.domain[1]
    assert isinstance(count, Entries)
    data = program.arrays[count.array].data
    assert data is not None
    return int(np.sum(data))


def _by_rows(node: Node, arrays: Mapping[str, Array]) -> Iterator[Node]:
    """A statement that runs over elements of several rows of an array, as some over its rows."""
    a = node.target if isinstance(node, Statement) else Access("")
    array = arrays.get(a.array)
    if isinstance(node, Loop) or array is None or len(array.shape) != 2 or a.strides != (1,):
        yield node
        return
    count, columns = node.domain[0], array.shape[1]
    if not is_number(count) or any(x.parts for x in node.accesses):
        yield node
        return
    head = min(count, -a.offset % columns)
    rows, left = divmod(count - head, columns)
    for first, domain in ((0, (head,)), (head, (rows, columns)), (count - left, (left,))):
        if not all(domain):
            continue

        def part(x: Access, first: int = first, flat: bool = len(domain) == 1) -> Access:
            (stride,) = x.strides
            strides = (stride,) if flat else (stride * columns, stride)
            return Access(x.array, x.offset + stride * first, strides)

        expr = map_accesses(node.expr, part)
        yield replace(node, target=part(a), expr=expr, domain=domain)
