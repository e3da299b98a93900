"""Lines of a program -> a loop over segments, and the lines for the steps that are left over.

Which lines and arrays, segments.py says; what for, checkpoints.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isqrt

from ...errors import counted
from ..ir.extents import Affine, Entries
from ..ir.program import (
    Access,
    Loop,
    Node,
    Order,
    Program,
    Role,
    Statement,
    map_accesses,
    map_statements,
)
from .reaching import fresh
from .segments import Lines, Rows, touches

NEAR = 4
"""How many times the square root a divisor of the number of steps may be, or a part of it."""

ChangeStrides = Callable[[tuple[int, ...]], tuple[int, ...]]
ChangeAccess = Callable[[Access], Access]
ChangeExtent = Callable[[int], int]


def length_of_segments(steps: int) -> int:
    """How many steps are in a segment.

    >>> [length_of_segments(n) for n in (16, 10_000, 10_007, 1_000_000)]
    [4, 100, 100, 1000]
    """
    root = isqrt(steps)
    near = [x for x in range(-(-root // NEAR), root * NEAR + 1) if steps % x == 0]
    return min(near, key=lambda x: (max(x / root, root / x), x), default=root)


class Cut:
    """The rewriting of lines into segments.

    loop      over the segments, once rewritten
    parts     the arrays of one segment's rows
    made      what is in place of the lines
    changed   lines around them, before and after
    """

    def __init__(self, program: Program, lines: Lines, rows: dict[str, Rows]) -> None:
        self.program, self.lines, self.rows = program, lines, rows
        longest = max((x.carried for x in rows.values()), default=0)
        self.length = max(length_of_segments(lines.steps), longest)
        self.count = lines.steps // self.length
        self.rest = lines.steps % self.length
        self.result = Program(dict(program.arrays), [], program.found)
        self.part = {name: self._declare(name, "part") for name in rows}
        self.kept = {n: self._declare(n, "kept") for n, x in rows.items() if x.carried}
        self.last = {n: self._declare(n, "rest") for n in rows} if self.rest else {}
        for name in rows:
            del self.result.arrays[name]
        self.parts = set(self.part.values())
        self.loop = Loop(self.count, Order.FORWARD, [])
        self.made: list[Node] = []
        self.changed: list[tuple[Node, Node]] = []

    @property
    def note(self) -> str:
        """What was done, for `explain`."""
        left = f" and one of {self.rest}" if self.rest else ""
        return (
            f"{counted(self.lines.steps, 'step')} in {counted(self.count, 'segment')} of "
            f"{self.length:,}{left}: the gradient computes the steps of each again, from "
            f"checkpoints of {', '.join(self.kept) or 'nothing'}"
        )

    def rewritten(self) -> Program:
        """The program in segments."""
        loop = self.loop
        for name, kept in self.kept.items():
            loop.body.append(self._hand(name, self._begin(name), self._checkpoint(kept, name, 0)))
        loop.body += self._members(self._inside, (self.count, self.length), self._in_segment)
        for name, kept in self.kept.items():
            end = replace(self._begin(name), offset=self.length * self.rows[name].unit)
            loop.body.append(self._hand(name, self._checkpoint(kept, name, 1), end))
        self.made = [loop]
        if self.rest:
            for name, kept in self.kept.items():
                size = self.rows[name].handed
                source = Access(kept, self.count * size, (1,))
                self.made.append(_copy(Access(self.last[name], 0, (1,)), source, (size,)))
            self.made += self._members(self._behind, (self.rest,), self._left)
        before, after = (list(map(self._around, x)) for x in (self.lines.before, self.lines.after))
        self.result.body = [*before, *self.made, *after]
        return self.result

    def _declare(self, name: str, what: str) -> str:
        """A new array for rows of another one."""
        x, a = self.rows[name], self.program.arrays[name]
        size = self.length + x.carried
        shape = {
            "part": (self.count, size),
            "kept": (self.count + 1, x.carried),
            "rest": (self.rest + x.carried,),
        }[what]
        unit = a.size // a.shape[0]
        inner = a.shape[1:] if unit == x.unit else (x.unit,)
        new = fresh(self.result, f"{name}_{what}")
        self.result.declare(new, Role.TEMPORARY, (*shape, *(inner if x.unit > 1 else ())))
        return new

    # -- what is handed on ------------------------------------------------------------------------

    def _begin(self, name: str) -> Access:
        x = self.rows[name]
        return Access(self.part[name], 0, ((self.length + x.carried) * x.unit, 1))

    def _checkpoint(self, kept: str, name: str, ahead: int) -> Access:
        size = self.rows[name].handed
        return Access(kept, ahead * size, (size, 1))

    def _hand(self, name: str, target: Access, source: Access) -> Statement:
        return _copy(target, source, (self.count, self.rows[name].handed))

    # -- accesses and extents ---------------------------------------------------------------------

    def _mapped(
        self, node: Node, access: ChangeAccess, steps: tuple[int, ...], inner: ChangeExtent
    ) -> Node:
        """A line with its accesses and extents; `steps`: what its first loop becomes."""
        if isinstance(node, Loop):
            body = [self._mapped(each, access, steps, inner) for each in node.body]
            for each in body:  # whose loops are those around them, too
                if isinstance(each, Loop):
                    each.extent = inner(each.extent)
            return Loop(node.extent, node.order, body)
        domain = (*steps, *map(inner, node.domain[1:]))
        expr = map_accesses(node.expr, access)
        return replace(node, target=access(node.target), expr=expr, domain=domain)

    def _members(
        self, access: ChangeAccess, steps: tuple[int, ...], inner: ChangeExtent
    ) -> list[Node]:
        nodes = [self._mapped(node, access, steps, inner) for node in self.lines.members]
        return [
            replace(node, extent=steps[-1]) if isinstance(node, Loop) else node for node in nodes
        ]

    def _in_segment(self, count: int) -> int:
        return extent_from(count, 0, self._cut_strides)

    def _cut_strides(self, strides: tuple[int, ...]) -> tuple[int, ...]:
        return (strides[0] * self.length, *strides) if strides else strides

    def _inside(self, a: Access) -> Access:
        x = self.rows.get(a.array)
        if x is None:
            return a.with_strides(self._cut_strides)
        strides = ((self.length + x.carried) * x.unit, *a.strides)
        return Access(self.part[a.array], a.offset - x.first * x.unit, strides)

    def _left(self, count: int) -> int:
        return extent_from(count, self.count * self.length, lambda strides: strides)

    def _behind(self, a: Access) -> Access:
        x = self.rows.get(a.array)
        if x is not None:
            return Access(self.last[a.array], a.offset - x.first * x.unit, a.strides)
        done = self.count * self.length
        parts = tuple([replace(p, offset=p.offset + p.strides[0] * done) for p in a.parts])
        return Access(a.array, a.offset + a.strides[0] * done, a.strides, parts)

    def _around(self, node: Node) -> Node:
        """A line before or after the segments: the same, unless it reads or begins their rows."""
        if self.rows.keys().isdisjoint(touches(node, rows=False)):
            return node
        (changed,) = map_statements([node], self._outside)
        self.changed.append((node, changed))
        return changed

    def _outside(self, s: Statement) -> Statement:
        def change(a: Access) -> Access:
            x = self.rows.get(a.array)
            if x is None:
                return a
            offset = a.offset - x.first * x.unit
            done = self.count * self.length
            if offset < x.handed:
                return Access(self.kept[a.array], offset, a.strides)
            if self.rest:
                return Access(self.last[a.array], offset - done * x.unit, a.strides)
            offset += self.count * x.handed - self.lines.steps * x.unit
            return Access(self.kept[a.array], offset, a.strides)

        return replace(s, target=change(s.target), expr=map_accesses(s.expr, change))


def _copy(target: Access, source: Access, domain: tuple[int, ...]) -> Statement:
    """A copy of elements in a row, whose loop is the last, unless it is one."""
    if domain[-1] == 1:
        target, source = (a.with_strides(lambda strides: strides[:-1]) for a in (target, source))
        domain = domain[:-1]
    return Statement(target, source, domain)


def extent_from(count: int, begin: int, change: ChangeStrides) -> int:
    """An extent of a loop inside a loop, from a step of that on, with other strides."""
    if isinstance(count, Affine):
        first = count.strides[0] * begin if count.strides else 0
        return Affine(count.offset + first, change(count.strides), int(count))
    if isinstance(count, Entries):
        first = count.strides[0] * begin if count.strides else 0
        return Entries(count.array, count.offset + first, change(count.strides), int(count))
    return count
