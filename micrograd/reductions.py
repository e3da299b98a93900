"""NumPy's reductions of arrays of Values: by an op between elements, under masks, with a count.

Input: arrays of objects, which NumPy's own loops would compare by `if`. A mask may be of truth
values, which chooses elements here, or of Values, which the compiled function tests.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import accumulate
from typing import Any

import numpy as np

from . import ops
from .errors import TraceError, user_location

Binary = Callable[[Any, Any], Any]


def chosen(mask: Any, x: Any, y: Any) -> Any:
    """The elements of x where the mask holds, else those of y.

    >>> chosen(np.array([True, False]), np.array([1.0, 2.0], dtype=object), 0.0)
    array([1.0, 0.0], dtype=object)
    """
    if is_plain(mask):
        return np.where(mask, plain(x), plain(y))
    return ops.where.map(*map(plain, map(np.asanyarray, (mask, x, y))))


def is_plain(mask: Any) -> bool:
    """Whether a mask is of truth values, not of Values."""
    return not hasattr(mask, "__apply__") and np.asanyarray(mask).dtype != object


def plain(x: Any) -> Any:
    """An array as one of NumPy's own class; else as it is."""
    return x.view(np.ndarray) if isinstance(x, np.ndarray) and type(x) is not np.ndarray else x


def folded(
    op: Binary,
    x: Any,
    identity: float | None,
    *,
    axis: Any = 0,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """The op between all elements along axes, from first to last."""
    first = identity if initial is None or initial is np._NoValue else initial
    axes = axes_of(x, axis)

    def rows(of: Any) -> Any:
        rest = [a for a in range(x.ndim) if a not in axes]
        return of.transpose([*axes, *rest]).reshape(-1, *(x.shape[a] for a in rest))

    if where is not True:
        if first is None:
            raise ValueError(
                f"{user_location()}: this function has no identity, so where= needs initial="
            )
        mask = rows(np.broadcast_to(plain(np.asanyarray(where)), x.shape))
        pairs = zip(mask, rows(x), strict=True)
        found = reduce(
            lambda so_far, pair: chosen(pair[0], op(so_far, pair[1]), so_far), pairs, first
        )
    elif x.size or first is not None:
        found = reduce(op, rows(x)) if first is None else reduce(op, rows(x), first)
    else:
        raise ValueError("zero-size array to reduction operation which has no identity")
    if keepdims:
        shape = [1 if a in axes else n for a, n in enumerate(x.shape)]
        boxed = np.empty(shape, dtype=object)
        boxed.reshape(-1)[:] = np.asarray(found, dtype=object).reshape(-1)
        return boxed
    return found


def axes_of(x: Any, axis: Any) -> tuple[int, ...]:
    """The axes, counted from the first one."""
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    for a in axes:
        if not -x.ndim <= a < x.ndim:
            raise np.exceptions.AxisError(a, x.ndim)
    return tuple(a % x.ndim for a in axes)


def accumulated(op: Binary, x: Any, axis: int = 0) -> Any:
    """The op between all elements up to each, along an axis."""
    (axis,) = axes_of(x, axis)
    found = np.empty(x.shape, dtype=object)
    rows = np.moveaxis(found, axis, 0)
    for k, row in enumerate(accumulate(np.moveaxis(x, axis, 0), op)):
        rows[k] = row
    return found


def counted(x: Any, axis: Any, keepdims: bool, where: Any) -> Any:
    """How many elements a reduction takes: a whole number, or what a mask says, also Values."""
    if where is True:
        return np.prod([x.shape[a] for a in axes_of(x, axis)], dtype=int)
    mask = np.broadcast_to(plain(np.asanyarray(where)), x.shape)
    if is_plain(mask):
        return np.sum(mask, axis=axis, keepdims=keepdims)
    return folded(ops.add, ops.ne.map(mask, 0.0), 0.0, axis=axis, keepdims=keepdims)


def check_dtype(name: str, dtype: Any, *, truths: bool = False) -> None:
    """Raises TraceError for a dtype that Values are not computed in.

    truths   whether the results are truth values
    """
    if dtype is None or (truths and dtype in (bool, np.bool_)):
        return
    if np.dtype(dtype) != object and np.dtype(dtype).kind != "f":
        raise TraceError(
            f"{user_location()}: np.{name} with dtype={np.dtype(dtype)}: Values are real numbers; "
            "leave dtype out"
        )
