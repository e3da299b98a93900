"""The demo of micrograd: its loss over 100 samples, and all 337 partial derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .. import reference, workloads
from ..experiment import F32, Bar, Contestant, Experiment, both_collectors

INITIAL_LOSS = 0.8958441028683222
"""Of the demo, N = 100, by PyPI's micrograd: what the reference is held to."""


def moons_setting(n: int) -> Callable[[], dict[str, Any]]:
    """The data of the demo, as it goes to the contestants."""

    def setting() -> dict[str, Any]:
        points, labels = reference.moons_data(n)
        return {"points": points, "labels": labels}

    return setting


def moons_reference(n: int) -> Callable[[], list[float]]:
    """The loss and its partial derivatives, in float64."""

    def answer() -> list[float]:
        parameters = workloads.parameters_of(*workloads.MOONS, seed=1337)
        found = reference.moons(*reference.moons_data(n), parameters)
        if n == 100 and abs(found[0] - INITIAL_LOSS) > 1e-12:
            raise ValueError(f"the demo's initial loss is {INITIAL_LOSS}, not {found[0]}")
        return found

    return answer


def experiments(small: bool) -> Iterator[Experiment]:
    """Both dtypes."""
    n = 4 if small else 100
    for dtype, accuracy in (("f32", F32), ("f64", 1e-9)):
        d = {"dtype": dtype}
        compiled = {**d, "from": "C"}
        by_hand = [Contestant("C, plain loops", "c", "moons_plain", d)]
        bars = [Bar("statements", 25, "ours"), Bar("first", 0.4, "ours")]
        if dtype == "f64":
            by_hand.insert(0, Contestant("C", "c", "moons_lanes", d))
        else:
            by_hand.insert(0, Contestant("C", "c", "moons", d))
            bars += [
                Bar("evaluation", 1.2, "ours", "C"),
                Bar("evaluation", 0.15, "ours", "JAX, in its own loop"),
            ]
        yield Experiment(
            "moons",
            f"N={n}, {dtype}",
            "the value and all 337 partial derivatives; ours and C called by a loop in C",
            dtype,
            moons_reference(n),
            (
                Contestant("ours", "ours", "moons", compiled),
                Contestant("ours, from Python", "ours", "moons", {**d, "from": "Python"}),
                *by_hand,
                Contestant("numba", "numba", "moons", d),
                Contestant("JAX, in its own loop", "jax", "moons_loop", d),
                Contestant("JAX, from Python", "jax", "moons", d),
                Contestant("PyTorch", "torch", "moons", d),
                *((*both_collectors("moons"),) if dtype == "f64" else ()),
            ),
            moons_setting(n),
            accuracy,
            tuple(bars),
        )
    if not small:
        yield Experiment(
            "moons",
            "cold start",
            "a new Python process to the first value and gradient, imports and compiling included",
            "f32",
            moons_reference(n),
            (Contestant("ours", "ours", "cold", {"dtype": "f32"}),),
            moons_setting(n),
            F32,
        )
