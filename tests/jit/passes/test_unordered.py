"""Loops in order whose iterations have nothing to do with each other."""

from __future__ import annotations

import re
from random import Random

import numpy as np
import pytest

from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.unordered import unordered

from ...nested_programs import random_inputs, random_program


def program_of(inside: str, most: int = 4) -> Program:
    head = f"""
        input x[8, {most}, 4]
        temp a[9, {most}, 4]
        temp b[8, {most}]
        temp c[8]
        output out[8]

        a[0, j, k] = 1.0  for j < {most}, k < 4
        for i < 8 in order:
          c[i] = 0.0
          for j < {most} in order:
"""
    end = f"""
          out[i] = c[i]
          out[i] += b[i, j]  for j < {most}
"""
    text = head + "\n".join(" " * 12 + line for line in inside.split("; ")) + end
    return verify(parse(re.sub("^        ", "", text, flags=re.MULTILINE).lstrip("\n")))


def body(program: Program) -> list[str]:
    return str(program).split("\n\n")[1].split("\n")[1:]


SUM = "b[i, j] = 0.0; b[i, j] += x[i, j, k]  for k < 4"


def test_a_loop_inside_of_another_is_statements() -> None:
    found = unordered(program_of(SUM + "; a[i + 1, j, k] = b[i, j]  for k < 4"))
    assert body(found) == [
        "for i < 8 in order:",
        "  c[i] = 0.0",
        "  b[i, j] = 0.0  for j < 4",
        "  b[i, j] += x[i, j, k]  for j < 4, k < 4",
        "  a[i + 1, j, k] = b[i, j]  for j < 4, k < 4",
        "  out[i] = c[i]",
        "  out[i] += b[i, j]  for j < 4",
    ]


@pytest.mark.parametrize(
    "inside",
    [
        SUM + "; a[i + 1, j, k] = b[i, 0]  for k < 4",
        SUM + "; a[i + 1, j, k] = a[i, j, k]  for k < 4",
        SUM + "; c[i] += b[i, j]",
    ],
)
def test_iterations_that_touch_what_others_write_stay_in_order(inside: str) -> None:
    program = program_of(inside)
    assert unordered(program) is program


def test_loops_that_write_much_stay() -> None:
    for most, stays in ((4096, False), (4097, True)):
        program = program_of(SUM, most)
        assert (unordered(program) is program) == stays


def test_loops_outside_of_others_stay() -> None:
    text = "input x[4]\ntemp b[4]\noutput out[4]\n\nfor i < 4 in order:\n"
    program = parse(text + "  b[i] = x[i]\n  out[i] = b[i]\n")
    assert unordered(program) is program


def test_random_programs_compute_the_same_bits() -> None:
    changed = 0
    for seed in range(120):
        program, random = random_program(Random(seed)), Random(seed)
        found = unordered(program)
        if found is program:
            continue
        changed += 1
        given = random_inputs(program, random)
        expected, got = interpret(program, given), interpret(verify(found), given)
        for name, numbers in expected.items():
            assert np.array_equal(numbers, got[name], equal_nan=True), (seed, name)
            assert np.array_equal(np.signbit(numbers), np.signbit(got[name])), (seed, name)
    assert changed > 15
