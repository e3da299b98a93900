"""The benchmark of frameworks runs; what it measures is for a quiet machine."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from benchmarks import frameworks


def test_the_overhead_of_an_operator_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frameworks, "CALLS", 2)
    found = frameworks.of_torch(rounds=2)
    assert found["bar"] == 3.0
    assert all(time > 0.0 for time in found["microseconds (medians)"].values())
