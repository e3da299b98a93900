"""The commands that train networks of Tensors: numbers, files, and what goes wrong."""

from __future__ import annotations

import gzip
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from micrograd import no_grad
from micrograd.checkpoint import load
from micrograd.cli import main, tasks, workers
from micrograd.cli.main import INTERRUPTED, spelt
from micrograd.losses import cross_entropy
from micrograd.nn import NETWORKS, network, perceptron
from micrograd.optim import SGD
from micrograd.tensor.core import Tensor

from .test_cli import ROOT

LINE = re.compile(r"epoch (\d+) loss (\S+), validation loss (\S+), accuracy (\S+)%")
Printed = pytest.CaptureFixture[str]


def epochs(out: str) -> list[tuple[int, float, float, float]]:
    """What was reported: epochs, losses, validation losses, accuracies."""
    return [(int(k), float(a), float(b), float(c)) for k, a, b, c in LINE.findall(out)]


def eager(length: int, batch: int, count: int) -> list[tuple[float, float, float]]:
    """Digits trained with `backward` and `step`, as the reports of every epoch have it."""
    pytest.importorskip("sklearn")
    task = tasks.digits_task("normal", length)
    assert task.held is not None
    model = network("normal", dtype="float64")
    optimizer = SGD(model.parameters(), lr=0.01)
    (x, y), (held_x, held_y) = task.train, task.held
    found = []
    for _ in range(count):
        losses = []
        for k in range(0, len(y), batch):
            labels = y[k : k + batch]
            loss = cross_entropy(model(Tensor(x[k : k + batch], "float64")), labels)
            losses.append(loss.item() * len(labels))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with no_grad():
            scores = model(Tensor(held_x, "float64"))
            held = cross_entropy(scores, held_y).item()
        share = 100.0 * float((scores.numpy().argmax(1) == held_y).mean())
        found.append((sum(losses) / len(y), held, share))
    return found


@pytest.mark.parametrize(("length", "batch"), [(100, 32), (57, 57), (7, 32)])
def test_digits_are_trained_as_the_eager_loop_does(
    length: int, batch: int, capsys: Printed
) -> None:
    expected = eager(length, batch, 4)
    given = [f"--length={length}", "--epochs=4", f"--batch-size={batch}", "--dtype=f64"]
    assert main(["train_digits", *given]) == 0
    out = capsys.readouterr().out
    found = epochs(out)
    assert [k for k, *_ in found] == [1, 2, 3, 4]
    for (_, *numbers), wanted in zip(found, expected, strict=True):
        assert numbers == pytest.approx(wanted, abs=6e-5, rel=0)
    assert f"| validation loss, accuracy | {expected[-1][1]:.4f}, {expected[-1][2]:.1f}% |" in out
    assert "| network | 64-64-32-10 |" in out
    assert "| parameters | 6,570 f64 |" in out


def test_reports_come_every_so_many_epochs(capsys: Printed) -> None:
    assert main(["train-mlp", "--epochs", "7", "--every", "3"]) == 0
    out = capsys.readouterr().out
    assert [k for k, *_ in epochs(out)] == [3, 6, 7]
    assert "| samples | 80, in batches of 10 |" in out
    assert "| epochs | 7, 56 steps |" in out


def test_moons_are_learnt(capsys: Printed) -> None:
    assert main(["train_mlp", "--epochs=100", "--length=100", "--lr=0.05"]) == 0
    assert epochs(capsys.readouterr().out)[-1][3] == 100.0


def test_the_same_seed_gives_the_same_numbers(capsys: Printed) -> None:
    printed = []
    for seed in ("4", "4", "5"):
        assert main(["train-mlp", "--epochs=3", "--shuffle", f"--seed={seed}"]) == 0
        printed.append(epochs(capsys.readouterr().out))
    assert printed[0] == printed[1] != printed[2]


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("command", ["train-mlp", "train-digits"])
def test_few_samples_are_trained_on(command: str, length: int, capsys: Printed) -> None:
    """From three on, one is held out; without any, there is no validation."""
    pytest.importorskip("sklearn")
    assert main([command, "--epochs", "2", "--length", str(length)]) == 0
    out = capsys.readouterr().out
    trained = length - (length > 2)
    assert f"| samples | {trained}, in batches of {trained} |" in out
    assert ("validation" in out) == (length > 2)
    assert "nan" not in out


