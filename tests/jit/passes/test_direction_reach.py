"""Directions that do not reach a tangent, in a loop of all of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from micrograd import jit
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import dump
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes import forward
from tests.unreached import check

TURNS = """
input x[4]
input c[1]
temp a[4]
output out[4]

a = mul(x, x)
for i < 3 in order:
  a[i + 1] = mul(mul(a[i], x[i + 1]), c)
out[i] = a[i]  for i < 4
"""


def test_a_direction_reaches_what_comes_behind_it_in_a_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forward, "UNROLLED", -1)
    places = np.indices((4, 4)).reshape(2, -1)
    wrt = [("x", k) for k in range(4)]
    program = verify(forward.jacobian(parse(TURNS), wrt, "out", "matrix", places), "forward")
    assert "d_a" in dump(program)
    found = interpret(program, {"x": [1.0, 2.0, 3.0, 4.0], "c": [math.nan]})["matrix"]
    later = np.triu(np.ones((4, 4)), 1) > 0
    assert (found.reshape(4, 4)[later] == 0.0).all()
    assert np.isnan(found.reshape(4, 4)[1:][~later[1:]]).all()


@pytest.mark.parametrize("strict", [True, False])
def test_a_nan_in_one_number_stays_in_its_row(strict: bool) -> None:
    q = [1.0 + k for k in range(16)]
    q[3] = math.nan
    kernel = jit(lambda p, q: [p[0] * x * x + p[1] for x in q], dtype="f64", strict=strict)
    shared, own = (np.array(block) for block in kernel.jacobian([2.0, 1.0], q))
    assert np.isnan(shared[:, 0]).nonzero()[0].tolist() == [3]
    assert np.argwhere(np.isnan(own)).tolist() == [[3, 3]]


@pytest.mark.parametrize("seed", [3, 6])
def test_random_functions_of_what_is_not_reached(seed: int) -> None:
    check(seed, (9, 16, 17))
