"""Plain lookups in traced functions, compared with the functions before they are used."""

from __future__ import annotations

import bisect
import copy
import heapq
import json
import operator
import pickle
from collections import Counter, UserList
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from micrograd import Value, fit, fori, jit, log, sqrt, total, vmap, where, while_loop
from micrograd.errors import MicrogradError, TraceError
from micrograd.jit.kernels import plain_points
from micrograd.jit.trace import rewritten
from micrograd.optim import SGD
from micrograd.train import plain_rows
from micrograd.train.plain_rows import compare_rows, covering
from micrograd.train.sample_trace import trace_sample

from .plain_nests import nest_check

NUMBERS = [2.0, 5.0, 7.0]
ROWS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
PAIRS = [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)]
BY_TEXT = {"0": 2.0, "w0": 2.0}


def hidden(thing: Any, *name: str) -> Any:
    """An attribute that no code names."""
    return getattr(thing, "".join(name))


def is_one(x: Any, y: Any) -> bool:
    found: bool = hidden(operator, "is", "_")(x, y)
    return found


def changed(i: Any) -> float:
    row = ROWS[i]
    old = row[0]
    hidden(operator, "set", "item")(row, 0, 9.0)
    y = sum(ROWS[0])
    hidden(operator, "set", "item")(row, 0, old)
    return y


def one_of_two(i: Any) -> float:
    a, b = pickle.loads(pickle.dumps([PAIRS[i], PAIRS[0]]))
    return 10.0 if a is b else 1.0


UNSEEN: list[Callable[[Any, Any], Any]] = [
    lambda x, i: x * 10.0 if is_one(ROWS[i], ROWS[0]) else x,
    lambda x, i: x * 10.0 if is_one(PAIRS[i], PAIRS[0]) else x,
    lambda x, i: (
        x * len(Counter(map(hidden(__import__("builtins"), "i", "d"), [ROWS[i], ROWS[0]])))
    ),
    lambda x, i: x * changed(i),
    lambda x, i: x * one_of_two(i),
    lambda x, i: x * NUMBERS[i] * BY_TEXT.get(str(i), 0.0),
    lambda x, i: x * NUMBERS[i] * BY_TEXT.get(f"w{i}", 0.0),
    lambda x, i: x * NUMBERS[i] * (2.0 if isinstance(i, int) else 3.0),
    lambda x, i: x * (2.0 if type(NUMBERS[i]) is float else 3.0),
    lambda x, i: x * NUMBERS[i] * (2.0 if isinstance(x.data, float) else 3.0),
    lambda x, i: x * len(json.dumps(ROWS[i], default=lambda v: "a number")),
    lambda x, i: x * sum(map(is_one, ROWS, [ROWS[i]] * 3)),
    lambda x, i: x * len(repr(NUMBERS[i])),
    lambda x, i: x * NUMBERS[i] if i.__class__ is int else 0.0 * x * NUMBERS[i],
]
"""What Python tells by other things than numbers, where no code says so."""


@pytest.mark.parametrize("case", range(len(UNSEEN)))
def test_what_nothing_in_the_code_tells_is_found_by_calls(case: int) -> None:
    f = UNSEEN[case]
    f.__annotations__["i"] = int
    before = json.dumps([ROWS, PAIRS])
    for kernel in (jit(f), jit(f).value_and_grad):
        with pytest.raises(TraceError, match=r"micrograd\.take|cannot be pickled|of a traced val"):
            kernel(1.0, 1)
    assert json.dumps([ROWS, PAIRS]) == before


def test_errors_say_which_integer_it_is() -> None:
    def f(x: float, i: int) -> Any:
        return x * 10.0 if is_one(ROWS[i], ROWS[2]) else x * 1.0

    with pytest.raises(
        TraceError,
        match=r"test_plain_checks.*: f, called with i = 2, is not what is compiled",
    ):
        jit(f)(1.0, 0)


def test_two_integers_are_compared_where_they_are_the_same_and_where_not() -> None:
    def same(x: float, i: int, j: int) -> Any:
        return x * 10.0 if is_one(ROWS[i], ROWS[j]) else x

    def other(x: float, tokens: list[int]) -> Any:
        first, second, *_ = tokens
        return x * sum(10.0 if is_one(ROWS[t], ROWS[first]) else 1.0 for t in [second])

    for f, given in ((same, (0, 1)), (other, ([0, 1, 2],))):
        with pytest.raises(TraceError, match="is not what is compiled"):
            jit(f)(1.0, *given)


