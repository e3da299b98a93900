"""Kernels with loops in functions that are compiled: themselves, and their derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from micrograd import Value, fori, grad, jacobian, jit, sin, while_loop

from .called_loops import check


@pytest.mark.parametrize("seed", [6, 7])
def test_drawn(seed: int) -> None:
    check(seed, second=seed == 6)


def root(x: Any) -> Any:
    return while_loop(lambda y: abs(y * y - x) > 1e-12 * x, lambda y: (y + x / y) / 2, x)


def test_derivatives_of_derivatives() -> None:
    kernel = jit(root)
    assert grad(grad(grad(root)))(4.0) == pytest.approx(3 / 8 * 4.0**-2.5)
    outer = jit(lambda x: kernel.grad(x) * x + kernel(x))
    assert outer.value_and_grad(4.0) == pytest.approx((3.0, 0.375))
    assert outer(np.array([4.0, 9.0])).tolist() == pytest.approx([3.0, 4.5])


def test_descent_in_a_function() -> None:
    """Its derivative is that of the minimum, by the derivative of the energy's derivative."""

    def least(p: Any) -> Any:
        slope = grad(lambda q: (q - p) * (q - p) + 0.1 * q * q * q * q)
        return while_loop(
            lambda q: abs(slope(q)) > 1e-11, lambda q: q - 0.1 * slope(q), 0.0, limit=500
        )

    kernel = jit(least)
    q = kernel(1.0)
    assert 2.0 * (q - 1.0) + 0.4 * q**3 == pytest.approx(0.0, abs=1e-10)
    assert kernel.grad(1.0) == pytest.approx(2.0 / (2.0 + 1.2 * q * q))
    found = kernel.grad(np.array([0.5, 1.0, 2.0]))
    assert found.tolist() == pytest.approx([kernel.grad(p) for p in (0.5, 1.0, 2.0)], rel=1e-12)


def test_newton_with_a_jacobian_in_a_function() -> None:
    def crossing(a: Any, b: Any) -> Any:
        """Where a circle of radius a meets a line that climbs by b."""

        def off(p: Any) -> Any:
            return [p[0] * p[0] + p[1] * p[1] - a * a, p[1] - b * p[0]]

        def step(i: Any, p: Any) -> Any:
            (r, s), ((j, k), (m, n)) = off(p), jacobian(off)(p)
            d = j * n - k * m
            return [p[0] - (n * r - k * s) / d, p[1] - (j * s - m * r) / d]

        return fori(8, step, [a, a])

    kernel = jit(crossing)
    x = 5.0 / np.sqrt(5.0)
    assert kernel(5.0, 2.0) == pytest.approx([x, 2.0 * x])
    (dx, _), _ = kernel.jacobian(5.0, 2.0)
    assert dx == pytest.approx(1.0 / np.sqrt(5.0))


def test_loops_of_kernels_stay_loops() -> None:
    inner = jit(lambda x: fori(1000, lambda i, s: sin(s) + x, x))
    outer = jit(lambda x: inner(x) * inner.grad(x))
    assert len(outer.stages()["program"].splitlines()) < 60
    v = Value(0.3)
    assert outer(0.3) == pytest.approx((inner(v) * inner.grad(v)).data)


def test_parameters_and_lookups_of_kernels_that_are_called() -> None:
    w = Value(0.5)
    inner = jit(lambda x, n: fori(n, lambda i, s: s * w + x, x), wrt="x")
    outer = jit(lambda x: inner(x, 3.0) + inner.grad(2.0, 3.0), wrt=[w])
    expected = 2.0 * (1 + 0.5 + 0.25 + 0.125) + 1.875
    assert outer(2.0) == expected
    assert outer.grad(2.0) == (2.0 * (1 + 2 * 0.5 + 3 * 0.25) + 2.75,)
    w.data = 0.0
    assert outer(2.0) == 3.0


def test_a_loop_behind_a_loop_without_a_body() -> None:
    """What belongs to which loop is not told by nodes, of which there may be none."""

    def f(x: Any) -> Any:
        a = fori(2, lambda i, s: s * 2.0, x)
        b = fori(3, lambda i, s: [a, s[0]], [x, x])
        return fori(2, lambda i, s: [s[0], x], b)[0] + b[1]

    assert jit(f)(3.0) == f(3.0)


def test_frozen_functions_have_loops() -> None:
    assert jit(root, freeze=True)(4.0) == pytest.approx(2.0)
