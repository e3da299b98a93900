"""The README of pycrograd, line by line, and of micrograd beside it."""

from __future__ import annotations

import math
import random
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from micrograd import Value, exp, fit, log
from micrograd.cli import main
from micrograd.datasets import moons
from micrograd.losses import cross_entropy, max_margin
from micrograd.matrix import Matrix, Tensor
from micrograd.nn import MLP, NETWORKS
from micrograd.optim import SGD

from .pages import run

# --- Features ---------------------------------------------------------------------------------


def test_automatic_differentiation() -> None:
    x, y = Value(2.0), Value(3.0)
    log(x * y + exp(x)).backward()
    inside = 6.0 + math.exp(2.0)
    assert x.grad == pytest.approx((3.0 + math.exp(2.0)) / inside, rel=1e-15)
    assert y.grad == pytest.approx(2.0 / inside, rel=1e-15)


def test_neural_networks_are_built_and_trained() -> None:
    random.seed(1337)
    model = MLP(2, [16, 16, 1])
    X, y = moons(100)
    history = fit(model, SGD(model.parameters(), lr=0.1), data=(X, y), loss=max_margin, epochs=50)
    assert history.losses[-10:].mean() < 0.5 * history.losses[:10].mean()


def test_matrices_of_values_sum_and_log() -> None:
    """Matrix operations, of NumPy's arrays of Values."""
    A = np.array([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]])
    B = np.array([[0.5, 0.0], [0.0, 2.0]])
    total = np.log(A @ B).sum()
    total.backward()
    assert total.data == pytest.approx(math.log(0.5 * 4.0 * 1.5 * 8.0), rel=1e-14)
    assert [v.grad for v in A.ravel()] == pytest.approx([1.0, 0.5, 1 / 3, 0.25], rel=1e-14)


# --- Implementations: Tensor, Matrix, gradient functions ------------------------------------------


def test_tensors_hold_matrices_of_values_and_gradients() -> None:
    a = Tensor.create_vector([1.0, 2.0], requires_grad=True)
    b = Tensor.create_scalar(3.0, requires_grad=True)
    out = (a.sum() * b).log()
    out.backward()
    assert out.item() == pytest.approx(math.log(9.0), rel=1e-6)
    assert b.grad.item() == pytest.approx(1 / 3, rel=1e-6)
    assert a.grad.numpy().ravel().tolist() == pytest.approx([1 / 3, 1 / 3], rel=1e-6)


def test_matrix_operations_sum_and_log() -> None:
    m = Matrix.create_with_value(2, 2, math.e)
    assert m.log().sum().item() == pytest.approx(4.0, rel=1e-6)
    assert (m @ m)[0, 1] == pytest.approx(2 * math.e**2, rel=1e-6)


# --- Running Pycrograd ----------------------------------------------------------------------------


LAST = re.compile(r"\| validation loss, accuracy \| (\S+), (\S+)% \|")


def test_train_mlp() -> None:
    out = run("-m", "micrograd", "train_mlp", "--epochs=100", "--length=100")
    assert "epoch 100 loss " in out
    ((loss, accuracy),) = LAST.findall(out)
    assert float(loss) < 0.2
    assert float(accuracy) >= 90.0


def test_train_digits() -> None:
    pytest.importorskip("sklearn")
    out = run("-m", "micrograd", "train_digits", "--epochs=10", "--length=100")
    losses = [float(x) for x in re.findall(r"epoch \d+ loss (\S+),", out)]
    assert len(losses) == 10
    assert losses == sorted(losses, reverse=True)
    assert "| network | 64-64-32-10 |" in out


def test_train_mnist(tmp_path: Path) -> None:
    """From files where torchvision, which the seed downloads them by, puts them."""
    folder = tmp_path / "data" / "MNIST" / "raw"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    classes = np.arange(100, dtype=np.uint8) % 10
    for name in ("train", "t10k"):
        pixels = np.clip(classes[:, None, None] * 25 + rng.integers(0, 25, (100, 28, 28)), 0, 255)
        for kind, a in (("images-idx3", pixels.astype(np.uint8)), ("labels-idx1", classes)):
            head = b"\0\0\x08" + bytes([a.ndim]) + b"".join(s.to_bytes(4, "big") for s in a.shape)
            (folder / f"{name}-{kind}-ubyte").write_bytes(head + a.tobytes())
    out = run("-m", "micrograd", "train_mnist", "--epochs=10", "--length=100", cwd=tmp_path)
    assert "| network | 784-64-32-10 |" in out
    assert "| samples | 100, in batches of 32 |" in out
    assert len(re.findall(r"^epoch \d+ loss ", out, re.M)) == 10