def test_leaves_that_are_alike_are_told_apart_by_gradients() -> None:
    table = [Value(0.0) for _ in range(3)]

    def f(i: int) -> Any:
        return table[i] if hasattr(i, "data") else table[0]

    with pytest.raises(TraceError, match="its gradient has"):
        jit(f, wrt=table).grad(1)


BONUS = {"w2": 5.0, "c3": 5.0}


def masked(x: float, i: int) -> Any:
    y = where(x > 0.0, x, -1e30)  # besides which a difference of 1 is none
    return y * ROWS[i][0] + (1.0 if isinstance(i, int) else 0.0)


def outside(x: float, i: int) -> Any:
    return log(1.0 - x) * ROWS[i][0] + BONUS.get(f"w{i}", 0.0)  # nan from 1 on


def dead(x: float, i: int) -> Any:
    return where(x > 9.0, x * (2.0 if type(ROWS[i][0]) is float else 1.0), x) * ROWS[i][0]


def keyed(x: float, i: int) -> Any:
    return {f"token {i}": x * ROWS[i][0]}


def nested(x: float, i: int) -> Any:
    return (x * ROWS[i][0],) if i.__class__ is int else x * ROWS[i][0]


def matched(x: float, i: int) -> Any:
    match i:
        case int():
            return x * ROWS[i][0]
        case _:
            return x


def extreme(x: float) -> Any:
    m = max(x.data, 2.0)  # type: ignore[attr-defined]
    return x * m + (1.0 if isinstance(m, float) else 0.0)


@pytest.mark.parametrize("f", [masked, outside, dead, keyed, nested, matched, extreme])
def test_no_function_goes_by_the_class_or_text_of_what_is_traced(f: Any) -> None:
    integers = () if f is extreme else (1,)
    for kernel in (jit(f), jit(f).grad):
        with pytest.raises(TraceError, match=r"(class|text) of a traced value is not what"):
            kernel(0.3, *integers)


def test_values_made_in_the_function_have_no_partials_to_compare() -> None:
    table = [Value(v) for v in (2.0, 5.0, 7.0)]

    def f(x: float, i: int) -> Any:
        total = Value(0.0)
        for k in range(3):
            total = total + x * k
        print("any text", i, total)
        return total * (table[i] if isinstance(table[i], Value) else Value(table[i]))

    def loss(t: int) -> Any:
        return sum([table[t], Value(1.0)], Value(0.0)) ** 2

    assert [jit(f)(2.0, i) for i in range(3)] == [12.0, 30.0, 42.0]
    assert jit(f, wrt=table).grad(2.0, 1) == (0.0, 6.0, 0.0)
    data = (np.arange(3),)
    found = fit(loss, SGD(table, lr=0.0), data=data, steps=3, batch_size=1, shuffle=False)
    assert found.losses.tolist() == [9.0, 36.0, 64.0]


def test_gradients_of_leaves_stay_as_they_were() -> None:
    table, other = [Value(1.0), Value(2.0)], Value(3.0)
    for v in (*table, other):
        v.grad = 0.25

    def f(x: float, i: int) -> Any:
        return x * table[i] * other

    assert jit(f)(2.0, 1) == 12.0
    assert [v.grad for v in (*table, other)] == [0.25, 0.25, 0.25]
    fit(lambda doc: sum(table[t] ** 2 for t in doc) * other, SGD(table, lr=0.0), data=[[0, 1], [1]],
        steps=1)  # fmt: skip
    assert other.grad == 0.25


def test_rows_not_chosen_whose_derivatives_are_infinite_are_refused_where_the_first_call_is() -> (
    None
):
    def f(x: float, i: int) -> Any:
        return [x * 2.0, sqrt(x)][i]

    with pytest.raises(TraceError, match=r"its gradient has 2\.0, and compiled nan"):
        jit(f).grad(0.0, 0)
    assert jit(f).grad(1.0, 0)[0] == 2.0


def test_a_first_call_with_numbers_that_hide_all_is_compared_at_others() -> None:
    def f(x: float, i: int) -> Any:
        return x * 10.0 if is_one(ROWS[i], ROWS[0]) else x

    for x in (0.0, np.nan, np.inf):
        with pytest.raises(TraceError, match="is not what is compiled"):
            jit(f)(x, 1)


