"""GradBench's evals, small, on inputs of our own; whole: `python -m benchmarks.gradbench`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..experiment import Contestant, Experiment


def reference(eval_: str, function: str) -> list[float]:
    """The answer by eager Values."""
    from ..gradbench import small

    return small.references()[eval_, function]


def experiments(small: bool) -> Iterator[Experiment]:
    """Every function of every eval; there are no other sizes."""
    from ..gradbench.small import references

    for eval_, function in references():
        yield Experiment(
            "gradbench",
            f"{eval_} {function}",
            "one evaluation on tiny inputs, from Python; `first` is tracing, too",
            "f64",
            partial(reference, eval_, function),
            (Contestant("ours", "ours", "gradbench.evaluation"),),
            partial(dict, eval=eval_, function=function),
            table="small evals",
            row=f"{eval_} {function}",
        )
