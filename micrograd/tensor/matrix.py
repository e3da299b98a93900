"""`Matrix`: a table of numbers that can be written to, as in pycrograd (micrograd/matrix.py)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import ops
from ..errors import DataError, ShapeError, kind, user_location
from ..opdef import as_float
from .elementwise import on_arrays
from .quiet import quietly

Array = npt.NDArray[np.float32]


def place_of(index: Any) -> tuple[int, int]:
    """A row and a column, or DataError for what is none."""
    if not isinstance(index, tuple) or len(index) != 2:
        raise DataError(f"{user_location()}: an element is m[row, column], got {kind(index)}")
    return index


class Matrix:
    """`rows` times `cols` numbers, float32, without a gradient; `m[i, j] = x` writes to it.

    data   the numbers, row by row

    Raises ShapeError if there are more or fewer.

    >>> m = Matrix(1, 3, [1.0, 5.0, 3.0])
    >>> m[0, 2] = 7.0
    >>> m.sum().item(), m.max().item(), m.argmax(), (m * 2.0)[0, 1]
    (13.0, 7.0, 2, 10.0)
    """

    def __init__(self, rows: int, cols: int, data: Iterable[float]) -> None:
        array = np.array(data if isinstance(data, np.ndarray) else list(data), np.float32).ravel()
        if array.size != rows * cols:
            raise ShapeError(
                f"{user_location()}: a Matrix of {rows} rows and {cols} columns has {rows * cols} "
                f"numbers, got {array.size}"
            )
        self._array: Array = array.reshape(rows, cols)
        self._written: Callable[[Array], None] | None = None

    @classmethod
    def of(cls, array: Any, written: Callable[[Array], None] | None = None) -> Matrix:
        """A Matrix of an array of two axes; `written` is told of what is written into it."""
        made = cls.__new__(cls)
        made._array = np.array(array, np.float32, ndmin=2)
        made._written = written
        return made

    @classmethod
    def create_zeroed(cls, rows: int, cols: int) -> Matrix:
        """Zeros."""
        return cls.of(np.zeros((rows, cols)))

    @classmethod
    def create_with_value(cls, rows: int, cols: int, value: float) -> Matrix:
        """One number everywhere."""
        return cls.of(np.full((rows, cols), value))

    @classmethod
    def create_scalar(cls, value: float) -> Matrix:
        """One row and one column."""
        return cls.of([[value]])

    @classmethod
    def create_vector(cls, it: Sequence[float]) -> Matrix:
        """One column."""
        return cls(len(it), 1, it)

    @classmethod
    def rand(cls, rows: int, cols: int) -> Matrix:
        """Numbers between 0 and 1, by Python's random."""
        return cls(rows, cols, [random.uniform(0, 1) for _ in range(rows * cols)])

    @classmethod
    def randn(cls, rows: int, cols: int) -> Matrix:
        """Normally distributed numbers, by Python's random."""
        return cls(rows, cols, [random.gauss(0, 1) for _ in range(rows * cols)])

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self._array)

    @property
    def cols(self) -> int:
        """How many columns there are."""
        cols: int = self._array.shape[1]
        return cols

    @property
    def data(self) -> Array:
        """The numbers, row by row."""
        return self._array.reshape(-1)

    def numpy(self) -> Array:
        """A copy as an array."""
        return self._array.copy()

    def item(self) -> float:
        """The number of a Matrix of one row and one column."""
        if self._array.size != 1:
            raise ShapeError(f"{user_location()}: item() is of one number, this is {self!r}")
        return float(self._array[0, 0])

    def __getitem__(self, index: tuple[int, int]) -> float:
        return float(self._array[place_of(index)])

    def __setitem__(self, index: tuple[int, int], value: float) -> None:
        self._array[place_of(index)] = value
        if self._written is not None:
            self._written(self._array)

    def _by(self, function: Any, *operands: Any) -> Matrix:
        arrays = [x._array if isinstance(x, Matrix) else as_float(x) for x in operands]
        if len({x.shape for x in arrays if isinstance(x, np.ndarray)}) > 1:
            shapes = " and ".join(map(repr, operands))
            raise ShapeError(f"{user_location()}: these should be of one shape: {shapes}")
        return Matrix.of(quietly(function, *arrays))

    def __matmul__(self, other: Matrix) -> Matrix:
        if self.cols != other.rows:
            raise ShapeError(
                f"{user_location()}: {self!r} @ {other!r}: the columns of the first should be as "
                "many as the rows of the second"
            )
        return Matrix.of(self._array @ other._array)

    def __add__(self, other: Any) -> Matrix:
        return self._by(np.add, self, other)

    def __mul__(self, other: Any) -> Matrix:
        return self._by(np.multiply, self, other)

    def __sub__(self, other: Any) -> Matrix:
        return self._by(np.subtract, self, other)

    def __rsub__(self, other: Any) -> Matrix:
        return self._by(np.subtract, other, self)

    def __truediv__(self, other: Any) -> Matrix:
        return self._by(np.divide, self, other)

    def __rtruediv__(self, other: Any) -> Matrix:
        return self._by(np.divide, other, self)

    def __pow__(self, other: Any) -> Matrix:
        return self._by(np.power, self, other)

    def __neg__(self) -> Matrix:
        return self._by(np.negative, self)

    __radd__, __rmul__ = __add__, __mul__

    def sum(self) -> Matrix:
        """The sum of all numbers, as a Matrix of one."""
        return Matrix.create_scalar(float(self._array.sum()))

    def max(self) -> Matrix:
        """The largest number, as a Matrix of one."""
        return Matrix.create_scalar(float(self._array.max()))

    def relu(self) -> Matrix:
        """The numbers, 0 for those below."""
        return self._by(on_arrays(ops.relu), self)

    def exp(self) -> Matrix:
        """The exponentials."""
        return self._by(np.exp, self)

    def log(self) -> Matrix:
        """The logarithms."""
        return self._by(np.log, self)

    def argmax(self) -> int:
        """The place of the largest number in one row or one column."""
        if 1 not in self._array.shape:
            raise ShapeError(f"{user_location()}: argmax is of one row or column, this is {self!r}")
        return int(self._array.argmax())

    def __repr__(self) -> str:
        return f"Matrix(rows={self.rows}, cols={self.cols})"
