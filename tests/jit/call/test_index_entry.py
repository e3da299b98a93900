"""Calls with ints by which rows are looked up: native code answers what Python would say."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from micrograd import Value, fori, jit, take
from micrograd.errors import IndexRangeError, SignatureError
from micrograd.jit.call.callable import available
from micrograd.jit.call.convention import Caller

ROWS = [Value(0.5 * k - 1.0) for k in range(7)]
PAIRS = [[0.25 * k, 1.0 - k] for k in range(5)]
EDGES = [0, 1, -1, 2**30 - 1, 2**30, 1 - 2**30, -(2**30), 2**31, 2**60, -(2**63), 2**63, 2**80]


def drawn(seed: int) -> Any:
    """A function of a number and two integers, which looks up by sums of their multiples."""
    r = random.Random(seed)
    scales = [
        (r.randint(-3, 3), r.randint(-3, 3), r.randint(-9, 9)) for _ in range(r.randint(1, 3))
    ]
    wide, loops = r.random() < 0.5, r.random() < 0.3

    def f(x: float, i: int, j: int) -> Any:
        found = x
        for a, b, c in scales:
            index = a * i + b * j + c
            found = found * 0.5 + take(ROWS, index)
            if wide:
                first, second = take(PAIRS, index)
                found = found * first + second
        return fori(i, lambda k, s: s * x + take(ROWS, k), found) if loops else found

    return f


@pytest.fixture
def general_calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A list that grows by every call that reaches Python."""
    calls: list[Any] = []
    fits = Caller.fits

    def counted(self: Any, arguments: Any) -> bool:
        calls.append(arguments)
        return fits(self, arguments)

    monkeypatch.setattr(Caller, "fits", counted)
    return calls


def outcome(call: Any, *args: Any) -> Any:
    try:
        found = call(*args)
    except (IndexError, SignatureError, OverflowError) as error:
        return type(error).__name__, str(error)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_drawn_sums_are_what_python_computes(seed: int) -> None:
    """In all ways that a call may go, to the last bit, and with the same errors."""
    f, strict = drawn(seed), bool(seed % 2)
    r = random.Random(seed + 1000)
    numbers = [*range(-8, 9), *EDGES]
    for options in ({}, {"dtype": "f32"}):
        native, checked = jit(f, strict=strict, **options), jit(f, strict=strict, **options)
        for way in ("value", "grad"):
            own = native if way == "value" else native.grad
            other = checked if way == "value" else checked.grad
            for _ in range(120):
                i, j = (r.choice(numbers[:17] if r.random() < 0.8 else numbers) for _ in range(2))
                # Python's way: an integer of NumPy is no int, and is passed on
                past = [np.int64(v) if -(2**63) <= v < 2**63 else v for v in (i, j)]
                assert outcome(own, 0.75, i, j) == outcome(other, 0.75, *past), (seed, way, i, j)


@pytest.mark.skipif(not available(), reason="needs native entry points")
def test_native_code_answers_ints(general_calls: list[Any]) -> None:
    def f(x: float, i: int) -> Any:
        return x * take(ROWS, 2 * i - 1)

    kernel = jit(f)
    kernel(0.5, 1)
    kernel.value_and_grad(0.5, 1)
    general_calls.clear()
    for i in (1, 2, 3, 0, -1, -2):
        assert kernel(0.5, i) == f(0.5, i).data
        assert kernel.value_and_grad(0.5, i)[0] == f(0.5, i).data
    assert not general_calls
    for wrong in (4, -4, 2**30, -(2**30), 2**70):
        with pytest.raises(IndexRangeError, match="into a table of 7 rows"):
            kernel(0.5, wrong)
    for wrong in (2.0, np.float64(1.0), "1"):
        with pytest.raises((SignatureError, TypeError)):
            kernel(0.5, wrong)
    assert len(general_calls) >= 5


def test_an_array_that_is_given_for_results_stays_when_an_index_is_of_no_row() -> None:
    def f(x: float, i: int) -> Any:
        return [x * take(ROWS, i), x + 1.0]

    kernel, out = jit(f), np.full(2, 9.0)
    kernel(0.5, 1)
    with pytest.raises(IndexRangeError):
        kernel(0.5, 7, out=out)
    assert out.tolist() == [9.0, 9.0]
    assert kernel(0.5, 6, out=out) is out
    assert out.tolist() == [0.5 * ROWS[6].data, 1.5]


def test_rows_that_change_are_read_anew() -> None:
    rows = [Value(1.0), Value(2.0)]

    def f(i: int) -> Any:
        return take(rows, i) * 2.0

    kernel = jit(f)
    assert [kernel(0), kernel(1), kernel(-1)] == [2.0, 4.0, 4.0]
    rows[1].data = 5.0
    assert [kernel(0), kernel(1), kernel(-1)] == [2.0, 10.0, 10.0]


def test_many_indices_and_those_in_lists_go_through_python() -> None:
    def of_list(ks: list[int]) -> Any:
        return sum(take(ROWS, k) for k in ks)

    def many(i: int) -> Any:
        return sum(take(ROWS, i + k % 3) * (k + 1.0) for k in range(100))

    assert jit(of_list)([1, 2, -1]) == of_list([1, 2, -1]).data
    assert jit(many)(2) == pytest.approx(many(2).data, rel=1e-13)
