"""The interpreter alone, against PyPI's micrograd."""

from __future__ import annotations

from collections.abc import Iterator

from ..experiment import Bar, Experiment, both_collectors
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
        (*both_collectors("interpret_readme", "ours", "ours"), *both_collectors("readme")),
        call.setting,
        bars=(Bar("evaluation", 1.0, "ours, gc off", "PyPI micrograd, gc off"),),
    )
    n = 4 if small else 100
    yield Experiment(
        "interpreter",
        f"moons loss, N={n}",
        "build, forward and backward once",
        "f64",
        moons_reference(n),
        (*both_collectors("interpret_moons", "ours", "ours"), *both_collectors("moons")),
        moons_setting(n),
        bars=(
            Bar("evaluation", 0.2, "ours, gc on", "PyPI micrograd, gc on"),
            Bar("evaluation", 1.0, "ours, gc off", "PyPI micrograd, gc off"),
        ),
    )
