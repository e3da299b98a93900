"""Group -> passes over vectors of iterations, each with as many sums as there are registers for.

A loop whose iterations lie in lanes adds to a vector for each number that it sums up. Where these
are more than the registers, every iteration loads and stores all of them, and what several of them
have in common is kept in memory for them meanwhile. In passes over a block of iterations, the first
with all that iterations compute for themselves, each other one with some of the sums, these stay in
registers. What the first hands to the others lies in the cache; so does a copy of what is read
across its grain, which is put in order once:

    each[i, j] = x[8*i + j]  for i < 1000, j < 8           first
    w[i] = exp(each[i, 0])  for i < 1000
    sums[j] += mul(each[i, j], w[i])  for i < 1000, j < 8  second
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from ..ir.extents import is_number
from ..ir.program import Access, Array, Role, Statement, accesses, map_accesses, row_major

FREE_REGISTERS = 4
"""Registers that a pass needs beside those of sums and of what all its iterations read."""
HANDED = 0.5
"""Vectors handed on, at most, for each that is a sum."""
LEAST_VECTORS = 16
"""Vectors of iterations from which on a loop is divided."""
MOST_PIECES = 40
"""Sums, or pieces of them, at most: each is code of its own."""

_Place = tuple[tuple[str, int], tuple[int, ...], tuple[int, ...]]
"""Array and offset; strides, that of the iterations first; and the counts of these loops."""


@dataclass(slots=True)
class Summed:
    """A body in passes.

    statements  the copies, then those given
    numbers     the pass of each
    arrays      what is copied into: each iteration has a stretch of its own
    """

    statements: list[Statement]
    numbers: list[int]
    arrays: list[Array]

    @property
    def first(self) -> list[Statement]:
        """The statements of the first pass."""
        pairs = zip(self.statements, self.numbers, strict=True)
        return [s for s, number in pairs if number == 0]

    def numbered(self, first: Sequence[int]) -> list[int]:
        """The pass of each statement, where those of the first pass are in these ones."""
        left, more = iter(first), max(first)
        return [number + more if number else next(left) for number in self.numbers]


def summed(
    statements: Sequence[Statement],
    scratch: Mapping[str, int],
    arrays: Mapping[str, Array],
    registers: int,
    width: int,
) -> Summed | None:
    """The body in passes; None where all sums fit, or where handing on costs as much as is gained.

    scratch   arrays of which each iteration has a stretch of its own, that nothing else needs
    """
    count = statements[0].domain[0]
    if not is_number(count) or count < LEAST_VECTORS * width:
        return None
    most = registers - FREE_REGISTERS
    body: list[Statement] = []
    sums: list[int] = []
    for s in statements:
        pieces = list(_pieces(s, most)) if _is_apart(s, statements, scratch) else []
        sums += range(len(body), len(body) + len(pieces))
        body += pieces or [s]
    whole = sum(_touched(body[k].target, body[k].domain) for k in sums)
    if whole <= registers or len(sums) > MOST_PIECES:
        return None
    copies = _Copies(arrays, {s.target.array for s in body})
    for k in sums:
        copies.of(body[k])
    read = {a.array for k in sums for a in accesses(body[k].expr)}
    handed = sum(size for name, size in scratch.items() if name in read) + copies.numbers
    if handed > HANDED * whole:
        return None
    numbers = [0] * len(body)
    number, room = 0, 0
    for k in sums:
        needed = _needed(body[k])
        if needed > room:
            number, room = number + 1, most
        numbers[k], room = number, room - needed
    first = list(copies.statements)
    body = [copies.read_by(s) for s in body]
    return Summed([*first, *body], [0] * len(first) + numbers, copies.made)


def _pieces(s: Statement, most: int) -> Iterator[Statement]:
    """A sum in pieces that need at most so many registers each, or as few as there can be."""
    needed = _needed(s)
    loops = [d for d in range(1, len(s.domain)) if s.target.strides[d] and s.domain[d] > 1]
    if needed <= most or not loops:
        yield s
        return
    d = max(loops, key=lambda d: abs(s.target.strides[d]))
    each = max(1, most * s.domain[d] // needed)
    for start in range(0, s.domain[d], each):
        yield from _pieces(_part(s, d, start, min(each, s.domain[d] - start)), most)


def _part(s: Statement, d: int, start: int, count: int) -> Statement:
    """So many iterations of one of a statement's loops, from `start` on."""

    def ahead(a: Access) -> Access:
        parts = tuple(replace(p, offset=p.offset + start * p.strides[d]) for p in a.parts)
        return Access(a.array, a.offset + start * a.strides[d], a.strides, parts)

    domain = (*s.domain[:d], count, *s.domain[d + 1 :])
    return replace(s, target=ahead(s.target), expr=map_accesses(s.expr, ahead), domain=domain)


