"""Training with the workers of dask: the numbers are those of `fit`, whoever computes them."""

from __future__ import annotations

import os
import pickle
import random
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, nullcontext
from typing import Any

import numpy as np
import pytest

import micrograd
from micrograd import Value, memory
from micrograd.errors import SignatureError, TrainingError
from micrograd.losses import cross_entropy, max_margin
from micrograd.nn import MLP
from micrograd.optim import SGD, Adam

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

from benchmarks import dask_workers  # noqa: E402
from micrograd.train.dask_steps import DaskSteps  # noqa: E402

from .dask_fits import Training, in_process  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.normal(size=(700, 2))
Y = np.where(X[:, 0] * X[:, 1] > 0, 1.0, -1.0)
UNEVEN = (100, 0, 1, 300, 299)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Of two processes, with a thread each."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0"
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


@pytest.mark.parametrize("kind", [int, float])
def test_labels_are_classes(client: Any, kind: type) -> None:
    rng = np.random.default_rng(5)
    rows, labels = rng.normal(size=(40, 2)), rng.integers(0, 3, size=40).astype(kind)
    found = []
    for there in (False, True):
        random.seed(3)
        model = MLP(2, [4, 3])
        how: Any = {"data": (rows, labels)}
        if there:
            data = da.from_array(rows, chunks=(15, -1)), da.from_array(labels, chunks=15)
            how = {"data": data, "client": client}
        optimizer = SGD(model.parameters(), lr=0.1)
        history = micrograd.fit(model, optimizer, loss=cross_entropy, steps=4, dtype="f64", **how)
        found.append(history.losses)
    assert found[1] == pytest.approx(found[0], rel=1e-12)


@pytest.fixture(scope="module")
def others() -> Iterator[list[Any]]:
    """Clients of one worker, and of three that compute two parts at a time."""
    with ExitStack() as stack:
        clusters = [stack.enter_context(in_process(*k)) for k in ((1, 1), (3, 2))]
        yield [stack.enter_context(distributed.Client(cluster)) for cluster in clusters]


@pytest.mark.parametrize("strict", [True, False])
def test_numbers_do_not_depend_on_the_workers(client: Any, others: list[Any], strict: bool) -> None:
    rows = (90, 0, 1, 9, *(50,) * 12)
    how: Any = {"data": blocks(rows), "batch_size": 500, "strict": strict}
    history, numbers = trained(**how, client=client)
    for other in others:
        again, found = trained(**how, client=other)
        np.testing.assert_array_equal(again.losses, history.losses)
        assert found == numbers


@pytest.mark.parametrize("seed", [2, 9, 13, 22])
def test_random_trainings(client: Any, others: list[Any], seed: int) -> None:
    Training(seed).compare([client, *others])


@pytest.mark.parametrize("held", ["arrays", "dask", "data"])
def test_what_is_watched_is_as_in_fit(client: Any, held: str) -> None:
    how: Any = {"steps": None, "epochs": 6, "batch_size": 300, "dtype": "f64", "patience": 2}
    if held != "data":
        how["validation"] = X[:50], Y[:50]
    how["metric"] = lambda score, y: score * y
    expected, numbers = trained(**how)
    if held == "dask":
        how["validation"] = tuple(da.from_array(a, chunks=20) for a in how["validation"])
    history, found = trained(**how, data=blocks(), client=client)
    for name in ("losses", "epoch_losses", "validation_losses", "metrics", "looks"):
        np.testing.assert_allclose(getattr(history, name), getattr(expected, name), rtol=1e-9)
    assert (history.best, history.stopped) == (expected.best, expected.stopped)
    np.testing.assert_allclose(found, numbers, rtol=1e-9)


def test_the_benchmark_runs(client: Any) -> None:
    found = dask_workers.measured(lambda workers: nullcontext(client), 800, 1, 1, 4)
    assert dask_workers.report(found)["throughput"] > 0


