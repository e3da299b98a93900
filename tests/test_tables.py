"""`take` and `Table`: eager, and in kernels, whose arguments are integers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from micrograd import Table, Value, exp, grad, jit, take, tanh
from micrograd.errors import (
    DataError,
    IndexRangeError,
    ShapeError,
    SignatureError,
    TraceError,
)

ROWS, WIDTH = 5, 3


def values() -> list[list[Value]]:
    return [[Value(10.0 * r + c) for c in range(WIDTH)] for r in range(ROWS)]


def leaves(table: Sequence[Any]) -> list[Value]:
    return [v for row in table for v in row]


# --- eager ----------------------------------------------------------------------------------


def test_eager_it_is_pythons_indexing() -> None:
    table = values()
    assert take(table, 2) is table[2]
    assert take(table, -1) is table[-1]
    assert take(table, np.int8(3)) is table[3]
    assert take(table, True) is table[1]
    assert take((1.0, 2.0), 1) == 2.0
    assert take(np.arange(6.0).reshape(3, 2), 1).tolist() == [2.0, 3.0]
    named = Table(table)
    assert named[-2] is table[-2]
    assert len(named) == ROWS
    assert list(named) == table
    assert named[1:3] == table[1:3]
    assert Table(named).rows is table
    y = take(table, 2)[0] * 3.0
    y.backward()
    assert table[2][0].grad == 3.0


@pytest.mark.parametrize("index", [ROWS, -ROWS - 1, 2**70])
def test_an_eager_index_out_of_range_is_an_index_error(index: int) -> None:
    with pytest.raises(IndexError, match=rf"index {index} is out of range of a table of 5 rows"):
        take(values(), index)


@pytest.mark.parametrize("index", [1.0, np.float32(1), Value(1.0), "1", None])
def test_an_eager_index_is_an_integer(index: Any) -> None:
    with pytest.raises(DataError, match="index of a row should be an integer"):
        take(values(), index)


@pytest.mark.parametrize("table", [3.0, Value(1.0), {0: 1.0}, np.array(1.0), "ab"])
def test_a_table_is_a_sequence(table: Any) -> None:
    for made in (lambda: take(table, 0), lambda: Table(table)):
        with pytest.raises(DataError, match="should be a list, a tuple or an array"):
            made()


# --- kernels --------------------------------------------------------------------------------


def of_two(table: Any) -> Any:
    def f(x: float, i: int) -> Any:
        a, b, c = take(table, i)
        return x * a + b * b - c + take([a * x, b, c, x + 1.0], i - 1)

    return f


def same(found: Any, wanted: Any, dtype: str) -> None:
    tolerance: dict[str, Any] = {"rel": 1e-12} if dtype == "f64" else {"rel": 2e-5, "abs": 1e-3}
    assert np.ravel(found) == pytest.approx(np.ravel(wanted), **tolerance)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_kernels_take_integers_one_by_one_and_at_points(dtype: str, strict: bool) -> None:
    table = values()
    f = of_two(table)
    kernel = jit(f, wrt=leaves(table), dtype=dtype, strict=strict)
    rng = np.random.default_rng(1)
    for n in (1, 7, 8, 9, 40):
        x, index = rng.normal(size=n), rng.integers(-3, 4, n)
        wanted, partials = [], []
        for a, k in zip(x.tolist(), index.tolist(), strict=True):
            for p in leaves(table):
                p.grad = 0.0
            out = f(a, k)
            out.backward()
            wanted.append(out.data)
            partials.append([p.grad for p in leaves(table)])
        same(kernel(x, index).tolist(), wanted, dtype)
        value, found = kernel.value_and_grad(x, index)
        same(value.tolist(), wanted, dtype)
        same(np.array(found).T.tolist(), partials, dtype)
        value, found = kernel.value_and_grad(float(x[0]), int(index[0]))
        same([value, *found], [wanted[0], *partials[0]], dtype)
    same(kernel(2.0, np.arange(4)).tolist(), [f(2.0, k).data for k in range(4)], dtype)


def test_an_index_that_is_wrong_is_told() -> None:
    kernel = jit(of_two(values()))
    for bad, error, text in (
        (5, IndexRangeError, "f: i is the index 5 into a table of 5 rows: indices are from 0 to 4"),
        (-6, IndexError, "i is the index -6 into"),
        (2**70, IndexError, "i is the index 1180591620717411303424 into"),
        (2.0, SignatureError, "f: i is an index of rows, so it should be an integer, got float"),
        (np.float32(1.0), TypeError, "so it should be an integer, got float32"),
    ):
        with pytest.raises(error, match=re.escape(text)):
            kernel(2.0, bad)
    with pytest.raises(IndexError, match="i at point 1 is the index 7 into a table of 5 rows"):
        kernel(np.ones(2), np.array([1, 7]))
    with pytest.raises(SignatureError, match="got an array of float64"):
        kernel(np.ones(2), np.ones(2))
    with pytest.raises(IndexError, match=r"i - 1 is the index -5 into a table of 4 rows"):
        kernel(2.0, -4)


def test_integers_have_defaults() -> None:
    numbers = [1.0, 2.0, 4.0]

    def f(x: float, i: int = 2) -> Any:
        return x * take(numbers, i)

    def g(x: float, *, i: int = -1, more: list[int] = [0, 1]) -> Any:  # noqa: B006
        return x * take(numbers, i) + take(numbers, more[1])

    def outside(x: float, i: int = 7) -> Any:
        return x * take(numbers, i)

    def broken(x: float, i: int = 2.0) -> Any:  # type: ignore[assignment]
        return x * take(numbers, i)

    kernel = jit(f)
    assert (kernel(1.5), kernel(1.5, 0), kernel(1.5, i=1)) == (6.0, 1.5, 3.0)
    assert kernel.grad(1.5) == (4.0, 0.0)
    assert kernel(np.array([1.0, 2.0])).tolist() == [4.0, 8.0]
    named = jit(g)
    assert (named(1.5), named(1.5, i=0), named(1.5, more=[0, 2])) == (8.0, 3.5, 10.0)
    with pytest.raises(IndexRangeError, match="i is the index 7 into a table of 3 rows"):
        jit(outside)(1.5)
    with pytest.raises(SignatureError, match=r"i .* should be an integer, got float 2\.0"):
        jit(broken)(1.5)


def test_lists_and_arrays_of_integers() -> None:
    table = values()

    def f(tokens: list[int]) -> Any:
        return sum(take(table, k)[0] * take(table, k + 1)[2] for k in tokens)

    def g(tokens: np.typing.NDArray[np.int64]) -> Any:
        return sum(take(table, tokens[k])[0] * take(table, tokens[k] + 1)[2] for k in range(3))

    for tokens in ([0, 3, -2], [1, 1, 1]):
        wanted = f(tokens).data
        assert jit(f)(tokens) == wanted
        assert jit(g)(np.array(tokens)) == wanted
    with pytest.raises(IndexError, match=r"f: tokens\[2\] is the index 9 into a table of 5 rows"):
        jit(f)([0, 3, 9])
    with pytest.raises(SignatureError, match=r"f: tokens\[1\] is an index of rows"):
        jit(f)([0, 1.0, 2])


def test_integers_are_numbers_too_and_forms_of_them_indices() -> None:
    grid = [float(k * k) for k in range(12)]

    def f(i: int, j: int) -> Any:
        return i * 2 + j + take(grid, 3 * i + j) * take(grid, 11 - (i + j))

    for i in range(4):
        for j in range(3):
            assert jit(f)(i, j) == f(i, j)
    with pytest.raises(IndexError, match=r"f: 3\*i \+ j is the index 12 into a table of 12 rows"):
        jit(f)(3, 3)
    rows = np.arange(4)
    assert jit(f)(rows, 1).tolist() == [f(k, 1) for k in range(4)]


def test_what_is_no_form_of_integers_is_told() -> None:
    def of_number(x: float) -> Any:
        return take([1.0, 2.0], x)

    def halved(i: int) -> Any:
        return take([1.0, 2.0], i * 0.5)

    def decided(i: int) -> Any:
        return 1.0 if i == 3 else 2.0

    for f, said in (
        (of_number, "x"),
        (halved, "this traced value"),
    ):
        with pytest.raises(TraceError, match=f"should be an integer, and {said} is none"):
            jit(f)(1)
    with pytest.raises(TraceError, match="no truth value"):
        jit(decided)(3)
    with pytest.raises(TraceError, match=r"cannot be an index or a range; .*micrograd\.take"):
        jit(lambda i: [1.0, 2.0][i])(1)


def test_arrays_of_values_and_tables_are_indexed() -> None:
    w = [Value(float(k)) for k in range(6)]

    def f(x: np.ndarray, i: int) -> Any:
        return x[i] * x[i - 1] + Table(w)[i]

    def g(x: np.ndarray, i: int, j: int) -> Any:
        return x[i, j] * x[j][1] + x[i].sum() + x[i, 1:].sum()

    x = np.array([1.0, 2.0, 4.0])
    assert jit(f)(x, 2) == 8.0 + 2.0
    y = np.arange(1.0, 10.0).reshape(3, 3)
    for i, j in ((0, 1), (2, 0), (-1, 2)):
        assert jit(g)(y, i, j) == pytest.approx(
            y[i, j] * y[j][1] + y[i].sum() + y[i, 1:].sum(), rel=1e-14
        )
    found = grad(f)(x, 1)
    assert found[0].tolist() == [2.0, 1.0, 0.0]


def test_nested_rows_and_their_errors() -> None:
    table = [[[1.0, Value(2.0)], (3.0,)], [[4.0, Value(5.0)], (6.0,)]]

    def f(i: int) -> Any:
        (a, b), (c,) = take(table, i)
        return a * b + c

    assert [jit(f)(k) for k in (0, 1, -1)] == [5.0, 26.0, 26.0]
    with pytest.raises(ShapeError, match="row 0 is 2 items, row 1 is 1 items"):
        jit(_uneven)(0)
    with pytest.raises(IndexRangeError, match="a table of no rows"):
        jit(_empty)(0)


def _uneven(i: int) -> Any:
    return take([[1.0, 2.0], [3.0]], i)[0]


def _empty(i: int) -> Any:
    return take([], i)


def test_rows_with_names_keep_them() -> None:
    class Row(NamedTuple):
        a: Any
        b: Any

        def turned(self) -> Any:
            return self._replace(a=self.b, b=self.a)

    table = [Row(1.0, (2.0, 3.0)), Row(4.0, (5.0, 6.0))]

    def f(i: int, x: float) -> Any:
        row = take(table, i)
        assert type(row) is Row
        assert type(row.b) is tuple
        return row.turned().a[1] * x + row.a

    def plain(i: int, x: float) -> Any:
        return table[i].turned().a[1] * x + table[i].a

    for g in (f, plain):
        assert [jit(g)(i, 2.0) for i in (0, 1, -1)] == [g(i, 2.0) for i in (0, 1, -1)]


def test_tuples_of_other_classes_are_rows_of_their_items() -> None:
    class Own(tuple[Any, ...]):
        def __new__(cls) -> Own:
            return super().__new__(cls, (1.0, 2.0))

    def f(i: int) -> Any:
        row = take([Own(), Own()], i)
        assert type(row) is tuple
        return row[1]

    assert jit(f)(1) == 2.0


def test_softmax_at_a_label() -> None:
    def loss(x: list[float], y: int) -> Any:
        powers = [exp(v) for v in x]
        whole = sum(powers)
        return take([p / whole for p in powers], y)

    x = [0.1 * k for k in range(30)]
    wanted = np.exp(x) / np.exp(x).sum()
    kernel = jit(loss)
    assert [kernel(x, k) for k in range(30)] == pytest.approx(wanted.tolist(), rel=1e-13)


def test_kernels_in_functions_that_are_compiled() -> None:
    table = values()
    inner = jit(of_two(table))

    def outer(x: float) -> Any:
        return inner(x, 2) * x

    def unknown(x: float, i: int) -> Any:
        return inner(x, i)

    assert jit(outer)(3.0) == pytest.approx((of_two(table)(3.0, 2) * 3.0).data)
    assert jit(unknown)(3.0, 1) == pytest.approx(of_two(table)(3.0, 1).data)
    with pytest.raises(SignatureError, match="so it is no ufunc"):
        _ = inner.ufunc


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_integers_in_loops_of_loops_at_points(dtype: str) -> None:
    """Loops move along the indices, which lie as numbers there, one for each point."""
    rows = [0.5, -1.0, 2.0, 4.0]

    def f(ks: list[int], x: float) -> Any:
        s: Any = x
        for k in ks:
            s = tanh(s * 0.5 + take(rows, k) * x)
            for _ in range(3):
                s = tanh(s + take(rows, k))
        return s

    kernel = jit(f, dtype=dtype)
    ks = [(7 * k * k + k) % 4 for k in range(40)]
    x = np.linspace(-1.0, 1.0, 11)
    assert kernel(ks, x) == pytest.approx([f(ks, v) for v in x.tolist()], rel=1e-5)
    assert "moving" in kernel.stages()["schedule"]


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_rows_that_are_all_the_same(dtype: str, strict: bool) -> None:
    def thrice(x: Any, y: Any, i: int) -> Any:
        return take([x] * 3, i) * y

    def single(x: Any, y: Any, i: int) -> Any:
        return take([x], i - i) * x + y

    def rows(x: Any, y: Any, i: int) -> Any:
        return sum(take([[x, y]] * 3, i)) * take([y, y, y], i) * take([x, y, x], i)

    for f in (thrice, single, rows):
        kernel = jit(f, dtype=dtype, strict=strict)
        for i in (0, 1, -1):
            x, y = Value(2.0), Value(3.0)
            expected = f(x, y, i)
            expected.backward()
            assert kernel(2.0, 3.0, i) == expected.data
            assert kernel.grad(2.0, 3.0, i)[:2] == (x.grad, y.grad)
        if f is not single:
            with pytest.raises(IndexError):
                kernel(2.0, 3.0, 3)
