"""Recurrences in two dimensions -> wavefronts: a loop in order over diagonals, each a free loop.

    for i < n in order:                          for d < n + m - 1 in order:
      for j < m in order:                          for k < counts[d]:
        t[i + 1, j + 1] = f(t[i, j + 1], ...)        ...  at i = first[d] + k, j = d - i

What depends on both indices needs neighbours of diagonals before alone, so the points of a diagonal
lie in lanes. Arrays that nobody outside sees are laid out by diagonals, so that they lie in a row.

Requires an optimised program; establishes one that computes the same, with sums in another order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

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
from .counts import operations
from .courses import course
from .distances import by_diagonals

FEWEST = 8
"""Iterations of either loop, at least."""


def wavefronts(program: Program, target: Target) -> Program:
    """The program with those pairs of loops as wavefronts where that is cheaper."""
    if target.strict or target.lanes == 1:
        return program
    found = [node for node in program.body if isinstance(node, Loop) and _is_pair(node)]
    found = [loop for loop in found if by_diagonals(loop)]
    if not found:
        return program
    made = Diagonals(program, found)
    return made.program if made.pays(target.lanes) else program


def _is_pair(loop: Loop) -> bool:
    """Whether it is two loops of one order around points, and nothing else."""
    if loop.order is Order.FREE or len(loop.body) != 1 or not isinstance(loop.body[0], Loop):
        return False
    inner = loop.body[0]
    counts = (loop.extent, inner.extent)
    return (
        inner.order is loop.order
        and all(map(is_number, counts))
        and min(counts) >= FEWEST
        and all(isinstance(s, Statement) and s.domain == counts for s in inner.body)
    )


@dataclass(frozen=True, slots=True)
class _Skew:
    """How the points of two loops lie on diagonals: index arrays of first rows, and of counts."""

    rows: int
    columns: int
    first: str
    counts: str

    @property
    def diagonals(self) -> int:
        """How many there are."""
        return self.rows + self.columns - 1

    def access(self, a: Access) -> Access:
        """The access at row `first[d] + k` of diagonal d."""
        row, column = a.strides
        moves = row - column
        parts = [replace(p, strides=(p.strides[1], 0)) for p in a.parts]
        if moves:
            parts.append(Part("entry", self.first, 0, (1, 0), moves))
        return Access(a.array, a.offset, (column, moves), tuple(parts))

    def loop(self, loop: Loop) -> Loop:
        """The loops over diagonals, and over what lies on one."""
        most = min(self.rows, self.columns)
        along = Entries(self.counts, 0, (1,), most)

        def change(s: Statement) -> Statement:
            return replace(
                s,
                target=self.access(s.target),
                expr=map_accesses(s.expr, self.access),
                domain=(self.diagonals, along),
            )

        body: list[Node] = [change(s) for s in statements([loop])]
        return Loop(self.diagonals, loop.order, [Loop(along, Order.FREE, body)])


class Diagonals:
    """Makes the program of some pairs of loops."""

    def __init__(self, program: Program, found: Sequence[Loop]) -> None:
        self.before, self.found = program, found
        self.shapes: dict[str, tuple[int, int]] = {}
        self.program = replace(program, arrays=dict(program.arrays))
        self.wanted = {
            a.array: program.arrays[a.array]
            for loop in found
            for s in statements([loop])
            for a in s.accesses
            if abs(a.strides[0] - a.strides[1]) > 1
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
        self.program = replace(self.program, body=[self._node(node) for node in body])

    def _node(self, node: Node) -> Node:
        """A node of the program, with arrays by diagonals."""

        def change(s: Statement) -> Statement:
            def place(a: Access) -> Access:
                if a.array not in self.wanted:
                    return a
                moved = self._moved(a, s.domain)
                assert moved is not None
                return moved

            return replace(s, target=place(s.target), expr=map_accesses(s.expr, place))

        (changed,) = map_statements([node], change)
        if not any(node is loop for loop in self.found):
            return changed
        assert isinstance(changed, Loop)
        (inner,) = changed.body
        assert isinstance(inner, Loop)
        skew = self._skew(int(changed.extent), int(inner.extent))
        self.loops.append(skew.loop(changed))
        return self.loops[-1]

    def _skew(self, rows: int, columns: int) -> _Skew:
        """The index arrays of loops of these counts, which are entered once."""
        d = np.arange(rows + columns - 1)
        first = np.maximum(0, d - columns + 1)
        counts = np.minimum(d, rows - 1) - first + 1
        names = []
        for name, entries in (("first", first), ("counts", counts)):
            name = f"{name}_{rows}_{columns}"
            if name not in self.program.arrays:
                name = self.program.table(name, entries)
            names.append(name)
        return _Skew(rows, columns, *names)

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

    def pays(self, width: int) -> bool:
        """Whether diagonals in vectors are cheaper than one point after the other."""
        across = along = 0.0
        for loop in self.loops:
            for s in statements([loop]):
                most = int(s.domain[1])
                points = _points(s, self.program)
                across += course(s, 1, width, strict=False).cost * points / most
                along += points * (operations(s.expr) + 1)
        return 2 * across < along


def _points(s: Statement, program: Program) -> int:
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
