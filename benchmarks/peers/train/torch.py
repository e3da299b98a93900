"""PyTorch, eager: torch.optim.SGD."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks import workloads
from benchmarks.peers import Prepared, python_loop
from benchmarks.peers.torch import _DTYPES, _layers, _mlp, versions
from benchmarks.peers.train import parameters, rates

__all__ = ["CONTESTANTS", "moons", "versions"]


def moons(setting: dict[str, Any]) -> Prepared:
    """A call per operation and step."""
    dtype = _DTYPES[setting["dtype"]]
    points = torch.tensor(setting["points"], dtype=dtype)
    labels = torch.tensor(setting["labels"], dtype=dtype)
    schedule, size = rates(setting), setting.get("size", 0)
    order = torch.tensor(setting.get("order", []), dtype=torch.int64)

    def once() -> list[float]:
        layers = [w.requires_grad_(True) for w in _layers(parameters(), *workloads.MOONS, dtype)]
        optimizer, losses = torch.optim.SGD(layers, lr=1.0), []
        for k, rate in enumerate(schedule):
            x, y = points, labels
            if size:
                rows = order[k * size : (k + 1) * size]
                x, y = points[rows], labels[rows]
            margins = (1.0 - y * _mlp(layers, x)[:, 0]).relu()
            loss = margins.mean() + 1e-4 * sum((w * w).sum() for w in layers)
            optimizer.zero_grad()
            loss.backward()
            optimizer.param_groups[0]["lr"] = rate
            optimizer.step()
            losses.append(loss.item())
        return [*losses, sum(float((w.detach().double() ** 2).sum()) for w in layers)]

    return Prepared(once(), python_loop("once()", once=once))


CONTESTANTS = {"moons": moons}
