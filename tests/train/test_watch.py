"""What goes on around training: validation, early stopping, callbacks, interrupts, errors."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import History, Value, fit, jit, tanh, where
from micrograd.errors import TraceError, TrainingError
from micrograd.jit.options import Options
from micrograd.jit.target import Target
from micrograd.losses import max_margin
from micrograd.nn import MLP
from micrograd.optim import SGD, Adam
from micrograd.train.batch_loop import BatchLoop
from micrograd.train.sample_loss import sample_loss

X = np.random.default_rng(1).normal(size=(50, 2))
Y = np.where(X[:, 0] > X[:, 1], 1.0, -1.0)


def model() -> MLP:
    random.seed(2)
    return MLP(2, [4, 1])


def accuracy(score: Any, y: Any) -> Any:
    return where(score * y > 0, 1.0, 0.0)


def numbers(net: Any) -> list[float]:
    return [p.data for p in net.parameters()]


def slope() -> tuple[Value, Any]:
    """A parameter, and a loss of it that falls without end."""
    w = Value(0.0)
    return w, jit(1.0 * w, wrt=[w], dtype="f64")


# --- history ------------------------------------------------------------------------------------


def test_history_of_epochs() -> None:
    net = model()
    history = fit(
        net,
        SGD(net.parameters(), lr=lambda step: 0.1 / (1 + step)),
        data=(X, Y),
        loss=max_margin,
        batch_size=20,
        epochs=3,
        dtype="f64",
    )
    assert history.losses.shape == history.rates.shape == (9,)
    assert history.rates.tolist() == [0.1 / (1 + k) for k in range(9)]
    whole = history.losses.reshape(3, 3) @ [0.4, 0.4, 0.2]
    assert history.epoch_losses == pytest.approx(whole)
    assert history.steps == 9
    assert history.stopped == "done"
    assert history.not_finite is None
    assert history.seconds > 0


def test_callbacks_see_the_epochs_so_far() -> None:
    net, seen = model(), []
    history = fit(
        net,
        SGD(net.parameters(), lr=0.1),
        data=(X, Y),
        loss=max_margin,
        batch_size=20,
        epochs=3,
        callback=lambda h: seen.append(h.epoch_losses.tolist()),
    )
    assert [len(losses) for losses in seen] == [1, 2, 3]
    assert seen[-1] == history.epoch_losses.tolist()


def test_validation_and_metric_are_means_over_the_validation_data() -> None:
    net = model()
    held, labels = X[:15], Y[:15]
    history = fit(
        net,
        SGD(net.parameters(), lr=0.1),
        data=(X[15:], Y[15:]),
        loss=max_margin,
        epochs=4,
        validation=(held, labels),
        metric=accuracy,
        dtype="f64",
    )
    scores = [net(row).data for row in held.tolist()]
    losses = [max(0.0, 1 - s * y) for s, y in zip(scores, labels, strict=True)]
    assert history.looks.tolist() == [2, 4, 6, 8]
    assert history.validation_losses[-1] == pytest.approx(np.mean(losses))
    assert history.metrics[-1] == np.mean(np.array(scores) * labels > 0)


def test_metric_without_validation_is_over_the_training_data() -> None:
    net = model()
    history = fit(
        net, SGD(net.parameters(), lr=0.1), data=(X, Y), loss=max_margin, epochs=60, metric=accuracy
    )
    scores = np.array([net(row).data for row in X.tolist()])
    assert history.metrics[-1] == pytest.approx(np.mean(scores * Y > 0))
    assert history.metrics[-1] > 0.9


def test_validation_and_metric_without_data() -> None:
    w = Value(4.0)
    history = fit(
        w * w, SGD([w], lr=0.25), steps=3, validation=w * 10.0, metric=jit(lambda: w + 1.0)
    )
    assert history.looks.tolist() == [1, 2, 3]
    assert history.validation_losses.tolist() == [20.0, 10.0, 5.0]
    assert history.metrics.tolist() == [3.0, 2.0, 1.5]


def test_history_is_short_when_printed() -> None:
    w, loss = slope()
    assert repr(fit(loss, SGD([w], lr=0.5), steps=0)) == "<History: 0 steps, done>"
    history = fit(loss, SGD([w], lr=0.5), steps=3)
    assert repr(history) == "<History: 3 steps, done, loss 0 -> -1>"
    assert history.rates.tolist() == [0.5] * 3


# --- stopping -----------------------------------------------------------------------------------


@pytest.mark.parametrize("restore", [True, False])
def test_early_stopping(restore: bool) -> None:
    """The loss (w - 1)**2 falls to where validation, (w - 0.5)**2, has long been rising."""
    w = Value(0.0)
    history = fit(
        (w - 1.0) ** 2,
        SGD([w], lr=0.05),
        steps=1000,
        validation=(w - 0.5) ** 2,
        patience=3,
        restore=restore,
        dtype="f64",
    )
    lowest = int(np.argmin(history.validation_losses))
    assert history.stopped == "patience"
    assert history.best == lowest + 1
    assert history.steps == lowest + 4
    at_best = 1 - 0.9 ** (lowest + 1)
    assert w.data == pytest.approx(at_best if restore else 1 - 0.9**history.steps)


def test_patience_with_the_loss_alone() -> None:
    w = Value(0.0)
    history = fit((w - 1.0) ** 2, SGD([w], lr=1.5), steps=50, patience=2, every=5)
    assert history.steps == 15
    assert history.best == 5


def test_a_callback_sees_the_history_so_far_and_may_stop() -> None:
    w, loss = slope()
    seen = []

    def callback(history: History) -> Any:
        seen.append((history.steps, w.data, len(history.losses)))
        return history.losses[-1] < -2.0  # a truth of NumPy's

    history = fit(loss, SGD([w], lr=0.5), steps=100, callback=callback, every=3)
    assert seen == [(3, -1.5, 3), (6, -3.0, 6)]
    assert history.stopped == "callback"
    assert history.steps == 6


def test_an_error_in_a_callback_leaves_whole_steps() -> None:
    w, loss = slope()
    optimizer = SGD([w], lr=0.5)

    def callback(history: History) -> None:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fit(loss, optimizer, steps=100, callback=callback, every=3)
    assert w.data == -1.5
    assert optimizer.steps == 3


def test_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    w, loss = slope()
    fit(loss, SGD([w], lr=0.5), steps=100, progress=True)
    shown = capsys.readouterr().err
    assert "100/100" in shown
    assert "loss=" in shown


def test_a_bar_is_closed_when_training_stops(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    w, loss = slope()
    fit(loss, SGD([w], lr=0.5), steps=100, progress=True, callback=lambda _: True, every=7)
    assert capsys.readouterr().err.splitlines()[-1].count(" 7/100 ") == 1


def test_progress_without_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tqdm", "tqdm.auto"):
        monkeypatch.setitem(sys.modules, name, None)
    w, loss = slope()
    with pytest.raises(TrainingError, match=r"progress=True needs tqdm"):
        fit(loss, SGD([w], lr=0.5), steps=1, progress=True)


# --- interrupts ---------------------------------------------------------------------------------


def interrupt_soon(history: History) -> None:
    """A callback: Ctrl-C, while the steps after this one are under way."""

    def send() -> None:
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=send).start()


POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@POSIX
@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupt_leaves_whole_steps() -> None:
    net = model()
    optimizer = SGD(net.parameters(), lr=1e-6)
    options: dict[str, Any] = {"data": (X, Y), "loss": max_margin, "batch_size": 50, "dtype": "f64"}
    with pytest.raises(KeyboardInterrupt) as interrupt:
        fit(net, optimizer, steps=5_000_000, callback=interrupt_soon, every=1_000_000, **options)
    history = interrupt.value.history  # type: ignore[attr-defined]
    assert 1_000_000 < history.steps < 2_000_000
    assert history.stopped == "interrupt"
    assert optimizer.steps == history.steps
    again = model()
    expected = fit(again, SGD(again.parameters(), lr=1e-6), steps=history.steps, **options)
    assert numbers(net) == numbers(again)
    assert history.losses.tolist() == expected.losses.tolist()


@POSIX
@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_of_large_steps_leaves_whole_ones(threads: int) -> None:
    x = np.full(4_000_000, 0.25, dtype=np.float32)
    w = Value(1.0)
    optimizer = SGD([w], lr=0.001)
    with pytest.raises(KeyboardInterrupt) as interrupt:
        fit(
            lambda x: tanh(w - x) ** 2,
            optimizer,
            data=x,
            batch_size=len(x),
            steps=100_000,
            threads=threads,
            callback=interrupt_soon,
            every=50,
        )
    steps = interrupt.value.history.steps  # type: ignore[attr-defined]
    assert optimizer.steps == steps >= 50
    expected = 1.0
    for _ in range(steps):
        slope = np.tanh(expected - 0.25)
        expected -= 0.001 * 2 * slope * (1 - slope**2)
    assert w.data == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("strict", [False, True])
def test_a_step_can_be_left_and_taken_up_between_any_two_blocks(threads: int, strict: bool) -> None:
    x = np.linspace(-1, 1, 5000 if not strict else 500)
    found = []
    for calls in (10_000, threads):
        w = Value(0.75)
        optimizer = SGD([w], lr=0.5)
        options = Options.on(Target.host(strict=strict))
        kernel = sample_loss(lambda x, w=w: tanh(w - x) ** 2, [()], [w], options)
        loop = BatchLoop(optimizer, kernel, [x], batch=len(x), seed=None, threads=threads)
        loop._open(3)
        numbers, stretches = [], 0
        while loop.step < 3:
            loop._stretch(calls)
            numbers.append((loop.step, w.data))
            stretches += 1
        found.append(dict(numbers)[3])
        assert len(set(numbers)) == len({step for step, _ in numbers})
        assert stretches == 1 if calls == 10_000 else stretches > 3
    assert found[0] == found[1]


# --- numbers that are not finite ------------------------------------------------------------------


def test_nan_in_the_data_is_reported_and_trained_on() -> None:
    x = np.linspace(0, 1, 40)
    x[25] = np.nan
    w = Value(1.0)
    with pytest.warns(RuntimeWarning, match=r"loss of step 2 was not finite") as caught:
        history = fit(
            lambda x: (w - x) ** 2, SGD([w], lr=0.1), data=x, batch_size=10, epochs=2, shuffle=False
        )
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert history.not_finite == 2
    assert history.steps == 8
    assert np.isfinite(history.losses[:2]).all()
    assert np.isnan(history.losses[2:]).all()


def test_finite_losses_warn_of_nothing() -> None:
    w, loss = slope()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fit(loss, SGD([w], lr=0.5), steps=3).not_finite is None


# --- bad input ------------------------------------------------------------------------------------


def per_sample(**changed: Any) -> Callable[[], Any]:
    """A call of fit that would train, but for what is changed."""

    def call() -> Any:
        net = changed.pop("target", None) or model()
        optimizer = changed.pop("optimizer", None) or SGD(net.parameters(), lr=0.1)
        options: dict[str, Any] = {"data": (X, Y), "loss": max_margin, "epochs": 1}
        options |= changed
        return fit(net, optimizer, **options)

    return call


OTHER = Value(1.0)
LINE = Value(1.0)
BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "batch size 0": (per_sample(batch_size=0), r"batch_size should be a whole number, 1 or more"),
    "part of a batch": (per_sample(batch_size=2.5), r"batch_size should be a whole number"),
    "accumulate": (per_sample(accumulate=0), r"accumulate should be a whole number, 1 or more"),
    "lengths": (per_sample(data=(X, Y[:49])), r"a row per sample each, got 50 rows, 49 rows"),
    "labels in a column": (
        per_sample(data=(X, Y[:, None])),
        r"from data\[0\]\[i\], a list of 2 and data\[1\]\[i\], a list of 1: .*; "
        r"data\[1\]\[:, 0\] would give it a number",
    ),
    "too many features": (per_sample(data=(np.ones((50, 3)), Y)), r"takes 2 inputs, got 3"),
    "labels in rows": (per_sample(data=(X, Y[None])), r"should have a row per sample each"),
    "text": (per_sample(data=(X, ["a"] * 50)), r"data\[1\] should be an array of real numbers"),
    "ragged": (per_sample(data=([[1.0], [1.0, 2.0]], Y)), r"a row per sample each, got 2 rows, 50"),
    "no samples": (per_sample(data=(X[:0], Y[:0])), r"data has no samples"),
    "nothing": (per_sample(data=()), r"data has no samples"),
    "no data": (per_sample(data=5), r"data should be a tuple of arrays"),
    "no loss": (per_sample(loss=None), r"a model needs the loss of its output"),
    "several losses": (
        per_sample(loss=lambda score, y: [score, y]),
        r"should be one Value, computed from",
    ),
    "a number": (per_sample(loss=lambda score, y: 1.0), r"should be one Value, .* got float 1.0"),
    "validation": (per_sample(validation=(X[:, :1], Y)), r"rows of the same shapes as data"),
    "regularization": (per_sample(regularization=3), r"regularization should be a Value"),
    "threads": (per_sample(threads=0), r"threads should be a whole number"),
    "seed": (per_sample(seed=-1), r"seed should be a whole number, 0 or more"),
    "patience": (per_sample(patience=0), r"patience should be a whole number, 1 or more"),
    "every": (per_sample(every=0), r"every should be a whole number"),
    "other parameters": (
        per_sample(optimizer=SGD([OTHER], lr=0.1)),
        r"does not depend on any parameter of the optimizer",
    ),
    "no length": (lambda: fit(OTHER * OTHER, SGD([OTHER])), r"either steps or epochs"),
    "two lengths": (
        lambda: fit(OTHER * OTHER, SGD([OTHER]), steps=1, epochs=1),
        r"either steps or epochs",
    ),
    "no optimizer": (lambda: fit(OTHER * OTHER, [OTHER], steps=1), r"fit takes an optimizer"),  # type: ignore[arg-type]
    "no parameters": (lambda: fit(OTHER * OTHER, SGD([]), steps=1), r"no parameters to train"),
    "independent": (
        lambda: fit(OTHER * OTHER, SGD([LINE]), steps=1),
        r"the loss does not depend on any parameter",
    ),
    "another kernel": (
        lambda: fit(jit(OTHER * LINE, wrt=[OTHER]), SGD([LINE]), steps=1),
        r"parameter 0 of the optimizer is not one that the kernel has a gradient for",
    ),
    "a kernel's dtype": (
        lambda: fit(jit(OTHER * OTHER, wrt=[OTHER]), SGD([OTHER]), steps=1, dtype="f64"),
        r"a kernel has its dtype and strict already",
    ),
    "function without data": (
        lambda: fit(lambda x: OTHER * x, SGD([OTHER]), steps=1),
        r"a function of one sample needs data",
    ),
    "kernel that needs data": (
        lambda: fit(jit(lambda x: OTHER * x), SGD([OTHER]), steps=1),
        r"cannot be trained without data",
    ),
    "derivative with data": (
        lambda: fit(jit(lambda x: OTHER * x).grad, SGD([OTHER]), data=X[:, 0], steps=1),
        r"a loss of one sample as a function",
    ),
    "Value with data": (
        lambda: fit(OTHER * OTHER, SGD([OTHER]), data=(X, Y), steps=1),
        r"a loss of one sample as a function",
    ),
    "loss without data": (
        lambda: fit(OTHER * OTHER, SGD([OTHER]), loss=max_margin, steps=1),
        r"loss needs data",
    ),
    "metric without data": (
        lambda: fit(OTHER * OTHER, SGD([OTHER]), metric=accuracy, steps=1),
        r"metric should be a Value or a kernel",
    ),
    "nan schedule": (
        lambda: fit(OTHER * OTHER, SGD([OTHER], lr=lambda step: float("nan")), steps=1),
        r"the schedule gave float nan for step 0",
    ),
    "later nan": (
        lambda: fit(OTHER * OTHER, Adam([OTHER], lr=lambda k: 0.1 if k < 5 else np.nan), steps=9),
        r"for step 5",
    ),
}


def test_what_cannot_be_traced_says_so_itself() -> None:
    with pytest.raises(TraceError, match=r"has no truth value") as error:
        per_sample(loss=lambda score, y: max(score * y, 0))()
    assert "data array" not in str(error.value)


@pytest.mark.parametrize("name", BAD)
def test_bad_input_says_what_to_do_and_changes_nothing(name: str) -> None:
    call, message = BAD[name]
    with pytest.raises(TrainingError, match=message):
        call()
    assert OTHER.data == LINE.data == 1.0
