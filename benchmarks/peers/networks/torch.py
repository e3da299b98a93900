"""PyTorch, eager: torch.optim.SGD."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import cross_entropy, linear

from benchmarks.peers import Prepared
from benchmarks.peers.networks import batches, images, squares, timed, weights
from benchmarks.peers.torch import versions

__all__ = ["CONTESTANTS", "digits", "versions"]


def digits(setting: dict[str, Any]) -> Prepared:
    """A call per operation and step; weights are [outputs, inputs], as PyTorch has them."""
    start = [torch.from_numpy(w.T.copy()) for w in weights(setting)]
    x, y = map(torch.from_numpy, images(setting))
    steps = [(x[s], y[s]) for s in batches(setting)]
    layers = [w.clone().requires_grad_(True) for w in start]
    optimizer = torch.optim.SGD(layers, lr=setting["rate"])

    def again() -> None:
        with torch.no_grad():
            for w, numbers in zip(layers, start, strict=True):
                w.copy_(numbers)

    def train(_: Any) -> list[Any]:
        losses = []
        for _ in range(setting["epochs"]):
            for h, label in steps:
                for k in range(0, len(layers), 2):
                    h = linear(h, layers[k], layers[k + 1])
                    h = h.relu() if k + 2 < len(layers) else h
                loss = cross_entropy(h, label)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.detach())
        return losses

    losses = [float(x) for x in train(again())]
    return Prepared([*losses, squares([w.detach().numpy() for w in layers])], timed(again, train))


CONTESTANTS = {"digits": digits}
