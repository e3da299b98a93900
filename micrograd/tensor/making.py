"""Ways to make a Tensor that need no numbers of the user's."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..checks import MOST, number
from ..errors import DataError, ShapeError, kind, user_location
from .applying import refusal
from .casting import DEFAULT
from .core import Tensor
from .reading import by_numpy


def _size(shape: Any) -> tuple[int, ...]:
    sizes = shape if isinstance(shape, (tuple, list)) else (shape,)
    try:
        found = tuple(operator.index(n) for n in sizes)
    except TypeError:
        found = (-1,)
    if any(n < 0 for n in found) or math.prod(n or 1 for n in found) >= MOST:
        raise ShapeError(
            f"{user_location()}: a shape is of whole numbers, 0 or more, that have an array's "
            f"size, got {kind(shape)}"
        )
    return found


def full(shape: Any, value: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A Tensor of one number everywhere."""
    return Tensor(np.full(_size(shape), number("value", value, refusal)), dtype, requires_grad)


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
    """Numbers in even steps, as `range`; whole numbers are int64, which indices are.

    Raises DataError for what is no start, end and step.
    """
    numbers = [_plain(x) for x in limits]
    if not 1 <= len(numbers) <= 3 or not all(_is_finite(x) for x in numbers) or numbers[2:] == [0]:
        raise DataError(
            f"{user_location()}: arange takes an end, or start, end and step, which is not 0, all "
            f"of them numbers, got {kind(limits)}"
        )
    return Tensor(np.arange(*numbers), dtype)


def _plain(x: Any) -> Any:
    """A whole number as an int, also one that is a Tensor or the size of a batch."""
    if isinstance(x, (bool, np.ndarray)) or not hasattr(x, "__index__"):
        return x
    try:
        return operator.index(x)
    except TypeError:
        return x


def _is_finite(x: Any) -> bool:
    is_number = isinstance(x, (int, float, np.integer, np.floating)) and not isinstance(x, bool)
    return is_number and bool(abs(x) < 2**62)


def eye(n: int, m: int | None = None, dtype: Any = None) -> Tensor:
    """Ones on the diagonal of zeros: [n, m], or [n, n]."""
    rows, columns = _size((n, n if m is None else m))
    return Tensor(np.eye(rows, columns), dtype)


def one_hot(index: Any, size: int, dtype: Any = None) -> Tensor:
    """A new last axis, with a one at the place that the index says.

    >>> one_hot([2, 0], 3)
    Tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    (count,) = _size((size,))
    places = index.numpy() if hasattr(index, "__primitive__") else by_numpy(index)
    if places.dtype.kind not in "iu" or ((places < 0) | (places >= count)).any():
        raise DataError(
            f"{user_location()}: one_hot takes whole numbers from 0 to {count - 1}, got "
            f"{kind(index)}"
        )
    return Tensor(places[..., None] == np.arange(count), dtype or DEFAULT)
