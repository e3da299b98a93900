"""The moons demo of micrograd, as functions: data, model, loss and the learning rate.

The loss is the code of micrograd's notebook, scalar by scalar; nothing in it knows that it will
be compiled. With the default seed the numbers are the notebook's.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from micrograd import Value
from micrograd.nn import MLP

SEED = 1337
STEPS = 100


def make_data(samples: int = 100, noise: float | None = 0.1) -> tuple[Any, Any]:
    """Points of two interleaved half circles and their classes: X f64[samples, 2], y of -1, 1.

    Seeds both random generators first, so a model that is made next has the notebook's weights.
    """
    try:
        from sklearn.datasets import make_moons
    except ImportError:
        raise SystemExit(
            "the moons come from scikit-learn, which is not installed; install it with\n"
            "    pip install 'micrograd-mlir[demo]'"
        ) from None
    np.random.seed(SEED)
    random.seed(SEED)
    X, y = make_moons(n_samples=samples, noise=noise)
    return X, y * 2 - 1


def make_model() -> MLP:
    """Two hidden layers of 16: 337 parameters."""
    return MLP(2, [16, 16, 1])


def total_loss(model: Any, X: Any, y: Any) -> tuple[Value, list[Value]]:
    """The max-margin loss with L2 regularisation, and the scores that it is made of."""
    inputs = [list(map(Value, row)) for row in X]
    scores = list(map(model, inputs))
    losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores, strict=True)]
    data_loss = sum(losses) * (1.0 / len(losses))
    reg_loss = 1e-4 * sum(p * p for p in model.parameters())
    return data_loss + reg_loss, scores


def accuracy(scores: Sequence[Any], y: Any) -> float:
    """The share of the points that are on the right side."""
    hits = [(yi > 0) == bool(score > 0) for yi, score in zip(y, scores, strict=True)]
    return float(sum(hits) / len(hits))


def learning_rate(step: int) -> float:
    """From 1.0 down to 0.1 over the 100 steps."""
    return 1.0 - 0.9 * step / 100
