"""Tangents along all unit directions -> the same without what is zero, off a diagonal.

Where a program does the same for many things that have little to do with each other, as residuals
of observations, most directions reach one of them each: a matrix of tangents has a number for each
direction and each element, and only squares along its diagonal are not zero. Then a statement runs
along the diagonal, square by square; of arrays that are touched only there, the squares are kept:

    d_b[i, j] = mul(d_a[i, j], c[j])     for i < 80, j < 120
    d_b[i, j, k] = mul(d_a[i, j, k], c[3*i + k])  for i < 40, j < 2, k < 3

What is zero is found out for each point, from what the directions begin with. It is left out, and
not multiplied, for 0 * inf is nan; what is added up is added up in the same order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from math import gcd, prod

import numpy as np

from ..ir.extents import is_number
from ..ir.nests import Ints
from ..ir.points import Unknown
from ..ir.program import Access, Expr, Loop, Program, Statement, accesses, map_accesses
from .direction_reach import DirectionReach, guarded
from .reaching import Bools

MOST_POINTS = 1 << 22
"""Points of the statements with directions, up to which it is looked for zeros."""


@dataclass(frozen=True, slots=True)
class Squares:
    """So many squares along the diagonal of the loop of directions, the outermost one of a
    statement, and its loop `d`.
    """

    count: int
    d: int

    def sizes(self, domain: tuple[int, ...]) -> tuple[int, int]:
        """How many iterations of both loops are in a square."""
        return domain[0] // self.count, domain[self.d] // self.count

    def domain(self, domain: tuple[int, ...]) -> tuple[int, ...]:
        """The loops: over squares, then those over what is in one, and the others."""
        high, wide = self.sizes(domain)
        return (self.count, high, *domain[1 : self.d], wide, *domain[self.d + 1 :])

    def strides(self, strides: tuple[int, ...], domain: tuple[int, ...]) -> tuple[int, ...]:
        """The strides of an access over these loops."""
        high, wide = self.sizes(domain)
        return (high * strides[0] + wide * strides[self.d], *strides)


def along_diagonals(program: Program, tangents: Collection[str], count: int) -> Program:
    """The program with the statements of these arrays along diagonals, where that is possible, and
    with conditions where directions that do not reach a tangent are left.

    tangents   the arrays that have a number for each of `count` directions; statements that set
               them have the loop of directions outermost, but for loops in order
    """
    own = [s for s in program.statements if s.target.array in tangents]
    known = all(is_number(c) for s in own for c in s.domain)
    if not known or sum(s.points for s in own) > MOST_POINTS:
        return program
    try:
        reach = DirectionReach(program, tangents)
    except Unknown:
        return program
    if any(isinstance(node, Loop) for node in program.body):
        return guarded(program, reach)
    return _Diagonals(program, reach, tangents, count).program


class _Diagonals:
    """Which statements run along diagonals, and the program in which they do."""

    def __init__(
        self, program: Program, reach: DirectionReach, tangents: Collection[str], count: int
    ) -> None:
        self.before = program
        self.reach = reach
        self.tangents = tangents
        self.count = count
        self.squares: dict[int, Squares] = {}
        self.kept: Mapping[str, int] = {}
        self.choices = {
            id(s): self._squares(reach.points[id(s)], s.domain)
            for s in program.statements
            if id(s) in reach.points
        }
        try:
            self._choose()
            self.kept = self._arrays_of_squares()
        except Unknown:
            self.squares = {}
        self.program = self._made()

    def _made(self) -> Program:
        """The program, along diagonals, and with conditions where these are not all."""
        result = Program(dict(self.before.arrays))
        for name, squares in self.kept.items():
            array = result.arrays[name]
            shape = (squares, self.count // squares, array.size // self.count // squares)
            result.arrays[name] = replace(array, shape=shape)
        for s in self.before.statements:
            expr = s.expr
            if id(s) in self.reach.points:
                expr = self.reach.guarded(s, self._inside(s), result)
            result.body.append(self._changed(s, expr))
        return result

    def _squares(self, live: Bools, domain: tuple[int, ...]) -> list[Squares]:
        """The squares along a diagonal that all else may be zero beside, the most last."""
        grid = live.reshape(domain)
        found = []
        for d in range(1, len(domain)):
            others = tuple(k for k in range(1, len(domain)) if k != d)
            flat: Bools = np.logical_or.reduce(grid, axis=others)
            most = gcd(self.count, domain[d])
            divisors = [n for n in range(2, most + 1) if most % n == 0]
            found += [Squares(n, d) for n in divisors if _is_diagonal(flat, n)]
        return sorted(found, key=lambda x: x.count)

    # -- what is needed ------------------------------------------------------------------------

    def _elements(self, a: Access, s: Statement) -> Ints:
        """The element at every point of a statement."""
        return self.reach.elements(a, s.domain)

    def _inside(self, s: Statement) -> Bools:
        """At which points a statement runs."""
        found = self.squares.get(id(s))
        inside = np.ones(s.domain, dtype=bool)
        if found is not None:
            high, wide = found.sizes(s.domain)
            rows, columns = (
                np.arange(c).reshape([-1 if k == d else 1 for k in range(len(s.domain))])
                for d, c in ((0, s.domain[0]), (found.d, s.domain[found.d]))
            )
            inside &= rows // high == columns // wide
        return inside.reshape(-1)

    def _choose(self) -> None:
        """Take the most squares with which all zeros that are read are set."""
        self.squares = {key: found[-1] for key, found in self.choices.items() if found}
        while True:
            read = self._read()
            missed = [
                s
                for s in self.before.statements
                if s.accumulate is None
                and id(s) in self.squares
                and read[s.target.array][
                    self.reach.elements(s.target, s.domain)[~self._inside(s)]
                ].any()
            ]
            if not missed:
                return
            for s in missed:
                self.choices[id(s)].pop()
                del self.squares[id(s)]
                if self.choices[id(s)]:
                    self.squares[id(s)] = self.choices[id(s)][-1]

    def _read(self) -> dict[str, Bools]:
        """The elements that are read, or added to."""
        sizes = {name: self.before.arrays[name].size for name in self.tangents}
        read = {name: np.zeros(size, dtype=bool) for name, size in sizes.items()}
        for s in self.before.statements:
            touched = [*accesses(s.expr), *([s.target] if s.accumulate else [])]
            touched = [a for a in touched if a.array in read]
            inside = self._inside(s) if touched else None
            for a in touched:
                read[a.array][self._elements(a, s)[inside]] = True
        return read

    # -- the program ---------------------------------------------------------------------------

    def _arrays_of_squares(self) -> Mapping[str, int]:
        """The arrays that are touched in squares only, by how many there are."""
        counts: dict[str, set[int]] = {name: set() for name in self.tangents}
        for s in self.before.statements:
            for a in s.accesses:
                if a.array in counts:
                    counts[a.array].add(self._squares_of(a, s))
        return {name: n for name, (n, *others) in _some(counts) if not others and n > 1}

    def _squares_of(self, a: Access, s: Statement) -> int:
        """In how many squares a statement that runs along a diagonal touches an array; 1: all."""
        found = self.squares.get(id(s))
        size = self.before.arrays[a.array].size // self.count
        if found is None or size % found.count or a.strides[0] != size:
            return 1
        if any(p.strides[0] for p in a.parts):
            return 1
        direction = np.arange(prod(s.domain)) // (prod(s.domain) // self.count)
        element = self._elements(a, s) - direction * size
        high, wide = self.count // found.count, size // found.count
        same = (element >= 0) & (element < size) & (element // wide == direction // high)
        return found.count if same[self._inside(s)].all() else 1

    def _changed(self, s: Statement, expr: Expr) -> Statement:
        """The statement of an expression along the diagonal, if it runs there, on arrays of
        squares.
        """
        found = self.squares.get(id(s))
        if found is None:
            return replace(s, expr=expr)
        domain = found.domain(s.domain)
        left = [k for k, c in enumerate(domain) if c != 1]

        def change(a: Access) -> Access:
            moved = a.with_strides(lambda strides: found.strides(strides, s.domain))
            if a.array in self.kept:
                size = self.before.arrays[a.array].size // self.count
                high, wide = self.count // found.count, size // found.count
                first, second, *rest = moved.strides
                first += high * (wide - size) - wide
                moved = replace(moved, strides=(first, second + wide - size, *rest))
            return moved.with_strides(lambda strides: tuple([strides[k] for k in left]))

        return replace(
            s,
            target=change(s.target),
            expr=map_accesses(expr, change),
            domain=tuple([domain[k] for k in left]),
        )


def _some(counts: Mapping[str, set[int]]) -> list[tuple[str, set[int]]]:
    return [(name, found) for name, found in counts.items() if found]


def _is_diagonal(live: Bools, squares: int) -> bool:
    """Whether a matrix is zero but for so many equal squares along its diagonal."""
    rows, columns = live.shape
    grid = live.reshape(squares, rows // squares, squares, columns // squares).any(axis=(1, 3))
    return not (grid & ~np.eye(squares, dtype=bool)).any()
