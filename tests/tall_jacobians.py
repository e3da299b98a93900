"""Random functions of few numbers with many results, and their Jacobians and Hessians.

Run `python -m tests.tall_jacobians SECONDS SEED` for more of them than the tests draw.
"""

from __future__ import annotations

import random
import sys
from typing import Any
from unittest.mock import patch

import numpy as np

from micrograd import Value, exp, jit, sin, where
from micrograd.jit.passes import forward

from .by_values import campaign

COUNTS = [1, 2, 15, 16, 17, 18, 33, 50, 120]
"""Rows, around the number from which entries are copied by loops."""


def function(seed: int) -> Any:
    """A function of a list, and how many numbers it takes."""
    rng, source = random.Random(seed), np.random.default_rng(seed)
    n, rows = rng.choice([(rng.randint(1, 5), rng.choice(COUNTS)), (rng.randint(16, 20), 3)])
    a, b = source.normal(size=(2, rows)).round(2)
    kinds: list[Any] = [
        lambda p, i: p[0] * exp(a[i] * p[-1]),
        lambda p, i: sin(p[i % n]) * b[i],
        lambda p, i: where(p[0] < a[i], p[-1] * a[i], b[i]),
        lambda p, i: a[i],  # nothing flows
        lambda p, i: p[i % n],
        lambda p, i: sum(x * x * a[i] for x in p[1:]) + p[0],
        lambda p, i: p[0] * p[-1] * b[i] if i % 3 else b[i] * p[-1],
    ]
    chosen = [rng.choice(kinds) for _ in range(rng.randint(1, 3))]
    order = rng.choice(["blocks", "turns", "backwards"])
    structure = rng.choice([list, tuple, np.array, lambda x: {"first": x[:1], "rest": x[1:]}])

    def f(p: Any) -> Any:
        found = [[kind(p, i) for i in range(rows)] for kind in chosen]
        if order == "turns":
            found = [list(row) for row in zip(*found, strict=True)]
        flat = [x for row in found for x in row]
        return structure(flat[::-1] if order == "backwards" else flat)

    return f, n


def flattened(x: Any) -> list[Any]:
    """The numbers or Values of a structure, in order."""
    if isinstance(x, dict):
        x = list(x.values())
    if isinstance(x, np.ndarray):
        x = x.reshape(-1).tolist()
    return [v for item in x for v in flattened(item)] if isinstance(x, (list, tuple)) else [x]


def rows_of(f: Any, p: list[float]) -> np.ndarray[Any, Any]:
    """The Jacobian as `backward()` has it, a row for each result."""
    count = len(flattened(f([Value(x) for x in p])))
    found = np.zeros((count, len(p)))
    for k in range(count):
        leaves = [Value(x) for x in p]
        result = flattened(f(leaves))[k]
        if isinstance(result, Value):
            result.backward()
            found[k] = [v.grad for v in leaves]
    return found


def check(seed: int) -> list[bool]:
    """Compare the derivatives of a random function; whether it has rows enough for loops.

    Raises AssertionError if a number is not what it should be.
    """
    f, n = function(seed)
    rng = random.Random(seed)
    p = [rng.uniform(-1.0, 1.0) for _ in range(n)]
    strict = rng.random() < 0.3
    expected = rows_of(f, p)
    found = np.array(flattened(jit(f, strict=strict).jacobian(p))).reshape(expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)

    def whole(p: Any) -> Any:
        return sum(x * x for x in flattened(f(p)))

    kernel, step = jit(whole), 1e-5
    hessian = np.array(kernel.hessian(p))
    np.testing.assert_array_equal(hessian, hessian.T)
    with patch.object(forward, "FEW", 10**9):  # entry by entry
        np.testing.assert_array_equal(hessian, np.array(jit(whole).hessian(p)))
    for k in range(n):
        ahead, behind = ([x + s * (j == k) for j, x in enumerate(p)] for s in (step, -step))
        slope = (np.array(kernel.grad(ahead)) - np.array(kernel.grad(behind))) / (2 * step)
        np.testing.assert_allclose(hessian[k], slope, rtol=2e-4, atol=2e-4 * len(expected))
    return [max(expected.shape) > forward.FEW]


if __name__ == "__main__":
    campaign(check, "with loops", float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
