"""Lookups by traced integers, and max of numbers taken by `.data`, as plain Python writes them."""

from __future__ import annotations

import builtins
import functools
import importlib
import linecache
import operator
import random
import re
import sys
import threading
from collections.abc import Callable
from copy import deepcopy
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd import Value, errors, fit, fori, jit
from micrograd.errors import IndexRangeError, MicrogradError, TraceError, TrainingError
from micrograd.optim import SGD

from . import lookup_programs, lookups_in_loops
from .plain_lookups import effects, problems, written


class Kind(IntEnum):
    A = 0
    B = 1


DOCUMENTS = [[0, 1, 2], [2, 2], [1, 0, 0, 1]]


def values(*numbers: float) -> list[Value]:
    return [Value(x) for x in numbers]


def trained(loss: Callable[..., Any], parameters: list[Value], data: Any = DOCUMENTS) -> Any:
    options: dict[str, Any] = {"steps": 3, "batch_size": 1, "shuffle": False, "dtype": "f64"}
    return fit(loss, SGD(parameters, lr=0.1), data=data, **options).losses.tolist()


@pytest.mark.parametrize("seed", [1, 4, 7, 12, 18, 33])
def test_random_losses_are_the_interpreters(seed: int) -> None:
    assert not list(problems(seed))


def test_random_functions_with_side_effects_are_pythons_or_refused() -> None:
    refused = 0
    for seed in range(60):
        found, no = effects(seed)
        assert not found, found
        refused += no
    assert 10 < refused < 58


