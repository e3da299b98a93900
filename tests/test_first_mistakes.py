"""What is done wrong at first with lookups, loops, sums over rows and training: each is an error of
this package that says what to write instead, or works."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from copy import copy, deepcopy
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from micrograd import (
    Table,
    Value,
    exp,
    fixed_point,
    fori,
    jit,
    scan,
    take,
    total,
    vmap,
    where,
    while_loop,
)
from micrograd.errors import (
    DataError,
    IndexRangeError,
    IntegerNeeded,
    PickleError,
    ShapeError,
    SignatureError,
    TraceError,
    TrainingError,
)
from micrograd.optim import SGD
from micrograd.train import fit

TABLE = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
X = np.linspace(-1.0, 1.0, 50)
W = [Value(0.5, label="w"), Value(0.25)]


def sgd() -> SGD:
    return SGD(W, lr=0.01)


# --- kernels looked at before they are called ---------------------------------------------------


def squares(xs: Any) -> Any:
    return sum(x * x for x in xs)


DERIVATIVES: dict[str, Callable[[Any], Any]] = {
    "grad": lambda k: k.grad,
    "value_and_grad": lambda k: k.value_and_grad,
    "hessian": lambda k: k.hessian,
    "jacobian": lambda k: k.jacobian,
    "jvp": lambda k: k.jvp,
    "vjp": lambda k: k.vjp,
    "hvp": lambda k: k.hvp,
    "jvp of grad": lambda k: k.grad.jvp,
    "jacobian of grad": lambda k: k.grad.jacobian,
    "hvp of vjp": lambda k: k.vjp.jvp,
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_are_shown_for_the_arguments_that_the_kernel_was_called_with(name: str) -> None:
    kernel = jit(squares)
    kernel([1.0, 2.0, 3.0])
    derivative = DERIVATIVES[name](kernel)
    assert "x2" in derivative.stages()["graph"] or "[2]" in derivative.stages()["graph"]
    assert derivative.explain()
    assert "main" in derivative.signature


def test_directions_are_like_what_they_are_directions_of() -> None:
    def f(x: float, v: Any, m: np.ndarray) -> Any:
        return x * v[0] * v[1] * m.sum()

    kernel = jit(f)
    args = 2.0, [1.0, 2.0], np.ones((2, 2))
    kernel(*args)
    shown = kernel.jvp.signature
    assert kernel.jvp(*args, *args) == (16.0, 64.0)
    assert kernel.jvp.signature == shown
    by_name = jit(f, wrt=["v", "x"])
    by_name(*args)
    shown = by_name.hvp.signature
    by_name.hvp(*args, [1.0, 0.0, 0.0])
    assert by_name.hvp.signature == shown


def test_a_kernel_of_lists_that_was_not_called_says_so() -> None:
    for look in (lambda k: k.explain(), lambda k: k.stages()["program"], str, lambda k: k.address):
        for kernel in (jit(squares), jit(squares).grad):
            with pytest.raises(SignatureError, match=r"has not been called yet.*call it once"):
                look(kernel)


# --- derivatives with respect to nothing --------------------------------------------------------


def test_a_derivative_with_respect_to_nothing_asks_for_wrt() -> None:
    w = Value(2.0)
    for kernel in (jit((w - 1) ** 2), jit(lambda: (w - 1) ** 2), jit(lambda *, x=1.0: w * x)):
        assert kernel() in (1.0, 2.0)
        for derive in DERIVATIVES.values():
            if any(p.default is None for p in derive(kernel)._parameters):  # a direction first
                continue
            with pytest.raises(SignatureError, match=r"with respect to what\?.*wrt=\[w\]"):
                derive(kernel)()
    assert jit((w - 1) ** 2, wrt=[]).value_and_grad() == (1.0, ())
    for loss in (jit((w - 1) ** 2), jit(lambda: (w - 1) ** 2)):
        with pytest.raises(TrainingError, match="wrt"):
            fit(loss, SGD([w]), steps=1)


# --- integers -----------------------------------------------------------------------------------


def first(i: int) -> Any:
    return take(TABLE, i)[0]


def of_list(ks: list[int]) -> Any:
    return sum(take(TABLE, k)[0] for k in ks)


def test_rows_of_integers_are_mapped_over_by_vmap() -> None:
    for rows in (np.array([[0, 1], [1, 2]]), [[0, 1], [1, 2]]):
        for f in (jit(of_list), of_list):
            with pytest.raises(DataError, match=r"one integer.*2 items.*vmap"):
                f(rows)
    assert vmap(jit(of_list))(np.array([[0, 1], [1, 2]])).tolist() == [4.0, 8.0]


def test_several_indices_at_once() -> None:
    for indices in ([0, 1], (0, 1), np.array([0, 1])):
        with pytest.raises(
            DataError, match=r"2 items; write \[take\(table, i\) for i in indices\]"
        ):
            take(TABLE, indices)
        with pytest.raises(DataError, match="2 items"):
            Table(TABLE)[indices]

    def f(ks: list[int]) -> Any:
        return take(TABLE, ks)

    with pytest.raises(DataError, match="2 items"):
        jit(f)([0, 1])


def test_what_is_no_index_is_named() -> None:
    def of_float(x: float, i: int) -> Any:
        return take(TABLE, x)[0] * i

    def computed(i: int) -> Any:
        return take(TABLE, i * 1.5)[0]

    for f, n, message in (
        (of_float, 2, r"an integer, and x is none: annotate the argument"),
        (computed, 1, r"an integer, and this traced value is none"),
        (lambda x: take(TABLE, x * 0.5)[0], 1, r"where\(x == k, 1.0, 0.0\) \* row is the row x$"),
    ):
        with pytest.raises(TraceError, match=message):
            jit(f)(*[1] * n)
    labels, rows = np.array([0.0, 1.0]), np.array([[0.0, 1.0], [1.0, 1.0]])
    with pytest.raises(TraceError, match=r"data\[1\] came as a float: give data\[1\] as integers"):
        fit(lambda x, y: take(W, y) * x, sgd(), data=(labels, labels), steps=1)
    with pytest.raises(TraceError, match=r"data\[0\]\[1\] came as a float: give data\[0\] as"):
        fit(lambda x: take(W, x[1]), sgd(), data=(rows,), steps=1)
    with pytest.raises(TraceError, match=r"data\[0\]\[0\] is 0.0, and a float makes floats of"):
        fit(lambda x: take(W, x[0]), sgd(), data=[[0.0, 1.0], [1.0]], steps=1)


# --- tests of traced values ---------------------------------------------------------------------


def doubled(x: Any) -> Any:
    while x < 10.0:
        x = x * 2.0
    return x


def counted(n: int) -> Any:
    s = 0.0
    for i in range(n):
        s = s + i
    return s


TESTS: dict[str, tuple[Callable[..., Any], str]] = {
    "if": (lambda x: x if x > 0.0 else -x, r"`if` write micrograd\.where\(condition, a, b\)"),
    "while": (doubled, r"`while` while_loop\(condition, body, state\)"),
    "and": (lambda x: where(x > 0.0 and x < 1.0, x, 2.0), r"`and`.*`&`, `\|` and `~`"),
    "or": (lambda x: where(x > 0.0 or x < 1.0, x, 2.0), r"`or`.*`&`, `\|` and `~`"),
    "not": (lambda x: where(not x > 0.0, x, 2.0), r"`not`.*`&`, `\|` and `~`"),
    "between": (lambda x: where(0.0 < x < 1.0, x, 2.0), r"a < x < b"),
    "max": (lambda x: max(x, 0.0), r"max\(\) minimum\(\*xs\) or maximum\(\*xs\)"),
    "list": (lambda x: [1.0, 2.0][x], r"xs\[i\].*micrograd\.take\(xs, i\)"),
    "range": (counted, r"range\(n\)` fori\(n, body, state\)"),
}


@pytest.mark.parametrize("name", TESTS)
def test_what_to_write_where_python_needs_a_number(name: str) -> None:
    function, message = TESTS[name]
    with pytest.raises(TraceError, match=message):
        jit(function)(1)


# --- data of fit --------------------------------------------------------------------------------


def line(x: Any, y: Any) -> Any:
    return (W[0] * x + W[1] - y) ** 2


def test_a_list_of_samples_is_told_to_be_turned_round() -> None:
    samples = list(zip(X, 2.0 * X, strict=True))
    for given in (samples, tuple(samples), [([x], y) for x, y in samples]):
        with pytest.raises(
            TrainingError, match=r"line\(x, y\).*is a list of 50 samples; give"
        ) as error:
            fit(line, sgd(), data=given, steps=1)
        assert len(str(error.value)) < 300
    assert fit(line, sgd(), data=tuple(zip(*samples, strict=True)), steps=2).steps == 2


def test_more_or_fewer_arrays_than_arguments() -> None:
    for given, n in ((X, 1), ((X,), 1), ((X, X, X), 3), ([X] * 9, 9)):
        with pytest.raises(
            TrainingError, match=rf"each argument of line\(.*\), as \(X, y\), got {n}"
        ):
            fit(line, sgd(), data=given, steps=1)
    for model in (lambda x: W[0] * x, jit(lambda x: W[0] * x)):
        with pytest.raises(TrainingError, match=r"each argument of miss\(.*got 1"):
            fit(model, sgd(), data=X, loss=miss, steps=1)


def miss(output: Any, y: Any) -> Any:
    return (output - y) ** 2


def test_a_total_is_no_target() -> None:
    whole = total(lambda x: (W[0] * x - 1.0) ** 2, X, wrt=W[:1])
    with pytest.raises(TrainingError, match=r"sum over all its rows.*function of one row.*data="):
        fit(whole, sgd(), steps=1)
    with pytest.raises(TrainingError, match=r"sum over all its rows.*function of one row"):
        fit(whole, sgd(), data=X, steps=1)


def test_a_loop_at_its_limit_is_among_the_reasons_of_nan() -> None:
    def growing(x: Any) -> Any:
        return while_loop(lambda s: s < 1e9, lambda s: s + W[0] * x, 0.0, limit=5)

    def of_all(xs: Any) -> Any:
        return growing(xs[0])

    start = [w.data for w in W]
    for f, data in ((growing, X), (of_all, [[1.0, 2.0], [1.0]])):
        with pytest.warns(RuntimeWarning, match="rate, or raise the limit= of its loops"):
            fit(f, sgd(), data=data, steps=1)
    with pytest.warns(RuntimeWarning, match="limit="):
        fit(jit(lambda: growing(1.0), wrt=W), sgd(), steps=1)
    for w, x in zip(W, start, strict=True):
        w.data = x
    with pytest.warns(RuntimeWarning, match="numbers in the data, or lower the learning rate$"):
        fit(lambda x: W[0] * x * np.inf, sgd(), data=X, steps=1)
    for w, x in zip(W, start, strict=True):
        w.data = x


# --- too few numbers ----------------------------------------------------------------------------


def test_too_few_numbers_are_told_with_what_was_given() -> None:
    def f(w: Any, x: Any) -> Any:
        return w[0] * x + w[1]

    with pytest.raises(IndexRangeError, match=r"test_first_mistakes.*out of range.*w: list of 1"):
        total(f, X)([1.0])
    with pytest.raises(IndexRangeError, match=r"out of range.*f was given w: list of 1"):
        jit(f)([1.0], 2.0)
    with pytest.raises(ShapeError, match=r"to unpack.*was given w: list of 1"):
        jit(lambda w: w[0] + sum(0.0 for a, b in [w]))([1.0])
    with pytest.raises(IndexError, match=r"^list index out of range$"):
        jit(lambda x: [x][3])(1.0)


def test_rows_that_are_missing_or_short_are_named() -> None:
    def products(zs: list[Any]) -> Any:
        return sum(z[0] * z[1] for z in zs)

    def unpacked(zs: list[Any]) -> Any:
        return sum(a * b for a, b in zs)

    for f, error in ((products, IndexRangeError), (unpacked, ShapeError)):
        with pytest.raises(TraceError, match=r"was given zs: list of 2 numbers; give a list of li"):
            jit(f)([1.0, 2.0])
        short = r"zs: list of 2, of which zs\[0\] is list of 2 numbers, but zs\[1\] is list of 1 n"
        with pytest.raises(error, match=short):
            jit(f)([[1.0, 2.0], [1.0]])
        with pytest.raises(error, match=r"zs: list of 2, each of them tuple of 1 number$"):
            jit(f)([(1.0,), (2.0,)])
    with pytest.raises(ShapeError, match=r"zs\[1\] is list of 3 numbers"):
        jit(unpacked)([[1.0, 2.0], [1.0, 2.0, 3.0]])
    with pytest.raises(TraceError, match=r"zs\[0\] is list of 2 numbers, but zs\[1\] is a number"):
        jit(products)([[1.0, 2.0], 1.0])
    with pytest.raises(TraceError, match=r"zs: dict of 1 number; .* place of an array as x"):
        jit(lambda zs, x: zs["a"][0] * x)({"a": 1.0}, np.ones(2))


def test_of_an_uncalled_kernel_no_arguments_are_guessed() -> None:
    for look in (lambda k: k.explain(), str, lambda k: k.signature):
        with pytest.raises(SignatureError, match=r"call it once.*not subscriptable\)$"):
            look(jit(lambda p: p[0] * 2))


# --- one number that is no integer --------------------------------------------------------------


@pytest.mark.parametrize("loss", [lambda x: take(W, x[0]), lambda x: W[x[0]] * x[-1]])
@pytest.mark.parametrize(
    ("data", "where"),
    [
        ([[0, 1, 0.5], [1, 0]], r"data\[0\]\[2\] is 0.5"),
        ([[0, 1, 0], [1, 1.0]], r"data\[1\]\[1\] is 1.0"),
        (([[0, 1, 0], [np.float32(1), 0]],), r"data\[0\]\[1\]\[0\] is 1.0"),
        (([[0, 1], [1, 2.5]],), r"data\[0\]\[1\]\[1\] is 2.5"),
    ],
)
def test_a_float_among_integers_is_named(loss: Any, data: Any, where: str) -> None:
    with pytest.raises(IntegerNeeded, match=where + ", and a float makes floats of all numbers"):
        fit(loss, sgd(), data=data, steps=1)


def test_floats_of_other_columns_are_not_blamed() -> None:
    with pytest.raises(IntegerNeeded, match=r"give data\[0\] as integers") as e:
        fit(lambda i, y: take(W, i) * y, sgd(), data=(np.arange(2.0), [1, 2.0]), steps=1)
    assert "makes floats" not in str(e.value)


def test_what_a_sample_makes_the_loss_raise_says_which_sample() -> None:
    def by_length(x: Any) -> Any:
        return W[0] * sum(x) * (1.0 / (len(x) - 1))

    def by_name(x: Any) -> Any:
        return W[0] * {3: 1.0, 2: 2.0}[len(x)]

    for loss, error in ((by_length, ZeroDivisionError), (by_name, KeyError)):
        with pytest.raises(error) as raised:
            fit(loss, sgd(), data=[[0, 1, 2], [1, 2], [3], [4]], steps=1)
        (note,) = raised.value.__notes__
        assert "from data[2], a list of 1; samples differ in length" in note


# --- what is shown of loops and sums ------------------------------------------------------------


def test_explain_says_where_loops_come_from() -> None:
    def root(x: Any) -> Any:
        return while_loop(lambda y: abs(y * y - x) > 1e-9, lambda y: (y + x / y) / 2, x)

    def power(x: Any) -> Any:
        return fori(5, lambda i, s: s * x + i, x)

    for f in (root, power):
        kernel = jit(f)
        kernel(2.0)
        text = kernel.explain()
        assert "where it comes from" in text
        assert "test_first_mistakes.py" in text.split("where it comes from")[1]


def test_explain_of_a_total_speaks_of_rows() -> None:
    def f(w: Any, x: Any) -> Any:
        return (w[0] * x - w[1]) ** 2

    known, given = total(f, X), total(f, rows="x")
    known([1.0, 2.0])
    given([1.0, 2.0], X)
    assert "50 iterations" in known.explain()
    assert "for each row of the data" in given.explain()
    assert "976 iterations" not in given.explain()


# --- arrays of Values ---------------------------------------------------------------------------


def test_arrays_of_values_have_their_methods() -> None:
    x = np.array([[1.0, -2.0], [3.0, 4.0]])

    def methods(x: np.ndarray) -> Any:
        return (x.relu() + x.tanh() * x.exp() + (x * x).sqrt()).sum()

    def of_values(x: np.ndarray) -> Any:
        return sum(v.relu() + v.tanh() * v.exp() + (v * v).sqrt() for v in x.flat)

    def of_rows(x: list) -> Any:
        return sum(row.relu().sum() for row in x)

    assert jit(methods)(x) == pytest.approx(jit(of_values)(x), rel=1e-14)
    assert jit(methods).grad(x) == pytest.approx(jit(of_values).grad(x), rel=1e-14)
    assert jit(of_rows)(x) == 8.0
    for name in ("grad", "backward", "label"):
        with pytest.raises(AttributeError, match=rf"array of Values has no '{name}'.*v\.{name}"):
            jit(asking(name))(x)


def asking(name: str) -> Callable[..., Any]:
    def f(x: np.ndarray) -> Any:
        return getattr(x, name)

    return f


def row(w: Any, x: Any) -> Any:
    return (w * x - 1.0) ** 2


def test_totals_are_copied_and_pickled() -> None:
    given, whole = total(row, rows="x"), total(row, X)
    args = {given: (2.0, X), whole: (2.0,)}
    for kernel in (given, whole):
        for made in (kernel, kernel.value_and_grad):
            expected = made(*args[kernel])
            for copied in (copy(made), deepcopy(made), pickle.loads(pickle.dumps(made))):
                assert copied(*args[kernel]) == expected
    with pytest.raises(PickleError, match="cannot be pickled"):
        pickle.dumps(total(lambda w, x: w * x, X))


def test_truths_of_numpy_are_indices_as_those_of_python() -> None:
    assert take([1.0, 2.0], np.True_) == take([1.0, 2.0], True) == jit(first)(np.True_) - 1.0


ROWS = [Value(0.5 + k) for k in range(8)]


@pytest.mark.parametrize(
    ("index", "symbol"),
    [
        (lambda i, j: i % (j + 1), "%"),
        (lambda i, j: i * j // j, "//"),
        (lambda i, j: 7 % j, "%"),
        (lambda i, j: divmod(i, j)[0], r"divmod\(\)"),
        (lambda i, j: i >> j, ">>"),
        (lambda i, j: 1 << i, "<<"),
        (lambda i, j: i & j, "&"),
        (lambda i, j: i & 6, "&"),
        (lambda i, j: i | 1, r"\|"),
        (lambda i, j: 1 ^ i, r"\^"),
        (lambda i, j: i % (1 << 17), "%"),
    ],
)
def test_ops_of_integers_that_no_index_is_computed_by(index: Any, symbol: str) -> None:
    def f(i: int, j: int) -> Any:
        return take(ROWS, index(i, j))

    with pytest.raises(
        TraceError, match=rf"of two integers, {symbol} is computed where the second"
    ):
        jit(f)(1, 2)


def test_truth_values_and_floats_have_their_own_texts() -> None:
    def both(i: int, x: float) -> Any:
        return where((i > 1) & (x < 2.0) | (i == 0), x, 0.0)

    assert [jit(both)(i, 1.5) for i in range(3)] == [1.5, 0.0, 1.5]
    with pytest.raises(TraceError, match="% rounds to whole numbers"):
        jit(lambda x: x % 3)(2.0)
    with pytest.raises(TraceError, match=r"\| is of truth values"):
        jit(lambda x: x | 3)(2.0)


def test_shifts_and_complements_of_integers_are_indices() -> None:
    def f(i: int) -> Any:
        return take(ROWS, i << 1) * 10.0 + take(ROWS, ~i)

    for i in range(4):
        assert jit(f)(i) == f(i).data


def mean_of_pairs(doc: Any) -> Any:
    found = [(take(ROWS, a) - take(ROWS, b)) ** 2 for a, b in pairwise(doc)]
    return sum(found) / len(found)


GOOD = [[1, 2], [3, 4, 1], [0, 1]]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([[1, 2], [[1], [2]]], r"data\[1\]\[0\] is list \[1\]"),
        (["ab", "c"], r"data\[0\] is str 'ab'"),
        ([*GOOD, "ab"], r"data\[3\] is str 'ab'"),
        ([1, 2, 3], r"data\[0\] is int 1"),
        ([*GOOD, None], r"data\[3\] is NoneType None"),
        ([[1, 2], 3], r"data\[1\] is int 3"),
    ],
)
def test_what_is_no_sample_is_named(data: Any, said: str) -> None:
    with pytest.raises(
        TrainingError, match=f"list of samples that are lists of numbers, but {said}"
    ):
        fit(mean_of_pairs, sgd(), data=data, steps=1)


def test_a_sample_that_is_too_short_is_named() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        fit(mean_of_pairs, sgd(), data=[*GOOD, [1]], steps=1)
    assert "data[3], a list of 1" in "".join(caught.value.__notes__)


@pytest.mark.parametrize(
    "f",
    [
        lambda xs, y: xs * y,
        lambda xs, y: xs**2,
        lambda xs, y: -xs,
        lambda xs, y: exp(xs),
        lambda xs, y: xs * 2.0,
        lambda xs, y: xs - 1.0,
    ],
)
@pytest.mark.parametrize("kind", [list, tuple])
def test_arithmetic_with_a_list_says_to_give_arrays(f: Any, kind: Any) -> None:
    said = rf"was given xs: {kind.__name__} of 2 numbers.* give arrays, np.array\(xs\)"
    with pytest.raises((TraceError, DataError), match=said):
        jit(f)(kind([1.0, 2.0]), 3.0)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("loop", "said"),
    [
        (
            lambda x: while_loop(lambda i, s: i < 3, lambda s: s, (0.0, x)),
            r"while_loop's condition takes one state.*, and <lambda>\(i, s\) does not",
        ),
        (
            lambda x: while_loop(lambda s: s[0] < 3, lambda i, s: (i, s), (0.0, x)),
            r"while_loop's body takes one state",
        ),
        (lambda x: fori(3, lambda s: s * x, 1.0), r"fori's body takes the number of the iteration"),
        (lambda x: fori(x, lambda s: s * x, 1.0), r"fori's body takes the number of the iteration"),
        (lambda x: scan(lambda s: s * x, 1.0, [1.0, 2.0]), r"scan's f takes one state and one of"),
        (lambda x: fixed_point(lambda a, b: a, (x, x)), r"fixed_point's f takes one x"),
    ],
)
def test_bodies_with_other_arguments_are_said(loop: Any, said: str, compiled: bool) -> None:
    with pytest.raises(SignatureError, match=said):
        jit(loop)(2.0) if compiled else loop(Value(2.0))


def test_a_type_error_in_a_body_stays_one() -> None:
    def body(i: Any, s: Any) -> Any:
        return (lambda: s)(i)  # type: ignore[call-arg]

    with pytest.raises(TypeError, match="takes 0 positional arguments"):
        fori(3, body, 1.0)


def test_slices_are_said() -> None:
    def f(i: int) -> Any:
        return sum(ROWS[i : i + 2])

    with pytest.raises(TraceError, match=r"for xs\[i:i \+ 3\], whose length may depend on i"):
        jit(f)(1)
