"""A step of the schedule: a product of matrices, with what stands around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import prod

from ..ir.extents import is_number
from ..ir.program import Access, Array, Expr, Statement, accesses
from ..target import Target
from .endings import Ending, ending
from .tiles import Operands, Tiles, tiles_of

SHARED_PRODUCTS = 512 * 1024
"""Products of numbers from which on threads share them: some ten microseconds."""


@dataclass(slots=True)
class Product:
    """`target[.., i, j] += left[.., i, k] right[.., k, j]`: a step of the schedule.

    contraction   its domain are the outer loops, rows, columns, depth
    start         what a sum begins with; None: with what the target is
    finish        what is done with every element when it is there, over outer loops, rows, columns
    unstored      arrays that live in registers: nothing else needs them
    tiles         how it is divided; None: it is a sweep
    passing       what is done with every element of the right factor as it goes by, over rows, of
                  which there is one, columns, depth
    """

    contraction: Statement
    start: Expr | None
    finish: list[Statement]
    unstored: set[str] = field(default_factory=set)
    passing: list[Statement] = field(default_factory=list)
    tiles: Tiles | None = None

    @property
    def is_sweep(self) -> bool:
        """Whether it is one of a vector with the rows of a matrix, as they lie in memory."""
        rows, columns, depth = self.sizes
        along = self.factors[1].strides[-1] == 1 and not self.outer
        return along and is_number(columns) and is_number(depth) and rows == 1 < columns

    @property
    def ending(self) -> Ending | None:
        """What it does with its sums while they are in registers, if that is all."""
        if self.is_sweep:
            return None
        sums = without_depth(self.contraction.target)
        return ending(sums, self.start, self.finish, self.unstored)

    def divide(self, target: Target) -> None:
        """Find its tiles, unless it is a sweep."""
        if self.is_sweep:
            return
        rows, columns, depth = [int(n) if is_number(n) else None for n in self.sizes]
        left, right = self.factors
        operands = Operands(
            rows,
            columns,
            depth,
            (left.strides[-3], left.strides[-1]),
            (right.strides[-1], right.strides[-2]),
            self.ending is not None,
            self.most,
        )
        self.tiles = tiles_of(operands, target)

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Rows, columns, depth."""
        rows, columns, depth = self.contraction.domain[-3:]
        return rows, columns, depth

    @property
    def most(self) -> tuple[int, int, int]:
        """How many there are at most."""
        rows, columns, depth = map(int, self.sizes)
        return rows, columns, depth

    @property
    def factors(self) -> tuple[Access, Access]:
        """What is multiplied: left, right."""
        left, right = accesses(self.contraction.expr)
        return left, right

    @property
    def outer(self) -> tuple[int, ...]:
        """The loops around it."""
        return self.contraction.domain[:-3]

    @property
    def is_shared(self) -> bool:
        """Whether threads may share it; where there are none, it is the same."""
        return prod(map(int, self.sizes)) >= SHARED_PRODUCTS

    @property
    def work(self) -> int:
        """Products of numbers, at most."""
        return prod(map(int, self.contraction.domain))

    @property
    def statements(self) -> list[Statement]:
        """All that it does, in order; what it starts with is an assignment."""
        s = self.contraction
        begin = []
        if self.start is not None:
            begin = [s.beside(without_depth(s.target), self.start, s.domain[:-1])]
        return [*begin, s, *self.finish, *self.passing]

    def lines(self, arrays: Mapping[str, Array]) -> Iterator[str]:
        """As it is printed: sizes and tiles, then what it consists of."""
        sizes = " x ".join(map(str, self.sizes))
        around = f", {' x '.join(map(str, self.outer))} times" if self.outer else ""
        how = ["one pass over the matrix"] if self.is_sweep else []
        how += self.tiles.words() if self.tiles else []
        how += ["for threads to share"] * self.is_shared
        yield f"  product {sizes}{around}: {', '.join(how)}"
        s = self.contraction
        yield f"    {s.text(0, arrays)}"
        if self.start is None:
            yield "    start: what is there"
        else:
            start = Statement(without_depth(s.target), self.start, s.domain[:-1])
            yield f"    start: {start.text(0, arrays)}"
        for each in self.finish:
            yield f"    finish: {each.text(0, arrays)}"
        for each in self.passing:
            yield f"    in passing: {each.text(0, arrays)}"
        if self.finish and self.ending is not None:
            yield "    finished in registers"
        if self.unstored:
            yield f"    not stored: {', '.join(sorted(self.unstored))}"


def without_depth(a: Access) -> Access:
    """An access over the loops of the result."""
    return replace(a, strides=a.strides[:-1])
