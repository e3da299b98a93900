"""Epochs that do not divide into batches: one step for batches of any size, or one for each."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, Value, fit
from micrograd.losses import cross_entropy, squared_error
from micrograd.optim import SGD, Adam, Optimizer

from .test_samples import in_order, shuffled
from .test_tensor_fit import Net, eager

STEPS = import_module("micrograd.train.tensor_steps")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The steps that are made."""
    steps: list[Any] = []
    begin = STEPS.TensorStep

    def noted(*args: Any) -> Any:
        steps.append(begin(*args))
        return steps[-1]

    monkeypatch.setattr(STEPS, "TensorStep", noted)
    return steps


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_a_smaller_last_batch_runs_the_same_step(seed: int, made: list[Any]) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 60))
    n = size * int(rng.integers(1, 3)) + int(rng.integers(1, size))
    x, y = rng.normal(size=(n, 3)), rng.integers(0, 4, n)
    sizes = [3, int(rng.integers(1, 70)), 4]
    one, other = (Net(sizes, "float64", seed, "relu") for _ in range(2))
    make: Callable[[Any], Optimizer] = [SGD, Adam][seed % 2]
    shuffle = bool(rng.integers(2))
    batches = shuffled(n, size, 2, 5) if shuffle else in_order(n, size, 2)
    losses = eager(one, make(one.parameters()), x, y, batches)
    options: dict[str, Any] = {"epochs": 2, "batch_size": size, "shuffle": shuffle, "seed": 5}
    history = fit(other.loss, make(other.parameters()), data=(x, y), **options)
    close(history.losses, losses)
    for p, q in zip(one.parameters(), other.parameters(), strict=True):
        close(q.numpy(), p.numpy())
    assert len(made) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", [cross_entropy, squared_error])
def test_strictly_both_ways_give_the_same_numbers(
    loss: Any, dtype: str, made: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(23, 5)).astype(dtype)
    y = rng.integers(0, 3, 23) if loss is cross_entropy else rng.normal(size=(23, 3)).astype(dtype)

    def trained() -> list[Any]:
        net = Net([5, 8, 3], dtype, 0, "relu")
        optimizer = SGD(net.parameters(), lr=0.05, momentum=0.9)
        options: dict[str, Any] = {"epochs": 2, "batch_size": 10, "strict": True}
        history = fit(net, optimizer, data=(x, y), loss=loss, **options)
        return [history.losses, *(p.numpy() for p in net.parameters())]

    found = trained()
    assert len(made) == 1
    traced = STEPS.traced_loss

    def refused(*args: Any, any_size: bool = False) -> Any:
        if any_size:
            raise ValueError("not for any size")
        return traced(*args)

    monkeypatch.setattr(STEPS, "traced_loss", refused)
    for a, b in zip(found, trained(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(made) == 3


@pytest.mark.parametrize(
    "scale",
    [
        lambda n: 1.0 if n % 2 else 2.0,
        lambda n: 1.0 / (n - 3),
        lambda n: 2.0 if n == 4 else 1.0,
        lambda n: float(min(n, 9)),
    ],
)
def test_a_loss_that_depends_on_the_size_otherwise_has_a_step_for_each(
    scale: Callable[[int], float], made: list[Any]
) -> None:
    rows = np.random.default_rng(2).normal(size=(14, 2))

    def loss(w: Tensor, x: Tensor) -> Tensor:
        return (w * x).tanh().sum() * scale(x.shape[0])

    v, w = (Tensor([0.5, -1.5], "f64", requires_grad=True) for _ in range(2))
    one = SGD([v], lr=0.01)
    losses = []
    for batch in in_order(14, 5, 2):
        value = loss(v, Tensor(rows[batch], "f64"))
        one.zero_grad()
        value.backward()
        one.step()
        losses.append(value.item())
    options: dict[str, Any] = {"epochs": 2, "batch_size": 5, "shuffle": False}
    history = fit(lambda x: loss(w, x), SGD([w], lr=0.01), data=(rows,), **options)
    close(history.losses, losses)
    close(w.numpy(), v.numpy())
    assert [s.loss.program.arrays["x0"].shape[0] for s in made] == [5, 4]


def test_the_number_of_samples_is_a_number_of_the_step(made: list[Any]) -> None:
    rows = np.random.default_rng(2).normal(size=(7, 2))
    w = Tensor([0.5, -1.5], "f64", requires_grad=True)

    def loss(x: Tensor) -> Tensor:
        return (w * x).sum() / (2.0 * x.shape[0] + x.size)

    options: dict[str, Any] = {"epochs": 1, "batch_size": 3, "shuffle": False}
    history = fit(loss, SGD([w], lr=0.0), data=(rows,), **options)
    expected = [
        (w.data * part).sum() / (4.0 * len(part)) for part in (rows[:3], rows[3:6], rows[6:])
    ]
    close(history.losses, expected)
    assert len(made) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_more_than_there_are_samples_are_all_of_them(dtype: str) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(7, 3)).astype(dtype), rng.integers(0, 4, 7)

    def trained(size: int) -> list[Any]:
        net = Net([3, 5, 4], dtype, 0, "relu")
        history = fit(net.loss, SGD(net.parameters()), data=(x, y), epochs=3, batch_size=size)
        assert history.steps == 3
        return [p.numpy() for p in net.parameters()]

    for p, q in zip(trained(1000), trained(7), strict=True):
        np.testing.assert_array_equal(p, q)


def test_more_than_there_are_samples_of_values_are_all_of_them() -> None:
    def trained(size: int, accumulate: int = 1) -> float:
        w = Value(0.5)
        data = np.arange(7.0)
        fit(
            lambda x: (w * x - x) ** 2,
            SGD([w], lr=0.01),
            data=data,
            epochs=3,
            batch_size=size,
            accumulate=accumulate,
        )
        return w.data

    assert trained(1000) == trained(7) == trained(5, accumulate=4)
