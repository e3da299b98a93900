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

from . import masks
from .builder import Builder
from .call_memory import CallMemory
from .product_arguments import Given, arguments_of
from .product_kernel import Shape
from .product_library import declared
from .product_pack import pack
from .product_parts import Range, added, call_in_parts, clipped, ranges, tiles_in
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

DEPTH = 256
"""How many k are summed up in registers, at most, before the sums go to memory."""
TILES = 20
"""Tiles of rows in a block."""
MORE_TILES = 56
"""The same where `right` is large, and has to be copied, or read again, for every block."""
FEW_ROWS = 16
"""Results of so few rows stream `right` once, row after row, a few rows at a time."""
STREAMED_DEPTH = 16
"""How many k are summed up in registers then."""
CACHE = 512 * 1024
"""Bytes of `right` that stay next to the core: fewer are never streamed, nor copied for their
strides' sake.
"""
FAR = 4096
"""Rows of `right` that are more bytes apart are copied before many tiles of rows read them."""


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
    types = [x.type for x in given.values] + [b.i64] * (2 if team is not None else 0)
    key = ("product", team is not None, *given.known)
    name = b.shared.get(key)
    if name is None:
        name = b.shared[key] = f"product{len(b.shared)}"
        with b.inside():
            w = b.twin(1)
            attributes = {"no_inline": ir.UnitAttr.get()}
            entry = w.function(name, types, internal=True, attributes=attributes)
            passed = list(entry.arguments)
            memory = CallMemory(w, entry)
            driver = _Driver(w, memory, *arguments.restored(passed))
            driver.emit((passed[-2], passed[-1]) if team is not None else None)
            memory.release()
            w.leave()
    if team is None:
        b.call(name, given.values)
    else:
        sizes = [x for x in (product.rows, product.columns, product.depth) if isinstance(x, int)]
        call_in_parts(b, team, name, given.values, prod(sizes))


