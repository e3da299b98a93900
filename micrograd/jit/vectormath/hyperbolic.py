"""tanh, sinh and cosh, from e**r and 2**(k/16) before they are multiplied."""

from __future__ import annotations

from dataclasses import dataclass

from .coefficients import COSH, EXP_WIDE, POWER_TAILS, POWERS, SINH
from .exponential import CENTRE, power, quotient, reduce, scaled_base
from .numbers import Real, polynomial, sum_exactly, two_sum


def tanh(x: Real) -> Real:
    """tanh x, as (e**2x - 1) / (e**2x + 1)."""
    # beyond this it is 1, rounded
    largest = 19.1 if x.bits == 64 else 9.1
    a = x.constant(largest).minimum(abs(x))
    n, k, r = reduce(a + a, centre=CENTRE)
    e = power(n, k, r, EXP_WIDE[x.bits])
    scaled = scaled_base(k, e.base)
    # e**2x - 1: what p has lost of r counts where there is nothing else
    high, low = two_sum(scaled - 1.0, scaled * e.p)
    low = scaled.fma(e.lost, low)
    below, below_low = sum_exactly(high, x.constant(2.0))
    return quotient(high, low, below, below_low + low).copysign(x)


@dataclass(frozen=True, slots=True)
class _Halves:
    """e**|x| / 2 and e**-|x| / 2, as up * e**r and down * e**-r.

    *_rest  what up and down are too small
    """

    up: Real
    up_rest: Real
    down: Real
    down_rest: Real
    sinh_r: Real
    cosh_r: Real
    """cosh r - 1"""


def _halves(x: Real) -> _Halves:
    powers, tails = POWERS[x.bits], POWER_TAILS[x.bits]
    largest = 16.0 * (1025 if x.bits == 64 else 129) - 1.0
    _, k, r = reduce(abs(x), largest=largest, centre=CENTRE)
    square = r * r
    sinh_r = (square * r).fma(polynomial(square, SINH[x.bits]), r)
    cosh_r = square * polynomial(square, COSH[x.bits])
    less = 0 - k
    less = (less > -1600).select(less, less.constant(-1600))  # below 2**-100 it is nothing
    up = scaled_base(k - 16, k.lookup(powers))
    down = scaled_base(less - 16, less.lookup(powers))
    up_rest, down_rest = up * k.lookup(tails), down * less.lookup(tails)
    return _Halves(up, up_rest, down, down_rest, sinh_r, cosh_r)


def sinh(x: Real) -> Real:
    """sinh x = sinh b cosh r + cosh b sinh r, with b = |x| - r a multiple of ln(2)/16."""
    h = _halves(x)
    high, lost = two_sum(h.up, -h.down)
    rest = lost + (h.up_rest - h.down_rest)
    rest = (h.up + h.down).fma(h.sinh_r, rest)
    return (high + high.fma(h.cosh_r, rest)).copysign(x)


def cosh(x: Real) -> Real:
    """cosh x = cosh b cosh r + sinh b sinh r."""
    h = _halves(x)
    high, lost = two_sum(h.up, h.down)
    rest = lost + (h.up_rest + h.down_rest)
    rest = (h.up - h.down).fma(h.sinh_r, rest)
    return high + high.fma(h.cosh_r, rest)
