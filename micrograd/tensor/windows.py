"""Windows: what convolutions and pools see along an axis, without a copy; and their sums.

`windows(x, axis=a, size=k, stride=s, dilation=d)` has, in the place of the axis, the positions of
the window, and at the end an axis of `k` elements: out[..., p, ..., j] = x[..., s p + d j, ...].
`overlap_add` adds windows up where they came from.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .primitive import Primitive, Shape, define, shape_error


def positions(n: int, size: int, stride: int, dilation: int) -> int:
    """How many windows fit among `n` elements."""
    return (n - (dilation * (size - 1) + 1)) // stride + 1


def _seen(shape: Shape, *, axis: int, size: int, stride: int, dilation: int) -> Shape:
    n = shape[axis]
    width = dilation * (size - 1) + 1
    if n < width:
        raise shape_error(
            f"a window of {width} elements does not fit into axis {axis} of shape {shape}, which "
            f"has {n}; pad it, or take a smaller window"
        )
    count = positions(n, size, stride, dilation)
    return (*shape[:axis], count, *shape[axis + 1 :], size)


def _windows(x: Any, *, axis: int, size: int, stride: int, dilation: int) -> Any:
    shape = _seen(x.shape, axis=axis, size=size, stride=stride, dilation=dilation)
    by = x.strides[axis]
    strides = (*x.strides[:axis], stride * by, *x.strides[axis + 1 :], dilation * by)
    return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)


def _windows_vjp(ct: Any, out: Any, operands: Any, i: int, *, axis: int, **how: int) -> Any:
    del how["size"]
    return overlap_add(ct, axis=axis, length=operands[0].shape[axis], **how)


windows: Primitive = define(
    "windows",
    formula="out[p, j] = x[stride p + dilation j]",
    shape=_seen,
    eval=_windows,
    vjp=_windows_vjp,
    is_view=True,
)


def _added(shape: Shape, *, axis: int, length: int, stride: int, dilation: int) -> Shape:
    return (*shape[:axis], length, *shape[axis + 1 : -1])


def _overlap_add(x: Any, *, axis: int, length: int, stride: int, dilation: int) -> Any:
    out = np.zeros((*x.shape[:axis], length, *x.shape[axis + 1 : -1]), x.dtype)
    count = x.shape[axis]
    before = (slice(None),) * axis
    for j in range(x.shape[-1]):
        start = dilation * j
        out[(*before, slice(start, start + stride * (count - 1) + 1, stride))] += x[..., j]
    return out


overlap_add: Primitive = define(
    "overlap_add",
    formula="out[stride p + dilation j] += x[p, j]",
    shape=_added,
    eval=_overlap_add,
    vjp=lambda ct, out, operands, i, *, axis, length, stride, dilation: windows(
        ct, axis=axis, size=operands[0].shape[-1], stride=stride, dilation=dilation
    ),
)
