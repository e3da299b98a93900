"""Repetition in time: explicit Euler steps of a pendulum, traced step by step."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from .. import workloads
from ..experiment import Bar, Contestant, Experiment

ANGLE, SPEED = 1.0, 0.2


def experiments(small: bool) -> Iterator[Experiment]:
    """Growing numbers of steps; the number of statements should not grow with it."""
    sizes = (10, 20) if small else (100, 1_000, 10_000)
    for steps in sizes:
        fewest = f"{sizes[0]} steps"
        same = tuple(
            Bar(fact, limit, "ours", "ours", elsewhere=fewest)
            for fact, limit in (("statements", 1.0), ("LLVM IR lines", 1.05))
        )
        yield Experiment(
            "recurrence",
            f"{steps} steps",
            "the final angle and its partial derivatives for the initial angle and speed",
            "f64",
            partial(workloads.pendulum_reference, ANGLE, SPEED, steps),
            (
                Contestant("ours", "ours", "recurrence", {"dtype": "f64", "from": "C"}),
                Contestant("CasADi", "casadi", "recurrence"),
            ),
            partial(dict, steps=steps, angle=ANGLE, speed=SPEED),
            bars=same if steps != sizes[0] else (),
        )
