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

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import ops
from . import tensor as tensors
from .errors import ShapeError, user_location
from .opdef import as_float
from .tensor.matrix import Array, Matrix, place_of

__all__ = ["Matrix", "Tensor"]


def __dir__() -> list[str]:
    return sorted(__all__)


def _operator(op: ops.Op, *, reflected: bool = False) -> Any:
    """An operator of two Tensors, or of one and a number."""

    def method(self: Tensor, other: Any) -> Tensor:
        pair = (_inner(other), self.tensor) if reflected else (self.tensor, _inner(other))
        return Tensor._of(op(*pair))

    return method


def _inner(x: Any) -> Any:
    """An operand as `micrograd.Tensor` takes it."""
    if isinstance(x, Tensor):
        return x.tensor
    return x._array if isinstance(x, Matrix) else as_float(x)


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
        return float(self.tensor._data[place_of(index)])

    def __setitem__(self, index: tuple[int, int], value: float) -> None:
        self.tensor._put(place_of(index), value)

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

    def log_softmax(self) -> Tensor:
        """The logarithms of the softmax of each column."""
        return Tensor._of(self.tensor.log_softmax(0))

    def concat(self, other: Tensor) -> Tensor:
        """The columns of this one, then those of the other."""
        return Tensor._of(tensors.concat([self.tensor, other.tensor], 1))

    def relu(self) -> Tensor:
        """The numbers, 0 for those below."""
        return Tensor._of(ops.relu(self.tensor))

    def exp(self) -> Tensor:
        """The exponentials."""
        return Tensor._of(ops.exp(self.tensor))

    def log(self) -> Tensor:
        """The logarithms."""
        return Tensor._of(ops.log(self.tensor))

    def __matmul__(self, other: Tensor) -> Tensor:
        return Tensor._of(self.tensor @ other.tensor)

    def __neg__(self) -> Tensor:
        return Tensor._of(ops.neg(self.tensor))

    __add__, __radd__ = _operator(ops.add), _operator(ops.add, reflected=True)
    __sub__, __rsub__ = _operator(ops.sub), _operator(ops.sub, reflected=True)
    __mul__, __rmul__ = _operator(ops.mul), _operator(ops.mul, reflected=True)
    __truediv__, __rtruediv__ = _operator(ops.div), _operator(ops.div, reflected=True)
    __pow__ = _operator(ops.pow)
