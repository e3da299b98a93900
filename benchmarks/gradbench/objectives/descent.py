"""Gradient descent as `particle` and `saddle` have it: its rate doubles and halves on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import hypot
from typing import Any

from micrograd import sqrt, where, while_loop

ENOUGH = 1e-5
"""Gradients and steps so short end it."""
FIRST, EVERY = 1e-5, 10
"""The rate at first, and after how many steps it is doubled."""
LIMIT = 1_000
"""Steps at most."""

Point = Sequence[Any]


def argmin(value: Callable[[Point], Any], gradient: Callable[[Point], Point], start: Point) -> Any:
    """Where `value` is least, found from `start`, as a loop that is compiled."""

    def length(v: Point) -> Any:
        return sqrt(sum(a * a for a in v))

    def goes_on(state: Any) -> Any:
        _, _, slope, rate, steps = state
        moves = where(steps == EVERY, 1.0, rate * length(slope) > ENOUGH)
        return where(length(slope) > ENOUGH, moves, 0.0)

    def step(state: Any) -> Any:
        x, at, _, rate, steps = state
        there = [a - rate * b for a, b in zip(x, state[2], strict=True)]
        below = value(there)
        waits = steps == EVERY
        moves = where(waits, 0.0, below < at)
        x = [where(moves, b, a) for a, b in zip(x, there, strict=True)]
        rate = where(waits, 2.0 * rate, where(moves, rate, rate / 2.0))
        return x, where(moves, below, at), list(gradient(x)), rate, where(moves, steps + 1.0, 0.0)

    begin = (list(start), value(start), list(gradient(start)), FIRST, 0.0)
    return while_loop(goes_on, step, begin, limit=LIMIT)[0]


def argmin_of_numbers(
    value: Callable[[Point], float], gradient: Callable[[Point], Point], start: Point
) -> list[float]:
    """The same in Python: `value` and `gradient` are kernels that have such loops themselves."""
    x, at, slope, rate, steps = list(start), value(start), gradient(start), FIRST, 0
    while hypot(*slope) > ENOUGH:
        if steps == EVERY:
            rate, steps = 2.0 * rate, 0
            continue
        if rate * hypot(*slope) <= ENOUGH:
            break
        there = [a - rate * b for a, b in zip(x, slope, strict=True)]
        below = value(there)
        if below < at:
            x, at, slope, steps = there, below, gradient(there), steps + 1
        else:
            rate, steps = rate / 2.0, 0
    return x
