"""Fixed points, and their derivatives by the implicit function theorem, beside formulas and the
derivatives of the iterations.
"""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from micrograd import Value, cos, exp, fixed_point, fori, grad, jit, sin, tanh
from micrograd.errors import TraceError


def kepler(mean: Any) -> Any:
    return fixed_point(lambda e: mean - 0.5 * cos(e), 0.0)


def test_derivatives_are_of_the_point() -> None:
    """x = m - cos(x) / 2 has dx/dm = 1 / (1 - sin(x) / 2)."""
    kernel = jit(kepler)
    x = kernel(1.0)
    assert x == pytest.approx(1.0 - 0.5 * math.cos(x), abs=1e-15)
    u = 1.0 - 0.5 * math.sin(x)
    assert kernel.grad(1.0) == pytest.approx(1.0 / u, rel=1e-12)
    second = 0.5 * math.cos(x) / u**3
    assert kernel.hessian(1.0) == pytest.approx(second, rel=1e-10)
    third = grad(grad(grad(kepler)))(1.0)
    expected = -0.5 * math.sin(x) / u**4 + 3.0 * (0.5 * math.cos(x)) ** 2 / u**5
    assert third == pytest.approx(expected, rel=1e-6)  # as far as the tolerance goes
    assert kernel.jvp(1.0, 2.0) == pytest.approx((x, 2.0 / u))


def test_eager_compiled_and_of_arrays() -> None:
    v = Value(1.0)
    out = kepler(v)
    out.backward()
    kernel = jit(kepler)
    assert kepler(1.0) == pytest.approx(kernel(1.0), rel=1e-15)
    assert (out.data, v.grad) == pytest.approx(kernel.value_and_grad(1.0), rel=1e-14)
    x = np.linspace(-1.0, 4.0, 9)
    assert kernel(x).tolist() == pytest.approx([kernel(m) for m in x.tolist()], rel=1e-14)
    assert kernel.grad(x).tolist() == pytest.approx([kernel.grad(m) for m in x.tolist()])
    narrow = jit(kepler, dtype="f32")
    assert narrow.value_and_grad(1.0) == pytest.approx(kernel.value_and_grad(1.0), rel=1e-5)


@pytest.mark.parametrize("seed", range(2))
def test_systems_beside_their_iterations(seed: int) -> None:
    r = random.Random(seed)
    n = r.choice([1, 2, 3, 4])
    rows = [[r.uniform(-1.0, 1.0) / n for _ in range(n)] for _ in range(n)]

    def solve(p: Any, q: Any, *, implicit: bool) -> Any:
        def f(x: Any) -> Any:
            found = [
                tanh(sum(a * y for a, y in zip(row, x["x"], strict=True)) + p * (k + 1)) + q * 0.1
                for k, row in enumerate(rows)
            ]
            return {"x": found, "y": (sin(x["y"][0]) * 0.5 + found[0],)}

        found = fixed_point(f, {"x": [q] * n, "y": (0.0,)}, tolerance=1e-13, implicit=implicit)
        return sum(x * x for x in found["x"]) + found["y"][0]

    implicit, unrolled = (
        jit(lambda p, q, how=how: solve(p, q, implicit=how), wrt=["p", "q"])
        for how in (True, False)
    )
    p, q = r.uniform(-1.0, 1.0), r.uniform(-1.0, 1.0)
    assert implicit(p, q) == pytest.approx(unrolled(p, q), rel=1e-11)
    assert implicit.grad(p, q) == pytest.approx(unrolled.grad(p, q), rel=1e-9)
    assert np.array(implicit.hessian(p, q)) == pytest.approx(np.array(unrolled.hessian(p, q)))


def test_newton_of_a_residual_that_has_loops() -> None:
    """The map's slope is 0 at the point, and it runs a loop and a derivative."""

    def root(p: Any) -> Any:
        def off(x: Any) -> Any:
            return fori(3, lambda i, s: s * x, x) - p  # x**4 = p

        slope = grad(off)
        return fixed_point(lambda x: x - off(x) / slope(x), p)

    assert jit(root).value_and_grad(16.0) == pytest.approx((2.0, 1.0 / 32.0))


def test_one_that_swaps_its_numbers() -> None:
    """1 - df/dx has a 0 where elimination would begin."""

    def swapped(p: Any) -> Any:
        x, y = fixed_point(
            lambda s: [0.9999 * s[0] - s[1] + p, 0.25 * s[0] - s[1] * 0.5], [0.0, 0.0]
        )
        return x + y

    kernel = jit(swapped)
    matrix = np.array([[1 - 0.9999, 1.0], [-0.25, 1.5]])
    expected = np.linalg.solve(matrix, [1.0, 0.0]).sum()
    assert kernel(2.0) == pytest.approx(2.0 * expected)
    assert kernel.grad(2.0) == pytest.approx(expected)


def test_nothing_flows_from_where_it_begins_nor_through_iterations() -> None:
    f = jit(lambda p, x0: fixed_point(lambda x: p - 0.5 * cos(x), x0))
    assert f.grad(1.0, 0.3)[1] == 0.0
    program = f.grad.stages()["simplified"]
    assert ("in order while" in program, "in reverse order" in program) == (True, False)


def test_what_does_not_converge_is_nan() -> None:
    for implicit in (True, False):
        f = jit(lambda p, how=implicit: fixed_point(lambda x: 2 * x + p, p, limit=20, implicit=how))
        assert math.isnan(f(1.0))
        assert math.isnan(f.grad(1.0))
    assert math.isnan(fixed_point(lambda x: x + 1.0, 0.0, limit=5))
    assert fixed_point(lambda x: exp(-x), Value(0.5)).data == pytest.approx(0.5671432904097838)


def test_a_point_may_be_as_large_as_numbers_are() -> None:
    large = jit(lambda p: fixed_point(lambda x: [0.0 * x[0] + p, 0.0 * x[1] + p], [0.0, 0.0]))
    assert large(1e308) == [1e308, 1e308]


def test_another_structure_is_refused() -> None:
    with pytest.raises(TraceError, match="should return a state like the one it is given"):
        jit(lambda p: fixed_point(lambda x: [x[0]], [p, p])[0])(1.0)
