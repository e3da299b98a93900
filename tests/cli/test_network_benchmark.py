"""run-digits-benchmark: peers give the same losses, tables and files, and what is not measured."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd.cli import main, network_peers, network_sweep
from micrograd.cli.contestants import limits
from micrograd.cli.network_sweep import Entrant, NetworkSweep, Sample, entrants
from micrograd.cli.progress import Progress
from micrograd.nn import network

Printed = pytest.CaptureFixture[str]


def setting(tmp_path: Path, loss: str, rows: int = 23, dtype: str = "f64") -> dict[str, Any]:
    """Random data in two batches of ten and a smaller one."""
    rng = np.random.default_rng(rows)
    outputs = 1 if loss == "max_margin" else 3
    y = rng.integers(0, 3, rows) if outputs == 3 else rng.choice([-1, 1], rows)
    np.savez(tmp_path / "data.npz", x=rng.normal(size=(rows, 4)), y=y)
    return {
        "data": str(tmp_path / "data.npz"),
        "sizes": [4, 7, 5, outputs],
        "seed": 3,
        "loss": loss,
        "batch": 10,
        "epochs": 3,
        "lr": 0.05,
        "dtype": dtype,
        "threads": 1,
    }


@pytest.mark.parametrize("loss", ["cross_entropy", "max_margin"])
@pytest.mark.parametrize("rows", [23, 20, 4])
@pytest.mark.parametrize("name", ["this project", "micrograd", "PyTorch", "JAX"])
def test_peers_lose_as_the_reference_does(name: str, rows: int, loss: str, tmp_path: Path) -> None:
    if name in ("PyTorch", "JAX"):
        pytest.importorskip({"PyTorch": "torch", "JAX": "jax"}[name])
    if name == "micrograd" and loss != "max_margin":
        return  # it takes part in the MLP only
    given = setting(tmp_path, loss, rows)
    expected, _ = network_peers.numpy(given)()
    assert len(expected) == 3
    train = network_peers.PEERS[name](given)
    for _ in range(1 if name == "micrograd" else 2):  # from the same weights again
        losses, seconds = train()
        assert losses == pytest.approx(expected, rel=1e-9)
        assert seconds > 0.0


def test_the_reference_starts_again_from_the_same_weights(tmp_path: Path) -> None:
    train = network_peers.numpy(setting(tmp_path, "cross_entropy"))
    assert train()[0] == train()[0]


def test_weights_are_those_of_the_networks() -> None:
    given = {"sizes": (64, 64, 32, 10), "seed": 1337, "dtype": "f32"}
    flat = [a for pair in network_peers.weights(given) for a in pair]
    for array, p in zip(flat, network("normal").parameters(), strict=True):
        assert np.array_equal(array, p.numpy())


def test_tables_samples_and_chart(tmp_path: Path, capsys: Printed) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("sklearn")
    table, rows, chart = tmp_path / "a.md", tmp_path / "a.csv", tmp_path / "a.svg"
    given = ["--network", "mlp,normal", "--length=100", "--epochs=2", "--rounds=1", "--threads=1"]
    files = ["--markdown", str(table), "--csv", str(rows), "--plot", str(chart)]
    assert main(["run_digits_benchmark", *given, *files]) == 0
    out = capsys.readouterr().out
    assert table.read_text().strip() in out
    assert "2 epochs of gradient descent, every layer trained: mlp 8 samples, 8 a batch, " in out
    assert "| pycrograd, published | 8.72 s | 121 s |" in out
    assert "| mocrograd's best workers, published |  | 20.3 s |" in out
    assert "- pycrograd: no folder was given (--pycrograd)" in out
    assert "- micrograd: takes no part in normal, for which it is too slow" in out
    found = list(csv.DictReader(rows.read_text().splitlines()))
    for name, networks in (
        ("NumPy", ["mlp", "normal"]),
        ("this project", ["mlp", "normal"]),
        ("micrograd", ["mlp"]),
    ):
        assert [r["network"] for r in found if r["contestant"] == name] == networks
    for r in found:
        assert 0.0 < float(r["training_seconds"]) < float(r["whole_seconds"])
        assert r["epochs_measured"] == "2"
        same = [float(o["first_loss"]) for o in found if o["network"] == r["network"]]
        assert float(r["first_loss"]) == pytest.approx(same[0], rel=1e-3)
        assert float(r["last_loss"]) < float(r["first_loss"])
    assert "<svg" in chart.read_text()


# --- who takes part -------------------------------------------------------------------------------


def sweep(tmp_path: Path, **given: Any) -> NetworkSweep:
    asked = {
        "epochs": 2, "rounds": 1, "dtype": "f32", "budget": 60.0, "network": ["mlp"],
        "length": 100, "threads": ["1"], "pycrograd": None, "peer": [], **given,
    }  # fmt: skip
    return NetworkSweep(Namespace(**asked), tmp_path, Progress(1, ""))


def test_workers_that_are_as_many_are_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    found = [c for c in entrants(["1", "2", "all", "dynamic"]) if not c.interpreted]
    assert [(c.label, c.threads) for c in found if c.name in ("NumPy", "this project")] == [
        ("NumPy", 1),
        ("NumPy, 2/all/dynamic workers", 2),
        ("this project", 1),
        ("this project, 2/all/dynamic workers", 2),
    ]
    assert limits(1)["OPENBLAS_NUM_THREADS"] == "1"
    assert "multi_thread_eigen=false" in limits(1)["XLA_FLAGS"]
    assert "multi_thread_eigen=true" in limits(2)["XLA_FLAGS"]


def test_losses_that_differ_are_seen(tmp_path: Path) -> None:
    swept = sweep(tmp_path)
    (case,) = swept.cases
    by_name = {c.name: c for c in swept.all}
    swept._expected["mlp"] = [2.0, 1.0]
    assert swept._right(by_name["this project"], case, [2.0, 1.0 + 1e-7], "f64")
    assert swept._right(by_name["this project"], case, [2.001, 1.2], "f32")
    assert not swept._right(by_name["pycrograd"], case, [2.003, 1.0], "f32")
    assert not swept._right(by_name["JAX"], case, [2.0, 1.00001], "f64")
    assert by_name["JAX"].status == ("wrong: loss 1.00001 of epoch 2 of mlp in f64, should be 1.0")
    assert not swept._right(by_name["PyTorch"], case, [float("nan"), 1.0], "f32")


def test_an_interpreter_that_would_exceed_its_budget_is_not_measured(tmp_path: Path) -> None:
    swept = sweep(tmp_path, budget=1e-9)
    swept.run()
    (slow,) = [c for c in swept.all if c.name == "micrograd"]
    assert not slow.samples
    (note,) = [n for n in swept.notes() if n.startswith("micrograd:")]
    assert note.startswith("micrograd: mlp: not measured: an epoch takes ")
    assert note.endswith(", more than its budget of 1e-09 s (--budget)")


def test_an_interpreter_is_measured_for_the_epochs_that_it_can_afford(tmp_path: Path) -> None:
    swept = sweep(tmp_path, epochs=10, rounds=3, length=1000)
    (case,), c = swept.cases, next(c for c in swept.all if c.name == "micrograd")
    swept._write(case, "all", case.rows)
    c.epochs["mlp"] = 2
    assert swept._affordable(c, case)
    swept._sample(c, case, "")
    (sample,) = c.samples["mlp"]
    assert len(sample.losses) == 2
    assert sample.whole - sample.loop < sample.loop  # eight of ten epochs are in both
    assert not swept._affordable(c, case)
    c.epochs["mlp"] = 10
    assert swept._affordable(c, case)
    swept.budget = 1.5 * sample.loop
    assert not swept._affordable(c, case)


def test_what_is_wrong_in_a_later_epoch_than_the_first_is_seen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of a single batch, the first loss is there before anything was updated."""
    swept = sweep(tmp_path, length=10)
    (case,) = swept.cases
    assert case.rows == 1
    train = swept._train

    def without_updates(c: Entrant, again: bool = False, **setting: Any) -> Any:
        return train(c, again, **{**setting, "lr": 0.0 if c.name == "this project" else 0.01})

    monkeypatch.setattr(swept, "_train", without_updates)
    swept.run()
    (ours,) = [c for c in swept.all if c.name == "this project"]
    assert ours.status.startswith("wrong: loss ")
    assert " of epoch 2 of mlp in f64, should be " in ours.status


