"""numba: the whole loop compiled, the gradient written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.batch import DTYPES
from benchmarks.peers import Clock, Prepared, python_loop
from benchmarks.peers.numba import _moons, fast, versions
from benchmarks.peers.train import parameters, rates

__all__ = ["CONTESTANTS", "moons", "versions"]

_gradient = fast(_moons)


@fast
def _train(start: Any, rates: Any, order: Any, size: int, points: Any, labels: Any) -> Any:
    p, grad = start.copy(), np.empty_like(start)
    losses = np.empty(rates.size + 1)
    x, y = points, labels
    if size:
        x, y = np.empty_like(points[:size]), np.empty_like(labels[:size])
    for k in range(rates.size):
        for s in range(size):
            row = order[k * size + s]
            x[s, 0], x[s, 1], y[s] = points[row, 0], points[row, 1], labels[row]
        losses[k] = _gradient(p, x, y, grad)
        for i in range(p.size):
            p[i] -= rates[k] * grad[i]
    losses[-1] = np.sum(p * p)
    return losses


def moons(setting: dict[str, Any]) -> Prepared:
    """Fastmath, one thread."""
    dtype = DTYPES[setting["dtype"]]
    arguments = (
        np.array(parameters(), dtype),
        np.array(rates(setting), dtype),
        np.array(setting.get("order", []), np.int64),
        setting.get("size", 0),
        np.array(setting["points"], dtype),
        np.array(setting["labels"], dtype),
    )
    clock = Clock()
    answer = _train(*arguments)
    phases = {"first": clock()}
    run = python_loop("train(*arguments)", train=_train, arguments=arguments)
    return Prepared(answer.tolist(), run, phases)


CONTESTANTS = {"moons": moons}
