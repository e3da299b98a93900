"""Micro-kernels of matrix products: a few rows by a few vectors of the result, in registers.

All strides are run-time values, so one kernel serves products of every size. It is a function

    void (i64 depth, ptr a, i64 a_row, i64 a_step, ptr b, i64 b_row, ptr c, i64 c_row,
          ptr d, i64 d_row, i64 d_vector, i64 last, number scale, number floor,
          i64 gated, ptr e, i64 e_row)

that gives `c = d + scale * sum`, or `floor` where that is below it; and if `gated` is not 0, then 0
where `e` is not above 0. The sum begins at -0.0 and is in order of k. Strides are in elements: of
`a` from row to row and from k to k; of `b`, `c` and `e` from row to row, whose elements are next to
each other; of `d` from row to row and from vector to vector, so that it may be `c`, a row that is
added to all of them, or one vector. `last` says how many lanes of the last vector of a row there
are.

Accumulators and addresses are block arguments, so LLVM's optimiser has nothing to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lowering.bindings import ir

from ..dialect.operations import vector_of
from . import masks
from .builder import Builder

POINTERS_APART = 3
"""Rows of the left matrix that one address is for: addresses of all rows are too many for the
registers.
"""

LONG_STEP = 16
"""Sums in registers from which on an iteration of the loop has one k, and not two: sums wait for
those before them, so more would gain nothing.
"""


@dataclass(frozen=True, slots=True, order=True)
class Shape:
    """What a micro-kernel is made for.

    rows, vectors   of the result that it keeps in registers
    ragged          whether the last vector of a row may be shorter
    adjacent        whether rows of the left matrix are 1 apart, and the code may know

    >>> Shape(6, 4, False, False).name
    'r6v4'
    >>> Shape.named("r12v1rb")
    Shape(rows=12, vectors=1, ragged=True, adjacent=True)
    """

    rows: int
    vectors: int
    ragged: bool
    adjacent: bool

    @property
    def name(self) -> str:
        """All of it in a word."""
        return f"r{self.rows}v{self.vectors}{'r' * self.ragged}{'b' * self.adjacent}"

    @staticmethod
    def named(name: str) -> Shape:
        """The shape of that name."""
        sizes = name.rstrip("rb")
        rows, _, vectors = sizes[1:].partition("v")
        return Shape(int(rows), int(vectors), "r" in name[len(sizes) :], name.endswith("b"))


def argument_types(b: Builder) -> list[ir.Type]:
    """What a micro-kernel takes."""
    number = b.element_type
    return [
        *(b.i64, b.ptr, b.i64, b.i64, b.ptr, b.i64, b.ptr, b.i64),
        *(b.ptr, b.i64, b.i64, b.i64, number, number),
        *(b.i64, b.ptr, b.i64),
    ]


def emit_kernel(b: Builder, name: str, shape: Shape, *, internal: bool = False) -> None:
    """Append the micro-kernel of a shape to the builder's module."""
    entry = b.function(name, argument_types(b), internal=internal)
    Kernel(b, shape, list(entry.arguments)).emit()
    b.leave()


