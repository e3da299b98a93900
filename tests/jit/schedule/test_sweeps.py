"""Products of a vector with a matrix: what is done with the matrix in the same pass."""

from __future__ import annotations

import numpy as np
import pytest

from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule.schedule import schedule
from micrograd.jit.target import Target

DECLARED = """
input d[200]
input x[300]
input rate[1]
state w[300, 200]
state m[300, 200]
output y[300]
state z[300]
state s[200]
"""
PRODUCT = """
y[i] = -0.0  for i < 300
y[j] += mul(d[i], w[j, i])  for i < 200, j < 300
"""
UPDATE = "w[i, j] = sub(w[i, j], mul(rate, mul(d[j], x[i])))  for i < 300, j < 200\n"
MOMENTUM = """
m[i, j] = add(mul(0.9, m[i, j]), mul(d[j], x[i]))  for i < 300, j < 200
w[i, j] = sub(w[i, j], mul(rate, m[i, j]))  for i < 300, j < 200
"""


def printed(body: str) -> str:
    program = verify(parse(DECLARED + body))
    return str(schedule(program, Target.host(np.dtype(np.float32))))


@pytest.mark.parametrize(("update", "count"), [(UPDATE, 1), (MOMENTUM, 2)])
def test_an_update_of_the_matrix_is_done_in_passing(update: str, count: int) -> None:
    text = printed(PRODUCT + "s[i] = mul(d[i], 2.0)  for i < 200\n" + update)
    assert text.count("in passing: ") == count
    assert "product 1 x 300 x 200: one pass over the matrix" in text


@pytest.mark.parametrize(
    "between",
    [
        "z[i] = 0.0  for i < 300\nz[i] += w[i, j]  for i < 300, j < 200\n",  # reads the old matrix
        "s[i] = w[0, i]  for i < 200\n",
    ],
)
def test_what_reads_the_matrix_before_keeps_the_update_behind_it(between: str) -> None:
    text = printed(PRODUCT + between + UPDATE)
    first = text[text.index("y[j] += ") :]
    assert "in passing: w" not in first.split("  product ")[0]


@pytest.mark.parametrize(
    "update",
    [
        "w[i, j] = sub(w[i, j], mul(d[j], y[i]))  for i < 300, j < 200\n",  # reads the result
        "w[i, j] = sub(w[i, j], m[i, -1*j + 199])  for i < 300, j < 200\n",
    ],
)
def test_what_needs_more_than_what_is_there_is_done_behind(update: str) -> None:
    assert "in passing" not in printed(PRODUCT + update)


def test_tiles_are_printed() -> None:
    text = """
    input a[100, 70]
    input b[70, 60]
    output c[100, 60]

    c[i, j] = 0.0  for i < 100, j < 60
    c[i, j] += mul(a[i, k], b[k, j])  for i < 100, j < 60, k < 70
    """
    target = Target.host(np.dtype(np.float32), vector_bits=256)
    line = str(schedule(verify(parse(text)), target))
    assert "product 100 x 60 x 70: tiles of " in line


SMALL = """
input d[10]
input x[32]
state w[32, 10]
output y[32]

y[i] = -0.0  for i < 32
y[j] += mul(d[i], w[j, i])  for i < 10, j < 32
"""


def test_a_small_matrix_is_a_step_only_if_it_is_updated_in_passing() -> None:
    def text(body: str) -> str:
        return str(schedule(verify(parse(body)), Target.host(np.dtype(np.float32))))

    assert "product" not in text(SMALL)
    updated = text(SMALL + "w[i, j] = sub(w[i, j], mul(d[j], x[i]))  for i < 32, j < 10\n")
    assert "product 1 x 32 x 10: one pass over the matrix" in updated
    assert "in passing: w" in updated
