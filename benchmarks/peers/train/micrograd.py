"""PyPI's micrograd: the demo's loop."""

from __future__ import annotations

import random
from typing import Any

from benchmarks import workloads
from benchmarks.peers import Prepared, python_loop
from benchmarks.peers.micrograd import versions
from benchmarks.peers.train import rates
from micrograd.engine import Value
from micrograd.nn import MLP

__all__ = ["CONTESTANTS", "moons", "versions"]


def moons(setting: dict[str, Any]) -> Prepared:
    """Build, forward, backward and update anew at every step."""

    def once() -> list[float]:
        random.seed(1337)
        model, losses = MLP(2, [16, 16, 1]), []
        for rate in rates(setting):
            loss = workloads.moons_loss(model, Value, setting["points"], setting["labels"])
            model.zero_grad()
            loss.backward()
            for p in model.parameters():
                p.data -= rate * p.grad
            losses.append(loss.data)
        return [*losses, sum(p.data**2 for p in model.parameters())]

    import gc

    if not setting["gc"]:
        gc.disable()  # else the answer would take longer than the times
    answer = once()
    gc.enable()
    return Prepared(answer, python_loop("once()", once=once, gc=setting["gc"]))


CONTESTANTS = {"moons": moons}
