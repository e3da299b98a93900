"""Strict tables whose cells have up to three neighbours, with costs of steps that many cells share:
cotangents come from the loop of the edge and from what is left of the table, in the trace's order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle, product
from typing import Any

import numpy as np
import pytest

from micrograd import Value, exp, jit, log, sin

from ...by_values import BITS
from ...targets import assumed

Join = Callable[[Sequence[Any]], Any]


def sines(terms: Sequence[Any]) -> Any:
    return sum(sin(t) for t in terms)


def softmin(terms: Sequence[Any]) -> Any:
    return -log(sum(exp(-t) for t in terms))


def table(rows: int, columns: int, join: Join, costs: tuple[int, ...]) -> Callable[[Any], Any]:
    """The last cell of a table.

    costs   which of the arguments the steps down, to the right, and aslant cost; 0: none
    """

    def f(p: Any) -> Any:
        cells = [[p[0]] * columns for _ in range(rows)]

        def step(i: int, j: int, k: int) -> Any:
            return cells[i][j] + (p[costs[k]] if costs[k] else 0.5)

        for i, j in product(range(rows), range(columns)):
            terms = [step(i - 1, j, 0)] if i else []
            if j:
                terms.append(step(i, j - 1, 1))
            if i and j:
                terms.append(step(i - 1, j - 1, 2))
            if terms:
                cells[i][j] = join(terms)
        return cells[-1][-1]

    return f


COSTS = [
    *product((0, 1), (0, 2), (0, 2)),  # two costs, of which the second may be that of two steps
    (1, 1, 1),
    (2, 1, 0),
]


@pytest.mark.parametrize("join", [sines, softmin])
@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (2, 4), (3, 3), (3, 5)])
def test_tables_with_costs_of_steps(join: Join, rows: int, columns: int) -> None:
    rng = np.random.default_rng(rows * columns)
    for costs, bits in zip(COSTS, cycle(BITS)):
        f = table(rows, columns, join, costs)
        with assumed(vector_bits=bits):
            kernel = jit(f, dtype="f64", strict=True).value_and_grad
            kernel([0.0, 0.0, 0.0])
        for given in rng.uniform(-1.0, 1.0, (5, 3)).tolist():
            leaves = [Value(x) for x in given]
            out = f(leaves)
            out.backward()
            assert kernel(given) == (out.data, [v.grad for v in leaves]), (costs, bits)