def _needed(s: Statement) -> int:
    """How many registers its sums need, and what it reads that is the same in all iterations."""
    return _touched(s.target, s.domain) + constants(s)


def _touched(a: Access, domain: tuple[int, ...]) -> int:
    """How many numbers an access touches, of those that it finds in all iterations alike."""
    return prod(int(c) for c, d in zip(domain, a.strides, strict=True) if d)


def constants(s: Statement) -> int:
    """How many numbers a statement reads that are the same in all iterations."""
    constant = {a for a in accesses(s.expr) if not a.strides[0] and not a.parts}
    return sum(_touched(a, s.domain) for a in constant)


def _is_apart(s: Statement, body: Sequence[Statement], scratch: Collection[str]) -> bool:
    """Whether a statement adds up, over all iterations, what may be read behind the body as well:
    its own sums, and what the iteration has for itself or nobody writes.
    """
    a = s.target
    if s.accumulate is None or a.parts or a.strides[0] or a.array in scratch:
        return False
    if any(x.array == a.array for other in body for x in accesses(other.expr)):
        return False
    written = {other.target.array for other in body if other.accumulate is None}
    return a.array not in written and all(
        not x.parts and (x.array in scratch or x.array not in written) for x in accesses(s.expr)
    )


class _Copies:
    """What iterations read across its grain, copied: by where it is read."""

    def __init__(self, arrays: Mapping[str, Array], written: Collection[str]) -> None:
        self.arrays = arrays
        self.written = written
        self.found: dict[_Place, Access] = {}
        self.statements: list[Statement] = []
        self.made: list[Array] = []

    @property
    def numbers(self) -> int:
        """How many numbers an iteration copies."""
        return sum(prod(a.shape[1:]) for a in self.made)

    def of(self, s: Statement) -> None:
        """Copy what a statement reads across its grain, once."""
        for a in accesses(s.expr):
            place = self._place(a, s.domain)
            if place is None or place in self.found:
                continue
            _, strides, counts = place
            name = f"each_{a.array}_{len(self.made)}"
            while name in self.arrays:
                name += "_"
            self.made.append(Array(name, Role.TEMPORARY, tuple(map(int, counts))))
            self.found[place] = Access(name, 0, row_major(counts))
            source = Access(a.array, a.offset, strides)
            self.statements.append(s.beside(self.found[place], source, counts))

    def read_by(self, s: Statement) -> Statement:
        """The statement, which reads copies where there are some."""

        def change(a: Access) -> Access:
            place = self._place(a, s.domain)
            if place not in self.found:
                return a
            (_, strides, _), copy = place, self.found[place]
            to = dict(zip(strides, copy.strides, strict=True))
            return Access(copy.array, 0, tuple(to[d] if d else 0 for d in a.strides))

        return replace(s, expr=map_accesses(s.expr, change))

    def _place(self, a: Access, domain: tuple[int, ...]) -> _Place | None:
        """Where an access reads across its grain; None if it does not, or is not copied."""
        strides = a.strides
        if a.parts or a.array in self.written or self.arrays[a.array].is_index:
            return None
        loops = [(d, c) for d, c in zip(strides, domain, strict=True) if d]
        if strides[0] in (0, 1) or len({d for d, _ in loops}) < len(loops):
            return None
        loops[1:] = sorted(loops[1:], reverse=True)
        return (a.array, a.offset), tuple(d for d, _ in loops), tuple(c for _, c in loops)
