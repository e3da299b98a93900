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
from typing import Any
from unittest import mock

import numpy as np

from micrograd import Value, jit
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.program import Program
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule import columns

from .by_values import BITS, arguments, campaign, function, same
from .targets import assumed

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
    text = source(seed)
    f, (x, y) = function(text), map(np.nan_to_num, arguments(seed))
    u, v = [Value(float(k)) for k in x], [Value(float(k)) for k in y]
    out = f(u, v)
    out.backward()
    expected = np.array([out.data, *(k.grad for k in u + v)])
    found = []
    with mock.patch.object(columns, "_cost", side_effect=count()):
        for dtype, width in [("f64", b) for b in bits] + [("f32", bits[-1])]:
            with assumed(vector_bits=width):
                kernel = jit(f, dtype=dtype).value_and_grad
                value, (dx, dy) = kernel(x.tolist(), y.tolist())
            program, target = kernel._shown.transformed, kernel._options.target
            after = columns.by_columns(program, target)
            found.append(after is not program)
            got = np.array([value, *dx, *dy])
            if dtype == "f32":  # which rounds to 6e-8, some hundred times
                got = np.where(abs(got - expected) < 1e-3 * np.abs(expected).max(), expected, got)
            same(got, expected, f"seed {seed}, {dtype}, {width} bits\n{text}")
    if found[-1]:
        verify(after, "columns", stage="schedulable")
        same(_run(after, x, y), _run(program, x, y), f"interpreted\n{text}")
    return found


def _run(program: Program, x: Any, y: Any) -> Any:
    """What the interpreter says, all outputs in a row."""
    given = [a.name for a in program.arrays.values() if a.role.value == "input"]
    results = interpret(program, dict(zip(given, (x, y), strict=False)))
    return np.concatenate([np.ravel(r) for r in results.values()])


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    campaign(check, "by columns", float(sys.argv[1]), first)
