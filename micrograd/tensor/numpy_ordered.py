"""NumPy's functions of numbers in order: scans, sorting, quantiles, places between others.

What is sorted is taken by indices, which are those of the numbers that there are: in a function
that is compiled there are none.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..errors import DataError, TraceError, user_location
from .core import Tensor
from .functions import stack, tensor_of, tensors_of, where
from .numpy_calls import OF_TENSORS, by_numbers, enter
from .reducing import axes_of, axis_of


def _cumsum(a: Any, axis: int | None = None) -> Any:
    return tensor_of(a).cumsum(axis)


def _cumprod(a: Any, axis: int | None = None) -> Any:
    return tensor_of(a).cumprod(axis)


def _cumulative_sum(x: Any, /, *, axis: int | None = None) -> Any:
    return _along(x, axis).cumsum(axis or 0)


def _cumulative_prod(x: Any, /, *, axis: int | None = None) -> Any:
    return _along(x, axis).cumprod(axis or 0)


def _along(x: Any, axis: int | None) -> Any:
    x = tensor_of(x)
    if axis is None and x.ndim != 1:
        raise DataError(f"{user_location()}: of {x.ndim} axes, say which: axis=")
    return x


# --- sorted ---------------------------------------------------------------------------------------


def _sort(a: Any, axis: int | None = -1) -> Any:
    x = tensor_of(a)
    x, axis = (x.flatten(), 0) if axis is None else (x, axis_of(axis, x.ndim))
    return x.take_along_axis(np.argsort(_numbers(x, "sort"), axis, kind="stable"), axis)


def _median(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return _quantile(a, 0.5, axis, keepdims=keepdims)


def _quantile(a: Any, q: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """Between the two nearest in order, by how near they are."""
    x = tensor_of(a)
    if hasattr(q, "__primitive__"):
        q = _numbers(q, "quantile")
    q = np.asarray(q, float)
    if ((q < 0) | (q > 1)).any():
        raise DataError(f"{user_location()}: quantiles are from 0 to 1, got {q.tolist()}")
    axes = axes_of(axis, x.ndim)
    n = math.prod(x.shape[a] for a in axes)
    rest = [a for a in range(x.ndim) if a not in axes]
    ordered = _sort(x.transpose(*rest, *axes).reshape(*(x.shape[a] for a in rest), n))
    numbers = np.isnan(_numbers(ordered, "quantile")).any(-1)
    kept = tuple(1 if a in axes else m for a, m in enumerate(x.shape))
    found = []
    for at in (q * (n - 1)).reshape(-1).tolist():
        k = min(math.floor(at), n - 1)
        low, high = ordered[..., k], ordered[..., min(k + 1, n - 1)]
        between = low + (high - low) * (at - k) if at > k else low
        between = where(numbers, math.nan, between) if numbers.any() else between
        found.append(between.reshape(*kept) if keepdims else between)
    return stack(found).reshape(*q.shape, *found[0].shape) if q.ndim else found[0]


def _percentile(a: Any, q: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return _quantile(a, np.asarray(q) / 100.0, axis, keepdims=keepdims)


def _numbers(x: Any, name: str) -> Any:
    """The numbers of a Tensor, by which it is put in order."""
    if x._scope is not None:
        raise TraceError(
            f"{user_location()}: np.{name} goes by the order of numbers, which are not there while "
            "a function is compiled; call it outside, and pass what it gives"
        )
    return x.numpy()


# --- between others -------------------------------------------------------------------------------


def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    """A start, and for each piece its slope times how far x is in it."""
    x, fp = tensors_of([x, fp])
    xp = _numbers(xp, "interp") if hasattr(xp, "__primitive__") else np.asarray(xp, float)
    if x._scope is None:
        k = np.clip(np.searchsorted(xp, x.numpy(), "right") - 1, 0, max(xp.size - 2, 0))
        after = np.minimum(k + 1, xp.size - 1)
        width = xp[after] - xp[k]
        is_end = width == 0.0  # it is there wholly
        part = (x.clip(float(xp[0]), float(xp[-1])) - xp[k] + is_end) / (width + is_end)
        found = fp.take(k) + (fp.take(after) - fp.take(k)) * part
    else:
        widths, at = np.diff(xp), x.expand_dims(-1)
        is_last = np.arange(widths.size) == widths.size - 1
        past = where(
            is_last, ops.gt(at, xp[1:]), ops.ge(at, xp[1:])
        )  # a place begins the next piece
        reached = where(ops.lt(at, xp[:-1]), 0.0, at - xp[:-1])
        inside = where(past, Tensor(widths, x.dtype), reached)
        found = fp[0] + ((fp[1:] - fp[:-1]) * (inside / widths)).sum(-1)
    found = found if left is None else where(x < xp[0], left, found)
    return found if right is None else where(x > xp[-1], right, found)


# --- without what is no number --------------------------------------------------------------------


def _nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0) -> Any:
    x = tensor_of(x)
    largest = float(np.finfo(x.dtype).max)
    return where(ops.ne(x, x), nan, x.clip(-largest, largest))


def _without_nan(name: str) -> Any:
    function = getattr(np, name)
    bare = getattr(np, name[3:])

    def call(a: Any, *args: Any, **how: Any) -> Any:
        x = tensor_of(a)
        if "where" in how:
            return by_numbers(function, f"np.{name}", (a, *args), how)
        given = ops.eq(x, x)
        if name not in ("nanmax", "nanmin"):
            return bare(x, *args, where=given, **how)
        found = bare(where(given, x, -math.inf if name == "nanmax" else math.inf), *args, **how)
        return where(np.any(given, *args, **how), found, math.nan)

    return call


enter(
    np,
    (
        _cumsum, _cumprod, _cumulative_sum, _cumulative_prod, _sort, _median, _quantile,
        _percentile, _interp, _nan_to_num,
    ),
)  # fmt: skip
OF_TENSORS |= {
    getattr(np, name): _without_nan(name)
    for name in ("nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin")
}
