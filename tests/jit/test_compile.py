"""Code of programs, asked for by several threads and processes."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from micrograd import jit, tanh
from micrograd.errors import CompilerError
from micrograd.jit import compile as compiler
from micrograd.jit.ir.program import Program
from micrograd.jit.schedule import schedule as scheduler


def test_a_program_is_scheduled_while_another_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a child may do it that was forked meanwhile: nothing is held for all programs."""
    schedule, begun, done = scheduler.schedule, threading.Event(), threading.Event()
    slow = []

    def waiting(*args: Any, **options: Any) -> Any:
        if threading.current_thread() in slow:
            begun.set()
            assert done.wait(60)
        return schedule(*args, **options)

    monkeypatch.setattr(scheduler, "schedule", waiting)
    results: list[float] = []
    one = threading.Thread(target=lambda: results.append(jit(lambda x: x * 2.5)(1.0)))
    other = threading.Thread(
        target=lambda: results.append(jit(lambda x: x * 3.5)(1.0)), daemon=True
    )
    slow.append(one)
    one.start()
    assert begun.wait(60)
    other.start()
    other.join(20)
    first = list(results)
    done.set()
    one.join()
    other.join()
    assert first == [3.5]
    assert sorted(results) == [2.5, 3.5]


@pytest.mark.parametrize("check", ["", "1"])
@pytest.mark.parametrize("place", [0, 1, 5])
def test_the_pass_that_is_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch, place: int, check: str
) -> None:
    """Whether programs are verified behind every pass, or at the end, and those again."""

    def wrong(program: Program, target: Any) -> Program:
        return replace(program, body=program.body[::-1])

    monkeypatch.setenv("MICROGRAD_CHECK", check)
    passes = list(compiler.PASSES)
    passes.insert(place, compiler.Pass("turn_round", wrong, "program"))
    monkeypatch.setattr(compiler, "PASSES", tuple(passes))
    with pytest.raises(CompilerError, match="after turn_round, statement 0"):
        jit(lambda x: tanh(tanh(x) * x + 1.0) * tanh(x))(1.0)
