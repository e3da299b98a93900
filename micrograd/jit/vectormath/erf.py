"""erf.

|x| is divided into 16 intervals of equal length, the first around 0, the last ending where erf
rounds to 1. In each, erf is a polynomial in the distance t from its centre, whose coefficients come
from tables in registers: no exponential, no division. Around 0, where there is no constant term,
t itself takes its place, so that the result is exact to its last places there too.
"""

from __future__ import annotations

from .erf_coefficients import ERF, STEP
from .numbers import Real


def erf(x: Real) -> Real:
    """2/√π ∫₀ˣ exp(-t²) dt."""
    step = STEP[x.bits]
    constant, *higher = ERF[x.bits]
    size = x.constant(15.49999 * step).minimum(abs(x))
    # as in `nearest`: the low bits of the sum are the number of the interval
    shift = 1.5 * 2.0 ** (52 if x.bits == 64 else 23)
    shifted = size.fma(1.0 / step, shift)
    t = (shifted - shift).fma(-step, size)
    i = shifted.as_integer()
    sum = i.lookup(higher[-1])
    for coefficients in reversed(higher[:-1]):
        sum = sum.fma(t, i.lookup(coefficients))
    base = (size < step / 2).select(t, i.lookup(constant))
    return sum.fma(t, base).copysign(x)
