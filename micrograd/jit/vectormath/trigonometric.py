"""sin, cos and tan.

|x| = k pi/2 + r with |r| <= pi/4; sin or cos of r is, up to its sign, sin or cos of x. pi/2 has
two parts. k times the first is subtracted without error, k times the second with an error that
is kept. Source: W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980.

Where r is so small beside |x| that two parts of pi/2 are too few, or |x| is huge, more digits are
taken: |x| = m 2**(32 j - 52) with an integer m, and of 2/pi 2**(32 j - 52) only what is left
modulo 4 matters, which is in a table. Source: M. H. Payne and R. N. Hanek, Radian Reduction for
Trigonometric Functions, 1983.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .exact import polynomial, sum_exactly, two_product, two_sum
from .exponential import quotient
from .numbers import Integer, Mask, Real
from .rare import unless
from .trigonometric_coefficients import COS, HALF_PI, SIN, TURNS

CLOSE = {32: 19, 64: 44}
"""Arguments that are 2**CLOSE times as large as r are reduced with more digits."""

Pair = tuple[Real, Real]
"""A number as a sum of two, the second much smaller than the first."""


def reduce(x: Real) -> tuple[Integer, Pair]:
    """k, of which the lowest two bits are right, and r."""
    first, second = HALF_PI[x.bits]
    size = abs(x)
    shifted = size.fma(2.0 / math.pi, x.shift)  # as in `nearest`
    k = shifted - x.shift
    rest = k.fma(-first, size)
    r = k.fma(-second, rest)
    return shifted.as_integer(), (r, k.fma(-second, rest - r))


def reduce_huge(x: Real) -> tuple[Integer, Pair]:
    """The same for float64 of at least 1."""
    bits = abs(x).as_integer()
    # |x| = mantissa * 2**(exponent - 52), and the integer m = mantissa * 2**(exponent % 32)
    exponent = (bits >> 52) - 1023
    m = ((bits & (2**52 - 1)) + ((exponent & 31) + (1023 + 52) << 52)).as_real()
    index = exponent >> 5
    # m * TURNS in parts, less multiples of 4: the first three, and smaller and smaller ones
    *turns, last = index.lookup(*TURNS.values())
    (a, b), (c, d), (e, f) = (two_product(m, turn) for turn in turns)
    parts = [y - (y * 0.25).round() * 4.0 for y in (a, b, c)]
    sum, lost = sum_exactly(parts[0], parts[1])
    sum, more = sum_exactly(sum, parts[2])
    k = sum.round()
    sum = sum - k
    low = m.fma(last, f)
    for part in (lost, more, d, e):
        sum, error = sum_exactly(sum, part)
        low = low + error
    first, second = HALF_PI[64]
    r = sum * first
    r, low = two_sum(r, sum.fma(first, -r) + sum.fma(second, low * first))
    # an infinite x makes it nan
    return k.nearest()[1], (r + (x - x), low)


def choose(mask: Mask, yes: Sequence[float], no: Sequence[float], x: Real) -> Real:
    """One of two polynomials in x."""
    *lower, highest = zip(yes, no, strict=True)
    sum = mask.select(x.constant(highest[0]), highest[1])
    for y, n in reversed(lower):
        sum = sum.times_plus(x, mask.select(x.constant(y), n))
    return sum


def leading(r: Real, low: Real) -> Pair:
    """1 - (r + low)**2 / 2."""
    half = r * -0.5
    high = half.fma(r, 1.0)
    return high, half.fma(low + low, half.fma(r, 1.0 - high))


def sine(r: Real, low: Real, cosine: Mask) -> Real:
    """sin(r + low), and cos r where the mask holds: there low is worth 0.4 ulp at most."""
    square = r * r
    sum = choose(cosine, COS[r.bits], SIN[r.bits], square)
    half = r * -0.5
    high = half.fma(r, 1.0)
    rest = half.fma(r, 1.0 - high)
    factor = square * cosine.select(square, r)
    return cosine.select(high, r) + factor.times_plus(sum, cosine.select(rest, low))


def sin_reduced(x: Real, k: Integer, r: Pair) -> Real:
    """sin x."""
    y = sine(*r, (k & 1).equals(1))
    return flip(y, k << (x.bits - 2), x.as_integer())


def cos_reduced(x: Real, k: Integer, r: Pair) -> Real:
    """cos x."""
    y = sine(*r, (k & 1).equals(0))
    return flip(y, (k + 1) << (x.bits - 2))


def tan_reduced(x: Real, k: Integer, r: Pair) -> Real:
    """tan x, as sin / cos or -cos / sin of r."""
    size, low = r
    square = size * size
    s, s_low = two_sum(size, (square * size).fma(polynomial(square, SIN[x.bits]), low))
    high, rest = leading(size, low)
    c, c_low = two_sum(high, (square * square).fma(polynomial(square, COS[x.bits]), rest))
    odd = (k & 1).equals(1)
    y = quotient(
        odd.select(c, s), odd.select(c_low, s_low), odd.select(s, c), odd.select(s_low, c_low)
    )
    return flip(y, k << (x.bits - 1), x.as_integer())


def flip(x: Real, *signs: Integer) -> Real:
    """x, with its sign changed once for every integer that has the highest bit."""
    bits = x.as_integer()
    for sign in signs:
        bits = bits ^ (sign & (1 << (x.bits - 1)))
    return bits.as_real()


def sin_huge(x: Real) -> Real:
    """sin x, where r is small or x huge."""
    wide = x.convert(64)
    return sin_reduced(wide, *reduce_huge(wide)).convert(x.bits)


def cos_huge(x: Real) -> Real:
    """cos x, where r is small or x huge."""
    wide = x.convert(64)
    return cos_reduced(wide, *reduce_huge(wide)).convert(x.bits)


def tan_huge(x: Real) -> Real:
    """tan x, where r is small or x huge."""
    wide = x.convert(64)
    return tan_reduced(wide, *reduce_huge(wide)).convert(x.bits)


def sin(x: Real) -> Real:
    """sin x."""
    k, r = reduce(x)
    return unless(hard(x, r), sin_reduced(x, k, r), sin_huge, x)


def cos(x: Real) -> Real:
    """cos x."""
    k, r = reduce(x)
    return unless(hard(x, r), cos_reduced(x, k, r), cos_huge, x)


def tan(x: Real) -> Real:
    """tan x."""
    k, r = reduce(x)
    return unless(hard(x, r), tan_reduced(x, k, r), tan_huge, x)


def hard(x: Real, r: Pair) -> Mask:
    """Where |r| is less than |x| / 2**CLOSE, and at huge x."""
    # the exponent alone: below the least of them it is negative, or no number
    least = abs(x).as_integer() - (CLOSE[x.bits] << x.format[0])
    return abs(r[0]) < least.as_real()
