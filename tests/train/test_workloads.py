"""fit on the workloads that the project is measured on, against their reference numbers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd import fit, jit
from micrograd.losses import max_margin
from micrograd.optim import SGD, linear

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

moons = pytest.importorskip("moons")
pytest.importorskip("sklearn")

FINAL = {20: 0.011157265534910477, 100: 0.010844917131807, 200: 0.0105952776712746}
"""Of the sweep: the loss at the last of 100 steps, by the float64 interpreter."""


def traced(samples: int, noise: float | None = 0.1) -> tuple[Any, Any, list[Any], Any]:
    X, y = moons.make_data(samples, noise)
    model = moons.make_model()
    total, scores = moons.total_loss(model, X, y)
    return model, total, scores, y


def test_the_demo_reaches_its_reference() -> None:
    model, total, scores, y = traced(100)
    kernel = jit(total, wrt=model.parameters(), dtype="f64")
    history = fit(kernel, SGD(model.parameters(), lr=moons.learning_rate), steps=100)
    expected = [0.8958441028683222, 1.7235905336972022, 0.0109783701354927]
    assert history.losses[[0, 1, 99]] == pytest.approx(expected, abs=1e-9)
    assert moons.accuracy(jit(lambda: scores, dtype="f64")(), y) == 1.0


def test_the_demo_in_float32_classifies_all() -> None:
    model, total, scores, y = traced(100)
    history = fit(total, SGD(model.parameters(), lr=moons.learning_rate), steps=100)
    assert history.losses[99] == pytest.approx(0.0109783701354927, rel=1e-4)
    assert moons.accuracy(jit(lambda: scores)(), y) == 1.0


def test_the_demo_strictly_is_the_interpreters_bit_for_bit() -> None:
    one, _, _, _ = traced(8)
    X, y = moons.make_data(8)
    optimizer = SGD(one.parameters(), lr=moons.learning_rate)
    expected = []
    for _ in range(100):
        total, _ = moons.total_loss(one, X, y)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        expected.append(total.data)
    other, total, _, _ = traced(8)
    schedule = SGD(other.parameters(), lr=moons.learning_rate)
    history = fit(total, schedule, steps=100, dtype="f64", strict=True)
    assert history.losses.tolist() == expected
    assert [p.data for p in other.parameters()] == [p.data for p in one.parameters()]


@pytest.mark.parametrize("samples", FINAL)
def test_the_sweep_reaches_its_final_losses(samples: int) -> None:
    model, total, _, _ = traced(samples, noise=None)
    kernel = jit(total, wrt=model.parameters(), dtype="f64")
    history = fit(kernel, SGD(model.parameters(), lr=moons.learning_rate), steps=100)
    assert history.losses[99] == pytest.approx(FINAL[samples], abs=1e-9)


@pytest.mark.parametrize("samples", FINAL)
@pytest.mark.parametrize("strict", [False, True])
def test_the_sweep_sample_by_sample(samples: int, strict: bool) -> None:
    """The same training from the loss of one sample."""
    X, y = moons.make_data(samples, None)
    model = moons.make_model()
    history = fit(
        model,
        SGD(model.parameters(), lr=linear(1.0, 0.1, 100)),
        data=(X, y),
        loss=max_margin,
        regularization=lambda: 1e-4 * sum(p * p for p in model.parameters()),
        batch_size=samples,
        epochs=100,
        dtype="f64",
        strict=strict,
    )
    assert history.losses[99] == pytest.approx(FINAL[samples], abs=1e-9)
    scores = np.array([model(list(map(float, row))).data for row in X])
    assert (np.sign(scores) == y).all()
