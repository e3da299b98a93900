"""Sums of many terms in a loop: several chains of them, which do not wait for each other."""

from __future__ import annotations

import re
from random import Random

import pytest

from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program

from ...nested_programs import random_inputs
from .nested import FORMS, Form, Nested

TERMS = (33, 34, 35, 36, 63, 67, 100)
"""With every number of terms left behind whole turns of the chains."""


def columns(terms: int) -> Program:
    """A vector times a matrix, whose columns lie in lanes."""
    return parse(
        f"input x[{terms}]\ninput w[{terms}, 37]\noutput y[37]\n\n"
        f"y[i] = 3.0  for i < 37\ny[i] += mul(x[j], w[j, i])  for i < 37, j < {terms}\n"
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("terms", TERMS)
def test_no_term_is_left_out_or_added_twice(terms: int, form: Form) -> None:
    program = columns(terms)
    compiled = Nested(program, form, level=0)
    compiled.check(random_inputs(program, Random(terms), whole=True))


def test_each_turn_of_a_loop_adds_to_all_of_its_sums() -> None:
    code = Nested(columns(64), (32, 128, False), level=0).code.native.llvm_ir
    sums = re.findall(r"(%\d+) = phi <4 x float> (.*)", code)
    assert len(sums) == 4
    for before, begun_and_added in sums:
        after = "|".join(re.findall(r"\[ (%\d+),", begun_and_added))
        added = re.search(rf"({after}) = fadd [a-z ]*<4 x float> {before}, ", code)
        assert added, f"{before} is not added to"
