"""Random factorizations and substitutions over a triangle, row by row, as Python source.

    python -m tests.factorizations SECONDS [FIRST_SEED]

A number of a row is made of those on its left, of the rows above and of what was made for each row;
sometimes of what stands above it, so that columns cannot be free. Each is compiled for vectors of
128, 256 and 512 bits in both dtypes, by columns wherever that is legal, and compared with
`Value.backward`; the program by columns is interpreted, too.
"""

from __future__ import annotations

import sys
from itertools import count
from random import Random
from unittest import mock

import numpy as np

from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule import columns

from .by_values import BITS, arguments, campaign, compared, interpreted, same

SIZES = (18, 24, 25, 33)


def source(seed: int) -> str:
    """The function of a seed."""
    r = Random(seed)
    n = r.choice(SIZES)
    term = r.choice(
        ["l[i][k] * l[j][k]"] * 3
        + ["l[j][k] * y[k]", "l[i][k] * l[j][k] * d[k]", "tanh(l[i][k]) * y[i]", "l[j][k] * x[i]"]
    )
    made = r.choice(["t / d[j]", "tanh(t * d[j])", "0.5 * t", "t * d[j] * y[j]", "t / d[j] + b[i]"])
    if r.random() < 0.1:
        above = r.choice(["l[i - 1][j] if j < i - 1", "l[i - 1][j - 1] if j > 0"])
        made += f" + 0.1 * ({above} else 0.0)"
    diagonal = r.choice(
        [
            ["t = 2.0 + a(i, i)", "for k in range(i):", "    t = t + 0.1 * l[i][k] * l[i][k]"],
            ["t = 1.5 + y[i]"],
            ["t = 2.0", "for k in range(i):", "    t = t + 0.1 * l[i][k] * y[k]"],
        ]
    )
    last = r.choice(["d[i] = sqrt(t)", "d[i] = 1.0 + t * t", "d[i] = exp(0.1 * t)"])
    out = r.choice(
        [
            "sum(log(v) for v in d) + sum(l[n - 1][:-1])",
            "sum(l[i][j] * x[j] for i in range(n) for j in range(i))",
            "sum(d) + l[n - 1][0] + l[n - 1][n - 2]",
        ]
    )
    return "\n".join(
        [
            "def f(x, y):",
            f"    n = {n}",
            "    l = [[None] * n for _ in range(n)]",
            "    d, b = [None] * n, [0.0] * n",
            "    def a(i, j):",
            f"        return {r.choice(['x[(7 * i + j) % 120]', 'x[i] * y[j]', '0.1 * x[i + j]'])}",
            "    for i in range(n):",
            *(["        b[i] = 0.1 * x[i] * y[i]"] if r.random() < 0.5 else []),
            "        for j in range(i):",
            "            t = a(i, j)",
            "            for k in range(j):",
            f"                t = t {r.choice('+-')} 0.1 * {term}",
            f"            l[i][j] = {made}",
            *[f"        {line}" for line in [*diagonal, last]],
            f"    return {out}",
        ]
    )


def check(seed: int, bits: tuple[int, ...] = BITS) -> list[bool]:
    """Whether a program runs by columns, for each width and dtype.

    Raises AssertionError if a number is not what it should be.
    """
    text, (x, y) = source(seed), map(np.nan_to_num, arguments(seed))
    found = []
    with mock.patch.object(columns, "_cost", side_effect=count()):
        # float32 rounds to 6e-8, some hundred times
        for k in compared(text, seed, bits, (x, y), narrow=1e-3):
            program, target = k._shown.transformed, k._options.target
            after = columns.by_columns(program, target)
            found.append(after is not program)
    if found[-1]:
        verify(after, "columns", stage="schedulable")
        same(interpreted(after, x, y), interpreted(program, x, y), f"interpreted\n{text}")
    return found


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    campaign(check, "by columns", float(sys.argv[1]), first)
