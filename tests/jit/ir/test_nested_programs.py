"""What random programs over the whole grammar have, and have not where it is not wanted."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.program import dump

from ...nested_programs import SIZES, random_inputs, random_program

WITHOUT = {
    "loops": [":\n"],
    "order": ["in order", "in reverse order"],
    "extents": ["extent"],
    "mod": [") mod "],
    "div": [") div "],
    "tables": [" i32 = "],
    "gathers": [" i32 <", " i64 <"],
    "products": ["*= "],
    "extremes": ["max= ", "min= "],
    "state": ["state"],
}


@pytest.mark.parametrize("feature", WITHOUT)
def test_what_is_not_wanted_is_not_there(feature: str) -> None:
    others = {"tables": {"ragged": False}, "gathers": {"ragged_inputs": False}}.get(feature, {})
    without = {feature: False} | others
    found = dict.fromkeys(WITHOUT[feature], 0)
    for seed in range(60):
        text = dump(random_program(Random(seed), **without))
        assert not any(word in text for word in WITHOUT[feature]), text
        text = dump(random_program(Random(seed)))
        for word in found:
            found[word] += word in text
    assert min(found.values()) > 2, found


@pytest.mark.parametrize("first", [0, 40])
def test_whole_numbers_stay_whole_and_small(first: int) -> None:
    for seed in range(first, first + 40):
        random = Random(seed)
        p = random_program(random, whole=True, small=True)
        for found in interpret(p, random_inputs(p, random, whole=True)).values():
            assert (found == np.round(found)).all()
            assert np.abs(found).max(initial=0.0) < 2.0**24  # exact in single precision, too


def test_numbers_are_finite_and_something() -> None:
    different = 0
    for seed in range(60):
        random = Random(seed)
        p = random_program(random, small=True)
        given = random_inputs(p, random)
        found = interpret(p, given)
        assert all(np.isfinite(numbers).all() for numbers in found.values()), p
        other = interpret(p, random_inputs(p, random))
        different += found["out"].tolist() != other["out"].tolist()
    assert different > 40


def test_trip_counts_are_all_there() -> None:
    seen: set[int] = set()
    for seed in range(80):
        p = random_program(Random(seed))
        seen |= {int(count) for s in p.statements for count in s.domain}
    assert seen >= {0, *SIZES}
