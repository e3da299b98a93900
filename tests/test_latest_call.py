"""What a kernel shows is the code of its latest call, whatever has answered that."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, exp, jit
from micrograd.errors import KernelClosed

CALLS: list[Callable[[Any, int], Any]] = [
    lambda k, n: k([0.5] * n, 2.0),
    lambda k, n: k((0.5,) * n, 2.0),
    lambda k, n: k(q=2.0, a=[0.5] * n),
    lambda k, n: k([np.full(3, 0.5)] * n, 2.0),
    lambda k, n: k([0.5] * n, np.ones(2)),
    lambda k, n: k(Tensor([0.5] * n), 2.0),
    lambda k, n: k([np.float64(0.5)] * n, 2),
]
"""Calls of numbers, of arrays and of Tensors, which machine code answers, or Python."""


def weighted(a: Any, q: Any) -> Any:
    return sum(exp(x) * q for x in a)


def shown(kernel: Any) -> str:
    """The program of the latest call."""
    return str(kernel.stages()["program"])


@pytest.mark.parametrize("seed", range(6))
def test_the_latest_call_is_shown(seed: int) -> None:
    r = random.Random(seed)
    how = {"check": True} if seed == 0 else {}
    kernel, expected = jit(weighted, **how), {}
    drawn = [(r.randrange(len(CALLS)), r.randint(1, 3)) for _ in range(4)]
    for _ in range(30):
        for _ in range(r.randint(1, 3)):
            which, n = r.choice(drawn)
            CALLS[which](kernel, n)
        if (which, n) not in expected:
            fresh = jit(weighted)
            CALLS[which](fresh, n)
            expected[which, n] = shown(fresh)
        assert shown(kernel) == expected[which, n]


def test_the_latest_call_of_a_derivative_is_shown() -> None:
    kernel = jit(weighted).value_and_grad
    for n in (2, 3, 2, 4, 3, 2):
        kernel([0.5] * n, 2.0)
        assert f"input a[{n}]" in shown(kernel)


def test_a_closed_kernel_is_not_asked() -> None:
    kernel = jit(weighted)
    kernel([0.5], 2.0)
    kernel([0.5], 2.0)
    grad = kernel.grad
    kernel.close()
    for closed in (kernel, grad):
        with pytest.raises(KernelClosed):
            closed.stages()
