"""Product -> operations: the loops around it, where its matrices are, and what finishes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lowering.bindings import ir

from ..ir.program import Access, Apply, Expr
from ..schedule.products import Product
from .builder import Builder
from .indices import linear, trip_count
from .product import Finish, Into, Matrix, Piece, emit_product
from .product import Product as Sizes
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
        )
        stored = p.contraction.target.array not in p.unstored
        body = _Body(p, stored)
        operands = tuple([self._matrix(a, at, 0, 1) for a in body.places])
        if not operands:  # nothing needs the result
            return
        finish: Into | Finish = Finish(body.key, operands, (), body.emit)
        if not p.finish and (p.start is None or isinstance(p.start, float)):
            finish = Into(operands[0], p.start)
        emit_product(self.b, product, finish, self.storage.team if p.is_shared else None)

    def _matrix(self, a: Access, at: Sequence[Index], row: int, column: int) -> Matrix:
        """Where an access finds its matrix, whose rows and columns are these of the inner loops."""
        depth = len(self.product.outer)
        index = linear(self.b, a.offset, a.strides[:depth], at)
        inner = a.strides[depth:]
        return Matrix(self.storage.address(a.array, index), inner[row], inner[column])


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
        lines: list[Any] = [p.start is None, self._named(p.start), self._place(target, stored)]
        for f in p.finish:
            lines += [self._named(f.expr), f.accumulate, self._place(f.target, f.target in kept)]
        self.key = tuple(lines)

    def _number(self, a: Access) -> int:
        if a not in self.numbers:
            self.numbers[a] = len(self.numbers)
            if a.array not in self.unstored:
                self.places.append(a)
        return self.numbers[a]

    def _place(self, a: Access, stored: bool) -> tuple[int, bool]:
        return self._number(a), stored

    def _named(self, expr: Expr | None) -> Any:
        """An expression without names of arrays."""
        if isinstance(expr, Access):
            return self._number(expr)
        if isinstance(expr, Apply):
            return expr.op, *[self._named(x) for x in expr.args]
        return expr.hex() if isinstance(expr, float) else None

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
