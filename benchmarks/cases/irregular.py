"""A random DAG: nothing to reroll."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from .. import workloads
from ..experiment import Bar, Contestant, Experiment

BARS = {100_000: (0.8, 0.6e-3), 1_000_000: (8.0, 10e-3)}
JAX_AT_MOST = 1_000  # 14 s of compiling there


def answer(n: int) -> list[float]:
    """The sum of the sinks and its partial derivatives."""
    return workloads.Dag(n).reference()


def experiments(small: bool) -> Iterator[Experiment]:
    """Growing sizes; CasADi's virtual machine is what this is held against."""
    for n in (200,) if small else (1_000, 10_000, 100_000, 1_000_000):
        d = {"dtype": "f64"}
        first, evaluation = BARS.get(n, (0.0, 0.0))
        bars = (Bar("first", first, "ours"), Bar("evaluation", evaluation, "ours"))
        yield Experiment(
            "irregular",
            f"n={n}",
            "the sum of all sinks and its partial derivatives for the 100 inputs",
            "f64",
            partial(answer, n),
            (
                Contestant("ours", "ours", "irregular", {**d, "from": "C"}),
                Contestant("CasADi", "casadi", "irregular"),
                Contestant("PyTorch", "torch", "irregular"),
                *([Contestant("JAX", "jax", "irregular")] if n <= JAX_AT_MOST else []),
            ),
            partial(dict, n=n),
            accuracy=1e-7,
            bars=bars if n in BARS else (),
        )
