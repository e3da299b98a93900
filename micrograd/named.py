"""Parameters under one name of a Module: a Tensor, or an array of Values; their numbers."""

from __future__ import annotations

from typing import Any

import numpy as np


def is_tensor(x: Any) -> bool:
    """Whether it is a Tensor. Its class is asked, for objects may answer to any name, and nothing
    of Tensors is imported before there is one.
    """
    return hasattr(type(x), "__primitive__")


def first(x: Any) -> Any:
    """What stands first in lists of lists, or in an array of objects."""
    while isinstance(x, (list, tuple)) and x:
        x = x[0]
    if isinstance(x, np.ndarray) and x.dtype == object and x.size:
        return x.flat[0]
    return x


def objects(x: Any) -> Any:
    """Values in lists as an array of objects; what has no shape becomes one object."""
    try:
        return np.array(x, dtype=object)
    except ValueError:
        return np.array(None, dtype=object)


# What is named is a Tensor, or an array of Values.


def each(some: Any) -> list[Any]:
    """The parameters in it: the Tensor itself, or the Values."""
    return [some] if is_tensor(some) else list(some.reshape(-1))


def numbers(some: Any) -> Any:
    """A copy of its numbers, as an array of the same shape."""
    if is_tensor(some):
        return np.array(some._data)
    return np.array([v.data for v in some.reshape(-1)]).reshape(some.shape)


def assign(some: Any, array: Any) -> None:
    """Give it the numbers of an array of the same shape."""
    if is_tensor(some):
        some.data = array
        return
    for v, number in zip(some.reshape(-1), array.reshape(-1).tolist(), strict=True):
        v.data = number
