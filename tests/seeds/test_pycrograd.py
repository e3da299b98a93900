"""The README of pycrograd: what it says of scalars, and of micrograd beside it.

Its matrices, digits and command line are tested with `micrograd.tensor`.
"""

from __future__ import annotations

import math
import random
import sys

import numpy as np
import pytest

from micrograd import Value, exp, fit, log
from micrograd.datasets import moons
from micrograd.losses import cross_entropy, max_margin
from micrograd.nn import MLP
from micrograd.optim import SGD

from .pages import run

# --- Features ---------------------------------------------------------------------------------


def test_automatic_differentiation() -> None:
    x, y = Value(2.0), Value(3.0)
    log(x * y + exp(x)).backward()
    inside = 6.0 + math.exp(2.0)
    assert x.grad == pytest.approx((3.0 + math.exp(2.0)) / inside, rel=1e-15)
    assert y.grad == pytest.approx(2.0 / inside, rel=1e-15)


def test_neural_networks_are_built_and_trained() -> None:
    random.seed(1337)
    model = MLP(2, [16, 16, 1])
    X, y = moons(100)
    history = fit(model, SGD(model.parameters(), lr=0.1), data=(X, y), loss=max_margin, epochs=50)
    assert history.losses[-10:].mean() < 0.5 * history.losses[:10].mean()


def test_matrices_of_values_sum_and_log() -> None:
    """Matrix operations, of NumPy's arrays of Values."""
    A = np.array([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]])
    B = np.array([[0.5, 0.0], [0.0, 2.0]])
    total = np.log(A @ B).sum()
    total.backward()
    assert total.data == pytest.approx(math.log(0.5 * 4.0 * 1.5 * 8.0), rel=1e-14)
    assert [v.grad for v in A.ravel()] == pytest.approx([1.0, 0.5, 1 / 3, 0.25], rel=1e-14)


# --- Running Micrograd ------------------------------------------------------------------------


def test_train_mlp_in_scalars() -> None:
    """Theirs: micrograd/cli.py train_mlp --epochs=10 --length=100."""
    out = run("-m", "micrograd", "train-moons", "--epochs=10", "--samples=100", "--interpreter")
    assert "step 0 loss 0.895844" in out
    compiled = run("-m", "micrograd", "train-moons", "--epochs=10", "--samples=100")
    assert "step 0 loss 0.89584" in compiled


# --- Why is Pycrograd faster than Micrograd? --------------------------------------------------


def test_no_recursion_limit() -> None:
    """There, micrograd could not be compared for larger lengths, since backward recursed."""
    x = Value(1.0)
    y = x
    for _ in range(5 * sys.getrecursionlimit()):
        y = y + 1.0
    y.backward()
    y.backprop()
    assert x.grad == 2.0


def test_longer_data_than_micrograd_could_take() -> None:
    random.seed(1)
    model = MLP(2, [4, 1])
    X, y = moons(1000)
    losses = [(1 + -yi * model(x)).relu() for x, yi in zip(X.tolist(), y.tolist(), strict=True)]
    loss = sum(losses) * (1.0 / len(losses))
    loss.backward()
    assert any(p.grad for p in model.parameters())


# --- Sources ----------------------------------------------------------------------------------


def test_softmax_and_cross_entropy_as_the_sources_have_them() -> None:
    logits = [Value(1.0), Value(-2.0), Value(0.5)]
    loss = cross_entropy(logits, 2)
    loss.backward()
    weights = [math.exp(v.data) for v in logits]
    softmax = [w / sum(weights) for w in weights]
    assert loss.data == pytest.approx(-math.log(softmax[2]), rel=1e-14)
    expected = [softmax[0], softmax[1], softmax[2] - 1.0]
    assert [v.grad for v in logits] == pytest.approx(expected, rel=1e-14)
