"""The README of mocrograd, line by line, in Python where it is in Mojo."""

from __future__ import annotations

import os
import random
import re

import numpy as np
import pytest

from micrograd import fit, get_threads, jit, set_threads
from micrograd.cli import main
from micrograd.datasets import moons
from micrograd.losses import max_margin
from micrograd.nn import MLP, NETWORKS
from micrograd.optim import SGD

WORKERS = (1, 2, 10)


def make_model() -> MLP:
    random.seed(1337)
    return MLP(2, [16, 16, 1])


def test_memory_is_allocated_once_and_reused() -> None:
    """Parameters lie in one buffer, which kernels read; a step of training allocates nothing."""
    model = make_model()
    kernel = jit(model, dtype="f64")
    kernel([1.0, 2.0])
    (store,) = {id(p._home[0]): p._home[0] for p in model.parameters()}.values()
    assert store.array.tolist() == [p.data for p in model.parameters()]
    store.array[:] *= 2.0
    assert kernel([1.0, 2.0]) == pytest.approx(model([1.0, 2.0]).data, rel=1e-12)


@pytest.mark.parametrize("workers", WORKERS)
def test_number_of_workers_changes_no_result(workers: int) -> None:
    points = np.random.default_rng(0).normal(size=(10_000, 2))
    kernel = jit(make_model(), dtype="f64")
    before = get_threads()
    try:
        set_threads(1)
        alone = kernel(points)
        set_threads(workers)
        assert np.array_equal(kernel(points), alone)
    finally:
        set_threads(before)


@pytest.mark.parametrize("workers", WORKERS)
def test_training_with_workers(workers: int) -> None:
    model = make_model()
    X, y = moons(100)
    optimizer = SGD(model.parameters(), lr=0.1)
    history = fit(model, optimizer, data=(X, y), loss=max_margin, epochs=10, threads=workers)
    assert history.losses[-1] < history.losses[0]


def test_small_work_takes_no_worker() -> None:
    """Their dynamic workers: how many there are follows from the size."""
    kernel = jit(make_model(), dtype="f64", threads=2)
    one = kernel(np.zeros((1, 2)))
    assert one.shape == (1,)
    assert one[0] == kernel([0.0, 0.0])


# --- Usage, Benchmarks ----------------------------------------------------------------------------


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Smaller layers for the networks that take seconds."""
    pytest.importorskip("sklearn")
    for name, sizes in (("longer", (64, 16, 16, 16, 10)), ("bigger", (64, 96, 48, 24, 10))):
        monkeypatch.setitem(NETWORKS, name, sizes)


@pytest.mark.usefixtures("_small")
def test_run_digits_training(capsys: pytest.CaptureFixture[str]) -> None:
    """Theirs: run_digits_training.mojo 10 100."""
    assert main(["run_digits_training", "10", "100"]) == 0
    out = capsys.readouterr().out
    assert re.findall(r"\| epochs \| (\S+), (\d+) steps \|", out) == [
        ("10", "30"), ("10", "10"), ("10", "10"),
    ]  # fmt: skip
    assert [line for line in out.splitlines() if line in NETWORKS] == ["normal", "longer", "bigger"]


@pytest.mark.usefixtures("_small")
def test_run_benchmark_with_workers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Theirs: run_benchmark.sh, with 1, 10, 64, 256 workers, and as many as the size asks for."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    few = ["--epochs=2", "--length=100", "--rounds=1", "--network=bigger"]
    assert main(["run_digits_benchmark", *few, "--threads=10,dynamic"]) == 0
    out = capsys.readouterr().out
    assert "| mocrograd, published | 95 s |" in out
    for name in ("NumPy", "this project"):
        for workers in ("10", "dynamic"):
            line = rf"^\| {name}, {workers} workers \| [\d.]+ \w+ \|$"
            assert len(re.findall(line, out, re.M)) == 2
