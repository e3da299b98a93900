"""Loops that carry a maximum pass over blocks in which it stays what it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from micrograd import exp, jit, log, maximum
from micrograd.jit.ir.program import Statement
from micrograd.jit.schedule.repeat import Repeat
from micrograd.jit.schedule.schedule import schedule
from tests.maxima import check
from tests.targets import assumed


def largest(x: Any) -> Any:
    top = x[0]
    for a in x[1:]:
        top = maximum(top, a)
    return top


def repeats(kernel: Any) -> list[Repeat]:
    """The loops in blocks of a kernel that was called."""
    return [step for step in kernel._shown.code.schedule.steps if isinstance(step, Repeat)]


def test_blocks_are_done_at_once_where_one_comparison_holds() -> None:
    with assumed(vector_bits=512):
        kernel = jit(largest).value_and_grad
        value, partials = kernel([float(k % 300) for k in range(400)])
    assert value == 299.0
    assert [k for k, d in enumerate(partials) if d] == [299]
    found = repeats(kernel)
    assert [(r.count, r.backwards, r.points) for r in found] == [(12, False, 32), (12, True, 1)]
    text = "\n".join(found[0].lines(kernel._shown.code.schedule.program.arrays))
    assert "at once, where gt(" in text


def in_the_middle(x: Any) -> Any:
    tops = [x[0]]
    for a in x[1:]:
        tops.append(maximum(tops[-1], a))
    return tops[-1] * tops[200]


@pytest.mark.parametrize("f", [largest, in_the_middle])
def test_only_the_last_number_of_a_block_is_written_unless_others_are_read(f: Any) -> None:
    kernel = jit(f).value_and_grad
    numbers = [float(k * 7 % 300) for k in range(400)]
    assert kernel(numbers) == jit(f, strict=True).value_and_grad(numbers)
    alone = [isinstance(r.at_once[0], Statement) for r in repeats(kernel)]
    assert alone == ([True, True] if f is largest else [False])


def test_functions_tell_each_other_which_blocks_are_done_at_once(monkeypatch: Any) -> None:
    def f(x: Any) -> Any:
        top = largest(x)
        return 2.0 * top + log(sum(exp(a - top) for a in x))

    numbers = [float(k * 7 % 300) / 100 for k in range(400)]
    wanted = jit(f).value_and_grad(numbers)
    monkeypatch.setitem(schedule.__globals__, "WHOLE_OPS", 4)
    monkeypatch.setitem(schedule.__globals__, "CHUNK_OPS", 4)
    kernel = jit(f).value_and_grad
    value, partials = kernel(numbers)
    assert value == wanted[0]
    assert np.allclose(partials, wanted[1], rtol=4e-16, atol=0.0)  # others are fused by LLVM
    assert len(kernel._shown.code.schedule.functions) > 2
    assert [r.points for r in repeats(kernel)] == [32, 1]


def test_short_loops_are_not_cut() -> None:
    kernel = jit(largest).value_and_grad
    kernel([float(k) for k in range(200)])
    assert repeats(kernel) == []


@pytest.mark.parametrize("seed", range(5))
def test_random_chains_give_what_backward_gives(seed: int) -> None:
    check(seed)
