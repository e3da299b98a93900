"""The README expression: what one call costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import workloads
from ..experiment import F32, Bar, Contestant, Experiment, both_collectors

A, B = -4.0, 2.0
EXACT = [24.70408163265306, 138.83381924198252, 645.5772594752186]
"""The value and the partial derivatives that micrograd's README shows, in float64."""


def setting() -> dict[str, Any]:
    """Where it is evaluated."""
    return {"a": A, "b": B}


def experiments(small: bool) -> Iterator[Experiment]:
    """From Python with and without the derivatives, and from C."""
    f64 = {"dtype": "f64"}
    yield Experiment(
        "call",
        "value and partials from Python",
        "one call from Python: g, dg/da, dg/db as Python floats",
        "f64",
        lambda: EXACT,
        (
            Contestant("ours", "ours", "call", f64),
            Contestant("ours, f32", "ours", "call", {"dtype": "f32"}, accuracy=F32),
            Contestant("C extension", "c", "call"),
            Contestant("numba", "numba", "call"),
            Contestant("JAX", "jax", "call"),
            Contestant("CasADi", "casadi", "call"),
            Contestant("PyTorch", "torch", "call"),
            *both_collectors("interpret_readme", "our interpreter", "ours"),
            *both_collectors("readme"),
        ),
        setting,
        bars=(Bar("evaluation", 1.05, "ours", "C extension"),),
    )
    yield Experiment(
        "call",
        "value from Python",
        "one call from Python: g as a Python float",
        "f64",
        lambda: [workloads.readme(A, B)],
        (
            Contestant("ours", "ours", "call_value", f64),
            Contestant("math.hypot", "c", "hypot", yardstick=True),
            Contestant("C extension", "c", "call_value"),
            Contestant("numba", "numba", "call_value"),
        ),
        setting,
        bars=(Bar("evaluation", 1.0, "ours", "math.hypot"),),
    )
    yield Experiment(
        "call",
        "value and partials from C",
        "one call by a loop in C",
        "f64",
        lambda: EXACT,
        (Contestant("ours", "ours", "call_c", f64), Contestant("C", "c", "call_c")),
        setting,
    )
