"""Random chains of lists whose temporaries may lie in a result, as Python source: `def f(x)`.

    python -m tests.in_results SECONDS [FIRST_SEED]

Each makes lists of lists, element by element, shifted or turned around, with sums and maxima
between them, and gives a number, whose gradient is a result, or a list. It is compiled as if every
array were large, for vectors of 128, 256 and 512 bits, for float32 and strictly, and compared with
what Values have; strict numbers are the same, bit for bit.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from unittest import mock

import numpy as np

from micrograd import Value, jit
from micrograd.jit.schedule import layout, workspace

from .by_values import BITS, campaign, function, of_widths, same
from .targets import assumed

SIZES = (2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 120)
UNARY = ["exp(0.5 * {})", "tanh({})", "sin({})", "log({} * {} + 1.5)", "{} * {}", "-{}"]
BINARY = ["{} * {}", "{} + {}", "{} - {}", "{} / ({} * {} + 3.0)", "maximum({}, {})"]


def source(seed: int) -> tuple[str, int]:
    """The function of a seed, and how many numbers it takes."""
    r = Random(seed)
    n = r.choice(SIZES)
    lines, lists, numbers = ["def f(x):"], ["x"], ["x[0]"]
    for k in range(r.randrange(2, 8)):
        recent = lists[-2:] if r.random() < 0.7 else lists
        if r.random() < 0.65:
            lines.append(f"    v{k} = [{_element(r, recent, numbers, n)} for i in range({n})]")
            lists.append(f"v{k}")
        elif r.random() < 0.6:
            lines.append(f"    s{k} = sum({r.choice(recent)}) / {n}.0")
            numbers.append(f"s{k}")
        else:
            lines += [f"    s{k} = {r.choice(recent)}[0]", f"    for a in {r.choice(recent)}[1:]:"]
            lines.append(f"        s{k} = maximum(s{k}, a)")
            numbers.append(f"s{k}")
    last = _element(r, lists[-2:], numbers, n)
    if r.random() < 0.5:
        return "\n".join([*lines, f"    return [{last} for i in range({n})]"]), n
    return "\n".join([*lines, f"    return sum([{last} for i in range({n})])"]), n


def _element(r: Random, lists: list[str], numbers: list[str], n: int) -> str:
    """What one element of a list is, of others at the same place, mostly."""

    def operand() -> str:
        kind, name = r.random(), r.choice(lists)
        if kind < 0.5:
            return f"{name}[i]"
        if kind < 0.6:
            return f"{name}[(i + {r.randrange(1, 4)}) % {n}]"
        return r.choice([f"{name}[{n} - 1 - i]", *numbers])

    op = r.choice(UNARY + BINARY)
    a, b = operand(), operand()
    if op in UNARY:
        return op.format(*[a] * op.count("{}"))
    return op.format(a, *[b] * (op.count("{}") - 1))


@contextmanager
def all_large() -> Iterator[None]:
    """Inside, no array is too small to lie in a result, or where another has been."""
    with mock.patch.object(layout, "LARGE", 0), mock.patch.object(workspace, "REUSED", 0):
        yield


def by_values(f: Any, numbers: Any) -> Any:
    """What Values have: the results, or the one and its gradient."""
    leaves = [Value(float(k)) for k in numbers]
    out = f(leaves)
    if isinstance(out, list):
        return np.array([k.data for k in out])
    out.backward()
    return np.array([out.data, *(k.grad for k in leaves)])


def check(seed: int, bits: tuple[int, ...] = BITS) -> list[bool]:
    """Whether an array lies in a result, of each kernel.

    Raises AssertionError if a number is not what it should be.
    """
    (text, n), found = source(seed), []
    f, numbers = function(text), np.random.default_rng(seed).uniform(-1, 1, n)
    if seed % 10 == 0:
        numbers[seed % n] = np.nan
    expected = by_values(f, numbers)
    kinds = [(d, w, False) for d, w in of_widths(bits)] + [("f64", w, True) for w in bits]
    for dtype, width, strict in kinds:
        with assumed(vector_bits=width), all_large():
            kernel: Any = jit(f, dtype=dtype, strict=strict)
            kernel = kernel if "return [" in text else kernel.value_and_grad
            result = np.hstack([np.ravel(x) for x in _parts(kernel(numbers.tolist()))])
            found.append(bool(kernel._shown.code.schedule.within))
        what = f"seed {seed}, {dtype}, {width} bits, strict: {strict}\n{text}"
        if dtype == "f32":
            near = abs(result - expected) < 1e-4 * max(1.0, np.nanmax(abs(expected), initial=0.0))
            result = np.where(near, expected, result)
        if strict:
            alike = (result == expected) | (np.isnan(result) & np.isnan(expected))
            assert alike.all(), f"{what}\n{result}\n{expected}"
        same(result, expected, what)
    return found


def _parts(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    campaign(check, "in a result", float(sys.argv[1]), first)
