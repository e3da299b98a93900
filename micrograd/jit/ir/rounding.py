"""What rounding may do to one op: numbers with bounds -> the op's number, with a bound.

A bound is absolute: code that computes in numbers of the given unit ends within it of what the
interpreter computes, wherever its operands did. It is 0 for what is exact, and inf where rounding
decides what happens, as beside a jump. Bounds are to first order, but the op is evaluated at both
ends of its operands, so that poles and curves count.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...ops import Op

Numbers = npt.NDArray[np.float64]


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
    if op.predicate is not None:
        return Bounded(value, error)
    if op.ulps:
        units = 2 * op.ulps
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
    if op.choice:
        c, x, y = values
        result = np.where(c != 0.0, x, y)
    elif op.ufunc is not None and op.ulps <= 0.5 and not op.orders_zeros:  # NumPy gives the same
        result = getattr(np, op.ufunc)(*values)
    else:
        result = np.frompyfunc(op.eval, op.arity, 1)(*[x.astype(object) for x in values])
    return np.asarray(result, dtype=np.float64)


def _deviation(op: Op, operands: Sequence[Bounded], value: Numbers) -> Numbers:
    """How far the op's number may be from `value`, its operands being off by their errors."""
    if op.choice:
        error = _choice(*operands)
    elif op.coefficients:
        error = functools.reduce(np.add, [x.error for x in operands])
    elif op.nonexpansive:
        error = functools.reduce(np.maximum, [x.error for x in operands])
    elif op.predicate is not None:
        x, y = operands
        off = x.error + y.error
        near = (np.abs(x.value - y.value) <= off) & (off > 0.0)
        error = np.where(near, 1.0, 0.0)
    elif op.product:
        x, y = operands
        error = _times(y.value, x.error) + _times(x.value, y.error) + _times(y.error, x.error)
    elif op.exponents:
        x, y = operands
        error = _quotient(x, y, value)
    else:
        error = _moved(op, operands)
    return np.array(np.broadcast_to(error, value.shape))


def _times(x: Numbers, error: Numbers) -> Numbers:
    """|x| * error, where no error is none, whatever x."""
    return np.where(error == 0.0, 0.0, np.abs(x) * error)


def _quotient(x: Bounded, y: Bounded, value: Numbers) -> Numbers:
    """What x / y, which is `value`, may be off by; inf where y may be 0."""
    left = np.abs(y.value) - y.error
    moved = x.error + _times(value, y.error)
    return np.where(moved == 0.0, 0.0, np.where(left > 0.0, moved / left, np.inf))


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
