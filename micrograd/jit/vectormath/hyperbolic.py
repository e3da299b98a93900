"""tanh, sinh and cosh, from e**r and 2**(k/16) before they are multiplied."""

from __future__ import annotations

from dataclasses import dataclass

from .coefficients import COSH, EXP, POWER_TAILS, POWERS, SINH, TANH, TANH_LONG
from .exact import polynomial, two_sum
from .exponential import CENTRE, LN2, beyond, parts, reduce, scaled_base
from .numbers import Real

TANH_CENTRE = 0.032
"""Where tanh is a polynomial: as far as there are more places than beyond, below 1/32."""
TANH_CENTRE_LONG = 0.55
"""The same where e**r has no table: to where tanh is 0.5, so that errors are half as many ulps."""


def tanh(x: Real) -> Real:
    """tanh x, as 2 / (1 + e**-2|x|) - 1, and near 0 as x + x**3 (...)."""
    # beyond this it is 1, rounded
    largest = (x.format[0] + 4) * LN2 / 2
    a = x.constant(largest).minimum(abs(x))
    if x.b.target.looks_up or x.bits == 64:
        _, k, r = reduce(-(a + a))
        base, tail = k.lookup([power / 2.0 for power in POWERS[x.bits]], POWER_TAILS[x.bits])
        half, p = scaled_base(k, base), r + beyond(tail, r, EXP[x.bits])
        centre, coefficients = TANH_CENTRE, TANH[x.bits]
    else:  # many lanes look up slowly; but p is larger, and its errors matter near 0
        half, p = parts(-(a + a), more=-1)
        centre, coefficients = TANH_CENTRE_LONG, TANH_LONG[x.bits]
    below = half.fma(p, half) + 0.5
    # what `below` is too small; both differences are exact
    rest = half.fma(p, half - (below - 0.5))
    inverse = 1.0 / below
    wrong = rest.fma(-inverse, below.fma(-inverse, 1.0))
    square = a * a
    near = (square * a).fma(polynomial(square, coefficients), a)
    return (a < centre).select(near, inverse.fma(wrong, inverse - 1.0)).copysign(x)


@dataclass(frozen=True, slots=True)
class _Halves:
    """e**|x| / 2 and e**-|x| / 2, as up * e**r and down * e**-r.

    *_tail  how much up and down are too small, relatively
    sinh_r  sinh r - r
    cosh_r  cosh r - 1
    """

    up: Real
    up_tail: Real
    down: Real
    down_tail: Real
    r: Real
    sinh_r: Real
    cosh_r: Real


def _halves(x: Real) -> _Halves:
    powers, tails = POWERS[x.bits], POWER_TAILS[x.bits]
    largest = 16.0 * (x.format[1] + 2) - 1.0
    _, k, r = reduce(abs(x), largest=largest, centre=CENTRE)
    square = r * r
    sinh_r = square * r * polynomial(square, SINH[x.bits])
    cosh_r = square * polynomial(square, COSH[x.bits])
    less = 0 - k
    less = (less > -1600).select(less, less.constant(-1600))  # below 2**-100 it is nothing
    (up, up_tail), (down, down_tail) = (i.lookup(powers, tails) for i in (k, less))
    up, down = scaled_base(k - 16, up), scaled_base(less - 16, down)
    return _Halves(up, up_tail, down, down_tail, r, sinh_r, cosh_r)


def sinh(x: Real) -> Real:
    """sinh x = sinh b cosh r + cosh b sinh r, with b = |x| - r a multiple of ln(2)/16."""
    h = _halves(x)
    high, rest = two_sum(h.up, -h.down)
    slope = h.up + h.down
    rest = h.up.fma(h.up_tail, h.down.fma(-h.down_tail, rest))
    rest = high.fma(h.cosh_r, slope.fma(h.sinh_r, rest))
    return (high + slope.fma(h.r, rest)).copysign(x)


def cosh(x: Real) -> Real:
    """cosh x = cosh b cosh r + sinh b sinh r."""
    h = _halves(x)
    high, rest = two_sum(h.up, h.down)
    slope = h.up - h.down
    rest = h.up.fma(h.up_tail, h.down.fma(h.down_tail, rest))
    rest = high.fma(h.cosh_r, slope.fma(h.sinh_r, rest))
    return high + slope.fma(h.r, rest)
