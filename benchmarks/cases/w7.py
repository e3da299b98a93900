"""Inference latency: MLP(10, [30, 20, 10, 1]), one input."""

from __future__ import annotations

from collections.abc import Iterator

from .. import reference, workloads
from ..experiment import F32, Bar, Contestant, Experiment, both_collectors


def answer() -> list[float]:
    """The score."""
    parameters = workloads.parameters_of(*workloads.W7, seed=workloads.W7_SEED)
    return reference.score(parameters, *workloads.W7, workloads.w7_input())[:1]


def experiments(small: bool) -> Iterator[Experiment]:
    """From Python, a list in, and from C; both dtypes."""
    for dtype, accuracy in (("f32", F32), ("f64", 1e-9)):
        d = {"dtype": dtype}
        interpreters = (
            *both_collectors("w7_interpreted", "our interpreter", "ours"),
            *both_collectors("w7"),
        )
        yield Experiment(
            "w7",
            f"{dtype} from Python",
            "one call from Python: a list of ten numbers in, a float out",
            dtype,
            answer,
            (
                Contestant("ours", "ours", "w7", d),
                Contestant("C extension", "c", "w7_list", d),
                Contestant("numba", "numba", "w7", d),
                Contestant("JAX", "jax", "w7", d),
                Contestant("CasADi", "casadi", "w7", d),
                Contestant("PyTorch", "torch", "w7", d),
                *(interpreters if dtype == "f64" else ()),
            ),
            lambda: {"x": workloads.w7_input()},
            accuracy,
            bars=(
                Bar("evaluation", 150e-9, "ours"),
                Bar("evaluation", 1.5, "ours", "C extension"),  # 150 ns where that takes 98
            ),
        )
        yield Experiment(
            "w7",
            f"{dtype} from C",
            "one call by a loop in C",
            dtype,
            answer,
            (Contestant("ours", "ours", "w7_c", d), Contestant("C", "c", "w7", d)),
            lambda: {"x": workloads.w7_input()},
            accuracy,
        )
