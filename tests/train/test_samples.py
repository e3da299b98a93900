"""Training from a loss of one sample and data in arrays: the same numbers as the interpreter's."""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from micrograd import Value, fit, fori, jit, tanh
from micrograd.jit.call.recorder import code_of_tapes
from micrograd.losses import cross_entropy, max_margin, squared_error
from micrograd.nn import MLP, Module
from micrograd.optim import SGD, AdamW, Optimizer

ROWS = np.random.default_rng(7).normal(size=(45, 3))
LABELS = np.where(ROWS[:, 0] * ROWS[:, 1] > 0.1, 1.0, -1.0)


def model_of(*sizes: int) -> MLP:
    random.seed(11)
    return MLP(sizes[0], sizes[1:])


def numbers(model: Any) -> list[float]:
    return [p.data for p in model.parameters()]


def mean_loss(
    loss: Callable[[Any, Any], Value], X: Any, y: Any, penalty: Callable[[], Value] | None
) -> Value:
    """The loss of a mini-batch, as one writes it."""
    losses = [loss(list(map(float, row)), float(label)) for row, label in zip(X, y, strict=True)]
    total = sum(losses) * (1.0 / len(losses))
    return total if penalty is None else total + penalty()


def eager(
    loss: Callable[[Any, Any], Value],
    optimizer: Optimizer,
    batches: Sequence[Sequence[int]],
    penalty: Callable[[], Value] | None = None,
    X: Any = ROWS,
    y: Any = LABELS,
) -> list[float]:
    """The losses of training by the interpreter on these samples."""
    found = []
    for batch in batches:
        total = mean_loss(loss, X[list(batch)], y[list(batch)], penalty)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        found.append(total.data)
    return found


def in_order(n: int, size: int, epochs: int) -> list[list[int]]:
    return [list(range(k, min(n, k + size))) for k in range(0, n, size)] * epochs


def splitmix(state: int) -> Iterator[int]:
    """S. Vigna's generator."""
    mask = 2**64 - 1
    while True:
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        yield z ^ z >> 31


def shuffled(n: int, size: int, epochs: int, seed: int) -> list[list[int]]:
    """The batches of a training that shuffles."""
    random = splitmix(seed)
    found = []
    for _ in range(epochs):
        order = list(range(n))
        for last in range(n - 1, -1, -1):
            j = next(random) * (last + 1) >> 64
            order[last], order[j] = order[j], order[last]
        found += [order[k : k + size] for k in range(0, n, size)]
    return found


@pytest.mark.parametrize("size", [1, 7, 16, 45])
@pytest.mark.parametrize("regularized", [False, True])
def test_strict_training_is_the_interpreters_bit_for_bit(size: int, regularized: bool) -> None:
    one, other = model_of(3, 4, 1), model_of(3, 4, 1)

    def penalty(model: MLP) -> Callable[[], Value] | None:
        if not regularized:
            return None
        return lambda: 1e-3 * sum(p * p for p in model.parameters())

    expected = eager(
        lambda x, y: max_margin(one(x), y),
        SGD(one.parameters(), lr=0.1, momentum=0.5),
        in_order(45, size, 2),
        penalty(one),
    )
    history = fit(
        other,
        SGD(other.parameters(), lr=0.1, momentum=0.5),
        data=(ROWS, LABELS),
        loss=max_margin,
        batch_size=size,
        epochs=2,
        shuffle=False,
        regularization=penalty(other),
        dtype="f64",
        strict=True,
    )
    assert history.losses.tolist() == expected
    assert numbers(one) == numbers(other)


@pytest.mark.parametrize("sizes", [(3, 1), (3, 4, 1), (3, 16, 16, 1), (3, 5, 7, 3, 1)], ids=str)
@pytest.mark.parametrize("size", [1, 13, 32, 45])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_training_agrees_with_the_interpreter(
    sizes: tuple[int, ...], size: int, dtype: str
) -> None:
    one, other = model_of(*sizes), model_of(*sizes)

    def penalty(model: MLP) -> Value:
        return 1e-3 * sum(p * p for p in model.parameters())

    expected = eager(
        lambda x, y: max_margin(one(x), y),
        SGD(one.parameters(), lr=0.05),
        shuffled(45, size, 2, seed=5),
        lambda: penalty(one),
    )
    history = fit(
        other,
        SGD(other.parameters(), lr=0.05),
        data=(ROWS, LABELS),
        loss=max_margin,
        batch_size=size,
        epochs=2,
        seed=5,
        regularization=penalty(other),
        dtype=dtype,
    )
    close = 1e-9 if dtype == "f64" else 2e-4
    assert history.losses == pytest.approx(expected, rel=close, abs=close)
    assert numbers(other) == pytest.approx(numbers(one), rel=close, abs=close)


class Tanh(Module):
    """An MLP with tanh between the layers."""

    def __init__(self, *sizes: int) -> None:
        self.layers = [MLP(a, [b]) for a, b in itertools.pairwise(sizes)]

    def __call__(self, x: Any) -> Any:
        for layer in self.layers[:-1]:
            x = [tanh(v) for v in layer(x)]
        return self.layers[-1](x)

    def parameters(self) -> list[Value]:
        return [p for layer in self.layers for p in layer.parameters()]


