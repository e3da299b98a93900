"""Recurrences of one form that run in turn, and factorizations that only have their own loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from micrograd import log

from ...regular import floats, traced
from ...two_at_once import compiled, statements
from ...updated_in_place import checked

Function = Callable[..., Any]


def swept(a: Any, b: Any, c: Any, d: Any) -> Any:
    """The solution of a tridiagonal system, by a sweep there and one back."""
    n, c, d = len(d), list(c), list(d)
    c[0], d[0] = c[0] / b[0], d[0] / b[0]
    for i in range(1, n):
        m = b[i] - a[i] * c[i - 1]
        c[i] = c[i] / m
        d[i] = (d[i] - a[i] * d[i - 1]) / m
    for i in range(n - 2, -1, -1):
        d[i] = d[i] - c[i] * d[i + 1]
    return d


def cyclic(n: int) -> tuple[Function, tuple[int, ...]]:
    """A cyclic tridiagonal system, by the formula of Sherman and Morrison."""

    def f(x: Any, y: Any) -> Any:
        a = [x[i] * 0.1 - 1.0 for i in range(n)]
        b = [x[n + i] + 4.0 for i in range(n)]
        c = [x[2 * n + i] * 0.1 - 1.0 for i in range(n)]
        g = -b[0]
        inner = [b[0] - g, *b[1:-1], b[-1] - a[0] * c[-1] / g]
        z = swept(a, inner, c, y)
        q = swept(a, inner, c, [g, *[0.0] * (n - 2), c[-1]])
        h = (z[0] + a[0] * z[-1] / g) / (1.0 + q[0] + a[0] * q[-1] / g)
        return sum(p - h * r for p, r in zip(z, q, strict=True))

    return f, (3 * n, n)


def ldl(n: int) -> tuple[Function, tuple[int, ...]]:
    """The logarithm of a determinant, by a triangle and a diagonal."""

    def f(x: Any) -> Any:
        low = [[0.0] * n for _ in range(n)]
        d = [0.0] * n
        for j in range(n):
            d[j] = x[n * j + j] + 5.0 - sum(low[j][k] * low[j][k] * d[k] for k in range(j))
            for i in range(j + 1, n):
                s = sum(low[i][k] * low[j][k] * d[k] for k in range(j))
                low[i][j] = (x[n * i + j] - s) / d[j]
        return sum(log(e * e) for e in d)

    return f, (n * n,)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("small", "large"), [(cyclic(9), cyclic(14)), (ldl(10), ldl(14))])
def test_programs_do_not_grow(small: Any, large: Any, strict: bool) -> None:
    counts = []
    for f, sizes in (small, large):
        t = traced(f, *(floats(n, n + k) for k, n in enumerate(sizes)))
        counts.append(checked(t, f.__qualname__, strict=strict))
    assert counts[0] == counts[1] <= 40


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("strict", [False, True])
def test_random_recurrences_do_not_grow(seed: int, strict: bool) -> None:
    assert statements(seed, 40, strict=strict) == statements(seed, 60, strict=strict)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("strict", [False, True])
def test_random_recurrences_are_those_of_backward(seed: int, strict: bool) -> None:
    compiled(seed, (1, 2, 3, 5, 8)[seed % 5], strict=strict, dtype="f64")
