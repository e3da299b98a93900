"""Loops over vectors of iterations, divided into passes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from micrograd import exp, jit, log, maximum
from micrograd.jit.emit.loop import LoopEmitter
from micrograd.jit.schedule.lanes import VectorLoop
from tests.by_values import BITS
from tests.divided import check
from tests.targets import assumed

POINTS = [0.013 * k * (-1) ** k for k in range(150)]


def mixture(x: Any, y: Any) -> Any:
    """The likelihood of points, of which each has a chain of functions."""
    total = 0.0
    for p in POINTS:
        terms = [a - b * (p - a) * (p - a) for a, b in zip(x, y, strict=True)]
        top = maximum(*terms)
        total = total + top + log(sum(exp(t - top) for t in terms))
    return total


def short(x: Any, y: Any) -> Any:
    return sum(exp(x[0] * p) * y[0] for p in POINTS)


def loops(f: Any, **options: Any) -> list[VectorLoop]:
    kernel = jit(f, **options).value_and_grad
    kernel(*NUMBERS)
    steps = kernel._shown.code.schedule.steps
    return [x for x in steps if isinstance(x, VectorLoop) and int(x.group.count) == len(POINTS)]


NUMBERS = [0.5, -1.25, 2.0, 1.75, 0.0], [0.5, 1.0, 0.25, 0.75, 2.0]


@pytest.mark.parametrize("bits", [128, 256, 512])
def test_a_long_chain_of_functions_is_divided(bits: int) -> None:
    with assumed(vector_bits=bits):
        (loop,) = loops(mixture)
    assert loop.across
    assert len(loop.passes) > 2
    together = [k for each in loop.passes for k in each.statements]
    assert together == list(range(len(loop.statements)))


def test_what_is_short_or_strict_is_one_pass() -> None:
    for found in (loops(short), loops(mixture, strict=True)):
        assert all(len(loop.passes) == 1 for loop in found)


@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_value_and_derivatives(dtype: str) -> None:
    found = jit(mixture, dtype=dtype).value_and_grad(*NUMBERS)
    wanted = jit(mixture, strict=True).value_and_grad(*NUMBERS)
    for a, b in zip(np.ravel(found[0]), np.ravel(wanted[0]), strict=True):
        assert a == pytest.approx(b, rel=1e-12 if dtype == "f64" else 1e-4)
    np.testing.assert_allclose(found[1], wanted[1], rtol=1e-11 if dtype == "f64" else 1e-3)


@pytest.mark.parametrize("seed", range(6))
def test_divided_anywhere(seed: int) -> None:
    check(seed, (BITS[seed % len(BITS)],))


def test_what_is_handed_on_is_where_the_next_pass_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    def moved(self: LoopEmitter, local: Any) -> Any:
        return local  # as if every block were the first

    monkeypatch.setattr(LoopEmitter, "_absolute", moved)
    with pytest.raises(AssertionError):
        check_all(10)


def check_all(seeds: int) -> None:
    for seed in range(seeds):
        check(seed, (256,))
