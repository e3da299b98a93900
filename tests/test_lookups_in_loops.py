"""Rows looked up before, in and behind loops written as loops, and by their counters."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from micrograd import (
    Table,
    Value,
    cos,
    exp,
    fit,
    fixed_point,
    fori,
    grad,
    jit,
    log,
    scan,
    sin,
    take,
    tanh,
    while_loop,
)
from micrograd.errors import IndexRangeError, SignatureError, TraceError
from micrograd.optim import SGD

from .lookups_in_loops import check

NUMBERS = [0.5, -1.0, 2.0, 4.0]


@pytest.mark.parametrize("seed", [1, 9])
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


WINDOW = [0.5, 0.25, -1.0]
EMBEDDINGS = [[Value(0.1 * k - 0.2 * d) for d in range(2)] for k in range(5)]


def windows(i: int, j: int) -> Any:
    def row(k: Any, s: Any) -> Any:
        return fori(2, lambda m, t: t * 0.5 + take(NUMBERS, k + m - i) * take(WINDOW, j - m), s)

    return fori(3, row, 1.0)


def of_tokens(tokens: list[int]) -> Any:
    return fori(len(tokens), lambda k, s: tanh(s + take(EMBEDDINGS, take(tokens, k))[1]), 0.5)


def over_tokens(tokens: list[int], y: float) -> Any:
    """The state of a network of one number, over a text."""

    def step(h: Any, token: Any) -> tuple[Any, Any]:
        a, b = take(EMBEDDINGS, token)
        h = tanh(h * a + b + y)
        return h, h * take(EMBEDDINGS, 1 - token)[0]

    h, losses = scan(step, 0.25, tokens)
    return h + sum(losses)


def over_pairs(tokens: list[int]) -> Any:
    pairs = list(pairwise(tokens))
    return scan(lambda s, p: (s * take(NUMBERS, p[0]) + take(NUMBERS, p[1]), s), 0.5, pairs)[0]


def backwards(tokens: list[int]) -> Any:
    return scan(lambda s, t: (s * 0.5 + take(NUMBERS, t), s), 0.5, tokens[::-1])[0]


def known_order(x: float) -> Any:
    order = [2, 0, -1, 1]
    s = scan(lambda s, k: (s * x + take(NUMBERS, k), s), x, order)[0]
    return s + fori(4, lambda k, t: t * x + take(NUMBERS, take(order, k)), x)


def permuted(x: float, i: int) -> Any:
    return x * take(NUMBERS, take([3, 1, 2], i)) + take(NUMBERS, take(Table([2, 3]), i - 1))


CHOSEN: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "sums of counters and integers": (windows, (0, 2)),
    "elements of a list": (of_tokens, ([3, 0, -1, 2],)),
    "a scan over integers": (over_tokens, ([3, 0, 1, 2, 2, 0], 0.3)),
    "a scan over pairs of integers": (over_pairs, ([3, 0, 1, 2, -1],)),
    "a scan backwards": (backwards, ([3, 0, 1],)),
    "integers of Python": (known_order, (0.3,)),
    "integers of Python by one that is given": (permuted, (0.3, 1)),
}


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", CHOSEN)
def test_integers_that_are_chosen(name: str, strict: bool) -> None:
    f, given = CHOSEN[name]
    parameters = [v for row in EMBEDDINGS for v in row]
    for v in parameters:
        v.grad = 0.0
    expected: Any = f(*given)
    if isinstance(expected, Value):
        expected.backward()
        expected = expected.data
    gradient = [v.grad for v in parameters]
    assert jit(f, strict=strict)(*given) == pytest.approx(expected, rel=0 if strict else 1e-14)
    found = jit(f, strict=strict, wrt=parameters).grad(*given)
    assert found == pytest.approx(gradient, rel=1e-12)


def test_integers_that_are_chosen_at_points() -> None:
    i, j = np.array([0, 1, 0, 1, 1]), np.array([2, 1, 0, -2, 1])
    expected = [windows(*at) for at in zip(i.tolist(), j.tolist(), strict=True)]
    assert jit(windows)(i, j) == pytest.approx(expected)
    y = np.linspace(-1.0, 1.0, 9)
    tokens = [3, 0, 1, 2, 2, 0]
    kernel = jit(over_tokens, wrt="y")
    single = [kernel.value_and_grad(tokens, x) for x in y.tolist()]
    values, partials = kernel.value_and_grad(tokens, y)
    assert values == pytest.approx([v for v, _ in single])
    assert partials == pytest.approx([g for _, g in single])


def test_a_chosen_integer_of_no_row_is_told() -> None:
    with pytest.raises(IndexRangeError, match=r"tokens\[2\] is the index 5 into a table of 5 rows"):
        jit(of_tokens)([3, 0, 5, 2])
    with pytest.raises(IndexRangeError, match=r"-1\*tokens\[1\] \+ 1 is the index 5"):
        jit(over_tokens)([3, -4, 1], 0.5)
    with pytest.raises(IndexRangeError, match=r"index 4, itself looked up in a table"):
        jit(lambda x: fori(2, lambda k, s: s + take(NUMBERS, take([1, 4], k)), x))(1.0)

    def given_both(ks: list[int], i: int) -> Any:
        return take(NUMBERS, take(ks, i))

    assert jit(given_both)([1, 2], 1) == NUMBERS[2]
    with pytest.raises(IndexRangeError, match=r"\[ks\[0\], ks\[1\]\]\[i\] is the index 7"):
        jit(given_both)([1, 7], 1)
    with pytest.raises(IndexRangeError, match=r"i is the index 2 into a table of 2 rows"):
        jit(given_both)([1, 2], 2)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_fit_over_texts(dtype: str) -> None:
    texts = np.array([[0, 3, 1], [2, 2, 4], [1, 0, 3], [4, 1, 1]])
    uneven = [[0, 3, 1], [2, 2], [1, 0, 3, 4], [4]]
    for data in (texts, uneven):
        table = [[Value(0.1 * k - 0.2 * d) for d in range(2)] for k in range(5)]
        parameters = [v for row in table for v in row]
        start = [v.data for v in parameters]

        def loss(tokens: Any, table: Any = table) -> Any:
            def step(h: Any, token: Any) -> tuple[Any, Any]:
                a, b = take(table, token)
                h = tanh(h * a + b)
                return h, h * h

            return scan(step, 0.25, tokens)[0]

        rows = data.tolist() if isinstance(data, np.ndarray) else data
        given = (data,) if isinstance(data, np.ndarray) else data
        options: Any = {"batch_size": 2, "steps": 4, "shuffle": False, "dtype": dtype}
        fit(lambda tokens: loss(tokens), SGD(parameters, lr=0.1), data=given, **options)
        found = [v.data for v in parameters]
        for v, x in zip(parameters, start, strict=True):
            v.data = x
        for first in (0, 2, 0, 2):
            for v in parameters:
                v.grad = 0.0
            (sum(loss(r) for r in rows[first : first + 2]) * 0.5).backward()
            for v in parameters:
                v.data -= 0.1 * v.grad
        expected = [v.data for v in parameters]
        assert found == pytest.approx(expected, rel=1e-4 if dtype == "f32" else 1e-11)


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
    with pytest.raises(IndexRangeError, match="index 4, itself looked up in a table"):
        at(lambda k: k * k)
    with pytest.raises(TraceError, match="should be an integer"):
        at(lambda k: k / 2)
    assert at(lambda k: k - 1) == 1.0 + sum(NUMBERS)
    assert at(lambda k: k - 4) == 1.0 + sum(NUMBERS)

    def both(x: float, i: int) -> Any:
        return fori(2, lambda k, s: s + take(NUMBERS, k + i), x)

    with pytest.raises(IndexRangeError, match=r"i \+ 1 is the index 4 into a table of 4 rows"):
        jit(both)(1.0, 3)

    def many(x: float, i: int) -> Any:
        def inner(j: Any, s: Any) -> Any:
            return fori(300, lambda k, t: t + take(NUMBERS, i + 0 * j + 0 * k), s)

        return fori(300, lambda j, s: inner(j, s) + take(NUMBERS, i + j - j), x)

    assert jit(many)(1.0, 1) == many(1.0, 1)

    def most(x: float, i: int) -> Any:
        rows = [0.0] * 1000
        return fori(300, lambda j, s: fori(300, lambda k, t: t + take(rows, i + j + k), s), x)

    with pytest.raises(TraceError, match="go through 90000 indices of rows, of at most 65536"):
        jit(most)(1.0, 1)

    def kept(x: float) -> Any:
        counters: list[Any] = []
        found = fori(2, lambda k, s: (counters.append(k), s * x)[1], x)
        return found + take(NUMBERS, counters[0])

    with pytest.raises(TraceError, match="outside of the loop"):
        jit(kept)(1.0)
    empty: list[float] = [1.0]
    assert jit(lambda x: fori(0, lambda k, s: s + take(empty, k + 5), x))(2.0) == 2.0


TABLE = [1.0, -2.0, 3.0]


def by_iterations(x: float, i: int) -> Any:
    return fixed_point(lambda y: cos(y) * take(TABLE, i) * 0.1 + x, 0.0)


def by_slopes(x: float, i: int) -> Any:
    def slope(s: Any) -> Any:
        return grad(lambda q: q * q * take([x, s, 3.0], i) * take(TABLE, 0))(s)

    return while_loop(lambda s: s < 4.0, lambda s: 1.5 * s + slope(s), x)


def by_counters(x: float, i: int) -> Any:
    def slope(k: Any, s: Any) -> Any:
        return grad(lambda q: q * q * take(TABLE, i) * take(TABLE, k))(s)

    return fori(3, lambda k, s: 0.5 * s + slope(k, s), x)


def by_functions_in_functions(x: float, i: int) -> Any:
    return grad(lambda a: grad(lambda b: a * a * b * b * take([x, x * x, 1.0], i))(a))(x)


@pytest.mark.parametrize("f", [by_iterations, by_slopes, by_counters, by_functions_in_functions])
@pytest.mark.parametrize("i", [0, 1, -1])
def test_functions_inside_look_rows_up_by_integers_of_those_around(f: Any, i: int) -> None:
    x = Value(0.5)
    result = f(x, i)
    result.backward()
    value, partials = jit(f).value_and_grad(0.5, i)
    assert (value, partials[0]) == pytest.approx((result.data, x.grad), rel=1e-9)


def labelled(x: float, i: int) -> Any:
    def slope(w: Any) -> Any:
        powers = [exp(w * k) for k in (0.5, 1.0, -1.0)]
        return -log(take(powers, i) / sum(powers)) * take([[w, x], [x, 2.0], [w, w]], i)[1]

    return x - 0.1 * grad(lambda q: slope(q) + grad(slope)(q * x))(x)


@pytest.mark.parametrize("i", [0, 1, -1])
@pytest.mark.parametrize("strict", [False, True])
def test_functions_inside_compute_the_table(i: int, strict: bool) -> None:
    x = Value(0.5)
    result = labelled(x, i)
    result.backward()
    value, partials = jit(labelled, strict=strict).value_and_grad(0.5, i)
    assert (value, partials[0]) == pytest.approx((result.data, x.grad), rel=1e-12)
    with pytest.raises(IndexRangeError, match="i is the index 3 into a table of 3 rows"):
        jit(labelled)(0.5, 3)


WEIGHTS = [0.25, -1.0, 2.0]


@jit
def weighted(x: float, i: int, at: list[int]) -> Any:
    rows = [x * i, x * x, 3.0]
    return fori(i, lambda k, s: s + k * take(rows, at[1] - at[0]), x) * take(WEIGHTS, at[0])


def given_integers(x: float, i: int) -> Any:
    """They come from a counter, a plain integer, and an argument."""
    value = fori(3, lambda k, s: s + weighted(s * 0.5, 2, [k, i]), x)
    return value + weighted.grad(x, i, [i, 2 * i - 1])[0] + weighted.hessian(x, i, [0, 1])[0][0]


@pytest.mark.parametrize("i", [0, 1, 2])
@pytest.mark.parametrize("strict", [False, True])
def test_kernels_are_given_integers_of_functions_around(i: int, strict: bool) -> None:
    x = Value(0.5)
    result = given_integers(x, i)
    result.backward()
    value, partials = jit(given_integers, strict=strict).value_and_grad(0.5, i)
    assert (value, partials[0]) == pytest.approx((result.data, x.grad), rel=1e-12)


def test_integers_that_are_given_are_checked() -> None:
    kernel = jit(given_integers)
    with pytest.raises(IndexRangeError, match="i is the index 3 into a table of 3 rows"):
        kernel(0.5, 3)
    with pytest.raises(IndexRangeError, match="-1, and should be from 0 to 100"):
        kernel(0.5, -1)

    def mixed(x: float, i: int) -> Any:
        return grad(lambda q: fori(2, lambda k, s: s * take(WEIGHTS, k + i), q))(x)

    with pytest.raises(TraceError, match=r"of integers of <lambda> and of a function around"):
        jit(mixed)(0.5, 1)
    with pytest.raises(TraceError, match="this traced value is none: annotate"):
        jit(lambda x: weighted(x, 1, [x, 0]))(0.5)

    def product(x: float, at: list[int]) -> Any:
        return x * take(WEIGHTS, at[0]) * take(WEIGHTS, at[1])

    with pytest.raises(IndexRangeError, match="index 7 is out of range of a table of 3 rows"):
        jit(lambda x: fori(2, lambda k, s: jit(product)(s, [7, k]), x))(0.5)


def test_large_tables_of_functions_inside_are_told() -> None:
    def f(x: float, i: int) -> Any:
        return grad(lambda a: a * take([x * a] * 5000, i))(x)

    with pytest.raises(TraceError, match=r"test_lookups_in_loops.*belongs to f.*may have 4096"):
        jit(f)(0.5, 1)


ROWS = [Value(1.0 + k) for k in range(6)]


def counted(x: float, n: int) -> Any:
    return fori(n, lambda i, s: s * x + take(ROWS, i), 0.0)


def backwards(x: float, n: int) -> Any:
    return fori(n, lambda i, s: s * x + take(ROWS, n - 1 - i), 0.0)


def triangle(x: float, n: int) -> Any:
    def row(i: Any, s: Any) -> Any:
        return s + fori(i + 1, lambda j, t: t * x + take(ROWS, i - j), s)

    return fori(n, row, 0.0)


def computed(x: float, n: int) -> Any:
    return fori(n * n % 7, lambda i, s: s * x + take(ROWS, (i * i + n) % 6), 0.0)


def chosen(x: float, n: int) -> Any:
    places = [5, 2, -1, 99, 99, 99]
    return fori(n - 2, lambda i, s: s * x + take(ROWS, take(places, i)), 0.0)


def inside(x: float, n: int) -> Any:
    def f(y: float, m: int) -> Any:
        return fori(m, lambda i, s: s * y + take(ROWS, i + 1), 0.0)

    return grad(f, wrt="y")(x, n)


@pytest.mark.parametrize("f", [counted, backwards, triangle, computed, chosen])
@pytest.mark.parametrize("strict", [False, True])
def test_counters_of_loops_that_run_as_often_as_is_given_choose_rows(f: Any, strict: bool) -> None:
    """Up to as often as there are rows, whose number a call is then told."""
    kernel, narrow = jit(f, strict=strict), jit(f, strict=strict, dtype="f32")
    near = 0.0 if strict else 1e-14
    fitting = []
    for n in range(-1, 9):
        x = Value(0.75)
        try:
            expected = f(x, n)
        except (IndexError, SignatureError):
            with pytest.raises(IndexRangeError):
                kernel(0.75, n)
            continue
        fitting.append(n)
        if not isinstance(expected, Value):
            assert kernel.value_and_grad(0.75, n)[0] == expected
            continue
        expected.backward()
        value, (slope, _) = kernel.value_and_grad(0.75, n)
        assert value == pytest.approx(expected.data, rel=near, abs=0.0)
        assert slope == pytest.approx(x.grad, rel=1e-13)
        assert narrow(0.75, n) == pytest.approx(expected.data, rel=1e-6)
    assert len(fitting) >= 4
    points = np.array(fitting)
    singles = [kernel(0.75, n) for n in fitting]
    assert kernel(0.75, points).tolist() == pytest.approx(singles, rel=1e-14)


def test_a_counter_in_a_function_inside_chooses_rows() -> None:
    kernel = jit(inside)
    for n in range(6):
        assert kernel(0.75, n) == pytest.approx(
            sum((n - 1 - i) * 0.75 ** (n - 2 - i) * (i + 2.0) for i in range(n - 1))
        )
    with pytest.raises(IndexRangeError, match="n is 6, and should be from 0 to 5, as it says how"):
        kernel(0.75, 6)


@pytest.mark.parametrize(
    ("f", "n", "text"),
    [
        (
            counted,
            7,
            r"counted: n is 7, and should be from 0 to 6, as it says how often fori runs, whose "
            r"counter is an index into a table of 6 rows$",
        ),
        (counted, -1, r"counted: n is -1, and should be from 0 to 6, as it says how often"),
        (backwards, 7, r"backwards: \(n - 1\) - 0 is the index 6 into a table of 6 rows"),
        (chosen, 6, r"index 99, itself looked up|is the index 99 into a table of 6 rows"),
    ],
)
def test_counts_beyond_a_table_are_said(f: Any, n: int, text: str) -> None:
    kernel = jit(f)
    out = np.full(2, 7.0)
    with pytest.raises(IndexRangeError, match=text):
        kernel(0.5, n)
    with pytest.raises(IndexRangeError):
        kernel(0.5, np.array([3, n]), out=out)
    assert out.tolist() == [7.0, 7.0]  # nothing was written


def test_a_float_says_no_counts() -> None:
    def power(x: float, n: int) -> Any:
        return fori(n, lambda i, s: s * x, 1.0)

    with pytest.raises(SignatureError, match=r"power: n is how often a loop runs, so it should be"):
        jit(power)(2.0, 10.0)

    def of_float(x: float, n: float) -> Any:
        return fori(n, lambda i, s: s * x + take(ROWS, i), 1.0)

    with pytest.raises(
        TraceError, match=r"whose n is such an integer or one of Python; where n is"
    ):
        jit(of_float)(2.0, 3.0)


@pytest.mark.parametrize(
    "row", [lambda i: i, lambda i: 2 - i, lambda i: i // 2, lambda i: (i * i) % 3]
)
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("limit", [2, 3, 100])
def test_rows_of_computed_tables_in_a_while_in_a_loop(row: Any, strict: bool, limit: int) -> None:
    """Where one iteration's numbers are kept, rows that the loop around chooses stay those."""

    def f(x: float) -> Any:
        table = [x * 1.5, x * 2.0, sin(x)]

        def step(i: Any, s: Any) -> Any:
            return while_loop(
                lambda t: t[1] < 2,
                lambda t: (t[0] * 0.7 + take(table, row(i)) * t[0], t[1] + 1),
                (s, 0.0),
                limit=limit,
            )[0]

        return fori(3, step, x)

    x = Value(0.35)
    out = f(x)
    out.backward()
    near = 0.0 if strict else 1e-14
    kernel = jit(f, strict=strict)
    assert kernel(0.35) == pytest.approx(out.data, rel=near, abs=0.0)
    assert kernel.grad(0.35) == pytest.approx(x.grad, rel=1e-13)
    points = np.linspace(-1.0, 1.0, 9)
    assert kernel(points).tolist() == pytest.approx([f(p) for p in points.tolist()], rel=1e-13)
    assert jit(f, dtype="f32")(0.35) == pytest.approx(out.data, rel=1e-5)


def test_a_product_says_how_often_a_loop_runs_that_looks_up_nothing() -> None:
    """It is a number then, of which nothing is checked, and code of it can be exported."""

    def f(x: float, n: int) -> Any:
        return fori(n * n, lambda i, s: s * x + 1.0, 0.0)

    def looks_up(x: float, n: int) -> Any:
        return fori(n * n, lambda i, s: s * x + take(ROWS, i), 0.0)

    assert [jit(f)(0.5, n) for n in (0, 1, -2)] == [f(0.5, n) for n in (0, 1, -2)]
    assert np.isnan(jit(f)(0.5, 11))
    with pytest.raises(IndexRangeError, match=r"n \* n is 9, and should be from 0 to 6"):
        jit(looks_up)(0.5, 3)