@pytest.mark.parametrize(("programs", "seed"), [(lookup_programs, 57), (lookups_in_loops, 9)])
def test_lookups_of_other_programs_may_be_plain(
    programs: Any, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plain(table: Any, index: Any) -> Any:
        return table[index]

    monkeypatch.setattr(programs, "take", plain)
    if programs is lookup_programs:
        assert not list(programs.problems(seed))
    else:
        programs.check(seed)


# --- what is looked up ----------------------------------------------------------------------


def test_each_closure_has_its_table_and_its_code_back() -> None:
    def make(table: list[Value]) -> Callable[[Any], Any]:
        return lambda doc: sum(table[t] * table[t] for t in doc)

    tables = [values(1.0, 2.0, 3.0), values(-1.0, 0.5, 4.0)]
    losses = [make(table) for table in tables]
    code = losses[0].__code__
    for loss, table in zip(losses, tables, strict=True):
        wanted = loss(DOCUMENTS[0]).data
        assert trained(loss, table)[0] == pytest.approx(wanted)
        assert loss.__code__ is code


def test_a_function_made_while_it_is_traced_looks_up_too() -> None:
    table = values(1.0, 2.0, 3.0)

    def loss(doc: Any) -> Any:
        def entry(t: Any) -> Any:
            return (lambda k: table[k])(t)

        return sum(entry(t) ** 2 for t in doc)

    wanted = loss(DOCUMENTS[0]).data
    assert trained(loss, table)[0] == pytest.approx(wanted)


def test_the_counter_of_a_loop_looks_up() -> None:
    table, w = [3.0, 5.0, 7.0], Value(2.0)

    def f() -> Any:
        return fori(3, lambda i, s: s + w * table[i], 0.0)

    assert jit(f, wrt=[w]).value_and_grad() == (30.0, (15.0,))


def test_is_means_what_it_means_of_all_else() -> None:
    table, nothing = values(1.0, 2.0, 3.0), [0.0]

    def loss(doc: Any) -> Any:
        rows = [nothing, table]
        return sum(table[t] for t in doc for row in rows if row is not nothing and row is table)

    wanted = loss(DOCUMENTS[0]).data
    assert trained(loss, table)[0] == wanted


def test_a_parameter_that_no_document_uses_keeps_its_number() -> None:
    table = values(1.0, 2.0, 3.0, 4.0)
    trained(lambda doc: sum(table[t] ** 2 for t in doc), table)
    assert table[3].data == 4.0


def test_lists_of_ones_own_are_asked_themselves() -> None:
    class Reversed(list[Any]):
        def __getitem__(self, k: Any) -> Any:
            return super().__getitem__(len(self) - 1 - k)

    table = Reversed(values(1.0, 2.0, 3.0))
    with pytest.raises(TraceError, match="cannot be an index or a range"):
        trained(lambda doc: sum(table[t] for t in doc), list(table))


def test_code_that_has_become_another_is_what_is_traced() -> None:
    table = values(1.0, 2.0, 3.0)

    def loss(doc: Any) -> Any:
        return sum(table[t] ** 2 for t in doc)

    def other(doc: Any) -> Any:
        return sum(table[t] ** 4 for t in doc)

    trained(loss, table)
    loss.__code__ = other.__code__
    wanted = loss(DOCUMENTS[0]).data
    assert trained(loss, table)[0] == pytest.approx(wanted)


def test_threads_trace_the_same_function_at_once() -> None:
    table = [float(k * k) for k in range(9)]

    def f(x: float, tokens: list[int]) -> Any:
        return sum(x * table[t] for t in tokens)

    found: list[Any] = []

    def call(n: int) -> None:
        for k in range(n, n + 8):
            tokens = [j % 9 for j in range(k)]
            found.append((jit(f)(2.0, tokens), f(2.0, tokens)))

    threads = [threading.Thread(target=call, args=(n,)) for n in (1, 2, 3)]
    code = f.__code__
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 24
    assert all(a == b for a, b in found)
    assert f.__code__ is code


# --- max and min ----------------------------------------------------------------------------


def test_max_of_data_is_found_when_the_code_runs() -> None:
    def f(x: float, y: float) -> Any:
        top = max(v.data for v in (x, y))  # type: ignore[attr-defined]
        low = min(x.data, 2, -y.data)  # type: ignore[attr-defined]
        return x * top + y * low

    kernel = jit(f)
    for x, y in ((1.0, 2.0), (2.0, 1.0), (-3.0, -5.0), (4.0, 4.0)):
        eager = f(Value(x), Value(y))  # type: ignore[arg-type]
        value, partials = kernel.value_and_grad(x, y)
        assert value == eager.data
        assert partials == (max(x, y), min(x, 2, -y))


def test_max_of_data_is_nan_if_one_is() -> None:
    kernel = jit(lambda x, y: max(x.data, y.data))
    assert np.isnan([kernel(np.nan, 1.0), kernel(1.0, np.nan)]).all()


def test_max_is_what_it_is_else() -> None:
    def f(x: float) -> Any:
        return (
            x * max([1, 3, 2], key=lambda k: -k) * max([], default=2.0) * max("ab", "c").count("c")
        )

    assert jit(f)(5.0) == f(5.0) == 10.0
    with pytest.raises(TraceError, match=r"no truth value.*maximum"):
        jit(lambda x, y: max(x, y))(1.0, 2.0)
    with pytest.raises(TraceError, match="no truth value"):
        jit(lambda x, y: max([x, y], key=lambda v: v.data))(1.0, 2.0)


def test_a_max_of_ones_own_is_called() -> None:
    def max(*xs: Any) -> Any:
        return sum(x for x in xs)

    def f(x: float, i: int) -> Any:
        return max(x, [1.0, 2.0][i], builtins.max(1, 2))

    assert jit(f)(5.0, 1) == 9.0


# --- what cannot be -------------------------------------------------------------------------


def test_a_token_out_of_range_is_told_with_its_document() -> None:
    def third(i: int) -> Any:
        return [1.0, 2.0, 3.0][i]

    table = values(1.0, 2.0, 3.0)
    with pytest.raises(TrainingError, match=r"data\[1\]\[2\].*index 3 into a table of 3 rows"):
        trained(lambda doc: sum(table[t] for t in doc), table, [[0, 1], [0, 1, 3]])
    assert [v.data for v in table] == [1.0, 2.0, 3.0]
    with pytest.raises(IndexRangeError, match="i is the index -4 into a table of 3 rows"):
        jit(third)(-4)


def test_what_depends_on_tokens_otherwise_is_refused() -> None:
    table = values(1.0, 2.0, 3.0)
    rows = dict(enumerate(table))
    kinds = [1, 0, 1]

    def compared(doc: Any) -> Any:
        return sum(table[t] if t == 0 else table[t] * 2 for t in doc)

    def by_kind(doc: Any) -> Any:
        return sum(table[t] * 2.0 if kinds[t] else table[t] for t in doc)

    for loss in (compared, by_kind):
        with pytest.raises(TraceError, match=r"test_plain_lookups\.py:\d+: .*no truth value"):
            trained(loss, table)
    pairs = [[v, v * v] for v in table]
    for same in (
        lambda doc: sum(v for t in doc for v in pairs[t] if pairs[t] is not pairs[0]),
        lambda doc: sum(v for t in doc for v in pairs[t] if v is table[0]),
    ):
        with pytest.raises(TraceError, match="`is` and `id` ask which row it was"):
            trained(same, table)
    truths = [True, False, True]
    with pytest.raises(TraceError, match="cannot be an index or a range"):
        trained(lambda doc: sum(table[t] for t in doc if truths[t] is True), table)
    with pytest.raises(TraceError, match="no hash"):
        trained(lambda doc: sum(rows[t] for t in doc), table)
    with pytest.raises(TraceError, match="cannot be an index or a range"):
        trained(lambda doc: sum(table[0] for t in doc for _ in range(t)), table)
    with pytest.raises(TraceError, match=r"should be an integer, and data\[0\]\[0\] is 0\.0"):
        trained(lambda doc: sum(table[t] for t in doc), table, [[0.0, 1.5], [1.0]])


def test_rows_should_be_alike() -> None:
    table = [values(1.0), values(2.0, 3.0), values(4.0)]
    with pytest.raises(TrainingError, match=r"alike.*row 0 is 1 items, row 1 is 2 items"):
        trained(lambda doc: sum(table[t][0] for t in doc), [v for row in table for v in row])


def test_a_row_that_is_changed_is_no_copy() -> None:
    table = [values(1.0, 2.0), values(3.0, 4.0), values(5.0, 6.0)]

    def changes_what_it_found(doc: Any) -> Any:
        row = table[doc[0]]
        row[0] = row[0] * 2.0
        return row[0] * row[1]

    def changes_the_table(doc: Any) -> Any:
        row = table[doc[0]]
        table[0].append(Value(1.0))
        return row[0] * row[-1]

    parameters = [v for row in table for v in row]
    for loss in (changes_what_it_found, changes_the_table):
        with pytest.raises(TraceError, match=r"test_plain_lookups\.py:\d+: .*micrograd\.take"):
            trained(loss, parameters, [[0, 1], [1, 1]])


@pytest.mark.parametrize("known", ["", "def f(x, i: int):\n    return x * [1.0, 3.0][i]\n"])
def test_code_whose_source_is_not_there_is_told_what_to_write(known: str) -> None:
    text = "def loss(x: float, i: int):\n    return x * [1.0, 2.0][i]\n"
    with written(text, {}, 0) as f:
        file = f.__code__.co_filename
        linecache.cache[file] = len(known), None, known.splitlines(keepends=True), file
        with pytest.raises(
            TraceError, match=re.escape("for xs[i]") + r".*micrograd\.take\(xs, i\)"
        ):
            jit(f)(1.0, 1)


def test_a_loss_that_catches_what_a_token_refuses_is_not_misled() -> None:
    table = values(1.0, 2.0, 3.0)

    def loss(doc: Any) -> Any:
        try:
            return sum(table[t] for t in doc)
        except TypeError:
            return table[0] * 100.0

    assert issubclass(TraceError, TypeError)
    assert trained(loss, table)[0] == 6.0


def test_errors_leave_functions_as_they_were() -> None:
    table = values(1.0, 2.0, 3.0)

    def loss(doc: Any) -> Any:
        return sum(table[t] for t in doc) + doc[99]

    code = loss.__code__
    with pytest.raises(TrainingError, match="list index out of range"):
        trained(loss, table, np.zeros((3, 2), dtype=np.int64))
    assert loss.__code__ is code


# --- what is done once, and what is caught --------------------------------------------------

NUMBERS = [2.0, 5.0, 7.0]
PAIRS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
BY_KEY = {0: 2.0, 1: 3.0}


def same(a: Any, b: Any) -> bool:
    return a is b


def test_what_is_put_back_is_done_once_in_a_call() -> None:
    on = [1.0]

    def f(x: float, i: int) -> Any:
        a = x * on[0]
        on[0] = 3.0
        b = x * NUMBERS[i]
        on[0] = 1.0
        return a + b

    assert jit(f)(1.0, 1) == 6.0


def test_what_counts_or_draws_is_refused() -> None:
    called, queue, drawn = [0], [1.0] * 99, random.Random(0)

    def counts(x: float, i: int) -> Any:
        called[0] += 1
        return x * NUMBERS[i] * called[0]

    def pops(x: float, i: int) -> Any:
        return x * NUMBERS[i] * queue.pop() * len(queue)

    def draws(x: float, i: int) -> Any:
        return x * NUMBERS[i] * drawn.random()

    for f in (counts, pops, draws):
        with pytest.raises(TraceError, match=r"other numbers each time.*micrograd\.take"):
            jit(f)(1.0, 1)
    table = values(1.0, 2.0, 3.0)
    with pytest.raises(TraceError, match=r"other numbers each time.*micrograd\.take"):
        trained(lambda doc: sum(table[t] for t in doc) * drawn.random(), table)
    assert [v.data for v in table] == [1.0, 2.0, 3.0]


def test_rows_changed_for_a_while_are_refused() -> None:
    def copy(x: float, i: int) -> Any:
        row = PAIRS[i]
        old = row[0]
        row[0] = old * 2
        y = PAIRS[i][0]
        row[0] = old
        return x * y

    def table(x: float, i: int) -> Any:
        row = PAIRS[i]
        PAIRS[0].append(1.0)
        y = sum(row)
        PAIRS[0].pop()
        return x * y

    def extended(x: float, i: int) -> Any:
        row = PAIRS[i]
        row += [3.0]
        y = len(PAIRS[0])
        del row[2:]
        return x * y

    def by_class(x: float, i: int) -> Any:
        row = PAIRS[i]
        list.append(row, 3.0)
        y = len(PAIRS[0])
        list.pop(row)
        return x * y

    for f in (copy, table, extended, by_class):
        with pytest.raises(TraceError, match=r"test_plain_lookups\.py:\d+: a row was looked up"):
            jit(f)(1.0, 1)
        assert PAIRS == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


def test_which_row_it_is_is_refused() -> None:
    tuples = [(1.0,), (2.0,)]
    for f in (
        lambda x, i: x * 10 if tuples[i] is tuples[0] else x,
        lambda x, i: x * 10 if same(PAIRS[i], PAIRS[0]) else x,
        lambda x, i: x * 10 if PAIRS[i] is PAIRS[0] is PAIRS[0] else x,
        lambda x, i: x * {id(PAIRS[0]): 2.0}.get(id(PAIRS[i]), 3.0),
    ):
        f.__annotations__["i"] = int
        with pytest.raises(TraceError, match="which row it was"):
            jit(f)(1.0, 0)

    def by_operator(x: float, i: int) -> Any:
        return x * 10 if operator.is_(PAIRS[i], PAIRS[0]) else x

    def by_copy(x: float, i: int) -> Any:
        rows = deepcopy([PAIRS[i], PAIRS[0]])
        rows[0].append(3.0)
        return x * len(rows[1])

    for f in (by_operator, by_copy):
        with pytest.raises(TraceError, match=r"which row it was|copy\.deepcopy"):
            jit(f)(1.0, 0)


def test_code_without_a_source_that_may_compare_or_change_rows_is_refused() -> None:
    names: dict[str, Any] = {}
    exec("def same(a, b): return a is b\ndef half(x): return x * 0.5", names)
    same, half = names["same"], names["half"]

    def refused(x: float, i: int) -> Any:
        return x if same(PAIRS[i], PAIRS[0]) else x * 2.0

    def fine(x: float, i: int) -> Any:
        return half(x) * PAIRS[i][0]

    with pytest.raises(TraceError, match=r"micrograd\.take"):
        jit(refused)(1.0, 0)
    assert jit(fine)(1.0, 1) == 1.5


def test_errors_that_a_function_catches_fail_it() -> None:
    def ragged(x: float, i: int) -> Any:
        try:
            row = [[1.0], [2.0, 3.0]][i]
        except ValueError:
            row = [0.0]
        return x * row[0]

    def keyed(x: float, i: int) -> Any:
        try:
            return x * BY_KEY[i]
        except TypeError:
            return x

    def decided(x: float, i: int) -> Any:
        try:
            return x if i == 0 else x * 2.0
        except TypeError:
            return x * 7.0

    def no_integer(x: float, i: float) -> Any:
        try:
            return x * NUMBERS[i]  # type: ignore[call-overload]
        except TypeError:
            return x * 7.0

    def compared(x: float, i: int) -> Any:
        try:
            return x * 10.0 if PAIRS[i] is PAIRS[0] else x
        except TypeError:
            return x * 5.0

    for f in (ragged, keyed, decided, no_integer, compared):
        with pytest.raises(MicrogradError, match=r"test_plain_lookups\.py:\d+: "):
            jit(f)(1.0, 0)


def test_an_index_out_of_range_is_an_error_whatever_a_function_catches() -> None:
    def f(x: float, i: int) -> Any:
        try:
            return x * NUMBERS[[0, 5, 1][i]]
        except IndexError:
            return x * 9.0

    kernel = jit(f)
    assert [kernel(3.0, i) for i in (0, 2, -1)] == [f(3.0, i) for i in (0, 2, -1)]
    with pytest.raises(IndexRangeError, match="index 5 into a table of 3 rows"):
        kernel(3.0, 1)


def test_rows_of_lists_and_tuples_are_refused() -> None:
    def f(x: float, i: int) -> Any:
        row = [(1.0, 2.0), [3.0, 4.0]][i]
        return x * 10.0 if isinstance(row, list) else x

    with pytest.raises(TraceError, match="row 0 and row 1 one has a list where the other"):
        jit(f)(1.0, 1)


def test_lists_in_themselves_and_rows_of_other_classes_are_refused() -> None:
    nested: list[Any] = [1.0, 2.0]
    nested += [nested, nested, nested]
    kinds = [Kind.A, Kind.B]
    for table in (nested, kinds, [True, False], [np.float32(1.0)] * 2, [2**60 + 1, 0]):

        def f(x: float, i: int, table: Any = table) -> Any:
            return x * table[i]

        f.__defaults__ = (tuple(table),)
        with pytest.raises(TraceError, match=r"micrograd\.take"):
            jit(f)(1.0, 0)


def test_rows_that_are_one_number_are_looked_up() -> None:
    def f(x: float, i: int) -> Any:
        return ([x] * 3)[i] * [x][0]

    assert jit(f).value_and_grad(3.0, 1)[0] == 9.0
    with pytest.raises(IndexRangeError):
        jit(f)(3.0, 3)


def test_arrays_of_integers_look_up_as_lists_of_them_do() -> None:
    def f(table: list[Any], tokens: list[int]) -> Any:
        return sum(table[k][0] * j for j, k in enumerate(tokens)) + table[tokens[-1]][1]

    table, tokens = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [2, 0, 2]
    kernel = jit(f, wrt="table").value_and_grad
    expected = kernel(table, tokens)
    assert expected[0] == 17.0
    for dtype in (np.int64, np.int32):
        assert kernel(table, np.array(tokens, dtype=dtype)) == expected


# --- whose source is there ------------------------------------------------------------------


def test_functions_with_arguments_bound_and_lambdas_in_lambdas_have_a_source() -> None:
    def picked(table: list[float], x: float, i: int) -> Any:
        return x * table[i] if "relu" in {"relu", "tanh", "exp"} else x

    assert jit(functools.partial(picked, NUMBERS))(1.0, 1) == 5.0
    table = values(1.0, 2.0, 3.0)
    assert trained(lambda doc: sum((lambda j: table[j])(t) for t in doc), table)[0] == 6.0


def test_a_module_that_is_loaded_anew_is_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    text = "NUMBERS = [2.0, 5.0]\n{}def f(x: float, i: int):\n    return x * NUMBERS[i]{}\n"
    path = tmp_path / "loaded_anew.py"
    path.write_text(text.format("", ""))
    module = importlib.import_module("loaded_anew")
    assert jit(module.f)(1.0, 1) == 5.0
    path.write_text(text.format("\n\n", " * 10.0"))
    importlib.invalidate_caches()
    module = importlib.reload(module)
    assert jit(module.f)(1.0, 1) == 50.0
    del sys.modules["loaded_anew"]


def test_files_beside_the_package_are_the_users() -> None:
    package = Path(errors.__file__).parent
    assert errors.is_users(f"{package}_demo.py")
    assert not errors.is_users(str(package / "demo.py"))
