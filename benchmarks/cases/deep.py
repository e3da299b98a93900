"""A random DAG that is deep and narrow: nothing to reroll, and no batches of equal ops."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from .. import workloads
from ..experiment import Bar, Contestant, Experiment

WINDOW = 100


def answer(n: int) -> list[float]:
    """The sum of the sinks and its partial derivatives."""
    return workloads.Dag(n, WINDOW).reference()


def experiments(small: bool) -> Iterator[Experiment]:
    """Growing sizes; CasADi's virtual machine is what this is held against."""
    for n in (200,) if small else (4_000, 20_000, 100_000):
        setting = {"dtype": "f64", "from": "C"}
        yield Experiment(
            "deep",
            f"n={n}",
            "the sum of all sinks and its partial derivatives for the 100 inputs",
            "f64",
            partial(answer, n),
            (
                Contestant("ours", "ours", "irregular", setting),
                Contestant("ours, strict", "ours", "irregular", {**setting, "strict": True}),
                Contestant("CasADi", "casadi", "irregular"),
            ),
            partial(dict, n=n, window=WINDOW),
            accuracy=1e-9,
            bars=(Bar("evaluation", 1.0, "ours", "CasADi"),),
        )
