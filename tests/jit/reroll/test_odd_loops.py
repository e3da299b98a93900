"""Loops at their ends: periods of one step and of many, one iteration or two, nan, one other step,
rows of one length and of none, loops beside noise: values and derivatives of `backward`, and loops.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest

from micrograd import Value, jit, sin, tanh
from micrograd.jit.reroll.loops import looped

from ...by_values import BITS
from ...regular import equal, traced
from ...targets import assumed

Function = Callable[[Any], Any]


def period_of_one(x: Any) -> Any:
    s = x[0]
    for _ in range(300):
        s = tanh(s * x[1] + x[2])
    return s


def long_period(x: Any) -> Any:
    numbers = np.random.default_rng(5).uniform(0.6, 1.4, 500).tolist()
    s, total = x[0], 0.0
    for _ in range(4):
        for e in numbers:
            s = tanh(s * e + x[1])
        s = s * x[2]
        total = total + s
    return total


def one_and_two(x: Any) -> Any:
    t = 0.0
    for e in x[:40]:
        for j in range(1):
            t = t + tanh(e * x[j])
        for j in range(2):
            t = t * x[j] + e
    return t


def interleaved(x: Any) -> Any:
    a, b = x[0], x[1]
    for e in x:
        a = tanh(a * e + 0.1)
        b = sin(b + e)
    return a * b


def carried_nan(x: Any) -> Any:
    s = x[0]
    for i, e in enumerate(x):
        s = tanh(s * e) + (math.nan if i == 30 else 0.0)
    return s


def one_other_step(x: Any) -> Any:
    s = x[0]
    for i, e in enumerate(x):
        s = tanh(s * e * (2.0 if i == 20 else 0.5))
    return s


def rows_of(lengths: list[int]) -> Function:
    def f(x: Any) -> Any:
        total, at = 0.0, 0
        for n in lengths:
            s = 0.0
            for _ in range(n):
                s = tanh(s * 0.5 + x[at % 64])
                at += 1
            total = total + s
        return total

    return f


def beside_noise(x: Any) -> Any:
    r, values, s = Random(1), list(x), x[0]
    for i in range(150):
        s = tanh(s * x[i % 64] + x[1])
    for i in range(100):
        a, b = r.choice(values), r.choice(values[-9:])
        values.append(tanh(a + b) if i % 3 else a * b)
    return s + values[-1]


ODD: dict[str, tuple[Function, int]] = {
    "a period of one": (period_of_one, 30),
    "a period of 500": (long_period, 30),
    "loops of one and two": (one_and_two, 40),
    "two that are interleaved": (interleaved, 30),
    "a nan": (carried_nan, 60),
    "a step with another constant": (one_other_step, 40),
    "rows of one length": (rows_of([8] * 12), 30),
    "rows of none": (rows_of([3, 0, 5, 1, 8, 2, 0, 7, 4, 6]), 80),
    "noise": (beside_noise, 250),
}
"""By their names: the function of 64 numbers, and the most statements that its program may have."""


@pytest.mark.parametrize("name", list(ODD))
def test_odd_loops(name: str) -> None:
    f, most = ODD[name]
    x = np.random.default_rng(3).uniform(0.6, 1.4, 64).tolist()
    leaves = [Value(e) for e in x]
    out = f(leaves)
    out.backward()
    expected = [out.data, *[leaf.grad for leaf in leaves]]
    for bits in BITS:
        with assumed(vector_bits=bits):
            value, partials = jit(f, dtype="f64", strict=True).value_and_grad(x)
        assert equal([value, *partials], expected)
    value, partials = jit(f, dtype="f64").value_and_grad(x)
    assert np.allclose([value, *partials], expected, rtol=1e-9, atol=1e-12, equal_nan=True)
    assert looped(traced(f, x).graph, "out", most) is not None
