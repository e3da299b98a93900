"""llsq: a polynomial of least squares to the sign of t, at n points between -1 and 1."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from micrograd import jit, total

from . import Prepared


def square(x: Any, t: Any, sign: Any) -> Any:
    """Of one point: the square of the error."""
    power, left = 1.0, sign
    for coefficient in x:
        left = left - coefficient * power
        power = power * t
    return left * left


def squares(x: np.ndarray, t: np.ndarray, sign: np.ndarray) -> Any:
    """Half the sum of the squared errors."""
    return total(square, t, sign)(x) / 2.0


_squares = jit(squares, wrt="x")


def arguments(given: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The coefficients, the points and their signs."""
    t = np.linspace(-1.0, 1.0, given["n"])
    return np.array(given["x"]), t, np.sign(t)


def primal(given: dict[str, Any]) -> Prepared:
    """The value."""
    return partial(_squares, *arguments(given)), float


def gradient(given: dict[str, Any]) -> Prepared:
    """Its gradient by the coefficients."""
    return partial(_squares.grad, *arguments(given)), list
