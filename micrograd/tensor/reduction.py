"""Reductions, and broadcasting, which a sum undoes.

`reduce(x, op=add, axes=(0,))` is an op of the scalar table, folded; of no elements it is the op's
identity, where that is finite. The result has no axes in the places of those that were reduced;
`keepdims` is a reshape afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .. import ops
from ..ops import Op
from .casting import BOOL, I64, cast
from .layout import concat, part, reshape, transpose
from .primitive import Primitive, Shape, define, shape_error


def is_one(n: Any) -> bool:
    """Whether an axis has one element whatever the batch is: then it broadcasts."""
    return n.__class__ is int and n == 1


def without(shape: Shape, axes: Shape) -> Shape:
    """A shape without some of its axes."""
    return tuple(n for a, n in enumerate(shape) if a not in axes)


def kept(shape: Shape, axes: Shape) -> Shape:
    """A shape whose axes `axes` have size 1."""
    return tuple(1 if a in axes else n for a, n in enumerate(shape))


def summed_to(x: Any, shape: Shape) -> Any:
    """The sum of all that a broadcast from `shape` has made of each element."""
    extra = len(x.shape) - len(shape)
    if not extra and x.shape == shape:
        return x
    axes = tuple(range(extra)) + tuple(
        a + extra for a, n in enumerate(shape) if is_one(n) and not is_one(x.shape[a + extra])
    )
    total = reduce(x, op=ops.add, axes=axes)
    return total if total.shape == shape else reshape(total, shape=shape)


def _broadcast(old: Shape, *, shape: Shape) -> Shape:
    tail = shape[len(shape) - len(old) :] if len(old) <= len(shape) else None
    if (
        tail is None
        or any(n < 0 for n in shape if n.__class__ is int)
        or any(n is not m and not is_one(n) and n != m for n, m in zip(old, tail, strict=True))
    ):
        raise shape_error(
            f"broadcast of shape {old} to {shape}: seen from the last axis, each size should be "
            "that of the result, or 1"
        )
    return shape


def _spread(x: Any, *, shape: Shape) -> Any:
    """np.broadcast_to, which takes ten times as long as a view does, where numbers lie in a row."""
    size = x.itemsize
    strides = []
    k = x.ndim
    if not x.flags.c_contiguous or not x.size or len(shape) < k:
        return np.broadcast_to(x, shape)
    for n in shape[::-1]:
        k -= 1
        m = x.shape[k] if k >= 0 else 1
        if m != n and m != 1:
            return np.broadcast_to(x, shape)
        strides.append(size if m != 1 else 0)
        size *= m
    view = np.ndarray(shape, x.dtype, x, 0, strides[::-1])
    view.flags.writeable = False
    return view


broadcast_to: Primitive = define(
    "broadcast_to",
    formula="out[i, j] = x[j]",
    shape=_broadcast,
    eval=_spread,
    vjp=lambda ct, out, operands, i, *, shape: summed_to(ct, operands[0].shape),
    is_view=True,
)


def spread(x: Any, shape: Shape, axes: Shape) -> Any:
    """The result of a reduction of `shape` over `axes`, once for each element that went into it."""
    return broadcast_to(reshape(x, shape=kept(shape, axes)), shape=shape)


def _shape(shape: Shape, *, op: Op, axes: Shape) -> Shape:
    if op.identity is None or op.ufunc is None:
        raise TypeError(f"{op.name} is no op that reduces: it has no identity, or no ufunc")
    if math.isinf(op.identity) and any(shape[a] == 0 for a in axes):
        raise shape_error(
            f"{op.label} over no elements: shape {shape} has none along axis "
            f"{axes[0] if len(axes) == 1 else axes}, and there is no {op.name} of nothing"
        )
    return without(shape, axes)


@cache
def by_numpy(op: Op) -> Callable[..., Any]:
    """NumPy's reduction by an op."""
    assert op.ufunc is not None
    reduction: Callable[..., Any] = getattr(np, op.ufunc).reduce
    return reduction


def _eval(x: Any, *, op: Op, axes: Shape) -> Any:
    return by_numpy(op)(x, axes[0] if len(axes) == 1 else axes)


def _vjp(ct: Any, out: Any, operands: tuple[Any, ...], i: int, *, op: Op, axes: Shape) -> Any:
    (x,) = operands
    sizes = [x.shape[a] for a in axes]
    if op.coefficients or all(map(is_one, sizes)) or any(n == 0 for n in sizes):
        return spread(ct, x.shape, axes)
    if op.selects:
        is_result = ops.eq(x, spread(out, x.shape, axes))
        ties = reduce(cast(is_result, dtype=ct.dtype), op=ops.add, axes=axes)
        return ops.where(is_result, spread(ops.div(ct, ties), x.shape, axes), 0.0)
    return _by_halves(ct, x, op, axes)


def _by_halves(ct: Any, x: Any, op: Op, axes: Shape) -> Any:
    """The cotangent by the op's own rules: elements are folded in pairs, and pairs of them, and
    back. It divides by nothing, so a product is right where factors are 0, in every derivative.
    """
    rest = tuple(a for a in range(len(x.shape)) if a not in axes)
    order = axes + rest
    size = math.prod(x.shape[a] for a in axes)
    level = reshape(transpose(x, order=order), shape=(size, *(x.shape[a] for a in rest)))
    folds = []
    while (n := level.shape[0]) > 1:
        half = n // 2
        first, second = part(level, 0, 0, half), part(level, 0, half, half)
        both = op(first, second)
        folds.append((half, both, first, second))
        level = concat(both, part(level, 0, 2 * half, 1), axis=0) if n % 2 else both
    down = reshape(ct, shape=(1, *ct.shape))
    for half, both, first, second in reversed(folds):
        pairs = part(down, 0, 0, half)
        parts = [rule(pairs, both, first, second) for rule in op.vjp if rule is not None]
        if down.shape[0] > half:
            parts.append(part(down, 0, half, 1))
        down = concat(*parts, axis=0)
    ordered = reshape(down, shape=tuple(x.shape[a] for a in order))
    return transpose(ordered, order=tuple(order.index(a) for a in range(len(order))))


reduce: Primitive = define(
    "reduce",
    formula="out[i] = op over j of x[i, j]",
    shape=_shape,
    eval=_eval,
    vjp=_vjp,
    dtype=lambda x, *, op, axes: I64 if x is BOOL and not op.selects else x,
    reads=True,
)