def test_more_digits_than_there_are(capsys: Printed) -> None:
    pytest.importorskip("sklearn")
    assert main(["train-digits", "--length", "1798"]) == 1
    assert capsys.readouterr().err == (
        "micrograd: there are 1,797 digits, got a length of 1,798; give at most that\n"
    )


def test_curves_and_parameters_are_written(tmp_path: Path, capsys: Printed) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("sklearn")
    picture, saved = tmp_path / "curves.svg", tmp_path / "model.safetensors"
    given = ["--epochs", "2", "--length", "10", "--plot", str(picture), "--save", str(saved)]
    assert main(["train-digits", *given]) == 0
    out = capsys.readouterr().out
    assert f"the curves are in {picture}\n" in out
    assert "<svg" in picture.read_text()
    model = network("normal", rng=0)
    assert load(model, saved) == {"network": "normal", "steps": "2"}
    task = tasks.digits_task("normal", 10)
    loss, _ = task.evaluate(model, task.train)
    assert f"| training loss at the end, accuracy | {loss:.4f}, " in out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["curves.svg", "model.safetensors"]


def test_a_loss_that_is_not_finite_is_told(capsys: Printed) -> None:
    assert main(["train-mlp", "--epochs", "5", "--lr", "1e30"]) == 0
    assert re.search(
        r"\| not finite \| the loss of step \d+: lower --lr \|", capsys.readouterr().out
    )


