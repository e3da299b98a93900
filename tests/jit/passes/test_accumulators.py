"""Versions of an array that a loop adds to, step by step, become sums in place."""

from __future__ import annotations

import numpy as np
import pytest

from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program, dump
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.accumulators import accumulated
from tests.by_values import compared
from tests.grids import source as grid
from tests.updates import check


def columns(expr: str, out: str = "t[i + 1, 0]", kept: str = "add") -> Program:
    """Columns of a triangle, one after the other added to what is left of a vector."""
    return verify(
        parse(
            f"""
input x[9]
input w[81]
temp t[10, 10]
output out[9]

t[0, i] = mul(x[0], w[i])  for i < 10
for i < 9 in order:
  t[i + 1, j] = {kept}({expr}, t[i, j + 1])  for j < -1*i + 9
out[i] = {out}  for i < 9
"""
        )
    )


def test_versions_become_sums() -> None:
    program = columns("mul(x[i], w[9*i + j])")
    found = accumulated(program)
    assert dump(found).splitlines()[2:] == [
        "temp t[10]",
        "output out[9]",
        "",
        "t[i] = mul(x, w[i])  for i < 10",
        "t[i + j + 1] += mul(x[i], w[9*i + j])  for i < 9, j < -1*i + 9",
        "out[i] = t[i + 1]  for i < 9",
    ]
    given = {"x": np.arange(9.0) + 1, "w": np.sin(np.arange(81.0))}
    assert interpret(found, given)["out"].tolist() == interpret(program, given)["out"].tolist()


def test_what_is_taken_away_is_added_negated() -> None:
    program = columns("t[i, j + 1]", kept="sub")
    text = dump(program).replace("sub(t[i, j + 1], t[i, j + 1])", "sub(t[i, j + 1], w[9*i + j])")
    found = accumulated(verify(parse(text)))
    assert "t[i + j + 1] += neg(w[9*i + j])  for i < 9, j < -1*i + 9" in dump(found)


@pytest.mark.parametrize(
    ("expr", "out"),
    [
        ("mul(x[i], w[9*i + j])", "t[i, 1]"),  # a version that is not the last
        ("mul(x[i], t[i, j + 1])", "t[i + 1, 0]"),  # what it adds needs a version, too
        ("mul(x[i], t[0, j])", "t[i + 1, 0]"),
    ],
)
def test_versions_that_are_needed_stay(expr: str, out: str) -> None:
    program = columns(expr, out)
    assert accumulated(program) is program


def test_only_sums_are_made_in_place() -> None:
    program = columns("mul(x[i], w[9*i + j])", kept="mul")
    assert accumulated(program) is program


@pytest.mark.parametrize("seed", [3, 12, 14, 40])
def test_random_updates_give_what_backward_gives(seed: int) -> None:
    assert check(seed, (256, 512)) == [True]


def test_a_program_that_is_not_the_trace_s_is_not_used() -> None:
    """Its statements once had other numbers of points than of values, which was an error."""
    compared(grid(1313), 1313, (512,))
