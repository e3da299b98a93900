"""One statement of a nest -> its loops, and in them vectors of what lies in a row."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from ..ir.extents import is_number
from ..ir.program import Access, Statement
from ..schedule.counts import operations
from ..schedule.courses import Course, reorders, varies
from . import masks
from .indices import trip_count
from .operands import Operands, Piece, moved
from .reductions import Reduction
from .scratch import Scratch
from .shuffles import widen
from .storage import Index, Storage

UNROLLED_TERMS = 32
"""Terms of a reduction, times the vectors side by side, that are written out."""
FEW_POINTS = 16
"""Where a number is a vector of points, a statement's own points that are written out."""
UNROLLED_OPS = 160
"""Operations in them."""

Body = Callable[[Sequence[Index], list[Any]], list[Any]]
"""What is built at a point, given its indices and the values that loops carry; the next values."""
OnPieces = Callable[[Sequence[Index], Sequence[Piece], list[Any]], list[Any]]
"""The same for pieces of the loop that lies in lanes."""


class NestStatement:
    """Emits a statement inside of loops whose indices are `around`.

    lanes   what the iterations in lanes add up to has so many of its own, perhaps fewer than these
    """

    def __init__(
        self,
        storage: Storage,
        s: Statement,
        course: Course,
        around: Sequence[Index],
        copies: Mapping[Access, Scratch],
        tiles: Collection[str],
        whole: Piece,
        lanes: int | None = None,
    ) -> None:
        self.b = storage.b
        self.storage = storage
        self.s = s
        self.course = course
        self.start = [*around, *[(0, None)] * (len(s.domain) - len(around))]
        self.operands = Operands(storage, s, course, copies, tiles)
        self.whole = whole
        self.lanes = lanes
        self.reduction = Reduction(storage.b, s.accumulate)

    def emit(self) -> None:
        """The whole."""
        course = self.course

        def point(at: Sequence[Index], _: list[Any]) -> list[Any]:
            if course.across or course.lane is None:
                self._pieces(at, [self.whole], [])
            elif course.sums_lanes:
                self._reduce_lanes(at)
            else:
                self._along(at, self._pieces)
            return []

        lanes = [] if course.lane is None or course.across else [course.lane]
        self._loops(course.around, [*lanes, *course.inside], self.start, point)

    # -- loops ---------------------------------------------------------------------------------

    def _loops(
        self,
        dims: Sequence[int],
        after: Sequence[int],
        at: Sequence[Index],
        body: Body,
        carried: Sequence[Any] = (),
        pieces: Sequence[Piece] = (),
    ) -> list[Any]:
        """`body` at every point of some loops; the loops `after` them are inside of it."""
        if not dims:
            return body(at, list(carried))
        d, *rest = dims
        count = self._count(d, at)
        if self.b.lanes > 1 and isinstance(count, int) and self._points(dims, after) <= FEW_POINTS:
            found = list(carried)
            for k in range(count):
                found = self._loops(rest, after, moved(at, d, (k, None)), body, found, pieces)
            return found

        def inner(i: Any, values: list[Any]) -> list[Any]:
            return self._loops(rest, after, moved(at, d, (0, i)), body, values, pieces)

        return self.b.repeat(
            count,
            inner,
            carried,
            lambda: self._before(d, [*rest, *after], at, pieces),
            most=int(self.s.domain[d]),
        )

    def _count(self, d: int, at: Sequence[Index]) -> int | Any:
        return trip_count(self.storage, self.s.domain[d], at)

    def _points(self, dims: Sequence[int], after: Sequence[int]) -> int:
        """How many points some loops have at most."""
        return prod(int(self.s.domain[d]) for d in (*dims, *after))

    def _before(
        self, d: int, inside: Sequence[int], at: Sequence[Index], pieces: Sequence[Piece]
    ) -> None:
        """Load what is the same for all iterations of a loop, and certainly read in the first."""
        if not all(self._known(inner) for inner in inside):
            return
        self.operands.load_ahead([d, *inside], at, pieces, self.whole)

    def _known(self, d: int) -> int | None:
        count = self.s.domain[d]
        return count if is_number(count) else None

    def _along(self, at: Sequence[Index], body: OnPieces, carried: Sequence[Any] = ()) -> list[Any]:
        """`body` for all pieces of the loop that lies in lanes, several at a time."""
        assert self.course.lane is not None
        count = self._count(self.course.lane, at)
        if isinstance(count, int):
            return self._along_known(count, at, body, carried)
        return self._along_counted(count, at, body, carried)

    def _along_known(
        self, count: int, at: Sequence[Index], body: OnPieces, carried: Sequence[Any]
    ) -> list[Any]:
        """Blocks of pieces side by side, and then what is left, of which the last is shorter."""
        width, sides = self.course.width, self.course.sides
        blocks, left = divmod(count, width * sides)
        if blocks == 1:
            row = [Piece((k * width, None), width) for k in range(sides)]
            carried = body(at, row, list(carried))
        else:
            carried = self._blocks(blocks, (0, None), sides, width, at, body, carried)
        starts = range(count - left, count, width)
        row = [Piece((start, None), min(width, count - start)) for start in starts]
        return body(at, row, list(carried)) if row else list(carried)

    def _along_counted(
        self, count: Any, at: Sequence[Index], body: OnPieces, carried: Sequence[Any]
    ) -> list[Any]:
        """The same, where the count is known only then: what is left is masked, or one by one."""
        b, lane = self.b, self.course.lane
        width, masked = self.course.width, self._is_maskable
        assert lane is not None
        done = b.integer(0)
        if int(self.s.domain[lane]) > width or not masked:
            for copies in dict.fromkeys((self.course.sides, 1)):
                step = b.integer(copies * width)
                times = b.integer_op("llvm.udiv", b.integer_op("llvm.sub", count, done), step)
                carried = self._blocks(times, (0, done), copies, width, at, body, carried)
                done = b.integer_op("llvm.add", done, b.integer_op("llvm.mul", times, step))
        left = b.integer_op("llvm.sub", count, done)
        if not masked:
            return self._blocks(left, (0, done), 1, 1, at, body, carried)

        def part(_: Any, values: list[Any]) -> list[Any]:
            mask = masks.first(b, width, left)
            return body(at, [Piece((0, done), width, mask, left)], values)

        once = b.build("llvm.intr.umin", [b.i64], [left, b.integer(1)])
        return b.repeat(once, part, carried)

    @property
    def _is_maskable(self) -> bool:
        return self.operands.is_maskable

    def _blocks(
        self,
        times: int | Any,
        first: Index,
        copies: int,
        width: int,
        at: Sequence[Index],
        body: OnPieces,
        carried: Sequence[Any],
    ) -> list[Any]:
        """So many times so many pieces side by side, on from the first."""
        b, lane = self.b, self.course.lane
        assert lane is not None
        inside = [d for d in self.course.inside if d != lane]

        def several(i: Any, values: list[Any]) -> list[Any]:
            fixed, value = first
            further = b.integer_op("llvm.mul", i, b.integer(copies * width))
            value = further if value is None else b.integer_op("llvm.add", value, further)
            row = [Piece((fixed + k * width, value), width) for k in range(copies)]
            return body(at, row, values)

        return b.repeat(times, several, carried, lambda: self._before(lane, inside, at, ()))

    # -- points --------------------------------------------------------------------------------

    def _pieces(self, at: Sequence[Index], pieces: Sequence[Piece], _: list[Any]) -> list[Any]:
        """The target's elements in some pieces: assigned, or reduced to in registers."""
        if self.s.accumulate is None:
            for piece in pieces:
                self.operands.write(at, piece, self.operands.value(self.s.expr, at, piece))
            return []
        found = [self._begin(at, piece) for piece in pieces]
        inside = self.course.inside
        counts = [self._known(d) for d in inside]
        vectors = sum(-(-piece.width // self.b.target.lanes) for piece in pieces)
        if None not in counts and self._is_short(prod(c or 0 for c in counts) * vectors):
            found = self._written_out(at, pieces, found)
        else:

            def term(there: Sequence[Index], sums: list[Any]) -> list[Any]:
                return [
                    self.reduction.combined(x, self.operands.value(self.s.expr, there, piece))
                    for x, piece in zip(sums, pieces, strict=True)
                ]

            found = self._loops(inside, (), at, term, found, pieces)
        for x, piece in zip(found, pieces, strict=True):
            self._finish(at, piece, x)
        return []

    @property
    def _is_common(self) -> bool:
        """Whether the lanes, iterations of the nest, reduce into the same element."""
        target = self.s.target
        tiled = target.array in self.operands.tiles
        return self.course.across and not tiled and not varies(target, 0)

    def _fewer(self, piece: Piece) -> Piece | None:
        """The target's lanes, if those of a piece, which are more, reduce into them."""
        if piece.width > 1 and self._is_common:
            return Piece(piece.start)
        if self.lanes is not None and (piece.width > self.lanes or piece.there is not None):
            return Piece(piece.start, self.lanes)
        return None

    def _begin(self, at: Sequence[Index], piece: Piece) -> Any:
        """What a reduction begins with."""
        op = self.s.accumulate
        if self._fewer(piece) is None:
            return self.operands.fetch(self.s.target, at, piece)
        assert op is not None
        assert op.identity is not None
        return self.b.splat(self.b.constant(op.identity), piece.width)

    def _finish(self, at: Sequence[Index], piece: Piece, x: Any) -> None:
        """Set the target to what a reduction gave."""
        fewer = self._fewer(piece)
        if fewer is not None:
            before = self.operands.fetch(self.s.target, at, fewer)
            x = self.reduction.into(before, self.reduction.first(x, piece.there))
        self.operands.write(at, fewer or piece, x)

    def _is_short(self, terms: int) -> bool:
        return terms <= UNROLLED_TERMS and terms * operations(self.s.expr) <= UNROLLED_OPS

    def _written_out(
        self, at: Sequence[Index], pieces: Sequence[Piece], found: Sequence[Any]
    ) -> list[Any]:
        """What is reduced, its terms in straight code; in several chains, if the order is free."""
        inside = self.course.inside
        points = list(product(*(range(self.s.domain[d]) for d in inside)))
        free = reorders(self.s.accumulate, self.b.target.strict)
        chains = max(1, min(4 // len(pieces), len(points) // 4)) if free else 1
        sums: list[list[Any]] = [[x, *[None] * (chains - 1)] for x in found]
        for number, point in enumerate(points):
            there = list(at)
            for d, i in zip(inside, point, strict=True):
                there[d] = (i, None)
            for k, piece in enumerate(pieces):
                term = self.operands.value(self.s.expr, there, piece)
                before = sums[k][number % chains]
                sums[k][number % chains] = (
                    term if before is None else self.reduction.combined(before, term)
                )
        return [self.reduction.tree([x for x in chain if x is not None]) for chain in sums]

    def _reduce_lanes(self, at: Sequence[Index]) -> None:
        """Reduce over the lanes too: partial results in each, and then those."""
        b, course, op = self.b, self.course, self.s.accumulate
        assert op is not None
        assert op.identity is not None
        identity = op.identity
        nothing = b.splat(b.constant(identity), course.width)

        def terms(there: Sequence[Index], pieces: Sequence[Piece], sums: list[Any]) -> list[Any]:
            sums = list(sums)
            for k, piece in enumerate(pieces):
                x = self.operands.value(self.s.expr, there, piece)
                if piece.width < course.width:
                    x = widen(b, x, course.width, identity)
                if piece.mask is not None:
                    x = b.select(piece.mask, x, nothing)
                sums[k] = self.reduction.combined(sums[k], x)
            return sums

        *outer, lane = course.inside
        sums = self._loops(
            outer,
            [lane],
            at,
            lambda there, values: self._along(there, terms, values),
            [nothing] * course.sides,
        )
        total = self.reduction.across(self.reduction.tree(sums))
        before = self.operands.fetch(self.s.target, at, Piece())
        self.operands.write(at, Piece(), self.reduction.combined(before, total))
