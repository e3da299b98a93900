"""A vector times the rows of a matrix: one pass over the matrix, as its numbers lie in memory.

    result[j] = sum over k of left[k] * right[j, k]

A few rows at a time, a vector of numbers from each: they are multiplied and added up lane by lane,
and what else is done with them, an update of them for instance, is done while they are in
registers. So the matrix is read once, and written once if it is updated.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from lowering.bindings import ir

from . import masks
from .builder import Builder
from .call_memory import CallMemory
from .parts import Part, call_once, ranges
from .product_arguments import Given, arguments_of
from .product_pack import Panels, pack
from .product_pieces import Finish, Matrix, Piece, Product, least, times, value
from .shuffles import fold

ROWS = 4
"""Rows of the matrix at a time."""
FAR = 4 * 1024 * 1024
"""Bytes of a matrix that comes from memory, not from a cache: it is fetched faster row by row."""
BLOCK = 64
"""Rows whose sums are finished together."""
SHORT = 8
"""Vectors in a row, up to which the sums of as many rows as a vector has lanes are added up
together.
"""


@dataclass(frozen=True, slots=True)
class Passing:
    """What is done with the matrix as it goes by.

    key        all about `emit`, as of Finish
    operands   matrices like the right one, rows j and columns k, that are read or written; their
               columns are 1 apart, or 0
    emit       given a vector width, builds it from the numbers of left, right, and the operands:
               what is new, by the operand's number
    """

    key: Hashable
    operands: tuple[Matrix, ...]
    emit: Callable[[Builder, int, Sequence[ir.Value]], dict[int, ir.Value]]


def emit_sweep(
    b: Builder,
    product: Product,
    finish: Finish,
    passing: Passing,
    team: ir.Value | None = None,
) -> None:
    """Compute a product of one row, whose right matrix has rows that are 1 apart."""
    given = Given()
    arguments = arguments_of(given, product, finish)
    beside = [given.matrix(m) for m in passing.operands]
    given.known.append(passing.key)

    def build(w: Builder, memory: CallMemory, passed: Sequence[ir.Value], part: Part) -> None:
        restored, last = arguments.restored(passed)
        assert isinstance(last, Finish)
        matrices = [arguments.matrix(m, passed) for m in beside]
        _Sweep(w, memory, restored, last, Passing(None, tuple(matrices), passing.emit)).emit(part)

    assert isinstance(product.columns, int)
    assert isinstance(product.depth, int)
    work = product.columns * product.depth
    call_once(b, ("sweep", *given.known), given.values, build, team, work)


class _Sweep:
    """Emits the loops."""

    def __init__(
        self, b: Builder, memory: CallMemory, p: Product, finish: Finish, passing: Passing
    ) -> None:
        self.b, self.finish, self.passing = b, finish, passing
        assert isinstance(p.columns, int)
        assert isinstance(p.depth, int)
        self.columns, self.depth = p.columns, p.depth
        self.lanes, self.size = b.target.lanes, b.bits // 8
        self.rows = 1 if self.columns * self.depth * self.size > FAR else ROWS
        left = Matrix(p.left.base, 0, p.left.column)
        if left.column not in (0, 1):
            room = memory.allocate(self.depth, b.element_type, self.size)
            one, depth = b.integer(1), b.integer(self.depth)
            whole = -(-self.depth // b.target.lanes) * b.target.lanes
            pack(b, Matrix(left.base, 0, left.column), one, depth, Panels(room, 0, whole, 0))
            left = Matrix(room, 0, 1)
        right = Matrix(p.right.base, p.right.column, 1)
        self.operands = [left, right, *passing.operands]
        self.sums = Matrix(memory.allocate(BLOCK, b.element_type, self.size), 0, 1)

    def emit(self, part: Part) -> None:
        """All rows, or those of a part."""
        b = self.b
        blocks = b.integer(-(-self.columns // BLOCK))
        first, end = b.integer(0), blocks
        if part is not None:
            mine = ranges(b, part, (blocks, b.integer(1)), "rows")[0]
            first, end = mine.first, mine.end
        with b.each(b.integer_op("llvm.sub", end, first)) as k:
            start = times(b, b.integer_op("llvm.add", first, k), BLOCK)
            left = b.integer_op("llvm.sub", b.integer(self.columns), start)
            count = least(b, left, b.integer(BLOCK))
            done = b.integer(0)
            if self.depth <= SHORT * self.lanes and self.columns >= self.lanes > 1:
                done = self._several(start, done, count, self.lanes, self._folded)
            done = self._several(start, done, count, self.rows, self._rows)
            if self.rows > 1:
                self._several(start, done, count, 1, self._rows)
            self._finish(start, count)

    def _several(
        self,
        start: ir.Value,
        done: ir.Value,
        count: ir.Value,
        rows: int,
        one: Callable[[ir.Value, ir.Value, int], None],
    ) -> ir.Value:
        """So many rows at a time, of those of a block that are not done; how many are done then."""
        b = self.b
        rest = b.integer_op("llvm.sub", count, done)
        whole = b.integer_op("llvm.udiv", rest, b.integer(rows))
        with b.each(whole) as i:
            one(start, b.integer_op("llvm.add", done, times(b, i, rows)), rows)
        return b.integer_op("llvm.add", done, times(b, whole, rows))

    def _rows(self, start: ir.Value, at: ir.Value, rows: int) -> None:
        """A few rows: their sums, and what is done in passing."""
        b = self.b
        for r, x in enumerate(self._sums_of(b.integer_op("llvm.add", start, at), rows)):
            there = b.integer_op("llvm.add", at, b.integer(r))
            b.store(b.add_lanes(x), self.sums.place(b, b.integer(0), there))

    def _folded(self, start: ir.Value, at: ir.Value, rows: int) -> None:
        """As many rows as a vector has lanes, whose sums become one."""
        b = self.b
        row, sums = b.integer_op("llvm.add", start, at), []
        few = min(self.rows, rows)
        for first in range(0, rows, few):
            sums += self._sums_of(b.integer_op("llvm.add", row, b.integer(first)), few)
        b.store(fold(b, sums), self.sums.place(b, b.integer(0), at))

    def _sums_of(self, row: ir.Value, rows: int) -> list[ir.Value]:
        """The sums of a few rows, lane by lane; what is done in passing is."""
        b = self.b
        zero = b.integer(0)
        places: list[list[ir.Value]] = []
        alike: dict[tuple[int, int], ir.Value] = {}
        for r in range(rows):
            here = b.integer_op("llvm.add", row, b.integer(r))
            places.append([])
            for k, m in enumerate(self.operands):
                places[-1].append(m.place(b, here, zero))
                if m.column == 0:
                    alike[r, k] = b.splat(b.load(places[-1][-1], b.element_type), self.lanes)
        whole, left = divmod(self.depth, self.lanes)
        nothing = b.constant_vector(-0.0, self.lanes, b.element_type)

        def step(k: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
            return self._step(times(b, k, self.lanes), places, alike, sums, None)

        sums = b.repeat(whole, step, [nothing] * rows)
        if left:
            mask = masks.first(b, self.lanes, b.integer(left))
            last = b.integer(whole * self.lanes)
            sums = self._step(last, places, alike, sums, mask)
        return sums

    def _step(
        self,
        k: ir.Value,
        places: Sequence[Sequence[ir.Value]],
        alike: dict[tuple[int, int], ir.Value],
        sums: Sequence[ir.Value],
        mask: ir.Value | None,
    ) -> list[ir.Value]:
        """A vector of every row: all are read, before any is written."""
        b = self.b
        type = b.vector(self.lanes)
        nothing = b.constant_vector(-0.0, self.lanes, b.element_type)
        shared: dict[int, ir.Value] = {}
        loaded: list[list[ir.Value]] = []
        there: list[list[ir.Value]] = []
        for r, bases in enumerate(places):
            there.append([b.offset(base, k, b.element_type) for base in bases])
            loaded.append([])
            for n, m in enumerate(self.operands):
                x = alike.get((r, n), shared.get(n))
                if x is None:
                    place = there[r][n]
                    x = b.load(place, type) if mask is None else masks.load(b, place, mask, nothing)
                if m.row == 0:
                    shared[n] = x
                loaded[r].append(x)
        found = [b.multiply_add(x[0], x[1], sum) for x, sum in zip(loaded, sums, strict=True)]
        for r, x in enumerate(loaded):
            for n, new in self.passing.emit(b, self.lanes, x).items():
                if mask is None:
                    b.store(new, there[r][n])
                else:
                    masks.store(b, new, there[r][n], mask)
        return found

    def _finish(self, start: ir.Value, count: ir.Value) -> None:
        """What becomes of the sums of a block."""
        b = self.b
        zero, lanes = b.integer(0), b.integer(self.lanes)
        whole = b.integer_op("llvm.udiv", count, lanes)

        def piece(v: ir.Value, mask: ir.Value | None, some: ir.Value) -> None:
            at = times(b, v, self.lanes)
            x = b.load(self.sums.place(b, zero, at), b.vector(self.lanes))
            here = Piece(b, zero, b.integer_op("llvm.add", start, at), self.lanes, mask, some)
            self.finish.emit(here, x, self.finish.operands, self.finish.scalars)

        with b.each(whole) as v:
            piece(v, None, lanes)
        left = b.integer_op("llvm.sub", count, times(b, whole, self.lanes))
        with b.when(b.compare_integers("ne", left, zero)):
            piece(whole, masks.first(b, self.lanes, left), value(b, left))
