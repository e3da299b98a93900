"""The projects compared with: a module each, run by an interpreter of its own (serve.py)."""

from __future__ import annotations

import timeit
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any


@dataclass(slots=True)
class Prepared:
    """A contestant ready to be timed.

    answer   what it computes: the value, then the partial derivatives
    run      count -> the seconds that so many evaluations take
    phases   what preparing took, by name, in seconds; `first` is from the traced program to the
             first answer, compiling included
    facts    what else is worth knowing: statements, nodes
    """

    answer: Sequence[float]
    run: Callable[[int], float]
    phases: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


def python_loop(code: str, gc: bool = False, **names: Any) -> Callable[[int], float]:
    """A loop in Python around a statement, as `timeit` makes it."""
    return timeit.Timer(code, "import gc; gc.enable()" if gc else "pass", globals=names).timeit


class Clock:
    """Seconds since the last look.

    >>> clock = Clock()
    >>> clock() >= 0
    True
    """

    def __init__(self) -> None:
        self._then = perf_counter()

    def __call__(self) -> float:
        now = perf_counter()
        elapsed, self._then = now - self._then, now
        return elapsed


def flat(value: Any, partials: Any) -> list[float]:
    """A value and its partial derivatives as one list of floats."""
    return [float(value), *map(float, partials)]
