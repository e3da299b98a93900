"""Float64 answers by NumPy, independent of what they check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import workloads

Array = npt.NDArray[np.float64]


def moons_data(n: int, noise: float | None = 0.1) -> tuple[list[list[float]], list[float]]:
    """The points and the labels (-1 or 1) of the demo.

    Raises ImportError without scikit-learn, whose `make_moons` it is.
    """
    from sklearn.datasets import make_moons

    np.random.seed(1337)
    points, labels = make_moons(n_samples=n, noise=noise)
    return points.tolist(), (2.0 * labels - 1.0).tolist()


def layers_of(numbers: Sequence[float], nin: int, nouts: Sequence[int]) -> list[Array]:
    """The parameters of an MLP as a matrix per layer, a row per neuron, its bias last."""
    flat, layers = np.asarray(numbers), []
    for n, outs in zip((nin, *nouts), nouts, strict=False):
        layers.append(flat[: outs * (n + 1)].reshape(outs, n + 1))
        flat = flat[outs * (n + 1) :]
    return layers


def mlp(layers: Sequence[Array], x: Array) -> list[Array]:
    """What every layer gives for the rows of x, the input first."""
    outputs = [x]
    for k, layer in enumerate(layers):
        x = x @ layer[:, :-1].T + layer[:, -1]
        x = np.maximum(x, 0.0) if k + 1 < len(layers) else x
        outputs.append(x)
    return outputs


def mlp_gradient(layers: Sequence[Array], outputs: Sequence[Array], ct: Array) -> Array:
    """The partial derivatives for all parameters, flat; `ct` is the cotangent of the last layer."""
    grads: list[Array] = []
    for k in reversed(range(len(layers))):
        grads.append(np.concatenate([ct.T @ outputs[k], ct.sum(axis=0)[:, None]], axis=1))
        ct = (ct @ layers[k][:, :-1]) * (outputs[k] > 0)
    return np.concatenate([g.reshape(-1) for g in reversed(grads)])


def moons(points: Any, labels: Any, numbers: Sequence[float]) -> list[float]:
    """The loss of the demo and its partial derivatives for all parameters."""
    layers = layers_of(numbers, *workloads.MOONS)
    outputs = mlp(layers, np.asarray(points))
    y, flat = np.asarray(labels)[:, None], np.asarray(numbers)
    margins = 1.0 - y * outputs[-1]
    ct = np.where(margins > 0, -y, 0.0) / len(y)
    grads = mlp_gradient(layers, outputs, ct) + 2e-4 * flat
    return [float(np.maximum(margins, 0.0).mean() + 1e-4 * (flat @ flat)), *grads.tolist()]


def score(numbers: Sequence[float], nin: int, nouts: Sequence[int], x: Any) -> list[float]:
    """The score of one input and its partial derivatives for all parameters."""
    layers = layers_of(numbers, nin, nouts)
    outputs = mlp(layers, np.asarray(x, dtype=np.float64)[None, :])
    grads = mlp_gradient(layers, outputs, np.ones((1, 1)))
    return [float(outputs[-1][0, 0]), *grads.tolist()]
