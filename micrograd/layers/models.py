"""The networks that this project and the systems before it are measured on, by name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..errors import ShapeError, kind
from .activations import ReLU
from .initial import generator
from .linear import Linear
from .sequential import Sequential

NETWORKS: dict[str, tuple[int, ...]] = {
    "mlp": (2, 16, 16, 1),
    "normal": (64, 64, 32, 10),
    "longer": (64, *[256] * 29, 10),
    "bigger": (64, 8192, 4096, 2048, 10),
    "mnist": (784, 64, 32, 10),
}
"""The sizes of the layers, inputs first."""


def perceptron(
    sizes: Sequence[int], *, init: Any = "normal", rng: Any = None, dtype: Any = None
) -> Sequential:
    """Linear layers of these sizes, inputs first, with ReLU between them; float32 by default.

    >>> perceptron([2, 3, 1], rng=0)
    Sequential(
      (0): Linear(2, 3)
      (1): ReLU()
      (2): Linear(3, 1)
    )
    """
    if not isinstance(sizes, (list, tuple)) or len(sizes) < 2:
        raise ShapeError(f"a network has inputs and outputs, such as [64, 10], got {sizes!r}")
    drawn = generator(rng)
    layers: list[Any] = []
    for inputs, outputs in pairwise(sizes):
        layers += [ReLU()] * bool(layers)
        layers.append(Linear(inputs, outputs, init=init, rng=drawn, dtype=dtype))
    return Sequential(*layers)


def network(name: str, *, init: Any = "normal", rng: Any = 1337, dtype: Any = None) -> Sequential:
    """A network of NETWORKS, every layer of which is trained; weights are normal with variance
    2 / outputs, drawn layer by layer, biases 0; float32 by default.

    >>> len(network("longer")), network("normal")[0]
    (59, Linear(64, 64))
    """
    if not isinstance(name, str) or name not in NETWORKS:
        raise ShapeError(f"network should be one of {', '.join(NETWORKS)}, got {kind(name)}")
    return perceptron(NETWORKS[name], init=init, rng=rng, dtype=dtype)
