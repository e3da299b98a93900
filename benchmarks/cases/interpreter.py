"""The interpreter alone, against PyPI's micrograd."""

from __future__ import annotations

from collections.abc import Iterator

from ..experiment import Bar, Contestant, Experiment, both_collectors
from . import call
from .moons import moons_reference, moons_setting


def experiments(small: bool) -> Iterator[Experiment]:
    """The README expression, and the loss of the demo."""
    yield Experiment(
        "interpreter",
        "README expression",
        "build, forward and backward once (of 20,000 times)",
        "f64",
        lambda: call.EXACT,
        (Contestant("ours", "ours", "interpret_readme"), *both_collectors("readme")),
        call.setting,
        bars=(Bar("evaluation", 1.0, "ours", "PyPI micrograd, gc off"),),
    )
    n = 4 if small else 100
    yield Experiment(
        "interpreter",
        f"moons loss, N={n}",
        "build, forward and backward once",
        "f64",
        moons_reference(n),
        (Contestant("ours", "ours", "interpret_moons"), *both_collectors("moons")),
        moons_setting(n),
        bars=(
            Bar("evaluation", 0.2, "ours", "PyPI micrograd, gc on"),
            Bar("evaluation", 1.0, "ours", "PyPI micrograd, gc off"),
        ),
    )
