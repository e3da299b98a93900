"""pycrograd's names for Tensors: `Matrix`, a table of numbers, and `Tensor`, one with a gradient.

The interface is the seed's, so that its programs run: everything has rows and columns, `t[i, j]` is
a number, `data` and `grad` are Matrices. What computes is `micrograd.Tensor`, which stands in
`t.tensor`; where the seed asserted, there is an error that says what came.

>>> a = Tensor(Matrix(2, 2, [1.0, 2.0, 3.0, 4.0]), requires_grad=True)
>>> b = Tensor.create_vector([1.0, -1.0])
>>> loss = (a @ b).relu().sum() + (a ** 2).mean()
>>> loss.backward()
>>> loss.item(), a.grad[0, 1], a.rows, a.cols
(7.5, 1.0, 2, 2)
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import tensor as tensors
from .errors import DataError, ShapeError, kind, user_location
from .opdef import as_float
from .tensor.quiet import quietly

Array = npt.NDArray[np.float32]


def _place(index: Any) -> tuple[int, int]:
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
        return float(self._array[_place(index)])

    def __setitem__(self, index: tuple[int, int], value: float) -> None:
        self._array[_place(index)] = value
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
        return Matrix.of(tensors.Tensor(self._array).relu().numpy())  # type: ignore[attr-defined]

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


class Tensor:
    """A Matrix that remembers how it was computed; `backward` fills `grad`, a Matrix too.

    data            a Matrix, nested lists of rows, or an array
    requires_grad   whether it has a gradient; it begins with zeros, and accumulates

    The seed's further arguments were how it built its graph, which `micrograd.Tensor` does here.
    """

    def __init__(self, data: Any, *, requires_grad: bool = False) -> None:
        array = data._array if isinstance(data, Matrix) else np.array(data, np.float32, ndmin=2)
        if array.ndim != 2:
            raise ShapeError(
                f"{user_location()}: a Matrix has rows and columns, got shape {array.shape}; "
                "micrograd.Tensor is of any number of axes"
            )
        self.tensor = tensors.Tensor(array, requires_grad=requires_grad)

    @classmethod
    def _of(cls, tensor: Any) -> Tensor:
        made = cls.__new__(cls)
        made.tensor = tensor
        return made

    @staticmethod
    def create_zeroed(rows: int, cols: int, *, requires_grad: bool = False) -> Tensor:
        """Zeros."""
        return Tensor(Matrix.create_zeroed(rows, cols), requires_grad=requires_grad)

    @staticmethod
    def create_with_value(
        value: float, rows: int, cols: int, *, requires_grad: bool = False
    ) -> Tensor:
        """One number everywhere."""
        return Tensor(Matrix.create_with_value(rows, cols, value), requires_grad=requires_grad)

    @staticmethod
    def create_vector(it: Sequence[float], *, requires_grad: bool = False) -> Tensor:
        """One column."""
        return Tensor(Matrix.create_vector(it), requires_grad=requires_grad)

    @staticmethod
    def create_scalar(value: float, *, requires_grad: bool = False) -> Tensor:
        """One row and one column."""
        return Tensor(Matrix.create_scalar(value), requires_grad=requires_grad)

    # -- what it is ------------------------------------------------------------------------------

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.tensor.shape[0]

    @property
    def cols(self) -> int:
        """How many columns there are."""
        return self.tensor.shape[1]

    @property
    def requires_grad(self) -> bool:
        """Whether it has a gradient."""
        return self.tensor.requires_grad

    @property
    def op(self) -> str:
        """What it is the result of; '' for a leaf."""
        return self.tensor._op

    @property
    def data(self) -> Matrix:
        """Its numbers; what is written into them is written here."""
        return Matrix.of(self.tensor.numpy(), self._write)

    @data.setter
    def data(self, numbers: Matrix) -> None:
        self._write(numbers._array)

    def _write(self, array: Array) -> None:
        self.tensor.data = array.copy()

    @property
    def grad(self) -> Matrix | None:
        """The gradient: zeros before `backward`, None if none is required."""
        if not self.requires_grad:
            return None
        if self.tensor.grad is None:
            return Matrix.of(np.zeros(self.tensor.shape), self._write_grad)
        return Matrix.of(self.tensor.grad.numpy(), self._write_grad)

    @grad.setter
    def grad(self, given: Matrix | None) -> None:
        self.tensor.grad = None if given is None else tensors.Tensor(given._array)

    def _write_grad(self, array: Array) -> None:
        self.tensor.grad = tensors.Tensor(array)

    def backward(self) -> None:
        """Fill `grad` of all that this was computed from; of several numbers, of their sum."""
        self.tensor.backward(np.ones(self.tensor.shape))

    def item(self) -> float:
        """The number of a Tensor of one row and one column."""
        return self.data.item()

    def __getitem__(self, index: tuple[int, int]) -> float:
        return float(self.tensor._data[_place(index)])

    def __setitem__(self, index: tuple[int, int], value: float) -> None:
        self.tensor._put(_place(index), value)

    def __len__(self) -> int:
        return self.rows * self.cols

    def __repr__(self) -> str:
        return (
            f"Tensor(rows={self.rows}, cols={self.cols}, requires_grad={self.requires_grad}, "
            f"_op={self.op})"
        )

    # -- what is computed ------------------------------------------------------------------------

    def sum(self) -> Tensor:
        """The sum of all numbers, of one row and one column."""
        return Tensor._of(self.tensor.sum(keepdims=True))

    def mean(self) -> Tensor:
        """The mean of all numbers, of one row and one column."""
        return Tensor._of(self.tensor.mean(keepdims=True))

    def relu(self) -> Tensor:
        """The numbers, 0 for those below."""
        return Tensor._of(self.tensor.relu())  # type: ignore[attr-defined]

    def exp(self) -> Tensor:
        """The exponentials."""
        return Tensor._of(self.tensor.exp())  # type: ignore[attr-defined]

    def log(self) -> Tensor:
        """The logarithms."""
        return Tensor._of(self.tensor.log())  # type: ignore[attr-defined]

    def log_softmax(self) -> Tensor:
        """The logarithms of the softmax of each column."""
        return Tensor._of(self.tensor.log_softmax(0))

    def concat(self, other: Tensor) -> Tensor:
        """The columns of this one, then those of the other."""
        return Tensor._of(tensors.concat([self.tensor, other.tensor], 1))

    def __matmul__(self, other: Tensor) -> Tensor:
        return Tensor._of(self.tensor @ other.tensor)

    def __add__(self, other: Any) -> Tensor:
        return Tensor._of(self.tensor + _inner(other))

    def __mul__(self, other: Any) -> Tensor:
        return Tensor._of(self.tensor * _inner(other))

    def __sub__(self, other: Any) -> Tensor:
        return Tensor._of(self.tensor - _inner(other))

    def __rsub__(self, other: Any) -> Tensor:
        return Tensor._of(_inner(other) - self.tensor)

    def __truediv__(self, other: Any) -> Tensor:
        return Tensor._of(self.tensor / _inner(other))

    def __rtruediv__(self, other: Any) -> Tensor:
        return Tensor._of(_inner(other) / self.tensor)

    def __pow__(self, other: Any) -> Tensor:
        return Tensor._of(self.tensor ** _inner(other))

    def __neg__(self) -> Tensor:
        return Tensor._of(-self.tensor)  # type: ignore[operator]

    __radd__, __rmul__ = __add__, __mul__


def _inner(x: Any) -> Any:
    """An operand as `micrograd.Tensor` takes it."""
    if isinstance(x, Tensor):
        return x.tensor
    return x._array if isinstance(x, Matrix) else as_float(x)