def yin_yang(n: int) -> tuple[Any, Any]:
    """Points in a disc, and which of three classes they are of."""
    rng = np.random.default_rng(3)
    radius, angle = np.sqrt(rng.random(n)), 2 * np.pi * rng.random(n)
    X = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    upper, lower = np.hypot(X[:, 0] - 0.5, X[:, 1]), np.hypot(X[:, 0] + 0.5, X[:, 1])
    dots = (upper < 0.2) | (lower < 0.2)
    yin = np.where(X[:, 1] > 0, lower < 0.5, upper >= 0.5)
    return X, np.where(dots, 2, yin).astype(np.float64)


@pytest.mark.parametrize("strict", [False, True])
def test_yin_yang_with_tanh_cross_entropy_and_adamw(strict: bool) -> None:
    X, y = yin_yang(60)
    random.seed(1)
    one = Tanh(2, 8, 3)
    random.seed(1)
    other = Tanh(2, 8, 3)
    expected = eager(
        lambda x, label: cross_entropy(one(x), int(label)),
        AdamW(one.parameters(), lr=0.05),
        in_order(60, 20, 10),
        X=X,
        y=y,
    )
    history = fit(
        other,
        AdamW(other.parameters(), lr=0.05),
        data=(X, y),
        loss=cross_entropy,
        batch_size=20,
        epochs=10,
        shuffle=False,
        dtype="f64",
        strict=strict,
    )
    assert history.losses == pytest.approx(expected, rel=1e-9)
    assert numbers(other) == pytest.approx(numbers(one), rel=1e-9, abs=1e-9)
    assert history.losses[-1] < 0.8 * history.losses[0]


def test_several_outputs_and_targets() -> None:
    one, other = model_of(2, 4, 3), model_of(2, 4, 3)
    X, Y = ROWS[:, :2], ROWS @ np.arange(9).reshape(3, 3) / 10
    optimizer = SGD(one.parameters(), lr=0.01)
    expected = []
    for k in range(0, 45, 9):
        rows = zip(X[k : k + 9].tolist(), Y[k : k + 9].tolist(), strict=True)
        total = sum(squared_error(one(x), y) for x, y in rows) * (1 / 9)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        expected.append(total.data)
    history = fit(
        other,
        SGD(other.parameters(), lr=0.01),
        data=(X, Y),
        loss=squared_error,
        batch_size=9,
        epochs=1,
        shuffle=False,
        dtype="f64",
    )
    assert history.losses == pytest.approx(expected, rel=1e-9)


def line(n: int) -> tuple[Any, Any, Any]:
    x = np.linspace(-1, 1, n)
    return x, 3 * x + 1 + 0.1 * np.sin(50 * x), np.cos(9 * x)


@pytest.mark.parametrize("n", [1000, 976, 977, 40_000])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_large_batches_are_means_over_blocks(n: int, dtype: str) -> None:
    x, y, _ = line(n)
    w, b = Value(0.5), Value(0.25)
    history = fit(
        lambda x, y: (w * x + b - y) ** 2,
        SGD([w, b], lr=0.1),
        data=(x, y),
        batch_size=n,
        epochs=3,
        dtype=dtype,
    )
    p = np.array([0.5, 0.25])
    for loss in history.losses:
        error = p[0] * x + p[1] - y
        assert loss == pytest.approx(np.mean(error**2), rel=1e-9 if dtype == "f64" else 1e-5)
        p -= 0.1 * np.array([np.mean(2 * error * x), np.mean(2 * error)])
    assert [w.data, b.data] == pytest.approx(p, rel=1e-9 if dtype == "f64" else 1e-5)


@pytest.mark.parametrize("samples", [1, 976, 977, 1500, 2900, 20_000])
@pytest.mark.parametrize("batch", [1000, 1952, 3000, 20_000])
def test_threads_do_not_change_the_result(batch: int, samples: int) -> None:
    """Nor does it when the last batch of an epoch has fewer blocks than there are threads."""
    x, y, z = line(samples)
    found = []
    for threads in (1, 2, 3):
        w = [Value(0.1 * k) for k in range(4)]
        history = fit(
            lambda x, y, z, w=w: (w[0] * x + tanh(w[1] * z) + w[2] * x * z + w[3] - y) ** 2,
            SGD(w, lr=0.1),
            data=(x, y, z),
            batch_size=min(batch, samples),
            epochs=3,
            threads=threads,
        )
        found.append((history.losses.tolist(), [v.data for v in w]))
    assert found[0] == found[1] == found[2]


