"""What rows of Tensors are lowered to: a program, what it is called with, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass

from ...tensor.primitive import Shape
from ..ir.program import Program


@dataclass(slots=True)
class Given:
    """An array that a call gives: the numbers of a row, or its entries as indices below a size."""

    name: str
    row: int
    below: int = 0


def at_most(shape: Shape) -> Shape:
    """The shape that has room for any batch."""
    return tuple(map(int, shape))


@dataclass(slots=True)
class TensorProgram:
    """A program, what it is called with, and what it gives.

    shapes   of the outputs, as loops over them have them
    """

    program: Program
    given: list[Given]
    outputs: list[str]
    shapes: list[Shape]

    def name_of(self, row: int) -> str:
        """The input that a row's numbers are in; '' if nothing reads them."""
        return next((g.name for g in self.given if g.row == row and not g.below), "")
