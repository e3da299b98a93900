"""Rows looked up at many points and for many rows of data, and what is added to where they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from micrograd import Table, jit, take, total
from micrograd.errors import IndexRangeError

from .by_values import BITS
from .targets import assumed

SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 1000)
INTEGERS = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")


def random_table(r: np.random.Generator) -> tuple[list[list[float]], list[int]]:
    """A table, and some places of a row, in any order: runs of neighbours among them."""
    width = int(r.integers(1, 20))
    table = r.normal(size=(int(r.integers(1, 40)), width)).tolist()
    start = int(r.integers(0, width))
    run = list(range(start, min(width, start + int(r.integers(1, 18)))))
    some = r.integers(0, width, int(r.integers(0, 4))).tolist()
    return table, [run + some, run[::-1] + some, some + run][int(r.integers(3))]


def integers(r: np.random.Generator, rows: int, n: int) -> Any:
    """Indices of rows, of a random type and layout, some of them counted from the end."""
    kind = INTEGERS[int(r.integers(len(INTEGERS)))]
    low = -rows if kind[0] == "i" else 0
    every = r.integers(low, rows, (2, n)).astype(kind)
    return [every[0], every.T[:, 1], every[1][::-1]][int(r.integers(3))]


@pytest.fixture(autouse=True)
def widths(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests that have a seed are for vectors of 128, 256 and 512 bits, by turns."""
    seed = request.node.callspec.params.get("seed")
    with nullcontext() if seed is None else assumed(vector_bits=BITS[seed % len(BITS)]):
        yield


@pytest.mark.parametrize("seed", range(18))
def test_rows_by_arrays_of_integers_are_those_of_numpy(seed: int) -> None:
    r = np.random.default_rng(seed)
    numbers, places = random_table(r)
    table = Table(numbers)
    dtype, as_number = ("f64", "f32")[seed % 2], bool(seed % 3 == 0)

    def looked_up(i: int, x: float) -> Any:
        row = table[i]
        return [row[k] * x + i if as_number else row[k] for k in places]

    f = jit(looked_up, dtype=dtype, strict=seed % 5 == 0, check=seed % 4 == 0)
    for n in SIZES:
        at, x = integers(r, len(numbers), n), r.normal(size=n)
        want = np.array(numbers)[at.astype(int)][:, places].T
        if as_number:
            want = want * x + at.astype(float)
        found = f(at, x)
        accuracy = 1e-12 if dtype == "f64" else 1e-5
        np.testing.assert_allclose(np.array(found), want, rtol=accuracy, atol=accuracy * 40)
    at = np.array([0, len(numbers), 0])
    with pytest.raises(IndexRangeError, match="at point 1"):
        f(at, 1.0)


@pytest.mark.parametrize("width", [12, 16, 17])
@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_many_rows_are_written_past_the_cache_wherever_they_begin(width: int, dtype: str) -> None:
    r = np.random.default_rng(width)
    numbers = r.normal(size=(30, width)).astype(dtype.replace("f64", "f8").replace("f32", "f4"))
    table = Table(numbers.tolist())
    n = (40 << 20) // (width * numbers.itemsize)
    at = r.integers(0, 30, n)

    def row(i: int) -> Any:
        return list(table[i])

    f = jit(row, dtype=dtype, threads=1)
    room = np.empty(width * (n + 32) + 64, numbers.dtype)
    for begin, more in ((0, 0), (7, 8), (3, 5)):
        out = room[begin : begin + width * (n + more)].reshape(width, n + more)[:, :n]
        out[:, [0, 1, -2, -1]] = np.nan
        f(at, out=out)
        assert np.array_equal(out, numbers[at].T)


@pytest.mark.parametrize("seed", range(10))
def test_gradients_by_tables_are_added_up_as_by_numpy(seed: int) -> None:
    r = np.random.default_rng(seed)
    rows, width = int(r.integers(1, 50)), int(r.integers(1, 19))
    n = int(r.choice([1, 7, 975, 976, 977, 4000, 20000]))
    dtype, twice, shared = ("f64", "f32")[seed % 2], bool(seed % 3 == 1), bool(seed % 4 == 3)
    number = np.float64 if dtype == "f64" else np.float32
    table, at = r.normal(size=(rows, width)).astype(number), r.integers(-rows, rows, (2, n))
    weights = r.normal(size=(n, width)).astype(number)

    def term(table: Any, scale: float, weights: Any, i: int, j: int) -> Any:
        found = sum(x * w for x, w in zip(take(table, i), weights, strict=True)) * scale
        return found + 0.5 * take(table, j)[0] ** 2 if twice else found

    wrt = ["table", "scale"] if shared else ["table"]
    f = total(term, weights, *at, wrt=wrt, dtype=dtype, strict=seed == 8)
    scale, want = 1.5, np.zeros((rows, width))
    np.add.at(want, at[0], scale * weights.astype(float))
    if twice:
        np.add.at(want[:, 0], at[1], table[at[1], 0].astype(float))
    found = f.grad(table, scale)
    by_scale = (table[at[0]].astype(float) * weights).sum()
    accuracy = 1e-10 if dtype == "f64" else 2e-3
    got = found[0] if shared else found
    np.testing.assert_allclose(np.array(got).reshape(rows, width), want, accuracy, accuracy)
    if shared:
        np.testing.assert_allclose(found[1], by_scale, accuracy, accuracy)
