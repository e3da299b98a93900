"""Steps that add up something by the way: in strict programs, too, their loops are found."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from micrograd import exp, maximum
from micrograd.jit.reroll.reroll import reroll_strictly

from ...regular import floats, traced
from ...running_totals import compiled, statements
from ...updated_in_place import checked

Function = Callable[..., Any]


def asian(steps: int) -> tuple[Function, tuple[int, ...]]:
    """A path of which the mean is paid."""

    def f(x: Any, z: Any) -> Any:
        s, total = x[0] + 2.0, 0.0
        for k in range(steps):
            s = s * exp((0.05 - 0.5 * x[1] * x[1]) * 0.01 + x[1] * 0.1 * z[k])
            total = total + s
        return maximum(total / steps - x[2], 0.0)

    return f, (3, steps)


def chain(steps: int) -> tuple[Function, tuple[int, ...]]:
    """A hidden Markov chain: what it is scaled by is added up, and used again."""
    n = 4

    def f(e: Any, m: Any, p: Any) -> Any:
        a, total = [p[s] * e[s] for s in range(n)], 0.0
        for k in range(1, steps):
            a = [sum(a[r] * m[r * n + s] for r in range(n)) * e[k * n + s] for s in range(n)]
            c = sum(a)
            total = total + c
            a = [x / (2.0 + c * c) for x in a]
        return total

    return f, (n * steps, n * n, n)


@pytest.mark.parametrize(("small", "large"), [(asian(16), asian(24)), (chain(8), chain(14))])
def test_strict_programs_do_not_grow(small: Any, large: Any) -> None:
    counts = []
    for f, sizes in (small, large):
        t = traced(f, *(floats(n, n + k) for k, n in enumerate(sizes)))
        counts.append(checked(t, f.__qualname__, strict=True))
    assert counts[0] == counts[1] <= 24


def test_sums_by_themselves_would_be_in_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    f, sizes = chain(8)
    t = traced(f, *(floats(n, n) for n in sizes))
    found = reroll_strictly(t.graph)
    loops = import_module("micrograd.jit.reroll.loops")
    monkeypatch.setattr(loops, "sums_in_order", lambda *_: set())
    assert len(reroll_strictly(t.graph).statements) > len(found.statements)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("strict", [False, True])
def test_random_steps_do_not_grow(seed: int, strict: bool) -> None:
    assert statements(seed, 20, strict=strict) == statements(seed, 26, strict=strict)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_random_steps_are_those_of_backward(seed: int, dtype: str) -> None:
    compiled(seed, (1, 2, 3, 5, 8, 24)[seed % 6], strict=True, dtype=dtype)
