"""Rows of run-time length that begin on the boundaries of vectors."""

from __future__ import annotations

import re
from random import Random

import numpy as np
import pytest

from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule.spaced import spaced
from micrograd.jit.target import Target

from ...nested_programs import random_inputs, random_program


def program_of(text: str) -> Program:
    return verify(parse(re.sub("^        ", "", text, flags=re.MULTILINE)))


TRIANGLE = """
        input x[6, 5]
        input at[6] i64 < 2
        temp w[6, 2, 5]
        output y[6]

        w[i] = -0.0  for i < 60
        w[i, j, k] += mul(x[i, k], 2.0)  for i < 5, j < 2, k < i + 1
        y[i] = w[i, 1, 0]  for i < 6
        y[i] += w[i, at[i], k]  for i < 6, k < 5
        """


@pytest.mark.parametrize(("lanes", "room"), [(4, 8), (8, 8), (16, 5)])
def test_rows_are_whole_vectors(lanes: int, room: int) -> None:
    """All ways to read and write them; not where they are less than half a vector."""
    program = program_of(TRIANGLE.replace("w[i, at[i], k]", "w[5*at[i] + 10*i + k]"))
    target = Target.host("f4", vector_bits=32 * lanes)
    found = spaced(program, target)
    assert found.arrays["w"].shape == (6, 2, room)
    assert (found is program) == (room == 5)
    given = random_inputs(program, Random(0), whole=True)
    assert interpret(found, given)["y"].tolist() == interpret(program, given)["y"].tolist()


@pytest.mark.parametrize(
    "crossing",
    [
        "y[i] += w[i + j]  for i < 6, j < 6",
        "y[i] += w[at[i] + 9*i]  for i < 6",
        "y[i] += w[at[i] + 10*i + 4]  for i < 6",  # where an entry is 1
        "y[i] += w[2*i + 9]  for i < 6",
    ],
)
def test_what_crosses_the_ends_of_rows_keeps_them(crossing: str) -> None:
    text = TRIANGLE.replace("y[i] += w[i, at[i], k]  for i < 6, k < 5", crossing)
    program = program_of(text)
    assert spaced(program, Target.host("f4", vector_bits=256)) is program


def test_random_programs_compute_the_same() -> None:
    changed = 0
    for seed in range(120):
        program = random_program(Random(seed), whole=True)
        given = random_inputs(program, Random(seed), whole=True)
        for bits in (256, 512):
            found = spaced(program, Target.host(vector_bits=bits))
            if found is not program:
                changed += 1
                expected = interpret(program, given)
                for name, numbers in interpret(found, given).items():
                    assert np.array_equal(numbers, expected[name], equal_nan=True), (seed, name)
    assert changed > 20
