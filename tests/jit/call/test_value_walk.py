"""Machine code that walks Values finds what Python's walk finds, in every column."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import micrograd
from micrograd import Value, jit
from micrograd.errors import GraphError
from micrograd.jit.call import value_walk
from micrograd.jit.call.callable import available
from micrograd.jit.trace import nodes
from micrograd.jit.trace.nodes import Nodes, listed
from micrograd.store import adopt

needs_code = pytest.mark.skipif(not available(), reason="Python walks in this interpreter")


class Own(Value):
    """A user's class."""


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Few Values are many; and whether machine code has found all, for each walk."""
    found: list[bool] = []

    def visited(outputs: Any) -> Any:
        answer = value_walk.visited(outputs)
        found.append(answer is not None)
        return answer

    monkeypatch.setattr(nodes, "MANY", 1)
    monkeypatch.setattr(nodes, "VISITORS", [visited])
    return found


def by_python(outputs: list[Any], monkeypatch: pytest.MonkeyPatch) -> Nodes:
    with monkeypatch.context() as context:
        context.setattr(nodes, "VISITORS", [])
        return listed(outputs)


def assert_same(a: Nodes, b: Nodes) -> None:
    for name in ("serials", "codes", "operands", "literals"):
        x, y = getattr(a, name), getattr(b, name)
        assert x.dtype == y.dtype, name
        assert np.array_equal(x, y), name
    assert [id(v) for v in a.leaves] == [id(v) for v in b.leaves]
    assert a.labels == b.labels


def program(seed: int) -> list[Any]:
    """Some Values that were computed at random, of leaves of which some are in a store."""
    r = random.Random(seed)
    known: list[Any] = [Value(r.uniform(0.5, 2.0), label=f"x{k}") for k in range(r.randint(1, 8))]
    if r.random() < 0.5:
        adopt(known[: r.randint(1, len(known))])
    binary: list[Callable[[Any, Any], Any]] = [
        lambda x, y: x + y,
        lambda x, y: x * y,
        lambda x, y: y / (x * x + 1.0),
        lambda x, y: 2 - x,
        micrograd.maximum,
        lambda x, y: micrograd.where(x < y, x, 1.5),
        lambda x, y: x**2,
        lambda x, y: y.tanh(),
    ]
    for _ in range(r.randint(1, 300)):
        known.append(r.choice(binary)(r.choice(known), r.choice(known)))
        if r.random() < 0.1:
            known[-1].label = r.choice(["", "a name", f"name {len(known)}"])
    return r.sample(known, min(len(known), r.randint(1, 4)))


@needs_code
@pytest.mark.parametrize("seed", range(60))
def test_it_finds_what_python_finds(
    seed: int, few: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = program(seed)
    of_engine = all(type(v) is Value for v in outputs)
    assert_same(listed(outputs), by_python(outputs, monkeypatch))
    assert few == [of_engine]


@needs_code
def test_what_is_not_the_engines_is_left_to_python(
    few: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    x, own = Value(1.5), Own(2.5)
    outputs = [(x * own + own) * x]
    assert_same(listed(outputs), by_python(outputs, monkeypatch))
    younger = x * 2.0
    assert not any(type(v) is Own for v in listed([younger]).leaves)
    assert few == [False, True]


def test_serial_numbers_that_are_too_many_are_left_to_python(
    few: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = Value(1.5)
    monkeypatch.setattr(value_walk, "NEWEST_SERIAL", x._serial)
    assert len(listed([x * x])) == 2
    assert few == [False]


@pytest.mark.parametrize("far", [False, True])
def test_cycles_are_errors_as_in_python(far: bool) -> None:
    x = Value(1.5)
    y = x * 2.0
    z = y + 1.0
    y._operands = (z, 2.0)
    with pytest.raises(GraphError, match="an operand is younger than its result"):
        listed([z * x if far else y])


def test_kernels_of_many_values_are_right(few: list[bool]) -> None:
    xs = [Value(0.01 * k) for k in range(50)]
    total: Any = 0.0
    for x in xs:
        total = total + x * x * 0.5 + (x - 1.0).tanh()
    total.backward()
    value, gradient = jit(total, wrt=xs, dtype="f64").value_and_grad()
    assert few[:1] == [available()]
    assert value == pytest.approx(total.data, rel=1e-14)
    assert gradient == pytest.approx([x.grad for x in xs], rel=1e-14)