class Kernel:
    """Emits the body of one micro-kernel, for any place that has the same values as arguments."""

    def __init__(self, b: Builder, shape: Shape, arguments: Sequence[ir.Value]) -> None:
        self.b = b
        self.shape = shape
        self.lanes = b.target.lanes
        self.type = b.vector(self.lanes)
        self.element = b.element_type
        self.depth, self.left, self.left_row, self.left_step = arguments[:4]
        self.right, self.right_row, self.result, self.result_row = arguments[4:8]
        self.old, self.old_row, self.old_vector, self.last = arguments[8:12]
        self.scale, self.floor, self.gated, self.gate, self.gate_row = arguments[12:]

    def emit(self) -> None:
        """All of it."""
        b, shape = self.b, self.shape
        self.mask = masks.first(b, self.lanes, self.last) if shape.ragged else None
        self.nothing = b.constant_vector(-0.0, self.lanes, self.element)
        sums = [self.nothing] * (shape.rows * shape.vectors)
        lefts, self.apart = [self.left], [0, *range(1, shape.rows)]
        if not shape.adjacent:
            apart = [self.left_row]
            for _ in range(min(POINTERS_APART, shape.rows) - 1):
                apart.append(b.integer_op("llvm.add", apart[-1], self.left_row))
            for _ in range((shape.rows - 1) // POINTERS_APART):
                lefts.append(b.offset(lefts[-1], apart[-1], self.element))
            self.apart = [0, *apart[:-1]]
        size = b.integer(b.bits // 8)
        self.left_bytes = b.integer_op("llvm.mul", self.left_step, size)
        self.right_bytes = b.integer_op("llvm.mul", self.right_row, size)
        unroll = 1 if len(sums) >= LONG_STEP else 2
        carried = [*lefts, self.right, *sums]
        times, rest = self.depth, b.integer(0)
        if unroll > 1:
            times = b.build("llvm.lshr", [b.i64], [self.depth, b.integer(1)])
            rest = b.integer_op("llvm.and", self.depth, b.integer(1))
        carried = b.repeat(times, lambda _, x: self._steps(x, unroll), carried)
        if unroll > 1:
            carried = b.repeat(rest, lambda _, x: self._steps(x, 1), carried)
        self._write(carried[-len(sums) :])

    def _steps(self, carried: list[ir.Value], count: int) -> list[ir.Value]:
        """So many k, one after the other."""
        b = self.b
        pointers = len(carried) - self.shape.rows * self.shape.vectors
        for _ in range(count):
            *lefts, right = carried[:pointers]
            places = [
                b.offset(left, far, self.element) if far != 0 else left
                for left in lefts
                for far in self.apart
            ]
            sums = self._step(places[: self.shape.rows], right, carried[pointers:])
            lefts = [self._moved(left, self.left_bytes) for left in lefts]
            carried = [*lefts, self._moved(right, self.right_bytes), *sums]
        return carried

    def _moved(self, pointer: ir.Value, bytes: ir.Value) -> ir.Value:
        """The address behind. LLVM, lest it see through all of them and take a register, or a place
        on the stack, for each, is not to know where that is.
        """
        b = self.b
        there = b.offset(pointer, bytes, ir.IntegerType.get_signless(8))
        return b.build("llvm.freeze", [b.ptr], [there])

    def _step(
        self, places: Sequence[ir.Value], right: ir.Value, sums: Sequence[ir.Value]
    ) -> list[ir.Value]:
        """One k: every row's number times every vector."""
        row = [self._load(right, v * self.lanes, v) for v in range(self.shape.vectors)]
        found = []
        for r, place in enumerate(places):
            number = self._everywhere(self.b.load(place, self.element))
            for v, vector in enumerate(row):
                found.append(self.b.multiply_add(number, vector, sums[r * self.shape.vectors + v]))
        return found

    def _everywhere(self, x: ir.Value) -> ir.Value:
        b = self.b
        poison = b.numbered(
            ("poison", self.lanes), lambda: b.build("llvm.mlir.poison", [self.type], [])
        )
        first = b.build("llvm.insertelement", [self.type], [poison, x, b.integer(0)])
        zeros = {"mask": ir.DenseI32ArrayAttr.get([0] * self.lanes)}
        return b.build("llvm.shufflevector", [self.type], [first, poison], zeros)

    def _load(self, row: ir.Value, at: int, v: int) -> ir.Value:
        """Vector v of a row, which is so many elements behind an address."""
        b = self.b
        place = b.offset(row, at, self.element) if at else row
        if self.mask is not None and v == self.shape.vectors - 1:
            return masks.load(b, place, self.mask, self.nothing)
        return b.load(place, vector_of(self.element, self.lanes))

    def _write(self, sums: Sequence[ir.Value]) -> None:
        """The result, from the sums: all is computed before any of it is stored, for the processor
        takes a masked store for one of a whole vector, which loads of the next row would wait for.
        """
        b, shape = self.b, self.shape
        scale, floor = map(self._everywhere, (self.scale, self.floor))
        made = []
        old_row = self.old
        for r in range(shape.rows):
            old_row = b.offset(old_row, self.old_row, self.element) if r else old_row
            old = old_row
            for v in range(shape.vectors):
                old = b.offset(old, self.old_vector, self.element) if v else old
                sum = sums[r * shape.vectors + v]
                x = self.b.multiply_add(scale, sum, self._load(old, 0, v))
                made.append(b.select(b.compare_numbers("ogt", floor, x), floor, x))
        zero = b.integer(0)
        with b.when(b.compare_integers("eq", self.gated, zero)):
            self._store(made)
        with b.when(b.compare_integers("ne", self.gated, zero)):
            self._store(self._let_through(made))

    def _let_through(self, made: Sequence[ir.Value]) -> list[ir.Value]:
        """Results where the gate is above 0, else 0."""
        b, shape = self.b, self.shape
        zero = b.constant_vector(0.0, self.lanes, self.element)
        row, found = self.gate, []
        for r in range(shape.rows):
            row = b.offset(row, self.gate_row, self.element) if r else row
            for v in range(shape.vectors):
                above = b.compare_numbers("ogt", self._load(row, v * self.lanes, v), zero)
                found.append(b.select(above, made[r * shape.vectors + v], zero))
        return found

    def _store(self, made: Sequence[ir.Value]) -> None:
        """Write the result."""
        b, shape, row = self.b, self.shape, self.result
        for r in range(shape.rows):
            row = b.offset(row, self.result_row, self.element) if r else row
            for v in range(shape.vectors):
                x, place = made[r * shape.vectors + v], b.offset(row, v * self.lanes, self.element)
                if self.mask is not None and v == shape.vectors - 1:
                    masks.store(b, x, place, self.mask)
                else:
                    b.store(x, place)
