"""Division by what has its reciprocal at hand: a product, and one step of correction.

A division of a vector takes as long as ten multiplications; this takes three fused operations and
a comparison or two. A constant has its reciprocal; so has a divisor by which a derivative divides. Source: P. W. Markstein, Computation of elementary functions on the IBM RISC
System/6000 processor, 1990: with a correctly rounded reciprocal, the correction of a quotient that
is within 1 ulp rounds correctly.
"""

from __future__ import annotations

from math import frexp, isfinite

import numpy as np

from .numbers import Real
from .rare import unless

EXPONENTS = {64: 500, 32: 50}
"""Divisors between 2**-n and 2**n: neither their reciprocals nor the remainders overflow."""


def divides_fast(c: float, bits: int) -> bool:
    """Whether a division by `c` is worth more than one instruction: not that by a power of two."""
    if not isfinite(c) or c == 0.0:
        return False
    mantissa, exponent = frexp(c)
    return abs(mantissa) != 0.5 and abs(exponent) < EXPONENTS[bits]


def divide(x: Real, c: float) -> Real:
    """x / c, for a constant that `divides_fast`.

    Where the corrected quotient is nan or zero, the product is the result: so infinities and the
    sign of zero are as they should be. A denormal result may be 1 ulp off.
    """
    number = np.float64 if x.bits == 64 else np.float32
    divisor = number(c)
    reciprocal = float(number(1.0) / divisor)
    return _corrected(x, x.real(float(divisor)), x.real(reciprocal))


def divide_by(x: Real, y: Real, reciprocal: Real) -> Real:
    """x / y, where the correctly rounded 1 / y is known.

    A vector with a divisor near the ends of the range, zero or infinite, is divided as it stands.
    """
    limit = 2.0 ** EXPONENTS[x.bits]
    size = abs(reciprocal)
    common = (size > 1.0 / limit) & (size < limit)
    return unless(~common, _corrected(x, y, reciprocal), _quotient, x, y)


def _quotient(x: Real, y: Real) -> Real:
    return x / y


def _corrected(x: Real, y: Real, reciprocal: Real) -> Real:
    quotient = x * reciprocal
    remainder = (-quotient).fma(y, x)
    corrected = remainder.fma(reciprocal, quotient)
    return corrected.differs(0.0).select(corrected, quotient)
