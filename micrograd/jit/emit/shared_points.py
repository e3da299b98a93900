"""Statements of a nest in a row -> the same loops around them, where they run over the same points.

Short loops take as long to begin and to end as for their points, and what one writes for the next
goes through memory. Together they begin and end once, and what a statement reads at the very point
at which one before it has written it, is still in a register.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..ir.program import Access, Node, Statement, accesses
from ..schedule.counts import functions, operations
from ..schedule.courses import Course
from .nest_statement import NestStatement
from .operands import Piece
from .storage import Index, Storage

MOST_TOGETHER, MOST_OPS = 8, 40
"""Statements that share loops, at most, and their operations."""


class SharedPoints(NestStatement):
    """Emits statements that share their loops: those of the first of them, with all inside."""

    members: Sequence[NestStatement] = ()

    @property
    def _is_maskable(self) -> bool:
        return all(member.operands.is_maskable for member in self.members)

    def _before(
        self, d: int, inside: Sequence[int], at: Sequence[Index], pieces: Sequence[Piece]
    ) -> None:
        for member in self.members:
            NestStatement._before(member, d, inside, at, pieces)

    def _pieces(self, at: Sequence[Index], pieces: Sequence[Piece], _: list[Any]) -> list[Any]:
        """Of each piece, what all statements do."""
        storage = self.storage
        written = [m.s.target for m in self.members if storage.is_exact(m.s.target.array)]
        for piece in pieces:
            with storage.keeping(written, storage.kept.items()):
                for member in self.members:
                    with self.b.made_for(member.s):
                        NestStatement._pieces(member, at, [piece], [])
        return []


def together(
    nodes: Sequence[Node], courses: Mapping[int, Course], depth: int, storage: Storage
) -> int:
    """How many nodes in a row, from the first on, share their loops inside of `depth` others.

    courses   of each statement, by its id
    """
    first = nodes[0] if nodes else None
    if not isinstance(first, Statement) or not _may_share(first, courses[id(first)], depth):
        return 1
    group = [first]
    for s in nodes[1:MOST_TOGETHER]:
        if not isinstance(s, Statement) or s.domain != first.domain:
            break
        course = courses[id(s)]
        if not _may_share(s, course, depth) or _shape(course) != _shape(courses[id(first)]):
            break
        if sum(operations(x.expr) + 1 for x in (*group, s)) > MOST_OPS:
            break
        if not all(_is_free(x, s, storage) for x in group):
            break
        group.append(s)
    return len(group)


def _may_share(s: Statement, course: Course, depth: int) -> bool:
    """Whether its loops are simple ones, with what it writes at each point for itself."""
    loops = [*course.around, *([] if course.across or course.lane is None else [course.lane])]
    simple = (
        course.rows == 1 and not course.inside and not course.copied and course.lane is not None
    )
    own = range(depth, len(s.domain))
    return simple and bool(loops) and not functions(s.expr) and _is_injective(s.target, s, own)


def _shape(course: Course) -> tuple[Any, ...]:
    return course.around, course.lane, course.width, course.across


def _is_injective(a: Access, s: Statement, own: Sequence[int]) -> bool:
    """Whether each point of the own loops has another element."""
    reach = 0
    for stride, count in sorted((abs(a.strides[d]), int(s.domain[d])) for d in own):
        if stride <= reach:
            return False
        reach += stride * (count - 1)
    return not a.parts


def _is_free(first: Statement, second: Statement, storage: Storage) -> bool:
    """Whether the second may run at each point just after the first: where one of them writes what
    the other touches, it does so at this very point.
    """
    within = storage.schedule.within

    def place(a: Access) -> str:
        return within.get(a.array, a.array)

    for writer, other in ((first, second), (second, first)):
        for a in (other.target, *accesses(other.expr)):
            if place(a) == place(writer.target) and a != writer.target:
                return False
            if any(p.by == writer.target.array for p in a.parts):
                return False
    return True
