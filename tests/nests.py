"""Programs of loop nests, written by hand."""

from __future__ import annotations

import numpy as np

from micrograd import ops
from micrograd.jit.ir.program import Access, Program, Role

ROWS, INNER, COLUMNS = 3, 4, 2


def matmul() -> Program:
    """c[3, 2] = a[3, 4] @ b[4, 2], and out = the sum of tanh over c."""
    p = Program()
    p.declare("a", Role.INPUT, ROWS * INNER)
    p.declare("b", Role.PARAMETER, INNER * COLUMNS)
    p.declare("c", Role.TEMPORARY, ROWS * COLUMNS)
    p.declare("out", Role.OUTPUT)
    p.assign(Access("c", 0, (1,)), 0.0, (ROWS * COLUMNS,))
    product = ops.mul(Access("a", 0, (INNER, 0, 1)), Access("b", 0, (0, 1, COLUMNS)))
    p.assign(Access("c", 0, (COLUMNS, 1, 0)), product, (ROWS, COLUMNS, INNER), accumulate=True)
    p.assign(Access("out"), 0.0)
    p.assign(
        Access("out", 0, (0,)), ops.tanh(Access("c", 0, (1,))), (ROWS * COLUMNS,), accumulate=True
    )
    return p


def gather_scatter() -> Program:
    """g[k] = x[index[k]] ** 2; h[index[k]] += g[k]: both directions of an index table."""
    p = Program()
    p.declare("x", Role.INPUT, 4)
    p.declare("g", Role.TEMPORARY, 6)
    p.declare("out", Role.OUTPUT, 4)
    p.tables["index"] = np.array([3, 1, 1, 0, 3, 3])
    p.assign(Access("g", 0, (1,)), Access("x", 0, (1,), "index") ** 2.0, (6,))
    p.assign(Access("out", 0, (1,)), 0.0, (4,))
    p.assign(Access("out", 0, (1,), "index"), Access("g", 0, (1,)), (6,), accumulate=True)
    return p


def data(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"a": rng.normal(size=12), "b": rng.normal(size=8), "x": rng.normal(size=4)}
