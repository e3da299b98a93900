"""erf.

|x| is divided into 16 intervals of equal length, the first around 0, the last ending where erf
rounds to 1. In each, erf is a polynomial in the distance t from its centre, whose coefficients come
from tables in registers: no exponential, no division. Around 0, where there is no constant term,
t itself takes its place, so that the result is exact to its last places there too.
"""

from __future__ import annotations

from .erf_coefficients import ERF, LARGEST, STEP
from .numbers import Real


def erf(x: Real) -> Real:
    """2/√π ∫₀ˣ exp(-t²) dt."""
    step = STEP[x.bits]
    size = x.constant(LARGEST[x.bits]).minimum(abs(x))
    # as in `nearest`: the low bits of the sum are the number of the interval
    if x.bits == 64:
        shift = 1.5 * 2.0**52
        shifted = size.fma(1.0 / step, shift)
        t = (shifted - shift).fma(-step, size)
    else:  # the step is a power of two: the sum itself is rounded to its multiples
        shift = 1.5 * 2.0**23 * step
        shifted = x.constant(15.49 * step).minimum(size) + shift
        t = size - (shifted - shift)
    i = shifted.as_integer()
    constant, slope, *rest = i.lookup(*ERF[x.bits])
    if x.bits == 64:  # so long a sum is quicker as two beside each other
        square = t * t
        sum = horner(square, rest[1::2]).times_plus(t, horner(square, rest[::2]))
    else:
        sum = horner(t, rest)
    # around 0 the constant is 0 and t is not negative; elsewhere t is smaller than it
    return sum.times_plus(t, slope).times_plus(t, t.maximum(constant)).copysign(x)


def horner(x: Real, coefficients: list[Real]) -> Real:
    """c[0] + c[1] x + c[2] x**2 + ..."""
    *lower, sum = coefficients
    for c in reversed(lower):
        sum = sum.times_plus(x, c)
    return sum
