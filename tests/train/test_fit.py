"""Training in a native loop equals training by the interpreter."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import Value, fit, jit, sqrt, where
from micrograd.errors import TraceError, TrainingError
from micrograd.nn import MLP
from micrograd.optim import SGD, Adam, AdamW, Optimizer, cosine, linear

XS = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
YS = [1.0, -1.0, -1.0, 1.0]

OPTIMIZERS: dict[str, Callable[[list[Value]], Optimizer]] = {
    "sgd": lambda p: SGD(p, lr=0.01),
    "scheduled": lambda p: SGD(p, lr=linear(0.05, 0.01, 20)),
    "momentum": lambda p: SGD(p, lr=0.01, momentum=0.9, weight_decay=1e-3),
    "nesterov": lambda p: SGD(p, lr=0.01, momentum=0.9, nesterov=True),
    "adam": lambda p: Adam(p, lr=cosine(0.02, 0.001, 30, warmup=5)),
    "adamw": lambda p: AdamW(p, lr=0.02),
}


def tiny() -> MLP:
    """The model of the tiny regression."""
    random.seed(3)
    return MLP(3, [4, 4, 1])


def squares(model: MLP) -> Value:
    """Its sum of squared errors."""
    return sum((model(x) - y) ** 2 for x, y in zip(XS, YS, strict=True))


def eager(loss: Callable[[], Value], optimizer: Optimizer, steps: int) -> list[float]:
    """The losses of training by the interpreter."""
    losses = []
    for _ in range(steps):
        total = loss()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        losses.append(total.data)
    return losses


def numbers(model: Any) -> list[float]:
    return [p.data for p in model.parameters()]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_strict_training_is_the_interpreters_bit_for_bit(name: str) -> None:
    one, other = tiny(), tiny()
    optimizer = OPTIMIZERS[name](one.parameters())
    expected = eager(lambda: squares(one), optimizer, 40)
    native = OPTIMIZERS[name](other.parameters())
    kernel = jit(squares(other), wrt=other.parameters(), dtype="f64", strict=True)
    history = fit(kernel, native, steps=40)
    assert history.losses.tolist() == expected
    assert numbers(other) == numbers(one)
    for slot in native.slots:
        assert native.state[slot].tolist() == optimizer.state[slot].tolist()
    assert native.steps == 40


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_agrees_with_the_interpreter(name: str, dtype: str) -> None:
    one, other = tiny(), tiny()
    expected = eager(lambda: squares(one), OPTIMIZERS[name](one.parameters()), 40)
    kernel = jit(squares(other), wrt=other.parameters(), dtype=dtype)
    history = fit(kernel, OPTIMIZERS[name](other.parameters()), steps=40)
    close = 1e-9 if dtype == "f64" else 1e-4
    assert history.losses == pytest.approx(expected, rel=close)
    assert numbers(other) == pytest.approx(numbers(one), rel=close, abs=close)


def test_training_goes_on_where_it_stopped() -> None:
    one, other = tiny(), tiny()
    kernel = jit(squares(one), wrt=one.parameters(), dtype="f64")
    optimizer = Adam(one.parameters())
    first = fit(kernel, optimizer, steps=7)
    second = fit(kernel, optimizer, steps=5)
    whole = fit(
        jit(squares(other), wrt=other.parameters(), dtype="f64"), Adam(other.parameters()), steps=12
    )
    assert [*first.losses, *second.losses] == whole.losses.tolist()
    assert numbers(one) == numbers(other)


def test_parameters_in_several_places() -> None:
    """A subset of the kernel's parameters, in another order, of two stores."""
    a, b = Value(1.0), Value(2.0)
    jit(a * b, wrt=[a, b])()
    c, d = Value(3.0), Value(4.0)
    loss = a * a + 3.0 * b * b + 5.0 * c * c + 7.0 * d * d
    kernel = jit(loss, wrt=[d, a, c, b], dtype="f64")
    fit(kernel, SGD([c, a, d], lr=0.01), steps=1)
    assert [v.data for v in (a, b, c, d)] == [0.98, 2.0, 3.0 - 0.3, 4.0 - 0.56]


def test_history_is_of_the_steps_before_their_updates() -> None:
    w = Value(1.0)
    history = fit(w * w, SGD([w], lr=0.25), steps=3, dtype="f64")
    np.testing.assert_array_equal(history.losses, [1.0, 0.25, 0.0625])
    assert w.data == 0.125