def test_bigger_asks_for_memory_before_anything_is_drawn(
    monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.setattr("micrograd.memory.available", lambda: 2**28)
    monkeypatch.setattr(tasks, "perceptron", None)
    assert main(["train-digits", "--network", "bigger", "--length", "10"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("micrograd: training takes about 0.57 GiB more (parameters and their")
    assert "0.25 GiB are there" in err


def test_more_moons_than_memory_holds(monkeypatch: pytest.MonkeyPatch, capsys: Printed) -> None:
    monkeypatch.setattr("micrograd.memory.available", lambda: 2**34)
    assert main(["train-mlp", "--length", "1000000000"]) == 1
    err = capsys.readouterr().err
    assert err.startswith(
        "micrograd: training takes about 119.21 GiB more (samples 119.21 GiB), and"
    )
    assert "give fewer samples" in err


def test_ctrl_c_before_a_step_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("micrograd.train.tensor_plan.of_tensors", interrupted)
    saved = tmp_path / "model.npz"
    saved.write_bytes(b"an older model")
    assert main(["train-mlp", "--save", str(saved)]) == INTERRUPTED
    assert capsys.readouterr() == ("", "micrograd: interrupted\n")
    assert saved.read_bytes() == b"an older model"


def test_a_folder_that_cannot_be_written_is_seen_before_the_training(
    monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    def refuse(dir: Path) -> None:
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr("micrograd.cli.arguments.TemporaryFile", refuse)
    with pytest.raises(SystemExit) as left:
        main(["train-mlp", "--save", "model.npz"])
    assert left.value.code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "expected the name of a file in a directory that can be written, got " in error
    assert error.endswith("'model.npz': Permission denied")


def test_networks_of_either_precision() -> None:
    assert {p.dtype for p in perceptron([2, 3, 1], rng=0).parameters()} == {np.dtype("float32")}
    wide = perceptron([2, 3, 1], rng=0, dtype="float64").parameters()
    assert {p.dtype for p in wide} == {np.dtype("float64")}
    for a, b in zip(wide, perceptron([2, 3, 1], rng=0).parameters(), strict=True):
        assert np.array_equal(a.numpy().astype(np.float32), b.numpy())


# --- MNIST ----------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Forty training images and ten of the test, in MNIST's format, some gzipped."""
    rng = np.random.default_rng(0)
    for name, n in (("train", 40), ("t10k", 10)):
        pixels = rng.integers(0, 256, (n, 28, 28), np.uint8)
        classes = rng.integers(0, 10, n, np.uint8)
        for kind, a in (("images-idx3", pixels), ("labels-idx1", classes)):
            head = b"\0\0\x08" + bytes([a.ndim]) + b"".join(s.to_bytes(4, "big") for s in a.shape)
            path = tmp_path / f"{name}-{kind}-ubyte"
            path.write_bytes(head + a.tobytes())
            if name == "t10k":
                path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
                path.unlink()
    return tmp_path


@pytest.mark.parametrize(
    ("given", "samples", "held"), [([], 40, 10), (["--length=30"], 30, 1), (["--length=1"], 1, 1)]
)
def test_mnist_is_trained(
    given: list[str], samples: int, held: int, files: Path, capsys: Printed
) -> None:
    assert main(["train_mnist", "--epochs=1", f"--data={files}", *given]) == 0
    out = capsys.readouterr().out
    assert "| network | 784-64-32-10 |" in out
    assert f"| samples | {samples}, in batches of {min(32, samples)} |" in out
    task = tasks.mnist_task("normal", samples if given else None, files)
    assert task.held is not None
    assert len(task.held[1]) == held


def test_mnist_says_which_files_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train_mnist", "--epochs=10", "--length=100"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("micrograd: there is no train-images-idx3-ubyte in data/MNIST/raw: mnist")
    assert "put them into that folder" in err


# --- all networks, threads ------------------------------------------------------------------------


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks of those names that take no seconds."""
    pytest.importorskip("sklearn")
    for name, sizes in (("longer", (64, 16, 16, 16, 10)), ("bigger", (64, 96, 48, 24, 10))):
        monkeypatch.setitem(NETWORKS, name, sizes)


@pytest.mark.usefixtures("_small")
def test_all_networks_are_trained_one_after_the_other(capsys: Printed) -> None:
    assert main(["run_digits_training", "2", "100"]) == 0
    out = capsys.readouterr().out
    assert re.findall(r"\| samples \| (\d+),", out) == ["80", "8", "1"]
    assert re.findall(r"\| network \| (\S+) \|", out)[0] == "64-64-32-10"
    assert [line for line in out.splitlines() if line in NETWORKS] == ["normal", "longer", "bigger"]


def test_threads_change_no_number(monkeypatch: pytest.MonkeyPatch, capsys: Printed) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.setattr("micrograd.cli.training.cores", lambda: 3)
    monkeypatch.setitem(NETWORKS, "bigger", (64, 256, 256, 10))
    printed = []
    for threads in ("1", "2", "all"):
        given = ["--network=bigger", "--length=160", "--batch-size=64", "--epochs=2"]
        assert main(["train_digits", *given, f"--threads={threads}"]) == 0
        printed.append(epochs(capsys.readouterr().out))
    assert printed[0] == printed[1] == printed[2]


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("command", ["recommended-workers", "get_recommended_num_workers"])
def test_workers_are_measured_and_recommended(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setattr("micrograd.cli.workers.cores", lambda: 3)
    monkeypatch.setattr("micrograd.cli.workers.LONG", 0.0)
    measured: dict[int, float] = {}
    real = workers.epoch_seconds

    def measure(task: tasks.Task, batch: int, dtype: str, threads: int) -> float:
        seconds = real(task, batch, dtype, threads)
        assert 0.0 < seconds < 60.0
        measured[threads] = seconds
        return {1: 3.0, 2: 1.0, 3: 0.99}[threads]

    monkeypatch.setattr(workers, "epoch_seconds", measure)
    assert main([command, "--network", "normal", "--length", "20"]) == 0
    out = capsys.readouterr().out
    assert sorted(measured) == [1, 2, 3]
    assert "|  | 1 thread | 2 threads | 3 threads | recommended |" in out
    assert "| normal | 3 s | 1 s | 990 ms | 2 |" in out


# --- spelling, Ctrl-C -----------------------------------------------------------------------------


def test_names_with_underscores() -> None:
    assert spelt(["train_mlp", "--epochs=10", "--batch_size", "3", "--save=my_file.npz"]) == [
        "train-mlp", "--epochs=10", "--batch-size", "3", "--save=my_file.npz",
    ]  # fmt: skip
    assert spelt([]) == []


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_keeps_what_was_learnt(tmp_path: Path) -> None:
    saved = tmp_path / "model.npz"
    command = ["train-mlp", "--epochs", "100000000", "--every", "1000", "--save", str(saved)]
    process = subprocess.Popen(
        [sys.executable, "-m", "micrograd", *command],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("epoch 1000 loss ")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert err.splitlines()[-1] == "micrograd: interrupted"
    assert "Traceback" not in err
    assert "| training loss at the end, accuracy |" in out
    model = network("mlp", rng=0)
    steps = int(load(model, saved)["steps"])
    assert steps >= 8000
    assert f" {steps} steps |" in out