def test_a_first_index_that_is_out_of_range_is_no_way_around() -> None:
    def f(x: float, i: int) -> Any:
        return x * 10.0 if is_one(NUMBERS[i], NUMBERS[0]) else x

    with pytest.raises(MicrogradError):
        jit(f)(1.0, 17)


def test_indices_of_sums_and_from_the_end() -> None:
    def f(x: float, i: int, j: int) -> Any:
        return x * NUMBERS[i - j] * ROWS[2 * j - 1][0] * NUMBERS[-i - 1]

    kernel = jit(f)
    assert [kernel(2.0, i, 1) for i in (0, 1, 2)] == [f(2.0, i, 1) for i in (0, 1, 2)]

    def hides(x: float, i: int, j: int) -> Any:
        return x * (2.0 if is_one(ROWS[i + j], ROWS[2]) else 1.0)

    with pytest.raises(TraceError, match="is not what is compiled"):
        jit(hides)(1.0, 0, 0)


def test_every_row_of_long_tables_is_compared() -> None:
    table = [[float(k)] for k in range(150)]

    def f(x: float, i: int) -> Any:
        return x * 10.0 if is_one(table[i], table[97]) else x * 1.0

    with pytest.raises(TraceError, match="called with i = 97"):
        jit(f)(1.0, 0)


def test_loops_are_compared_with_what_they_do() -> None:
    def f(x: float, tokens: list[int]) -> Any:
        return fori(3, lambda k, s: s + x * NUMBERS[k], 0.0) * sum(NUMBERS[t] for t in tokens)

    assert jit(f)(1.0, [0, 1]) == 14.0 * 7.0

    def hides(x: float, i: int) -> Any:
        def step(k: Any, s: Any) -> Any:
            return s + (x * 10.0 if is_one(ROWS[k], ROWS[0]) else x)

        return fori(3, step, 0.0) * NUMBERS[i]

    with pytest.raises(TraceError, match="is not what is compiled"):
        jit(hides)(1.0, 0)


def test_what_takes_too_long_to_compare_is_refused() -> None:
    def f(x: float, i: int) -> Any:
        return fori(1_000_000, lambda k, s: s * 0.5 + x, 0.0) * NUMBERS[i]

    with pytest.raises(TraceError, match=r"500000 operations, which is too long; write micro"):
        jit(f)(1.0, 0)


def test_kernels_in_kernels_sums_and_maps_are_compared() -> None:
    def f(x: float, i: int) -> Any:
        return x * 10.0 if is_one(ROWS[i], ROWS[0]) else x

    def fine(x: float, i: int) -> Any:
        return x * ROWS[i][1]

    inner = jit(fine)

    def around(x: float, i: int) -> Any:
        return inner(x, i) * 2.0 + jit(lambda q: q * ROWS[i][0])(x)

    xs, rows = np.array([1.0, 2.0]), np.array([0, 2])
    assert jit(around)(2.0, 1) == 22.0
    assert total(fine, xs, rows)() == 14.0
    assert vmap(jit(fine))(xs, rows).tolist() == [2.0, 12.0]
    calls: list[Callable[[], Any]] = [
        lambda: jit(lambda x: jit(f)(x, 1))(1.0),
        lambda: total(f, xs, rows)(),
        lambda: vmap(jit(f))(xs, rows),
        lambda: jit(f)(xs, rows),
    ]
    for call in calls:
        with pytest.raises(TraceError, match="is not what is compiled"):
            call()


# --- losses of samples ----------------------------------------------------------------------


def values(*numbers: float) -> list[Value]:
    return [Value(x) for x in numbers]


def trained(loss: Callable[..., Any], parameters: list[Value], data: Any, **options: Any) -> Any:
    return fit(loss, SGD(parameters, lr=0.1), data=data, steps=3, dtype="f64", **options)


def test_the_document_that_has_the_token_is_found() -> None:
    table = values(*range(1, 8))
    documents = [[k % 6, (k + 1) % 6] for k in range(60)]
    documents[41] = [0, 6, 1]

    def loss(doc: Any) -> Any:
        return sum(table[t] * (3.0 if is_one(table[t], table[6]) else 1.0) for t in doc)

    with pytest.raises(TraceError, match=r"called with data\[41\], is not what is compiled"):
        trained(loss, table, documents)
    assert [v.data for v in table] == list(range(1, 8))


