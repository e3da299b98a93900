"""Forward mode on programs: against reverse mode, against differences, and where nothing flows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd import Value, jit, ops, relu, sin, tanh, where
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes import forward
from micrograd.jit.passes.forward import jacobian, jvp
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.passes.simplify import simplify
from micrograd.jit.reroll.batch import batched
from micrograd.jit.reroll.reroll import reroll, straight_line
from micrograd.jit.reroll.table import table_driven
from micrograd.jit.trace.trace import trace

from ... import tall_jacobians
from ...checks import central_difference
from ...nests import data, gather_scatter, matmul
from ...programs import Scalars, loops, scalars
from ...regular import SIZE, floats, sources, traced
from ...test_random_programs import bounded, numbers_equal

WAYS = {"unrolled": 10**9, "looped": -1}
"""What UNROLLED is set to, so that unit directions have statements of their own or a loop."""

Given = Mapping[str, Any]


def places(rows: int, columns: int) -> Any:
    """Where the elements of a matrix are, row by row."""
    return np.indices((rows, columns)).reshape(2, -1)


def matrix(
    program: Program, given: Given, wrt: Sequence[Any], way: str, of: str = "out", **how: Any
) -> Any:
    """The Jacobian of `of` as forward mode has it, before and after simplification."""
    rows, columns = program.arrays[of].size, len(wrt)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forward, "UNROLLED", WAYS[way])
        p = verify(jacobian(program, wrt, of, "matrix", places(rows, columns), **how), "forward")
    found = interpret(p, given)["matrix"]
    again = interpret(verify(simplify(p), "simplify"), given)["matrix"]
    assert np.array_equal(found, again, equal_nan=True)
    return found.reshape(rows, columns)


def by_reverse(program: Program, given: Given, wrt: Sequence[Any]) -> Any:
    """The Jacobian of the outputs, a gradient for each."""
    size = program.arrays["out"].size
    each = [gradient(program, ("out", r), wrt) for r in range(size)]
    return np.stack([interpret(g, given)["grad"] for g in each])


def check(program: Program, given: Given, wrt: Sequence[Any], rtol: float = 0.0) -> None:
    """Assert that forward mode is reverse mode, in all its ways; of the gradient, if there is one.

    With whole numbers it is exact. Second derivatives are compared with each other, and with
    differences elsewhere.
    """
    expected = by_reverse(program, given, wrt)
    direction = np.arange(len(wrt)) % 5 - 2.0
    for way in WAYS:
        found = matrix(program, given, wrt, way)
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol, err_msg=str(program))
    p = verify(jvp(program, wrt, [("along", len(wrt))], "out", "tangent"), "forward")
    result = interpret(p, {**given, "along": direction})
    np.testing.assert_allclose(result["tangent"], expected @ direction, rtol=rtol, atol=10 * rtol)
    assert np.array_equal(result["out"], interpret(program, given)["out"])
    if len(expected) > 1:
        return
    g = gradient(program, ("out", 0), wrt)
    plain = matrix(g, given, wrt, "looped", "grad")
    for way in WAYS:
        found = matrix(g, given, wrt, way, "grad", symmetric=True)
        assert np.array_equal(found, found.T)
        np.testing.assert_allclose(found, plain, rtol=rtol, atol=rtol)
    p = verify(jvp(g, wrt, [("along", len(wrt))], "grad", "tangent"), "forward")
    found = interpret(p, {**given, "along": direction})["tangent"]
    np.testing.assert_allclose(found, plain @ direction, rtol=rtol, atol=10 * rtol)


# --- against reverse mode -----------------------------------------------------------------------


@bounded(40)
@given(loops(), st.integers(0, 2**32))
def test_loops_and_tables(program: Program, seed: int) -> None:
    random = Random(seed)
    given_ = {n: [float(random.randint(-2, 2)) for _ in range(12)] for n in "xy"}
    check(program, given_, [(n, k) for n in "xy" for k in range(12)])
    check(program, given_, [("x", 7), None, ("y", 2), ("x", 1)])


@bounded(40)
@given(sources(), st.integers(0, 2**32))
def test_rerolled_code(source: Any, seed: int) -> None:
    random = Random(seed)
    numbers = [[float(random.choice([-2, -1, 1, 2])) for _ in range(SIZE)] for _ in "xy"]
    t = traced(source.function, *numbers)
    check(reroll(t.graph), t.given, [("x", k) for k in range(SIZE)] + [("y", 5)])


SMOOTH = [
    ops.OPS[n]
    for n in ("add", "sub", "mul", "neg", "tanh", "sigmoid", "sin", "cos", "softplus", "atan")
]


@bounded(80)
@given(scalars(numbers=st.floats(-2.0, 2.0, width=16), table=SMOOTH, outputs=2, size=12))
def test_straight_line_code(program: Scalars) -> None:
    leaves = [Value(x) for x in program.leaves]
    p = straight_line(trace(program.run(leaves), {"x": leaves}, ()).graph)
    check(p, {"x": program.leaves}, [("x", k) for k in range(len(leaves))], rtol=1e-9)


def pendulum(v: list[Any]) -> Any:
    angle, speed, pull = v
    for _ in range(30):
        angle, speed = angle + 0.1 * speed, speed - 0.1 * (pull * sin(angle) + 0.1 * speed)
    return angle


def handed(v: list[Any]) -> Any:
    """A step reads what comes last in the step before it."""
    x, a, b, c = v
    for _ in range(30):
        a, b, c = tanh(b), tanh(c), x * tanh(c) + 0.1 * a
    return a


@pytest.mark.parametrize("f", [pendulum, handed])
def test_steps_in_turn(f: Any) -> None:
    t = traced(f, [0.9, 0.3, 0.7, 0.2][: 3 if f is pendulum else 4])
    p = reroll(t.graph)
    assert "in order" in str(p)
    check(p, t.given, t.wrt, rtol=1e-10)
    check(p, t.given, t.wrt[::-2], rtol=1e-10)


def irregular(v: list[Any]) -> Any:
    random = Random(5)
    nodes = list(v)
    for _ in range(150):
        a, b = random.choice(nodes[-12:]), random.choice(nodes)
        nodes.append(random.choice([lambda: a + b, lambda: 0.5 * a * b, lambda: tanh(a)])())  # noqa: B023
    return sum(nodes[-20:])


@pytest.mark.parametrize("form", [lambda g, o: batched(g, o, 10**6), table_driven])
def test_graphs_that_run_from_tables(form: Any) -> None:
    t = traced(irregular, floats(6))
    p = form(t.graph, "out")
    assert any(a.is_index for a in p.arrays.values())
    check(p, t.given, t.wrt, rtol=1e-9)


def test_matrix_product_and_scatter() -> None:
    given_ = data()
    check(matmul(), given_, [("a", k) for k in range(12)] + [("b", 3)], rtol=1e-12)
    check(gather_scatter(), given_, [("x", k) for k in range(4)], rtol=1e-12)


# --- against differences ------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("f", [pendulum, handed, irregular])
def test_second_derivatives_are_differences_of_the_gradient(f: Any, way: str) -> None:
    numbers = [0.9, 0.3, 0.7, 0.2, 0.4, 0.6][: {pendulum: 3, handed: 4}.get(f, 6)]
    t = traced(f, numbers)
    g = gradient(reroll(t.graph), ("out", 0), t.wrt)
    found = matrix(g, t.given, t.wrt, way, "grad", symmetric=True)
    compared = 0
    for row in range(len(numbers)):
        for column, at in enumerate(numbers):

            def partial(v: float, row: int = row, column: int = column) -> float:
                moved = [*numbers[:column], v, *numbers[column + 1 :]]
                return float(interpret(g, {"x": moved})["grad"][row])

            expected = central_difference(partial, at)
            if expected is not None:
                compared += 1
                assert found[row, column] == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert compared >= len(numbers)


# --- where nothing flows ------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_an_infinite_derivative_does_not_reach_other_directions(way: str) -> None:
    """d(x log y)/dx is -inf at y = 0; along y nothing of it flows, and no 0 * inf."""
    t = traced(lambda v: v[0] * ops.log(v[1]) + v[2], [2.0, 0.0, 1.0])
    p = straight_line(t.graph)
    found = matrix(p, t.given, t.wrt, way)
    assert found.tolist() == [[-math.inf, math.inf, 1.0]]


@pytest.mark.parametrize("way", WAYS)
def test_the_side_that_is_not_taken_does_not_matter(way: str) -> None:
    t = traced(lambda v: where(v[0] > 0.0, ops.sqrt(v[0]), v[1]), [0.0, 3.0])
    assert matrix(straight_line(t.graph), t.given, t.wrt, way).tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("way", WAYS)
def test_elements_without_a_tangent_are_masked(way: str) -> None:
    """Half of an array depends on x; the other half is infinite."""
    p = parse("""
        input x[2]
        input y[4]
        temp a[4]
        output out[4]

        a[i] = x[i]  for i < 2
        a[i + 2] = 1.0  for i < 2
        out[i] = mul(a[i], y[i])  for i < 4
    """)
    given_ = {"x": [1.0, 2.0], "y": [3.0, 4.0, math.inf, math.inf]}
    found = matrix(verify(p), given_, [("x", 0), ("x", 1)], way)
    rows = found.tolist()
    assert [rows[0][0], rows[1][1]] == [3.0, 4.0]
    assert rows[2:] == [[0.0, 0.0], [0.0, 0.0]]


def test_what_does_not_depend_is_zero() -> None:
    t = traced(lambda v: [v[0] > v[1], v[1] * 2.0], [1.0, 2.0])
    for way in WAYS:
        found = matrix(straight_line(t.graph), t.given, t.wrt, way)
        assert found.tolist() == [[0.0, 0.0], [0.0, 2.0]]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("x", [0.0, -0.0, 1.5, -1.5, math.inf, math.nan])
def test_kinks_and_special_numbers(x: float, way: str) -> None:
    """At a point with one input the tangent of 1 is the cotangent of 1, nan and inf included."""
    for f in (relu, ops.absolute, ops.exp, ops.sqrt, lambda v: v**2 + v, lambda v: 1.0 / v):
        t = traced(lambda v, f=f: f(v[0]), [x])
        p = straight_line(t.graph)
        expected = by_reverse(p, t.given, t.wrt)
        assert numbers_equal(matrix(p, t.given, t.wrt, way)[0].tolist(), expected[0].tolist())


# --- size ----------------------------------------------------------------------------


def test_code_does_not_grow_with_the_directions() -> None:
    def statements(n: int) -> int:
        t = traced(lambda v: sum(tanh(a * b) for a, b in pairwise(v)), floats(n))
        g = gradient(reroll(t.graph), ("out", 0), t.wrt)
        p = jacobian(g, t.wrt, "grad", "h", places(n, n), symmetric=True)
        return len(simplify(p).body)

    assert statements(200) == statements(100) < 60


def test_a_wrong_rule_is_noticed() -> None:
    """The test of the test: forward mode runs on the rules of the op table."""
    t = traced(lambda v: sin(v[0]) * v[1], [0.5, 2.0])
    p = straight_line(t.graph)
    expected = by_reverse(p, t.given, t.wrt)
    right = ops.sin.vjp
    object.__setattr__(ops.sin, "vjp", (lambda ct, out, x: ct * out,))
    try:
        assert not np.allclose(matrix(p, t.given, t.wrt, "looped"), expected)
    finally:
        object.__setattr__(ops.sin, "vjp", right)
    assert jit(lambda x: sin(x), dtype="f64").hessian(0.5) == -math.sin(0.5)


@pytest.mark.parametrize("seed", range(4))
def test_of_many_results_and_few_numbers(seed: int) -> None:
    tall_jacobians.check(seed)


def test_a_jacobian_has_as_many_statements_however_many_rows_it_has() -> None:
    def residuals_of(count: int) -> Any:
        return lambda p: [p[0] * sin(p[1] * (0.01 * k)) - 0.5 * k * p[2] for k in range(count)]

    found = set()
    for count in (50, 500):
        kernel = jit(residuals_of(count)).jacobian
        kernel([1.0, 2.0, 3.0])
        found.add(len(kernel.stages()["simplified"].split("\n\n")[1].splitlines()))
    assert len(found) == 1
