"""Numbers of Tensors in one buffer, which native code writes where they are.

Nothing else may see such a change that did not ask for it: what shares the buffer, an array or a
Tensor made of it, keeps the old numbers. So before anything is written, whoever else holds it is
looked for, by counting references, and then the parameters move to a new buffer.
"""

from __future__ import annotations

from collections.abc import Sequence
from sys import getrefcount
from typing import Any

import numpy as np
import numpy.typing as npt

from ..copies import next_serial
from .core import Tensor
from .steps import parts

ALIGNED = 64
"""Bytes."""


class TensorStore:
    """One buffer for the numbers of Tensors of one dtype.

    address   where it is, at the moment
    """

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self.tensors = list(tensors)
        self.dtype = self.tensors[0].dtype
        self._buffer: npt.NDArray[Any] | None = None

    @property
    def missing(self) -> int:
        """How many numbers the buffer would have, if there is none yet."""
        return 0 if self._buffer is not None else sum(t.size for t in self.tensors)

    def own(self) -> list[int]:
        """The addresses of the Tensors' numbers, all in the buffer, which nothing else holds."""
        if self._buffer is None or self._is_shared():
            size = sum(t.size for t in self.tensors)
            self._buffer = np.empty(size + ALIGNED // self.dtype.itemsize, self.dtype)
        start = -self._buffer.ctypes.data % ALIGNED // self.dtype.itemsize
        size = len(self._buffer) - ALIGNED // self.dtype.itemsize
        views = parts(self._buffer[start : start + size], self.tensors)
        for t, view in zip(self.tensors, views, strict=True):
            if not _is_same(t._data, view):
                view[...] = t._data
                t._data = view
        return [t._data.ctypes.data for t in self.tensors]

    def _is_shared(self) -> bool:
        """Whether anything but the Tensors holds the buffer."""
        inside = [t for t in self.tensors if t._data.base is self._buffer]
        if any(getrefcount(t._data) > 2 for t in inside):
            return True
        return getrefcount(self._buffer) > len(inside) + 2  # the attribute, and the argument

    def written(self) -> None:
        """The numbers have changed: a gradient through the old ones is an error from now on."""
        for t in self.tensors:
            t._changed = next_serial()


def _is_same(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    return (
        one.ctypes.data == other.ctypes.data
        and one.base is other.base
        and one.strides == other.strides
    )


class TensorStores:
    """A store for the Tensors of each dtype."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self.tensors = list(tensors)
        dtypes = dict.fromkeys(t.dtype for t in self.tensors)
        self._stores = [TensorStore([t for t in self.tensors if t.dtype is d]) for d in dtypes]

    @property
    def missing(self) -> int:
        """How many bytes the buffers would have that are not there yet."""
        return sum(s.missing * s.dtype.itemsize for s in self._stores)

    def own(self) -> list[int]:
        """The addresses of the Tensors' numbers, in order, in buffers that nothing else holds."""
        found: dict[int, int] = {}
        for s in self._stores:
            found |= zip(map(id, s.tensors), s.own(), strict=True)
        return [found[id(t)] for t in self.tensors]

    def written(self) -> None:
        """The numbers have changed, as a store's have."""
        for s in self._stores:
            s.written()
