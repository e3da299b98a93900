"""saddle: where the greatest height over one point is least: descent within descent."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from micrograd import jit

from . import Prepared
from .descent import Point, argmin, argmin_of_numbers


def height(x1: Any, y1: Any, x2: Any, y2: Any) -> Any:
    """It is least in the first point and greatest in the second at the saddle."""
    return (x1 * x1 + y1 * y1) - (x2 * x2 + y2 * y2)


_height = jit(height, wrt=["x2", "y2"])


def by_reverse(p: Point, q: Point) -> Point:
    """How the height grows with the second point."""
    return _height.grad(*p, *q)  # type: ignore[no-any-return]


def by_forward(p: Point, q: Point) -> Point:
    """The same, a direction at a time."""
    return [_height.jvp(*p, *q, along)[1] for along in ([1.0, 0.0], [0.0, 1.0])]


class Saddle:
    """Kernels whose inner and outer derivatives are by these modes: r or f."""

    def __init__(self, outer: str, inner: str) -> None:
        slope = {"r": by_reverse, "f": by_forward}[inner]

        def highest(x: Any, y: Any, start_x: Any, start_y: Any) -> Any:
            p = (x, y)
            lowered = partial(_negative, slope, p)
            return argmin(lambda q: -height(*p, *q), lowered, (start_x, start_y))

        def greatest(x: Any, y: Any, start_x: Any, start_y: Any) -> Any:
            return height(x, y, *highest(x, y, start_x, start_y))

        self.highest, self.greatest = jit(highest), jit(greatest, wrt=["x", "y"])
        self.outer = outer

    def gradient(self, p: Point, start: Point) -> Point:
        """That of the greatest height over a point."""
        if self.outer == "r":
            return self.greatest.grad(*p, *start)  # type: ignore[no-any-return]
        return [self.greatest.jvp(*p, *start, along)[1] for along in ([1.0, 0.0], [0.0, 1.0])]

    def __call__(self, start: Point) -> list[float]:
        """Both points."""
        p = argmin_of_numbers(
            lambda p: self.greatest(*p, *start), lambda p: self.gradient(p, start), start
        )
        return [*p, *self.highest(*p, *start)]


def _negative(slope: Callable[[Point, Point], Point], p: Point, q: Point) -> Point:
    return [-s for s in slope(p, q)]


kernels = cache(Saddle)


def rr(given: dict[str, Any]) -> Prepared:
    """Both by reverse mode."""
    return partial(kernels("r", "r"), given["start"]), list


def rf(given: dict[str, Any]) -> Prepared:
    """The outer derivative by reverse, the inner by forward mode."""
    return partial(kernels("r", "f"), given["start"]), list


def fr(given: dict[str, Any]) -> Prepared:
    """The outer derivative by forward, the inner by reverse mode."""
    return partial(kernels("f", "r"), given["start"]), list


def ff(given: dict[str, Any]) -> Prepared:
    """Both by forward mode."""
    return partial(kernels("f", "f"), given["start"]), list
