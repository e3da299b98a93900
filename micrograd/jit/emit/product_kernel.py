"""Micro-kernels of matrix products: a few rows by a few vectors of the result, in registers.

All strides are run-time values, so one kernel serves products of every size. It is a function

    void (i64 depth, ptr a, i64 a_stride, ptr b, i64 b_stride, ptr c, i64 c_stride, i64 last,
          i64 add, number start, number scale)

that gives `c = start + scale * sum`, or `c += scale * sum` if `add`. The sum begins at -0.0 and is
in order of k. Strides are in elements: of `a` between rows if it is read along rows, else between
columns, and then its rows are next to each other; of `b` and `c` between rows, whose elements are
next to each other. `last` says how many lanes of the last vector of a row there are.

Accumulators and addresses are block arguments, so LLVM's optimiser has nothing to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lowering.bindings import ir

from ..dialect.operations import vector_of
from . import masks
from .builder import Builder


@dataclass(frozen=True, slots=True, order=True)
class Shape:
    """What a micro-kernel is made for.

    rows, vectors   of the result that it keeps in registers
    along           whether the left matrix is read along its rows, else along its columns
    ragged          whether the last vector of a row may be shorter

    >>> Shape(6, 4, True, False).name
    'r6v4a'
    >>> Shape.named("r12v1br")
    Shape(rows=12, vectors=1, along=False, ragged=True)
    """

    rows: int
    vectors: int
    along: bool
    ragged: bool

    @property
    def name(self) -> str:
        """All of it in a word."""
        return f"r{self.rows}v{self.vectors}{'a' if self.along else 'b'}{'r' * self.ragged}"

    @staticmethod
    def named(name: str) -> Shape:
        """The shape of that name."""
        ragged = name.endswith("r")
        sizes = name.removesuffix("r")
        rows, _, vectors = sizes[1:-1].partition("v")
        return Shape(int(rows), int(vectors), sizes[-1] == "a", ragged)


def unrolled(shape: Shape) -> int:
    """How many k an iteration of the main loop has: few, lest LLVM loads numbers so early that
    sums leave their registers.
    """
    if shape.rows == 1:
        return max(1, 16 // shape.vectors)
    return 1 if shape.along and shape.rows > 6 else 2


def argument_types(b: Builder) -> list[ir.Type]:
    """What a micro-kernel takes."""
    number = b.element_type
    return [
        *(b.i64, b.ptr, b.i64, b.ptr, b.i64, b.ptr, b.i64, b.i64, b.i64),
        *(number, number),
    ]


def emit_kernel(b: Builder, name: str, shape: Shape) -> None:
    """Append the micro-kernel of a shape to the builder's module."""
    entry = b.function(name, argument_types(b))
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
        self.depth, self.left, self.left_stride, self.right, self.right_stride = arguments[:5]
        self.result, self.result_stride, self.last = arguments[5:8]
        self.add, self.start, self.scale = arguments[8:]

    def emit(self) -> None:
        """All of it."""
        b, shape = self.b, self.shape
        self.mask = masks.first(b, self.lanes, self.last) if shape.ragged else None
        self.nothing = b.constant_vector(-0.0, self.lanes, self.element)
        sums = [self.nothing] * (shape.rows * shape.vectors)
        unroll = unrolled(shape)
        size = b.integer(unroll)
        times = b.build("llvm.udiv", [b.i64], [self.depth, size])
        rest = b.build("llvm.urem", [b.i64], [self.depth, size])
        self.lefts = self._lefts()
        carried = [self._first(), self.right, *sums]
        carried = b.repeat(times, lambda _, x: self._steps(x, unroll), carried)
        carried = b.repeat(rest, lambda _, x: self._steps(x, 1), carried)
        self._write(carried[2:])

    def _lefts(self) -> list[ir.Value]:
        """The addresses of the first elements of the rows of the left matrix."""
        b = self.b
        if not self.shape.along:
            return []
        found = [self.left]
        for _ in range(self.shape.rows - 1):
            found.append(b.offset(found[-1], self.left_stride, self.element))
        return found

    def _first(self) -> ir.Value:
        """What moves along the left matrix: a number of elements, or an address."""
        return self.b.integer(0) if self.shape.along else self.left

    def _steps(self, carried: list[ir.Value], count: int) -> list[ir.Value]:
        """So many k, one after the other."""
        b = self.b
        left, right, *sums = carried
        for step in range(count):
            if self.shape.along:
                places = [
                    b.offset(b.offset(row, left, self.element), step, self.element)
                    for row in self.lefts
                ]
            else:
                places = [b.offset(left, r, self.element) for r in range(self.shape.rows)]
                left = b.offset(left, self.left_stride, self.element)
            sums = self._step(places, right, sums)
            right = b.offset(right, self.right_stride, self.element)
        if self.shape.along:
            left = b.build("llvm.add", [b.i64], [left, b.integer(count)])
        return [left, right, *sums]

    def _step(
        self, places: Sequence[ir.Value], right: ir.Value, sums: Sequence[ir.Value]
    ) -> list[ir.Value]:
        """One k: every row's number times every vector."""
        row = [self._load(right, v) for v in range(self.shape.vectors)]
        found = []
        for r, place in enumerate(places):
            number = self._everywhere(self.b.load(place, self.element))
            for v, vector in enumerate(row):
                found.append(self.multiply(number, vector, sums[r * self.shape.vectors + v]))
        return found

    def _everywhere(self, x: ir.Value) -> ir.Value:
        b = self.b
        poison = b.numbered(
            ("poison", self.lanes), lambda: b.build("llvm.mlir.poison", [self.type], [])
        )
        first = b.build("llvm.insertelement", [self.type], [poison, x, b.integer(0)])
        zeros = {"mask": ir.DenseI32ArrayAttr.get([0] * self.lanes)}
        return b.build("llvm.shufflevector", [self.type], [first, poison], zeros)

    def multiply(self, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
        """x * y + z, fused if that is an instruction."""
        name = "llvm.intr.fma" if self.b.target.fma else "llvm.intr.fmuladd"
        return self.b.build(name, [x.type], [x, y, z])

    def _load(self, row: ir.Value, v: int) -> ir.Value:
        """Vector v of a row."""
        b = self.b
        place = b.offset(row, v * self.lanes, self.element)
        if self.mask is not None and v == self.shape.vectors - 1:
            return masks.load(b, place, self.mask, self.nothing)
        return b.load(place, vector_of(self.element, self.lanes))

    def _write(self, sums: Sequence[ir.Value]) -> None:
        """The result, from the sums: all is computed before any of it is stored, for the processor
        takes a masked store for one of a whole vector, which loads of the next row would wait for.
        """
        b, shape = self.b, self.shape
        fresh = b.block.create_after()
        more = fresh.create_after()
        leave = more.create_after()
        scale = self._everywhere(self.scale)
        start = self._everywhere(self.start)
        added = b.compare_integers("ne", self.add, b.integer(0))
        b.branch_if(added, more, fresh)
        for block in (fresh, more):
            b.enter(block)
            with b.scope():
                rows = [self.result]
                for _ in range(shape.rows - 1):
                    rows.append(b.offset(rows[-1], self.result_stride, self.element))
                places = [(row, v) for row in rows for v in range(shape.vectors)]
                olds = [self._load(*at) if block == more else start for at in places]
                made = [self.multiply(scale, *x) for x in zip(sums, olds, strict=True)]
                for x, at in zip(made, places, strict=True):
                    self._store(x, *at)
            b.branch(leave)
        b.enter(leave)

    def _store(self, x: ir.Value, row: ir.Value, v: int) -> None:
        b = self.b
        place = b.offset(row, v * self.lanes, self.element)
        if self.mask is not None and v == self.shape.vectors - 1:
            masks.store(b, x, place, self.mask)
        else:
            b.store(x, place)
