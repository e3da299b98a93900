"""Trainings of Tensors that are the same but for numbers are compiled once in a process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, fit
from micrograd.optim import SGD, Adam
from micrograd.train import tensor_programs

X = np.random.default_rng(3).standard_normal((40, 5))


class Net:
    """Two layers, a scale that the loss closes over, and what they are trained to."""

    def __init__(self, seed: int, scale: float = 2.0, dtype: str = "float32") -> None:
        rng = np.random.default_rng(seed)
        shapes = (5, 7), (7,), (7, 1)
        self.parameters = [
            Tensor(rng.standard_normal(s), dtype=dtype, requires_grad=True) for s in shapes
        ]
        self.scale = Tensor(np.full((7,), scale), dtype=dtype)

    def loss(self, x: Tensor) -> Any:
        w, b, v = self.parameters
        return (((x @ w + b).tanh() * self.scale @ v - 1.0) ** 2).mean()

    def trained(self, optimizer: Any, batch: int = 10) -> list[Any]:
        """Two epochs: losses, and the parameters."""
        history = fit(self.loss, optimizer, data=(X,), epochs=2, batch_size=batch)
        return [history.losses, *[p.numpy().copy() for p in self.parameters]]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The steps that are compiled from now on."""
    found: list[Any] = []
    compile = tensor_programs.compile_program

    def noted(*given: Any) -> Any:
        found.append(compile(*given))
        return found[-1]

    monkeypatch.setattr(tensor_programs, "compile_program", noted)
    monkeypatch.setattr(tensor_programs, "_steps", {})
    return found


def test_a_training_of_the_same_form_is_not_compiled_again(made: list[Any]) -> None:
    net = Net(0)
    first = net.trained(SGD(net.parameters, lr=0.1))
    again = Net(0)
    second = again.trained(SGD(again.parameters, lr=0.1))
    for x, y in zip(first, second, strict=True):
        assert np.array_equal(x, y)
    net.trained(SGD(net.parameters, lr=0.3))
    other = Net(1)
    other.trained(SGD(other.parameters, lr=0.1))
    assert len(made) == 1


CHANGES = {
    "batch": lambda: (Net(0), SGD, {"lr": 0.1}, 20),
    "dtype": lambda: (Net(0, dtype="float64"), SGD, {"lr": 0.1}, 10),
    "rule": lambda: (Net(0), Adam, {"lr": 0.1}, 10),
    "setting of the rule": lambda: (Net(0), SGD, {"lr": 0.1, "momentum": 0.5}, 10),
    "number that is closed over": lambda: (Net(0, scale=3.0), SGD, {"lr": 0.1}, 10),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_another_program_is_compiled(
    name: str, made: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = Net(0)
    net.trained(SGD(net.parameters, lr=0.1))
    found = []
    for _ in range(2):
        other, rule, settings, batch = CHANGES[name]()
        found.append(other.trained(rule(other.parameters, **settings), batch))
        monkeypatch.setattr(tensor_programs, "_steps", {})
    assert len(made) == 3
    for x, y in zip(*found, strict=True):
        assert np.array_equal(x, y)


def test_a_few_steps_are_kept(made: list[Any]) -> None:
    net = Net(0)
    optimizer = SGD(net.parameters, lr=0.1)
    for n in range(1, tensor_programs.MOST_STEPS + 3):
        fit(net.loss, optimizer, data=(X[:n],), epochs=1, batch_size=n)
    assert len(made) == tensor_programs.MOST_STEPS + 2
    assert len(tensor_programs._steps) == tensor_programs.MOST_STEPS
    fit(net.loss, optimizer, data=(X[:n],), epochs=1, batch_size=n)
    assert len(made) == tensor_programs.MOST_STEPS + 2
    fit(net.loss, optimizer, data=(X[:1],), epochs=1, batch_size=1)
    assert len(made) == tensor_programs.MOST_STEPS + 3
