"""pow: e**(y ln|x|), with ln|x| as a sum of two numbers."""

from __future__ import annotations

import math

from . import logarithm
from .coefficients import EXP, LOG_CUBIC
from .exact import polynomial, two_product, two_sum
from .exponential import clamp, power, reduce
from .logarithm import Pair, lift
from .numbers import Real


def pow(x: Real, y: Real) -> Real:
    """x ** y, with C's special cases."""
    high, low = logarithm_exactly(abs(x))
    # so large that every base but 1 overflows or vanishes, yet 0 times it is 0
    largest = 1e300 if x.bits == 64 else 1e30
    bounded = y.constant(largest).minimum(y.constant(-largest).maximum(y))
    exponent, rest = two_product(bounded, high)
    rest = bounded.fma(low, rest)
    rest = (abs(exponent) < 1000.0).select(rest, 0.0)
    n, k, r = reduce(clamp(exponent))
    e = power(n, k, r + rest, EXP[x.bits])
    result = e.base.times_plus(e.p, e.base).scale(n)
    half = y * 0.5
    odd = y.equals(y.floor()) & ~half.equals(half.floor())
    result = (odd & (x.as_integer() < 0)).select(-result, result)
    fraction = ~y.equals(y.floor())
    undefined = (x < 0.0) & (x > -math.inf) & fraction
    result = undefined.select(x.constant(math.nan), result)
    return (x.equals(1.0) | y.equals(0.0)).select(x.constant(1.0), result)


def logarithm_exactly(x: Real) -> Pair:
    """ln x to 64 bits, or 35 in float32; infinite or nan where it is."""
    parts = logarithm.reduce(*lift(x))
    r = parts.r
    square, square_error = two_product(r, r)
    high, low = two_sum(parts.base, r)
    high, lower = two_sum(high, square * -0.5)
    cubic = (square * r) * polynomial(r, LOG_CUBIC[x.bits])
    rest = square_error.fma(-0.5, parts.rest)
    high, low = two_sum(high, (low + lower) + (cubic + rest))
    high = (x < math.inf).select(high, x)
    return x.equals(0.0).select(x.constant(-math.inf), high), low
