"""The smaller and the larger of two numbers, of every kind, on several processors."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest

from micrograd import jit, maximum, minimum
from micrograd.jit.emit import extremes
from micrograd.ops import OPS
from tests.targets import TARGETS, assumed, processor

NUMBERS = [0.0, -0.0, 1.0, -1.0, 2.5, math.inf, -math.inf, math.nan, 5e-324, -1e-310]
PAIRS = np.array(list(product(NUMBERS, NUMBERS)))


def smaller(x: Any, y: Any) -> Any:
    return minimum(x, y)


def larger(x: Any, y: Any) -> Any:
    return maximum(x, y)


def differing(function: Any, op: str, target: str, dtype: str) -> list[tuple[float, ...]]:
    """Pairs of which the extreme is another one than the op's own, one by one and in vectors."""
    chosen = processor(target)
    if chosen is None:
        pytest.skip("this machine does not run its code")
    with assumed(processor=chosen, vector_bits=chosen.vector_bits):
        kernel = jit(function, dtype=dtype)
        both = PAIRS.astype(np.float32 if dtype == "f32" else np.float64).astype(float)
        found = np.ravel(kernel(both[:, 0], both[:, 1]))
        singly = [kernel(x, y) for x, y in both.tolist()]
    wrong = []
    for (x, y), one, other in zip(both.tolist(), found.tolist(), singly, strict=True):
        wanted = OPS[op].eval(x, y)
        if any(repr(abs(z)) != repr(abs(wanted)) or is_other(z, wanted) for z in (one, other)):
            wrong.append((x, y, one, other, wanted))
    return wrong


def is_other(x: float, y: float) -> bool:
    """Whether signs differ, unless both are nan."""
    return not math.isnan(x) and math.copysign(1.0, x) != math.copysign(1.0, y)


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize("target", TARGETS)
def test_every_pair(target: str, dtype: str) -> None:
    assert not differing(smaller, "minimum", target, dtype)
    assert not differing(larger, "maximum", target, dtype)


def test_a_fault_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extremes.PREDICATES, "min", "ole")
    monkeypatch.setitem(extremes.PREDICATES, "max", "oge")
    assert differing(smaller, "minimum", "this", "f64")
