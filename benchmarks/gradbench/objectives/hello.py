"""hello: the square of a number, and twice the number as its derivative."""

from __future__ import annotations

from functools import partial

from micrograd import jit

from . import Prepared


@jit
def _square(x):  # type: ignore[no-untyped-def]
    return x * x


def square(x: float) -> Prepared:
    """x times x."""
    return partial(_square, x), float


def double(x: float) -> Prepared:
    """The derivative of `square`."""
    return partial(_square.grad, x), float
