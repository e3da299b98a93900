"""What a statement of a nest reads and writes at some of its points, side by side in lanes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lowering.bindings import ir

from ..ir.program import Access, Apply, Expr, Statement, accesses
from ..schedule.courses import Course, backwards, in_a_row, in_line, varies
from . import masks
from .indices import element, linear
from .scratch import Scratch
from .shuffles import reverse, shuffle, widen
from .storage import Index, Storage

FILLED = 1.0
"""What lanes read that are beyond all points: no op is slow at it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Points side by side in the lanes: `width` of them from `start` on, without those that the
    `mask` leaves out, which has the first `count`.

    there   how many there are of them, if fewer, which is known: further lanes have any numbers
    row     another loop, and its index there; None: the index of all pieces
    """

    start: Index = (0, None)
    width: int = 1
    mask: Any = None
    count: Any = None
    there: int | None = None
    row: tuple[int, Index] | None = None

    @property
    def points(self) -> Piece:
        """The points that there are, in lanes that have no others."""
        return replace(self, width=self.width if self.there is None else self.there, there=None)

    def at(self, at: Sequence[Index], lane: int | None) -> Sequence[Index]:
        """The indices of its first point, given those that all pieces share."""
        if lane is not None:
            at = moved(at, lane, self.start)
        return at if self.row is None else moved(at, *self.row)


class Operands:
    """The numbers of one statement, whose lanes its course says.

    copies   of what it reads across its grain, with the lanes along their rows
    tiles    arrays that have the lanes of every element, one after the other
    """

    def __init__(
        self,
        storage: Storage,
        s: Statement,
        course: Course,
        copies: Mapping[Access, Scratch],
        tiles: Collection[str],
    ) -> None:
        self.tiles = tiles
        self.copies = copies
        self.b = storage.b
        self.storage = storage
        self.s = s
        self.course = course
        self.read = list(dict.fromkeys(accesses(s.expr)))

    @property
    def is_maskable(self) -> bool:
        """Whether vectors of which only the first lanes are there can be read and written."""
        lane, touched = self.course.lane, [*self.read, self.s.target]
        assert lane is not None
        return self.b.target.masks and all(
            a in self.copies or not varies(a, lane) or in_line(a, lane) for a in touched
        )

    def value(self, expr: Expr, at: Sequence[Index], piece: Piece) -> Any:
        """What an expression is at the points of a piece."""
        if isinstance(expr, Access):
            return self.fetch(expr, at, piece)
        return self.b.expression(expr, lambda x: self.value(x, at, piece), piece.width)

    def fetch(self, a: Access, at: Sequence[Index], piece: Piece) -> Any:
        """The numbers that an access reads at the points of a piece."""
        b, storage, lane = self.b, self.storage, self.course.lane
        if a in storage.kept:
            return storage.kept[a]
        at = piece.at(at, lane)
        if (a.array, a.offset) in storage.scalars and a.is_constant:
            return b.splat(storage.scalars[a.array, a.offset], piece.width)
        if piece.width == 1:
            return self._load(a, element(storage, a, at), 1)
        assert lane is not None
        if a.array in self.tiles:
            return self._load(a, element(storage, a, at), piece.width)
        if not varies(a, lane):
            return b.splat(self._load(a, element(storage, a, at), 1), piece.width)
        if piece.there is not None:
            return widen(b, self.fetch(a, at, piece.points), piece.width, FILLED)
        if a in self.copies:
            return self._load_copy(self.copies[a], at, piece)
        if in_a_row(a, lane):
            return self._load(a, element(storage, a, at), piece.width, piece.mask)
        if backwards(a, lane):
            row = self._load(a, self._last(a, at, piece), piece.width, self._ends(piece))
            return reverse(b, row)
        places = [element(storage, a, x) for x in self._lanes(at, piece)]
        return b.assemble([self._load(a, place, 1) for place in places])

    def load_ahead(
        self, dims: Sequence[int], at: Sequence[Index], pieces: Sequence[Piece], whole: Piece
    ) -> None:
        """Load what is the same at all points of some loops, for each of the pieces if they are
        known.
        """
        course = self.course
        rows = course.around[-1:] if course.rows > 1 else ()
        for a in self.read:
            if a.array == self.s.target.array or any(varies(a, x) for x in dims):
                continue
            by_row = any(varies(a, x) for x in rows)
            if pieces and (by_row or (course.lane is not None and varies(a, course.lane))):
                for piece in pieces:
                    self.fetch(a, at, piece)
            elif not by_row:
                self.fetch(a, at, whole)

    def _load(self, a: Access, index: Index, width: int, mask: Any = None) -> Any:
        """Numbers in a row; once for a place, since a statement reads nothing that it has written.

        But at the same point: that is loaded every time.
        """

        def load() -> Any:
            if mask is not None:
                return self.storage.load_part(a.array, index, mask)
            if width == 1:
                return self.storage.load_of(a, index)
            return self.storage.load(a.array, index, width)

        if a.array == self.s.target.array:
            return load()
        return self.b.numbered((self, a.array, index, width, mask), load)

    def _load_copy(self, copy: Scratch, at: Sequence[Index], piece: Piece) -> Any:
        """A vector of a copy, whose rows are full vectors, but for lanes that a mask leaves out: in
        these may lie anything, and denormal numbers take some processors a hundred cycles.
        """
        b, width, mask = self.b, piece.width, piece.mask
        index = linear(b, copy.offset, copy.strides, at)
        address = b.at(copy.base, index, b.number)

        def load() -> Any:
            if mask is None:
                return b.load(address, b.vector(width), b.bits // 8)
            return masks.load(b, address, mask, b.splat(b.constant(FILLED), width))

        return b.numbered((self, copy.name, index, width, mask), load)

    def write(self, at: Sequence[Index], piece: Piece, x: Any) -> None:
        """Set the target at the points of a piece."""
        a, b, storage, lane = self.s.target, self.b, self.storage, self.course.lane
        storage.wrote(a, x)
        if a in storage.held:
            storage.held[a].append(x)
            return
        at = piece.at(at, lane)
        tiled = a.array in self.tiles
        if piece.there is not None and not tiled:
            piece = piece.points
            x = shuffle(b, x, x, range(piece.width)) if piece.width > 1 else b.extract(x, 0)
        together = tiled or (lane is not None and in_a_row(a, lane))
        if piece.width == 1 or together:
            storage.store(a.array, element(storage, a, at), x, piece.mask)
            return
        if lane is not None and backwards(a, lane):
            storage.store(a.array, self._last(a, at, piece), reverse(b, x), self._ends(piece))
            return
        for k, there in enumerate(self._lanes(at, piece)):
            storage.store(a.array, element(storage, a, there), b.extract(x, k))

    def _last(self, a: Access, at: Sequence[Index], piece: Piece) -> Index:
        """The element of a vector's last lane, which is its first in memory."""
        fixed, value = element(self.storage, a, at)
        return fixed - piece.width + 1, value

    def _ends(self, piece: Piece) -> Any:
        """The mask of a vector whose lanes are in the order of memory."""
        return None if piece.mask is None else masks.last(self.b, piece.width, piece.count)

    def _lanes(self, at: Sequence[Index], piece: Piece) -> list[Sequence[Index]]:
        """The indices of every lane."""
        lane = self.course.lane
        assert lane is not None
        fixed, value = piece.start
        return [moved(at, lane, (fixed + k, value)) for k in range(piece.width)]


def moved(at: Sequence[Index], d: int, index: Index) -> list[Index]:
    """Indices with another one for one loop."""
    there = list(at)
    there[d] = index
    return there


def everywhere(storage: Storage, condition: Expr, points: int) -> Any:
    """The i1 of whether a comparison holds at so many points, a multiple of a vector's width."""
    b = storage.b
    width = b.target.lanes
    s = Statement(Access(""), condition, (points,))
    operands = Operands(storage, s, Course((), 0, (), width), {}, ())
    assert isinstance(condition, Apply)
    masks = [
        b.compare(
            condition.op,
            [operands.value(x, [(0, None)], Piece((k, None), width)) for x in condition.args],
        )
        for k in range(0, points, width)
    ]
    while len(masks) > 1:
        pairs = zip(masks[::2], masks[1::2], strict=True)
        masks = [b.build("llvm.and", [x.type], [x, y]) for x, y in pairs]
    truth = ir.IntegerType.get_signless(1)
    return b.build("llvm.intr.vector.reduce.and", [truth], masks)
