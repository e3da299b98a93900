"""Loops and statements that become code as they stand, because vector loops do not take them.

The innermost loops of a statement may lie in lanes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..ir.extents import INDEX_NAMES, Entries
from ..ir.program import (
    Access,
    Array,
    Loop,
    Node,
    Order,
    Statement,
    lines,
    loops,
    map_statements,
    statements,
)
from ..ir.stretches import private, stretches, within
from .copies import copies
from .courses import Course, course

COPYING = 1.5
"""Operations for each element of a copy."""


@dataclass(slots=True)
class Nest:
    """Statements and loops that are emitted as they stand; `reason` says why.

    courses   how the own loops of each statement run
    levels    of each statement, what it reads from copies, by how many loops are around those
    tiles     arrays that nothing outside needs, by how much of them one iteration does
    lanes     of those that all iterations add up in, how many each element has
    """

    body: list[Node]
    reason: str
    courses: list[Course] = field(default_factory=list)
    levels: list[dict[Access, int]] = field(default_factory=list)
    tiles: dict[str, int] = field(default_factory=dict)
    lanes: dict[str, int] = field(default_factory=dict)

    @property
    def statements(self) -> list[Statement]:
        """Those in it, in the order in which they stand."""
        return list(statements(self.body))

    def plan(self, width: int, strict: bool, arrays: Mapping[str, Array]) -> Nest:
        """The nest with free loops inside of statements, where they may lie in lanes, and with the
        course of each statement; `width`: numbers in a vector.
        """
        ordered = strict and any(s.accumulate for s in self.statements)
        body = self.body if ordered or width == 1 else list(_inward(self.body, 0))
        courses, levels = [], []
        for s, path in paths(body):
            found = copies(s, path, arrays) if width > 1 else {}
            costs = {a: COPYING * c.size / max(1, c.uses) for a, c in found.items()}
            courses.append(course(s, len(path), width, strict, costs))
            levels.append({a: found[a].level for a in courses[-1].copied})
        return Nest(body, self.reason, courses, levels, self.tiles, self.lanes)

    def narrowed(self, names: Collection[str]) -> Nest:
        """The nest with only one iteration's stretch of arrays of these names, which nothing
        outside needs: of those where each iteration of the outermost loop has one for itself.
        """
        if len(self.body) != 1 or isinstance(self.body[0], Statement):
            return self
        asked = {loop.going.array for loop in loops(self.body) if loop.going is not None}
        tiles = private(set(names) - asked, stretches(self.statements))
        body = map_statements(self.body, lambda s: within(s, tiles, 0))
        return replace(self, body=body, tiles=tiles)

    def lines(self, arrays: Mapping[str, Array]) -> Iterator[str]:
        """As it is printed: the reason, then the body with what lies in lanes."""
        across = [c.width for c in self.courses if c.across]
        yield f"  as it stands: {self.reason}" + (
            f"; {across[0]} iterations at a time" if across else ""
        )
        courses = iter(self.courses)
        shown = lines(self.body, arrays)
        for (node, _), text in zip(_walk(self.body, 0), shown, strict=True):
            course = next(courses) if isinstance(node, Statement) else None
            if course is None or course.lane is None:
                yield f"    {text}"
                continue
            names = ", ".join(dict.fromkeys(a.array for a in course.copied))
            copied = f", from a copy of {names}" if names else ""
            yield f"    {text}  ; lanes: {INDEX_NAMES[course.lane]}{copied}"


def _walk(body: Sequence[Node], depth: int) -> Iterator[tuple[Node, int]]:
    """The nodes of a tree as they stand, with how many loops are around each."""
    for node in body:
        yield node, depth
        if isinstance(node, Loop):
            yield from _walk(node.body, depth + 1)


def paths(
    body: Sequence[Node], path: tuple[Loop, ...] = ()
) -> Iterator[tuple[Statement, tuple[Loop, ...]]]:
    """The statements of a tree, with the loops around each."""
    for node in body:
        if isinstance(node, Loop):
            yield from paths(node.body, (*path, node))
        else:
            yield node, path


def is_condition(loop: Loop) -> bool:
    """Whether a loop runs once or not at all, as an entry of an array says: for it is there to say
    whether its body runs. One with a condition of its own writes that entry, and does not read it.
    """
    extent = loop.extent
    return loop.going is None and isinstance(extent, Entries) and int(extent) == 1


def _inward(body: Sequence[Node], depth: int) -> Iterator[Node]:
    """The body with free loops around nothing but single points as loops of these statements."""
    for node in body:
        if isinstance(node, Statement):
            yield node
            continue
        inner = list(_inward(node.body, depth + 1))
        points = [s for s in inner if isinstance(s, Statement) and len(s.domain) == depth + 1]
        condition = is_condition(node)
        if node.order is Order.FREE and not condition and len(points) == len(inner):
            yield from inner
        else:
            yield replace(node, body=inner)
