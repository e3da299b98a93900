"""Temporaries that lie where a result does."""

from __future__ import annotations

from typing import Any

import pytest

from micrograd import exp, jit, log
from micrograd.jit.ir.parse import parse
from micrograd.jit.schedule.in_results import in_results
from micrograd.jit.schedule.schedule import schedule
from micrograd.jit.target import Target
from tests.in_results import all_large, check

CHAIN = """
input x[20]
temp e[20]
output out[20]

e[i] = exp(x[i])  for i < 20
s = 0.0
s += e[i]  for i < 20
out[i] = mul(e[i], s)  for i < 20
"""


def within(text: str, **how: Any) -> dict[str, str]:
    with all_large():
        return schedule(parse(text), Target.host(), **how).within


def test_what_a_result_is_made_of_lies_there() -> None:
    assert within(CHAIN) == {"e": "out"}
    assert within(CHAIN, points=True) == {}


def test_what_is_not_large_lies_in_memory_of_its_own() -> None:
    planned = schedule(parse(CHAIN), Target.host())
    assert planned.within == {}
    assert "e" in planned.workspace


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("mul(e[i], s)", "mul(e[19 - i], s)"),  # another element is read
        ("mul(e[i], s)", "mul(add(e[i], e[0]), s)"),  # another one as well
        ("output out[20]", "output out[21]"),  # there is more of the result
        ("out[i] = mul(e[i], s)", "out[19 - i] = mul(e[i], s)"),
        ("for i < 20\n", "for i < 20\ny = e[3]\n"),  # it is read, but before
    ],
)
def test_where_it_would_be_overwritten(old: str, new: str) -> None:
    text = CHAIN.replace(old, new)
    if "[21]" in new:
        text += "out[20] = s\n"
    expected = {"e": "out"} if "y =" in new else {}
    assert within(text) == expected


def test_what_is_read_later_is_not_overwritten() -> None:
    text = CHAIN.replace("output out[20]", "output out[20]\noutput last[20]")
    text += "z = 0.0\nz += mul(x[i], s)  for i < 20\nlast[i] = add(e[i], z)  for i < 20\n"
    assert within(text) == {"e": "last"}


def test_nothing_lies_there_that_needs_no_memory() -> None:
    planned = schedule(parse(CHAIN), Target.host())
    assert in_results(planned.steps, planned.program.arrays, ()) == {}


def test_a_long_log_of_a_sum_of_exponentials_needs_no_workspace() -> None:
    def f(x: Any) -> Any:
        return log(sum(exp(a) for a in x))

    kernel: Any = jit(f).value_and_grad
    kernel([0.001 * k for k in range(40_000)])
    planned = kernel._shown.code.schedule
    assert list(planned.within.values()) == ["grad"]
    assert planned.workspace == {}


@pytest.mark.parametrize("seed", range(8))
def test_random_chains(seed: int) -> None:
    check(seed, (256,))
