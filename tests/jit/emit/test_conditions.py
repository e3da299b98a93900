"""Loops that run once or not at all, as entries of an array say: branches, and alternatives."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.verify import verify

from .nested import FORMS, Form, Nested

STEPS = 40
"""Iterations of the loop around."""


def conditional(rng: Random, *, exclusive: bool, order: str) -> str:
    """A program of steps that take two ways, one or both or none, and ways inside of one."""

    def flags(of: list[int]) -> str:
        return " ".join(map(str, of))

    first = [rng.randrange(2) for _ in range(STEPS)]
    second = [int(not x) if exclusive else rng.randrange(2) for x in first]
    third = [rng.randrange(2) for _ in range(STEPS)]
    fourth = [int(not x) if exclusive else rng.randrange(2) for x in third]
    return f"""
        input x[{STEPS}]
        state s[3]
        const a[{STEPS}] i32 = {flags(first)}
        const b[{STEPS}] i32 = {flags(second)}
        const c[{STEPS}] i32 = {flags(third)}
        const d[{STEPS}] i32 = {flags(fourth)}
        for i < {STEPS} in {order}:
          for j < a[i]:
            s[0] += mul(x[i], s[2])
            s[1] += x[i]
          for j < b[i]:
            for k < c[i]:
              s[2] += mul(0.5, x[i])
            for k < d[i]:
              s[1] += s[0]
            s[0] += s[2]
        """


@pytest.mark.parametrize("form", FORMS[1:8:3], ids=str)
@pytest.mark.parametrize("order", ["order", "reverse order"])
@pytest.mark.parametrize("exclusive", [True, False])
def test_what_runs_is_what_the_entries_say(exclusive: bool, order: str, form: Form) -> None:
    for seed in range(2):
        rng = Random(seed)
        program = verify(parse(conditional(rng, exclusive=exclusive, order=order)))
        numbers = np.array([rng.randrange(-2, 3) / 4 for _ in range(STEPS)])  # sums are exact
        Nested(program, form).check({"x": numbers, "s": np.ones(3)}, signs=form[-1])
