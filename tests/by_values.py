"""Functions given as Python source, compiled for vectors of several widths, against `backward`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

import micrograd
from micrograd import Value, jit

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
    text: str, seed: int, bits: tuple[int, ...] = BITS, given: tuple[Any, Any] | None = None
) -> list[Any]:
    """The kernels of value and gradient for each width; `given` numbers, if not those of the seed.

    Raises AssertionError if a number is not what it should be.
    """
    f, (x, y) = function(text), given or arguments(seed)
    u, v = [Value(float(k)) for k in x], [Value(float(k)) for k in y]
    out = f(u, v)
    out.backward()
    expected = np.array([out.data, *(k.grad for k in u + v)])
    kernels = []
    for width in bits:
        with assumed(vector_bits=width):
            kernels.append(jit(f).value_and_grad)
            value, (dx, dy) = kernels[-1](x.tolist(), y.tolist())
        same(np.array([value, *dx, *dy]), expected, f"seed {seed}, {width} bits\n{text}")
    return kernels


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
