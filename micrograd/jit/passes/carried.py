"""Program -> Program: loops that go on as long as a condition holds keep one iteration's numbers,
where nothing needs those of all.

Requires an optimised program. What such a loop has written lies row by row: those that it begins
with, and one more for each iteration. If only the last row is read behind it, two rows are enough,
the one that an iteration reads and the one that it writes, which is copied to the first at its end;
and of what only the iteration itself reads, one. How often the loop has run need not be noted then.

    h = init                                  h = init
    for i < count in order while going[i]:    for i < 100 in order while going:
      h[i + 1] = f(h[i])             becomes    next_h = f(h)
      going[i + 1] = g(h[i + 1])                next_going = g(next_h)
    out = h[count]                              h = next_h
                                                going = next_going
                                              out = h

Establishes a program whose arrays of one row are rewritten: role `scratch`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ..ir.extents import Entries
from ..ir.program import (
    Access,
    Loop,
    Node,
    Program,
    Role,
    Statement,
    asks,
    map_accesses,
    statements,
)
from .reaching import fresh

Path = tuple[Loop, ...]


def carried(program: Program) -> Program:
    """The program with as few rows as each such loop needs; itself if it has none."""
    if not asks(program.body):
        return program
    tried: set[str] = set()
    while True:
        left = [
            (loop, path, loop.extent.array)
            for loop, path in _paths(program.body)
            if isinstance(loop.extent, Entries) and loop.extent.array not in tried
        ]
        if not left:
            return program
        loop, path, count = left[-1]  # inner loops before those around them
        tried.add(count)
        program = _Rewritten(program, loop, path).program()


def _paths(body: Sequence[Node], path: Path = ()) -> Iterator[tuple[Loop, Path]]:
    """The loops that go on as long as a condition holds, with those around each."""
    for node in body:
        if isinstance(node, Loop):
            if node.going is not None:
                yield node, path
            yield from _paths(node.body, (*path, node))


@dataclass(slots=True)
class _Rows:
    """How an array is used that the loop writes.

    length    elements of a row
    inside    which rows an iteration touches: its own, 0, or the next, 1
    written   which it writes
    outside   whether anything else touches it
    """

    length: int = 0
    inside: set[int] = field(default_factory=set)
    written: set[int] = field(default_factory=set)
    outside: bool = False


class _Unfit(Exception):
    """All rows are needed."""


class _Rewritten:
    """A program in which one loop keeps one iteration's numbers."""

    def __init__(self, whole: Program, loop: Loop, path: Path) -> None:
        assert isinstance(loop.extent, Entries)
        assert loop.going is not None
        self.whole, self.loop, self.path, self.depth = whole, loop, path, len(path)
        self.count, self.most = loop.extent, int(loop.extent)
        self.rows: dict[str, _Rows] = {}
        self.touched: list[tuple[Access, tuple[int, ...], bool]] = []
        self.arrays = dict(whole.arrays)
        self.next: dict[str, str] = {}

    def program(self) -> Program:
        """The program; as it was, if it needs all rows."""
        try:
            self._look(self.whole.body, ())
        except _Unfit:
            return self.whole
        if not all(self._stays(*touched) for touched in self.touched):
            return self.whole
        for name, rows in self.rows.items():
            self._narrow(name, rows)
        del self.arrays[self.count.array]
        return replace(self.whole, arrays=self.arrays, body=self._body(self.whole.body, ()))

    # -- what there is -------------------------------------------------------------------------

    def _look(self, body: Sequence[Node], path: Path) -> None:
        for s, _ in _statements(self.loop.body, path):
            if self.whole.arrays[s.target.array].role not in (Role.TEMPORARY, Role.SCRATCH):
                raise _Unfit
            self.rows.setdefault(s.target.array, _Rows())
        behind = False
        for s, around in _statements(body, path):
            behind = behind or self._is_inside(around)
            for k, a in enumerate(s.accesses):
                if behind and a.array in self.rows and not (a.parts or self._is_inside(around)):
                    raise _Unfit  # the row that the loop has begun with is gone
                self._touch(a, s.domain, around, written=k == 0)
            for d, extent in enumerate(s.domain):
                own = len(around) > d and around[d] is self.loop
                if isinstance(extent, Entries) and extent.array == self.count.array and not own:
                    raise _Unfit
        for loop, outer in _paths(body):
            assert loop.going is not None
            around = (*outer, loop)
            extents = tuple([x.extent for x in around])
            self._touch(loop.going, extents, around, written=False)

    def _touch(self, a: Access, domain: tuple[int, ...], around: Path, *, written: bool) -> None:
        """Note how an access touches an array that the loop writes."""
        if a.array not in self.rows:
            if self.count.array in a.index_arrays:
                raise _Unfit
            return
        rows = self.rows[a.array]
        self.touched.append((a, domain, self._is_inside(around)))
        if not self._is_inside(around):
            if around[: self.depth] != self.path or (a.parts and not self._is_last(a)):
                raise _Unfit
            rows.outside = True
            return
        if a.parts:
            raise _Unfit
        by = a.strides[self.depth]
        row = a.offset // by if by > 0 else -1
        if rows.length not in (0, by) or row not in (0, 1):
            raise _Unfit
        rows.length = by
        rows.inside.add(row)
        if written:
            rows.written.add(row)

    def _stays(self, a: Access, domain: tuple[int, ...], inside: bool) -> bool:
        """Whether an access stays in its row, whatever the other loops do."""
        length, at = self.rows[a.array].length, self.depth
        within = [rest for _, rest in self._apart(a)], a.strides[at + inside :]
        extents = domain[:at], domain[at + inside :]
        moves = [
            d * (int(c) - 1)
            for some, counts in zip(within, extents, strict=True)
            for d, c in zip(some, counts, strict=False)
        ]
        first = a.offset % length
        low, high = sum(min(0, d) for d in moves), sum(max(0, d) for d in moves)
        return first + low >= 0 and first + high < length

    def _apart(self, a: Access) -> list[tuple[int, int]]:
        """How far an access moves with each of the loops around: in rows that belong to all of an
        iteration, and in its row.
        """
        length = self.rows[a.array].length
        whole, first = self._stretch(a.array) * length, a.offset % length
        over = [(first + d) // whole for d in a.strides[: self.depth]]
        return [(n, d - n * whole) for n, d in zip(over, a.strides, strict=False)]

    def _is_inside(self, around: Path) -> bool:
        return len(around) > self.depth and around[self.depth] is self.loop

    def _is_last(self, a: Access) -> bool:
        """Whether an access behind the loop reads the row that it has left."""
        (part, *others) = a.parts
        same = part.is_entry and part.by == self.count.array and not others
        outer = part.strides[: self.depth] == self.count.strides
        inner = any(part.strides[self.depth :])
        length = self.rows[a.array].length
        known = length in (0, part.scale)
        self.rows[a.array].length = part.scale
        return same and outer and not inner and known and part.offset == self.count.offset

    # -- what becomes of it ----------------------------------------------------------------------

    def _narrow(self, name: str, rows: _Rows) -> None:
        """Declare what an array becomes: one row, or that and the next one."""
        a = self.arrays[name]
        stretch = self._stretch(name) * rows.length
        outer = a.size // stretch if stretch else 1
        shape = (max(1, outer * rows.length),)
        self.arrays[name] = replace(a, role=Role.SCRATCH, shape=shape)
        if rows.outside or len(rows.inside) > 1:
            made = fresh(replace(self.whole, arrays=self.arrays), f"next_{name}")
            self.arrays[made] = replace(a, name=made, role=Role.SCRATCH, shape=shape)
            self.next[name] = made

    def _stretch(self, name: str) -> int:
        """How many rows of an array belong to the loop."""
        a, length = self.whole.arrays[name], self.rows[name].length
        counts = 1
        for loop in self.path:
            counts *= int(loop.extent)
        return a.size // (counts * length) if counts * length else 1

    def _changed(self, a: Access, *, inside: bool) -> Access:
        """What an access becomes."""
        if a.array not in self.rows:
            return a
        rows, at = self.rows[a.array], self.depth
        outer = tuple(n * rows.length + rest for n, rest in self._apart(a))
        if not inside:
            return Access(a.array, a.offset, (*outer, *a.strides[at:]))
        row, first = divmod(a.offset, rows.length)
        name = self.next.get(a.array, a.array) if row or a.array not in self.next else a.array
        return Access(name, first, (*outer, 0, *a.strides[at + 1 :]))

    def _body(self, body: Sequence[Node], path: Path) -> list[Node]:
        found: list[Node] = []
        inside = self._is_inside(path)

        def change(a: Access) -> Access:
            return self._changed(a, inside=inside)

        for node in body:
            if isinstance(node, Statement):
                domain = tuple(self.most if c == self.count else c for c in node.domain)
                expr = map_accesses(node.expr, change)
                found.append(replace(node, target=change(node.target), expr=expr, domain=domain))
                continue
            inner = self._body(node.body, (*path, node))
            if node is not self.loop:
                going = node.going
                if going is not None:
                    going = self._changed(going, inside=self._is_inside((*path, node)))
                found.append(replace(node, body=inner, going=going))
                continue
            assert node.going is not None
            going = self._changed(node.going, inside=True)
            inner += [self._copy(name, inner) for name in self.next]
            found.append(Loop(self.most, node.order, inner, going))
        return found

    def _copy(self, name: str, inside: Sequence[Node]) -> Statement:
        """What makes the next row the one that the next iteration reads."""
        writing = (s for s in statements(inside) if s.target.array == self.next[name])
        length = self.rows[name].length
        outer: list[int] = []
        by = self.arrays[name].size
        for loop in self.path:
            by = by // int(loop.extent) if int(loop.extent) else by
            outer.append(by)
        strides = (*outer, 0, 1)
        domain = (*(loop.extent for loop in self.path), self.most, length)
        if length == 1:
            strides, domain = strides[:-1], domain[:-1]
        made = Statement(Access(name, 0, strides), Access(self.next[name], 0, strides), domain)
        writer = next(writing, None)
        return made if writer is None else made.taking([writer])


def _statements(body: Sequence[Node], path: Path) -> Iterator[tuple[Statement, Path]]:
    for node in body:
        if isinstance(node, Loop):
            yield from _statements(node.body, (*path, node))
        else:
            yield node, path
