"""The README of momograd, line by line, in Python where it is in Mojo."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
import pytest

from micrograd import get_threads, jit, set_threads
from micrograd.engine import Value
from micrograd.nn import MLP, Layer, Neuron

from .pages import ROOT, run

# --- momograd.engine --------------------------------------------------------------------------


def test_value(capsys: pytest.CaptureFixture[str]) -> None:
    a = Value(3, "a")
    b = Value(2, "b")

    c = a + b
    c.label = "c"  # optional label

    d = c**a
    d.label = "d"

    # calculating the gradients of the computational graph
    d.backward()

    print(d)

    print("\nComputational graph:")
    d.print_branch()
    assert capsys.readouterr().out == (
        "Value(data=125.0, grad=1, label='d')\n"
        "\n"
        "Computational graph:\n"
        "d **  data=125.0 grad=  1\n"
        "  c + data=  5.0 grad= 75.0\n"
        "    a data=  3.0 grad=276.17973905426254\n"
        "    b data=  2.0 grad= 75.0\n"
        "  a (above)\n"
    )


def test_assignments_keep_the_label() -> None:
    x = Value(1.0, "x")
    x += Value(2.0)
    assert (x.data, x.label) == (3.0, "x")
    x -= 1.0
    assert (x.data, x.label) == (2.0, "x")


def test_demo_engine() -> None:
    out = run(str(ROOT / "examples" / "demo_engine.py"))
    assert out.startswith("Value(data=24.70408163265306, grad=1, label='g')\n")
    assert "      e -          data=-7.0                 grad= -6.941690962099126\n" in out
    assert "(above)" in out


# --- momograd.nn ------------------------------------------------------------------------------


def test_nn() -> None:
    random.seed(1)
    assert repr(Neuron(2)) == "ReLUNeuron(2)"
    assert repr(Layer(2, 2)) == "Layer of [ReLUNeuron(2), ReLUNeuron(2)]"
    model = MLP(2, [4, 4, 1])
    assert len(model.parameters()) == 3 * 4 + 5 * 4 + 5
    assert isinstance(model([1.0, 2.0]), Value)


def test_demo_nn() -> None:
    out = run(str(ROOT / "examples" / "demo_nn.py"))
    assert out.startswith("A neuron: Value(")
    assert "A layer:" in out
    assert "An MLP, trained by the interpreter:\nepoch   0  loss 18.432196" in out
    assert out.count("wanted: ") == 4


# --- momograd.x -------------------------------------------------------------------------------


def test_vectorization_and_parallelization() -> None:
    """The playground's two optimisations: a compiled network uses both, and loses nothing."""
    random.seed(2)
    model = MLP(2, [16, 16, 1])
    predict = jit(model, dtype="f64")
    points = np.random.default_rng(0).normal(size=(5000, 2))
    before = get_threads()
    try:
        set_threads(1)
        alone = predict(points)
        set_threads(2)
        together = predict(points)
    finally:
        set_threads(before)
    assert np.array_equal(alone, together)
    expected = [model(x).data for x in points[:20].tolist()]
    assert together[:20] == pytest.approx(expected, rel=1e-12)


# --- Benchmarks -------------------------------------------------------------------------------


def test_binary_classifier() -> None:
    """Theirs: binary_classifier.py, the core of the demo, for some epochs and samples."""
    out = run("-m", "micrograd", "train-moons", "--samples", "20", "--epochs", "30", "--noise", "0")
    losses = [float(line.split()[3].rstrip(",")) for line in out.splitlines() if "loss" in line]
    assert losses[-1] < losses[0]
    interpreted = ("--interpreter", "--epochs", "3", "--samples", "20", "--noise", "0")
    assert "step 0 loss" in run("-m", "micrograd", "train-moons", *interpreted)


def test_benchmark_over_growing_samples(tmp_path: Path) -> None:
    """The table: seconds by samples, and speed-ups; averaged over runs, as csv, markdown, chart."""
    pytest.importorskip("matplotlib")
    out = run(
        *("-m", "micrograd", "benchmark-moons", "--samples", "20:40:20", "--epochs", "2"),
        *("--rounds", "2", "--csv", "times.csv", "--markdown", "table.md", "--plot", "chart.png"),
        cwd=tmp_path,
    )
    assert "samples" in out
    rows = list(csv.DictReader((tmp_path / "times.csv").read_text().splitlines()))
    assert {row["samples"] for row in rows} == {"20", "40"}
    table = (tmp_path / "table.md").read_text()
    assert "| 20 |" in table
    assert "| 40 |" in table
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
