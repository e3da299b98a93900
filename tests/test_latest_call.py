"""What a kernel shows is the code of its latest call, whatever has answered that."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, exp, jit, total
from micrograd.errors import KernelClosed, SignatureError

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


@pytest.mark.parametrize("seed", range(3))
def test_of_uncalled_derivatives_what_the_kernel_was_called_with_is_shown(seed: int) -> None:
    r, kernel = random.Random(seed), jit(weighted)
    names = ["grad", "value_and_grad", "hessian", "jacobian", "jvp", "hvp"]
    for _ in range(4):
        for n in r.sample([1, 2, 3, 4], 3):
            kernel([0.5] * n, 2.0)
        for name in r.sample(names, 2):
            derived = getattr(kernel, name)
            for looked in (derived, derived.jvp) if name == "grad" else (derived,):
                assert f"input a[{n}]" in shown(looked)
    kernel.hessian([0.5] * 7, 2.0)
    kernel([0.5] * 6, 2.0)
    assert "input a[7]" in shown(kernel.hessian)
    assert "input a[6]" in shown(kernel.vjp)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("given", [False, True])
def test_of_uncalled_derivatives_of_a_total_what_it_was_called_with_is_shown(
    strict: bool, given: bool, tmp_path: Path
) -> None:
    def f(a: Any, q: Any, x: Any, y: Any) -> Any:
        return (a[0] * x[0] + q * x[1] - y) ** 2

    x, y = np.ones((5, 2)), np.ones(5)
    data, rows = ((), ("x", "y")) if not given else ((x, y), None)
    behind = () if given else (x, y)
    for name in ("grad", "value_and_grad", "hessian", "jacobian", "jvp", "vjp", "hvp"):
        kernel = total(f, *data, rows=rows, strict=strict)
        with pytest.raises(SignatureError, match="has not been called yet; call it, then look"):
            getattr(kernel, name).stages()
        for n in (2, 3):
            kernel([1.0] * n, 2.0, *behind)
            assert f"input a[{n}]" in shown(getattr(kernel, name))
    kernel.grad.export(tmp_path)
    assert (tmp_path / "total_f_grad.h").is_file()


def test_a_closed_kernel_is_not_asked() -> None:
    kernel = jit(weighted)
    kernel([0.5], 2.0)
    kernel([0.5], 2.0)
    grad = kernel.grad
    kernel.close()
    for closed in (kernel, grad):
        with pytest.raises(KernelClosed):
            closed.stages()
