"""exp, expm1 and sigmoid.

e**x = 2**(k/16) * e**r, where k is the integer nearest to 16 x / ln 2, so |r| <= ln(2)/32. Of
k = 16 m + j, 2**(j/16) comes from a table in registers and m goes into the exponent. What is added
to the entry of the table is less than 1/45 of it, and so are the errors made in it: the sum of
the two, before it is rounded, is e**x to 58 bits. Source: P. T. P. Tang, Table-Driven
Implementation of the Exponential Function, 1989.

Where no instruction looks up in registers, exp has no table but a longer polynomial, for e**r from
3/4 to 3/2: half the operations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .coefficients import EXP, EXP_LONG, EXP_SHORT, EXP_WIDE, LN2_ROUNDED, POWER_TAILS, POWERS
from .exact import polynomial, polynomial_by_halves, sum_exactly
from .numbers import Integer, Real
from .rare import unless

LN2 = math.log(2.0)

MIDDLE = math.log(0.75 * 1.5) / 2.0
"""Of r without a table: e**r is from 3/4 to 3/2, so that e**r - 1 has more places than e**r."""
CENTRE = 3.0 * math.log(2.0) / 32.0
"""Where functions that are small near 0 take k = 0, to have no table between them and 0."""


@dataclass(frozen=True, slots=True)
class Power:
    """e**x as 2**n * (1 + p): n and p as found by `reduce` and a polynomial.

    n     a multiple of 1/16
    base  2**n, without its integer part in the exponent
    p     e**r - 1, and how much base is too small
    """

    n: Real
    base: Real
    p: Real


def reduce(
    x: Real, *, largest: float | None = None, centre: float = 0.0
) -> tuple[Real, Integer, Real]:
    """n, the integer k = 16 n, and r, so that e**x = 2**n * e**r.

    largest  k is at most this, however large r may then be
    centre   k is 0 for numbers smaller than this
    """
    t = x if largest is None else x.constant(largest * math.log(2.0) / 16.0).minimum(x)
    if centre:
        t = (abs(x) < centre).select(t.constant(0.0), t)
    n, k = t.nearest(1.0 / math.log(2.0), parts=16)
    high, low = LN2_ROUNDED[x.bits]
    return n, k, n.times_plus(-low, n.fma(-high, x))


def power(n: Real, k: Integer, r: Real, coefficients: list[float]) -> Power:
    """e**x of its reduced parts."""
    base, tail = k.lookup(POWERS[r.bits], POWER_TAILS[r.bits])
    return Power(n, base, r + beyond(tail, r, coefficients))


def beyond(tail: Real, r: Real, coefficients: list[float]) -> Real:
    """How much p exceeds r; tail: how much the base is too small, relatively."""
    return (r * r).times_plus(polynomial(r, coefficients), tail)


def clamp(x: Real) -> Real:
    """x, but where e**x is 0 or infinite anyway a number not far outside; nan is kept.

    2**-4 times the least number is far enough for `scale` to know that the result is 0.
    """
    places, bias = x.format
    lowest, highest = -math.ceil((places + bias + 4) * LN2), math.ceil((bias + 1) * LN2)
    x = x.constant(lowest).maximum(x)
    return x.constant(highest).minimum(x)


def exp(x: Real) -> Real:
    """e ** x."""
    if not x.b.target.looks_up:
        return _without_table(x)
    e = power(*reduce(clamp(x)), EXP_SHORT[x.bits])
    return e.base.times_plus(e.p, e.base).scale(e.n)


def _without_table(x: Real) -> Real:
    """e ** x as 2**n * e**r, n an integer; where 2**n is a normal number, and the result too, it
    takes no more than adding n to an exponent.
    """
    factor, p = parts(x)
    result = factor.times_plus(p, factor)
    return unless(~(abs(x) < (x.format[1] - 1) * LN2), result, exp_anywhere, x)


def parts(x: Real) -> tuple[Real, Real]:
    """2**n and p, so that e**x = 2**n * (1 + p); only if the power is a normal number."""
    places, bias = x.format
    shift = x.constant(x.shift + bias)
    shifted = (x - MIDDLE).times_plus(1.0 / LN2, shift)
    return (shifted.as_integer() << places).as_real(), _less_one(x, shifted - shift)


def exp_anywhere(x: Real) -> Real:
    """The same with 2**n as two factors, that the result is rounded once if it is denormal."""
    places, bias = x.format
    x = clamp(x)
    shift = x.constant(x.shift + 2 * bias)
    shifted = (x - MIDDLE).times_plus(1.0 / LN2, shift)
    exponents = shifted.as_integer()
    half = exponents.shift_right(1)
    factor = (half << places).as_real()
    result = factor.times_plus(_less_one(x, shifted - shift), factor)
    return result * (exponents - half << places).as_real()


def _less_one(x: Real, n: Real) -> Real:
    """e ** r - 1, r = x - n ln 2, so that it is from -1/4 to 1/2."""
    high, low = LN2_ROUNDED[x.bits]
    most, rest = n.fma(-high, x), n * -low
    r = most + rest
    square = r * r
    return most + square.times_plus(polynomial_by_halves(r, square, EXP_LONG[x.bits]), rest)


def expm1(x: Real) -> Real:
    """e ** x - 1."""
    places, bias = x.format
    lowest, highest = -(places + 4) * LN2, 16.0 * (bias + 1) - 1.0
    _, k, r = reduce(x.constant(lowest).maximum(x), largest=highest, centre=CENTRE)
    base, tail = k.lookup(POWERS[x.bits], POWER_TAILS[x.bits])
    scaled = scaled_base(k, base)
    high, rest = sum_exactly(scaled, x.constant(-1.0))
    rest = scaled.fma(beyond(tail, r, EXP_WIDE[x.bits]), rest)
    return (high + scaled.fma(r, rest)).copysign(x)


def scaled_base(k: Integer, base: Real) -> Real:
    """2**(k/16), for exponents of normal numbers; base has what is below the integer part."""
    return (((k >> 4) << base.format[0]) + base.as_integer()).as_real()


def sigmoid(x: Real) -> Real:
    """1 / (1 + e**-x), as 1 / (1 + e**-|x|) or e**x / (1 + e**x)."""
    e = power(*reduce(clamp(-abs(x))), EXP[x.bits])
    high = e.base.fma(e.p, e.base)
    low = e.base.fma(e.p, e.base - high)
    part = high.scale(e.n)
    below = 1.0 + part
    below_low = ((1.0 - below) + part) + low.scale(e.n)
    negative = x < 0.0
    above = negative.select(high, 1.0)
    above_low = negative.select(low, 0.0)
    result = quotient(above, above_low, below, below_low)
    return result.scale(negative.select(e.n, 0.0))


def quotient(x: Real, x_low: Real, y: Real, y_low: Real) -> Real:
    """(x + x_low) / (y + y_low), with one division."""
    inverse = 1.0 / y
    q = x * inverse
    return (y.fma(-q, x) + y_low.fma(-q, x_low)).fma(inverse, q)
