"""Two loops in order around points: how far apart points are that touch the same element, and in
which order they do.

What stands beside the inner loop, before it or behind it, is of a row as a whole; if it has as many
iterations of its own as there are columns, it is of points, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..ir.extents import is_number
from ..ir.points import Ints
from ..ir.program import Access, Loop, Node, Order, Part, Statement, map_accesses, statements
from .courses import reorders

MOST_DISTANCES = 1 << 22
"""Of two accesses, of which more are not looked at."""
BEFORE, INSIDE, BEHIND = 0, 1, 2
"""Where statements stand."""


@dataclass(frozen=True, slots=True)
class Member:
    """A statement, and where it stands.

    is_point   whether it is of a point, else of a row
    turned     whether it has its own first loop, that over columns, from the last to the first
    """

    statement: Statement
    place: int
    is_point: bool
    turned: bool = False

    @property
    def depth(self) -> int:
        """How many of its loops are those of the grid."""
        return 2 if self.is_point else 1


@dataclass(frozen=True, slots=True)
class Grid:
    """The two loops, and what is in them in the order of the text."""

    rows: int
    columns: int
    order: Order
    members: list[Member]

    @property
    def turn(self) -> int:
        """1, or -1 where rows and columns run from the last to the first."""
        return 1 if self.order is Order.FORWARD else -1


def grid(loop: Loop) -> Grid | None:
    """The points of a loop in order, if that is what is in it."""
    inner = [k for k, node in enumerate(loop.body) if isinstance(node, Loop)]
    if loop.order is Order.FREE or len(inner) != 1 or not is_number(loop.extent):
        return None
    row = loop.body[inner[0]]
    assert isinstance(row, Loop)
    if row.order is not loop.order or not is_number(row.extent):
        return None
    members: list[Member] = []
    for k, node in enumerate(loop.body):
        for s in row.body if node is row else [node]:
            if not isinstance(s, Statement) or not all(map(is_number, s.domain)):
                return None
            place = INSIDE if node is row else BEFORE if k < inner[0] else BEHIND
            members.append(_member(s, place, row.extent))
    return Grid(loop.extent, row.extent, loop.order, members)


def _member(s: Statement, place: int, columns: int) -> Member:
    if place == INSIDE or len(s.domain) == 1 or s.domain[1] != columns:
        return Member(s, place, place == INSIDE)
    strides = next((a.strides[1] for a in s.accesses if a.strides[1]), 0)
    return Member(turned(s), place, True, True) if strides < 0 else Member(s, place, True)


def turned(s: Statement) -> Statement:
    """A statement with the iterations of its second loop counted from the last."""

    def offset(a: Access | Part) -> int:
        return a.offset + a.strides[1] * (s.domain[1] - 1)

    def strides(a: Access | Part) -> tuple[int, ...]:
        return (a.strides[0], -a.strides[1], *a.strides[2:])

    def turn(a: Access) -> Access:
        parts = tuple([replace(p, offset=offset(p), strides=strides(p)) for p in a.parts])
        return Access(a.array, offset(a), strides(a), parts)

    return replace(s, target=turn(s.target), expr=map_accesses(s.expr, turn))


def part_of(loop: Loop, members: Sequence[bool]) -> list[Node]:
    """The loop with some of its statements, in the order of the text; nothing without any."""
    chosen = dict(zip(map(id, statements([loop])), members, strict=True))
    body: list[Node] = []
    for node in loop.body:
        if isinstance(node, Loop):
            inner = [s for s in node.body if chosen[id(s)]]
            body += [replace(node, body=inner)] if inner else []
        elif chosen[id(node)]:
            body.append(node)
    return [replace(loop, body=body)] if body else []


@dataclass(frozen=True, slots=True)
class Relation:
    """How two members, of which p is not behind q in the text, touch the same elements.

    q_later     by how many diagonals q comes later, at least, where it comes later by rows
    p_later     by how many q comes later, at most, where it comes earlier by rows
    is_known    whether that is all; else they may meet anywhere

    Rows count as if they were in column 0.
    """

    p: int
    q: int
    q_later: int | None
    p_later: int | None
    is_known: bool = True


def relations(points: Grid, *, strict: bool) -> list[Relation]:
    """Those of all members that touch an element of which the order counts.

    strict   sums keep their order
    """
    touched: dict[str, list[tuple[int, Access, bool]]] = {}
    for k, m in enumerate(points.members):
        for number, a in enumerate(m.statement.accesses):
            touched.setdefault(a.array, []).append((k, a, number == 0))
    found = []
    for uses in touched.values():
        for at, (q, b, writes) in enumerate(uses):
            for p, a, writes_too in uses[: at + 1]:
                if not (writes or writes_too):
                    continue
                op, other = (points.members[k].statement.accumulate for k in (p, q))
                if writes and writes_too and op is other and reorders(op, strict):
                    continue
                relation = _Pair(points, p, a, q, b).relation()
                if relation is not None:
                    found.append(relation)
    return found


class _Pair:
    """Two accesses to an array, of members p and q."""

    def __init__(self, points: Grid, p: int, a: Access, q: int, b: Access) -> None:
        self.points = points
        self.p, self.a, self.of_p = p, a, points.members[p]
        self.q, self.b, self.of_q = q, b, points.members[q]

    def relation(self) -> Relation | None:
        """That of the members, by these accesses; None if they never meet."""
        if self._never_meet():
            return None
        meetings = self._meetings()
        if meetings is None:
            return Relation(self.p, self.q, None, None, is_known=False)
        i, j = meetings
        turn, here, there = self.points.turn, self.of_p.place, self.of_q.place
        own = turn if here == INSIDE else -1 if self.of_p.turned else 1
        by_rows = turn * np.sign(i)
        if here != there:
            by_rows[i == 0] = there - here
        elif here == INSIDE or self.p == self.q:
            same = own * np.sign(j)
            same[j == 0] = int(self.p < self.q)
            by_rows = np.where(i == 0, same, by_rows)
        else:
            by_rows[i == 0] = 1
        along = turn * (i + j)
        later, earlier = along[by_rows > 0], along[by_rows < 0]
        if not len(later) and not len(earlier):
            return None
        least = int(later.min()) if len(later) else None
        return Relation(self.p, self.q, least, int(earlier.max()) if len(earlier) else None)

    def _meetings(self) -> tuple[Ints, Ints] | None:
        """By how many rows and columns q is further than p where they touch the same element; None
        if that is not known.
        """
        a, b, n, m = self.a, self.b, self.points.rows, self.points.columns
        away = self._away()
        if a.parts or b.parts or a.strides[0] != b.strides[0] or away is None:
            return None
        here, there = (
            x.strides[1] if of.is_point else None for x, of in ((a, self.of_p), (b, self.of_q))
        )
        i = np.repeat(np.arange(1 - n, n), len(away))
        left = np.tile(a.offset - b.offset + away, 2 * n - 1) - a.strides[0] * i
        columns = np.arange(m)
        if here is not None and here == there:  # how far apart their columns are is what counts
            return _solved(i, left, here, np.arange(1 - m, m))
        if here is None:
            return _solved(i, left, there, columns)
        if there is None:
            i, j = _solved(i, left, -here, columns)
            return i, -j
        if len(i) * m > MOST_DISTANCES:
            return None
        j = np.tile(columns, len(i))
        i, left = np.repeat(i, m), np.repeat(left, m) + here * j
        i, further = _solved(np.stack([i, j], axis=1), left, there, columns)
        return i[:, 0], further - i[:, 1]

    def _away(self) -> Ints | None:
        """How far the element of p's own loops may be behind that of q's; None if in many ways."""
        found = np.zeros(1, dtype=np.int64)
        for a, m, sign in ((self.a, self.of_p, 1), (self.b, self.of_q, -1)):
            own = zip(a.strides[m.depth :], m.statement.domain[m.depth :], strict=True)
            for stride, count in own:
                if stride and len(found) * count * self.points.rows > MOST_DISTANCES:
                    return None
                if stride:
                    found = np.unique(found[:, None] + sign * stride * np.arange(count))
        return found

    def _never_meet(self) -> bool:
        """Whether they have no element in common, as the first and the last of each say."""
        if self.a.parts or self.b.parts:
            return False
        (low, high), (least, most) = (
            _ends(a, m.statement) for a, m in ((self.a, self.of_p), (self.b, self.of_q))
        )
        return high < least or most < low


def _solved(rows: Ints, left: Ints, stride: int | None, columns: Ints) -> tuple[Ints, Ints]:
    """The rows and columns at which `stride` times the column is what is left; columns of None
    count as 0.
    """
    if stride is None:
        rows = rows[left == 0]
        return rows, np.zeros(len(rows), dtype=np.int64)
    if stride == 0:
        rows = rows[left == 0]
        return np.repeat(rows, len(columns), axis=0), np.tile(columns, len(rows))
    j = left // stride
    meets = (left % stride == 0) & (j >= columns[0]) & (j <= columns[-1])
    return rows[meets], j[meets]


def _ends(a: Access, s: Statement) -> tuple[int, int]:
    spans = [stride * (count - 1) for stride, count in zip(a.strides, s.domain, strict=True)]
    return a.offset + sum(x for x in spans if x < 0), a.offset + sum(x for x in spans if x > 0)
