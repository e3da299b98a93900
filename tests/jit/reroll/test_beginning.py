"""Of long traces, the beginning tells whether another look is worth its time."""

from __future__ import annotations

from typing import Any

import pytest

import micrograd
from benchmarks.peers.loops import work_of
from micrograd.jit.reroll import beginning
from micrograd.jit.reroll.loops import looped

from ...regular import traced


@pytest.mark.parametrize("many", [9_000, 14_000, 20_000])
def test_long_traces_have_the_program_of_short_ones(many: int, monkeypatch: Any) -> None:
    work = work_of({"program": "lstm", "sizes": [30]})
    t = traced(work.program(micrograd), work.numbers)
    short = looped(t.graph, "out", 60)
    assert short is not None
    monkeypatch.setattr(beginning, "MANY", many)
    assert beginning.beginning(t.graph) is not None
    assert str(looped(t.graph, "out", 60)) == str(short)
