"""Models of many parameters: what is done before the first step is little for each of them."""

from __future__ import annotations

import random
import sys
from typing import Any

import numpy as np
import pytest

from micrograd import fit
from micrograd.jit.ir import points as pointwise
from micrograd.jit.ir.points import distinct, elements, repeats
from micrograd.jit.ir.program import Access, Apply, Program, Role, entry
from micrograd.jit.passes import reaching
from micrograd.jit.passes.reverse import gradient
from micrograd.losses import squared_error
from micrograd.nn import MLP
from micrograd.ops import add, mul
from micrograd.optim import SGD


@pytest.mark.parametrize("seed", range(200))
def test_distinct_elements_are_those_of_all_points(seed: int) -> None:
    rng = random.Random(seed)
    program = Program()
    program.declare("a", Role.INPUT, 1000)
    program.table("t", [rng.randrange(1000) for _ in range(400)])
    domain = tuple(rng.choice([1, 1, 2, 3, 5]) for _ in range(rng.randrange(4)))
    strides = tuple(rng.choice([0, 0, 1, 2, 5, 6, 25]) for _ in domain)
    offset = rng.randrange(5)
    access = Access("a", offset, strides)
    if rng.random() < 0.3:
        access = entry("a", "t", offset, strides)
    every = elements(access, domain, program)
    found, again = distinct(access, domain, program)
    assert set(found.tolist()) == set(every.tolist())
    assert again == repeats(every, 1000)


def test_differentiating_looks_at_elements_not_at_points(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, outputs, inputs = 200, 30, 40
    program = Program()
    program.declare("x", Role.INPUT, samples * inputs)
    program.declare("p", Role.PARAMETER, outputs * inputs)
    program.declare("h", Role.TEMPORARY, samples * outputs)
    program.declare("out", Role.OUTPUT)
    program.assign(Access("h", 0, (1,)), -0.0, (samples * outputs,))
    weight, row = Access("p", 0, (0, inputs, 1)), Access("x", 0, (inputs, 0, 1))
    hidden = Access("h", 0, (outputs, 1, 0))
    nest = (samples, outputs, inputs)
    program.assign(hidden, Apply(mul, (weight, row)), nest, accumulate=add)
    program.assign(Access("out"), -0.0)
    program.assign(Access("out", 0, (0,)), Access("h", 0, (1,)), (6000,), accumulate=add)

    longest = 0

    def noted(*args: Any) -> Any:
        nonlocal longest
        index = elements(*args)
        longest = max(longest, len(index))
        return index

    monkeypatch.setattr(pointwise, "elements", noted)
    monkeypatch.setattr(reaching, "elements", noted)
    result = gradient(program, ("out", 0), [("p", k) for k in range(outputs * inputs)])
    assert 0 < longest <= samples * inputs  # of 240,000 points
    assert any(s.points == samples * outputs * inputs for s in result.statements)


def test_a_fit_calls_little_per_parameter() -> None:
    """Each weight is multiplied and added once while the loss is traced; that is most of it."""

    def calls(width: int) -> tuple[int, int]:
        random.seed(1)
        model = MLP(4, [width, width, 1])
        optimizer = SGD(model.parameters(), lr=1e-3)
        data = (np.ones((4, 4)), np.ones(4))

        def once() -> None:
            fit(model, optimizer, data=data, loss=squared_error, steps=1)

        once()  # compiles
        count = 0

        def note(*_: Any) -> None:
            nonlocal count
            count += 1

        sys.setprofile(note)
        try:
            once()
        finally:
            sys.setprofile(None)
        return count, len(optimizer.parameters)

    (few, small), (many, large) = calls(20), calls(60)
    assert (many - few) / (large - small) < 45  # a call and a return each
