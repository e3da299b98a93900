"""Random functions of numbers, for any module that has exp, sin and tanh."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

UNARY: list[Callable[[Any, Any], Any]] = [
    lambda m, x: m.exp(x * 0.25),
    lambda m, x: m.sin(x),
    lambda m, x: m.tanh(x),
    lambda m, x: -x,
    lambda m, x: 1.0 / (x * x + 1.0),
]
BINARY: list[Callable[[Any, Any], Any]] = [
    lambda x, y: x + y,
    lambda x, y: x - y,
    lambda x, y: x * y,
    lambda x, y: x / (y * y + 1.5),
]


def random_function(
    rng: random.Random, arity: int, results: int
) -> Callable[[Any], Callable[..., Any]]:
    """A function of 1 to 3 numbers, which gives one or a tuple of several, for a module."""
    steps: list[tuple[Any, Any, int, int]] = []
    for k in range(rng.randint(1, 9)):
        i, j = rng.randrange(arity + k), rng.randrange(arity + k)
        unary = rng.random() < 0.4
        steps.append((rng.choice(UNARY), None, i, j) if unary else (None, rng.choice(BINARY), i, j))
    last = [rng.randrange(arity + len(steps)) for _ in range(results)]

    def of(module: Any) -> Callable[..., Any]:
        def compute(given: list[Any]) -> Any:
            for unary, binary, i, j in steps:
                x, y = given[i], given[j]
                given.append(binary(x, y) if unary is None else unary(module, x))
            found = tuple(given[k] * 1.5 for k in last)
            return found if results > 1 else found[0]

        one = lambda a: compute([a])  # noqa: E731
        two = lambda a, b: compute([a, b])  # noqa: E731
        three = lambda a, b, c: compute([a, b, c])  # noqa: E731
        return (one, two, three)[arity - 1]

    return of
