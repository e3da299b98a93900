"""Training networks on images of digits: a module per project, as in the folder above.

A setting has the `pixels` (0 to 16, 64 of each digit) and `labels`, and

    sizes     of the layers, inputs first; ReLU between them, cross-entropy of the last
    side      pixels a side that the digits are enlarged to, each repeated
    samples   so many, taken from the digits again and again
    batch     samples in a step, in their order; the last of an epoch may have fewer
    epochs, rate of gradient descent; uniform: how weights are drawn

Weights are [inputs, outputs]. An answer is the loss of every step, before its update, and the sum
of the squared parameters at the end. Every evaluation starts from the same parameters, which takes
no time of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
DTYPES: dict[str, Any] = {"f32": np.float32, "f64": np.float64}


def weights(setting: dict[str, Any]) -> list[Array]:
    """Where every training starts: a matrix and the biases of each layer, in the setting's dtype.

    Normal with variance 2 / outputs, or uniform from -1 to 1; biases are 0.
    """
    rng, dtype = np.random.default_rng(1337), DTYPES[setting["dtype"]]
    found: list[Array] = []
    for inputs, outputs in pairwise(setting["sizes"]):
        if setting.get("uniform"):
            w = rng.uniform(-1.0, 1.0, (inputs, outputs)).astype(dtype)
        else:
            w = rng.standard_normal((inputs, outputs), np.float32).astype(dtype)
            w *= dtype((2.0 / outputs) ** 0.5)
        found += [w, np.zeros(outputs, dtype)]
    return found


def images(setting: dict[str, Any]) -> tuple[Array, Array]:
    """The pixels of every sample, from 0 to 1, and its class."""
    pixels = np.array(setting["pixels"], DTYPES[setting["dtype"]]) / 16
    chosen = np.arange(setting["samples"]) % len(pixels)
    at = np.arange(setting["side"]) * 8 // setting["side"]
    enlarged = pixels.reshape(-1, 8, 8)[:, at[:, None], at[None, :]].reshape(len(pixels), -1)
    return enlarged[chosen], np.array(setting["labels"], np.int64)[chosen]


def batches(setting: dict[str, Any]) -> Iterator[slice]:
    """The samples of each step of an epoch."""
    for at in range(0, setting["samples"], setting["batch"]):
        yield slice(at, min(at + setting["batch"], setting["samples"]))


def squares(parameters: Any) -> float:
    """The sum of their squares, in float64."""
    return float(sum(np.square(np.asarray(p), dtype=np.float64).sum() for p in parameters))


def timed(start: Callable[[], Any], train: Callable[[Any], Any]) -> Callable[[int], float]:
    """A loop around trainings; what `start` does, and gives to `train`, is not timed."""

    def run(count: int) -> float:
        total = 0.0
        for _ in range(count):
            given = start()
            began = perf_counter()
            train(given)
            total += perf_counter() - began
        return total

    return run
