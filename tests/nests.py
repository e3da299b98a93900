"""Programs of loop nests, as text."""

from __future__ import annotations

import numpy as np

from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program

ROWS, INNER, COLUMNS = 3, 4, 2

MATMUL = """
input a[12]
param b[8]
temp c[6]
output out[1]

c[i] = 0.0  for i < 6
c[2*i + j] += mul(a[4*i + k], b[j + 2*k])  for i < 3, j < 2, k < 4
out = 0.0
out += tanh(c[i])  for i < 6
"""

GATHER_SCATTER = """
input x[4]
temp g[6]
output out[4]
const index[6] i32 = 3 1 1 0 3 3

g[i] = pow(x[index[i]], 2.0)  for i < 6
out[i] = 0.0  for i < 4
out[index[i]] += g[i]  for i < 6
"""


def matmul() -> Program:
    """c[3, 2] = a[3, 4] @ b[4, 2], and out = the sum of tanh over c."""
    return parse(MATMUL)


def gather_scatter() -> Program:
    """g[k] = x[index[k]] ** 2; h[index[k]] += g[k]: both directions of an index table."""
    return parse(GATHER_SCATTER)


def data(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"a": rng.normal(size=12), "b": rng.normal(size=8), "x": rng.normal(size=4)}
