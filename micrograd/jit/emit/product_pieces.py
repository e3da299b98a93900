"""What products are made of: matrices in memory, pieces of the result, and how it is cut up."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lowering.bindings import ir

from . import masks
from .builder import Builder

Count: TypeAlias = "int | ir.Value"
"""A number that is known now, or an i64."""


UNKNOWN = 1 << 30
"""More than there are of anything."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Numbers in memory: the address of the first, and how many elements rows, and columns, are
    apart. 0 is the same number everywhere.
    """

    base: ir.Value
    row: Count
    column: Count

    def place(self, b: Builder, row: ir.Value, column: ir.Value) -> ir.Value:
        """The address of an element."""
        number = b.integer_op("llvm.add", times(b, row, self.row), times(b, column, self.column))
        return b.offset(self.base, number, b.element_type)


@dataclass(frozen=True, slots=True)
class Product:
    """left . right, of rows x depth and depth x columns elements.

    most   how many rows, columns and depth there are at most; None: that is not known
    """

    rows: Count
    columns: Count
    depth: Count
    left: Matrix
    right: Matrix
    most: tuple[int, int, int] | None = None

    @property
    def at_most(self) -> tuple[int, int, int]:
        """What is known of `most`; numbers beyond all others for what is not."""
        rows, columns, depth = [
            n if isinstance(n, int) else UNKNOWN for n in (self.rows, self.columns, self.depth)
        ]
        return self.most or (rows, columns, depth)

    def transposed(self) -> Product:
        """The product whose result is the transpose of this one's.

        A result whose columns are not 1 apart, but whose rows are, is better made this way.
        """
        left = Matrix(self.right.base, self.right.column, self.right.row)
        right = Matrix(self.left.base, self.left.column, self.left.row)
        most = self.most and (self.most[1], self.most[0], self.most[2])
        return Product(self.columns, self.rows, self.depth, left, right, most)


@dataclass(frozen=True, slots=True)
class Into:
    """Where the result goes: `matrix = start + scale * sum`, or `+= scale * sum` for no start.

    Its columns should be 1 apart, else it is written element by element, if that is all.

    start   a number, or a matrix whose columns are 1 apart
    floor   whether what is below 0 becomes 0
    gate    a matrix whose columns are 1 apart: what is where it is not above 0 becomes 0
    """

    matrix: Matrix
    start: Matrix | float | None = 0.0
    scale: ir.Value | None = None
    floor: bool = False
    gate: Matrix | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """What becomes of the result, a vector at a time, each when its sum is complete.

    key        all about `emit`: where it is equal, and so is what is known of sizes and strides,
               products share their code
    operands   matrices that are read or written
    scalars    other values
    emit       builds it, from a piece, its sum, operands and scalars: those that it is given, as it
               stands in a function of its own
    """

    key: Hashable
    operands: tuple[Matrix, ...]
    scalars: tuple[ir.Value, ...]
    emit: Callable[[Piece, ir.Value, Sequence[Matrix], Sequence[ir.Value]], None]


@dataclass(frozen=True, slots=True)
class Piece:
    """Neighbours in a row of the result: where the first is, and how many lanes they have."""

    b: Builder
    row: ir.Value
    column: ir.Value
    width: int
    mask: ir.Value | None
    count: ir.Value

    def load(self, matrix: Matrix) -> ir.Value:
        """The same elements of another matrix; lanes that are not there are -0.0."""
        b = self.b
        place = matrix.place(b, self.row, self.column)
        type = b.element_type
        if matrix.column == 0:
            return b.splat(b.load(place, type), self.width)
        nothing = b.constant_vector(-0.0, self.width, type)
        if matrix.column == 1:
            if self.mask is None:
                return b.load(place, b.vector(self.width))
            return masks.load(b, place, self.mask, nothing)
        room = self._room()
        with b.each(self.count) as k:
            x = b.load(b.offset(place, times(b, k, matrix.column), type), type)
            b.store(x, b.offset(room, k, type))
        return b.load(room, b.vector(self.width))

    def store(self, x: ir.Value, matrix: Matrix) -> None:
        """Write the same elements of another matrix."""
        b = self.b
        place = matrix.place(b, self.row, self.column)
        type = b.element_type
        if matrix.column == 1:
            if self.mask is None:
                b.store(x, place)
            else:
                masks.store(b, x, place, self.mask)
            return
        room = self._room()
        b.store(x, room)
        with b.each(self.count) as k:
            b.store(
                b.load(b.offset(room, k, type), type),
                b.offset(place, times(b, k, matrix.column), type),
            )

    def _room(self) -> ir.Value:
        """Memory for one vector."""
        b = self.b
        entry = b.block.region.blocks[0]
        with b.inside(ir.InsertionPoint.at_block_begin(entry)):
            room = b.alloca(self.width, b.element_type)
            nothing = b.constant_vector(-0.0, self.width, b.element_type)
            b.store(nothing, room)
        return room


@dataclass(frozen=True, slots=True)
class Cut:
    """Tiles in a row: where they begin, how many, and the extent of each."""

    first: Count
    count: Count
    size: int
    last: Count
    """Of the last vector, its lanes, where columns are cut."""


def times(b: Builder, x: Count, y: Count) -> ir.Value:
    """The product, as a value."""
    if isinstance(x, int) and isinstance(y, int):
        return b.integer(x * y)
    if isinstance(y, int) and y in (0, 1):
        return value(b, x) if y else b.integer(0)
    return b.integer_op("llvm.mul", value(b, x), value(b, y))


def value(b: Builder, x: Count) -> ir.Value:
    """As an i64."""
    return b.integer(x) if isinstance(x, int) else x


def least(b: Builder, x: ir.Value, y: ir.Value) -> ir.Value:
    """The smaller of two i64."""
    below = b.compare_integers("slt", x, y)
    return b.build("llvm.select", [b.i64], [below, x, y])


def greatest(b: Builder, x: ir.Value, y: ir.Value) -> ir.Value:
    """The larger of two i64."""
    return b.build("llvm.intr.smax", [b.i64], [x, y])


def divided(b: Builder, x: ir.Value, y: ir.Value) -> ir.Value:
    """x / y, rounded up."""
    more = b.integer_op("llvm.add", x, b.integer_op("llvm.sub", y, b.integer(1)))
    return b.integer_op("llvm.udiv", more, y)


def cut_rows(b: Builder, rows: Count, most: int) -> list[Cut]:
    """Tiles of rows: as equal as can be if it is known how many; else what is left of whole ones is
    in tiles of powers of two, so that there is code for few sizes.
    """
    if isinstance(rows, int):
        pieces = -(-rows // most)
        if not pieces:
            return []
        size, more = divmod(rows, pieces)
        cuts = [Cut(0, more, size + 1, 0), Cut(more * (size + 1), pieces - more, size, 0)]
        return [cut for cut in cuts if cut.count]
    full = b.integer_op("llvm.udiv", rows, b.integer(most))
    first = b.integer_op("llvm.mul", full, b.integer(most))
    rest = b.integer_op("llvm.sub", rows, first)
    cuts = [Cut(0, full, most, 0)]
    for power in reversed(range((most - 1).bit_length())):
        size = 1 << power
        before = b.integer_op("llvm.and", rest, b.integer(-2 * size))
        count = b.integer_op(
            "llvm.and", b.integer_op("llvm.lshr", rest, b.integer(power)), b.integer(1)
        )
        cuts.append(Cut(b.integer_op("llvm.add", first, before), count, size, 0))
    return cuts


def cut_columns(b: Builder, columns: Count, lanes: int, most: int) -> list[Cut]:
    """Tiles of vectors of columns, the same way; the last vector of all may be shorter."""
    if isinstance(columns, int):
        vectors = -(-columns // lanes)
        left = columns - (vectors - 1) * lanes
        cuts = []
        for cut in cut_rows(b, vectors, most):
            assert isinstance(cut.first, int)
            assert isinstance(cut.count, int)
            cuts.append(Cut(cut.first * lanes, cut.count, cut.size, lanes))
        if cuts and left < lanes:
            last = cuts.pop()
            assert isinstance(last.first, int)
            assert isinstance(last.count, int)
            if last.count > 1:
                cuts.append(Cut(last.first, last.count - 1, last.size, lanes))
            begin = last.first + (last.count - 1) * last.size * lanes
            cuts.append(Cut(begin, 1, last.size, left))
        return cuts
    vectors = b.integer_op("llvm.udiv", columns, b.integer(lanes * most))
    first = b.integer_op("llvm.mul", vectors, b.integer(lanes * most))
    rest = b.integer_op("llvm.sub", columns, first)
    number = b.integer_op("llvm.add", rest, b.integer(lanes - 1))
    number = b.integer_op("llvm.udiv", number, b.integer(lanes))
    cuts = [Cut(0, vectors, most, lanes)]
    for size in range(1, most + 1):
        left = b.integer_op("llvm.sub", rest, b.integer((size - 1) * lanes))
        cuts.append(Cut(first, _whether(b, number, size), size, left))
    return cuts


def _whether(b: Builder, x: ir.Value, n: int) -> ir.Value:
    """1 if they are equal, else 0."""
    return b.build("llvm.zext", [b.i64], [b.compare_integers("eq", x, b.integer(n))])


def scattered(b: Builder, into: Into) -> Finish:
    """The same as a Finish, for results of any strides, if they begin with a number."""
    scale = (into.scale,) if into.scale is not None else ()
    start = into.start
    assert not isinstance(start, Matrix)
    assert not into.floor
    assert into.gate is None

    def emit(
        piece: Piece, x: ir.Value, operands: Sequence[Matrix], scalars: Sequence[ir.Value]
    ) -> None:
        w = piece.b
        if scalars:
            x = w.build("llvm.fmul", [x.type], [x, w.splat(scalars[0], piece.width)])
        if start is None:
            old = piece.load(operands[0])
        else:
            old = w.constant_vector(start, piece.width, w.element_type)
        piece.store(w.build("llvm.fadd", [x.type], [old, x]), operands[0])

    key = ("into", None if start is None else start.hex())
    return Finish(key, (into.matrix,), scale, emit)
