"""Products of matrices: loops around micro-kernels, which hold a tile of the result in registers.

    result[i, j] = sum over k of left[i, k] * right[k, j]

Sizes are known or run-time values, strides are any. Blocks of rows, then blocks of columns, then
blocks of k, then tiles: what a block needs of `right` stays in the cache next to the core while
tiles of rows go past it. What is not laid out as kernels read it is copied first. The code of a
product is a function of the module; products of which the same is known share it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf, prod

from lowering.bindings import ir

from ..schedule.tiles import MANY, Operands, tiles_of
from . import masks
from .builder import Builder
from .call_memory import CallMemory
from .parts import Part, Range, added, call_once, clipped, ranges, tiles_in
from .product_arguments import Given, arguments_of
from .product_fetch import fetch, fetch_right
from .product_kernel import Shape
from .product_library import declared
from .product_pack import Panels, pack
from .product_pieces import (
    Count,
    Finish,
    Into,
    Matrix,
    Piece,
    Product,
    cut_columns,
    cut_rows,
    divided,
    scattered,
    times,
    value,
)
from .product_stream import stream
from .product_strips import Strip, behind, blocks, each, extent, in_block, strips

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

    call_once(b, ("product", *given.known), given.values, build, team, prod(sizes), explicit=True)


@dataclass(frozen=True, slots=True)
class _Block:
    """A block of rows, of columns and of k: what it has, and where it finds its operands.

    last   whether its k are the last; None: they are the only ones
    """

    rows: Sequence[Strip]
    columns: Sequence[Strip]
    number: ir.Value
    depth: ir.Value
    last: ir.Value | None
    left: Matrix
    right: Matrix


def _known(p: Product, finish: Into | Finish) -> Operands:
    """What is known of a product where its code is made."""

    def one(n: Count) -> int | None:
        return n if isinstance(n, int) else None

    left, right = ((one(m.row), one(m.column)) for m in (p.left, p.right))
    plain = isinstance(finish, Into)
    return Operands(one(p.rows), one(p.columns), one(p.depth), left, right, plain, p.at_most)


class _Driver:
    """Emits the loops of one product."""

    def __init__(
        self, b: Builder, memory: CallMemory, product: Product, finish: Into | Finish
    ) -> None:
        self.b = b
        self.product = product
        self.finish = finish
        self.lanes = b.target.lanes
        known = _known(product, finish)
        self.tiles = t = tiles_of(known, b.target)
        self.depth = value(b, product.depth)
        self.once = isinstance(product.depth, int) and product.depth <= t.depth
        self.into = finish if isinstance(finish, Into) else Into(product.left, -0.0)
        self.start = self.into.start
        rows, self.width = t.rows * t.blocks, t.columns * (t.across or 1)
        self.whole = known.most[0] <= rows
        self.ahead = t.copied_right and product.right.column == 1 and known.most[2] > t.depth
        rows = min(rows, known.most[0])
        if t.across is None:
            assert isinstance(product.columns, int)
            self.width = -(-product.columns // self.lanes) * self.lanes
        self.rooms = {}
        for name, needed, count in (
            ("left", t.copied_left, rows * t.depth),
            ("right", t.copied_right, self.width * t.depth),
            ("sums", isinstance(finish, Finish), rows * self.width),
            ("start", isinstance(self.start, float), self.lanes),
        ):
            if needed:
                self.rooms[name] = memory.allocate(count, b.element_type, b.bits // 8)
        if isinstance(self.start, float):
            b.store(b.constant_vector(self.start, self.lanes, b.element_type), self.rooms["start"])

    def emit(self, part: Part) -> None:
        """All loops; `part`: those of a part, by its number, of so many."""
        b, p, t = self.b, self.product, self.tiles
        columns = cut_columns(b, p.columns, self.lanes, t.vectors)
        rows = cut_rows(b, p.rows, t.rows)
        within: Sequence[Range | None] = (None, None)
        if part is not None:
            first = "rows" if t.copied_left else "columns" if t.copied_right or t.streamed else None
            within = ranges(b, part, (tiles_in(b, rows), tiles_in(b, columns)), first)
        down = strips(b, clipped(b, rows, within[0]), 1)
        across = strips(b, clipped(b, columns, within[1]), self.lanes)
        if not down or not across:
            return
        for block in blocks(b, down, None if self.whole else t.blocks):
            whole = self._left(block, b.integer(0)) if self.once else None
            for wide in blocks(b, across, t.across):
                if t.by_rows and isinstance(self.finish, Finish):
                    sums = Matrix(self.rooms["sums"], self.width, 1)
                    stream(b, self.product.left, self.product.right, self.depth, wide, sums)
                    self._finish(self.finish, block, wide)
                    continue
                with self._depths() as (k, last):
                    left = whole or self._left(block, k)
                    depth = in_block(b, k, self.depth, t.depth)
                    right = self._right(wide, k, depth)
                    self._sum(_Block(block, wide, k, depth, last, left, right))
                if isinstance(self.finish, Finish):
                    self._finish(self.finish, block, wide)

    @contextmanager
    def _depths(self) -> Iterator[tuple[ir.Value, ir.Value | None]]:
        """The loop over blocks of k: one at least, so that results are written for none. The number
        of a block, and whether it is the last.
        """
        b = self.b
        if self.once:
            yield b.integer(0), None
            return
        count = divided(b, self.depth, b.integer(self.tiles.depth))
        none = b.compare_integers("eq", count, b.integer(0))
        count = b.select(none, b.integer(1), count)
        with b.loop(count) as k:
            behind = b.integer_op("llvm.add", k, b.integer(1))
            yield k, b.compare_integers("eq", behind, count)

    def _left(self, rows: Sequence[Strip], block: ir.Value) -> Matrix:
        """What a block of rows needs of the left matrix for one block of k."""
        b, left = self.b, self.product.left
        here = left.place(b, value(b, rows[0].first), times(b, block, self.tiles.depth))
        if not self.tiles.copied_left:
            return Matrix(here, left.row, left.column)
        depth = in_block(b, block, self.depth, self.tiles.depth)
        room, stride = self.rooms["left"], self.tiles.depth
        into = Panels(room, stride, -(-stride // self.lanes) * self.lanes, 0)
        pack(b, Matrix(here, left.row, left.column), extent(b, rows), depth, into)
        return Matrix(room, stride, 1)

    def _right(self, columns: Sequence[Strip], block: ir.Value, depth: ir.Value) -> Matrix:
        """What a block of columns needs of the right matrix; a copy has tile after tile."""
        b, right = self.b, self.product.right
        first = columns[0]
        here = right.place(b, times(b, block, self.tiles.depth), value(b, first.first))
        if not self.tiles.copied_right:
            return Matrix(here, right.row, right.column)
        count = times(b, first.count, first.extent)
        count = b.integer_op("llvm.sub", count, self._missing(first))
        into = Panels(room := self.rooms["right"], n := first.extent, n, n * self.tiles.depth)
        pack(b, Matrix(here, right.row, right.column), depth, count, into)
        return Matrix(room, n, self.tiles.depth)

    def _missing(self, strip: Strip) -> ir.Value:
        """How many lanes of the last vector are not there."""
        return self.b.integer_op("llvm.sub", self.b.integer(self.lanes), value(self.b, strip.last))

    def _sum(self, block: _Block) -> None:
        """All tiles of a block: the right matrix once if it is as it lies, else the left one."""
        b = self.b
        if self.tiles.streamed:
            for across in block.columns:
                for j in each(b, across):
                    for down in block.rows:
                        for i in each(b, down):
                            self._tile(block, down, i, across, j)
            return
        for down in block.rows:
            for i in each(b, down):
                for across in block.columns:
                    for j in each(b, across):
                        self._tile(block, down, i, across, j)

    def _tile(
        self, block: _Block, down: Strip, row: ir.Value, across: Strip, column: ir.Value
    ) -> None:
        """One tile of the result, from one block of k."""
        b = self.b
        i, j = (behind(b, x, s[0].first) for x, s in ((row, block.rows), (column, block.columns)))
        zero = b.integer(0)
        result = self._result(block, row, column)
        if self.tiles.ahead:
            behind_it = result.place(b, zero, b.integer(across.extent))
            fetch(b, Matrix(behind_it, result.row, 1), down.size, across.size, written=True)
        if self.ahead:
            after = times(b, b.integer_op("llvm.add", block.number, b.integer(1)), self.tiles.depth)
            fetch_right(b, self.product, self.tiles, after, (i, column), across.size)
        left, right = block.left, block.right
        adjacent = left.row == 1 and b.target.registers < MANY
        shape = Shape(down.size, across.size, across.last != self.lanes, adjacent)
        b.call(
            declared(b, shape),
            [
                *(block.depth, left.place(b, i, zero), value(b, left.row), value(b, left.column)),
                *(right.place(b, zero, j), value(b, right.row)),
                *(result.base, value(b, result.row), *self._old(block, result, row, column)),
                *(value(b, across.last), self.into.scale or b.constant(1.0)),
                *self._last(block, result, (row, column), (down.size, across.size)),
            ],
        )

    def _old(
        self, block: _Block, result: Matrix, row: ir.Value, column: ir.Value
    ) -> Sequence[ir.Value]:
        """What a tile is added to, as a kernel takes it: first to what it begins with."""
        b, start = self.b, self.start
        zero, lanes = b.integer(0), b.integer(self.lanes)
        old = result.base, value(b, result.row), lanes
        if start is None:
            return old
        if isinstance(start, Matrix):
            first = start.place(b, row, column), value(b, start.row), lanes
        else:
            first = self.rooms["start"], zero, zero
        if self.once:
            return first
        later = b.compare_integers("ne", block.number, zero)
        return [b.select(later, x, y) for x, y in zip(old, first, strict=True)]

    def _last(
        self, block: _Block, result: Matrix, at: tuple[ir.Value, ir.Value], size: tuple[int, int]
    ) -> Sequence[ir.Value]:
        """What becomes of a tile in the last block of k, as a kernel takes it."""
        b, gate = self.b, self.into.gate
        lowest, never = b.constant(-inf), b.integer(0)
        floor, gated = b.constant(0.0 if self.into.floor else -inf), b.integer(gate is not None)
        if block.last is not None:
            floor, gated = b.select(block.last, floor, lowest), b.select(block.last, gated, never)
        if gate is None:
            return floor, gated, result.base, never
        there = Matrix(gate.place(b, *at), gate.row, 1)
        fetch(b, there, *size)
        return floor, gated, there.base, value(b, there.row)

    def _result(self, block: _Block, row: ir.Value, column: ir.Value) -> Matrix:
        """Where the sums of a tile go."""
        b = self.b
        if isinstance(self.finish, Into):
            return Matrix(self.into.matrix.place(b, row, column), self.into.matrix.row, 1)
        sums = Matrix(self.rooms["sums"], self.width, 1)
        i, j = behind(b, row, block.rows[0].first), behind(b, column, block.columns[0].first)
        return Matrix(sums.place(b, i, j), self.width, 1)

    def _finish(self, finish: Finish, rows: Sequence[Strip], columns: Sequence[Strip]) -> None:
        """What becomes of the sums of a block of rows and one of columns."""
        b = self.b
        sums = Matrix(self.rooms["sums"], self.width, 1)
        masks_of = [
            masks.first(b, self.lanes, value(b, s.last)) if s.last != self.lanes else None
            for s in columns
        ]
        with b.each(extent(b, rows)) as r:
            row = value(b, added(b, rows[0].first, r))

            def piece(at: ir.Value, mask: ir.Value | None, count: Count) -> None:
                place = sums.place(b, r, behind(b, at, columns[0].first))
                x = b.load(place, b.vector(self.lanes))
                here = Piece(b, row, at, self.lanes, mask, value(b, count))
                finish.emit(here, x, finish.operands, finish.scalars)

            for strip, mask in zip(columns, masks_of, strict=True):
                ragged = mask is not None
                with b.each(times(b, strip.count, strip.size - ragged)) as v:
                    at = added(b, strip.first, times(b, v, self.lanes))
                    piece(value(b, at), None, self.lanes)
                if ragged:
                    with b.each(strip.count):
                        last = added(b, strip.first, (strip.size - 1) * self.lanes)
                        piece(value(b, last), mask, strip.last)
