"""Rows that a kernel holds, in columns: the same sums as of rows, and as of rows that are given."""

from __future__ import annotations

import pickle
import random
from typing import Any

import numpy as np
import pytest

from micrograd import tanh, total
from micrograd.jit.kernels import row_layout, totals
from micrograd.jit.kernels.row_code import RowCode
from micrograd.jit.kernels.rows import rows_of
from micrograd.jit.passes.over_samples import SIZE

from .by_values import BITS
from .row_functions import KINDS, ONE, TWO
from .targets import assumed

COUNTS = (500, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE, 3001)


@pytest.fixture(autouse=True)
def no_kernels_of_few_rows(monkeypatch: Any) -> None:
    monkeypatch.setattr(totals, "FEW", -1)


def test_rows_of_many_numbers_lie_in_columns() -> None:
    def loss(w: Any, x: Any) -> Any:
        return sum(tanh(w[j] * v + w[j + 1]) for j in range(3) for v in x) ** 2

    def given(w: Any, x: Any) -> Any:
        return loss(w, x)

    rows, w = np.random.default_rng(0).normal(size=(2000, 6)), [0.3, -0.2, 0.5, 0.1]
    held, passed = total(loss, rows), total(given, rows="x")
    assert _is_in_columns(held, w)
    assert not _is_in_columns(passed, w, rows)
    assert np.allclose(held.grad(w), passed.grad(w, rows), rtol=1e-12)
    copy = pickle.loads(pickle.dumps(held._data))
    assert not copy.laid
    rows[:] = 0.0  # they were copied
    assert held(w) != passed(w, rows)


def _is_in_columns(kernel: Any, *given: Any) -> bool:
    kernel(*given)
    code = kernel._latest
    assert isinstance(code, RowCode)
    return code.laid is not code.transformed


def test_kernels_of_the_same_rows_have_them_in_their_own_ways() -> None:
    x = np.arange(21.0).reshape(7, 3)
    rows, narrow = rows_of("f", {"x": x}), np.dtype(np.float32)
    for size in (None, 4, 7, None, 4):
        found = rows.laid_out("x", narrow, size)
        assert found.dtype == narrow
        if size is not None:
            found = found.transpose(0, 2, 1).reshape(-1, 3)
        assert np.array_equal(found[:7], x)
        assert not found[7:].any()


@pytest.mark.parametrize("seed", range(24))
def test_columns_give_what_rows_give(seed: int, monkeypatch: Any) -> None:
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    made = rng.choice(KINDS[:-1])
    steps = [(rng.choice(ONE), rng.choice(TWO)) for _ in range(rng.randint(1, 4))]
    shape = rng.choice([(2,), (3,), (7,), (8,), (9,), (2, 3)])
    count, dtype = rng.choice(COUNTS), rng.choice(["f32", "f64", "f64"])
    w = (numbers.normal(size=rng.choice([2, 5, 9])) * 0.5).tolist()
    x = numbers.normal(size=(count, *shape))
    y = numbers.normal(size=count) if rng.random() < 0.7 else numbers.integers(-3, 4, count)

    def f(w: Any, x: Any, y: Any) -> Any:
        flat = [v for row in x for v in row] if len(shape) > 1 else x
        return made(w, flat, y, steps)

    found = []
    for gain in (0.0, 1e9):  # wherever it can be, and nowhere
        monkeypatch.setattr(row_layout, "GAIN", gain)
        with assumed(vector_bits=BITS[seed % len(BITS)]):
            kernel = total(f, x, y, dtype=dtype, threads=rng.choice([1, 2]))
            value, partials = kernel.value_and_grad(w)
            found.append([value, *partials, kernel(w), *kernel.hvp(w, w)])
    scale = np.abs(found[1]).sum() + 1.0
    assert np.allclose(*found, rtol=0.0, atol=(1e-3 if dtype == "f32" else 1e-11) * scale)