def test_accumulated_batches_are_one_larger_batch() -> None:
    losses = []
    for size, accumulate in ((15, 2), (30, 1)):
        model = model_of(3, 4, 1)
        losses.append(
            fit(
                model,
                SGD(model.parameters(), lr=0.1),
                data=(ROWS, LABELS),
                loss=max_margin,
                batch_size=size,
                accumulate=accumulate,
                epochs=3,
            ).losses.tolist()
        )
    assert losses[0] == losses[1]
    assert len(losses[0]) == 6


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int8, bool, np.float16])
def test_data_of_any_type_and_layout(dtype: Any) -> None:
    X = np.asfortranarray((ROWS > 0).astype(dtype))
    losses = []
    for given in (X, X.astype(np.float64).copy(), X.astype(int).tolist()):
        model = model_of(3, 4, 1)
        losses.append(
            fit(
                model,
                SGD(model.parameters(), lr=0.1),
                data=(given, LABELS),
                loss=max_margin,
                epochs=2,
            ).losses.tolist()
        )
    assert losses[0] == losses[1] == losses[2]


def test_rows_of_images_are_arrays() -> None:
    images = np.random.default_rng(0).normal(size=(20, 2, 3))
    w = [[Value(0.1), Value(0.2), Value(0.3)], [Value(0.0), Value(0.0), Value(0.1)]]
    flat = [v for row in w for v in row]

    def loss(image: Any) -> Value:
        assert image.shape == (2, 3)
        return sum(w[i][j] * image[i, j] for i in range(2) for j in range(3)) ** 2

    history = fit(loss, SGD(flat, lr=0.1), data=images, batch_size=20, epochs=1, dtype="f64")
    dots = images.reshape(20, 6) @ [0.1, 0.2, 0.3, 0.0, 0.0, 0.1]
    assert history.losses[0] == pytest.approx(np.mean(dots**2))


def test_a_recurrence_is_trained_sample_by_sample() -> None:
    """Steps in time run in turn, which has no form with a dimension of samples."""
    a, b = Value(0.9), Value(0.3)

    def loss(x: Any, y: Any) -> Value:
        for _ in range(80):
            x = a * x + b * tanh(x)
        return (x - y) ** 2

    def reference(p: float, q: float) -> float:
        x = start.copy()
        for _ in range(80):
            x = p * x + q * np.tanh(x)
        return float(np.mean((x - goal) ** 2))

    start, goal = np.linspace(0.1, 1.0, 10), np.linspace(1.0, 2.0, 10)
    history = fit(
        loss, SGD([a, b], lr=1e-4), data=(start, goal), batch_size=10, epochs=2, dtype="f64"
    )
    assert history.losses[0] == pytest.approx(reference(0.9, 0.3), rel=1e-9)
    h = 1e-6
    slope = (reference(0.9 + h, 0.3) - reference(0.9 - h, 0.3)) / (2 * h)
    first = fit(loss, SGD([a, b], lr=0.0), data=(start, goal), batch_size=10, epochs=1, dtype="f64")
    assert first.losses[0] == pytest.approx(reference(a.data, b.data), rel=1e-9)
    assert history.losses[1] == pytest.approx(
        reference(0.9 - 1e-4 * slope, 0.3 - 1e-4 * _slope(reference, 0.9, 0.3)), rel=1e-6
    )


def _slope(f: Callable[[float, float], float], p: float, q: float) -> float:
    h = 1e-6
    return (f(p, q + h) - f(p, q - h)) / (2 * h)


def test_losses_that_differ_in_their_loops_alone_are_told_apart() -> None:
    p = Value(0.5)
    optimizer = SGD([p], lr=0.0)
    for n, expected in ((3, 0.125 + 0.25 + 0.5 + 1.0), (5, 0.03125 + 1.9375)):

        def loss(x: Any, n: int = n) -> Any:
            return fori(n, lambda i, s: s * p + x[0], 1.0)

        history = fit(loss, optimizer, data=([[1.0]],), steps=1)
        assert history.losses[0] == expected


def test_another_batch_size_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does other data of this shape; another number in the loss does."""
    net, scale = model_of(3, 4, 1), 1.0
    optimizer = SGD(net.parameters(), lr=0.01)

    def loss(x: Any, y: Any) -> Value:
        return max_margin(net(x), y) * scale

    fit(loss, optimizer, data=(ROWS, LABELS), batch_size=7, epochs=1)
    # what records and computes Values by code is compiled when there are many, which may be now
    code_of_tapes()
    monkeypatch.setattr("micrograd.engine.NEXT", [sys.maxsize])

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("compiled")

    monkeypatch.setattr("lowering.compile", refuse)
    fit(loss, optimizer, data=(ROWS, LABELS), batch_size=8, epochs=2)
    fit(loss, optimizer, data=(ROWS[:30], LABELS[:30]), batch_size=29, epochs=2)
    scale = 2.0
    with pytest.raises(AssertionError, match="compiled"):
        fit(loss, optimizer, data=(ROWS, LABELS), batch_size=7, epochs=1)


def test_a_jitted_function_is_trained_with_its_options() -> None:
    w = Value(0.5)
    square = jit(lambda x, y: (w * x - y) ** 2, dtype="f64")
    x = np.arange(1.0, 4.0)
    history = fit(square, SGD([w], lr=0.01), data=(x, 2 * x), batch_size=3, epochs=1)
    assert history.losses[0] == pytest.approx(np.mean((1.5 * x) ** 2), rel=1e-15)
