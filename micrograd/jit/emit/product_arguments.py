"""What the function of a product takes: what is known is part of its code, all else an argument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lowering.bindings import ir

from .product_pieces import Finish, Into, Matrix, Product


class Given:
    """Collects what a product's function takes, and what is known of it before."""

    def __init__(self) -> None:
        self.values: list[ir.Value] = []
        self.known: list[object] = []

    def take(self, x: Any) -> Any:
        """An integer stays; a value becomes its number among the arguments."""
        if isinstance(x, int):
            self.known.append(x)
            return x
        self.known.append("value")
        self.values.append(x)
        return _Argument(len(self.values) - 1)

    def matrix(self, m: Matrix) -> Matrix:
        """The same of a matrix."""
        return Matrix(self.take(m.base), self.take(m.row), self.take(m.column))


@dataclass(frozen=True, slots=True)
class _Argument:
    number: int


def _restored(x: Any, values: Sequence[ir.Value]) -> Any:
    return values[x.number] if isinstance(x, _Argument) else x


@dataclass(frozen=True, slots=True)
class Arguments:
    """A product and its finish, with numbers of arguments for values."""

    product: Product
    finish: Into | Finish

    @staticmethod
    def matrix(m: Matrix, values: Sequence[ir.Value]) -> Matrix:
        """A matrix that was taken, with these values."""
        return Matrix(*[_restored(x, values) for x in (m.base, m.row, m.column)])

    def restored(self, values: Sequence[ir.Value]) -> tuple[Product, Into | Finish]:
        """Both, with these values."""

        def one(x: Any) -> Any:
            return _restored(x, values)

        def matrix(m: Matrix) -> Matrix:
            return self.matrix(m, values)

        p, f = self.product, self.finish
        product = Product(
            one(p.rows), one(p.columns), one(p.depth), matrix(p.left), matrix(p.right), p.most
        )
        if isinstance(f, Into):
            start = matrix(f.start) if isinstance(f.start, Matrix) else f.start
            gate = f.gate and matrix(f.gate)
            scale = f.scale and one(f.scale)
            return product, Into(matrix(f.matrix), start, scale, f.floor, gate)
        operands, scalars = tuple(map(matrix, f.operands)), tuple(map(one, f.scalars))
        return product, replace(f, operands=operands, scalars=scalars)


def arguments_of(given: Given, p: Product, f: Into | Finish) -> Arguments:
    """What a product and its finish take, and what is known of them."""
    rows, columns, depth = map(given.take, (p.rows, p.columns, p.depth))
    given.known.append(p.most)
    product = Product(rows, columns, depth, given.matrix(p.left), given.matrix(p.right), p.most)
    finish: Into | Finish
    if isinstance(f, Into):
        start = f.start
        given.known += [f.scale is None, f.floor, f.gate is None]
        given.known.append(start.hex() if isinstance(start, float) else start is None)
        if isinstance(start, Matrix):
            start = given.matrix(start)
        scale = None if f.scale is None else given.take(f.scale)
        gate = None if f.gate is None else given.matrix(f.gate)
        finish = Into(given.matrix(f.matrix), start, scale, f.floor, gate)
    else:
        given.known += [f.key, len(f.operands), len(f.scalars)]
        operands = tuple(map(given.matrix, f.operands))
        finish = replace(f, operands=operands, scalars=tuple(map(given.take, f.scalars)))
    return Arguments(product, finish)
