"""Code of programs, asked for by several threads and processes."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from micrograd import jit
from micrograd.jit import compile as compiler


def test_a_program_is_scheduled_while_another_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a child may do it that was forked meanwhile: nothing is held for all programs."""
    schedule, begun, done = compiler.schedule, threading.Event(), threading.Event()
    slow = []

    def waiting(*args: Any, **options: Any) -> Any:
        if threading.current_thread() in slow:
            begun.set()
            assert done.wait(60)
        return schedule(*args, **options)

    monkeypatch.setattr(compiler, "schedule", waiting)
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
