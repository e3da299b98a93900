"""NumPy's elementwise functions of Tensors that several ops make up, beside those that Values have
as well (micrograd/numpy_functions.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops
from .functions import tensors_of
from .numpy_calls import OF_UFUNCS, enter

FAR = 1e8
"""The square of which 1 is lost beside, and which is a number of every type."""


def _logaddexp(x: Any, y: Any) -> Any:
    """By the larger, and what the other adds to it; of equal infinities, that."""
    x, y = tensors_of([x, y])
    top = ops.maximum(x, y)
    apart = ops.where(ops.eq(x, y), 0.0, ops.where(ops.lt(x, y), y - x, x - y))
    return top + ops.log1p(ops.exp(-apart))


def _logaddexp2(x: Any, y: Any) -> Any:
    x, y = tensors_of([x, y])
    return _logaddexp(x * math.log(2.0), y * math.log(2.0)) / math.log(2.0)


def _signed(x: Any, of: Any) -> Any:
    """|x| with a sign, which zeros have, too."""
    x, of = tensors_of([x, of])
    is_negative = ops.lt(ops.where(ops.eq(of, 0.0), 1.0 / of, of), 0.0)
    return ops.where(is_negative, -ops.absolute(x), ops.absolute(x))


def _arcsinh(x: Any) -> Any:
    (x,) = tensors_of([x])

    def near(size: Any) -> Any:
        square = size * size
        return ops.log1p(size + square / (ops.sqrt(square + 1.0) + 1.0))

    return _signed(_or_log_of_twice(ops.absolute(x), near), x)


def _arccosh(x: Any) -> Any:
    def near(x: Any) -> Any:
        above = x - 1.0
        return ops.log1p(above + ops.sqrt(above * (above + 2.0)))

    return _or_log_of_twice(tensors_of([x])[0], near)


def _or_log_of_twice(x: Any, near: Callable[[Any], Any]) -> Any:
    """A function that is log(2 x), to the last digit, where its squares might overflow."""
    is_far = ops.gt(x, FAR)
    far = ops.log(ops.where(is_far, x, FAR)) + math.log(2.0)
    return ops.where(is_far, far, near(ops.where(is_far, FAR, x)))


def _sinc(x: Any) -> Any:
    (x,) = tensors_of([x])
    is_zero = ops.eq(x, 0.0)
    t = ops.where(is_zero, 1.0, x) * math.pi
    return ops.where(is_zero, 1.0, ops.sin(t) / t)


def _heaviside(x: Any, at_zero: Any) -> Any:
    x, at_zero = tensors_of([x, at_zero])
    beside = ops.where(ops.lt(x, 0.0), 0.0, ops.where(ops.gt(x, 0.0), 1.0, x))
    return ops.where(ops.eq(x, 0.0), at_zero, beside)


OF_UFUNCS |= {
    "log2": lambda x: ops.log(x) / math.log(2.0),
    "log10": lambda x: ops.log(x) / math.log(10.0),
    "exp2": lambda x: 2.0**x,
    "cbrt": lambda x: _signed(ops.absolute(x) ** (1.0 / 3.0), x),
    "logaddexp": _logaddexp,
    "logaddexp2": _logaddexp2,
    "copysign": _signed,
    "heaviside": _heaviside,
    "arcsinh": _arcsinh,
    "arccosh": _arccosh,
    "arctanh": lambda x: (ops.log1p(x) - ops.log1p(-x)) * 0.5,
}
enter(np, (_sinc,))
