"""The benchmark of frameworks runs; what it measures is for a quiet machine."""

from __future__ import annotations

import shutil

import pytest

pytest.importorskip("jax")

from benchmarks import frameworks


@pytest.mark.skipif(shutil.which("c++") is None, reason="no compiler for C++")
def test_the_overhead_of_an_operator_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frameworks, "CALLS", 2)
    found = frameworks.of_jax(rounds=2)
    assert found["bar"] == 1.1
    assert all(time > 0.0 for time in found["microseconds (medians)"].values())
