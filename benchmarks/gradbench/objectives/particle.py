"""particle: a charge is moved such that a particle comes to the origin, pushed by a gradient."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from micrograd import jit, sqrt, while_loop

from . import Prepared
from .descent import Point, argmin_of_numbers

STEP, LIMIT = 0.1, 1_000
"""Of time, and how many of them at most."""


def potential(x: Any, y: Any, w: Any) -> Any:
    """Of two charges, of which w moves one."""
    dx, dy = x - 10.0, y - 10.0 + w
    return 1.0 / sqrt(dx * dx + dy * dy) + 1.0 / sqrt(dx * dx + y * y)


_potential = jit(potential, wrt=["x", "y"])


def by_reverse(x: Any, y: Any, w: Any) -> Point:
    """How the potential grows with the place."""
    return _potential.grad(x, y, w)  # type: ignore[no-any-return]


def by_forward(x: Any, y: Any, w: Any) -> Point:
    """The same, a direction at a time."""
    return [_potential.jvp(x, y, w, along)[1] for along in ([1.0, 0.0], [0.0, 1.0])]


def missed(slope: Callable[..., Point], w: Any) -> Any:
    """The square of how far from the origin the particle crosses the axis."""

    def above(state: Any) -> Any:
        return state[1] + STEP * state[3] > 0.0

    def step(state: Any) -> Any:
        x, y, u, v = state
        along, up = slope(x, y, w)
        return x + STEP * u, y + STEP * v, u - STEP * along, v - STEP * up

    x, y, u, v = while_loop(above, step, (0.0, 8.0, 0.75, 0.0), limit=LIMIT)
    crossed = x + STEP * u - (y + STEP * v) / v * u
    return crossed * crossed


class Particle:
    """Kernels whose inner and outer derivatives are by these modes: r or f."""

    def __init__(self, outer: str, inner: str) -> None:
        slope = {"r": by_reverse, "f": by_forward}[inner]

        def square(w: Any) -> Any:
            return missed(slope, w)

        self.square, self.outer = jit(square), outer

    def gradient(self, w: Point) -> Point:
        """That of the square by where the charge is."""
        if self.outer == "r":
            return [self.square.grad(*w)]
        return [self.square.jvp(*w, 1.0)[1]]

    def __call__(self, w: float) -> float:
        """Where the charge must be."""
        return argmin_of_numbers(lambda w: self.square(*w), self.gradient, [w])[0]


kernels = cache(Particle)


def rr(given: dict[str, Any]) -> Prepared:
    """Both by reverse mode."""
    return partial(kernels("r", "r"), given["w"]), float


def rf(given: dict[str, Any]) -> Prepared:
    """The outer derivative by reverse, the inner by forward mode."""
    return partial(kernels("r", "f"), given["w"]), float


def fr(given: dict[str, Any]) -> Prepared:
    """The outer derivative by forward, the inner by reverse mode."""
    return partial(kernels("f", "r"), given["w"]), float


def ff(given: dict[str, Any]) -> Prepared:
    """Both by forward mode."""
    return partial(kernels("f", "f"), given["w"]), float
