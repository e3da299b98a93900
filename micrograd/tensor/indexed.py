"""Primitives that go by integer arrays: what is taken, what is added to, and where the largest is.

`gather(x, index, axis=a)` is NumPy's `take`: the index's shape stands in the place of the axis.
Several indices of one shape are of the axes from that one on, one for each, as in `x[i, j]`.
`scatter_add(x, index, axis=a, sizes=(n,))` is the other way round: what has one place is summed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import user_location
from ..ops import Op
from .casting import I64
from .primitive import Primitive, Shape, define, shape_error


def _gathered(shape: Shape, *indices: Shape, axis: int) -> Shape:
    for index in indices:
        if index != indices[0]:
            raise shape_error(f"gather by indices of shapes {indices}, which should be equal")
    return (*shape[:axis], *indices[0], *shape[axis + len(indices) :])


def _gather(x: Any, *indices: Any, axis: int) -> Any:
    try:
        if len(indices) == 1:
            return x.take(indices[0], axis)
        return x[(*(slice(None),) * axis, *indices)]
    except IndexError:
        for k, index in enumerate(indices):
            if not is_within(index, x.shape[axis + k]):
                raise out_of_range(index, x.shape, axis + k) from None
        raise


def is_within(index: Any, n: int) -> bool:
    """Whether an array has no index but those of an axis of n elements."""
    return not index.size or bool(index.min() >= -n and index.max() < n)


def out_of_range(index: Any, shape: Shape, axis: int) -> IndexError:
    """The error for an index that is none of an axis, at the user's line."""
    n = shape[axis]
    wrong = index[(index < -n) | (index >= n)]
    return IndexError(
        f"{user_location()}: index {wrong.flat[0]} is out of range: axis {axis} of shape {shape} "
        f"has {n} elements"
    )


def _gather_vjp(ct: Any, out: Any, operands: tuple[Any, ...], i: int, *, axis: int) -> Any:
    x, *indices = operands
    sizes = x.shape[axis : axis + len(indices)]
    return None if i else scatter_add(ct, *indices, axis=axis, sizes=sizes)


gather: Primitive = define(
    "gather",
    formula="out[i, k] = x[i, index[k], ...]",
    shape=_gathered,
    eval=_gather,
    vjp=_gather_vjp,
    dtype=lambda x, *indices, axis: x,
    reads=True,
    moves=True,
)


def _scattered(shape: Shape, *indices: Shape, axis: int, sizes: Shape) -> Shape:
    for index in indices:
        if shape[axis : axis + len(index)] != index or len(indices) != len(sizes):
            raise shape_error(
                f"scatter_add of shape {shape} by {len(indices)} indices of shape {index} into "
                f"axes of {sizes}: they should be the axes of it from {axis} on, one for each of "
                "these"
            )
    return (*shape[:axis], *sizes, *shape[axis + len(indices[0]) :])


def _scatter_add(x: Any, *indices: Any, axis: int, sizes: Shape) -> Any:
    """By sorting the places, so that what belongs together is summed at once."""
    shape = _scattered(x.shape, *(i.shape for i in indices), axis=axis, sizes=sizes)
    count = math.prod(sizes)
    out = np.zeros((*shape[:axis], count, *shape[axis + len(sizes) :]), x.dtype)
    flat = np.zeros(indices[0].size, np.int64)
    for k, (index, n) in enumerate(zip(indices, sizes, strict=True)):
        if not is_within(index, n):
            raise out_of_range(index, shape, axis + k)
        flat = flat * n + np.where(index < 0, index + n, index).reshape(-1)
    if flat.size and out.size:
        order = np.argsort(flat, kind="stable")
        flat = flat[order]
        starts = np.flatnonzero(np.r_[True, flat[1:] != flat[:-1]])
        given = x.reshape(*shape[:axis], flat.size, *shape[axis + len(sizes) :])
        sums = np.add.reduceat(np.take(given, order, axis), starts, axis)
        before: Any = (slice(None),) * axis
        out[(*before, flat[starts])] = sums
    return out.reshape(shape)


scatter_add: Primitive = define(
    "scatter_add",
    formula="out[i, index[k], ...] += x[i, k]",
    shape=_scattered,
    eval=_scatter_add,
    vjp=lambda ct, out, operands, i, *, axis, sizes: (
        None if i else gather(ct, *operands[1:], axis=axis)
    ),
    dtype=lambda x, *indices, axis, sizes: x,
    reads=True,
)


def _found(shape: Shape, *, op: Op, axis: int) -> Shape:
    if shape[axis] == 0:
        raise shape_error(
            f"arg{op.label} over no elements: shape {shape} has none along axis {axis}"
        )
    return (*shape[:axis], *shape[axis + 1 :])


def by_place(op: Op) -> Callable[..., Any]:
    """NumPy's function for where an op's reduction is."""
    is_max = op.identity is not None and op.identity < 0
    return np.ndarray.argmax if is_max else np.ndarray.argmin


def _find(x: Any, *, op: Op, axis: int) -> Any:
    """The first element that the op's reduction gives; a nan, if there is one."""
    _found(x.shape, op=op, axis=axis)
    return by_place(op)(x, axis)


arg_reduce: Primitive = define(
    "arg_reduce",
    formula="out[i] = the first j at which op over j of x[i, j] is x[i, j]",
    shape=_found,
    eval=_find,
    vjp=None,
    dtype=lambda x, *, op, axis: I64,
)
