"""`total`: sums over rows of data as kernels."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from micrograd import (
    Tensor,
    Value,
    cos,
    fori,
    jit,
    maximum,
    sin,
    take,
    tanh,
    total,
    vmap,
    while_loop,
)
from micrograd.errors import IndexRangeError, ShapeError, SignatureError, TraceError
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


def test_inside_its_code_does_not_grow_with_the_rows() -> None:
    def whole(w: list[float], x: np.ndarray, y: np.ndarray) -> Any:
        return total(squared_error, x, y)(w) / len(x)

    kernel = jit(whole, wrt="w")
    lengths = []
    for n in (20, 2000):
        x = np.random.default_rng(n).normal(size=(n, 2))
        expected = float(((x @ [0.5, -1.0] - x[:, 0]) ** 2).mean())
        assert kernel([0.5, -1.0], x, x[:, 0]) == pytest.approx(expected)
        lengths.append(len(kernel.stages()["program"].splitlines()))
    assert lengths[0] == lengths[1] < 20


def test_inside_rows_may_be_computed() -> None:
    def whole(w: float, x: np.ndarray, y: list[float]) -> Any:
        shifted = total(lambda w, a, b: w * a * b, 2.0 * x[1:], [v + 1.0 for v in y])(w)
        return shifted + total(lambda w, a: w * a, x[:2])(w)

    x, y = np.array([1.0, 2.0, 3.0]), [4.0, 5.0]
    value, partials = jit(whole).value_and_grad(0.5, x, y)
    assert value == 0.5 * (4.0 * 5 + 6.0 * 6 + 3.0)
    assert partials[0] == 59.0
    assert partials[1].tolist() == [0.5, 0.5 + 5.0, 6.0]
    assert partials[2] == [2.0, 3.0]


@pytest.mark.parametrize("strict", [False, True])
def test_sums_of_sums_inside_and_in_loops(strict: bool) -> None:
    z = np.array([0.5, 1.5, 2.5])

    def pair(w: Any, x: Any, z: Any) -> Any:
        return tanh(w * x) * z

    def of_row(w: Any, x: Any) -> Any:
        return total(lambda w, z: pair(w, x, z), z)(w) * x

    sums = total(of_row, Y, strict=strict)
    w = Value(0.25)
    expected = sum(sum(pair(w, x, each) for each in z) * x for x in Y)
    expected.backward()
    value, slope = sums.value_and_grad(0.25)
    assert value == pytest.approx(expected.data)
    assert slope == pytest.approx(w.grad)
    inside = jit(lambda w: fori(3, lambda i, s: s * 0.5 + sums(w * s), w), strict=strict)
    state = Value(0.25)
    found = state
    for _ in range(3):
        found = found * 0.5 + sums(state * found)
    found.backward()
    assert inside.value_and_grad(0.25) == pytest.approx((found.data, state.grad))


@pytest.mark.parametrize("strict", [False, True])
def test_loops_in_rows_inside(strict: bool) -> None:
    def of_row(w: Any, x: Any) -> Any:
        powers = fori(3, lambda i, s: s * w + x, 1.0)
        root = while_loop(lambda s: abs(s * s - x) > 1e-9, lambda s: (s + x / s) / 2, x)
        return powers * root

    kernel = jit(lambda w: total(of_row, Y)(w) * w, strict=strict)
    w = Value(0.5)
    expected = sum(of_row(w, y) for y in Y) * w
    expected.backward()
    assert kernel.value_and_grad(0.5) == pytest.approx((expected.data, w.grad))
    slopes = [kernel.grad(0.5 + h) for h in (1e-5, -1e-5)]
    assert kernel.hvp(0.5, 1.0) == pytest.approx((slopes[0] - slopes[1]) / 2e-5, rel=1e-6)


def test_loops_without_a_body_stay_behind_what_they_are_given() -> None:
    """What all rows share is computed before them, but not the loop's place among the rest."""
    power = jit(lambda x: fori(3, lambda i, s: s * x + 0.1 * i, x))

    def called(a: Any, x: Any) -> Any:
        v = 1.5 * x
        return power(v) * (sin(a) + cos(a) * a) + v

    def repeated(a: Any, x: Any) -> Any:
        v = 1.5 * x
        return fori(2, lambda i, s: v, a) * (sin(a) * 2.0) + v

    rows = np.linspace(-0.5, 0.7, 8)
    for f in (called, repeated):
        whole = jit(lambda a, f=f: total(f, rows)(a)).value_and_grad(0.3)
        by_hand = jit(lambda a, f=f: sum(f(a, x) for x in rows)).value_and_grad(0.3)
        assert whole == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("freeze", [False, True])
def test_sums_of_numbers_may_read_what_is_around(freeze: bool) -> None:
    def f(a: Any) -> Any:
        return total(lambda w, x: a * w * x, [1.0, 2.0, 3.0])(2.0) + a * total(
            lambda w, x: w * x, rows="x"
        ).grad(2.0, [1.0, 2.0])

    kernel = jit(f, freeze=freeze)
    assert kernel.value_and_grad(3.0) == (45.0, 15.0)
    assert "order" not in kernel.stages()["program"]


