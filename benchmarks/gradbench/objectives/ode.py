"""ode: a system of n equations by Runge-Kutta steps; the last number of its end, differentiated."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np

from micrograd import Kernel, jit

from . import Prepared


def slopes(x: np.ndarray, y: list[Any]) -> list[Any]:
    """How fast each number changes."""
    return [x[0], *(a * b for a, b in zip(x[1:], y, strict=False))]


def end(x: np.ndarray, steps: int) -> list[Any]:
    """Where it is at time 2, from 0."""
    h = 2.0 / steps
    y: list[Any] = [0.0] * len(x)
    for _ in range(steps):
        k1 = slopes(x, y)
        k2 = slopes(x, [a + h * k / 2 for a, k in zip(y, k1, strict=True)])
        k3 = slopes(x, [a + h * k / 2 for a, k in zip(y, k2, strict=True)])
        k4 = slopes(x, [a + h * k for a, k in zip(y, k3, strict=True)])
        ks = zip(y, k1, k2, k3, k4, strict=True)
        y = [a + h * (p + 2 * q + 2 * r + s) / 6 for a, p, q, r, s in ks]
    return y


@cache
def kernels(steps: int) -> tuple[Kernel, Kernel]:
    """The end, and its last number, compiled for so many steps."""

    def whole(x: np.ndarray) -> np.ndarray:
        return np.array(end(x, steps))

    def last(x: np.ndarray) -> Any:
        return end(x, steps)[-1]

    return jit(whole), jit(last)


def primal(given: dict[str, Any]) -> Prepared:
    """The end."""
    return partial(kernels(given["s"])[0], np.array(given["x"])), list


def gradient(given: dict[str, Any]) -> Prepared:
    """The gradient of its last number."""
    return partial(kernels(given["s"])[1].grad, np.array(given["x"])), list
