"""Pyramids and other lists that get shorter or longer from step to step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from micrograd import exp, maximum, sqrt

from ...growing_lists import compiled, statements
from ...regular import floats, traced
from ...updated_in_place import checked
from .test_loops import found

Function = Callable[..., Any]


def prices(n: int) -> tuple[Function, tuple[int, ...]]:
    """An option, by a tree of its prices that is filled in place."""

    def f(x: Any) -> Any:
        price, strike, rate, volatility = x
        up = exp(volatility * n**-0.5)
        p = (exp(rate / n) - 1.0 / up) / (up - 1.0 / up)
        v = [maximum(price * up ** (2 * i - n) - strike, 0.0) for i in range(n + 1)]
        for i in range(n, 0, -1):
            for j in range(i):
                v[j] = exp(-rate / n) * (p * v[j + 1] + (1.0 - p) * v[j])
        return v[0]

    return f, (4,)


def prices_so_far(n: int) -> tuple[Function, tuple[int, ...]]:
    """The same, where the last price of the first row is made behind all others, which go on."""

    def f(x: Any) -> Any:
        v, q = [], x[0]
        for _ in range(n + 1):
            v.append(maximum(x[1] - q, 0.0))
            q = q * x[3]
        for i in range(n, 0, -1):
            for j in range(i):
                v[j] = exp(-x[2] * 0.01) * (x[3] * v[j + 1] + (1.0 - x[3]) * v[j])
        return v[0]

    return f, (4,)


def exercised(n: int) -> tuple[Function, tuple[int, ...]]:
    """The same, where it may be exercised before."""

    def f(x: Any) -> Any:
        price, strike, p, up = x
        s = [price * up ** (2 * j - n) for j in range(n + 1)]
        v = [maximum(strike - q, 0.0) for q in s]
        for i in range(n - 1, -1, -1):
            for j in range(i + 1):
                s[j] = s[j] * up
                v[j] = maximum(0.9 * (p * v[j + 1] + (1.0 - p) * v[j]), strike - s[j])
        return v[0]

    return f, (4,)


def balanced(n: int) -> tuple[Function, tuple[int, ...]]:
    """A matrix whose rows and columns are scaled in turns, as Sinkhorn does."""

    def f(x: Any) -> Any:
        k = [[exp(-x[n * i + j]) for j in range(n)] for i in range(n)]
        u = v = [1.0] * n
        for _ in range(n):
            u = [1.0 / sum(k[i][j] * v[j] for j in range(n)) for i in range(n)]
            v = [1.0 / sum(k[i][j] * u[i] for i in range(n)) for j in range(n)]
        return sum(u[i] * k[i][j] * v[j] * x[n * i + j] for i in range(n) for j in range(n))

    return f, (n * n,)


@pytest.mark.parametrize(
    ("make", "most", "strictly"),
    [(prices, 12, 30), (prices_so_far, 20, 35), (exercised, 15, 15), (balanced, 12, 25)],
)
def test_programs_are_as_long_at_any_size(
    make: Callable[[int], Any], most: int, strictly: int
) -> None:
    for strict, limit in ((False, most), (True, strictly)):
        counts = set()
        for n in (7, 10):
            f, lengths = make(n)
            t = traced(f, *map(floats, lengths))
            counts.add(checked(t, make.__name__, strict=strict))
        assert len(counts) == 1
        assert max(counts) <= limit


def test_what_has_loops_only_where_lists_are_updated_is_looked_at_so() -> None:
    """Levinson's recursion, most of which is in no loop else."""

    def f(r: Any) -> Any:
        a, e = [1.0], r[0] + 3.0
        for i in range(1, 10):
            k = -sum(a[j] * r[i - j] for j in range(i)) / e
            a = [1.0, *[a[j] + k * a[i - j] for j in range(1, i)], k]
            e = e * (1.0 - k * k)
        return e + sum(a)

    assert checked(traced(f, floats(10)), "levinson") < 25
    assert checked(traced(f, floats(10)), "levinson", strict=True) < 25


@pytest.mark.parametrize(("size", "modified"), [(3, False), (4, False), (4, True)])
def test_vectors_that_have_most_in_common_have_loops(size: int, modified: bool) -> None:
    """Remainders make the first ones of more kinds than there are items behind."""

    def f(x: Any, y: Any) -> Any:
        total: Any = 0.0
        done: list[list[Any]] = []
        for i in range(14):
            v = [y[(5 * i + j) % 20] + (2.0 if i % size == j else 0.0) for j in range(size)]
            w = list(v)
            for q in done:
                c = sum(b * e for b, e in zip(q, w if modified else v, strict=True))
                w = [b - 0.3 * c * e for b, e in zip(w, q, strict=True)]
            s = sqrt(sum(b * b for b in w) + 0.1)
            done.append([b * (1.0 / s) for b in w])
            total = total + sum(done[-1]) * (i + 1.0)
        return total + 0.1 * x[0]

    assert len(found(traced(f, floats(3), floats(29))).statements) < 130


@pytest.mark.parametrize("seed", [1, 101])
def test_random_lists(seed: int) -> None:
    """Whatever is found is the trace's own, strict to the last bit."""
    statements(seed, 7)
    statements(seed, 7, strict=True)


@pytest.mark.parametrize(
    ("seed", "n", "strict", "dtype"),
    [(2, 5, False, "f64"), (106, 3, True, "f64"), (110, 9, False, "f32")],
)
def test_random_lists_compiled(seed: int, n: int, strict: bool, dtype: str) -> None:
    compiled(seed, n, strict=strict, dtype=dtype)
