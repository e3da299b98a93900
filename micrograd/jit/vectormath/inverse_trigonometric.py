"""asin, acos, atan and atan2.

The angle of (x, y) is that of the smaller over the larger, counted from the nearer axis; beyond
the slope 1/4 it is counted from the slope 1/2, from which it differs by the angle of
(y - x/2) / (x + y/2). So |t| <= 1/3 in the polynomial, and there is one division. asin beyond 1/2
is pi/2 - 2 asin(sqrt((1 - x) / 2)). Quotients and roots are carried with what they lost in
rounding. Source: W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980.
"""

from __future__ import annotations

import math

from .exact import polynomial, two_sum
from .numbers import Integer, Mask, Real
from .rare import unless
from .trigonometric_coefficients import ANGLE_TAILS, ANGLES, ASIN, ATAN, HALF_PI


def angle(y: Real, x: Real, swapped: Mask, index: Integer) -> Real:
    """The angle that `index` counts from, plus or minus atan(y / x), for 0 <= y <= x.

    swapped  where it is minus
    index    2 where counted from the y axis, 4 where the point lies left of it
    """
    steep = y > x * 0.25
    half = steep.select(x.constant(0.5), 0.0)
    over = half.fma(-x, y)
    under = half.fma(y, x)
    under_low = half.fma(y, x - under)
    inverse = 1.0 / under
    t = over * inverse
    lost = under_low.fma(-t, under.fma(-t, over)) * inverse
    t, lost = swapped.select(-t, t), swapped.select(-lost, lost)
    index = index | steep.select(index.constant(1), index.constant(0))
    square = t * t
    tail = (t * square).fma(polynomial(square, ATAN[x.bits]), lost)
    angle, angle_tail = index.lookup(ANGLES[x.bits], ANGLE_TAILS[x.bits])
    sum, error = two_sum(angle, t)
    return sum + (error + (angle_tail + tail))


def atan(x: Real) -> Real:
    """arctan x."""
    size = x.constant(2.0**60).minimum(abs(x))
    large = size > 1.0
    one = x.constant(1.0)
    index = large.select(x.as_integer().constant(2), x.as_integer().constant(0))
    return angle(large.select(one, size), large.select(size, one), large, index).copysign(x)


def atan2(y: Real, x: Real) -> Real:
    """The angle of the point (x, y)."""
    low, high, swapped, index = quadrant(y, x)
    result = angle(low, high, swapped, index).copysign(y)
    most: float = FAR[x.bits]
    # what a quotient loses would be lost itself if it were no normal number
    tiny = (low < 1.0 / most) & ~(low.equals(0.0) & (high >= 1.0 / most))
    return unless(tiny | (high > most), result, atan2_far, y, x)


FAR = {32: 2.0**60, 64: 2.0**500}
"""atan2 expects numbers between this and its inverse."""


def atan2_far(y: Real, x: Real) -> Real:
    """The angle of the point (x, y), where one of them may be 0, infinite or FAR from 1."""
    low, high, swapped, index = quadrant(y, x)
    most: float = FAR[x.bits]
    scale = (high > most).select(x.constant(1.0 / most), 1.0)
    scale = (high < 1.0 / most).select(x.constant(most), scale)
    infinite, zero = high.equals(math.inf), high.equals(0.0)
    one = x.constant(1.0)
    inner = infinite.select(low.equals(math.inf).select(one, low * 0.0), low * scale)
    outer = (infinite | zero).select(one, high * scale)
    result = angle(inner, outer, swapped, index)
    flat = (low < high * 2.0**-30) & index.equals(0)
    return flat.select(low / high, result).copysign(y)


def quadrant(y: Real, x: Real) -> tuple[Real, Real, Mask, Integer]:
    """The smaller size, the larger one, and the last operands of `angle`."""
    up, across = abs(y), abs(x)
    zero = x.as_integer().constant(0)
    steep, left = up > across, x.as_integer() < 0
    index = steep.select(zero.constant(2), zero) | left.select(zero.constant(4), zero)
    return steep.select(across, up), steep.select(up, across), steep ^ left, index


def root(square: Real) -> tuple[Real, Real]:
    """The square root and what it lost in rounding."""
    s = square.sqrt()
    # not 0 / 0
    return s, s.fma(-s, square) / (s + s + 2.0**-100)


def asin(x: Real) -> Real:
    """arcsin x."""
    size = abs(x)
    large = size > 0.5
    square = large.select((1.0 - size) * 0.5, size * size)
    s, lost = root(square)
    s, lost = large.select(s, size), large.select(lost, 0.0)
    tail = (s * square).fma(polynomial(square, ASIN[x.bits]), lost)
    first, second = HALF_PI[x.bits][:2]
    sum, error = two_sum(large.select(x.constant(first), 0.0), large.select(s * -2.0, s))
    tail = large.select(tail.fma(-2.0, second), tail)
    return (sum + (error + tail)).copysign(x)


def acos(x: Real) -> Real:
    """arccos x: pi/2 - asin x, 2 asin(sqrt((1 - x) / 2)), or pi less that of -x."""
    size = abs(x)
    large, negative = size > 0.5, x < 0.0
    square = large.select((1.0 - size) * 0.5, size * size)
    s, lost = root(square)
    s, lost = large.select(s, x), large.select(lost, 0.0)
    tail = (s * square).fma(polynomial(square, ASIN[x.bits]), lost)
    factor = large.select(negative.select(x.constant(-2.0), 2.0), -1.0)
    first, second = HALF_PI[x.bits][:2]
    turns = large.select(negative.select(x.constant(2.0), 0.0), 1.0)
    sum, error = two_sum(turns * first, s * factor)
    return sum + (error + tail.fma(factor, turns * second))
