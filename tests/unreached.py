"""Random Jacobians and Hessians with nan or inf in something that most entries have no path from.

Run by itself, for so many seconds: python -m tests.unreached SECONDS [SEED]
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt

from micrograd import Value, jit
from tests.by_values import campaign, same

SIZES = (2, 4, 8, 9, 15, 16, 17, 33, 64)
"""How many results there are: on both sides of where directions become a loop, and of vectors."""
TERMS = ("x", "x * x", "y", "x * y", "p[0]", "p[1] * x", "p[0] * p[1]", "c[i]", "c[i] * x")
UNARY = ("({})", "sin({})", "exp(-({}))", "tanh({})", "({}) ** 2", "-({})")
HOMES = ("shared", "own", "constant", "nothing")

Floats = list[float]


def source(seed: int) -> str:
    """A function that does the same for every `x` of a row, each with its neighbour at most."""
    r = Random(seed)
    terms = [r.choice(UNARY).format(r.choice(TERMS)) for _ in range(r.randint(2, 4))]
    text = terms[0]
    for term in terms[1:]:
        text = f"({text} {r.choice('+-*')} {term})"
    last = f"where(x > p[0], {text}, p[1])" if r.random() < 0.2 else text
    return f"def f(p, q):\n    return [{last} for i, (x, y) in enumerate(zip(q, q[1:] + q[:1]))]\n"


def function(seed: int, c: Floats) -> Callable[..., Any]:
    """The function, with these constants."""
    names: dict[str, Any] = {"c": c}
    exec("from micrograd import exp, sin, tanh, where", names)
    exec(source(seed), names)
    made: Callable[..., Any] = names["f"]
    return made


def numbers(seed: int, n: int) -> tuple[Floats, Floats, Floats]:
    """Shared parameters, the row, and constants, with nan or inf at one place of one of them."""
    r = Random(seed + 1000 * n)
    p, q, c = ([r.uniform(0.5, 1.5) for _ in range(k)] for k in (2, n, n))
    home = {"shared": p, "own": q, "constant": c, "nothing": [0.0]}[HOMES[r.randrange(4)]]
    home[r.randrange(len(home))] = r.choice((math.nan, math.nan, math.inf, -math.inf))
    return p, q, c


def by_values(f: Callable[..., Any], p: Floats, q: Floats) -> npt.NDArray[np.float64]:
    """The Jacobian by `backward()`, a row after the other."""
    shared, own = ([Value(x) for x in xs] for xs in (p, q))
    rows = []
    for result in f(shared, own):
        for v in (*shared, *own):
            v.grad = 0.0
        if isinstance(result, Value):
            result.backward()
        rows.append([v.grad for v in (*shared, *own)])
    return np.array(rows)


def check(seed: int, sizes: Sequence[int] = SIZES) -> list[bool]:
    """Whether there are many directions.

    Raises AssertionError if a number is not what it should be.
    """
    n = sizes[seed % len(sizes)]
    p, q, c = numbers(seed, n)
    f = function(seed, c)
    expected = by_values(f, p, q)
    for strict in (True, False):
        for dtype in ("f64", "f32"):
            what = f"seed {seed}, n = {n}, {dtype}, strict={strict}\n{source(seed)}{p} {q} {c}"
            kernel = jit(lambda p, q: f(p, q), dtype=dtype, strict=strict)
            got = np.concatenate([np.reshape(b, (n, -1)) for b in kernel.jacobian(p, q)], axis=1)
            if dtype == "f32":
                got = np.where(np.isclose(got, expected, 1e-3, 1e-3), expected, got)
            same(got, expected, what)
            if n <= 33:
                total = jit(lambda p, q: sum(f(p, q)), dtype=dtype, strict=strict)
                _has_no_more(np.array(total.hessian(p, q)[1][1], dtype=float), what)
    return [n > 9]


def _has_no_more(hessian: npt.NDArray[np.float64], what: str) -> None:
    """Raises AssertionError if second derivatives are not zero where none are neighbours."""
    n = len(hessian)
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    far = (apart > 1) & (apart < n - 1)
    assert (hessian[far] == 0.0).all(), f"{what}\n{hessian}"


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    campaign(check, "with many directions", float(sys.argv[1]), first)
