"""A product of matrices -> a function of register tiles, which equal products of a module share.

A tile of the result stays in registers while its sum goes over the depth; vectors run along the
columns, those that are left are masked. A right factor whose rows do not lie in a row is copied
first, so that they do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lowering.bindings import ir

from . import masks
from .builder import Builder
from .call_memory import CallMemory

TILE_ROWS = 6
"""Rows of a tile, whose numbers are spread over vectors of the right factor."""
TILE_VECTORS = 4
"""Vectors side by side in a row of a tile, where there are 32 registers; else half of them."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Where element [0, 0] is, and by how many elements a step to the next row or column is."""

    base: ir.Value
    row: int
    column: int


@dataclass(frozen=True, slots=True)
class Product:
    """`sum over k of left[i, k] * right[k, j]`, for rows i and columns j; sizes are numbers or i64.

    most   how much these are at most
    """

    rows: int | ir.Value
    columns: int | ir.Value
    depth: int | ir.Value
    left: Matrix
    right: Matrix
    most: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Finish:
    """What is done with each vector of sums: `emit(piece, sum, operands, scalars)`.

    It stands in a function that products share, so it uses only what it is given; `key` says all
    about it but where operands are.
    """

    key: Any
    operands: Sequence[Matrix]
    scalars: Sequence[ir.Value]
    emit: Callable[[Piece, ir.Value, Sequence[Matrix], Sequence[ir.Value]], None]


