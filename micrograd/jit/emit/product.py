"""Products of matrices: loops around micro-kernels, which hold a tile of the result in registers.

    result[i, j] = sum over k of left[i, k] * right[k, j]

Sizes are known or run-time values, strides are any. Blocks of rows, then blocks of k, then tiles
of columns, then tiles of rows: the part of `right` that a tile of columns needs stays in the cache
next to the core while tiles of rows go past it. What is not laid out as kernels read it is copied
first. The code of a product is a function of the module; products of which the same is known share
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import prod

from lowering.bindings import ir

from ..schedule.tiles import MANY, Operands, tiles_of
from . import masks
from .builder import Builder
from .call_memory import CallMemory
from .parts import Part, Range, added, call_once, clipped, ranges, tiles_in
from .product_arguments import Given, arguments_of
from .product_kernel import Shape
from .product_library import declared
from .product_pack import pack
from .product_pieces import (
    Count,
    Cut,
    Finish,
    Into,
    Matrix,
    Piece,
    Product,
    cut_columns,
    cut_rows,
    least,
    scattered,
    times,
    value,
)

__all__ = ["Finish", "Into", "Matrix", "Piece", "Product", "emit_product"]


def emit_product(
    b: Builder, product: Product, finish: Into | Finish, team: ir.Value | None = None
) -> None:
    """Compute a product at the present point. Not for strict targets: products are fused.

    team   of threads that share it; results are the same for any number of them
    """
    if isinstance(finish, Into) and finish.matrix.column != 1:
        finish = scattered(b, finish)
    given = Given()
    arguments = arguments_of(given, product, finish)
    sizes = [x for x in (product.rows, product.columns, product.depth) if isinstance(x, int)]

    def build(w: Builder, memory: CallMemory, passed: Sequence[ir.Value], part: Part) -> None:
        _Driver(w, memory, *arguments.restored(passed)).emit(part)

    call_once(b, ("product", *given.known), given.values, build, team, prod(sizes))


@dataclass(frozen=True, slots=True)
class _Rows:
    """A block of rows: the first, how many tiles, and how many rows each of them has."""

    first: ir.Value
    tiles: ir.Value
    size: int


def _known(p: Product, finish: Into | Finish) -> Operands:
    """What is known of a product where its code is made."""

    def one(n: Count) -> int | None:
        return n if isinstance(n, int) else None

    left, right = ((one(m.row), one(m.column)) for m in (p.left, p.right))
    plain = isinstance(finish, Into)
    return Operands(one(p.rows), one(p.columns), one(p.depth), left, right, plain)


class _Driver:
    """Emits the loops of one product."""

    def __init__(
        self, b: Builder, memory: CallMemory, product: Product, finish: Into | Finish
    ) -> None:
        self.b = b
        self.product = product
        self.finish = finish
        self.lanes = b.target.lanes
        self.size = b.bits // 8
        self.tiles = tiles_of(_known(product, finish), b.target)
        self.panel = self.tiles.vectors * self.lanes
        self.depth = value(b, product.depth)
        self.start = finish.start if isinstance(finish, Into) else -0.0
        block, self.stride = self.tiles.rows * self.tiles.blocks, self.panel
        if self.tiles.streamed:
            assert isinstance(product.columns, int)
            assert isinstance(product.rows, int)
            block, self.stride = product.rows, -(-product.columns // self.lanes) * self.lanes
        self.rooms = {}
        for name, needed, count in (
            ("left", self.tiles.copied_left, block * self.tiles.depth),
            ("right", self.tiles.copied_right, self.panel * self.tiles.depth),
            ("sums", isinstance(finish, Finish), block * self.stride),
            ("start", self.start is not None, self.lanes),
        ):
            if needed:
                self.rooms[name] = memory.allocate(count, b.element_type, self.size)
        if self.start is not None:
            b.store(b.constant_vector(self.start, self.lanes, b.element_type), self.rooms["start"])

    def emit(self, part: Part) -> None:
        """All loops; `part`: those of a part, by its number, of so many."""
        b, p = self.b, self.product
        columns = cut_columns(b, p.columns, self.lanes, self.tiles.vectors)
        rows = cut_rows(b, p.rows, self.tiles.rows)
        within: Sequence[Range | None] = (None, None)
        if part is not None:
            whole = self.tiles.copied_right or self.tiles.streamed
            first = "rows" if self.tiles.copied_left else "columns" if whole else None
            within = ranges(b, part, (tiles_in(b, rows), tiles_in(b, columns)), first)
        across = clipped(b, columns, within[1])
        down = clipped(b, rows, within[0])
        if self.tiles.streamed:
            self._stream(down, across)
            return
        for cut, tile in down:
            count = value(b, cut.count)
            with b.each(self._blocks(count, self.tiles.blocks)) as block:
                at = added(b, tile, times(b, block, self.tiles.blocks))
                at = b.integer_op("llvm.add", value(b, cut.first), times(b, at, cut.size))
                here = _Rows(at, self._in_block(block, count, self.tiles.blocks), cut.size)
                self._block(here, across)

    def _stream(
        self, rows: Sequence[tuple[Cut, Count]], columns: Sequence[tuple[Cut, Count]]
    ) -> None:
        """All rows of a few k, then those of the next ones: `right` is read as it lies."""
        b = self.b
        blocks = []
        for cut, tile in rows:
            first = b.integer_op("llvm.add", value(b, cut.first), times(b, tile, cut.size))
            blocks.append(_Rows(first, value(b, cut.count), cut.size))
        with self._depths() as k:
            lefts = [self._left(here, k) for here in blocks]
            for cut, tile in columns:
                with b.each(value(b, cut.count)) as j:
                    column = self._column(cut, tile, j)
                    for here, left in zip(blocks, lefts, strict=True):
                        self._panel(here, cut, column, k, left)
        if isinstance(self.finish, Finish):
            for cut, tile in columns:
                with b.each(value(b, cut.count)) as j:
                    for here in blocks:
                        self._finish(here, cut, self._column(cut, tile, j))

    def _sums(self, rows: _Rows, column: ir.Value) -> Matrix:
        """Where the sums of a block of rows are until they are finished, from a column on."""
        room = Matrix(self.rooms["sums"], self.stride, 1)
        if not self.tiles.streamed:
            return room
        return Matrix(room.place(self.b, rows.first, column), self.stride, 1)

    def _block(self, rows: _Rows, columns: Sequence[tuple[Cut, Count]]) -> None:
        """A block of rows: sums that are finished stay in the cache for all k."""
        b = self.b
        if isinstance(self.finish, Into):
            with self._depths() as k:
                left = self._left(rows, k)
                for cut, tile in columns:
                    with b.each(value(b, cut.count)) as j:
                        self._panel(rows, cut, self._column(cut, tile, j), k, left)
            return
        once = isinstance(self.product.depth, int) and self.product.depth <= self.tiles.depth
        whole = self._left(rows, b.integer(0)) if once else None
        for cut, tile in columns:
            with b.each(value(b, cut.count)) as j:
                column = self._column(cut, tile, j)
                if whole is not None:
                    self._panel(rows, cut, column, b.integer(0), whole)
                else:
                    with self._depths() as k:
                        self._panel(rows, cut, column, k, self._left(rows, k))
                self._finish(rows, cut, column)

    def _blocks(self, count: ir.Value, size: int) -> ir.Value:
        b = self.b
        more = b.integer_op("llvm.add", count, b.integer(size - 1))
        return b.integer_op("llvm.udiv", more, b.integer(size))

    def _in_block(self, block: ir.Value, count: ir.Value, size: int) -> ir.Value:
        """How many there are in a block."""
        b = self.b
        left = b.integer_op("llvm.sub", count, times(b, block, size))
        return least(b, left, b.integer(size))

    def _depths(self) -> AbstractContextManager[ir.Value]:
        """The loop over blocks of k: one at least, so that results are written for none."""
        blocks = self._blocks(self.depth, self.tiles.depth)
        none = self.b.compare_integers("eq", blocks, self.b.integer(0))
        count = self.b.build("llvm.select", [self.b.i64], [none, self.b.integer(1), blocks])
        return self.b.loop(count)

    def _column(self, cut: Cut, tile: Count, j: ir.Value) -> ir.Value:
        b = self.b
        at = times(b, added(b, tile, j), cut.size * self.lanes)
        return b.integer_op("llvm.add", value(b, cut.first), at)

    def _left(self, rows: _Rows, block: ir.Value) -> Matrix:
        """What a block of rows needs of the left matrix for one block of k."""
        b, left = self.b, self.product.left
        place = left.place(b, rows.first, times(b, block, self.tiles.depth))
        here = Matrix(place, left.row, left.column)
        if not self.tiles.copied_left:
            return here
        depth = self._in_block(block, self.depth, self.tiles.depth)
        pack(b, here, times(b, rows.tiles, rows.size), depth, self.rooms["left"], self.tiles.depth)
        return Matrix(self.rooms["left"], self.tiles.depth, 1)

    def _panel(
        self, rows: _Rows, cut: Cut, column: ir.Value, block: ir.Value, left: Matrix
    ) -> None:
        """One block of k, for a tile of columns and the rows of a block."""
        b, p = self.b, self.product
        depth = self._in_block(block, self.depth, self.tiles.depth)
        k = times(b, block, self.tiles.depth)
        right = Matrix(p.right.place(b, k, column), p.right.row, p.right.column)
        if self.tiles.copied_right:
            whole = b.integer((cut.size - 1) * self.lanes)
            count = b.integer_op("llvm.add", value(b, cut.last), whole)
            pack(b, right, depth, count, self.rooms["right"], self.panel)
            right = Matrix(self.rooms["right"], self.panel, 1)
        adjacent = left.row == 1 and b.target.registers < MANY
        shape = Shape(rows.size, cut.size, cut.last != self.lanes, adjacent)
        name = declared(b, shape)
        result, scale = self._result(rows, column), b.constant(1.0)
        if isinstance(self.finish, Into) and self.finish.scale is not None:
            scale = self.finish.scale
        later = b.compare_integers("ne", block, b.integer(0))
        with b.each(rows.tiles) as tile:
            row = times(b, tile, rows.size)
            zero = b.integer(0)
            place = result.place(b, row, zero)
            old = place, value(b, result.row), b.integer(self.lanes)
            if self.start is not None:
                first = self.rooms["start"], zero, zero
                old = tuple([b.select(later, x, y) for x, y in zip(old, first, strict=True)])
            b.call(
                name,
                [
                    *(depth, left.place(b, row, zero), value(b, left.row), value(b, left.column)),
                    *(right.base, value(b, right.row), place, value(b, result.row)),
                    *(*old, value(b, cut.last), scale),
                ],
            )

    def _result(self, rows: _Rows, column: ir.Value) -> Matrix:
        """Where the sums of a tile of columns and the rows of a block go."""
        if not isinstance(self.finish, Into):
            return self._sums(rows, column)
        into = self.finish.matrix
        return Matrix(into.place(self.b, rows.first, column), into.row, 1)

    def _finish(self, rows: _Rows, cut: Cut, column: ir.Value) -> None:
        """What becomes of the sums of a tile of columns and the rows of a block."""
        b = self.b
        assert isinstance(self.finish, Finish)
        ragged = cut.last != self.lanes
        last = value(b, cut.last)
        mask = masks.first(b, self.lanes, last) if ragged else None
        sums = self._sums(rows, column)
        width = b.integer(self.lanes)
        with b.each(times(b, rows.tiles, rows.size)) as r:
            row = b.integer_op("llvm.add", rows.first, r)

            def piece(v: ir.Value, mask: ir.Value | None, count: ir.Value) -> None:
                assert isinstance(self.finish, Finish)
                at = times(b, v, self.lanes)
                x = b.load(sums.place(b, r, at), b.vector(self.lanes))
                place = b.integer_op("llvm.add", column, at)
                here = Piece(b, row, place, self.lanes, mask, count)
                self.finish.emit(here, x, self.finish.operands, self.finish.scalars)

            with b.each(b.integer(cut.size - ragged)) as v:
                piece(v, None, width)
            if ragged:
                piece(b.integer(cut.size - 1), mask, last)
