"""Product -> operations: the loops around it, where its matrices are, and what finishes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lowering.bindings import ir

from ..ir.program import Access, Apply, Expr, Statement
from ..schedule.endings import Ending
from ..schedule.product import Product
from .builder import Builder
from .indices import linear, trip_count
from .product import Finish, Into, Matrix, Piece, emit_product
from .product import Product as Sizes
from .product_sweep import Passing, emit_sweep
from .storage import Index, Storage


class ProductEmitter:
    """Emits one product into the function whose arrays `storage` knows."""

    def __init__(self, builder: Builder, product: Product, storage: Storage) -> None:
        self.b = builder
        self.storage = storage
        self.product = product

    def emit(self) -> None:
        """The whole."""
        self._outer([])

    def _outer(self, at: list[Index]) -> None:
        if len(at) == len(self.product.outer):
            self._one(at)
            return
        count = trip_count(self.storage, self.product.outer[len(at)], at)
        with self.b.each(count) as index:
            self._outer([*at, (0, index)])

    def _one(self, at: Sequence[Index]) -> None:
        p = self.product
        left, right = p.factors
        rows, columns, depth = [trip_count(self.storage, count, []) for count in p.sizes]
        product = Sizes(
            rows,
            columns,
            depth,
            self._matrix(left, at, 0, 2),
            self._matrix(right, at, 2, 1),
            p.most,
        )
        stored = p.contraction.target.array not in p.unstored
        body = _Body(p, stored)
        operands = tuple([self._matrix(a, at, 0, 1) for a in body.places])
        if not body.kept and not p.passing:  # nothing needs the result
            return
        finish = Finish(body.key, operands, (), body.emit)
        team = self.storage.team if p.is_shared else None
        if p.is_sweep:
            in_passing = _InPassing(p)
            beside = tuple([self._matrix(a, at, 1, 2) for a in in_passing.places])
            passing = Passing(in_passing.key, beside, in_passing.emit)
            emit_sweep(self.b, product, finish, passing, team)
        else:
            by_rows = p.tiles is not None and p.tiles.by_rows  # sums are in no registers then
            last = None if by_rows else p.ending
            emit_product(self.b, product, self._into(last, at) if last else finish, team)

    def _into(self, e: Ending, at: Sequence[Index]) -> Into:
        """What is done with the sums in registers."""
        b = self.b
        scale = None
        if e.factor != 1.0 or e.scale is not None:
            scale = b.constant(e.factor)
        if e.scale is not None:
            there = self.storage.address(e.scale.array, (e.scale.offset, None))
            number = b.load(there, b.element_type)
            scale = b.build("llvm.fmul", [number.type], [scale, number])
        start = self._matrix(e.start, at, 0, 1) if isinstance(e.start, Access) else e.start
        gate = self._matrix(e.gate, at, 0, 1) if e.gate is not None else None
        return Into(self._matrix(e.target, at, 0, 1), start, scale, e.floor, gate)

    def _matrix(self, a: Access, at: Sequence[Index], row: int, column: int) -> Matrix:
        """Where an access finds its matrix, whose rows and columns are these of the inner loops."""
        depth = len(self.product.outer)
        index = linear(self.b, a.offset, a.strides[:depth], at)
        inner = a.strides[depth:]
        return Matrix(self.storage.address(a.array, index), inner[row], inner[column])


def _named(expr: Expr | None, number: Callable[[Access], int]) -> Any:
    """An expression with numbers instead of names of arrays."""
    if isinstance(expr, Access):
        return number(expr)
    if isinstance(expr, Apply):
        return expr.op, *[_named(x, number) for x in expr.args]
    return expr.hex() if isinstance(expr, float) else None


class _InPassing:
    """What is done with the matrix of a sweep as it goes by.

    places   the accesses beside left and right that it loads and stores
    key      says all about it but where these are
    inside   accesses to what is in no memory, whose numbers are below 0
    """

    def __init__(self, p: Product) -> None:
        self.statements, self.unstored = p.passing, p.unstored
        self.all: list[Access] = list(p.factors)
        self.inside: list[Access] = []
        lines = [
            (_named(f.expr, self._number), f.accumulate, self._number(f.target), self._kept(f))
            for f in p.passing
        ]
        self.places = self.all[2:]
        self.key = tuple(lines)

    def _kept(self, f: Statement) -> bool:
        return f.target.array not in self.unstored

    def _number(self, a: Access) -> int:
        found = self.inside if a.array in self.unstored else self.all
        if a not in found:
            found.append(a)
        number = found.index(a)
        return -1 - number if found is self.inside else number

    def emit(self, b: Builder, width: int, numbers: Sequence[ir.Value]) -> dict[int, ir.Value]:
        """The new numbers of what is written."""
        known = dict(zip(self.all, numbers, strict=True))

        def value(e: Expr) -> ir.Value:
            return known[e] if isinstance(e, Access) else b.expression(e, value, width)

        for f in self.statements:
            x = value(f.expr)
            if f.accumulate is not None:
                x = b.add(value(f.target), x, reduction=True)
            known[f.target] = x
        return {self._number(f.target): known[f.target] for f in self.statements if self._kept(f)}


class _Body:
    """What is done with each vector of a product's sums.

    places   the accesses that it loads and stores
    key      says all about it but where these are
    """

    def __init__(self, p: Product, stored: bool) -> None:
        target = Access(
            p.contraction.target.array,
            p.contraction.target.offset,
            p.contraction.target.strides[:-1],
        )
        self.target = target
        self.start = p.start
        self.finish = p.finish
        kept = {a for f in p.finish for a in [f.target] if a.array not in p.unstored}
        kept |= {target} if stored else set()
        self.kept = kept
        self.unstored = p.unstored
        self.places: list[Access] = []
        self.numbers: dict[Access, int] = {}
        lines: list[Any] = [
            p.start is None,
            _named(p.start, self._number),
            self._place(target, stored),
        ]
        for f in p.finish:
            lines += [
                _named(f.expr, self._number),
                f.accumulate,
                self._place(f.target, f.target in kept),
            ]
        self.key = tuple(lines)

    def _number(self, a: Access) -> int:
        if a not in self.numbers:
            self.numbers[a] = len(self.numbers)
            if a.array not in self.unstored:
                self.places.append(a)
        return self.numbers[a]

    def _place(self, a: Access, stored: bool) -> tuple[int, bool]:
        return self._number(a), stored

    def emit(
        self,
        piece: Piece,
        sum: ir.Value,
        operands: Sequence[Matrix],
        scalars: Sequence[ir.Value],
    ) -> None:
        """Finish a vector of sums."""
        b = piece.b
        known: dict[Access, ir.Value] = {}

        def value(e: Expr) -> ir.Value:
            if isinstance(e, Access):
                if e not in known:
                    known[e] = piece.load(operands[self.places.index(e)])
                return known[e]
            return b.expression(e, value, piece.width)

        start = self.target if self.start is None else self.start
        neutral = isinstance(start, float) and start.hex() == "-0x0.0p+0"
        known[self.target] = sum if neutral else b.add(value(start), sum, reduction=True)
        last = {f.target: k for k, f in enumerate(self.finish)}
        if self.target in self.kept and self.target not in last:
            piece.store(known[self.target], operands[self.places.index(self.target)])
        for k, f in enumerate(self.finish):
            x = value(f.expr)
            if f.accumulate is not None:
                x = b.add(value(f.target), x, reduction=True)
            known[f.target] = x
            if f.target in self.kept and last[f.target] == k:
                piece.store(x, operands[self.places.index(f.target)])
