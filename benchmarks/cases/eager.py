"""Eager Tensors: what an operation costs beside NumPy's, recorded for a gradient or not; and whole
backward passes beside gradients written by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from ..experiment import F32, Bar, Contestant, Experiment
from ..peers.eager import CHAINS, OPERATIONS, SHAPES, reference

CALL = 2e-6
"""Seconds that an operation may take, besides 1.5 times NumPy's."""
RECORDED = Contestant("recorded", "ours", "eager.operation", {"recorded": True})
NUMPY = Contestant("NumPy", "numpy", "eager.operation")


def _experiment(setting: dict[str, Any], calls: int, contestants: tuple[Contestant, ...]) -> Any:
    size = setting["size"]
    numbers = f"{size:,} numbers" if size > 1 else "one number, no axes"
    return Experiment(
        "eager",
        f"{setting['operation']}, {numbers}",
        "one evaluation, called by Python",
        "f32",
        partial(reference, setting),
        (*contestants, NUMPY),
        partial(dict, setting),
        accuracy=F32,
        bars=tuple(Bar("evaluation", 1.5, c.name, "NumPy", plus=CALL * calls) for c in contestants),
        table="backward passes" if setting["operation"] in CHAINS else numbers,
        row=setting["operation"] + (f", {size:,}" if setting["operation"] in CHAINS else ""),
    )


def experiments(small: bool) -> Iterator[Experiment]:
    """Every operation of every size that suits it; then backward passes."""
    ours = Contestant("ours", "ours", "eager.operation")
    for size in (16,) if small else SHAPES:
        for o in list(OPERATIONS.values())[:: 9 if small else 1]:
            if o.axes <= len(SHAPES[size]):
                setting = {"operation": o.name, "size": size}
                yield _experiment(setting, o.calls, (ours, RECORDED))
    layers, network = CHAINS
    for size in (16,) if small else (16, 1000, 100_000):
        yield _experiment({"operation": layers, "size": size}, CHAINS[layers], (ours,))
    yield _experiment({"operation": network, "size": 32}, CHAINS[network], (ours,))
