"""One chain of dependent ops: deep, and a single op wide."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from .. import workloads
from ..experiment import Bar, Contestant, Experiment

START = 0.7


def experiments(small: bool) -> Iterator[Experiment]:
    """Growing lengths. The peak memory of the process is among the facts."""
    for n in (100,) if small else (1_000, 10_000, 100_000, 1_000_000):
        yield Experiment(
            "chain",
            f"n={n}",
            "the last number and its derivative for the first",
            "f64",
            partial(workloads.chain_reference, START, n),
            (
                Contestant("ours", "ours", "chain", {"dtype": "f64", "from": "C"}),
                Contestant("CasADi", "casadi", "chain"),
            ),
            partial(dict, n=n, x=START),
            bars=(Bar("first", 5.0, "ours"),) if n == 1_000_000 else (),
        )
