"""Gradients with respect to stretches of arrays are those with respect to their elements."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.passes.stretches import Stretch, stretches

TEXT = """
input x[12]
input w[6]
output out[1]

out = 0.0
out += mul(x[2*i], w[i + 2])  for i < 4
"""


@pytest.mark.parametrize("seed", range(20))
def test_a_stretch_is_its_elements(seed: int) -> None:
    r, program = Random(seed), verify(parse(TEXT))
    given = {"x": np.arange(12.0) + 1, "w": np.arange(6.0) + 20}
    wrt: list[Stretch | None] = []
    for _ in range(r.randint(1, 5)):
        name = r.choice("xw")
        size = program.arrays[name].size
        first = r.randrange(size)
        each = Stretch(name, first, r.randint(1, size - first))
        wrt.append(each if r.random() < 0.85 else None)
    elements = [
        element
        for each in wrt
        for element in (
            [(each.array, each.first + k) for k in range(each.length)] if each else [None]
        )
    ]
    assert sum(each.length if each else 1 for each in stretches(elements)) == len(elements)
    found, expected = (
        interpret(verify(gradient(program, ("out", 0), by)), given)["grad"]
        for by in (wrt, elements)
    )
    slopes = {
        **{("x", 2 * k): 22.0 + k for k in range(4)},
        **{("w", k + 2): 2.0 * k + 1 for k in range(4)},
    }
    exact = [slopes.get(element, 0.0) if element else 0.0 for element in elements]
    assert found.tolist() == expected.tolist() == exact


def test_a_gradient_of_millions_of_elements_takes_no_statement_for_each() -> None:
    program = parse(
        "input x[4000000]\ninput w[3]\noutput out[1]\n\nout = 0.0\n"
        "out += mul(x[3*i], w[i])  for i < 3"
    )
    wrt = [Stretch("x", 10, 3999990), Stretch("w", 0, 3)]
    found = gradient(program, ("out", 0), wrt)
    assert found.arrays["grad"].size == 3999993
    assert len(found.statements) < 12
