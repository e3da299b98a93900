"""Random functions of many things that have little to do with each other, as Python source.

    python -m tests.many_things SECONDS [FIRST_SEED]

Each thing has numbers of its own, and reads others that several share, of its neighbours, or by a
table; it gives one to three results. Some functions are sums of these, for Hessians. The Jacobian,
or the Hessian, is compiled for vectors of 128, 256 and 512 bits and in both dtypes, interpreted
with and without diagonals, and compared with rows by `Value.backward`.
"""

from __future__ import annotations

import sys
from random import Random
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt

from micrograd import Value, jit
from micrograd.jit.ir.program import Program
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes import diagonal, forward

from .by_values import (
    BITS,
    arguments,
    campaign,
    function,
    interpreted,
    of_widths,
    same,
)
from .targets import assumed

SIZES = (20, 24, 27, 30)


def source(seed: int) -> str:
    """The function of a seed."""
    r = Random(seed)
    n, results = r.choice(SIZES), r.choice([1, 1, 2, 3])
    table = [r.randrange(n) for _ in range(n)]
    terms = ["x[k]"] * 2 + r.sample(["y[k]", "y[t[k]]", "y[0]", "x[k - 1]", "y[k % 2]"], 2)
    r.shuffle(terms)
    made = [_made(r, terms) for _ in range(results)]
    lines = [
        "def f(x, y):",
        f"    t, out = {table}, []",
        f"    for k in range({r.choice([0, 0, 0, 1])}, {n}):",
        f"        a = {_made(r, terms)}",
        *[f"        out.append({m} * a + 0.1 * {r.choice(terms)})" for m in made],
    ]
    if r.random() < 0.2:
        lines.append("    out.append(x[0] * out[-1])")
    if r.random() < 0.3:
        lines.append("    return [sum(o * o for o in out)]")
        return "\n".join(lines)
    return "\n".join([*lines, "    return out"])


def _made(r: Random, terms: list[str]) -> str:
    """What is made of some numbers."""
    a, b = r.choice(terms), r.choice(terms)
    return r.choice(
        [
            f"sin({a} - {b})",
            f"({a} * {b})",
            f"tanh({a})",
            f"({a} / (2.0 + {b} * {b}))",
            f"sum({a} * y[j] for j in range(3))",
            f"where({a} < {b}, {a}, 0.5 * {b})",
        ]
    )


def rows(f: Any, x: Any, y: Any) -> npt.NDArray[np.float64]:
    """The Jacobian as `backward` has it, a row for each result."""
    leaves = [[Value(float(v)) for v in vs] for vs in (x, y)]
    found = []
    for row in f(*leaves):
        for v in (flat := [*leaves[0], *leaves[1]]):
            v.grad = 0.0
        row.backward()
        found.append([v.grad for v in flat])
    return np.array(found)


def check(seed: int, bits: tuple[int, ...] = BITS) -> list[bool]:
    """Whether statements run along diagonals.

    Raises AssertionError if a number is not what it should be.
    """
    text = source(seed)
    f, (x, y) = function(text), (np.nan_to_num(v[:30]) for v in arguments(seed))
    expected = rows(f, x, y)
    found: list[bool] = []

    def both(program: Program, names: Any, count: int) -> Program:
        after = along_diagonals(program, names, count)
        found.append(_domains(after) != _domains(program))
        plain, less = (interpreted(p, x, y) for p in (program, verify(after, "diagonal")))
        assert ((plain == less) | np.isnan(plain)).all(), text
        return after

    along_diagonals = diagonal.along_diagonals
    with (
        mock.patch.object(forward, "along_diagonals", both),
        mock.patch.object(forward, "UNROLLED", -1),
    ):
        for dtype, width in of_widths(bits):
            with assumed(vector_bits=width):
                kernel = jit(f, dtype=dtype).jacobian
                got = np.concatenate(_matrices(kernel(x.tolist(), y.tolist())), axis=1)
            if dtype == "f32":  # which rounds to 2e-7
                got = np.where(abs(got - expected) < 2e-5, expected, got)
            same(got, expected, f"seed {seed}, {dtype}, {width} bits\n{text}")
    return found


def _domains(program: Program) -> list[Any]:
    return [s.domain for s in program.statements]


def _matrices(results: Any) -> list[npt.NDArray[np.float64]]:
    """The blocks of a Jacobian, by x and by y."""
    if isinstance(results, tuple):
        return [np.atleast_2d(block) for block in results]
    return [np.array([row[k] for row in results]) for k in range(2)]


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    campaign(check, "diagonals", float(sys.argv[1]), first)