def test_the_tiny_regression() -> None:
    """All 250 steps, of a function that closes over the model."""
    random.seed(1337)
    one = MLP(3, [4, 4, 1])
    random.seed(1337)
    other = MLP(3, [4, 4, 1])
    expected = eager(lambda: squares(one), SGD(one.parameters(), lr=0.01), 250)
    loss = jit(lambda: squares(other), wrt=other.parameters(), dtype="f64", strict=True)
    history = fit(loss, SGD(other.parameters(), lr=0.01), epochs=250)
    assert history.losses.tolist() == expected
    assert numbers(other) == numbers(one)
    assert history.losses[-1] < 0.1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_parameters_that_the_loss_does_not_use_have_the_gradient_zero(name: str) -> None:
    def parameters() -> list[Value]:
        return [Value(0.5), Value(-1.5), Value(2.0), Value(3.0), Value(0.25)]

    def loss(p: list[Value]) -> Value:
        return (p[1] * p[3] - 1.0) ** 2

    one, other = parameters(), parameters()
    expected = eager(lambda: loss(one), OPTIMIZERS[name](one), 20)
    native = OPTIMIZERS[name](other)
    history = fit(loss(other), native, steps=20, dtype="f64", strict=True)
    assert history.losses.tolist() == expected
    assert [p.data for p in other] == [p.data for p in one]


# --- optimisers of one's own ----------------------------------------------------------------------


class RMSprop(Optimizer):
    slots = ("v",)
    rho = 0.9

    def rule(self, p: Any, g: Any, rates: tuple[Any, ...], *state: Any) -> tuple[Any, ...]:
        (lr,) = rates
        v = self.rho * state[0] + (1.0 - self.rho) * g * g
        return p - lr * g / (sqrt(v) + 1e-8), v


def test_an_optimiser_of_ones_own_is_the_interpreters_bit_for_bit() -> None:
    one, other = Value(0.3), Value(0.3)
    expected = eager(lambda: (one - 1.0) ** 2 * one, RMSprop([one], 0.01), 30)
    history = fit(
        (other - 1.0) ** 2 * other, RMSprop([other], 0.01), steps=30, dtype="f64", strict=True
    )
    assert history.losses.tolist() == expected
    assert other.data == one.data


def test_a_choice_in_a_rule_is_compiled() -> None:
    class Clipped(Optimizer):
        def rule(self, p: Any, g: Any, rates: tuple[Any, ...], *state: Any) -> tuple[Any, ...]:
            return (p - rates[0] * where(g > 1.0, 1.0, where(g == 0.0, 0.5, g)),)

    w = Value(10.0)
    fit(w * w, Clipped([w], 0.1), steps=3, dtype="f64")
    assert w.data == pytest.approx(9.7)
    w = Value(0.0)
    fit(w * w, Clipped([w], 1.0), steps=1, dtype="f64")
    assert w.data == -0.5


def test_a_rule_that_needs_numbers_is_refused_not_guessed() -> None:
    """`if` on what is traced was always true, and the rule compiled was another one."""

    def of(rule: Callable[[Any, Any], Any]) -> Optimizer:
        class Own(Optimizer):
            def rule(self, p: Any, g: Any, rates: tuple[Any, ...], *state: Any) -> Any:
                return rule(p, g)

        return Own([w], 0.1)

    w = Value(0.25)
    for bad, message in (
        (lambda p, g: (p - (1.0 if g > 1.0 else g),), "has no truth value"),
        (lambda p, g: (p - max(g, 0.0),), "has no truth value"),
        (lambda p, g: (p if g == 0.0 else p - g,), "has no truth value"),
        (lambda p, g: (p - math.sin(g),), "float"),
    ):
        with pytest.raises(TraceError, match=message):
            fit(w * w, of(bad), steps=1)
    for bad, message in (
        (lambda p, g: p - g, "the rule of Own should give a tuple of 1 numbers, the new parameter"),
        (lambda p, g: (p, g), "should give a tuple of 1 numbers"),
        (lambda p, g: None, "got NoneType None"),
    ):
        with pytest.raises(TrainingError, match=message):
            fit(w * w, of(bad), steps=1)
    assert w.data == 0.25


def test_a_kernel_that_has_no_gradient() -> None:
    a = Value(1.0)
    with pytest.raises(TrainingError, match="parameter 0 of the optimizer is not one that the ker"):
        fit(jit(lambda: a * a, wrt=[]), SGD([a], lr=0.1), steps=1)
    with pytest.raises(TrainingError, match="with respect to what"):
        fit(jit(lambda: a * a), SGD([a], lr=0.1), steps=1)
