"""The benchmark of GPUs runs, small, on this machine. Nothing here looks at times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gpu


def test_it_runs_and_its_answers_are_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "SIZES", (129,))
    monkeypatch.setattr(gpu, "PEERS", {})
    monkeypatch.setattr(gpu, "KINDS", gpu.KINDS[:2])
    path = tmp_path / "gpu.json"
    assert gpu.main(["--target", "host", "--small", str(path)]) == 0
    found: dict[str, Any] = json.loads(path.read_text())
    assert found["target"] == "host"
    assert [x["n"] for x in found["answers"]] == [129] * 2
    assert all(x["right"] for x in found["answers"])
    assert [x["case"] for x in found["times"]] == ["price and its gradient"]
    capsys.readouterr()


def test_wrong_answers_and_failures_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "SIZES", (3,))
    monkeypatch.setattr(gpu, "KINDS", gpu.KINDS[:1])
    monkeypatch.setattr(gpu, "exact", lambda x, y: x / 3.0)
    monkeypatch.setattr(gpu.Case, "expected", lambda case: case.arguments[0] / 2.0)
    assert gpu.main(["--target", "host", "--small"]) == 1
    assert '"right": false' in capsys.readouterr().out
    assert gpu.error([1.0, float("nan")], [1.0, 2.0]) == float("inf")


def test_without_a_driver_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("micrograd.gpu.cuda._NAMES", ("libnothing.so",))
    assert gpu.main(["--small"]) == 1
    shown = capsys.readouterr()
    assert "no NVIDIA driver" in shown.err
    assert json.loads(shown.out)["failed"].startswith("there is no NVIDIA driver")
