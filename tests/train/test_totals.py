"""Optimisers whose rules take sums over all parameters, and clipping: eager and native, the same
numbers; against PyTorch's formulas, written out.
"""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from micrograd import Value, fit, jit, ops, sqrt
from micrograd.errors import TrainingError
from micrograd.optim import SGD, Adam, AdamW, Optimizer
from micrograd.train.rules import MOST

from .test_fit import eager, numbers, squares, tiny


class Normalized(Optimizer):
    """Steps of a length that is `lr` times the norm of the parameters, along the velocity."""

    slots = ("velocity",)

    def totals(self, p: Any, g: Any, rates: tuple[Any, ...], *state: Any) -> tuple[Any, ...]:
        v = 0.5 * state[0] + g
        return p * p, v * v

    def rule(self, p: Any, g: Any, rates: tuple[Any, ...], *state: Any) -> tuple[Any, ...]:
        velocity, own, moved = state
        v = 0.5 * velocity + g
        return p - rates[0] * sqrt(own) * ops.div(v, sqrt(moved) + 1e-12), v


class Counted(Optimizer):
    """Terms need not depend on the parameter: the mean of the gradient is taken from it."""

    def totals(self, p: Any, g: Any, rates: tuple[Any, ...], *state: Any) -> tuple[Any, ...]:
        return 1.0, g

    def rule(self, p: Any, g: Any, rates: tuple[Any, ...], *state: Any) -> tuple[Any, ...]:
        count, total = state
        return (p - rates[0] * (g - ops.div(total, count)),)


class Swapping(Optimizer):
    """State is set to what was set before."""

    slots = ("a", "b")

    def rule(self, p: Any, g: Any, rates: tuple[Any, ...], *state: Any) -> tuple[Any, ...]:
        a, b = state
        return 0.9 * b - rates[0] * g, p, a


MADE = {
    "normalized": lambda p: Normalized(p, 0.01),
    "counted": lambda p: Counted(p, 0.01),
    "swapping": lambda p: Swapping(p, 0.01),
    "clipped": lambda p: SGD(p, lr=0.05, clip_norm=1.5),
    "clipped velocity": lambda p: SGD(p, lr=0.01, momentum=0.9, weight_decay=1e-3, clip_norm=2.0),
    "clipped adam": lambda p: Adam(p, lr=0.02, clip_norm=0.1),
    "clipped adamw": lambda p: AdamW(p, lr=0.02, clip_norm=10.0),
    "clipped and normalized": lambda p: Normalized(p, 0.01, clip_norm=3.0),
}


@pytest.mark.parametrize("name", MADE)
def test_strict_training_is_the_interpreters_bit_for_bit(name: str) -> None:
    one, other = tiny(), tiny()
    optimizer = MADE[name](one.parameters())
    expected = eager(lambda: squares(one), optimizer, 30)
    assert all(map(math.isfinite, expected))
    native = MADE[name](other.parameters())
    kernel = jit(squares(other), wrt=other.parameters(), dtype="f64", strict=True)
    assert fit(kernel, native, steps=30).losses.tolist() == expected
    assert numbers(other) == numbers(one)
    for slot in native.slots:
        assert native.state[slot].tolist() == optimizer.state[slot].tolist()


def clipped(g: Any, most: float) -> Any:
    """torch.nn.utils.clip_grad_norm_ with its defaults."""
    norm = np.sqrt((g * g).sum())
    with np.errstate(invalid="ignore"):
        return g * np.minimum(most / (norm + 1e-6), 1.0)


@pytest.mark.parametrize("strict", [False, True])
def test_clipping_is_pytorchs(strict: bool) -> None:
    """Where the norm is larger, and where it is not."""
    start = np.array([3.0, -2.0, 0.5, 0.0])
    scale = np.array([1.0, 2.0, 4.0, 8.0])
    for most in (0.7, 8.5, 1e9):
        ours = [Value(x) for x in start]
        loss = sum(0.5 * s * w * w for s, w in zip(scale, ours, strict=True))
        optimizer = SGD(ours, lr=0.1, momentum=0.9, clip_norm=most)
        fit(loss, optimizer, steps=12, dtype="f64", strict=strict)
        p, v = start.copy(), np.zeros(4)
        for _ in range(12):
            v = 0.9 * v + clipped(scale * p, most)
            p = p - 0.1 * v
        assert [w.data for w in ours] == pytest.approx(p.tolist(), rel=1e-12)


def test_what_is_not_clipped_is_not_changed() -> None:
    one, other = tiny(), tiny()
    for model, most in ((one, None), (other, 1e9)):
        optimizer = Adam(model.parameters(), clip_norm=most)
        fit(squares(model), optimizer, steps=5, dtype="f64")
    assert numbers(one) == numbers(other)


