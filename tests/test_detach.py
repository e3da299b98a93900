"""Numbers through which no gradient flows: `detach`, and `.data` in functions that are compiled."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import Value, detach, exp, jit, log, maximum
from micrograd.errors import TraceError
from micrograd.nn import MLP
from micrograd.optim import SGD


@pytest.fixture(autouse=True)
def seeded() -> None:
    random.seed(7)


def softmax_loss(logits: Any) -> Any:
    """The usual softmax that subtracts its largest number, read as data."""
    top = logits[0].data
    for v in logits[1:]:
        top = maximum(top, v.data)
    terms = [exp(v - top) for v in logits]
    return -log(terms[0] / sum(terms))


def test_detach_is_the_number_without_gradient() -> None:
    x = Value(3.0)
    y = x * detach(x)
    y.backward()
    assert (y.data, x.grad) == (9.0, 3.0)
    assert detach(2.5) == 2.5
    assert x.detach().data == 3.0  # type: ignore[attr-defined]


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("read", [lambda x: x.data, detach], ids=["data", "detach"])
def test_every_derivative_of_what_is_detached(read: Callable[[Any], Any], strict: bool) -> None:
    """d/dx of x^2 [y] + y is 2 x y, and so on: [y] has no derivative."""
    f = jit(lambda x, y: x * x * read(y) + y, dtype="f64", strict=strict)
    assert f(3.0, 5.0) == 50.0
    assert f.value_and_grad(3.0, 5.0) == (50.0, (30.0, 1.0))
    assert f.hessian(3.0, 5.0) == ((10.0, 0.0), (0.0, 0.0))
    assert f.jvp(3.0, 5.0, 1.0, 10.0) == (50.0, 40.0)
    assert f.hvp(3.0, 5.0, 1.0, 10.0) == (10.0, 0.0)
    assert f.vjp(3.0, 5.0, 2.0) == (100.0 / 2.0, (60.0, 2.0))
    np.testing.assert_array_equal(f(np.array([3.0, 1.0]), 5.0), [50.0, 10.0])


def test_softmax_that_reads_data() -> None:
    kernel = jit(softmax_loss, dtype="f64")
    for numbers in ([1.0, 2.0, 3.0], [1000.0, -1000.0, 0.0], [780.0, 800.0, 801.0]):
        values = [Value(x) for x in numbers]
        loss = softmax_loss(values)
        loss.backward()
        value, partials = kernel.value_and_grad(numbers)
        assert value == pytest.approx(loss.data, rel=1e-14)
        assert partials == pytest.approx([v.grad for v in values], rel=1e-14, abs=1e-300)


def test_data_of_a_closed_over_value_is_live() -> None:
    w = Value(2.0)
    total = w * 3.0

    def f(x: Any) -> Any:
        return x * w.data + w * x + total.data

    kernel = jit(f, dtype="f64", wrt=[w])
    assert kernel.value_and_grad(5.0) == (26.0, (5.0,))
    w.data = 10.0
    assert kernel.value_and_grad(5.0) == (130.0, (5.0,))
    assert w.data == 10.0
    assert isinstance(w.data, float)


def test_frozen_data_is_a_number() -> None:
    w = Value(2.0)
    kernel = jit(lambda x: x * w if w.data > 1.0 else x, dtype="f64", freeze=True)
    assert kernel(3.0) == 6.0


def test_data_that_is_not_known_chooses_nothing() -> None:
    w = Value(2.0)
    with pytest.raises(TraceError, match="has no truth value"):
        jit(lambda x: x * w if w.data > 1.0 else x)(3.0)
    assert w.data == 2.0  # tracing is over


def test_data_in_a_loss_of_samples() -> None:
    w = Value(1.0)

    def loss(x: Any, y: Any) -> Any:
        return (w * x - y) ** 2 / (1.0 + w.data * w.data)

    from micrograd import fit

    data = np.array([1.0, 2.0]), np.array([3.0, 5.0])
    fit(loss, SGD([w], lr=0.1), data=data, steps=3, batch_size=2, dtype="f64")
    v = Value(1.0)
    optimizer = SGD([v], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        terms = [(v * x - y) ** 2 / (1.0 + v.data * v.data) for x, y in zip(*data, strict=True)]
        (sum(terms) / 2.0).backward()
        optimizer.step()
    assert w.data == pytest.approx(v.data, rel=1e-14)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies_in_a_compiled_function_are_as_in_the_interpreter(
    copied: Callable[[Any], Any],
) -> None:
    w = Value(2.0)

    def f(x: Any) -> Any:
        y = x * x
        return copied(x) * x + copied(y) + copied(w) * w

    for number in (2.0, 7.0):
        w.data = number
        x = Value(3.0)
        w.grad = 0
        out = f(x)
        out.backward()
        kernel = jit(f, dtype="f64")
        assert kernel.value_and_grad(3.0) == (out.data, x.grad)
        by_w = jit(f, dtype="f64", wrt=[w])
        assert by_w.grad(3.0) == (w.grad,)


def test_a_model_copied_in_a_compiled_function_is_live() -> None:
    model = MLP(2, [3, 1])
    kernel = jit(lambda x, y: copy.deepcopy(model)([x, y]), dtype="f64")
    for _ in range(2):
        assert kernel(1.0, 2.0) == pytest.approx(model([1.0, 2.0]).data, rel=1e-14)
        for p in model.parameters():
            p.data = p.data + 0.5


def test_a_traced_value_is_not_pickled() -> None:
    with pytest.raises(TraceError, match="cannot be pickled"):
        jit(lambda x: pickle.loads(pickle.dumps(x)))(3.0)
