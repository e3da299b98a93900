"""tanh, sinh and cosh, from e**r and 2**(k/16) before they are multiplied.

Where no instruction looks up in registers, tanh has no table, but 2**n and a longer polynomial.
"""

from __future__ import annotations

from dataclasses import dataclass

from .coefficients import COSH, EXP, HALF_EXP, LN2_ROUNDED, POWER_TAILS, POWERS, SINH, TANH
from .exact import polynomial, polynomial_by_halves, two_sum
from .exponential import CENTRE, LN2, beyond, reduce, scaled_base
from .numbers import Real

TANH_CENTRE = 0.032
"""Where tanh is a polynomial: as far as there are more places than beyond, below 1/32."""


def tanh(x: Real) -> Real:
    """tanh x, as 2 / (1 + e**-2|x|) - 1, and near 0 as x + x**3 (...)."""
    # beyond this it is 1, rounded
    largest = (x.format[0] + 4) * LN2 / 2
    a = x.constant(largest).minimum(abs(x))
    if not x.b.target.looks_up:
        return _without_table(a, x)
    _, k, r = reduce(-(a + a))
    base, tail = k.lookup([power / 2.0 for power in POWERS[x.bits]], POWER_TAILS[x.bits])
    half, p = scaled_base(k, base), r + beyond(tail, r, EXP[x.bits])
    below = half.fma(p, half) + 0.5
    # what `below` is too small; both differences are exact
    rest = half.fma(p, half - (below - 0.5))
    inverse = 1.0 / below
    wrong = rest.fma(-inverse, below.fma(-inverse, 1.0))
    square = a * a
    near = (square * a).fma(polynomial(square, TANH[x.bits]), a)
    return (a < TANH_CENTRE).select(near, inverse.fma(wrong, inverse - 1.0)).copysign(x)


def _without_table(a: Real, x: Real) -> Real:
    """tanh a with the sign of x, as (1 - e**-2a) / (1 + e**-2a), a quotient of sums of two numbers:
    near 0, where a is r, nothing is lost.
    """
    places, bias = x.format
    shift = x.constant(x.shift + bias + 1)
    shifted = x.constant(x.shift + bias - places).maximum(a.times_plus(-2.0 / LN2, shift))
    n, double = shifted - shift, (shifted.as_integer() << places).as_real()
    ln2, tail = LN2_ROUNDED[x.bits]
    most, rest = n.fma(ln2 / 2.0, a), n * (tail / 2.0)
    square = most * most
    less = square.times_plus(-polynomial_by_halves(most, square, HALF_EXP[x.bits]), rest)
    # e**-2a = 2**n (1 - 2 (half + half_low))
    half, half_low = two_sum(most, less)
    whole = double.times_plus(-0.5, 1.0)
    above = double.times_plus(half, whole)
    # what `above` is too small: products with powers of two are exact, and so is the difference
    low = double.times_plus(half_low, double.times_plus(half, whole - above))
    below, below_low = two_sum(above.constant(2.0), -above)
    q = above / below
    wrong = below.fma(-q, above) + (below_low - low).times_plus(-q, low)
    return wrong.times_plus(q.times_plus(0.5, 0.5), q).with_sign_of(x)  # 1 / below = (1 + q) / 2


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
