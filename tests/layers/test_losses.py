"""Losses of Tensors are the means of those of Values, and refuse the same labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, jit, losses
from micrograd.errors import MicrogradError

RNG = np.random.default_rng(11)
CASES: list[tuple[Any, Any, Any]] = [
    (losses.max_margin, RNG.normal(size=9) * 2, RNG.choice([-1, 1], 9)),
    (losses.squared_error, RNG.normal(size=9), RNG.normal(size=9)),
    (losses.squared_error, RNG.normal(size=(9, 3)), RNG.normal(size=(9, 3))),
    (losses.binary_cross_entropy, RNG.normal(size=9) * 30, RNG.integers(0, 2, 9)),
    (losses.binary_cross_entropy, RNG.normal(size=9), RNG.uniform(size=9)),
    (losses.cross_entropy, RNG.normal(size=(9, 4)) * 20, RNG.integers(0, 4, 9)),
    (losses.cross_entropy, RNG.normal(size=(9, 4)), RNG.dirichlet(np.ones(4), 9)),
]


@pytest.mark.parametrize(("loss", "outputs", "y"), CASES)
def test_is_the_mean_of_the_scalar_losses(loss: Any, outputs: Any, y: Any) -> None:
    def plain(x: Any) -> Any:
        return x.tolist() if isinstance(x, np.ndarray) else x

    expected = np.mean([float(loss(plain(o), plain(t))) for o, t in zip(outputs, y, strict=True)])
    given = Tensor(outputs, "f64", requires_grad=True)
    value = loss(given, y)
    np.testing.assert_allclose(value.item(), expected, rtol=1e-12)
    value.backward()
    labels = Tensor(y) if y.dtype.kind == "i" else Tensor(y, "f64")
    kernel = jit(lambda o, t: loss(o, t), wrt="o")
    compiled, partial = kernel.value_and_grad(given, labels)
    np.testing.assert_allclose(compiled.item(), expected, rtol=1e-12)
    np.testing.assert_allclose(partial.numpy(), given.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_classes_that_cannot_be_have_no_part() -> None:
    logits = Tensor([[1.0, -np.inf, 2.0]], "f64")
    expected = np.log1p(np.exp(-1.0))
    assert losses.cross_entropy(logits, np.array([2])).item() == pytest.approx(expected)
    assert losses.cross_entropy(logits, np.array([1])).item() == np.inf


def test_a_bad_class_is_refused_or_nan() -> None:
    logits = Tensor(np.zeros((1, 3)))
    for bad in (-1, 3):
        with pytest.raises(MicrogradError, match="the index of a class, 0 to 2"):
            losses.cross_entropy(logits, np.array([bad]))
        kernel = jit(lambda o, t: losses.cross_entropy(o, t))
        assert np.isnan(kernel(logits, Tensor(np.array([bad]))).item())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda o: losses.squared_error(o, np.zeros((2, 2))), "as many outputs"),
        (lambda o: losses.max_margin(o, np.zeros((2, 3))), "-1 or 1"),
        (lambda o: losses.cross_entropy(o, np.zeros(3, int)), "whole numbers of classes"),
        (lambda o: losses.cross_entropy(o, np.full((2, 3), 2.0)), "from 0 to 1"),
        (lambda o: losses.cross_entropy(o[:, :1], np.zeros(2, int)), "two or more logits"),
    ],
)
def test_errors(wrong: Any, said: str) -> None:
    with pytest.raises(MicrogradError, match=said):
        wrong(Tensor(np.zeros((2, 3))))


def test_one_output_may_have_an_axis_of_its_own() -> None:
    assert losses.squared_error(Tensor(np.zeros((3, 1))), np.ones(3)).item() == 1.0
