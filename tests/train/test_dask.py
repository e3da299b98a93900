"""Training with the workers of dask: the numbers are those of `fit`, whoever computes them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import micrograd
from micrograd import Value
from micrograd.errors import TrainingError
from micrograd.losses import max_margin
from micrograd.nn import MLP
from micrograd.optim import SGD, Adam

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(700, 2))
Y = np.where(X[:, 0] * X[:, 1] > 0, 1.0, -1.0)
UNEVEN = (100, 0, 1, 300, 299)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Of two processes, with a thread each."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def trained(**how: Any) -> tuple[Any, list[float]]:
    """History and parameters of a small network."""
    random.seed(1)
    model = MLP(2, [4, 1])
    optimizer = Adam(model.parameters(), lr=0.01, clip_norm=1.0)
    penalty = 1e-3 * sum(p * p for p in model.parameters())
    how = {"data": (X, Y), "loss": max_margin, "steps": 12, "seed": 3, **how}
    history = micrograd.fit(model, optimizer, regularization=penalty, **how)
    return history, [p.data for p in model.parameters()]


def blocks(rows: Any = UNEVEN) -> tuple[Any, Any]:
    """The data as dask arrays."""
    return da.from_array(X, chunks=(rows, 1)), da.from_array(Y, chunks=128)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("batch_size", [len(X), 32])
def test_numbers_are_those_of_fit(client: Any, strict: bool, batch_size: int) -> None:
    how: Any = {"dtype": "f64", "strict": strict, "batch_size": batch_size}
    expected, numbers = trained(**how)
    history, found = trained(**how, data=blocks(), client=client)
    np.testing.assert_allclose(history.losses, expected.losses, rtol=1e-11)
    np.testing.assert_allclose(found, numbers, rtol=1e-8)
    assert history.stopped == "done"
    np.testing.assert_array_equal(history.rates, expected.rates)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_a_single_partition_is_fit_bit_for_bit(client: Any, dtype: str) -> None:
    how: Any = {"dtype": dtype, "strict": True, "batch_size": 50}
    expected, numbers = trained(**how)
    history, found = trained(**how, data=blocks((len(X),)), client=client)
    np.testing.assert_array_equal(history.losses, expected.losses)
    assert found == numbers


def test_a_kernel_maps_over_dask_arrays() -> None:
    kernel = micrograd.jit(lambda x, y: x * y + 1.0, dtype="f64")
    x = da.from_array(X, chunks=(100, 1))
    found = kernel.ufunc(x, Y[:, None])
    assert found.chunks == x.chunks
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found.compute(scheduler="synchronous"), kernel(X, Y[:, None]))


def test_errors() -> None:
    w = Value(1.0)
    sgd = SGD([w], lr=0.1)
    with pytest.raises(TrainingError, match=r"client should be a dask.distributed.Client"):
        micrograd.fit(lambda x, y: w * x - y, sgd, data=(X[:, 0], Y), steps=1, client=2)


def test_errors_of_data(client: Any) -> None:
    w = Value(1.0)
    sgd = SGD([w], lr=0.1)

    def fit(*data: Any, loss: Any = lambda x, y: (w * x - y) ** 2, **how: Any) -> None:
        micrograd.fit(loss, sgd, data=data, steps=1, client=client, **how)

    x = da.from_array(X[:, 0], chunks=100)
    with pytest.raises(TrainingError, match="data should be dask arrays"):
        fit(X[:, 0], Y)
    with pytest.raises(TrainingError, match="700 rows, 699 rows"):
        fit(x, x[1:])
    with pytest.raises(TrainingError, match="chunks have known sizes"):
        fit(x[x > 0], x)
    with pytest.raises(TrainingError, match="of real numbers"):
        fit(x.astype(str), x)
    with pytest.raises(TrainingError, match="data has no samples"):
        fit(x[:0], x[:0])
    with pytest.raises(TrainingError, match=r"not what their dask arrays have said"):
        fit(x.map_blocks(lambda b: b[:-1], dtype=float, meta=np.zeros(0)), x)
    bad = da.from_array(np.where(np.arange(700) == 650, 7.0, Y), chunks=100)
    with pytest.raises(TrainingError, match=r"-1 or 1, but row 650 of data\[1\] has 7.0"):
        fit(x, bad, loss=lambda x, y: max_margin(w * x, y))
    with pytest.raises(TrainingError, match="give validation="):
        fit(x, x, metric=lambda x, y: w * x)
