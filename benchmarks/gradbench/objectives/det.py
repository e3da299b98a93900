"""det: a determinant by expansion by minors, all of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from micrograd import jit

from . import Prepared


def minor(rows: list[list[Any]], columns: tuple[int, ...]) -> Any:
    """The determinant of these rows' columns, by the first row."""
    if len(columns) == 1:
        return rows[0][columns[0]]
    total: Any = 0.0
    for k, c in enumerate(columns):
        term = rows[0][c] * minor(rows[1:], columns[:k] + columns[k + 1 :])
        total = total + term if k % 2 == 0 else total - term
    return total


def determinant(a: np.ndarray) -> Any:
    """Of a square matrix, its rows one after the other."""
    n = round(len(a) ** 0.5)
    return minor([list(a[k * n : (k + 1) * n]) for k in range(n)], tuple(range(n)))


_determinant = jit(determinant)


def primal(given: dict[str, Any]) -> Prepared:
    """The value."""
    return partial(_determinant, np.array(given["A"])), float


def gradient(given: dict[str, Any]) -> Prepared:
    """Its gradient."""
    return partial(_determinant.grad, np.array(given["A"])), list
