"""Arithmetic on floats that is total: what the machine says where Python raises.

Input: floats. Output: a float, always: 1/0 is inf, the logarithm of -1 is nan. They are what the
op table evaluates, where Python's own function would not do.
"""

from __future__ import annotations

import math
from collections.abc import Callable


def total(f: Callable[..., float], poles: dict[float, float] | None = None) -> Callable[..., float]:
    """`f` of one float, made total: IEEE results where Python's math module raises.

    >>> total(math.exp)(1000.0), total(math.log, {0.0: -math.inf})(0.0)
    (inf, -inf)
    """

    def evaluate(x: float) -> float:
        try:
            return f(x)
        except ValueError:
            return poles[x] if poles and x in poles else math.nan
        except OverflowError:
            # exp, expm1 and cosh overflow upwards; sinh follows the sign of x
            return -math.inf if f is math.sinh and x < 0.0 else math.inf

    return evaluate


def quotient(x: float, y: float) -> float:
    """x / y."""
    try:
        return x / y
    except ZeroDivisionError:
        if x == 0.0 or x != x:
            return math.nan
        return math.copysign(math.inf, x) * math.copysign(1.0, y)


def power(x: float, y: float) -> float:
    """x ** y, a real number or nan."""
    try:
        return math.pow(x, y)
    except OverflowError:
        odd = y == math.floor(y) and y % 2.0 == 1.0
        return -math.inf if x < 0.0 and odd else math.inf
    except ValueError:
        if x != 0.0:
            return math.nan  # a negative base to a power that is no integer
        odd = y == math.floor(y) and y % 2.0 == 1.0
        return math.copysign(math.inf, x) if odd else math.inf


def larger(x: float, y: float) -> float:
    """The maximum; nan if one is nan."""
    if x != x or y != y:
        return math.nan
    if x == y:  # also orders the zeros: that of -0.0 and 0.0 is 0.0
        return y if math.copysign(1.0, x) < 0.0 else x
    return x if x > y else y


def smaller(x: float, y: float) -> float:
    """The minimum; nan if one is nan."""
    return -larger(-x, -y)


def logistic(x: float) -> float:
    """1 / (1 + e ** -x), by the exponential of a number that is never positive: none overflows."""
    small = math.exp(-abs(x))
    return (small if x < 0.0 else 1.0) / (1.0 + small)


def soft_larger(x: float) -> float:
    """log(1 + e ** x), by the same."""
    return larger(x, 0.0) + math.log1p(math.exp(-abs(x)))


def truth(compare: Callable[[float, float], bool]) -> Callable[[float, float], float]:
    """The comparison as a number: 1.0 or 0.0."""
    return lambda x, y: 1.0 if compare(x, y) else 0.0
