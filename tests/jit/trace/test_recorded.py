"""The graph of what a function recorded is that of the Values under its outputs."""

from __future__ import annotations

import random
import sys
from typing import Any

import pytest

from micrograd import Value, jit, ops, traced
from micrograd.jit.trace import nodes as module
from micrograd.jit.trace.compiling import compiling
from micrograd.nn import MLP, Neuron
from micrograd.traced import Scope, Traced

STEPS: list[Any] = [
    lambda x, y: y * x,
    lambda x, y: x - y,
    lambda x, y: y + 2.0,
    lambda x, y: 3.0 * y,
    lambda x, y: ops.tanh(y),
]


@pytest.fixture(autouse=True)
def by_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much was recorded before."""
    monkeypatch.setattr(traced, "MANY", sys.maxsize)


def found(outputs: Any) -> Any:
    return module.recorded(outputs)


def recorded(seed: int, *, vain: bool, elsewhere: bool) -> tuple[list[Any], Scope]:
    """Random outputs of a function, and its scope."""
    rng = random.Random(seed)
    scope = Scope("f")
    leaves: list[Any] = [Traced(f"x{k}", scope=scope) for k in range(3)]
    leaves += [Value(float(k)) for k in range(3)]
    if elsewhere:
        leaves.append(leaves[-1] * 2.0)
    with compiling(scope):
        pool = [leaves[0] * leaves[-1]]
        for _ in range(rng.randrange(1, 30)):
            x = rng.choice([*pool, *leaves])
            y = pool[-1] if not vain or rng.random() < 0.5 else rng.choice(pool)
            pool.append(rng.choice(STEPS)(x, y))
    return [pool[-1], *rng.sample([*pool, *leaves[:6], 1.5], rng.randrange(3))], scope


@pytest.mark.parametrize("seed", range(100))
def test_what_was_recorded_is_what_is_found(seed: int) -> None:
    vain, elsewhere = seed % 2 == 1, seed % 3 == 1
    outputs, scope = recorded(seed, vain=vain, elsewhere=elsewhere)
    made = list(scope.made)
    assert made
    short = found(outputs)
    assert not scope.made
    order, flat, used = module.found(outputs)
    if not vain and not elsewhere:
        assert short is not None
    if elsewhere:
        assert short is None
    if short is not None:
        assert [id(v) for v in short[0]] == [id(v) for v in order]
        assert [id(o) for o in short[1]] == [id(o) for o in flat]
        assert short[2].tolist() == used.tolist()


def test_values_made_in_between_and_outputs_of_before() -> None:
    scope = Scope("f")
    x = Traced("x", scope=scope)
    with compiling(scope):
        first = x * 2.0
        inner = Value(3.0)
        last = first * inner
    assert found([last]) is None  # a leaf that is younger than a node
    assert [v._serial for v in module.found([last])[0]] == sorted(
        v._serial for v in (x, first, inner, last)
    )
    scope.made = [last]
    assert found([last, first]) is None


def test_what_is_computed_in_vain_is_left_out() -> None:
    def f(x: Any) -> Any:
        x * 5.0
        return x + 1.0

    kernel = jit(f)
    kernel(1.0)
    assert "mul" not in kernel.stages()["graph"]


def test_nodes_of_models_are_of_the_line_that_calls_them() -> None:
    random.seed(0)
    model, one = MLP(2, [3, 1]), Neuron(2)

    def f(x: list) -> Any:  # type: ignore[type-arg]
        y = model(x)
        z = one([y, x[0]])
        z = z + one([z, y])
        return sum(w * y for w in (z, x[1])) + ops.maximum(y, z)

    kernel = jit(f)
    kernel([1.0, 2.0])
    graph = kernel._latest.graph
    start = f.__code__.co_firstlineno
    lines = {place.line - start for place in graph.places}
    assert lines == {1, 2, 3, 4}
    of = [graph.places[k].line for k in graph.place.tolist() if k >= 0]
    counts = [of.count(start + k) for k in range(1, 5)]
    # a neuron of two inputs is two products, two sums and a relu
    assert counts[:3] == [5 * 3 + 6, 5, 6]
    assert len(of) == sum(counts)


def test_a_generator_of_the_machinery_may_be_resumed_elsewhere() -> None:
    """A place is remembered for calls that have not returned, never for what is resumed."""
    random.seed(0)
    model = MLP(2, [2, 1])
    sites = []

    def f(x: list) -> Any:  # type: ignore[type-arg]
        a = model(x)
        sites.append(a._site[1])
        b = model(x)
        sites.append(b._site[1])
        return a + b

    jit(f)([1.0, 2.0])
    assert sites[0] != sites[1]
