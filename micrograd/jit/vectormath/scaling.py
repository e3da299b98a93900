"""Numbers times powers of two, and as mantissas and exponents: what methods of `Real` do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from lowering.bindings import ir

from . import avx512

R = TypeVar("R", bound=Any)


def scale(x: R, n: R) -> R:
    """x * 2**floor(n), |x| < 4."""
    places, bias = x.format
    if x.width > 1 and x.b.target.avx512:
        # below all numbers the instruction takes 200 cycles on some processors, to give 0
        vanishing, nothing = float(-(places + bias + 3)), x.constant(0.0)
        return _instruction(x, avx512.scale, n, nothing, ~(n < vanishing))
    # numbers added to one whose lowest place is 1 are the low bits of the sum: the two exponents
    # and the bias, shifted up to where exponents are
    m = n.floor()
    half = m.times_plus(0.5, x.shift + bias).as_integer()
    rest = (m + (x.shift + 2 * bias)).as_integer() - half
    scaled: R = x * (half << places).as_real() * (rest << places).as_real()
    return scaled


def split(x: R) -> tuple[R, R]:
    """A mantissa and an exponent of a Real, see there."""
    if x.width > 1 and x.b.target.avx512:
        return _instruction(x, avx512.mantissa), _instruction(x, avx512.exponent)
    places, bias = x.format
    tiny = x < 2.0 ** (1 - bias)
    bits = tiny.select(x * 2.0 ** (places + 2), x).as_integer()
    # the exponent, by putting it below the places of a larger number
    shift = x.constant(2.0**places)
    offset = tiny.select(shift + float(bias + places + 2), shift + float(bias))
    e = (bits.shift_right(places) | shift.as_integer()).as_real() - offset
    e = (x < float("inf")).select(e, x)
    e = x.equals(0.0).select(x.constant(float("-inf")), e)
    one = x.constant(1.0).as_integer()
    m = (bits & ((1 << places) - 1) | one).as_real()
    return (x >= 0.0).select(m, x.constant(float("nan"))), e


def _instruction(x: R, build: Callable[..., ir.Value], *others: Any) -> R:
    """What an instruction of AVX-512 gives."""

    def apply(xs: Sequence[Any]) -> R:
        found: R = x.of(x.b, build(x.b, *(y.value for y in xs)))
        return found

    return avx512.by_register([x, *others], apply)