def test_losses_that_are_what_they_are_train() -> None:
    rows = [values(1.0, 2.0), values(3.0, 4.0), values(5.0, 6.0)]
    parameters = [v for row in rows for v in row]

    def loss(x: Any, k: Any) -> Any:
        return (rows[k][0] * x + rows[k][1]) ** 2

    x, k = np.array([1.0, 2.0, 3.0]), np.array([0, 2, 1])
    found = trained(loss, parameters, (x, k), batch_size=1, shuffle=False).losses
    assert found[0] == 9.0
    assert found[1] == 16.0**2


def test_integers_of_every_column_are_compared() -> None:
    rows = [values(1.0, 2.0), values(3.0, 4.0), values(5.0, 6.0)]
    parameters = [v for row in rows for v in row]

    def loss(x: Any, k: Any) -> Any:
        return rows[k][0] * x * (2.0 if is_one(rows[k], rows[2]) else 1.0)

    x, k = np.ones(40), np.zeros(40, dtype=np.int64)
    k[[7, 33]] = 1, 2
    with pytest.raises(TraceError, match=r"called with row 33 of data, is not"):
        trained(loss, parameters, (x, k))
    k[33] = 1
    assert len(trained(loss, parameters, (x, k)).losses) == 3


def test_parameters_that_are_all_zero_hide_nothing() -> None:
    table = values(0.0, 0.0, 0.0)

    def loss(doc: Any) -> Any:
        return sum(table[t] * (3.0 if is_one(table[t], table[2]) else 1.0) for t in doc)

    with pytest.raises(TraceError, match="is not what is compiled"):
        trained(loss, table, [[0, 1], [2, 0, 1]])
    assert [v.data for v in table] == [0.0, 0.0, 0.0]


def test_validation_and_metric_are_compared() -> None:
    table = values(1.0, 2.0, 3.0)
    documents = [[0, 1], [2, 0, 1]]

    def loss(doc: Any) -> Any:
        return sum(table[t] for t in doc)

    def metric(doc: Any) -> Any:
        return sum(table[t] * (3.0 if is_one(table[t], table[2]) else 1.0) for t in doc)

    with pytest.raises(TraceError, match="is not what is compiled"):
        trained(loss, table, documents, metric=metric)


def test_data_that_lie_elsewhere_are_compared_by_all_integers() -> None:
    table = values(1.0, 2.0, 3.0)

    def loss(doc: Any) -> Any:
        return sum(table[t] * (3.0 if is_one(table[t], table[2]) else 1.0) for t in doc)

    def fine(doc: Any) -> Any:
        return sum(table[t] for t in doc)

    for function in (loss, fine):
        found = trace_sample(function, [(2,)], table, None, [True])
        assert found.is_plain
        if function is fine:
            compare_rows(function, table, found, [(2,)], [True], None)
            continue
        with pytest.raises(TraceError, match="is not what is compiled"):
            compare_rows(function, table, found, [(2,)], [True], None)


@pytest.mark.parametrize("seed", range(5))
def test_rows_cover_every_integer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 9, 30)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    numbers = rng.integers(-3, 20, int(lengths.sum()))
    other = rng.integers(0, 4, 30)
    chosen = covering([numbers, other], [starts, np.arange(30)], lengths)
    rows = [set(numbers[starts[k] : starts[k] + lengths[k]].tolist()) for k in chosen]
    assert set().union(*rows) == set(numbers.tolist())
    assert set(other[chosen].tolist()) == set(other.tolist())
    assert len(set(chosen)) == len(chosen) <= plain_rows.MOST_ROWS


def test_work_counts_loops_in_loops() -> None:
    def f(x: float) -> Any:
        def step(k: Any, s: Any) -> Any:
            return fori(10, lambda j, t: t * x, s)

        return fori(100, step, x)

    kernel = jit(f)
    kernel(1.0)
    assert 1000 < plain_points.work(kernel._latest.graph) < 10_000


# --- what is no reason to refuse ----------------------------------------------------------------

HEAPED = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
PAIRS_OF = [[0, 2], [1, 1], [2, 0]]
PUSH = heapq.heappush


