"""log, log1p and softplus.

ln(2**k z) = k ln 2 + ln c + ln(1 + r), with c near 1 + i/16, the nearest to z, and r = z/c - 1, so
|r| < 1/29. 1/c and ln c come from tables in registers. 1/c has so few places that r is exact, and
so is the sum of the leading parts of k ln 2 and ln c; near 1 it is 0. Source: P. T. P. Tang,
Table-Driven Implementation of the Logarithm Function, 1990.

log alone needs fewer places: its 1/c are such that ln c has no further part, and r is rounded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from . import exponential
from .coefficients import (
    EXP,
    LN2,
    LOG,
    LOG_RECIPROCALS,
    LOG_SHORT,
    LOG_TAILS,
    LOGS,
    LOGS_LESS,
    RECIPROCALS,
)
from .exact import polynomial, sum_exactly, two_sum
from .exponential import clamp, power
from .numbers import Integer, Mask, Real

Pair = tuple[Real, Real]
"""A number as a sum of two, the second much smaller than the first."""


@dataclass(frozen=True, slots=True)
class Reduced:
    """The parts of ln x: base + rest + ln(1 + r).

    r         z/c - 1, exact
    inverse   1/c
    base      k ln 2 + ln c, exact; what it is too small is `rest`
    exponent  the bits of x that z lacks: those of 2**k
    """

    r: Real
    inverse: Real
    base: Real
    rest: Real
    exponent: Integer


NEAR_LOG = 1.0 / 16.0 - 0.0318
"""What is this much below an entry of the table, or less, belongs to it in log. Above 1 + 0.0318
ln x is more than 1/32, so that an error of r is small beside it."""


def lift(x: Real) -> tuple[Real, Mask]:
    """x where it is normal, else 2**(places + 2) times x; and where that is."""
    places, bias = x.format
    tiny = x < 2.0 ** (1 - bias)
    return tiny.select(x * 2.0 ** (places + 2), x), tiny


def reduce(x: Real, lifted: Mask | None = None) -> Reduced:
    """The parts of ln x, for positive normal x; where `lifted`, of what x was before."""
    places, bias = x.format
    bits = x.as_integer()
    near = bits + (1 << places - 5)  # its upper part: the exponent and 16ths, rounded
    exponent = near & ((2 * bias + 1) << places)
    z = (bits - exponent + x.constant(1.0).as_integer()).as_real()
    index = near.shift_right(places - 4)
    # k, by putting it below the places of a larger number
    counted = (near.shift_right(places) | x.constant(2.0**places).as_integer()).as_real()
    offset = x.constant(2.0**places + bias)
    if lifted is not None:
        offset = lifted.select(x.constant(2.0**places + bias + places + 2), offset)
    k = counted - offset
    ln2, ln2_tail = LN2[x.bits]
    base, rest, inverse = index.lookup(LOGS[x.bits], LOG_TAILS[x.bits], RECIPROCALS[x.bits])
    base = k.fma(ln2, base)
    rest = k.times_plus(ln2_tail, rest)
    return Reduced(z.fma(inverse, -1.0), inverse, base, rest, exponent)


def logarithm(x: Real, *, correction: Pair) -> Pair:
    """ln(x + correction), for positive normal x; the correction is less than an ulp of x."""
    parts = reduce(x)
    r = parts.r
    high, low = two_sum(parts.base, r)
    rest = parts.rest + low
    # 2**-k; beyond 2**100 nothing is corrected
    one, limit = x.constant(1.0).as_integer(), x.constant(2.0**100).as_integer()
    exponent = (parts.exponent < limit).select(parts.exponent, limit)
    factor = (one + one - exponent).as_real() * parts.inverse
    c = correction[0] * factor
    high, low = two_sum(high, c)
    rest = rest + correction[1].fma(factor, c.fma(c.fma(-0.5, -r), low))
    return high, (r * r).times_plus(polynomial(r, LOG[x.bits]), rest)


def log(x: Real) -> Real:
    """ln x."""
    places, bias = x.format
    m, e = x.split()
    near = m.as_integer() + round(NEAR_LOG * 2.0**places)
    index = near.shift_right(places - 4)
    # m is near 2 or below it: 2 or 1
    above = near & ((2 * bias + 1) << places)
    inverse, base = index.lookup(LOG_RECIPROCALS[x.bits], LOGS_LESS[x.bits])
    r = m.fma((inverse.as_integer() - (above - x.constant(1.0).as_integer())).as_real(), -1.0)
    k = e + above.as_real()  # one too large, as the entries of the table know
    ln2, tail = LN2[x.bits]
    base = k.fma(ln2, base)
    high, low = two_sum(base, r)
    low = low.minimum(1.0) + k.times_plus(tail, -tail)  # not nan where high is infinite
    return high + (r * r).times_plus(polynomial(r, LOG_SHORT[x.bits]), low)


def log1p(x: Real) -> Real:
    """ln(1 + x)."""
    u, error = sum_exactly(x.constant(1.0), x)
    high, low = logarithm(u, correction=(error, x.constant(0.0)))
    result = (x < math.inf).select(high + low, x)
    result = (x < -1.0).select(x.constant(math.nan), result)
    return x.equals(-1.0).select(x.constant(math.inf), result).copysign(x)


def softplus(x: Real) -> Real:
    """ln(1 + e**x), as max(x, 0) + ln(1 + e**-|x|)."""
    e = power(*exponential.reduce(clamp(-abs(x))), EXP[x.bits])
    high = e.base.fma(e.p, e.base)
    low = e.base.fma(e.p, e.base - high).scale(e.n)
    high = high.scale(e.n)
    u = 1.0 + high
    high, low = logarithm(u, correction=((1.0 - u) + high, low))
    most = x.constant(0.0).maximum(x)
    sum, error = sum_exactly(most, high)
    return (x < math.inf).select(sum + (error + low), x)
