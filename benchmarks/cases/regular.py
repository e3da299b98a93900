"""The demo's loss at growing N: up to 6.5 million scalar nodes that repeat."""

from __future__ import annotations

from collections.abc import Iterator

from ..experiment import F32, Bar, Contestant, Experiment
from .moons import moons_reference, moons_setting


def experiments(small: bool) -> Iterator[Experiment]:
    """Compiling at every N, and an evaluation beside C."""
    sizes = (2, 4) if small else (20, 100, 1000, 1500, 10000)
    for n in sizes:
        bars = [Bar("statements", 25, "ours")]
        if n == 1500:
            bars.append(Bar("first", 3.0, "ours"))
        if n == 10000:
            # no more than noise above the cost per node at N=100
            bars.append(Bar("first", 1.05, "ours", "ours", elsewhere="N=100", per="nodes"))
        if n != sizes[0]:
            bars.append(Bar("statements", 1.0, "ours", "ours", elsewhere=f"N={sizes[0]}"))
        yield Experiment(
            "regular",
            f"N={n}",
            "the value and all 337 partial derivatives of the demo's loss, from C",
            "f32",
            moons_reference(n),
            (
                Contestant("ours", "ours", "moons", {"dtype": "f32", "from": "C"}),
                Contestant("C", "c", "moons", {"dtype": "f32"}),
            ),
            moons_setting(n),
            F32,
            tuple(bars),
        )