class Searching:
    def __init__(self) -> None:
        self.table = [Value(k + 1.0) for k in range(3)]

    def snapshot(self) -> Any:
        return copy.deepcopy(self.table)

    def beam(self, rows: list[Any]) -> Any:
        heapq.heapify(rows)
        return heapq.heappop(rows)

    def loss(self, x: float, i: int) -> Any:
        return x * self.table[i] + self.beam([4.0, 3.0]) * HEAPED[i][0]


def test_what_changes_other_lists_or_is_never_called_is_no_reason_to_refuse() -> None:
    model = Searching()
    for i in range(-3, 3):
        assert jit(model.loss)(0.5, i) == model.loss(0.5, i).data


def test_rows_that_the_library_changes_or_compares_are_found_when_it_does() -> None:
    def pushed(x: float, i: int) -> Any:
        row = HEAPED[i]
        heapq.heappush(row, 0.5)
        return x * row[0]

    def passed(x: float, i: int) -> Any:
        row = HEAPED[i]
        list(map(heapq.heapify, [row]))
        return x * row[0]

    def sorted_in(x: float, i: int) -> Any:
        row = HEAPED[i]
        bisect.insort(a=row, x=0.5)
        return x * row[0]

    def renamed(x: float, i: int) -> Any:
        row = HEAPED[i]
        PUSH(row, 0.5)
        return x * row[0]

    def copied(x: float, i: int) -> Any:
        first, rows = copy.deepcopy([HEAPED[i], HEAPED])
        first[0] = 9.0
        return x * rows[0][0]

    before = copy.deepcopy(HEAPED)
    for f in (pushed, passed, sorted_in, renamed, copied):
        with pytest.raises(TraceError, match=r"a row is changed later|cannot be an index|deepcopy"):
            jit(f)(0.5, 1)
        assert before == HEAPED


def test_rows_of_integers_choose_rows() -> None:
    table = [Value(0.5), Value(2.0), Value(-1.0)]

    def f(x: float, i: int) -> Any:
        a, b = PAIRS_OF[i]
        return x * table[a] * HEAPED[b][0] + range(7, 1, -2)[i] * HEAPED[np_integers[i]][1]

    np_integers = [np.int64(2), np.int64(0), np.int64(1)]
    for i in range(-3, 3):
        value, partials = jit(f, wrt=table).value_and_grad(0.5, i)
        for v in table:
            v.grad = 0
        wanted = f(0.5, i)
        wanted.backward()
        assert value == wanted.data
        assert list(partials) == [v.grad for v in table]


def test_tables_of_more_than_integers_choose_no_rows() -> None:
    def f(x: float, i: int, j: int) -> Any:
        return x * HEAPED[[0.0, 1.0, x][i]][0] * j

    with pytest.raises(TraceError, match=r"a table that is not of integers alone"):
        jit(f)(0.5, 1, 1)


def test_what_python_raises_for_other_integers_is_inf_or_nan() -> None:
    def f(x: float, i: int) -> Any:
        return x * (1 / [0, 1, 2][i])

    kernel = jit(f)
    assert [kernel(0.5, i) for i in (1, 2, 0)] == [0.5, 0.25, np.inf]

    def g(x: float, i: int) -> Any:
        return x * [1.0, -1.0, 4.0][i] ** 0.5

    kernel = jit(g)
    assert kernel(0.5, 2) == 1.0
    assert np.isnan(kernel(0.5, 1))

    def refused(x: float, i: int) -> Any:
        if hidden_text(i) == "2":
            raise ZeroDivisionError
        return x * HEAPED[i][0]

    with pytest.raises(TraceError, match=r"raises ZeroDivisionError|text of a traced value"):
        jit(refused)(0.5, 1)


def hidden_text(x: Any) -> str:
    return "".join(map(str, [x]))


def test_errors_say_how_an_integer_is_annotated() -> None:
    numbers, library = [2.0, 5.0, 7.0], UserList([2.0, 5.0, 7.0])

    def plain(x: float, i: Any) -> Any:
        return x * numbers[i]

    def far(x: float, i: int, j: int) -> Any:
        return x * numbers[(i - j) / 2]

    def of_another(x: float, i: int) -> Any:
        return x * library[i]

    with pytest.raises(TraceError, match=r"if i is an integer, annotate it, as in i: int"):
        jit(plain)(0.5, 1)
    with pytest.raises(TraceError, match=r"/ of integers is none that indices are computed by"):
        jit(far)(0.5, 1, 2)
    with pytest.raises(TraceError, match=r"write micrograd\.take\(xs, i\)") as caught:
        jit(of_another)(0.5, 1)
    assert "annotate" not in str(caught.value)


