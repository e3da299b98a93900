"""Rows looked up before, in and behind loops written as loops, and by their counters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from micrograd import Table, Value, fit, fori, jit, sin, take, tanh, while_loop
from micrograd.errors import IndexRangeError, TraceError
from micrograd.optim import SGD

from .lookups_in_loops import check

NUMBERS = [0.5, -1.0, 2.0, 4.0]


@pytest.mark.parametrize("seed", [0, 4])
def test_drawn(seed: int) -> None:
    check(seed)


def test_counters_choose_rows() -> None:
    def horner(coefficients: list[float], x: float) -> Any:
        n = len(coefficients)
        return fori(n, lambda k, s: s * x + take(coefficients, n - 1 - k), 0.0)

    def between(xs: list[float]) -> Any:
        table = Table(xs)
        return fori(len(xs) - 1, lambda k, s: s + (table[k + 1] - table[k]) ** 2, 0.0)

    kernel = jit(horner)
    assert kernel([1.0, 2.0, 3.0], 2.0) == horner([1.0, 2.0, 3.0], 2.0) == 17.0
    assert kernel.grad([1.0, 2.0, 3.0], 2.0) == ([1.0, 2.0, 4.0], 14.0)
    assert kernel.hessian([1.0, 2.0, 3.0], 2.0)[1][1] == 6.0
    assert jit(between)([1.0, 2.0, 4.0]) == between([1.0, 2.0, 4.0]) == 5.0
    assert jit(between).grad([1.0, 2.0, 4.0]) == [-2.0, -2.0, 4.0]


def test_counters_of_loops_in_loops() -> None:
    matrix = [[Value(float(3 * i + j)) for j in range(3)] for i in range(2)]

    def f(x: float) -> Any:
        def row(i: Any, s: Any) -> Any:
            return fori(
                3, lambda j, t: t * 0.5 + take([v for r in matrix for v in r], 3 * i + j), s
            )

        return fori(2, row, x)

    assert jit(f)(1.0) == f(1.0)
    assert jit(f).grad(1.0) == 0.5**6


def test_how_often_is_an_integer_that_is_given() -> None:
    def f(x: float, n: int) -> Any:
        return fori(n, lambda _, s: s * x + take(NUMBERS, n), 1.0)

    for n in range(4):
        assert jit(f)(2.0, n) == f(2.0, n)
    xs, ns = np.array([2.0, 3.0, 0.5]), np.array([3, 0, 1])
    assert jit(f)(xs, ns).tolist() == [f(x, n) for x, n in zip(xs, ns.tolist(), strict=True)]


def test_gradients_of_loops_that_ask_at_points() -> None:
    """They run point by point, of which the indices are integers in memory."""
    rows = [Value(0.3), Value(0.5), Value(0.9)]

    def f(x: float, i: int) -> Any:
        return while_loop(lambda s: s < 2.0 + take(rows, i), lambda s: s + x * take(rows, i), x)

    kernel = jit(f)
    x, i = np.linspace(0.3, 0.9, 11), np.arange(11) % 3
    single = [kernel.grad(*point)[0] for point in zip(x.tolist(), i.tolist(), strict=True)]
    assert kernel.grad(x, i)[0] == pytest.approx(single)
    assert jit(f, dtype="f32").grad(x, i)[0] == pytest.approx(single, rel=1e-5)


def test_a_table_that_a_body_has_made_is_made_anew_behind_it() -> None:
    def f(x: float, i: int) -> Any:
        table = [sin(x * (k + 1.0)) for k in range(4)]
        return fori(3, lambda _, s: s * take(table, i) + x, x) + take(table, i)

    assert jit(f, strict=True)(0.7, 2) == f(0.7, 2)


@pytest.mark.parametrize("strict", [False, True])
def test_fit_with_lookups_in_loops(strict: bool) -> None:
    words, targets = np.array([0, 3, 1, 3, 2]), np.array([0.5, -0.2, 0.1, 0.3, 0.0])
    table, reference = ([Value(0.1 * k) for k in range(4)] for _ in range(2))

    def loss(word: Any, y: Any) -> Any:
        found = fori(3, lambda k, s: tanh(s + take(table, word) * take(table, k)), 0.5)
        return (found - y) ** 2

    fit(loss, SGD(table, lr=0.1), data=(words, targets), steps=3, dtype="f64", strict=strict)
    for _ in range(3):
        total: Any = 0.0
        for word, y in zip(words.tolist(), targets.tolist(), strict=True):
            s: Any = 0.5
            for k in range(3):
                s = tanh(s + reference[word] * reference[k])
            total = total + (s - y) ** 2 / len(words)
        for v in reference:
            v.grad = 0.0
        total.backward()
        for v in reference:
            v.data -= 0.1 * v.grad
    assert [v.data for v in table] == pytest.approx([v.data for v in reference], rel=1e-9)


def test_what_counters_cannot_choose_is_told() -> None:
    def at(index: Any) -> Any:
        return jit(lambda x: fori(4, lambda k, s: s + take(NUMBERS, index(k)), x))(1.0)

    with pytest.raises(IndexRangeError, match="indices from 1 to 4 into a table of 4 rows"):
        at(lambda k: k + 1)
    with pytest.raises(TraceError, match="from -1 to 2, of which some count from the end"):
        at(lambda k: k - 1)
    with pytest.raises(TraceError, match="should be an integer"):
        at(lambda k: k * k)
    assert at(lambda k: k - 4) == 1.0 + sum(NUMBERS)

    def both(x: float, i: int) -> Any:
        return fori(2, lambda k, s: s + take(NUMBERS, k + i), x)

    with pytest.raises(TraceError, match="a sum of a loop's counter and an integer"):
        jit(both)(1.0, 1)

    def kept(x: float) -> Any:
        counters: list[Any] = []
        found = fori(2, lambda k, s: (counters.append(k), s * x)[1], x)
        return found + take(NUMBERS, counters[0])

    with pytest.raises(TraceError, match="outside of the loop"):
        jit(kept)(1.0)
    empty: list[float] = [1.0]
    assert jit(lambda x: fori(0, lambda k, s: s + take(empty, k + 5), x))(2.0) == 2.0
