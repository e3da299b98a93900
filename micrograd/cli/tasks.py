"""What is trained by name: data in two parts, a network, a loss, and what counts as right.

Data are in order, as the seeds of this project have them; the last fifth is held out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets import digits, mnist, moons, train_validation_split
from ..errors import DataError
from ..layers import NETWORKS, Sequential, perceptron
from ..losses import cross_entropy, max_margin
from ..memory import require
from ..tensor.core import Tensor
from ..tensor.recording import no_grad

HELD = 0.2
"""The share of moons and digits that is held out for validation."""
MNIST_HELD = 20
"""As pycrograd has it: a test image for so many that are trained on."""
POINT = 128
"""Bytes that a point of the moons takes while they are made."""
ONE_THREAD = 2**20
"""Multiplications that OpenBLAS does in one thread. Where other processes keep the processors busy,
it may wait for its threads a hundred times as long as they compute, so outputs are computed of so
few rows at once."""

SHARES = {"normal": 1, "longer": 10, "bigger": 100}
"""What part of a length these networks are trained on where all are, as their size demands."""

Part = tuple[Any, Any]
"""Inputs f32[n, inputs] or f64, and labels i64[n]."""


@dataclass(slots=True)
class Task:
    """What is trained, and on what.

    sizes   of the network's layers, inputs first
    held    what is not trained on; None where there are too few samples
    right   outputs and labels: bool[n], which of them are right
    """

    sizes: tuple[int, ...]
    train: Part
    held: Part | None
    loss: Callable[[Any, Any], Any]
    right: Callable[[Any, Any], Any]

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum((n + 1) * m for n, m in pairwise(self.sizes))

    @property
    def _widest(self) -> int:
        """Numbers in the largest weight."""
        return max(n * m for n, m in pairwise(self.sizes))

    def model(self, seed: int, dtype: str) -> Sequential:
        """The network with its first weights.

        Raises MemoryError before they are drawn if there is no room for them.
        """
        size = np.dtype(dtype).itemsize
        require(
            {
                "parameters and their copy for training": 2 * size * self.parameters,
                "drawing them": 8 * self._widest,
            }
        )
        return perceptron(self.sizes, rng=seed, dtype=dtype)

    def evaluate(self, model: Sequential, part: Part) -> tuple[float, float]:
        """The mean loss, and the share that is right."""
        x, y = part
        rows = max(1, ONE_THREAD // self._widest)
        loss, right = 0.0, 0
        with no_grad():
            for k in range(0, len(y), rows):
                labels = y[k : k + rows]
                outputs = model(Tensor(x[k : k + rows], model.parameters()[0].dtype))
                loss += float(self.loss(outputs, labels).item()) * len(labels)
                right += int(self.right(outputs.numpy(), labels).sum())
        return loss / len(y), right / len(y)


def moons_task(network: str, length: int, seed: int) -> Task:
    """Moons in two classes, -1 and 1."""
    require({"samples": POINT * length})
    return Task(
        _sizes(2, network, 1),
        *_split(*moons(length, seed=seed)),
        max_margin,
        lambda scores, y: (scores[:, 0] > 0) == (y > 0),
    )


def digits_task(network: str, length: int | None) -> Task:
    """The first of scikit-learn's digits, or all."""
    x, y = digits()
    return _images(network, *_split(*_first(x, y, length, "digits")))


def shared_task(network: str, length: int) -> Task:
    """Digits for one of SHARES, which has its share of the length."""
    return digits_task(network, max(1, length // SHARES[network]))


def mnist_task(network: str, length: int | None, folder: Path) -> Task:
    """The first of MNIST's training images and, of the test images, a twentieth as many; or all."""
    train, test = mnist(folder)
    if length is not None:
        train = _first(*train, length, "training images")
        held = max(1, length // MNIST_HELD)
        test = (test[0][:held], test[1][:held])
    return _images(network, train, test)


def _images(network: str, train: Part, held: Part | None) -> Task:
    return Task(
        _sizes(train[0].shape[1], network, 10),
        train,
        held,
        cross_entropy,
        lambda scores, y: scores.argmax(axis=1) == y,
    )


def _sizes(inputs: int, network: str, outputs: int) -> tuple[int, ...]:
    """The layers of a network by name, for other inputs and outputs."""
    return (inputs, *NETWORKS[network][1:-1], outputs)


def _first(x: Any, y: Any, length: int | None, what: str) -> Part:
    if length is not None and length > len(y):
        raise DataError(
            f"there are {len(y):,} {what}, got a length of {length:,}; give at most that"
        )
    return x[:length], y[:length]


def _split(x: Any, y: Any) -> tuple[Part, Part | None]:
    """What is trained on, and the last fifth, if that is a sample or more."""
    if not 0 < round(HELD * len(y)) < len(y):
        return (x, y), None
    (x, y), (held_x, held_y) = train_validation_split(x, y, share=HELD)
    return (x, y), (held_x, held_y)
