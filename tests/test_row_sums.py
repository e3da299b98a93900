"""`total`: sums over rows of data as kernels."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from micrograd import Value, jit, maximum, take, tanh, total, while_loop
from micrograd.errors import IndexRangeError, ShapeError, SignatureError
from micrograd.nn import MLP

from .row_functions import check

X = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
Y = np.array([1.0, 2.0, 3.0])


def squared_error(w: Any, x: Any, y: Any) -> Any:
    return (w[0] * x[0] + w[1] * x[1] - y) ** 2


@pytest.mark.parametrize("seed", [*range(10), 108])
def test_sums_agree_with_rows(seed: int) -> None:
    check(seed)


def test_one_compilation_for_any_number_of_rows() -> None:
    loss = total(squared_error, rows=("x", "y"))
    numbers = np.random.default_rng(0)
    for n in (0, 1, 5, 977, 2000):
        x, y = numbers.normal(size=(n, 2)), numbers.normal(size=n)
        expected = float(((x @ [0.5, -1.0] - y) ** 2).sum())
        assert loss([0.5, -1.0], x, y) == pytest.approx(expected)
    assert len(loss._codes) == 1


def test_threads_do_not_change_the_sum() -> None:
    x = np.random.default_rng(1).normal(size=(5000, 2))
    sums = [
        total(squared_error, x, x[:, 0], threads=n).value_and_grad([0.5, 0.1]) for n in (1, 2, 3)
    ]
    assert sums[0] == sums[1] == sums[2]


def test_what_is_shared_may_be_anything() -> None:
    def f(a: Any, b: Any, x: Any) -> Any:
        return a * x + b["c"][0, 1] * b["d"][0] * x * x

    b = {"c": np.array([[1.0, 2.0]]), "d": [3.0]}
    value, (a_partial, b_partial) = total(f, rows="x").value_and_grad(2.0, b, [1.0, 2.0])
    assert (value, a_partial) == (36.0, 3.0)
    assert b_partial["c"].tolist() == [[0.0, 15.0]]
    assert b_partial["d"] == [10.0]


def test_several_results_are_summed_each() -> None:
    sums = total(lambda w, x: [w * x, x * x], [1.0, 2.0, 3.0])
    assert sums(2.0) == [12.0, 14.0]
    assert sums.jacobian(2.0) == [6.0, 0.0]


def test_a_model_that_is_closed_over_is_live() -> None:
    random.seed(0)
    model = MLP(2, [3, 1])
    loss = total(lambda x, y: (model(x) - y) ** 2, X, Y, wrt=model.parameters())

    def expected() -> tuple[float, list[float]]:
        for p in model.parameters():
            p.grad = 0
        whole: Any = sum((model(x) - y) ** 2 for x, y in zip(X.tolist(), Y.tolist(), strict=True))
        whole.backward()
        return whole.data, [p.grad for p in model.parameters()]

    for _ in range(2):
        value, partials = loss.value_and_grad()
        number, slopes = expected()
        assert value == pytest.approx(number)
        assert partials == pytest.approx(slopes)
        model.parameters()[0].data += 0.5


def test_values_give_the_sum_that_can_be_differentiated() -> None:
    w = [Value(0.5), Value(0.25)]
    whole = total(squared_error, X, Y)(w)
    (whole * 2.0).backward()
    assert whole.data == total(squared_error, X, Y)([0.5, 0.25])
    assert [v.grad for v in w] == [2.0 * g for g in total(squared_error, X, Y).grad([0.5, 0.25])]


def test_inside_of_a_compiled_function() -> None:
    loss = total(squared_error, X, Y)
    whole = jit(lambda w: loss([w, 0.5 * w]) + w * w)
    value, slope = whole.value_and_grad(0.25)
    w = Value(0.25)
    expected = loss([w, 0.5 * w]) + w * w
    expected.backward()
    assert value == pytest.approx(expected.data)
    assert slope == pytest.approx(w.grad)


def test_rows_with_more_axes_are_arrays() -> None:
    data = np.arange(12.0).reshape(2, 3, 2)
    sums = total(lambda w, x: w * x[1, 0] + maximum(x[2, 1], w), data)
    assert sums.value_and_grad(6.0) == (2.0 * 6 + 8.0 * 6 + 6.0 + 11.0, 11.0)


def test_integers_are_numbers() -> None:
    sums = total(lambda w, x: w * x, np.arange(4), dtype="f32")
    assert sums(0.5) == 3.0


@pytest.mark.parametrize("strict", [False, True])
def test_rows_of_integers_choose_rows_of_a_table(strict: bool) -> None:
    def f(table: Any, i: int, x: Any) -> Any:
        a, b = take(table, i)
        return a * x + b * b

    table, x = [[1.0, 2.0], [3.0, 4.0]], [1.0, 10.0, 100.0]
    for which in ([1, 0, -1], np.array([1, 0, -1], np.int32)):
        expected = (3.0 + 16 + 10 + 4 + 300 + 16, [[10.0, 4.0], [101.0, 16.0]])
        assert total(f, which, x, strict=strict).value_and_grad(table) == expected
        assert total(f, rows=("i", "x"), strict=strict).value_and_grad(table, which, x) == expected
    many = np.arange(1003) % 2
    assert total(f, many, many, strict=strict)(table) == 501 * 3.0 + 502 * 4.0 + 501 * 16.0
    with pytest.raises(IndexRangeError, match=r"i at point 2 is the index 2"):
        total(f, [0, 1, 2], x)(table)


@pytest.mark.parametrize("strict", [False, True])
def test_of_no_rows_it_is_0(strict: bool) -> None:
    loss = total(squared_error, rows=("x", "y"), strict=strict)
    assert loss.value_and_grad([1.0, 2.0], np.empty((0, 2)), []) == (0.0, [0.0, 0.0])


def test_data_are_copied_when_they_are_given() -> None:
    data = np.ones(3)
    sums = total(lambda w, x: w * x, data)
    data[:] = 5.0
    assert sums(2.0) == 6.0


def test_it_tells_what_it_is() -> None:
    loss = total(squared_error, X, Y)
    assert repr(loss.value_and_grad) == "<kernel total_squared_error.value_and_grad(w) -> float64>"
    loss([0.0, 0.0])
    assert "extent count <= 976" in loss.stages()["program"]
    assert "loop" in loss.explain()
    loss.close()


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: total(squared_error), SignatureError, r"which parameters take rows"),
        (lambda: total(squared_error, rows="z"), SignatureError, r"got str 'z'"),
        (lambda: total(squared_error, X, Y, rows="x"), SignatureError, r"for its last parameters"),
        (lambda: total(squared_error, X, Y, X, Y), SignatureError, r"4 arrays of data, but"),
        (lambda: total(squared_error, X, Y[:2]), ShapeError, r"rows: 3 of x, 2 of y"),
        (lambda: total(tanh, rows="x")([[1.0], [2.0, 3.0]]), ShapeError, r"same length"),
        (lambda: total(tanh, ["a"]), SignatureError, r"array of real numbers"),
        (lambda: total(tanh, 5.0), SignatureError, r"with a row for each term"),
        (lambda: total(3.0), SignatureError, r"takes a function"),
        (lambda: total(tanh, rows="x").grad, SignatureError, r"no parameter is shared"),
        (lambda: total(squared_error, X, Y)(), SignatureError, r"takes 1 argument"),
        (lambda: total(squared_error, X, Y).grad.grad, SignatureError, r"derivative already"),
    ],
)
def test_errors_say_what_to_do(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_rows_may_say_how_often_a_loop_runs(dtype: str) -> None:
    x = np.random.default_rng(0).normal(size=37)

    def loss(a: float, x: float) -> Any:
        state = while_loop(lambda s: s[1] < x, lambda s: (s[0] * a + x, s[1] + 0.5), (1.0, 0.0))
        return state[0]

    a = Value(0.7)
    expected = sum(loss(a, float(each)) for each in x)
    expected.backward()
    kernel = total(loss, x, dtype=dtype)
    exact = 1e-12 if dtype == "f64" else 1e-6
    assert kernel(0.7) == pytest.approx(expected.data, rel=exact)
    assert kernel.grad(0.7) == pytest.approx(a.grad, rel=exact)
    ahead, behind = (kernel.grad(0.7 + h) for h in (1e-3, -1e-3))
    assert kernel.hvp(0.7, 1.0) == pytest.approx((ahead - behind) / 2e-3, rel=1e-3)


def test_no_rows_of_integers() -> None:
    def loss(w: float, x: float, i: int) -> Any:
        return w * x * take([1.0, 2.0, 3.0], i)

    assert total(loss, [], [])(2.0) == 0.0
