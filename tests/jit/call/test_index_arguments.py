"""Integers that index arrays are made of as they lie, beside all others: the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from micrograd import Kernel, jit, take, total
from micrograd.errors import IndexRangeError, SignatureError
from micrograd.jit.call.index_arguments import Indices

SIZES = (1, 32, 33)
"""Around the number up to which indices are computed one by one."""


def several(table: np.ndarray, i: list[int]) -> Any:
    return [take(table, k) * (n + 1.0) for n, k in enumerate(i)]


def reversed_(table: np.ndarray, i: list[int]) -> Any:
    return [take(table, k) * (n + 1.0) for n, k in enumerate(reversed(i))]


def shifted(table: np.ndarray, i: list[int]) -> Any:
    return [take(table, k + 1) for k in i]


def one(table: np.ndarray, i: int, x: float) -> Any:
    return take(table, i) * x


def integers(r: np.random.Generator, n: int, below: int) -> Iterator[Any]:
    """Integers of rows in every form, and some of no row."""
    usual = r.integers(0, below, n)
    for dtype in (np.int64, np.int32, np.uint8, np.uint64, np.intp, ">i8"):
        yield usual.astype(dtype)
    yield usual - below
    yield usual - r.integers(0, 2, n) * below
    yield np.repeat(usual, 2)[::2]
    yield usual[::-1]
    yield usual.tolist()
    for wrong in (below, -below - 1, 2**63 - 1, -(2**63)):
        yield np.where(np.arange(n) == n // 2, wrong, usual)
    yield usual + 0.0
    yield usual > 0


def outcome(call: Any) -> Any:
    """The result of a call; or the error that it raises."""
    try:
        return np.asarray(call()).tolist()
    except (IndexRangeError, SignatureError) as error:
        return type(error), str(error)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("function", [several, reversed_, shifted])
def test_rows_of_a_list(n: int, function: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    r = np.random.default_rng(n)
    table, kernel = r.normal(size=12), jit(function)
    below = 11 if function is shifted else 12
    taken: list[bool] = []
    straight = Indices._straight

    def noted(self: Indices, arguments: Any) -> Any:
        found = straight(self, arguments)
        taken.append(found is not None)
        return found

    for i in integers(r, n, below):
        monkeypatch.setattr(Indices, "_straight", noted)
        found = outcome(lambda i=i: kernel(table, i))
        monkeypatch.setattr(Indices, "_straight", lambda *_: None)
        assert outcome(lambda i=i: kernel(table, i)) == found
    assert any(taken) == (function is not shifted)


@pytest.mark.parametrize("n", SIZES)
def test_rows_of_data(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    r = np.random.default_rng(n)
    table, x = r.normal(size=7), r.normal(size=n)
    summed = total(one, rows=["i", "x"])
    for i in integers(r, n, 7):
        found = outcome(lambda i=i: summed(table, i, x))
        with monkeypatch.context() as without:
            without.setattr(Indices, "_straight", lambda *_: None)
            assert outcome(lambda i=i: summed(table, i, x)) == found
        if not isinstance(found, tuple):
            rows = np.asarray(i).astype(np.int64)
            assert found == pytest.approx(float(np.sum(table[rows] * x)), rel=1e-13)


def test_no_rows_at_all() -> None:
    summed = total(one, rows=["i", "x"])
    none = np.zeros(0, np.int64), np.zeros(0)
    assert summed(np.ones(3), *none) == 0.0
    assert isinstance(jit(several), Kernel)
    assert jit(several)(np.ones(3), []) == []
