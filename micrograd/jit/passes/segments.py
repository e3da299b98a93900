"""Which lines of a program can run segment by segment: those around a long loop in order, with it.

Steps are cut into segments. Lines that have one iteration for each step run for one segment, one
after the other, then for the next. That is legal if no step reads what a later step of a line above
it has computed; so arrays have *rows*, and in step i a line touches rows i + first to i + last.
What nothing outside reads, but for the rows that the first step finds and that the last step
leaves, is needed for one segment at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...ops import Op
from ..ir.extents import is_number
from ..ir.places import span
from ..ir.points import elements
from ..ir.program import Access, Loop, Node, Order, Program, Role, Statement, statements
from ..ir.stretches import stretch


@dataclass(frozen=True, slots=True)
class Touch:
    """An access of a line: the rows that it touches, (unit, row number at step 0), or None if it
    does not keep to rows; whether it writes, and what it reduces by.
    """

    rows: tuple[int, int] | None
    writes: bool
    by: Op | None


@dataclass(frozen=True, slots=True)
class Rows:
    """In step i the rows i + first to i + last of `unit` elements are touched."""

    unit: int
    first: int
    last: int

    @property
    def carried(self) -> int:
        """How many rows a step finds that another has left."""
        return self.last - self.first

    @property
    def handed(self) -> int:
        """How many elements these are."""
        return self.carried * self.unit


Touches = dict[str, list[Touch]]


def touches(node: Node, *, rows: bool = True) -> Touches:
    """What a line touches, by array."""
    found: Touches = {}
    for s in statements([node]):
        for k, a in enumerate(s.accesses):
            place = stretch(a, s.domain) if rows and s.domain else None
            touch = Touch(place, k == 0, s.accumulate if k == 0 else None)
            found.setdefault(a.array, []).append(touch)
    return found


def _clash(x: Touches, y: Touches) -> bool:
    """Whether two lines may not be exchanged."""
    return any(any(t.writes for t in [*x[name], *y[name]]) for name in x.keys() & y.keys())


def _follows(above: Sequence[Touch], below: Sequence[Touch]) -> bool:
    """Whether steps of a line below need of an array nothing that later steps above give."""
    both = [*above, *below]
    if not any(t.writes for t in both):
        return True
    if all(t.by is not None for t in both):
        return len({t.by for t in both}) == 1
    if len({t.rows[0] if t.rows else 0 for t in both}) > 1 or both[0].rows is None:
        return False
    if any(t.by is not None for t in below) and any(not t.writes for t in above):
        return False
    written = [t.rows[1] for t in above if t.writes and t.rows]
    read = [t.rows[1] for t in below if not t.writes and t.rows]
    return both[0].rows[0] > 0 and max(read, default=-1) <= min(
        written, default=max(read, default=0)
    )


@dataclass(slots=True)
class Lines:
    """The lines of a program that share segments, and what stands before and after them."""

    steps: int
    before: list[Node]
    members: list[Node]
    after: list[Node] = field(default_factory=list)

    def rows(self, program: Program) -> dict[str, Rows]:
        """The arrays of which only one segment's rows are needed, and what is handed on."""
        found: Touches = {}
        for node in self.members:
            for name, touched in touches(node).items():
                found.setdefault(name, []).extend(touched)
        rows = {}
        for name, touched in found.items():
            places = [t.rows for t in touched if t.rows is not None]
            units = {unit for unit, _ in places}
            written = any(t.writes for t in touched)
            role = program.arrays[name].role
            if written and role is Role.TEMPORARY and len(places) == len(touched):
                (unit, *others) = units
                if unit > 0 and not others:
                    numbers = [number for _, number in places]
                    rows[name] = Rows(unit, min(numbers), max(numbers))
        return {name: x for name, x in rows.items() if self._is_kept_within(name, x, program)}

    def _is_kept_within(self, name: str, x: Rows, program: Program) -> bool:
        if self.steps < 2 * (x.carried + 1):
            return False
        first = x.first * x.unit
        last = first + self.steps * x.unit
        for nodes, starts in ((self.before, (first,)), (self.after, (first, last))):
            for s in statements(nodes):
                for a in s.accesses:
                    if a.array == name and not _within(a, s.domain, starts, x.handed):
                        return False
        return not x.carried or self._is_handed_on(name, x, program)

    def _is_handed_on(self, name: str, x: Rows, program: Program) -> bool:
        """Whether the first step finds all of its rows, and every step assigns the whole of one."""
        found = np.zeros(x.handed, dtype=bool)
        for s in _assigning(self.before, name):
            found[elements(s.target, s.domain, program) - x.first * x.unit] = True
        left = np.zeros(x.unit, dtype=bool)
        for s in _assigning(self.members, name):
            row = Access(name, s.target.offset - x.last * x.unit, s.target.strides[1:])
            if not all(map(is_number, s.domain)):
                return False
            index = elements(row, s.domain[1:], program)
            if len(index) and (index.min() < 0 or index.max() >= x.unit):
                return False
            left[index] = True
        return bool(found.all() and left.all())


def _assigning(nodes: Iterable[Node], name: str) -> Iterator[Statement]:
    for s in statements(list(nodes)):
        if s.target.array == name and s.accumulate is None:
            yield s


def _within(a: Access, domain: tuple[int, ...], starts: Sequence[int], length: int) -> bool:
    """Whether an access touches elements of one of the stretches only."""
    low, high = span(a.strides, domain)
    return not a.parts and any(
        start <= a.offset + low and a.offset + high < start + length for start in starts
    )


def lines_around(body: Sequence[Node], at: int, joining: Sequence[int]) -> Lines:
    """The lines that share segments with the loop in order that stands at a place.

    joining   the places of the others that may; if there are none, all lines keep their order
    """
    loop = body[at]
    assert isinstance(loop, Loop)
    if not joining:
        return Lines(loop.extent, [*body[:at]], [loop], [*body[at + 1 :]])
    found = Lines(loop.extent, [], [])
    inside: Touches = {}
    behind: Touches = {}
    for k, node in enumerate(body):
        touched = touches(node)
        joins = (
            (k == at or (k in joining and _has_steps(node, loop.extent)))
            and not _clash(touched, behind)
            and all(_follows(inside[n], touched[n]) for n in inside.keys() & touched.keys())
        )
        if joins:
            found.members.append(node)
            _add(inside, touched)
        elif k == at:
            return lines_around(body, at, [])
        elif _clash(touched, inside) or _clash(touched, behind):
            found.after.append(node)
            _add(behind, touched)
        else:
            found.before.append(node)
    return found


def _add(all_of: Touches, touched: Touches) -> None:
    for name, some in touched.items():
        all_of.setdefault(name, []).extend(some)


def _has_steps(node: Node, steps: int) -> bool:
    """Whether a line has one iteration for each step, which may run from first to last."""
    if isinstance(node, Loop):
        return node.extent == steps and node.order is not Order.REVERSE
    return len(node.domain) > 0 and node.domain[0] == steps
