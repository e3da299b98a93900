"""Points in rows and columns -> when each member of a grid runs, diagonal by diagonal.

A point runs with its diagonal, a row with the one that its members need. Of what runs with the same
diagonal, it is the order of statements that says which comes first. What cannot be had so, as a sum
over all points whose order counts, runs before all others, or behind them, row by row as it stood.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from .distances import BEFORE, INSIDE, Grid, Member, Relation, relations


@dataclass(frozen=True, slots=True)
class Arranged:
    """When the members of a grid run.

    before, behind   those that run by rows, first and last
    members          the others, in the order in which they run on a diagonal
    columns          of those that are of rows, the column that they run with
    """

    before: list[int]
    members: list[int]
    behind: list[int]
    columns: dict[int, int]


def arranged(points: Grid, *, strict: bool) -> Arranged | None:
    """When the members run; None if not by diagonals.

    strict   sums keep their order
    """
    known = relations(points, strict=strict)
    some = set(range(len(points.members)))
    before: set[int] = set()
    behind: set[int] = set()
    while any(points.members[k].place == INSIDE for k in some):
        own = [r for r in known if r.p in some and r.q in some]
        found = _Diagonals(points, some, own)
        if not found.wrong:
            return Arranged(sorted(before), found.order, sorted(behind), found.columns)
        first = _reached(found.wrong, [(b, a) for a, b in _needs(own)])
        last = _reached(found.wrong, _needs(own))
        if len(last) <= len(first):
            behind |= last
            some -= last
        else:
            before |= first
            some -= first
    return None


def _needs(known: Iterable[Relation]) -> list[tuple[int, int]]:
    """Which member has to run before which, at some points."""
    found = []
    for r in known:
        if r.q_later is not None or not r.is_known:
            found.append((r.p, r.q))
        if r.p_later is not None or not r.is_known:
            found.append((r.q, r.p))
    return found


def _reached(some: Collection[int], edges: Iterable[tuple[int, int]]) -> set[int]:
    """These, and all that edges lead to from them."""
    after: dict[int, list[int]] = {}
    for a, b in edges:
        after.setdefault(a, []).append(b)
    found, stack = set(some), list(some)
    while stack:
        for k in after.get(stack.pop(), ()):
            if k not in found:
                found.add(k)
                stack.append(k)
    return found


def _goes_along(m: Member) -> bool:
    """Whether what a point touches through index arrays and the like is the same on a diagonal."""
    parts = [p for a in m.statement.accesses for p in a.parts]
    return not m.is_point or all(p.strides[0] == p.strides[1] for p in parts)


class _Diagonals:
    """Some members by diagonals.

    wrong     those of which that cannot be; none, if it is found
    order     in which they stand
    columns   of rows
    """

    def __init__(self, points: Grid, some: Collection[int], known: Sequence[Relation]) -> None:
        self.points = points
        self.order: list[int] = []
        # a row counted as a column grows with time, as its points do
        first = -1 if points.turn > 0 else -points.columns
        last = points.columns if points.turn > 0 else 1
        self.at = {
            k: 0 if m.is_point else first if m.place == BEFORE else last
            for k, m in enumerate(points.members)
            if k in some
        }
        self.rows = {k for k in self.at if not points.members[k].is_point}
        self.wrong = {k for r in known if not r.is_known for k in (r.p, r.q)}
        self.wrong |= {k for k in self.at if not _goes_along(points.members[k])}
        if not self.wrong:
            self._early(known)
        if not self.wrong:
            self._sort(known)
        self.columns = {k: points.turn * self.at[k] for k in self.rows}

    def _early(self, known: Sequence[Relation]) -> None:
        """Let all run as early as they may."""
        for k in self.rows:
            self.at[k] = -1 if self.points.turn > 0 else -self.points.columns
        bounds = [
            *((r.p, r.q, -r.q_later) for r in known if r.q_later is not None),
            *((r.q, r.p, r.p_later) for r in known if r.p_later is not None),
        ]
        for _ in range(len(self.rows) + 1):
            late = [(a, b, by) for a, b, by in bounds if self.at[b] < self.at[a] + by]
            self.wrong = {k for a, b, _ in late if b not in self.rows for k in (a, b)}
            if self.wrong or not late:
                return
            for a, b, by in late:
                self.at[b] = max(self.at[b], self.at[a] + by)
        self.wrong = {k for a, b, _ in late for k in (a, b)}

    def _sort(self, known: Sequence[Relation]) -> None:
        """The order of those that may run with the same diagonal."""
        after: dict[int, set[int]] = {k: set() for k in sorted(self.at)}
        for r in known:
            away = self.at[r.q] - self.at[r.p]
            for later, first, second in ((r.q_later, r.p, r.q), (r.p_later, r.q, r.p)):
                if later is not None and away + later == 0:
                    after[first].add(second)
        waits = dict.fromkeys(after, 0)
        for numbers in after.values():
            for k in numbers:
                waits[k] += 1
        ready = [k for k, count in waits.items() if not count]
        while ready:
            k = heapq.heappop(ready)
            self.order.append(k)
            for other in after[k]:
                waits[other] -= 1
                if not waits[other]:
                    heapq.heappush(ready, other)
        self.wrong = after.keys() - set(self.order)