@pytest.mark.parametrize("gradient", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_is_clipped_as_pytorch_does(gradient: float) -> None:
    """inf: the others are scaled by 0; nan: there is no norm."""
    optimizer = SGD([Value(1.0), Value(2.0)], lr=1.0, clip_norm=1.0)
    for p, g in zip(optimizer.parameters, (gradient, 1.0), strict=True):
        p.grad = g
    optimizer.step()
    expected = np.array([1.0, 2.0]) - clipped(np.array([gradient, 1.0]), 1.0)
    assert np.array_equal([p.data for p in optimizer.parameters], expected, equal_nan=True)
    assert math.isnan(optimizer.parameters[0].data)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("batch", [7, 600, 2500])
def test_batches_of_several_blocks(batch: int, dtype: str, threads: int) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2500, 3)), rng.normal(size=2500)
    w = [Value(0.5), Value(-1.0), Value(2.0)]

    def loss(x: Any, y: Any) -> Value:
        return (w[0] * x[0] + w[1] * x[1] + w[2] * x[2] - y) ** 2

    fit(loss, SGD(w, lr=0.1, clip_norm=0.5), data=(x, y), steps=4, batch_size=batch,
        shuffle=False, dtype=dtype, threads=threads)  # fmt: skip
    p, start = np.array([0.5, -1.0, 2.0]), 0
    for _ in range(4):
        rows, labels = x[start : start + batch], y[start : start + batch]
        g = 2.0 * ((rows @ p - labels)[:, None] * rows).mean(axis=0)
        assert np.sqrt((g * g).sum()) > 0.5
        p = p - 0.1 * clipped(g, 0.5)
        start = (start + batch) % 2500
    close = 1e-12 if dtype == "f64" else 1e-5
    assert [v.data for v in w] == pytest.approx(p.tolist(), rel=close)


def test_more_parameters_than_one_call_takes_in_several_places() -> None:
    """Sums go on from run to run, in the order of the parameters."""
    count = 2 * MOST + 100

    def trained(native: bool) -> list[float]:
        rng = random.Random(1)
        ws = [Value(rng.uniform(-1, 1)) for _ in range(count)]
        loss = sum((w - 0.3) * (w * k) for k, w in enumerate(ws[: MOST + 50]))
        optimizer = SGD([*ws[MOST:], *ws[:MOST]], lr=1e-3, clip_norm=1.0)
        if native:
            fit(loss, optimizer, steps=2, dtype="f64", strict=True)
        else:
            for _ in range(2):
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                loss = sum((w - 0.3) * (w * k) for k, w in enumerate(ws[: MOST + 50]))
        return [w.data for w in ws]

    assert trained(native=True) == trained(native=False)


def test_clipping_may_be_changed_between_steps() -> None:
    one, other = [Value(3.0)], [Value(3.0)]
    optimizer = SGD(one, lr=0.1, clip_norm=1.0)

    def change(history: Any) -> None:
        optimizer.clip_norm = None if history.steps >= 2 else 1.0

    fit(one[0] ** 2, optimizer, steps=4, dtype="f64", every=1, callback=change)
    eager_one = SGD(other, lr=0.1, clip_norm=1.0)
    for k in range(4):
        eager_one.clip_norm = None if k >= 2 else 1.0
        eager(lambda: other[0] ** 2, eager_one, 1)
    assert one[0].data == pytest.approx(other[0].data, rel=1e-12)
    assert one[0].data == pytest.approx((3.0 - 0.2) * 0.8 * 0.8, rel=1e-5)


def test_python_sum_is_not_what_sums_are_by() -> None:
    """It compensates from Python 3.12 on: the terms are added one after the other."""
    optimizer = Counted([Value(0.0) for _ in range(3)], lr=1.0)
    for p, g in zip(optimizer.parameters, (1e16, 1.0, -1e16), strict=True):
        p.grad = g
    optimizer.step()
    assert optimizer.parameters[1].data == -(1.0 - 0.0 / 3.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (0.0, "clip_norm should be more than 0; None leaves gradients as they are"),
        (-1.0, "clip_norm should be a finite number, 0 or more, got float -1.0"),
        (math.inf, "clip_norm should be a finite number"),
        ("1", "clip_norm should be a finite number, 0 or more, got str '1'"),
    ],
)
def test_norms_that_nothing_can_be_clipped_to(given: Any, message: str) -> None:
    for kind in (SGD, Adam, AdamW):
        with pytest.raises(TrainingError, match=message):
            kind([Value(0.0)], clip_norm=given)


def test_totals_that_are_no_tuple() -> None:
    class Wrong(Optimizer):
        def totals(self, p: Any, g: Any, rates: tuple[Any, ...], *state: Any) -> Any:
            return p * p

    message = "totals of Wrong should give a tuple of numbers, one for each sum, got "
    w = Value(1.0)
    with pytest.raises(TrainingError, match=message):
        Wrong([w], lr=0.1).step()
    with pytest.raises(TrainingError, match=message):
        fit(w * w, Wrong([w], lr=0.1), steps=1)
