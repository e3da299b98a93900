"""Tangents along all directions, of which only squares along a diagonal are not zero."""

from __future__ import annotations

import math

import numpy as np
import pytest

from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program, dump
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes import forward
from tests.many_things import check

EACH = """
input x[12]
temp a[12]
output out[6]

a[i] = log(x[i])  for i < 12
out[i] = 0.0  for i < 6
out[i] += mul(a[2*i + j], a[2*i + j])  for i < 6, j < 2
"""


def looped(text: str, monkeypatch: pytest.MonkeyPatch) -> Program:
    """The Jacobian of a program by all its inputs, in a loop of directions."""
    monkeypatch.setattr(forward, "UNROLLED", -1)
    program = parse(text)
    n, m = program.arrays["out"].size, program.arrays["x"].size
    wrt = [("x", k) for k in range(m)]
    places = np.indices((n, m)).reshape(2, -1)
    return verify(forward.jacobian(program, wrt, "out", "matrix", places), "forward")


def test_statements_run_along_the_diagonal_and_arrays_have_its_squares(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = dump(looped(EACH, monkeypatch)).splitlines()
    assert "temp d_a[6, 2, 2]" in lines
    (made,) = [line for line in lines if line.startswith("d_a[")]
    assert made.endswith("for i < 6, j < 2, k < 2")
    assert any(line.startswith("d_out[13*i + 6*j] +=") for line in lines)


def test_directions_of_another_thing_are_not_multiplied(monkeypatch: pytest.MonkeyPatch) -> None:
    program = looped(EACH, monkeypatch)
    x = [0.0, *np.arange(1.0, 12.0)]
    found = interpret(program, {"x": x})["matrix"].reshape(6, 12)
    assert found[0, 0] == -math.inf
    assert np.isfinite(found[1:]).all()


def test_what_all_things_share_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = EACH.replace("a[2*i + j])", "a[j])")
    assert "d_a[12, 12]" not in dump(looped(shared, monkeypatch))
    assert "temp d_a[144]" in dump(looped(shared, monkeypatch))


@pytest.mark.parametrize(("seed", "bits"), [(1, 128), (3, 256), (7, 512)])
def test_random_functions_of_many_things(seed: int, bits: int) -> None:
    assert all(check(seed, (bits,)))