def test_a_step_whose_data_are_gone_is_repeated(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    how: Any = {"data": blocks(), "batch_size": len(X), "client": client}
    expected, numbers = trained(**how)
    whole, calls = DaskSteps._sum, []

    def lost(self: DaskSteps, rows: Any, *how: Any) -> Any:
        calls.append(rows)
        found = whole(self, rows, *how)
        if len(calls) == 5:
            raise CancelledError("lost dependencies")
        return found

    monkeypatch.setattr(DaskSteps, "_sum", lost)
    history, found = trained(**how)
    assert len(calls) == history.steps + 1
    np.testing.assert_array_equal(history.losses, expected.losses)
    assert found == numbers


def test_data_that_cannot_be_computed_again(client: Any) -> None:
    placed = client.scatter(X)
    x = da.from_delayed(dask.delayed(placed), X.shape, X.dtype)
    client.cancel(placed, force=True)
    y = da.from_array(Y, chunks=len(Y))
    with pytest.raises(TrainingError, match="workers were lost 3 times"):
        trained(data=(x, y), client=client)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_leaves_the_last_whole_step(client: Any) -> None:
    how: Any = {"data": blocks(), "client": client}

    def interrupt(history: Any) -> None:
        if history.steps == 2:
            threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt) as caught:
        trained(**how, steps=5_000, every=2, callback=interrupt)
    history = caught.value.history  # type: ignore[attr-defined]
    assert history.stopped == "interrupt"
    assert history.steps >= 2
    expected, _ = trained(**how, steps=history.steps)
    np.testing.assert_array_equal(history.losses, expected.losses)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_is_heard_in_a_destructor_too(client: Any, monkeypatch: Any) -> None:
    """Python prints what is raised there, and goes on."""
    let_go, steps = distributed.Future.__del__, 0

    def interrupted(future: Any) -> None:
        nonlocal steps
        if threading.current_thread() is threading.main_thread() and steps == 3:
            steps += 1
            signal.raise_signal(signal.SIGINT)
        let_go(future)

    def count(history: Any) -> None:
        nonlocal steps
        steps = history.steps

    monkeypatch.setattr(distributed.Future, "__del__", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        trained(data=blocks(), client=client, steps=20, every=1, callback=count)
    history = caught.value.history  # type: ignore[attr-defined]
    assert (history.stopped, history.steps) == ("interrupt", 3)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# --- ufuncs ---------------------------------------------------------------------------------------

w = Value(2.0)
KERNEL = micrograd.jit(lambda x, y: x * y + w, dtype="f64")


def test_a_kernel_maps_over_dask_arrays(client: Any) -> None:
    x = da.from_array(X, chunks=(100, 1))
    found = KERNEL.ufunc(x, Y[:, None])
    assert found.chunks == x.chunks
    assert found.dtype == found._meta.dtype == np.float64
    np.testing.assert_array_equal(found.compute(scheduler=client), KERNEL(X, Y[:, None]))
    narrow = KERNEL.ufunc(x.astype("f4"), 2)
    assert narrow.dtype == narrow.compute(scheduler=client).dtype == np.float32


def test_several_outputs_over_dask_arrays(client: Any) -> None:
    x, y = (da.from_array(a, chunks=200) for a in X.T)
    found = da.apply_gufunc(KERNEL.value_and_grad.ufunc, "(),()->(),(),()", x, y)
    value, partials = KERNEL.value_and_grad(*X.T)
    for a, b in zip(found, (value, *partials), strict=True):
        np.testing.assert_array_equal(a.compute(scheduler=client), b)


def test_a_model_over_dask_arrays(client: Any) -> None:
    random.seed(1)
    model = micrograd.jit(MLP(2, [3, 1]))
    x = da.from_array(X, chunks=(300, 2))
    found = da.apply_gufunc(model.ufunc, "(i)->()", x, output_dtypes=float)
    np.testing.assert_array_equal(found.compute(scheduler=client), model.ufunc(X))


def test_a_pickled_ufunc_has_the_numbers_of_its_parameters() -> None:
    ufunc = KERNEL.ufunc
    again = pickle.loads(pickle.dumps(ufunc))
    assert again.types == ufunc.types
    w.data = 7.0
    try:
        assert (ufunc(2.0, 3.0), again(2.0, 3.0)) == (13.0, 8.0)
        assert pickle.loads(pickle.dumps(ufunc))(2.0, 3.0) == 13.0
    finally:
        w.data = 2.0
    assert pickle.loads(pickle.dumps(np.add)) is np.add
    with pytest.raises(SignatureError, match=r"got a dask array; <lambda>.ufunc maps"):
        KERNEL(da.ones(3), 1.0)


# --- errors ---------------------------------------------------------------------------------------


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
    with pytest.raises(TrainingError, match="validation should have rows of the same shapes"):
        fit(x, x, validation=(da.from_array(X, chunks=100), x))
    with pytest.raises(TrainingError, match="the blocks of validation from row 0 on"):
        fit(x, x, validation=(x.map_blocks(lambda b: b[:-1], dtype=float, meta=np.zeros(0)), x))
    with pytest.raises(TrainingError, match=r"data should have an array for each argument"):
        fit(x)


# --- last, for a new worker takes seconds to begin ---------------------------------------------


def test_a_worker_that_is_killed_loses_nothing(client: Any) -> None:
    how: Any = {"data": blocks(), "batch_size": len(X), "every": 3, "strict": True}
    expected, numbers = trained(**how, client=client)
    killed = []

    def kill(history: Any) -> None:
        if history.steps == 6:
            pid = next(iter(client.run(os.getpid).values()))
            killed.append(pid)
            threading.Timer(0.01, os.kill, (pid, signal.SIGKILL)).start()

    history, found = trained(**how, client=client, callback=kill)
    assert len(killed) == 1
    assert killed[0] not in client.run(os.getpid).values()
    np.testing.assert_array_equal(history.losses, expected.losses)
    assert found == numbers


def test_workers_keep_the_memory_that_blocks_of_rows_take(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    class Library:
        def __init__(self, name: None) -> None: ...

        def mallopt(self, what: int, size: int) -> int:
            asked.append((what, size))
            return 1

    monkeypatch.setattr(memory.ctypes, "CDLL", Library)
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    memory.keep_freed()
    assert not asked
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")  # as dask's nanny says
    memory.keep_freed()
    assert [size for _, size in asked] == [memory.KEPT, memory.ALONE]
