"""Scans: an op of the scalar table folded along an axis, with all that it gives on the way.

`scan(x, op=add, axis=0)` are cumulative sums; the first element stays what it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..ops import Op
from .casting import BOOL, I64
from .layout import concat, part
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
    return _by_doubling(ct, out, x, op, axis)


def _turned(x: Any, axis: int) -> Any:
    """The elements last to first."""
    n = x.shape[axis]
    return part(x, axis, n - 1, n, -1) if n else x


def _by_doubling(ct: Any, out: Any, x: Any, op: Op, axis: int) -> Any:
    """The cotangent by the op's own rules, last to first, as if each element was folded by itself:
    what flows through one is its own and a share of what flows through the next. That over 1, 2, 4,
    ... elements; it divides by nothing, so a product is right where factors are 0.
    """
    n = x.shape[axis]
    if n < 2:
        return ct

    def cut(x: Any, start: int, size: int) -> Any:
        return part(x, axis, start, size)

    made = (cut(out, 1, n - 1), cut(out, 0, n - 1), cut(x, 1, n - 1))
    share, own = (rule(1.0, *made) for rule in op.vjp if rule is not None)
    flow, step = ct, 1
    while step < n:
        given = _scaled(share, cut(flow, step, n - step), op)
        flow = concat(ops.add(cut(flow, 0, n - step), given), cut(flow, n - step, step), axis=axis)
        if 2 * step < n:
            m = n - 2 * step
            share = _scaled(cut(share, 0, m), cut(share, step, m), op)
        step *= 2
    return concat(cut(flow, 0, 1), _scaled(own, cut(flow, 1, n - 1), op), axis=axis)


def _scaled(share: Any, flow: Any, op: Op) -> Any:
    """So much of what flows; nothing of infinity is nothing where the op selects."""
    scaled = ops.mul(share, flow)
    return ops.where(share, scaled, 0.0) if op.selects else scaled


scan: Primitive = define(
    "scan",
    formula="out[i] = op(out[i - 1], x[i])",
    shape=_shape,
    eval=_eval,
    vjp=_vjp,
    dtype=lambda x, *, op, axis: I64 if x is BOOL else x,
    reads=True,
)
