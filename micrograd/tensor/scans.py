"""Scans: an op of the scalar table folded along an axis, with all that it gives on the way.

`scan(x, op=add, axis=0)` are cumulative sums; the first element stays what it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..ops import Op
from .casting import BOOL, I64
from .layout import concat, embed, part, whole
from .primitive import Primitive, Shape, define


def _shape(shape: Shape, *, op: Op, axis: int) -> Shape:
    if op.identity is None or op.ufunc is None:
        raise TypeError(f"{op.name} is no op that scans: it has no identity, or no ufunc")
    return shape


def _eval(x: Any, *, op: Op, axis: int) -> Any:
    assert op.ufunc is not None
    return getattr(np, op.ufunc).accumulate(x, axis, I64 if x.dtype == BOOL else None)


def _vjp(ct: Any, out: Any, operands: tuple[Any, ...], i: int, *, op: Op, axis: int) -> Any:
    (x,) = operands
    if op.coefficients:  # a sum
        return _turned(scan(_turned(ct, axis), op=op, axis=axis), axis)
    return _by_doubling(ct, x, op, axis)


def _turned(x: Any, axis: int) -> Any:
    """The elements last to first."""
    n = x.shape[axis]
    return part(x, axis, n - 1, n, -1) if n else x


def _by_doubling(ct: Any, x: Any, op: Op, axis: int) -> Any:
    """The cotangent by the op's own rules: the scan is that of 1, 2, 4, ... elements before each,
    and back. It divides by nothing, so a product is right where factors are 0, in every derivative.
    """
    n = x.shape[axis]
    level, levels, step = x, [], 1
    while step < n:
        first, second = part(level, axis, 0, n - step), part(level, axis, step, n - step)
        both = op(first, second)
        levels.append((step, both, first, second))
        level = concat(part(level, axis, 0, step), both, axis=axis)
        step *= 2
    for step, both, first, second in reversed(levels):
        later = part(ct, axis, step, n - step)
        before, own = (rule(later, both, first, second) for rule in op.vjp if rule is not None)
        places = whole(x.shape)
        places[axis] = (0, n - step, 1)
        given = embed(before, shape=x.shape, places=tuple(places))
        ct = ops.add(concat(part(ct, axis, 0, step), own, axis=axis), given)
    return ct


scan: Primitive = define(
    "scan",
    formula="out[i] = op(out[i - 1], x[i])",
    shape=_shape,
    eval=_eval,
    vjp=_vjp,
    dtype=lambda x, *, op, axis: I64 if x is BOOL else x,
    reads=True,
)
