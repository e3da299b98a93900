"""Random totals over rows with more sums than there are registers, whose passes have few each.

    python -m tests.summed SECONDS [FIRST_SEED]

Each is compiled for vectors of 128, 256 and 512 bits, for float32 and strict, and compared with
`Value.backward`; the rows lie in a row or apart, and are about as many as passes begin with.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from unittest import mock

import numpy as np

import micrograd
from micrograd import Value, jit, total
from micrograd.jit.schedule import lanes, summed
from micrograd.jit.schedule.lanes import VectorLoop

from .by_values import BITS, campaign, of_widths, same
from .targets import assumed

NAMES = ("exp", "log", "sin", "tanh", "maximum", "minimum", "where")
TERMS = [
    "({p} - {c}) ** 2",
    "{p} * {c}",
    "({p} + {c}) * {p}",
    "tanh({p} * {c})",
    "where({p} < {c}, {p}, {c} * {c})",
]
JOINED = [
    "minimum({a}, {b})",
    "maximum({a}, {b})",
    "{a} + {b} * 0.5",
    "where({a} < {b}, {a}, 0.5 * {b})",
    "{a} * 0.25 + exp(-{b} * {b})",
]


def source(r: Random) -> tuple[str, int, int]:
    """A function of parameters and a row, and how many numbers each has."""
    groups, width, spare = r.randrange(3, 10), r.randrange(3, 10), r.randrange(4)
    begin, turned = r.randrange(spare + 1), r.random() < 0.2
    term, joined = r.choice(TERMS), r.choice(JOINED)
    p = f"p[{begin} + {f'{width} - 1 - j' if turned else 'j'}]"
    lines = [
        "def f(c, p):",
        "    found = None",
        f"    for k in range({groups}):",
        f"        far = sum({term.format(p=p, c=f'c[{width} * k + j]')} for j in range({width}))",
        f"        found = far if found is None else {joined.format(a='found', b='far')}",
    ]
    end = r.choice(["found", "found * p[0]", "tanh(found)", "found + c[0] * p[-1]"])
    return "\n".join([*lines, f"    return {end}"]), groups * width, width + spare


@contextmanager
def at_random(r: Random) -> Iterator[None]:
    """Inside, few sums and few rows are enough for passes, and blocks of rows are short."""
    with (
        mock.patch.object(summed, "LEAST_VECTORS", 2),
        mock.patch.object(summed, "FREE_REGISTERS", r.choice([4, 8, 14])),
        mock.patch.object(summed, "HANDED", r.choice([0.5, 4.0])),
        mock.patch.object(lanes, "STRIP_NUMBERS", r.choice([100, 400, 6000])),
    ):
        yield


def rows(r: Random, count: int, width: int) -> Any:
    """So many rows of numbers: in a row, or apart; in one of ten is one that is none."""
    more = r.choice([0, 0, 3])
    whole = np.random.default_rng(r.randrange(1 << 30)).uniform(-1, 1, (count + 1, width + more))
    if r.random() < 0.1:
        whole[r.randrange(count), r.randrange(width)] = r.choice([np.nan, np.inf])
    return whole[r.randrange(2) :][:count, more:]


def check(seed: int, bits: tuple[int, ...] = BITS) -> list[bool]:
    """Whether a loop has passes, at each width.

    Raises AssertionError if a number is not what it should be.
    """
    r = Random(seed)
    text, parameters, length = source(r)
    scope: dict[str, Any] = {n: getattr(micrograd, n) for n in NAMES}
    exec(text, scope)
    f = scope["f"]

    def whole(c: np.ndarray, p: np.ndarray) -> Any:
        return total(f, p)(c)

    c, count = [r.uniform(-1, 1) for _ in range(parameters)], r.choice([31, 32, 33, 48, 63, 64, 70])
    data = rows(r, count, length)
    expected, found = by_backward(f, c, data), []
    with at_random(r):
        for dtype, width in of_widths(bits):
            numbers, has = compiled(whole, width, c, data, dtype=dtype)
            if dtype == "f32":
                scale = 1e-4 * max(1.0, float(np.nanmax(np.abs(expected), initial=0.0)))
                with np.errstate(invalid="ignore"):
                    close = abs(numbers - expected) < scale
                numbers = np.where(close, expected, numbers)
            same(numbers, expected, f"seed {seed}, {dtype}, {width} bits\n{text}")
            found.append(has)
    exact, _ = compiled(whole, 64, c, data, strict=True)
    numbers, _ = compiled(whole, bits[-1], c, data, strict=True)
    alike = (numbers == exact) | (np.isnan(numbers) & np.isnan(exact))
    assert alike.all(), f"seed {seed}, strict, {bits[-1]} bits\n{text}\n{numbers}\n{exact}"
    return found


def compiled(
    f: Callable[..., Any], bits: int, c: list[float], data: Any, **options: Any
) -> tuple[Any, bool]:
    """The value and the gradient, in a row, in vectors so wide; and whether a loop has passes."""
    with assumed(vector_bits=bits):
        kernel = jit(f, wrt="c", **options).value_and_grad
        value, gradient = kernel(np.array(c), data)
    return np.array([value, *gradient]), any(map(has_passes, kernel._shown.code.schedule.steps))


def has_passes(step: Any) -> bool:
    """Whether it is a loop some of whose sums have a pass of their own."""
    return isinstance(step, VectorLoop) and step.across and len(step.passes) > 1


def by_backward(f: Callable[..., Any], c: list[float], data: Any) -> Any:
    """The value and the gradient of the total, as `backward` has them."""
    leaves = [Value(x) for x in c]
    out: Any = None
    for row in data.tolist():
        each = f(leaves, row)
        out = each if out is None else out + each
    out.backward()
    return np.array([out.data, *(x.grad for x in leaves)])


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    campaign(check, "in passes", float(sys.argv[1]), first)