def test_get_recommended_num_workers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.setattr("micrograd.cli.workers.LONG", 0.0)
    assert main(["get_recommended_num_workers", "--network=normal", "--length=10"]) == 0
    assert re.search(r"^\| normal \| .* \| \d+ \|$", capsys.readouterr().out, re.M)


# --- Running Micrograd ------------------------------------------------------------------------


def test_train_mlp_in_scalars() -> None:
    """Theirs: micrograd/cli.py train_mlp --epochs=10 --length=100."""
    out = run("-m", "micrograd", "train-moons", "--epochs=10", "--samples=100", "--interpreter")
    assert "step 0 loss 0.895844" in out
    compiled = run("-m", "micrograd", "train-moons", "--epochs=10", "--samples=100")
    assert "step 0 loss 0.89584" in compiled


# --- Why is Pycrograd faster than Micrograd? --------------------------------------------------


def test_no_recursion_limit() -> None:
    """There, micrograd could not be compared for larger lengths, since backward recursed."""
    x = Value(1.0)
    y = x
    for _ in range(5 * sys.getrecursionlimit()):
        y = y + 1.0
    y.backward()
    y.backprop()
    assert x.grad == 2.0


def test_longer_data_than_micrograd_could_take() -> None:
    random.seed(1)
    model = MLP(2, [4, 1])
    X, y = moons(1000)
    losses = [(1 + -yi * model(x)).relu() for x, yi in zip(X.tolist(), y.tolist(), strict=True)]
    loss = sum(losses) * (1.0 / len(losses))
    loss.backward()
    assert any(p.grad for p in model.parameters())


# --- Benchmarks -----------------------------------------------------------------------------------


def test_networks_are_those_of_the_benchmark() -> None:
    assert NETWORKS["normal"] == (64, 64, 32, 10)
    assert NETWORKS["longer"] == (64, *[256] * 29, 10)
    assert len(NETWORKS["longer"]) - 1 == 30
    assert NETWORKS["bigger"] == (64, 8192, 4096, 2048, 10)


def test_run_digits_benchmark(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of it, with few samples, and smaller layers for the networks that take seconds."""
    pytest.importorskip("sklearn")
    for name, sizes in (("longer", (64, 16, 16, 16, 10)), ("bigger", (64, 96, 48, 24, 10))):
        monkeypatch.setitem(NETWORKS, name, sizes)
    few = ["--epochs=2", "--length=100", "--rounds=1", "--threads=1", "--budget=60"]
    assert main(["run_digits_benchmark", *few]) == 0
    out = capsys.readouterr().out
    assert "The losses of 2 epochs agree in f64; as timed, that of the first." in out
    whole, loop = out.split("The training loop alone:")
    assert "| pycrograd, published | 8.72 s | 121 s | 4610 s | 13500 s |" in whole
    for table in (whole, loop):
        assert re.search(r"^\| this project( \| [\d.]+ \w+){4} \|$", table, re.M)
        # beside pycrograd, like for like: the same data, batch, loss, optimiser, steps
        assert re.search(r"^\| micrograd \| [\d.]+ \w+ \|  \|  \|  \|$", table, re.M)


# --- Sources ----------------------------------------------------------------------------------


def test_softmax_and_cross_entropy_as_the_sources_have_them() -> None:
    logits = [Value(1.0), Value(-2.0), Value(0.5)]
    loss = cross_entropy(logits, 2)
    loss.backward()
    weights = [math.exp(v.data) for v in logits]
    softmax = [w / sum(weights) for w in weights]
    assert loss.data == pytest.approx(-math.log(softmax[2]), rel=1e-14)
    expected = [softmax[0], softmax[1], softmax[2] - 1.0]
    assert [v.grad for v in logits] == pytest.approx(expected, rel=1e-14)
