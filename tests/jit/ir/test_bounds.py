"""The interpreter with bounds: its numbers are those of `interpret`, its bounds hold."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from micrograd import jit, ops
from micrograd.jit.call.check import within
from micrograd.jit.ir.bounds import interpret_bounded
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Loop, Program, Role
from micrograd.jit.ir.rounding import Bounded, Precision, apply
from micrograd.jit.passes.reverse import gradient
from micrograd.ops import OPS, Op

from ...checks import SPECIAL, all_same, points
from ...nested_programs import random_inputs, random_program
from ...nests import data, gather_scatter, matmul
from ...programs import loops
from ...regular import rerolled, whole
from ...test_random_programs import bounded

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)


def check_numbers(program: Program, given: dict[str, Any]) -> None:
    expected = interpret(program, given)
    found = interpret_bounded(program, given, F64)
    assert found.keys() == expected.keys()
    for name, numbers in expected.items():
        assert all_same(found[name].value[:, 0].tolist(), numbers.tolist())
        assert found[name].error.shape == found[name].value.shape


@bounded(60)
@given(loops(), st.integers(0, 2**32))
def test_numbers_are_those_of_the_interpreter(program: Program, seed: int) -> None:
    note(str(program))
    random = Random(seed)
    values = {n: [random.choice([*SPECIAL, 0.3, -1.7]) for _ in range(12)] for n in ("x", "y")}
    wrt = [(n, k) for n in values for k in range(12)]
    for p in (program, gradient(program, ("out", 0), wrt, keep_value=True)):
        check_numbers(p, values)


def test_numbers_of_recurrences_and_scatters() -> None:
    def f(x: Any, y: Any) -> Any:
        h, kept = x[0], []
        for k in range(100):
            h = ops.tanh(h * y[k] + x[k + 1])
            kept.append(h)
        for k in (3, 1, 4, 1, 5, 9, 2, 6):
            kept[k] = kept[k] + x[k] * y[k]
        return kept

    p = rerolled(f, whole(101), whole(101, 1), partials=False)
    assert any(isinstance(node, Loop) for node in p.body)
    numbers = {"x": [0.01 * k for k in range(101)], "y": [0.5 - 0.01 * k for k in range(101)]}
    check_numbers(p, numbers)
    check_numbers(gradient(p, ("out", 5), [("x", k) for k in range(101)]), numbers)
    for q in (matmul(), gather_scatter()):
        check_numbers(q, {a.name: data()[a.name] for a in q.with_role(Role.INPUT, Role.PARAMETER)})


@pytest.mark.parametrize("seed", range(40))
def test_numbers_of_nests(seed: int) -> None:
    p = random_program(Random(seed), small=True)
    check_numbers(p, random_inputs(p, Random(seed)))


def test_many_points_at_once() -> None:
    p = gather_scatter()
    columns = np.random.default_rng(1).normal(size=(4, 9))
    found = interpret_bounded(p, {"x": columns}, F64, 9)["out"].value
    for k in range(9):
        assert all_same(found[:, k].tolist(), interpret(p, {"x": columns[:, k]})["out"].tolist())


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_bounds_hold_for_operands_that_are_off(op: Op) -> None:
    """The op at operands moved within their bounds is within the bound of the result."""
    precision = Precision.of(F64)
    random = Random(op.name)
    tight = 0
    for operands in points(op, 200):
        errors = [random.choice([0.0, 1e-9, 1e-4]) for _ in operands]
        xs = [
            Bounded(np.array([[x]]), np.array([[e]])) for x, e in zip(operands, errors, strict=True)
        ]
        with np.errstate(all="ignore"):
            result = apply(op, xs, precision)
        value, error = float(result.value[0, 0]), float(result.error[0, 0])
        assert all_same([value], [op.eval(*operands)])
        tight += error < 1e-2
        for _ in range(4):
            moved = [x + random.uniform(-e, e) for x, e in zip(operands, errors, strict=True)]
            there = op.eval(*moved)
            # to first order: a curve may bend by the square of the error, 1e-8
            assert math.isinf(error) or math.isnan(there) or abs(there - value) <= error + 1e-7
    assert tight > 60


def test_a_choice_in_doubt_may_be_either() -> None:
    near = Bounded(np.array([[1.0]]), np.array([[1e-9]]))
    other = Bounded(np.array([[1.0 + 1e-10]]), np.zeros((1, 1)))
    precision = Precision.of(F64)
    condition = apply(OPS["lt"], [near, other], precision)
    assert condition.error[0, 0] == 1.0
    far = Bounded(np.array([[5.0]]), np.zeros((1, 1)))
    assert apply(OPS["where"], [condition, far, other], precision).error[0, 0] >= 3.9
    sure = apply(OPS["lt"], [near, far], precision)
    assert (sure.value[0, 0], sure.error[0, 0]) == (1.0, 0.0)
    assert apply(OPS["where"], [sure, far, other], precision).error[0, 0] == 0.0


@pytest.mark.parametrize("dtype", [F32, F64])
@pytest.mark.parametrize("n", [3, 17, 64])
def test_a_bound_covers_rounding_and_no_missing_term(dtype: Any, n: int) -> None:
    rng = np.random.default_rng(n)
    x, y = (rng.uniform(0.5, 1.5, n) * rng.choice([-1.0, 1.0], n) for _ in range(2))

    def program(terms: int) -> Program:
        return parse(f"""
            input x[{n}]
            input y[{n}]
            output out[1]

            out = -0.0
            out += mul(x[i], y[i])  for i < {terms}
        """)

    given = {"x": x, "y": y}
    expected = interpret_bounded(program(n), given, dtype)["out"]
    orders = [rng.permutation(n) for _ in range(10)]
    for order in orders:
        total = dtype.type(0.0)
        for k in order:
            total += dtype.type(x[k]) * dtype.type(y[k])
        assert within(np.array([[float(total)]]), expected).all()
    short = interpret_bounded(program(n - 1), given, dtype)["out"].value
    assert not within(short, expected).any()
    assert not within(np.full((1, 1), np.nan), expected).any()
    if dtype == F64:
        rounded = expected.value.astype(np.float32).astype(np.float64)
        assert not within(rounded, expected).any()


def test_overflow_is_left_open_and_infinities_are_not() -> None:
    def bounds(x: list[float], dtype: Any) -> Bounded:
        p = parse("input x[3]\noutput out[1]\n\nout = -0.0\nout += x[i]  for i < 3")
        return interpret_bounded(p, {"x": x}, dtype)["out"]

    assert bounds([3e38, 3e38, -3e38], F32).error[0, 0] == np.inf  # by the order of the sum
    infinite = bounds([np.inf, 1.0, 2.0], F32)
    assert within(np.array([[np.inf]]), infinite).all()
    assert not within(np.array([[-np.inf]]), infinite).any()
    assert not within(np.array([[3.0]]), infinite).any()


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_compiled_kernels_are_within(dtype: str) -> None:
    def f(x: Any) -> Any:
        t = sum(v * v for v in x)
        return [ops.exp(v) / (1.0 + t) - 0.1 for v in x]

    kernel = jit(f, dtype=dtype)
    x = np.random.default_rng(0).uniform(-1.0, 1.0, 33).astype(np.float32).astype(float)
    found = np.array(kernel(x.tolist()))[:, None]
    program = kernel._shown.transformed
    expected = interpret_bounded(program, {"x": x}, kernel._options.dtype)["out"]
    assert within(found, expected).all()
    assert expected.error.max() < (1e-4 if dtype == "f32" else 1e-12)