@dataclass(frozen=True, slots=True)
class _Rows:
    """A block of rows: the first, how many tiles, and how many rows each of them has."""

    first: ir.Value
    tiles: ir.Value
    size: int


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
        wide = b.target.registers == 32
        self.most_rows, self.most_vectors = (6, 4) if wide else (6, 2)
        if wide and isinstance(product.columns, int) and product.columns <= self.lanes:
            self.most_rows = 12
        self.panel = self.most_vectors * self.lanes
        long = isinstance(finish, Into) and self._is_large()
        self.tiles = MORE_TILES if long else TILES
        self.block = self.most_rows * self.tiles
        self.copied_left = self._is_copied_left()
        self.along = product.left.column == 1 or self.copied_left
        large = self._is_large()
        few = isinstance(product.rows, int) and product.rows <= FEW_ROWS
        far = not isinstance(product.right.row, int) or product.right.row * self.size > FAR
        self.copied_right = product.right.column != 1 or (large and far and not few)
        self.streamed = large and few and not self.copied_right and isinstance(finish, Into)
        self.most_depth = STREAMED_DEPTH if self.streamed else DEPTH
        self.depth = value(b, product.depth)
        self.one = b.constant(1.0)
        self.rooms = {}
        for name, needed, count in (
            ("left", self.copied_left, self.block * DEPTH),
            ("right", self.copied_right, self.panel * DEPTH),
            ("sums", isinstance(finish, Finish), self.block * self.panel),
        ):
            if needed:
                self.rooms[name] = memory.allocate(count, b.element_type, self.size)

    def _is_large(self) -> bool:
        """Whether the right matrix is more than what stays next to the core, as far as is known."""
        columns, depth = self.product.columns, self.product.depth
        if isinstance(columns, int) and isinstance(depth, int):
            return columns * depth * self.size > CACHE
        return False

    def _is_copied_left(self) -> bool:
        """Whether the left matrix is copied: kernels read it along rows or, if these are near,
        along columns.
        """
        left, columns = self.product.left, self.product.columns
        if left.column == 1:
            return False
        if left.row != 1:
            return True
        far = not isinstance(left.column, int) or left.column * self.size > FAR
        many = isinstance(columns, int) and columns > 4 * self.panel
        return far and many and self._is_large()

    def emit(self, part: tuple[ir.Value, ir.Value] | None) -> None:
        """All loops; `part`: those of a part, by its number, of so many."""
        b, p = self.b, self.product
        columns = cut_columns(b, p.columns, self.lanes, self.most_vectors)
        rows = cut_rows(b, p.rows, self.most_rows)
        within: Sequence[Range | None] = (None, None)
        if part is not None:
            first = "rows" if self.copied_left else "columns" if self.copied_right else None
            within = ranges(b, part, (tiles_in(b, rows), tiles_in(b, columns)), first)
        across = clipped(b, columns, within[1])
        for cut, tile in clipped(b, rows, within[0]):
            count = value(b, cut.count)
            with b.each(self._blocks(count, self.tiles)) as block:
                at = added(b, tile, times(b, block, self.tiles))
                at = b.integer_op("llvm.add", value(b, cut.first), times(b, at, cut.size))
                here = _Rows(at, self._in_block(block, count, self.tiles), cut.size)
                self._block(here, across)

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
        once = isinstance(self.product.depth, int) and self.product.depth <= self.most_depth
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
        blocks = self._blocks(self.depth, self.most_depth)
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
        place = left.place(b, rows.first, times(b, block, self.most_depth))
        here = Matrix(place, left.row, left.column)
        if not self.copied_left:
            return here
        depth = self._in_block(block, self.depth, self.most_depth)
        pack(b, here, times(b, rows.tiles, rows.size), depth, self.rooms["left"], DEPTH)
        return Matrix(self.rooms["left"], DEPTH, 1)

    def _panel(
        self, rows: _Rows, cut: Cut, column: ir.Value, block: ir.Value, left: Matrix
    ) -> None:
        """One block of k, for a tile of columns and the rows of a block."""
        b, p = self.b, self.product
        depth = self._in_block(block, self.depth, self.most_depth)
        k = times(b, block, self.most_depth)
        right = Matrix(p.right.place(b, k, column), p.right.row, p.right.column)
        if self.copied_right:
            whole = b.integer((cut.size - 1) * self.lanes)
            count = b.integer_op("llvm.add", value(b, cut.last), whole)
            pack(b, right, depth, count, self.rooms["right"], self.panel)
            right = Matrix(self.rooms["right"], self.panel, 1)
        ragged = cut.last != self.lanes
        name = declared(b, Shape(rows.size, cut.size, self.along, ragged))
        later = b.build("llvm.zext", [b.i64], [b.compare_integers("ne", block, b.integer(0))])
        start, scale, add = b.constant(-0.0), self.one, later
        if isinstance(self.finish, Into):
            result = self.finish.matrix
            result = Matrix(result.place(b, rows.first, column), result.row, 1)
            scale = self.finish.scale if self.finish.scale is not None else self.one
            if self.finish.start is None:
                add = b.integer(1)
            else:
                start = b.constant(self.finish.start)
        else:
            result = Matrix(self.rooms["sums"], self.panel, 1)
        stride = left.row if self.along else left.column
        with b.each(rows.tiles) as tile:
            row = times(b, tile, rows.size)
            zero = b.integer(0)
            b.call(
                name,
                [
                    *(depth, left.place(b, row, zero), value(b, stride)),
                    *(right.base, value(b, right.row)),
                    *(result.place(b, row, zero), value(b, result.row)),
                    *(value(b, cut.last), add, start, scale),
                ],
            )

    def _finish(self, rows: _Rows, cut: Cut, column: ir.Value) -> None:
        """What becomes of the sums of a tile of columns and the rows of a block."""
        b = self.b
        assert isinstance(self.finish, Finish)
        ragged = cut.last != self.lanes
        last = value(b, cut.last)
        mask = masks.first(b, self.lanes, last) if ragged else None
        sums = Matrix(self.rooms["sums"], self.panel, 1)
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
