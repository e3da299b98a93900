"""Strict kernels have loops, too, and sums, also of cotangents, in the order of the trace."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import Value, exp, jit, maximum, tanh
from micrograd.jit.reroll.loops import looped
from micrograd.nn import MLP

from ...by_values import BITS
from ...loop_sources import LENGTH, PARTS, Part, function, source
from ...loop_tables import TABLES
from ...regular import equal, traced
from ...strict_loops import FAMILIES, Family
from ...targets import assumed

Function = Callable[..., Any]


def eager(f: Function, *arguments: list[float]) -> list[float]:
    """The value of a function of lists and all of its partials, by `backward`."""
    values = [[Value(x) for x in numbers] for numbers in arguments]
    out = f(*values)
    out.backward()
    return [out.data, *[v.grad for column in values for v in column]]


def strictly(f: Function, *arguments: list[float]) -> list[float]:
    """The same of a strict kernel."""
    value, partials = jit(f, dtype="f64", strict=True).value_and_grad(*arguments)
    columns = partials if len(arguments) > 1 else [partials]
    return [value, *[x for column in columns for x in column]]


def statements(f: Function, *sizes: int) -> int:
    """Of the strict program."""
    program = looped(traced(f, *map(numbers, sizes)).graph, "out", 1000, in_order=True)
    assert program is not None
    return len(program.statements)


def lorenz(steps: int) -> Function:
    def slope(p: Any, u: Any) -> Any:
        return [p[0] * (u[1] - u[0]), u[0] * (p[1] - u[2]) - u[1], u[0] * u[1] - p[2] * u[2]]

    def f(p: Any) -> Any:
        u = [p[3], p[4], p[5]]
        for _ in range(steps):
            k = slope(p, u)
            m = slope(p, [a + 0.005 * b for a, b in zip(u, k, strict=True)])
            u = [a + 0.01 * b for a, b in zip(u, m, strict=True)]
        return u[0] + u[1] + u[2]

    return f


def gates(steps: int) -> Function:
    """A recurrence whose weights are used in several statements of a step."""

    def f(w: Any, x: Any) -> Any:
        h = [0.1] * 4
        for t in range(steps):
            keep = [1.0 / (1.0 + exp(-(w[k] * h[k] + x[t]))) for k in range(4)]
            new = [tanh(w[k] * h[k] - w[4 + k] * x[t]) for k in range(4)]
            h = [a * b + (1.0 - a) * c for a, b, c in zip(keep, h, new, strict=True)]
        return sum(h)

    return f


def numbers(n: int, seed: int = 0) -> list[float]:
    return np.random.default_rng(seed).uniform(0.5, 1.5, n).tolist()


def test_a_network_has_the_loops_of_a_usual_one_and_the_bits_of_backward() -> None:
    net = MLP(2, [16, 16, 1])
    rng = np.random.default_rng(1)
    rows, signs = rng.normal(size=(30, 2)), rng.choice([-1.0, 1.0], 30)
    losses = [
        (1.0 + -sign * net(row)).relu()
        for row, sign in zip(rows.tolist(), signs.tolist(), strict=True)
    ]
    loss = sum(losses) * (1.0 / 30) + 1e-4 * sum(p * p for p in net.parameters())
    loss.backward()
    kernel = jit(loss, wrt=net.parameters(), dtype="f64", strict=True)
    value, partials = kernel.value_and_grad()
    assert value == loss.data
    assert list(partials) == [p.grad for p in net.parameters()]
    assert len(kernel.stages()["program"].splitlines()) < 30


@pytest.mark.parametrize(("f", "sizes"), [(lorenz, (6,)), (gates, (8, 40))])
def test_recurrences(f: Callable[[int], Function], sizes: tuple[int, ...]) -> None:
    assert statements(f(20), *sizes) == statements(f(40), *sizes) < 100
    given = [numbers(n, n) for n in sizes]
    found = strictly(f(40), *given)
    assert found == eager(f(40), *given)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_what_is_used_in_several_places_has_loops_too(family: Family) -> None:
    small, large = family(9), family(14)
    few, many = (statements(f, *sizes) for f, sizes in (small, large))
    assert few == many <= 60
    for (f, sizes), bits in zip((small, large, large), BITS, strict=True):
        given = [numbers(n, n) for n in sizes]
        with assumed(vector_bits=bits):
            assert strictly(f, *given) == eager(f, *given)


SEEDS = range(int(os.environ.get("MICROGRAD_SEEDS", "8")))


@pytest.mark.parametrize("parts", [PARTS, TABLES])
def test_random_loops(parts: tuple[Part, ...]) -> None:
    """Bit for bit, whatever loops they have; and most that have loops have them strictly."""
    loops = strict = 0
    for seed in SEEDS:
        f = function(source(seed, parts))
        given = [numbers(LENGTH, 2 * seed), numbers(LENGTH, 2 * seed + 1)]
        found = strictly(f, *given)
        assert equal(found, eager(f, *given)), source(seed, parts)
        t = traced(f, *given)
        most = len(t.graph) // 2
        loops += looped(t.graph, "out", most) is not None
        strict += looped(t.graph, "out", most, in_order=True) is not None
    assert strict >= loops / 2


def test_leaves_that_no_use_has_copies_of() -> None:
    def f(p: Any, q: Any, a: Any, b: Any, c: Any) -> Any:
        x = [0.84 * a, q, c, 0.6 * a, q, p, 0.83 * q, 0.93 * p, q, p, 0.77 * a, 0.66 * p, b, p, q]
        y = [p, q, p, c, q, p, q, p, c, p, q, p, q, p, q]
        v = [u + 0.3 * w for u, w in zip(x, y, strict=True)]
        while len(v) > 1:
            v = [maximum(*v[k : k + 2]) if len(v) > k + 1 else v[k] for k in range(0, len(v), 2)]
        return tanh(v[0])

    p, q = leaves = [Value(0.3), Value(-0.7)]
    found = jit(lambda *abc: f(p, q, *abc), wrt=leaves, strict=True, dtype="f64").value_and_grad
    value, gradient = found(0.1, 0.2, 0.3)
    out = f(p, q, 0.1, 0.2, 0.3)
    out.backward()
    assert (value, *gradient) == (out.data, p.grad, q.grad)


def test_another_order_is_seen() -> None:
    """Both sums read x, element by element in turn: one loop for each would not add up as the
    trace does, so there is one loop for both.
    """

    def f(x: list[Any]) -> Any:
        a = b = 0.0
        for v in x:
            a = a + v * v
            b = b + tanh(v) * x[0]
        return a * b

    assert looped(traced(f, numbers(40)).graph, "out", 60) is not None
    found = strictly(f, numbers(40))
    assert found == eager(f, numbers(40))
