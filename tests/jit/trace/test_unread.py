"""Nodes that are read later become the same graph, and digests tell graphs apart as keys do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import Value, exp, fori, jit, take, where
from micrograd.cache.keys import written_out
from micrograd.jit.ir.graph import said, verify
from micrograd.jit.trace.compiling import compiling
from micrograd.jit.trace.trace import Trace, trace
from micrograd.lookups import Lookups
from micrograd.store import adopt
from micrograd.traced import Scope, Traced

from ...ragged_losses import LENGTHS, Drawn
from ...taped import needs_tapes

W = [Value(0.1 * k) for k in range(6)]
FROZEN = Value(0.5)
adopt(W)


def traced(
    f: Callable[..., Any],
    *,
    n: int = 3,
    live: list[Value] | None = None,
    tape: bool = False,
    lazily: bool = True,
) -> Trace:
    """The trace of a function of a list of numbers and a list of integers."""
    scope = Scope("f")
    scope._most = 1 if tape else sys.maxsize
    scope.lookups = lookups = Lookups()
    x, at = ([Traced(f"{name}[{k}]", scope=scope) for k in range(n)] for name in ("x", "i"))
    lookups.note("i", at)
    with compiling(scope):
        made = f(x, at)
    made = made if isinstance(made, list) else [made]
    given = {"x": x, "i": at} | lookups.inputs
    parameters = W if live is None else live
    return trace(made, given, set(parameters), lookups=lookups, scope=scope, lazily=lazily)


def key(found: Trace) -> Any:
    """What keys of a graph say of it, but for labels, of which nothing depends."""
    found.graph.labels = {}
    return written_out(said(found.graph))


ALIKE: list[Callable[[Any, Any], Any]] = [
    lambda x, i: W[0] * x[0] + 0.1 * x[1],
    lambda x, i: W[0] * x[0] + 0.2 * x[1],
    lambda x, i: W[1] * x[0] + 0.1 * x[1],
    lambda x, i: x[0] * W[0] + 0.1 * x[1],
    lambda x, i: W[0] * x[1] + 0.1 * x[0],
    lambda x, i: W[0] * x[0] - 0.1 * x[1],
    lambda x, i: 0.1 * x[1] + W[0] * x[0],
    lambda x, i: W[0] * x[0] + FROZEN * x[1],
    lambda x, i: W[0] * x[0] + Value(0.25) * x[1],
    lambda x, i: W[0] * x[0] + x[1] * 0.0,
    lambda x, i: W[0] * x[0] + x[1] * -0.0,
    lambda x, i: W[0] * x[0] + x[1] * float("nan"),
    lambda x, i: [W[0] * x[0] + 0.1 * x[1], 2.0],
    lambda x, i: [W[0] * x[0] + 0.1 * x[1], 3.0],
    lambda x, i: [W[0] * x[0], W[0] + x[0]],
    lambda x, i: list(reversed([W[0] * x[0], W[0] + x[0]])),
    lambda x, i: exp(W[0] * x[0]),
    lambda x, i: where(x[0], x[1], W[0]),
    lambda x, i: where(x[1], x[0], W[0]),
    lambda x, i: take(W, i[0]) * x[0],
    lambda x, i: take(W, i[1]) * x[0],
    lambda x, i: take(W, i[0] + 1) * x[0],
    lambda x, i: take(W, i[0] + i[1]) * x[0],
    lambda x, i: take(W[:4], i[0]) * x[0],
    lambda x, i: take(W[1:], i[0]) * x[0],
    lambda x, i: take([1.0, 2.0, 3.0], i[0]) * x[0] * W[0],
    lambda x, i: take([1.0, 2.0, 4.0], i[0]) * x[0] * W[0],
    lambda x, i: take([[W[0], W[1]], [W[2], W[3]]], i[0])[0] * x[0],
    lambda x, i: take([[W[0], W[1]], [W[2], W[3]]], i[0])[1] * x[0],
    lambda x, i: take([x[0] * w for w in W], i[0]),
    lambda x, i: take([x[0] * w for w in reversed(W)], i[0]),
]
"""Functions that differ in one thing each."""


def test_digests_differ_where_graphs_do() -> None:
    pool = [traced(f, n=n) for f in ALIKE for n in (3, 4)]
    pool += [traced(f, live=W[:1]) for f in ALIKE]
    pool += [traced(f) for f in ALIKE]  # the first ones again
    digests = [found.digest() for found in pool]
    keys = [key(found) for found in pool]
    assert None not in digests
    assert len(set(digests)) == len(set(zip(digests, keys, strict=True))) == len(set(keys))
    assert len(set(digests)) < len(pool) - len(ALIKE) + 1


@pytest.mark.parametrize("seed", range(6))
@needs_tapes
def test_random_losses_recorded_in_two_ways_have_one_digest(seed: int) -> None:
    drawn = Drawn(seed)
    adopt(drawn.parameters)

    def loss(x: Any, i: Any) -> Any:
        ragged = i if drawn.integers else x
        beside = [x[0]] if drawn.beside else []
        return drawn.loss(*[ragged] * drawn.ragged, *beside)

    pool, again = [], []
    for n in LENGTHS[:6]:
        for into, tape in ((pool, False), (again, True)):
            into.append(traced(loss, n=n, live=drawn.parameters, tape=tape))
        at_once = traced(loss, n=n, live=drawn.parameters, lazily=False)
        assert at_once.digest() is None
        assert again[-1].digest() == pool[-1].digest() is not None
        assert again[-1].unread is not None
        assert key(again[-1]) == key(pool[-1]) == key(at_once)
        verify(pool[-1].graph)
        assert pool[-1].elements == at_once.elements
    assert len({found.digest() for found in pool}) == len({key(found) for found in pool})


def test_a_digest_stays_when_nodes_are_read() -> None:
    found = traced(ALIKE[0])
    digest = found.digest()
    assert found.graph.codes.size
    assert found.digest() == digest is not None
    unasked = traced(ALIKE[0])
    assert unasked.graph.codes.size
    assert unasked.digest() is None


def test_arrays_count_by_the_names_that_they_are_given() -> None:
    named = []
    for name in ("at0", "at1"):
        found = traced(ALIKE[19])
        found.outline.indices[0].name = name
        found.outline.inputs[2] = name, found.outline.inputs[2][1]
        named.append((found.digest(), key(found)))
    assert named[0][0] != named[1][0]
    assert named[0][1] != named[1][1]


def test_functions_with_loops_are_read_at_once() -> None:
    found = traced(lambda x, i: fori(3, lambda k, state: state * W[0] + x[0], 0.0))
    assert found.unread is None
    assert found.digest() is None
    assert found.outline.regions


def test_numbers_of_constants_are_those_of_the_trace() -> None:
    leaf = Value(3.0)
    found = traced(lambda x, i: leaf * x[0])
    leaf.data = 4.0
    assert 3.0 in np.asarray(found.graph.constants)
    assert found.graph.constants.tolist() == [3.0]


def test_a_number_that_is_one_node_is_read() -> None:
    """As a kernel gives it that is called by another: all operands are literals then."""
    inner = jit(lambda x: 1.5)
    assert jit(lambda x: inner(x))(2.0) == 1.5
    assert jit(lambda x: inner.grad(x))(2.0) == 0.0
    assert jit(lambda x: inner.vjp(x, x)[1])(2.0) == 0.0