def test_derivatives_of_rows_inside() -> None:
    each = jit(lambda w, x: tanh(w * x) * x, wrt="w").grad
    kernel = jit(lambda w: total(lambda w, x: (each(w, x), each(w, x) ** 2), Y)(w))
    slopes = [each(0.5, y) for y in Y]
    assert kernel(0.5) == pytest.approx((sum(slopes), sum(s * s for s in slopes)))
    assert jit(lambda w: total(lambda w, x: w * x * x, Y).grad(w) * w)(3.0) == 42.0


def test_integers_choose_rows_inside() -> None:
    which = np.array([1, 0, 1])

    def f(table: Any, i: int, x: Any) -> Any:
        return take(table, i) * x

    kernel = jit(lambda a, b: total(f, which, Y)([a, b]))
    assert kernel.value_and_grad(2.0, 3.0) == (3.0 + 4.0 + 9.0, (2.0, 4.0))


def test_known_rows_are_called_by_machine_code() -> None:
    loss = total(squared_error, X, Y)
    for kernel in (loss, loss.grad, loss.hvp):
        along = [[1.0, 0.0]] if kernel is loss.hvp else []
        first = kernel([0.25, 0.5], *along)
        assert kernel._answers
        assert kernel([0.25, 0.5], *along) == first
        by_name = kernel(**dict(zip(["w", "d_w"], [[0.25, 0.5], *along], strict=False)))
        assert by_name == first
    with pytest.raises(SignatureError):
        loss([0.25, 0.5], out=np.zeros(1))
    many = total(squared_error, np.ones((400_000, 2)), np.ones(400_000))
    assert many([0.25, 0.5]) == 400_000 * 0.0625
    assert not many._answers


@pytest.mark.parametrize("strict", [False, True])
def test_directions_of_values(strict: bool) -> None:
    def loss(w: Any, b: Any, x: Any, y: Any) -> Any:
        return (w["of"][0] * x[0] + w["of"][1] * x[1] * b - y) ** 2

    at: Any = {"of": [0.25, 0.5]}, 2.0
    direction: Any = {"of": [1.0, -2.0]}, 0.5
    values: Any = {"of": [Value(0.25), Value(0.5)]}, Value(2.0)
    sums = total(loss, rows=("x", "y"), strict=strict)
    close = pytest.approx
    for way in (sums.jvp, sums.hvp):
        expected = list(_numbers(way(*at, X, Y, *direction)))
        for given, along in ((values, direction), (at, (direction[0], Value(0.5)))):
            assert list(_numbers(way(*given, X, Y, *along))) == close(expected)
        compiled = jit(lambda w, b, d, e, way=way: way(w, b, X, Y, d, e))
        assert list(_numbers(compiled(*at, *direction))) == close(expected)
    one = total(loss, X, Y, wrt="w", strict=strict)
    expected = list(_numbers(one.hvp(*at, direction[0])))
    assert list(_numbers(one.hvp(*values, direction[0]))) == close(expected)


def _numbers(x: Any) -> Iterator[float]:
    """All that a result holds, of Values or numbers."""
    if isinstance(x, (tuple, list, dict)):
        for each in x.values() if isinstance(x, dict) else x:
            yield from _numbers(each)
    else:
        yield x.data if isinstance(x, Value) else x


def test_maps_of_sums() -> None:
    ws = np.array([[0.25, 0.5], [1.0, 2.0], [0.0, 0.0], [3.0, 1.0]])
    known, given = total(squared_error, X, Y), total(squared_error, rows=("x", "y"))
    assert vmap(known)(ws).tolist() == [known(w) for w in ws]
    assert vmap(known.grad)(ws).tolist() == [known.grad(w).tolist() for w in ws]
    found = vmap(given, in_axes=(None, 0, 0))(ws[0], np.stack([X, 2.0 * X]), np.stack([Y, Y]))
    assert found.tolist() == [given(ws[0], x, Y) for x in (X, 2.0 * X)]


def test_sums_take_no_tensors() -> None:
    loss = total(squared_error, X, Y)
    for _ in range(2):  # before it is compiled, and when the code answers calls
        with pytest.raises(SignatureError, match="w should be a number, an array"):
            loss(Tensor([0.25, 0.5]))
        loss([0.25, 0.5])


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
    with pytest.raises(IndexRangeError, match=r"i at row 2 is the index 2"):
        total(f, [0, 1, 2], x)(table)


@pytest.mark.parametrize("strict", [False, True])
def test_of_no_rows_it_is_0(strict: bool) -> None:
    loss = total(squared_error, rows=("x", "y"), strict=strict)
    assert loss.value_and_grad([1.0, 2.0], np.empty((0, 2)), []) == (0.0, [0.0, 0.0])
    with pytest.raises(TraceError) as caught:
        loss([1.0, 2.0], [], [])
    assert "give an array of shape (0, n)" in caught.value.__notes__[0]


def test_data_are_copied_when_they_are_given() -> None:
    data = np.ones(3)
    sums = total(lambda w, x: w * x, data)
    data[:] = 5.0
    assert sums(2.0) == 6.0


def test_it_tells_what_it_is() -> None:
    known = total(squared_error, X, Y)
    assert repr(known.value_and_grad) == "<kernel total_squared_error.value_and_grad(w) -> float64>"
    known([0.0, 0.0])
    assert "i < 3" in known.stages()["program"]
    loss = total(squared_error, rows=("x", "y"))
    loss([0.0, 0.0], X, Y)
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
        (lambda: jit(lambda w, x: total(tanh, x))(1.0, X), SignatureError, r"\(x: np.ndarray\)"),
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
