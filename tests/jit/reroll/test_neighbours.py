"""Steps in which every element reads its neighbours, in another order at the edges."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from micrograd import maximum
from micrograd.jit.reroll.reroll import reroll_strictly

from ...neighbours import compiled, statements
from ...regular import floats, traced
from ...updated_in_place import checked

Function = Callable[..., Any]

EVEN = (1, 4, 5, 7, 8)
"""Seeds of steps that do not grow, strict or not."""


def burgers(n: int, steps: int) -> tuple[Function, tuple[int, ...]]:
    """A ring whose elements are read by themselves four times, and by their neighbours."""

    def f(x: Any) -> Any:
        u = list(x)
        for _ in range(steps):
            u = [
                u[i]
                - 0.1 * u[i] * (u[i] - u[i - 1])
                + 0.05 * (u[(i + 1) % n] - 2.0 * u[i] + u[i - 1])
                for i in range(n)
            ]
        return sum(e * e for e in u)

    return f, (n,)


def springs(n: int, steps: int) -> tuple[Function, tuple[int, ...]]:
    """Forces between neighbours, which are added to both."""

    def f(x: Any, k: Any) -> Any:
        u, v = list(x), [0.0] * n
        for _ in range(steps):
            forces = [0.0] * n
            for i in range(n - 1):
                d = k[i] * (u[i + 1] - u[i] - 1.0)
                forces[i] = forces[i] + d
                forces[i + 1] = forces[i + 1] - d
            for i in range(n):
                v[i] = v[i] + 0.01 * forces[i]
                u[i] = u[i] + 0.01 * v[i]
        return sum(u)

    return f, (n, n)


def alignment(n: int) -> tuple[Function, tuple[int, ...]]:
    """A table by three neighbours, and the largest element of it, by the way."""

    def f(x: Any, y: Any) -> Any:
        h = [[0.0] * (n + 1) for _ in range(n + 1)]
        best = 0.0
        for i in range(1, n + 1):
            for j in range(1, n + 1):
                aside = maximum(h[i - 1][j] - 0.5, h[i][j - 1] - 0.5)
                here = maximum(h[i - 1][j - 1] + x[i - 1] * y[j - 1], aside)
                h[i][j] = maximum(0.0, here)
                best = maximum(best, h[i][j])
        return best

    return f, (n, n)


@pytest.mark.parametrize(
    ("small", "large"),
    [
        (burgers(8, 8), burgers(8, 16)),
        (burgers(9, 8), burgers(12, 8)),
        (springs(6, 8), springs(6, 16)),
        (alignment(7), alignment(10)),
    ],
)
def test_strict_programs_do_not_grow(small: Any, large: Any) -> None:
    counts = []
    for f, sizes in (small, large):
        t = traced(f, *(floats(n, n + k) for k, n in enumerate(sizes)))
        counts.append(checked(t, f.__qualname__, strict=True))
    assert counts[0] == counts[1] <= 60


def test_uses_without_copies_would_be_in_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    f, (n,) = burgers(8, 16)
    t = traced(f, floats(n))
    found = reroll_strictly(t.graph)
    loops = import_module("micrograd.jit.reroll.loops")
    monkeypatch.setattr(loops, "with_copies", lambda *_: None)
    assert len(reroll_strictly(t.graph).statements) > 4 * len(found.statements)


@pytest.mark.parametrize("seed", EVEN)
@pytest.mark.parametrize("strict", [False, True])
def test_random_steps_do_not_grow(seed: int, strict: bool) -> None:
    assert statements(seed, 9, strict=strict) == statements(seed, 12, strict=strict)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_random_steps_are_those_of_backward(seed: int, dtype: str) -> None:
    compiled(seed, (1, 2, 3, 5, 8)[seed % 5], strict=True, dtype=dtype)