def test_of_a_long_file_the_statement_is_read_that_a_function_is_in(tmp_path: Path) -> None:
    text = "".join(f"def f{k}(x: float):\n    return x * {k}.0\n\n\n" for k in range(500))
    text += "N = [2.0, 5.0, 7.0]\n@mark(\n    1,\n)\ndef loss(x: float, i: int):\n"
    text += "    return x * N[i]\n\n"
    text += 'def odd(x: float, i: int):\n    """Text\nat the margin."""\n    return x * N[i]\n'
    text += "def none(x: float, i: int):\n    return x * i\n"
    file = tmp_path / "long_file.py"
    file.write_text(text)
    names: dict[str, Any] = {"mark": lambda k: lambda f: f, "__name__": "long_file"}
    exec(compile(text, str(file), "exec"), names)
    read: list[int] = []
    right = rewritten._index

    def counted(file: str, source: str, flags: int) -> Any:
        read.append(len(source.strip()))
        return right(file, source, flags)

    with patch.object(rewritten, "_index", counted):
        assert jit(names["loss"])(0.5, 2) == 3.5
        assert max(read) < 100
        assert jit(names["odd"])(0.5, 1) == 2.5
        assert max(read) > 10_000
        read.clear()
        assert jit(names["none"])(0.5, 2) == 1.0
        assert not read


def nested(depth: int) -> Callable[[Any, int], Any]:
    """Loops in loops, each of which runs twice, and may run 100 times."""

    def level(left: int, s: Any, i: int) -> Any:
        if not left:
            return s * 0.5 + ROWS[i][1]
        return while_loop(
            lambda t: t[1] < 2, lambda t: (level(left - 1, t[0], i), t[1] + 1), (s, 0.0)
        )[0]

    return lambda s, i: level(depth, s, i)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_loops_in_loops_are_compared_as_often_as_they_run(depth: int) -> None:
    """Their limits, multiplied, are more than there is time for."""
    loop = nested(depth)

    def f(x: float, i: int) -> Any:
        return loop(x, i)

    for i in range(-3, 3):
        x = Value(0.75)
        out = f(x, i)
        out.backward()
        assert jit(f)(0.75, i) == out.data
        assert jit(f).grad(0.75, i)[0] == pytest.approx(x.grad, rel=1e-14)

    def hides(x: float, i: int) -> Any:
        def step(s: Any) -> Any:
            return s[0] + (x * 10.0 if is_one(ROWS[i], ROWS[0]) else x), s[1] + 1

        return while_loop(lambda s: s[1] < 2, lambda s: (loop(step(s)[0], i), s[1] + 1), (x, 0.0))[
            0
        ]

    with pytest.raises(TraceError, match="is not what is compiled"):
        jit(hides)(1.0, 0)


@pytest.mark.parametrize("catches", [False, True])
def test_loops_that_run_too_often_are_not_compared(catches: bool) -> None:
    """Also where the function catches the error that stops them."""

    def long(x: Any, i: int) -> Any:
        return while_loop(
            lambda t: t[1] < 1e6, lambda t: (t[0] * ROWS[i][0], t[1] + 1), (x, 0.0), limit=10**7
        )[0]

    def f(x: float, i: int) -> Any:
        try:
            return long(x, i)
        except Exception:
            if not catches:
                raise
            return x

    with pytest.raises(TraceError, match=r"500000 operations, which is too long; write micro"):
        jit(f)(1.0, 0)


def test_a_loop_that_goes_on_to_its_limit_is_compared() -> None:
    def f(x: float, i: int) -> Any:
        return while_loop(lambda s: s > 0.0, lambda s: s * 0.5 + ROWS[i][1], x, limit=5)

    assert np.isnan(jit(f)(1.0, 1))
    assert np.isnan(f(1.0, 1))


@pytest.mark.parametrize("seed", range(3))
def test_drawn_nests(seed: int) -> None:
    nest_check(seed)
