"""Sums and products with their rounding errors, and what is made of them; of any kind of number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

N = TypeVar("N", bound=Any)


def polynomial(x: N, coefficients: Sequence[float]) -> N:
    """c[0] + c[1] x + c[2] x**2 + ..., by Horner's rule, in fused steps where there are such."""
    *lower, highest = coefficients
    sum: N = x.constant(highest)
    for c in reversed(lower):
        sum = sum.times_plus(x, c)
    return sum


def polynomial_by_halves(x: N, square: N, coefficients: Sequence[float]) -> N:
    """The same as two polynomials in x**2, of even and of odd powers: no more steps, and half as
    many that wait for one another.
    """
    even, odd = (polynomial(square, coefficients[k::2]) for k in (0, 1))
    sum: N = odd.times_plus(x, even)
    return sum


def two_sum(x: N, y: N) -> tuple[N, N]:
    """x + y and its rounding error, where |x| >= |y|. Source: T. J. Dekker, 1971."""
    sum = x + y
    return sum, y - (sum - x)


def sum_exactly(x: N, y: N) -> tuple[N, N]:
    """x + y and its rounding error. Source: D. E. Knuth, The Art of Computer Programming, 4.2.2."""
    sum = x + y
    part = sum - x
    return sum, (x - (sum - part)) + (y - part)


def two_product(x: N, y: N) -> tuple[N, N]:
    """x * y and its rounding error."""
    product = x * y
    return product, x.fma(y, -product)


def fused(x: N, y: N, z: N) -> N:
    """x * y + z without fused arithmetic.

    Products of float32 are exact in float64. Those of float64 are made the sum of two numbers, from
    halves of the factors, and so is what they are added to. Source: T. J. Dekker, A Floating-Point
    Technique for Extending the Available Precision, 1971. Where a half is infinite, for numbers
    beyond 2**996, the product is rounded.
    """
    result: N
    if x.bits == 32:
        result = (x.convert(64) * y.convert(64) + z.convert(64)).convert(32)
        return result
    product = x * y
    (a, b), (c, d) = halves(x), halves(y)
    lost = ((a * c - product) + a * d + b * c) + b * d
    sum, error = sum_exactly(product, z)
    correction = error + lost
    # nan where something is infinite; 0 would make 0.0 of -0.0
    result = (abs(correction) > 0.0).select(sum + correction, sum)
    return result


def halves(x: N) -> tuple[N, N]:
    """The 26 upper places of a float64, and the others: numbers whose products are exact."""
    spread = x * (2.0**27 + 1.0)
    high = spread - (spread - x)
    return high, x - high
