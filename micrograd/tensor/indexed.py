"""Primitives that go by integer arrays: what is taken, what is added to, and where the largest is.

`gather(x, index, axis=a)` is NumPy's `take`: the index's shape stands in the place of the axis.
`scatter_add(x, index, axis=a, size=n)` is the other way round: what has one index is summed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import user_location
from ..ops import Op
from .casting import I64
from .primitive import Primitive, Shape, define, shape_error


def _gathered(shape: Shape, index: Shape, *, axis: int) -> Shape:
    return (*shape[:axis], *index, *shape[axis + 1 :])


def _gather(x: Any, index: Any, *, axis: int) -> Any:
    try:
        return x.take(index, axis)
    except IndexError:
        raise out_of_range(index, x.shape, axis) from None


def out_of_range(index: Any, shape: Shape, axis: int) -> IndexError:
    """The error for an index that is none of an axis, at the user's line."""
    n = shape[axis]
    wrong = index[(index < -n) | (index >= n)]
    return IndexError(
        f"{user_location()}: index {wrong.flat[0]} is out of range: axis {axis} of shape {shape} "
        f"has {n} elements"
    )


gather: Primitive = define(
    "gather",
    formula="out[i, k] = x[i, index[k]]",
    shape=_gathered,
    eval=_gather,
    vjp=lambda ct, out, operands, i, *, axis: (
        None if i else scatter_add(ct, operands[1], axis=axis, size=operands[0].shape[axis])
    ),
    dtype=lambda x, index, *, axis: x,
    reads=True,
)


def _scattered(shape: Shape, index: Shape, *, axis: int, size: int) -> Shape:
    if shape[axis : axis + len(index)] != index:
        raise shape_error(
            f"scatter_add of shape {shape} by an index of shape {index}, which should be the axes "
            f"of it from {axis} on"
        )
    return (*shape[:axis], size, *shape[axis + len(index) :])


def _scatter_add(x: Any, index: Any, *, axis: int, size: int) -> Any:
    """By sorting the index, so that what belongs together is summed at once."""
    shape = _scattered(x.shape, index.shape, axis=axis, size=size)
    out = np.zeros(shape, x.dtype)
    flat = np.where(index < 0, index + size, index).reshape(-1)
    if not flat.size or not out.size:
        return out
    if flat.min() < 0 or flat.max() >= size:
        raise out_of_range(index, shape, axis)
    order = np.argsort(flat, kind="stable")
    flat = flat[order]
    starts = np.flatnonzero(np.r_[True, flat[1:] != flat[:-1]])
    given = x.reshape(*shape[:axis], flat.size, *shape[axis + 1 :])
    sums = np.add.reduceat(np.take(given, order, axis), starts, axis)
    out[(*(slice(None),) * axis, flat[starts])] = sums
    return out


scatter_add: Primitive = define(
    "scatter_add",
    formula="out[i, index[k]] += x[i, k]",
    shape=_scattered,
    eval=_scatter_add,
    vjp=lambda ct, out, operands, i, *, axis, size: (
        None if i else gather(ct, operands[1], axis=axis)
    ),
    dtype=lambda x, index, *, axis, size: x,
    reads=True,
)


def _found(shape: Shape, *, op: Op, axis: int) -> Shape:
    if shape[axis] == 0:
        raise shape_error(f"arg{op.label} over no elements: shape {shape} has none along {axis}")
    return (*shape[:axis], *shape[axis + 1 :])


def _find(x: Any, *, op: Op, axis: int) -> Any:
    """The first element that the op's reduction gives; a nan, if there is one."""
    _found(x.shape, op=op, axis=axis)
    find = np.argmax if op.identity is not None and op.identity < 0 else np.argmin
    return find(x, axis)


arg_reduce: Primitive = define(
    "arg_reduce",
    formula="out[i] = the first j at which op over j of x[i, j] is x[i, j]",
    shape=_found,
    eval=_find,
    vjp=None,
    dtype=lambda x, *, op, axis: I64,
)
