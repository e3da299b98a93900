"""Pickled Tensors and arrays: NumPy gives them a dtype that is equal, and another object."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, fit, grad, jit
from micrograd.losses import cross_entropy
from micrograd.nn import Embedding, Linear, ReLU, Sequential
from micrograd.optim import Adam


def again(x: Any) -> Any:
    return pickle.loads(pickle.dumps(x))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_dtypes_are_those_of_new_tensors(dtype: str) -> None:
    array = again(np.ones((2, 3), dtype))
    kept = Tensor(array, dtype)
    for t in (kept, again(kept), kept.T[0], Tensor(array[:1], dtype)):
        assert t.dtype is Tensor([1.0], dtype).dtype
    kept.data = array
    assert kept.dtype is Tensor([1.0], dtype).dtype


def test_both_arguments_have_a_gradient() -> None:
    x = Tensor([1.0, 2.0])
    expected = grad(lambda a, b: (a * b * b).sum())(x, x)
    found = grad(lambda a, b: (a * b * b).sum())(x, again(x))
    assert [g.tolist() for g in found] == [g.tolist() for g in expected]
    w = again(Tensor([1.0, 2.0], requires_grad=True))
    (w * x.numpy()).sum().backward()
    assert w.grad.tolist() == [1.0, 2.0]
    assert jit(lambda: (w * w).sum(), wrt=[w]).grad()[0].tolist() == [2.0, 4.0]


def test_indices_and_masks() -> None:
    x, index = Tensor([1.0, 2.0, 3.0]), again(np.array([2, 0]))
    assert x[Tensor(index)].tolist() == [3.0, 1.0]
    assert Embedding(3, 2, rng=0)(Tensor(index)).shape == (2, 2)
    mask = again(np.array([True, False, True]))
    assert x[Tensor(mask)].tolist() == [1.0, 3.0]
    assert (~Tensor(mask)).tolist() == [False, True, False]


def test_training_goes_on() -> None:
    rng = np.random.default_rng(0)
    data = rng.normal(size=(12, 3)), np.arange(12) % 2
    model: Any = Sequential(Linear(3, 4, rng=0), ReLU(), Linear(4, 2, rng=1))
    optimizer = Adam(model.parameters(), lr=0.1)
    how: Any = {"data": data, "loss": cross_entropy, "epochs": 2, "batch_size": 5}
    fit(model, optimizer, **how)
    model_again, optimizer_again = again((model, optimizer))
    expected = fit(model, optimizer, **how).losses
    assert fit(model_again, optimizer_again, **how).losses.tolist() == expected.tolist()
    layer = again(model)[0]
    assert layer(again(Tensor(data[0]))).tolist() == model[0](Tensor(data[0])).tolist()
