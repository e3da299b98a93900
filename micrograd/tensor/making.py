"""Ways to make a Tensor that need no numbers of the user's."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..errors import DataError, ShapeError, kind, user_location
from .core import Tensor


def _size(shape: Any) -> tuple[int, ...]:
    sizes = shape if isinstance(shape, (tuple, list)) else (shape,)
    try:
        found = tuple(operator.index(n) for n in sizes)
    except TypeError:
        found = (-1,)
    if any(n < 0 for n in found):
        raise ShapeError(
            f"{user_location()}: a shape is of whole numbers, 0 or more, got {kind(shape)}"
        )
    return found


def full(shape: Any, value: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A Tensor of one number everywhere."""
    return Tensor(np.full(_size(shape), float(value)), dtype, requires_grad)


def zeros(shape: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A Tensor of zeros.

    >>> zeros((2, 3)).shape
    (2, 3)
    """
    return full(shape, 0.0, dtype, requires_grad)


def ones(shape: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A Tensor of ones."""
    return full(shape, 1.0, dtype, requires_grad)


def arange(*limits: Any, dtype: Any = None) -> Tensor:
    """Numbers in even steps, as `range`; whole numbers are int64, which indices are."""
    return Tensor(np.arange(*limits), dtype)


def eye(n: int, m: int | None = None, dtype: Any = None) -> Tensor:
    """Ones on the diagonal of zeros."""
    return Tensor(np.eye(n, m), dtype)


def one_hot(index: Any, size: int, dtype: Any = None) -> Tensor:
    """A new last axis, with a one at the place that the index says.

    >>> one_hot([2, 0], 3)
    Tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    places = np.asarray(index.numpy() if hasattr(index, "__primitive__") else index)
    if places.dtype.kind not in "iu" or ((places < 0) | (places >= size)).any():
        raise DataError(
            f"{user_location()}: one_hot takes whole numbers from 0 to {size - 1}, got "
            f"{kind(index)}"
        )
    return Tensor(places[..., None] == np.arange(size), dtype or "float32")
