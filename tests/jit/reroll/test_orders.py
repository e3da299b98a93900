"""The order of rows by one number each: that of NumPy's `lexsort`."""

from __future__ import annotations

import numpy as np
import pytest

from micrograd.jit.reroll.statics import begins, first_of_rows
from micrograd.jit.reroll.strings import in_order


@pytest.mark.parametrize("seed", range(200))
def test_rows_stand_as_lexsort_has_them(seed: int) -> None:
    r = np.random.default_rng(seed)
    n, width = int(r.integers(0, 40)), int(r.integers(1, 5))
    low, high = [(0, 2), (0, 5), (-3, 3), (-(2**40), 2**40), (-(2**62), 2**62)][seed % 5]
    rows = r.integers(low, high, (n, width))
    if r.random() < 0.5:
        rows = rows[np.lexsort(rows.T[::-1])]
    expected = np.lexsort(rows.T[::-1])
    assert np.array_equal(in_order(rows.T), expected)
    assert np.array_equal(in_order(tuple(rows.T)), expected)


@pytest.mark.parametrize("seed", range(50))
def test_rows_are_compared_by_columns(seed: int) -> None:
    r = np.random.default_rng(seed)
    rows = r.integers(0, 2, (int(r.integers(1, 30)), int(r.integers(0, 4))))
    for depth in range(rows.shape[1] + 1):
        part = rows[:, :depth].tolist()
        wanted = [k == 0 or part[k] != part[k - 1] for k in range(len(part))]
        assert first_of_rows(rows, depth).tolist() == wanted
    assert begins(rows).tolist() == [not any(row) for row in rows.tolist()]
