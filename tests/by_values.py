"""Functions given as Python source, compiled for vectors of several widths, against `backward`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

import micrograd
from micrograd import Value, jit
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.program import Program, Role

from .targets import assumed

LENGTH = 120
"""Of the lists `x` and `y` that functions take."""
BITS = (128, 256, 512)
NAMES = ("exp", "log", "sin", "sqrt", "tanh", "maximum", "minimum", "where")


def function(text: str) -> Callable[..., Any]:
    """The function `f` of a text."""
    scope: dict[str, Any] = {n: getattr(micrograd, n) for n in NAMES}
    exec(text, scope)
    return scope["f"]  # type: ignore[no-any-return]


def arguments(seed: int) -> tuple[Any, Any]:
    """The numbers of a seed; in one of ten is a nan."""
    x, y = np.random.default_rng(seed).uniform(-1, 1, (2, LENGTH))
    if seed % 10 == 0:
        x[seed % LENGTH] = np.nan
    return x, y


def compared(
    text: str,
    seed: int,
    bits: tuple[int, ...] = BITS,
    given: tuple[Any, Any] | None = None,
    narrow: float = 0.0,
) -> list[Any]:
    """The kernels of value and gradient for each width; `given` numbers, if not those of the seed.

    narrow   how much float32 may be off, in parts of the largest number, if there shall be a kernel
             of it, too: for the last width

    Raises AssertionError if a number is not what it should be.
    """
    f, (x, y) = function(text), given or arguments(seed)
    expected = by_backward(f, x, y)
    kernels = []
    for dtype, width in of_widths(bits)[: None if narrow else -1]:
        with assumed(vector_bits=width):
            kernels.append(jit(f, dtype=dtype).value_and_grad)
            value, (dx, dy) = kernels[-1](x.tolist(), y.tolist())
        found = np.array([value, *dx, *dy])
        if dtype == "f32":
            scale = narrow * np.abs(expected).max()
            found = np.where(abs(found - expected) < scale, expected, found)
        same(found, expected, f"seed {seed}, {dtype}, {width} bits\n{text}")
    return kernels


def exactly(text: str, seed: int, bits: tuple[int, ...]) -> list[Any]:
    """The strict kernels of value and gradient for each width.

    Raises AssertionError if a number is another one.
    """
    f, (x, y) = function(text), arguments(seed)
    expected = by_backward(f, x, y)
    kernels = []
    for width in bits:
        with assumed(vector_bits=width):
            kernels.append(jit(f, strict=True).value_and_grad)
            value, (dx, dy) = kernels[-1](x.tolist(), y.tolist())
        found = np.array([value, *dx, *dy])
        alike = (found == expected) | (np.isnan(found) & np.isnan(expected))
        assert alike.all(), f"seed {seed}, strict, {width} bits\n{text}\n{found}\n{expected}"
    return kernels


def by_backward(f: Callable[..., Any], x: Any, y: Any) -> Any:
    """The value and the gradient, in a row, that `backward` has."""
    u, v = [Value(float(k)) for k in x], [Value(float(k)) for k in y]
    out = f(u, v)
    out.backward()
    return np.array([out.data, *(k.grad for k in u + v)])


def of_widths(bits: tuple[int, ...]) -> list[tuple[str, int]]:
    """float64 in vectors of each width, and float32 in those of the last."""
    return [*(("f64", width) for width in bits), ("f32", bits[-1])]


def interpreted(program: Program, x: Any, y: Any) -> Any:
    """What the interpreter says of it for these two lists, all outputs in a row."""
    given = [a.name for a in program.arrays.values() if a.role is Role.INPUT]
    results = interpret(program, dict(zip(given, (x, y), strict=False)))
    return np.concatenate([np.ravel(r) for r in results.values()])


def same(found: Any, expected: Any, what: str) -> None:
    """Raises AssertionError if numbers differ by more than sums in another order do."""
    scale = max(1.0, float(np.nanmax(np.abs(expected), initial=0.0)))
    with np.errstate(invalid="ignore"):
        close = (np.abs(found - expected) <= 1e-11 * scale) | (found == expected)
    close |= np.isnan(found) & np.isnan(expected)
    assert close.all(), f"{what}\n{found}\n{expected}"


def campaign(check: Callable[[int], list[bool]], what: str, seconds: float, seed: int) -> None:
    """As many seeds as fit; says how many, and of how many `check` said yes."""
    until, tally = time.time() + seconds, Counter[str]()
    while time.time() < until:
        tally.update({"programs": 1, what: int(any(check(seed)))})
        seed += 1
    print(f"{dict(tally)}, before seed {seed}")
