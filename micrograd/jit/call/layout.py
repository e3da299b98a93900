"""Where the numbers of calls with arrays lie in memory: new rows, leaves side by side."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

LINE, PAGE = 64, 4096
"""Bytes of a cache line and of a page."""
LONG_ROW = 64 * PAGE
"""Bytes of a result from which on it pays to choose where it begins."""


def new_rows(n: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """A new array for n results: rows of one buffer.

    Long rows begin at whole cache lines, as stores past the cache like it, and not all equally far
    into a page, which would make the processor take accesses to different rows for the same.
    """
    points, size = prod(shape), dtype.itemsize
    if points * size < LONG_ROW:
        return np.empty((n, *shape), dtype=dtype)
    line = LINE // size
    pitch = -(-points // line) * line
    if pitch * size % PAGE == 0:
        pitch += 2 * line
    buffer = np.empty(n * pitch + line, dtype=dtype)
    start = -buffer.ctypes.data % LINE // size
    rows = buffer[start : start + n * pitch].reshape(n, pitch)[:, :points]
    return rows.reshape(n, *shape)


def moved_last(block: Array) -> Array:
    """The array with its first axis behind the others."""
    return block.transpose((*range(1, block.ndim), 0))


def leaves_of(x: Any) -> list[Any]:
    """The numbers of a container that is given as a list or as the last axis of an array."""
    return [x[..., k] for k in range(x.shape[-1])] if isinstance(x, np.ndarray) else list(x)


def side_by_side(leaves: Sequence[Any], dtype: np.dtype[Any]) -> Array:
    """Numbers and arrays as one array, along its last axis."""
    shapes = {np.shape(leaf) for leaf in leaves}
    shape = shapes.pop() if len(shapes) == 1 else np.broadcast_shapes(*shapes)
    stacked = np.empty((len(leaves), *shape), dtype=dtype)
    for k, leaf in enumerate(leaves):
        stacked[k] = leaf
    return moved_last(stacked)
