"""What machine code finds for a backward pass is what Python finds, in the same order."""

from __future__ import annotations

import random
import sys
from typing import Any

import pytest

from micrograd import Value, backward, ops
from micrograd.errors import GraphError
from micrograd.jit.call import value_interior, value_slots
from micrograd.jit.call.callable import available

from .test_value_walk import Own, program

pytestmark = pytest.mark.skipif(not available(), reason="Python walks in this interpreter")


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few Values are many."""
    assert value_slots.begin()
    monkeypatch.setattr(backward, "MANY", 1)


def assert_same(root: Value, *, by_code: bool = True) -> None:
    found, expected = backward.INTERIOR[0](root), backward._found(root, sys.maxsize)
    assert (found is not None) == by_code
    assert list(map(id, found or expected or [])) == list(map(id, expected or []))
    assert list(map(id, backward.interior(root))) == list(map(id, expected or []))


def derived(seed: int) -> Value:
    """A Value that was computed at random, also through what no derivative flows through."""
    r = random.Random(seed)
    known = [v for v in program(seed) if v._entry is not None]
    known += [known[0] if known else Value(1.5) * 2.0, Value(0.5)]
    for _ in range(r.randint(0, 40)):
        x, y = r.choice(known), r.choice(known)
        made = [x * y, ops.detach(x), x < y, ops.where(x, y, 2.0), ops.where(x < y, x, y), x - 1.0]
        known.append(r.choice(made))
    return known[-1] * 1.0 + known[0]


@pytest.mark.parametrize("seed", range(60))
def test_it_finds_what_python_finds(seed: int) -> None:
    assert_same(derived(seed))


def test_what_is_not_the_engines_is_left_to_python(monkeypatch: pytest.MonkeyPatch) -> None:
    x, own = Value(1.5), Own(2.5)
    assert_same(x * own + x, by_code=False)
    new = ops.define(
        "twice", formula="x+x", vjp=(lambda ct, out, x: ct + ct,), eval=lambda x: x + x
    )
    try:
        assert_same(new(x) + x, by_code=False)
    finally:
        del ops.OPS["twice"]
    y: Any = x * x
    assert_same(y + x)
    monkeypatch.setattr(value_interior, "NEWEST_SERIAL", y._serial)
    assert_same(y + x, by_code=False)


def test_numbers_far_apart_are_left_to_python() -> None:
    old = Value(1.5) * 2.0
    new = old * 3.0
    new._serial += value_interior.GAP + 2
    assert_same(new, by_code=False)


def test_cycles_are_errors_as_in_python() -> None:
    x = Value(1.5)
    y = x * 2.0
    z = y + 1.0
    y._operands = (z, 2.0)
    for root in (y, z * x):
        with pytest.raises(GraphError, match="an operand is younger than its result"):
            root.backward()


@pytest.mark.parametrize("seed", range(60, 75))
def test_gradients_are_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    root = derived(seed)
    leaves = [x for v in backward.interior(root) for x in v._prev if x._entry is None]
    gradients = []
    for code in ([], backward.INTERIOR):
        monkeypatch.setattr(backward, "INTERIOR", code)
        for x in leaves:
            x.grad = 0.0
        root.backward()
        gradients.append([repr(x.grad) for x in leaves])
    assert gradients[0] == gradients[1]