def test_what_was_measured_is_shown_after_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Printed
) -> None:
    sample = NetworkSweep._sample

    def interrupted(self: NetworkSweep, c: Entrant, case: Any, when: str) -> None:
        if when.startswith("round 2") and c.name == "this project":
            raise KeyboardInterrupt
        sample(self, c, case, when)

    monkeypatch.setattr(NetworkSweep, "_sample", interrupted)
    given = ["--network=mlp", "--length=10", "--epochs=2", "--rounds=3", "--threads=1"]
    file = tmp_path / "a.csv"
    assert main(["run_digits_benchmark", *given, "--csv", str(file)]) == 130
    captured = capsys.readouterr()
    assert captured.err.endswith("micrograd: interrupted\n")
    assert "- interrupted in round 2 of 3, mlp" in captured.out
    found = [(r["contestant"], r["round"]) for r in csv.DictReader(file.read_text().splitlines())]
    assert ("NumPy", "1") in found
    assert ("this project", "0") in found
    assert ("this project", "1") not in found


@pytest.mark.parametrize("module", ["network_peers", "peers"])
def test_a_process_whose_parent_is_gone_ends_quietly(module: str) -> None:
    serve = Path(network_peers.__file__).with_name("serve.py")
    process = subprocess.Popen(
        [sys.executable, str(serve), module, "NumPy"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stdin.write('{"do": "train", "id": "unknown"}\n')
    process.stdin.close()
    assert process.wait(60) == 1
    assert process.stderr.read() == ""
    process.stderr.close()


def test_pycrograd_that_is_not_there_fails(tmp_path: Path, capsys: Printed) -> None:
    given = ["--network=mlp", "--length=10", "--epochs=1", "--rounds=1", "--threads=1"]
    peer = ["--pycrograd", str(tmp_path), "--peer", f"pycrograd={sys.executable}"]
    assert main(["run_digits_benchmark", *given, *peer]) == 1
    captured = capsys.readouterr()
    assert "pycrograd: failed: ModuleNotFoundError: No module named 'pycrograd'" in captured.err
    assert "this project" in captured.out


def test_an_unknown_peer(capsys: Printed) -> None:
    assert main(["run_digits_benchmark", "--peer", f"theano={sys.executable}"]) == 1
    assert "--peer takes micrograd, pycrograd, torch, jax, not theano" in capsys.readouterr().err


def test_medians_are_of_rounds() -> None:
    c = Entrant(
        "JAX", samples={"mlp": [Sample(*t, []) for t in [(3.0, 1.0), (9.0, 2.0), (4.0, 7.0)]]}
    )
    assert (c.median("mlp", "whole"), c.median("mlp", "loop")) == (4.0, 2.0)
    assert c.median("normal", "whole") is None


@pytest.mark.parametrize(("length", "rows"), [(1, [1, 1, 1, 1]), (1000, [80, 800, 80, 8])])
def test_networks_have_their_shares_of_the_length(length: int, rows: list[int]) -> None:
    pytest.importorskip("sklearn")
    names = ["mlp", "normal", "longer", "bigger"]
    assert [case.rows for case in network_sweep.cases(names, length)] == rows
