"""Steps whose own loops are hard to tell: as many statements, however many steps there are."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import micrograd
from benchmarks.scalar_programs import gmm
from micrograd import sqrt
from micrograd.jit.ir.program import dump
from micrograd.jit.reroll import loops
from micrograd.jit.reroll.periods import longest_period
from micrograd.jit.reroll.reroll import reroll, reroll_strictly

from ...irregular_steps import compiled, statements
from ...regular import floats, traced
from ...updated_in_place import checked

Function = Callable[..., Any]


def crank_nicolson(steps: int) -> tuple[Function, tuple[int, ...]]:
    """Half of a step explicit, half implicit."""
    n = 7

    def f(x: Any) -> Any:
        u = list(x)
        for _ in range(steps):
            left, right = [0.0, *u[:-1]], [*u[1:], 0.0]
            d = [u[i] + 0.1 * (left[i] - 2.0 * u[i] + right[i]) for i in range(n)]
            p, q = [-0.1 / 1.2], [d[0] / 1.2]
            for i in range(1, n):
                m = 1.2 + 0.1 * p[i - 1]
                p.append(-0.1 / m)
                q.append((d[i] + 0.1 * q[i - 1]) / m)
            u = [0.0] * n
            u[-1] = q[-1]
            for i in range(n - 2, -1, -1):
                u[i] = q[i] - p[i] * u[i + 1]
        return sum(u)

    return f, (n,)


def leapfrog(steps: int) -> tuple[Function, tuple[int, ...]]:
    """Bodies in a plane that attract each other."""
    n = 3

    def f(x: Any, v: Any, m: Any) -> Any:
        x, v = list(x), list(v)
        for _ in range(steps):
            for i in range(n):
                for j in range(n):
                    if i != j:
                        dx, dy = x[2 * j] - x[2 * i], x[2 * j + 1] - x[2 * i + 1]
                        r = dx * dx + dy * dy + 0.1
                        k = 0.01 * m[j] / (r * sqrt(r))
                        v[2 * i] = v[2 * i] + k * dx
                        v[2 * i + 1] = v[2 * i + 1] + k * dy
            for i in range(2 * n):
                x[i] = x[i] + 0.01 * v[i]
        return sum(e * e for e in x)

    return f, (2 * n, 2 * n, n)


def red_black(steps: int) -> tuple[Function, tuple[int, ...]]:
    """Points of two colours on a ring: rows of one and of three come by turns."""
    n = 8

    def f(x: Any, b: Any) -> Any:
        u = list(x)
        for _ in range(steps):
            for c in (0, 1):
                for i in range(c, n, 2):
                    u[i] = 0.5 * (u[i - 1] + u[(i + 1) % n] + b[i])
        return sum(u)

    return f, (n, n)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("small", "large"),
    [
        (crank_nicolson(8), crank_nicolson(13)),
        (leapfrog(8), leapfrog(13)),
        (red_black(9), red_black(15)),
    ],
)
def test_programs_do_not_grow(small: Any, large: Any, strict: bool) -> None:
    counts = []
    for f, sizes in (small, large):
        t = traced(f, *(floats(n, n + k) for k, n in enumerate(sizes)))
        counts.append(checked(t, f.__qualname__, strict=strict))
    assert counts[0] == counts[1] <= 100


def test_loops_inside_of_steps_are_hard_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    f, sizes = crank_nicolson(13)
    t = traced(f, *(floats(n, n) for n in sizes))
    found = reroll_strictly(t.graph)
    recognise = import_module("micrograd.jit.reroll.recognise")
    monkeypatch.setattr(recognise, "longest_period", lambda *_: 0)
    assert len(reroll_strictly(t.graph).statements) > 10 * len(found.statements)


def test_what_turns_is_one_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    f, sizes = red_black(15)
    t = traced(f, *(floats(n, n) for n in sizes))
    found = reroll_strictly(t.graph)
    recognise = import_module("micrograd.jit.reroll.recognise")
    monkeypatch.setattr(recognise, "numbers_turn", lambda *_: False)
    assert len(reroll_strictly(t.graph).statements) > 3 * len(found.statements)


def test_the_longest_period_is_that_of_most_symbols() -> None:
    step = [1, 2, 1, 2, 1, 2, 3, 4, 5, 6]
    line = np.array([9, 8, *step * 6, 1, 2, 7])
    assert longest_period(line, 4) == 10
    assert longest_period(line, 7) == 0
    assert longest_period(np.array([*step * 4, *range(100, 150)]), 4) == 0
    assert longest_period(np.array([1, 2] * 50), 4) == 0


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("strict", [False, True])
def test_random_steps_do_not_grow(seed: int, strict: bool) -> None:
    assert statements(seed, 12, strict=strict) == statements(seed, 16, strict=strict)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_random_steps_are_those_of_backward(seed: int, dtype: str) -> None:
    compiled(seed, (1, 2, 3, 5, 8, 24)[seed % 6], strict=True, dtype=dtype)


@pytest.mark.parametrize("points", [40, 100])
def test_a_short_program_by_classes_is_left_as_it_is(
    points: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other loops would have fewer statements, and twice the time (a mixture of normals)."""
    x = floats(2 * points, 1)
    t = traced(gmm(micrograd, 2, 5, x), floats(30, 2))
    found = dump(reroll(t.graph))
    monkeypatch.setattr(loops._Search, "otherwise", lambda *_: None)
    assert dump(reroll(t.graph)) == found
