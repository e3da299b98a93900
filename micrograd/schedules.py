"""Learning-rate schedules: the rate as a function of the step; the first step is 0."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .checks import amount, whole
from .errors import DataError, TrainingError, kind
from .ops import as_float

Numbers: TypeAlias = npt.NDArray[np.float64]
Schedule: TypeAlias = Callable[[int], float]
"""The learning rate of a step; the first step is 0."""


class Constant:
    """A schedule that gives the same rate at every step, without being asked."""

    def __init__(self, rate: float) -> None:
        self.rate = amount("rate", rate, TrainingError)

    def __call__(self, step: int) -> float:
        return self.rate


def constant(rate: float) -> Schedule:
    """The same rate at every step."""
    return Constant(rate)


def linear(start: float, end: float, steps: int) -> Schedule:
    """From `start` at step 0 in equal parts to `end` at step `steps`, and `end` from there on.

    >>> linear(1.0, 0.5, 10)(5)
    0.75
    """
    start, end, steps = (
        amount("start", start, TrainingError),
        amount("end", end, TrainingError),
        whole("steps", steps, TrainingError),
    )
    return _Linear(start, end, steps)


@dataclass(frozen=True)
class _Linear:
    start: float
    end: float
    steps: int

    def __call__(self, step: int) -> float:
        if step >= self.steps:
            return self.end
        return self.start + (self.end - self.start) * step / self.steps

    def rates(self, first: int, steps: int) -> Numbers:
        """The same of so many steps, bit for bit."""
        step = np.arange(first, first + steps)
        rates: Numbers = self.start + (self.end - self.start) * step / self.steps
        rates[step >= self.steps] = self.end
        return rates


def cosine(start: float, end: float, steps: int, warmup: int = 0) -> Schedule:
    """From `start` along half a cosine to `end` at step `steps`, and `end` from there on.

    In the first `warmup` of these steps the rate grows in equal parts to `start`, which it has at
    the last of them. Source: Loshchilov and Hutter 2017, without restarts.

    >>> [round(cosine(1.0, 0.0, 6, warmup=2)(k), 3) for k in range(7)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146, 0.0]
    """
    start, end, steps = (
        amount("start", start, TrainingError),
        amount("end", end, TrainingError),
        whole("steps", steps, TrainingError),
    )
    warmup = whole("warmup", warmup, TrainingError, least=0)
    if warmup >= steps:
        raise TrainingError(f"warmup should be less than the {steps} steps, got {warmup}")

    return _Cosine(start, end, steps, warmup)


@dataclass(frozen=True)
class _Cosine:
    start: float
    end: float
    steps: int
    warmup: int

    def __call__(self, step: int) -> float:
        start, end, warmup = self.start, self.end, self.warmup
        if step < warmup:
            return start * (step + 1) / warmup
        if step >= self.steps:
            return end
        turn = math.pi * (step - warmup) / (self.steps - warmup)
        return end + (start - end) * 0.5 * (1.0 + math.cos(turn))


def rate_at(schedule: Schedule, step: int) -> float:
    """The learning rate of a step.

    Raises TrainingError if the schedule gives anything but a finite number that is not negative.
    """
    step = whole("step", step, TrainingError, least=0)
    return _checked(schedule(step), step)


def _checked(given: Any, step: int) -> float:
    """What a schedule gave for a step, if it is a rate."""
    if given.__class__ is float and 0.0 <= given < math.inf:
        return given
    try:
        rate = as_float(given)
    except DataError:
        rate = math.nan
    if not 0.0 <= rate < math.inf:
        raise TrainingError(
            f"the learning rate should be a finite number, 0 or more; the schedule gave "
            f"{kind(given)} for step {step}"
        )
    return rate


def tabulate(schedule: Schedule, steps: int, first: int = 0) -> Numbers:
    """The learning rates of `steps` steps from step `first` on: f64[steps].

    Raises TrainingError as `rate_at` does.

    >>> tabulate(linear(1.0, 0.0, 4), 5)
    array([1.  , 0.75, 0.5 , 0.25, 0.  ])
    """
    if not callable(schedule):
        raise TrainingError(f"schedule should be a function of the step, got {kind(schedule)}")
    steps = whole("steps", steps, TrainingError, least=0)
    first = whole("first", first, TrainingError, least=0)
    if type(schedule) is Constant:
        return np.full(steps, schedule.rate)
    if type(schedule) is _Linear:
        rates = schedule.rates(first, steps)
        if (np.isfinite(rates) & (rates >= 0.0)).all():
            return rates
    given = [schedule(k) for k in range(first, first + steps)]
    if all(rate.__class__ is float for rate in given):
        rates = np.array(given, dtype=np.float64)
        if (np.isfinite(rates) & (rates >= 0.0)).all():
            return rates
    return np.array([_checked(rate, first + k) for k, rate in enumerate(given)], dtype=np.float64)