@dataclass(frozen=True, slots=True)
class Piece:
    """A vector of the result, `width` numbers from `column` on; of those, which a mask leaves out
    are not there.
    """

    b: Builder
    row: ir.Value
    column: ir.Value
    width: int
    mask: ir.Value | None = None

    def load(self, m: Matrix) -> ir.Value:
        """The numbers of a matrix there."""
        b, address = self.b, _address(self.b, m, self.row, self.column)
        if m.column == 0:
            return b.splat(b.load(address, b.number), self.width)
        if m.column == 1 and self.mask is None:
            return b.load(address, b.vector(self.width), b.bits // 8)
        if m.column == 1:
            otherwise = b.splat(b.constant(0.0), self.width)
            return masks.load(b, address, self.mask, otherwise)
        return b.assemble([self._one(m, k) for k in range(self.width)])

    def _one(self, m: Matrix, lane: int) -> ir.Value:
        """One lane's number; that of the first where it is not there."""
        b = self.b
        at = b.integer_op("llvm.add", self.column, b.integer(lane))
        if self.mask is not None:
            there = self._is_there(lane)
            at = b.build("llvm.select", [b.i64], [there, at, self.column])
        return b.load(_address(b, m, self.row, at), b.number)

    def _is_there(self, lane: int) -> ir.Value:
        b = self.b
        return b.build("llvm.extractelement", [b.i1], [self.mask, b.integer(lane)])

    def store(self, x: ir.Value, m: Matrix) -> None:
        """Write the numbers of a matrix there."""
        b = self.b
        if m.column == 1:
            address = _address(b, m, self.row, self.column)
            if self.mask is None:
                b.store(x, address, b.bits // 8)
            else:
                masks.store(b, x, address, self.mask)
            return
        for lane in range(self.width):
            number = b.extract(x, lane) if self.width > 1 else x
            at = b.integer_op("llvm.add", self.column, b.integer(lane))
            if self.mask is None:
                b.store(number, _address(b, m, self.row, at))
            else:
                with b.when(self._is_there(lane)):
                    b.store(number, _address(b, m, self.row, at))


def _address(b: Builder, m: Matrix, row: Any, column: Any) -> ir.Value:
    index = b.integer(0)
    for at, stride in ((row, m.row), (column, m.column)):
        if stride:
            index = b.integer_op("llvm.add", index, b.integer_op("llvm.mul", at, b.integer(stride)))
    return b.element(m.base, index, b.number)


def emit_product(b: Builder, product: Product, finish: Finish) -> None:
    """A call of the function for such products, which is built if it is not there."""
    matrices = [product.left, product.right, *finish.operands]
    sizes = [product.rows, product.columns, product.depth]
    given = [n for n in sizes if not isinstance(n, int)]
    strides = [(m.row, m.column) for m in matrices]
    static = [n if isinstance(n, int) else None for n in sizes]
    said = repr((static, product.most, strides, finish.key))
    said += str([str(x.type) for x in finish.scalars])
    name = f"product.{hashlib.sha1(said.encode()).hexdigest()[:16]}"
    passed = [*(m.base for m in matrices), *given, *finish.scalars]
    if b.is_new(name):
        with b.inside():
            _define(b, name, product, finish, [x.type for x in passed])
    b.call(name, passed)


def _define(
    b: Builder, name: str, product: Product, finish: Finish, types: Sequence[ir.Type]
) -> None:
    marks = {"no_inline": ir.UnitAttr.get(), "no_unwind": ir.UnitAttr.get()}
    block = b.function(name, types, internal=True, attributes=marks)
    arguments = list(block.arguments)
    matrices = [
        Matrix(arguments.pop(0), m.row, m.column)
        for m in (product.left, product.right, *finish.operands)
    ]
    rows, columns, depth = [
        n if isinstance(n, int) else arguments.pop(0)
        for n in (product.rows, product.columns, product.depth)
    ]
    memory = CallMemory(b, block)
    left, right, *operands = matrices
    here = Product(rows, columns, depth, left, right, product.most)
    tiles = _Tiles(b, here, Finish(finish.key, operands, arguments, finish.emit))
    if right.column not in (0, 1):
        tiles.right = _copied(b, memory, here)
    tiles.emit()
    memory.release()
    b.leave()


def _copied(b: Builder, memory: CallMemory, here: Product) -> Matrix:
    """A copy of the right factor whose rows lie in a row."""
    _, columns, depth = here.most
    base = memory.allocate(columns * depth, b.number, b.bits // 8)
    copy = Matrix(base, columns, 1)
    with b.each(here.columns) as j, b.each(here.depth) as k:
        b.store(b.load(_address(b, here.right, k, j), b.number), _address(b, copy, k, j))
    return copy


class _Tiles:
    """The tiles of one product."""

    def __init__(self, b: Builder, product: Product, finish: Finish) -> None:
        self.b = b
        self.product = product
        self.right = product.right
        self.finish = finish

    def emit(self) -> None:
        """Columns of tiles, full ones, single vectors, and what is left."""
        b, columns = self.b, self.product.columns
        width = b.target.lanes
        done: Any = b.integer(0)
        for vectors in (TILE_VECTORS if b.target.avx512 else TILE_VECTORS // 2, 1):
            step = vectors * width
            left = self._minus(columns, done)
            times = b.integer_op("llvm.udiv", left, b.integer(step))
            with b.each(times) as number:
                at = b.integer_op("llvm.add", done, self._times(number, step))
                self._rows(at, vectors, None)
            done = b.integer_op("llvm.add", done, self._times(times, step))
        left = self._minus(columns, done)
        with b.when(b.compare_integers("slt", b.integer(0), left)):
            self._rows(done, 1, masks.first(b, width, left))

    def _minus(self, count: int | ir.Value, done: ir.Value) -> ir.Value:
        return self.b.integer_op("llvm.sub", self._value(count), done)

    def _times(self, x: ir.Value, factor: int) -> ir.Value:
        return self.b.integer_op("llvm.mul", x, self.b.integer(factor))

    def _value(self, count: int | ir.Value) -> ir.Value:
        return self.b.integer(count) if isinstance(count, int) else count

    def _rows(self, column: ir.Value, vectors: int, mask: ir.Value | None) -> None:
        b, rows = self.b, self.product.rows
        step = TILE_ROWS
        full = (
            rows // step
            if isinstance(rows, int)
            else b.integer_op("llvm.udiv", rows, b.integer(step))
        )
        with b.each(full) as number:
            self._tile(self._times(number, step), column, step, vectors, mask)
        done = self._times(self._value(full), step)
        if isinstance(rows, int):
            if rows % step:
                self._tile(done, column, rows % step, vectors, mask)
            return
        with b.each(self._minus(rows, done)) as number:
            self._tile(b.integer_op("llvm.add", done, number), column, 1, vectors, mask)

    def _tile(
        self, row: ir.Value, column: ir.Value, rows: int, vectors: int, mask: ir.Value | None
    ) -> None:
        b, width = self.b, self.b.target.lanes
        at = [b.integer_op("llvm.add", row, b.integer(r)) for r in range(rows)]
        pieces = [
            Piece(b, at[0], b.integer_op("llvm.add", column, b.integer(v * width)), width, mask)
            for v in range(vectors)
        ]
        zero = b.splat(b.constant(-0.0), width)

        def body(k: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
            right = [Piece(b, k, p.column, width, mask).load(self.right) for p in pieces]
            after = []
            for r in range(rows):
                number = b.load(_address(b, self.product.left, at[r], k), b.number)
                x = b.splat(number, width)
                for v in range(vectors):
                    after.append(self._fma(x, right[v], sums[r * vectors + v]))
            return after

        sums = b.repeat(self.product.depth, body, [zero] * (rows * vectors))
        for r in range(rows):
            for v, p in enumerate(pieces):
                with b.scope():
                    piece = Piece(b, at[r], p.column, width, mask)
                    self.finish.emit(
                        piece, sums[r * vectors + v], self.finish.operands, self.finish.scalars
                    )

    def _fma(self, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
        name = "llvm.intr.fma" if self.b.target.fma else "llvm.intr.fmuladd"
        return self.b.build(name, [z.type], [x, y, z])
