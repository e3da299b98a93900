"""NumPy: matrix products, the gradient written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import reference, workloads
from benchmarks.batch import DTYPES
from benchmarks.peers import Prepared, python_loop
from benchmarks.peers.numpy import versions
from benchmarks.peers.train import parameters, rates

__all__ = ["CONTESTANTS", "moons", "versions"]


def moons(setting: dict[str, Any]) -> Prepared:
    """A call per operation and step."""
    dtype = DTYPES[setting["dtype"]]
    points, labels = np.array(setting["points"], dtype), np.array(setting["labels"], dtype)
    start = np.array(parameters(), dtype)
    schedule = np.array(rates(setting), dtype)
    order, size = np.array(setting.get("order", [])), setting.get("size", 0)

    def once() -> list[float]:
        p, losses = start.copy(), []
        for k, rate in enumerate(schedule):
            rows = order[k * size : (k + 1) * size] if size else slice(None)
            x, y = points[rows], labels[rows, None]
            layers = reference.layers_of(p, *workloads.MOONS)
            outputs = reference.mlp(layers, x)
            margins = 1 - y * outputs[-1]
            ct = np.where(margins > 0, -y, 0) / dtype(len(y))
            losses.append(float(np.maximum(margins, 0).mean() + dtype(1e-4) * (p @ p)))
            p -= rate * (reference.mlp_gradient(layers, outputs, ct) + dtype(2e-4) * p)
        return [*losses, float(p @ p)]

    return Prepared(once(), python_loop("once()", once=once))


CONTESTANTS = {"moons": moons}
