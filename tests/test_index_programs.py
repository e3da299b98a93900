"""Rows that are looked up by integers which are computed: see index_programs.py."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from micrograd import Value, fit, fori, grad, jit, take, total, vmap
from micrograd.errors import ExportError, IndexRangeError, TraceError, TrainingError
from micrograd.integers import many, one, text
from micrograd.optim import SGD

from .index_programs import problems, trained

NEAR = [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]


def values() -> list[Value]:
    return [Value(1.0 + k) for k in range(4)]


@pytest.mark.parametrize("seed", [0, 1, 2, 5, 910024])
def test_random_functions_are_the_interpreters(seed: int) -> None:
    assert not list(problems(seed))


@pytest.mark.parametrize("seed", [3, 7, 11])
def test_random_losses_are_the_interpreters(seed: int) -> None:
    assert not list(trained(seed))


def test_a_row_of_integers_and_a_place_in_it() -> None:
    v = values()

    def known(x: float, i: int, j: int) -> Any:
        return x * v[NEAR[i][j]]

    def given(x: float, rows: list[list[int]], i: int, j: int) -> Any:
        return x * v[rows[i][j]]

    def of_array(x: float, i: int, j: int) -> Any:
        return x * v[array[i, j]] * v[array[i][j]]

    array = np.array(NEAR)
    for i, j in ((0, 0), (3, 2), (-1, -3), (2, 1)):
        wanted = v[NEAR[i][j]].data
        assert jit(known)(0.5, i, j) == 0.5 * wanted
        assert jit(given)(0.5, NEAR, i, j) == 0.5 * wanted
        assert jit(of_array)(0.5, i, j) == 0.5 * wanted**2
    with pytest.raises(IndexRangeError, match=r"known: j is the index 3 into a table of 3 rows"):
        jit(known)(0.5, 0, 3)
    with pytest.raises(IndexRangeError, match=r"given: i is the index 4 into a table of 4 rows"):
        jit(given)(0.5, NEAR, 4, 0)


def test_only_integers_that_are_chosen_have_to_be_of_rows() -> None:
    v, near = values(), [0, 2, 4, -5, 3, 1]

    def f(x: float, i: int) -> Any:
        return x * v[near[i]]

    kernel = jit(f)
    assert [kernel(1.0, i) for i in (0, 1, 4, -1)] == [1.0, 3.0, 4.0, 2.0]
    said = r"f: \[0, 2, 4, -5, 3, \.\.\.\]\[i\] is the index 4 into a table of 4 rows"
    with pytest.raises(IndexRangeError, match=said):
        kernel(1.0, 2)
    with pytest.raises(IndexRangeError, match=r"f: i is the index 6 into a table of 6 rows"):
        kernel(1.0, 6)


def test_integers_are_exact_where_64_bits_do_not_do() -> None:
    numbers = [float(k) for k in range(7)]

    def f(x: float, i: int, j: int) -> Any:
        return x * take(numbers, i * j * j % 7)

    i, j = 2**40 + 3, 2**35 - 1
    assert jit(f)(1.0, i, j) == i * j * j % 7
    many_i, many_j = np.array([i, 5]), np.array([j, -j])
    assert jit(f)(np.ones(2), many_i, many_j).tolist() == [i * j * j % 7, 5 * j * j % 7]


@pytest.mark.parametrize("n", [-5, -3, -1, 1, 4])
def test_remainders_are_rounded_as_those_of_integers(n: int) -> None:
    numbers = [0.5, 1.5, -2.0, 3.25, 5.0, 7.0, 11.0]

    def f(x: Any, i: int) -> Any:
        quotient, remainder = divmod(i, n)
        return x * take(numbers, i % n) + 10.0 * remainder + quotient

    kernel: Any = jit(f)
    for i in range(-6, 7):
        assert kernel(2.0, i) == 2.0 * numbers[i % n] + 10.0 * (i % n) + i // n


def test_functions_inside_compute_with_integers_of_those_around() -> None:
    v = values()

    def f(x: float, i: int, j: int) -> Any:
        def inside(q: Any, k: int) -> Any:
            return q * q * take(v, abs(k - 3) % 4)

        return grad(inside, wrt="q")(x, i) + jit(inside)(x, j // 2)

    for i, j in ((0, 5), (3, 2)):
        wanted = 2.0 * 0.5 * v[abs(i - 3) % 4].data + 0.25 * v[abs(j // 2 - 3) % 4].data
        assert jit(f)(0.5, i, j) == wanted


def test_counters_of_loops_are_computed_with() -> None:
    v = values()

    def f(x: float, i: int) -> Any:
        return fori(5, lambda c, y: y * take(v, (c + i) % 4) + take(v, c * c % 4) * (c // 2), x)

    for i in (0, 3, -7):
        assert jit(f)(0.5, i) == f(0.5, i).data


def test_vmap_and_total_of_pairs() -> None:
    v = values()

    def far(i: int, j: int) -> Any:
        return v[abs(i - j)]

    def edge(e: list[int]) -> Any:
        return v[e[0]] * v[e[1] % 4]

    i, j = np.array([0, 1, 3]), np.array([3, 3, 3])
    assert vmap(far)(i, j).tolist() == [4.0, 3.0, 1.0]
    assert total(far, rows=["i", "j"])(i, j) == 8.0
    assert vmap(edge)(np.array([[0, 1], [2, 7]])).tolist() == [2.0, 12.0]


def test_an_index_of_no_row_says_how_it_was_computed() -> None:
    v = values()

    def loss(doc: list[int]) -> Any:
        return sum(v[abs(a - b)] * v[a // 2] for a, b in pairwise(doc))

    def f(x: float, i: int, j: int) -> Any:
        return x * v[max(i, j) + min(i, 0)]

    with pytest.raises(IndexRangeError, match=r"f: max\(i, j\) \+ min\(i, 0\) is the index 5 into"):
        jit(f)(1.0, 5, 2)
    before = [x.data for x in v]
    with pytest.raises(TrainingError, match=r"abs\(data\[1\]\[0\] - data.* is the index 6"):
        fit(loss, SGD(v, lr=0.1), data=[[1, 2, 3], [0, 6], [3, 3]], steps=3)
    assert [x.data for x in v] == before


def test_what_no_index_is_computed_by() -> None:
    v = values()

    def not_annotated(x: Any, i: Any) -> Any:
        return x * v[i % 3]

    def by_zero(x: float, i: int) -> Any:
        return x * v[i % 0]

    def root(x: float, i: int) -> Any:
        return x * v[i**0.5]

    def exported(x: float, i: int) -> Any:
        return x * v[i % 4]

    with pytest.raises(TraceError, match=r"if i is an integer, annotate it, as in i: int"):
        jit(not_annotated)(1.0, 2)
    with pytest.raises(ZeroDivisionError):
        jit(by_zero)(1.0, 2)
    with pytest.raises(TraceError, match=r"\*\*0\.5 of integers is none that indices are computed"):
        jit(root)(1.0, 2)
    kernel = jit(exported)
    assert kernel(1.0, 6) == 3.0
    with pytest.raises(ExportError, match=r"rows are looked up by i % 4"):
        kernel.export("nowhere")


def test_formulas_say_what_they_are() -> None:
    formula = ("remainder", ("mul", ("given", 0), ("add", ("given", 1), -2)), 5)
    assert text(formula, ["i", "j"]) == "(i * (j + -2)) % 5"
    assert one(formula, [3, 4]) == 1
    assert many(formula, [np.array([3, -3]), np.array([4, 4])]).tolist() == [1, 4]
    assert many(("lt", ("given", 0), 2), [np.array([1, 2])]).tolist() == [1, 0]
    chosen = ("row", ("given", 0), ("given", 1), ("abs", ("given", 1)), 7)
    assert [one(chosen, [k, -4]) for k in (0, 1, 2, -1)] == [-4, 4, 7, 7]
    assert many(chosen, [np.array([0, 1, 2, -1]), np.array([-4])]).tolist() == [-4, 4, 7, 7]
