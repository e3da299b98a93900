"""What the tests compare with: equality of floats, derivatives by differences, special numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import numpy as np

from micrograd.ops import Op

SPECIAL = [
    0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, -5e-324, 1e-310, 2.2250738585072014e-308,
    -1e-300, 1.7976931348623157e308, -1.7976931348623157e308, 1e154, 1.0, -1.0, 0.5, -0.5, 2.0,
    -2.0, 3.0, -3.0, 0.1, 1000.0, -1000.0, 709.9, 1e22, math.pi,
]  # fmt: skip
"""Zeros, infinities, nan, denormals, the ends of the range, and ordinary numbers of both signs."""

FEW = [0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, 1.5, -2.0, 1e308]
"""A selection, for ops of three operands."""


def same(x: float, y: float) -> bool:
    """Whether two floats are the same number: nan is nan, and 0.0 is not -0.0."""
    if math.isnan(x) or math.isnan(y):
        return math.isnan(x) and math.isnan(y)
    return x == y and math.copysign(1.0, x) == math.copysign(1.0, y)


def all_same(xs: Sequence[float], ys: Sequence[float]) -> bool:
    """Whether two sequences hold the same numbers."""
    return len(xs) == len(ys) and all(map(same, xs, ys))


def ulps(x: float, y: float, dtype: Any = np.float64) -> float:
    """How many representable numbers x and y are apart; 0 for two nans, inf for one."""
    with np.errstate(over="ignore"):
        a, b = dtype(x), dtype(y)
    if np.isnan(a) or np.isnan(b):
        return 0.0 if np.isnan(a) and np.isnan(b) else math.inf
    integer = np.int64 if dtype is np.float64 else np.int32
    low = int(np.iinfo(integer).min)
    i, j = (int(v.view(integer)) for v in (a, b))
    # negative floats count downwards from -0.0, whose pattern is the least integer
    i, j = (k if k >= 0 else low - k for k in (i, j))
    return float(abs(i - j))


def operand_tuples(op: Op) -> list[tuple[float, ...]]:
    """Every combination of special operands."""
    numbers = FEW if op.arity > 2 else SPECIAL
    grids = np.meshgrid(*[np.array(numbers)] * op.arity, indexing="ij")
    return [tuple(map(float, row)) for row in np.stack([g.reshape(-1) for g in grids], axis=1)]


def central_difference(f: Callable[[float], float], x: float, h: float = 1e-3) -> float | None:
    """df/dx by the five-point rule; None near a kink, a pole or the end of f's domain.

    Two widths must agree to 1e-7: where they do, f is smooth here, and the error of the rule,
    h**4 times the fifth derivative, is below that; rounding adds about 1e-16 / h.
    """

    def rule(h: float) -> float:
        return (8.0 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12.0 * h)

    wide, narrow = rule(h), rule(h / 2)
    bend = abs(f(x + 2 * h) - 2.0 * f(x) + f(x - 2 * h)) / h
    scale = max(1.0, abs(narrow))
    smooth = abs(wide - narrow) <= 1e-7 * scale and bend <= 0.1 * scale
    return narrow if smooth and math.isfinite(wide) else None


def points(op: Op, n: int, seed: int = 0) -> Iterator[tuple[float, ...]]:
    """Random operands: half in (-1, 1), where inverse functions live, half in (-3, 3)."""
    random = Random(f"{op.name} {seed}")
    for k in range(n):
        bound = 1.0 if k % 2 else 3.0
        yield tuple(random.uniform(-bound, bound) for _ in range(op.arity))


def check_derivative(op: Op, n: int = 60) -> None:
    """Assert that the derivative rules of an op are what differences say, at smooth points."""
    accepted = [0] * op.arity
    for operands in points(op, n):
        out = op.eval(*operands)
        for i, rule in enumerate(op.vjp):

            def partial(x: float, i: int = i, operands: tuple[float, ...] = operands) -> float:
                return op.eval(*operands[:i], x, *operands[i + 1 :])

            # detach is there to hide the derivative of its number
            expected = 0.0 if op.name == "detach" else central_difference(partial, operands[i])
            if expected is None:
                continue
            accepted[i] += 1
            found = 0.0 if rule is None else rule(1.7, out, *operands) / 1.7
            # 1e-6: ten times what the differences may be off by
            assert abs(found - expected) <= 1e-6 * max(1.0, abs(expected)), (
                f"{op.name}, operand {i} at {operands}: rule {found}, differences {expected}"
            )
    assert min(accepted) >= n // 5, f"{op.name}: only {accepted} of {n} points were smooth"
