"""Statements of a loop -> the same without what an iteration writes down to read it once.

A statement of an iteration that is neither the first nor the last of it has loops of its own where
it has more than one point, so what it hands to the next one goes through memory:

    t[i, j] = mul(d[i, j], d[i, j])  for i < 9, j < 6     becomes
    s[i, j] += t[i, 2*j + k]  for i < 9, j < 3, k < 2     s[i, j] += mul(d[i, 2*j + k],
                                                              d[i, 2*j + k])  for i < 9, ...

Requires statements that run in this order for each iteration of the loop that their first dimension
is; establishes the same numbers, added up in the same order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from ..ir.extents import is_number
from ..ir.program import Access, Apply, Expr, Statement, accesses, map_accesses
from .counts import functions, operations

MOST_OPS = 24
"""Operations of a statement that another one becomes part of."""
CHEAP_OPS, CHEAP_TIMES = 1, 2
"""Operations of what is computed again wherever it is read, and how often that is, at most."""
REGISTERS = 16
"""Numbers that an iteration may keep in registers: more are not worth another computation."""

Strides = tuple[int, ...]


def forwarded(body: Sequence[Statement], own: Collection[str]) -> tuple[list[Statement], set[str]]:
    """The statements, and the arrays that they need no more.

    own   arrays of which each iteration has a stretch that nothing outside of the loop touches
    """
    found = _Forwarded(body, own)
    while found.once():
        pass
    return [s for s in found.body if s is not None], found.gone


class _Forwarded:
    """Statements by their places, and where arrays are written and read."""

    def __init__(self, body: Sequence[Statement], own: Collection[str]) -> None:
        self.body: list[Statement | None] = list(body)
        self.own = own
        self.gone: set[str] = set()
        self.writers: dict[str, list[int]] = {}
        self.readers: dict[str, set[int]] = {}
        for k, s in enumerate(body):
            self.writers.setdefault(s.target.array, []).append(k)
            for a in accesses(s.expr):
                self.readers.setdefault(a.array, set()).add(k)

    def once(self) -> bool:
        """Whether the statement of an array became part of those that read it."""
        changed = False
        for name, written in self.writers.items():
            if name in self.own and name not in self.gone and len(written) == 1:
                changed = self._forward(name, written[0]) or changed
        return changed

    def _forward(self, name: str, at: int) -> bool:
        writer, readers = self.body[at], sorted(self.readers.get(name, ()))
        if writer is None or writer.accumulate is not None or not readers or readers[0] <= at:
            return False
        used = {a.array for a in accesses(writer.expr)}
        if any(at <= k <= readers[-1] for x in used for k in self.writers.get(x, ())):
            return False
        reads = {k: _reads(self.body[k], name) for k in readers}
        points = sum(self._points(k) * len(found) for k, found in reads.items())
        if points != writer.points and not self._is_cheap(writer, used, points):
            return False
        instead: dict[int, Statement] = {}
        for k, found in reads.items():
            reader = self.body[k]
            assert reader is not None
            to = {a: _moved(writer, a, reader.domain) for a in found}
            times = sum(a.array == name for a in accesses(reader.expr))
            if None in to.values() or (times > 1 and functions(writer.expr)):
                return False
            expr = map_accesses(reader.expr, lambda x, to=to: to.get(x, x))  # type: ignore[misc]
            if operations(expr) > MOST_OPS:
                return False
            instead[k] = replace(reader, expr=expr).taking([writer])
        for k, s in instead.items():
            self.body[k] = s
        self.body[at] = None
        for x in used:
            self.readers[x].remove(at)
            self.readers[x].update(readers)
        self.gone.add(name)
        return True

    def _points(self, k: int) -> int:
        s = self.body[k]
        return 0 if s is None else s.points

    def _is_cheap(self, writer: Statement, used: set[str], points: int) -> bool:
        """Whether something is better computed again than written down: many numbers, in one
        sum or product of what is given.
        """
        many = writer.points > REGISTERS * int(writer.domain[0])
        expr = writer.expr
        simple = isinstance(expr, Apply) and expr.op.contracts
        once = simple and operations(expr) <= CHEAP_OPS and used.isdisjoint(self.own)
        return many and once and points <= CHEAP_TIMES * writer.points


def _reads(s: Statement | None, name: str) -> list[Access]:
    """Where a statement reads an array."""
    found = [] if s is None else [a for a in accesses(s.expr) if a.array == name]
    return list(dict.fromkeys(found))


def _moved(writer: Statement, read: Access, domain: tuple[int, ...]) -> Expr | None:
    """What a statement writes, where another one reads it; None if that is not found."""
    if read.parts or writer.target.parts:
        return None
    if not all(map(is_number, (*writer.domain[1:], *domain[1:]))):
        return None
    to = _indices(writer, read, domain)
    if to is None:
        return None
    offsets, steps = to

    def through(a: Access) -> Access:
        def sums(strides: Strides) -> tuple[int, Strides]:
            first = sum(s * o for s, o in zip(strides, offsets, strict=True))
            along = tuple(
                sum(s * step[e] for s, step in zip(strides, steps, strict=True))
                for e in range(len(domain))
            )
            return first, along

        parts = []
        for p in a.parts:
            first, along = sums(p.strides)
            parts.append(replace(p, offset=p.offset + first, strides=along))
        first, along = sums(a.strides)
        return Access(a.array, a.offset + first, along, tuple(parts))

    return map_accesses(writer.expr, through)


def _indices(
    writer: Statement, read: Access, domain: tuple[int, ...]
) -> tuple[list[int], list[list[int]]] | None:
    """The indices of a writer at the point whose element a reader reads: for each what it begins
    with, and by how much it moves with each index of the reader.

    None if they are not found, or may not be unique.
    """
    strides, counts = writer.target.strides, writer.domain
    order = sorted(range(len(counts)), key=lambda d: -abs(strides[d]))
    reach = 0
    for d in reversed(order):  # no two points write one element
        if d != 0 and strides[d] <= reach:
            return None
        reach += abs(strides[d]) * (int(counts[d]) - 1) if d else 0
    if abs(strides[0]) <= reach or read.strides[0] != strides[0]:
        return None
    order.remove(0)

    def digits(number: int) -> list[int] | None:
        """A number as a sum of strides."""
        found = [0] * len(counts)
        for d in order:
            found[d], number = divmod(number, strides[d])
        return found if number == 0 else None

    first = digits(read.offset - writer.target.offset)
    if first is None:
        return None
    steps = [[0] * len(domain) for _ in counts]
    steps[0][0] = 1
    most, least = list(first), list(first)
    for e in range(1, len(domain)):
        found = digits(abs(read.strides[e]))
        if found is None:
            return None
        for d, step in enumerate(found):
            step = step if read.strides[e] > 0 else -step
            steps[d][e] = step
            most[d] += max(0, step) * (int(domain[e]) - 1)
            least[d] += min(0, step) * (int(domain[e]) - 1)
    inside = all(least[d] >= 0 and most[d] < int(counts[d]) for d in order)
    return (first, steps) if inside else None
