"""What rounding may do to one op: numbers with bounds -> the op's number, with a bound.

A bound is absolute: code that computes in numbers of the given unit ends within it of what the
interpreter computes, wherever its operands did. It is 0 for what is exact, and inf where rounding
decides what happens, as beside a jump. Bounds are to first order, but the op is evaluated at both
ends of its operands, so that poles and curves count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...ops import OPS, Op

Numbers = npt.NDArray[np.float64]

LIBRARY_ULPS = 2
"""What functions of the C library, and ours in their place, may be off by (docs/math.md)."""

_EXACT = frozenset({"neg", "abs", "where", "maximum", "minimum", "relu"})
"""Ops that round nothing."""
_ONCE = frozenset({"add", "sub", "mul", "div", "sqrt"})
"""Ops that are rounded to the nearest number."""
_COMPARISONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})


@dataclass(frozen=True, slots=True)
class Precision:
    """The numbers that code computes in.

    unit      half of the distance from 1 to the next one
    least     the smallest positive one
    largest   about the largest one; beyond it rounding decides about infinity
    """

    unit: float
    least: float
    largest: float

    @staticmethod
    def of(dtype: np.dtype[Any]) -> Precision:
        info = np.finfo(dtype)
        return Precision(
            float(info.eps) / 2, float(info.smallest_subnormal), float(info.max) * (1 - 1e-6)
        )


@dataclass(slots=True)
class Bounded:
    """Numbers, as the interpreter has them, and how far from them compiled code may be."""

    value: Numbers
    error: Numbers


def apply(op: Op, operands: Sequence[Bounded], precision: Precision) -> Bounded:
    """The op at every element of arrays that broadcast."""
    values = [x.value for x in operands]
    value = evaluate(op, values)
    if any(x.error.any() for x in operands):
        error = _deviation(op, operands, value)
        error[np.isnan(error)] = np.inf
    else:
        error = np.zeros(value.shape)
    if op.name in _COMPARISONS:
        return Bounded(value, error)
    if op.name not in _EXACT:
        units = 1 if op.name in _ONCE else 2 * LIBRARY_ULPS
        finite = np.isfinite(value)
        rounded = units * (precision.unit * np.abs(value) + precision.least)
        error = error + np.where(finite, rounded, 0.0)
    return Bounded(value, _limited(value, error, values, precision))


def _limited(
    value: Numbers, error: Numbers, operands: Sequence[Numbers], precision: Precision
) -> Numbers:
    """The error, or inf where the number may be too large for the precision."""
    finite = np.isfinite(value)
    large = finite & (np.abs(value) + error > precision.largest)
    if not finite.all():  # an infinity that finite operands give is an overflow, or at a pole
        whole = np.logical_and.reduce([np.isfinite(x) for x in np.broadcast_arrays(*operands)])
        large |= np.isinf(value) & whole & (error > 0)
    if large.any():
        error = np.where(large, np.inf, error)
    return error


def evaluate(op: Op, values: Sequence[Numbers]) -> Numbers:
    """The numbers that `op.eval` gives, bit for bit."""
    fast = _NUMPY.get(op.name)
    if fast is not None:
        result = fast(*values)
    else:
        result = np.frompyfunc(op.eval, op.arity, 1)(*[x.astype(object) for x in values])
    return np.asarray(result, dtype=np.float64)


_NUMPY: dict[str, Any] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "abs": np.absolute,
    "sqrt": np.sqrt,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "where": lambda c, x, y: np.where(c != 0.0, x, y),
}
"""NumPy's functions that give the very numbers of the interpreter."""


def _deviation(op: Op, operands: Sequence[Bounded], value: Numbers) -> Numbers:
    """How far the op's number may be from `value`, its operands being off by their errors."""
    x, *rest = operands
    name = op.name
    if name in ("neg", "abs", "relu"):
        error = x.error
    elif name == "where":
        error = _choice(x, *rest)
    elif name in ("add", "sub"):
        error = x.error + rest[0].error
    elif name in ("maximum", "minimum"):
        error = np.maximum(x.error, rest[0].error)
    elif name == "mul":
        y = rest[0]
        error = _times(y.value, x.error) + _times(x.value, y.error) + _times(y.error, x.error)
    elif name == "div":
        y = rest[0]
        left = np.abs(y.value) - y.error
        moved = x.error + _times(value, y.error)
        error = np.where(moved == 0.0, 0.0, np.where(left > 0.0, moved / left, np.inf))
    elif name in _COMPARISONS:
        y = rest[0]
        off = x.error + y.error
        near = (np.abs(x.value - y.value) <= off) & (off > 0.0)
        error = np.where(near, 1.0, 0.0)
    else:
        error = _moved(op, operands)
    return np.array(np.broadcast_to(error, value.shape))


def _times(x: Numbers, error: Numbers) -> Numbers:
    """|x| * error, where no error is none, whatever x."""
    return np.where(error == 0.0, 0.0, np.abs(x) * error)


def _choice(c: Bounded, x: Bounded, y: Bounded) -> Numbers:
    """What is taken, and where the condition is in doubt, also how far the other one is."""
    taken = np.where(c.value != 0.0, x.error, y.error)
    doubtful = c.error > 0.0
    if not doubtful.any():
        return taken
    apart = np.where(_alike(x.value, y.value), 0.0, np.abs(x.value - y.value))
    return np.where(doubtful, np.maximum(x.error, y.error) + apart, taken)


def _moved(op: Op, operands: Sequence[Bounded]) -> Numbers:
    """The largest change of the op with its operands at the ends of what they may be."""
    ufunc = getattr(np, op.ufunc) if op.ufunc else None
    values = [x.value for x in operands]

    def at(*where: Numbers) -> Numbers:
        return np.asarray(ufunc(*where)) if ufunc is not None else evaluate(op, where)

    here = at(*values)
    total = np.zeros(here.shape)
    for k, x in enumerate(operands):
        if not x.error.any():
            continue
        for sign in (-1.0, 1.0):
            there = at(*values[:k], x.value + sign * x.error, *values[k + 1 :])
            change = np.where(_alike(here, there), 0.0, np.abs(there - here))
            change[np.isnan(change)] = np.inf
            total = np.maximum(total, change) if len(operands) == 1 else total + change
    return total


def _alike(x: Numbers, y: Numbers) -> Any:
    """Whether numbers are equal, nan being equal to nan."""
    return (x == y) | (np.isnan(x) & np.isnan(y))


assert set(OPS) >= _EXACT | _ONCE | _COMPARISONS
