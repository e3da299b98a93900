"""Maxima whose derivative is 0, because a result is the same whatever they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

import micrograd.train
from micrograd import Value, exp, jit, log, maximum, minimum
from micrograd.jit.passes import moved
from micrograd.optim import SGD
from tests.by_values import BITS
from tests.shifted import check

NUMBERS = [0.5, -1.25, 2.0, 1.75, 0.0, -3.0]


def top_of(v: Any) -> Any:
    top = v[0]
    for a in v[1:]:
        top = maximum(top, a)
    return top


def log_sum_exp(v: Any) -> Any:
    top = top_of(v)
    return top + log(sum(exp(a - top) for a in v))


def softmax(v: Any) -> Any:
    top = top_of(v)
    es = [exp(a - top) for a in v]
    total = sum(es)
    return es[0] / total + 3.0 * es[1] / total


def of_rows(v: Any) -> Any:
    return sum(log_sum_exp([a * k for a in v]) for k in (1.0, 0.5, -0.25, 2.0))


def scaled(v: Any) -> Any:
    top = top_of(v)
    return 4.0 * log(sum(exp((a - top) / 4.0) for a in v)) + top


def from_below(v: Any) -> Any:
    top = minimum(*v)
    return log(sum(exp(top - a) for a in v)) - top


def not_added(v: Any) -> Any:
    top = top_of(v)
    return log(sum(exp(a - top) for a in v))


def another_row(v: Any) -> Any:
    tops = [top_of(v[k : k + 2]) for k in range(4)]
    sums = [sum(exp(a - tops[k]) for a in v[k : k + 2]) for k in range(4)]
    return sum(tops[k - 1] * (k + 1.0) + log(sums[k]) for k in range(4))


def once_more(v: Any) -> Any:
    return log_sum_exp(v) + top_of([a * 2.0 for a in v])


def compares(text: str) -> bool:
    return "gt(" in text or "lt(" in text


def agree(f: Callable[..., Any], **options: Any) -> str:
    """The program of value and gradient, after it was compared with `backward`."""
    v = [Value(x) for x in NUMBERS]
    out = f(v)
    out.backward()
    kernel = jit(f, **options).value_and_grad
    value, grad = kernel(NUMBERS)
    np.testing.assert_allclose([value, *grad], [out.data, *(a.grad for a in v)], atol=1e-14)
    return str(kernel.stages()["simplified"])


@pytest.mark.parametrize("f", [log_sum_exp, softmax, of_rows, scaled, from_below])
def test_nothing_flows_through_maxima_that_move_nothing(f: Callable[..., Any]) -> None:
    assert not compares(agree(f))


@pytest.mark.parametrize("f", [not_added, another_row, once_more])
def test_others_have_their_derivatives(f: Callable[..., Any]) -> None:
    assert compares(agree(f))


def test_strict_programs_are_left_as_they_are() -> None:
    assert compares(agree(log_sum_exp, strict=True))


def test_second_derivatives() -> None:
    hessian = jit(log_sum_exp).hessian(NUMBERS)
    e = np.exp(NUMBERS)
    p = e / e.sum()
    np.testing.assert_allclose(hessian, np.diag(p) - np.outer(p, p), atol=1e-15)


def test_ties_have_the_derivative_of_a_softmax() -> None:
    _, grad = jit(log_sum_exp).value_and_grad([1.0, 1.0, 0.0])
    e = np.exp([1.0, 1.0, 0.0])
    np.testing.assert_allclose(grad, e / e.sum(), rtol=1e-15)


def test_in_a_loss_that_is_trained() -> None:
    weights = [Value(0.1 * k - 0.2) for k in range(4)]

    def loss(x: Any, y: Any) -> Any:
        scores = [w * x for w in weights]
        return log_sum_exp(scores) - scores[0] * y

    data = ([0.5, -1.0, 2.0, 0.25], [1.0, 0.0, 1.0, 1.0])
    expected = sum((loss(x, y) for x, y in zip(*data, strict=True)), Value(0.0)) / 4.0
    expected.backward()
    before = [w.data for w in weights]
    micrograd.fit(loss, SGD(weights, lr=0.5), data=data, steps=1, batch_size=4, dtype="f64")
    moved = [(b - w.data) / 0.5 for b, w in zip(before, weights, strict=True)]
    np.testing.assert_allclose(moved, [w.grad for w in weights], atol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_random_functions_have_the_derivatives_of_values(seed: int) -> None:
    check(seed, (BITS[seed % len(BITS)],))


def test_what_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moved, "_plus", lambda x, y: y if x is None else None)
    with pytest.raises(AssertionError):
        check_all(range(30))


def check_all(seeds: Iterable[int]) -> None:
    for seed in seeds:
        check(seed, (256,))
