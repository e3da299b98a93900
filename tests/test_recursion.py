"""`backprop`: exactly the numbers of `backward`, and the numerical ones of its definition."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd import Tensor, Value, detach, jit, maximum, relu, where
from micrograd.errors import GraphError, TraceError
from micrograd.ops import OPS, Op

from .checks import central_difference, points, same
from .programs import NUMBERS, Scalars, scalars

H = 1e-6
every_op = pytest.mark.parametrize("op", OPS.values(), ids=OPS.keys())


def gradients(program: Scalars, leaves: list[float], method: str) -> list[float]:
    values = [Value(x) for x in leaves]
    out = sum(program.run(values), Value(0.0))
    for _ in range(2):  # leaves accumulate, interior Values do not
        getattr(out, method)()
    return [v.grad for v in values]


@given(st.data())
def test_exact_backprop_is_backward_bit_for_bit(data: Any) -> None:
    program = data.draw(scalars())
    leaves = data.draw(st.lists(NUMBERS, min_size=len(program.leaves), max_size=20))
    leaves = leaves[: len(program.leaves)]
    expected = gradients(program, leaves, "backward")
    assert all(map(same, gradients(program, leaves, "backprop"), expected))


def partials(op: Op, operands: tuple[float, ...], **options: Any) -> list[float]:
    leaves = [Value(x) for x in operands]
    op(*leaves).backprop(**options)
    return [v.grad for v in leaves]


@every_op
def test_numerical_is_the_quotient_of_differences(op: Op) -> None:
    for operands in points(op, 20):
        found = partials(op, operands, numerical=True, h=H)
        for i, rule in enumerate(op.vjp):
            moved = (*operands[:i], operands[i] + H, *operands[i + 1 :])
            expected = 0.0 if rule is None else (op.eval(*moved) - op.eval(*operands)) / H
            assert same(found[i], 0.0 + expected), operands


@every_op
def test_numerical_is_near_the_exact_one_where_the_op_is_smooth(op: Op) -> None:
    for operands in points(op, 40):
        exact = partials(op, operands)
        found = partials(op, operands, numerical=True, h=H)
        for i in op.differentiable:

            def partial(x: float, i: int = i, operands: tuple[float, ...] = operands) -> float:
                return op.eval(*operands[:i], x, *operands[i + 1 :])

            if central_difference(partial, operands[i]) is None:
                continue
            # a smooth point's second derivative is below 100 times the scale, and half of it times
            # h is the error; rounding adds some 1e-10
            assert abs(found[i] - exact[i]) <= 1e-4 * max(1.0, abs(exact[i])), operands


def test_numerical_of_an_expression_is_that_of_the_exponent_too() -> None:
    x, n = Value(2.0), Value(3.0)
    (x**n).backprop(numerical=True)
    assert x.grad == pytest.approx(12.0, rel=1e-5)
    assert n.grad == pytest.approx(8.0 * math.log(2.0), rel=1e-5)
    (x**2).backprop(numerical=True)  # and of a literal exponent there is none
    assert x.grad == pytest.approx(16.0, rel=1e-5)


def test_numerical_at_kinks_looks_to_the_right() -> None:
    x = Value(0.0)
    relu(x).backprop(numerical=True)
    assert (x.grad, partials(OPS["relu"], (0.0,))) == (1.0, [0.0])
    a, b = Value(0.0), Value(0.0)
    maximum(a, b).backprop(numerical=True)
    assert (a.grad, b.grad) == (1.0, 1.0)


def test_numerical_does_not_flow_where_nothing_flows() -> None:
    x, y = Value(2.0), Value(3.0)
    (where(x > 1.0, x * y, y) + detach(x) * 100.0).backprop(numerical=True)
    # the sum is some 200: half an ulp of that, divided by h, is 1.4e-8
    assert x.grad == pytest.approx(3.0, abs=1e-7)
    assert y.grad == pytest.approx(2.0, abs=1e-7)


@pytest.mark.parametrize("numerical", [False, True])
def test_diamonds_cost_one_visit_each(numerical: bool) -> None:
    x = Value(0.0)
    y = x
    for _ in range(60):  # 2**60 paths lead to x
        y = y + y
    y.backprop(numerical=numerical)
    assert x.grad == pytest.approx(2.0**60, rel=1e-8)


@pytest.mark.parametrize("numerical", [False, True])
def test_depth_needs_no_stack(numerical: bool) -> None:
    x = Value(0.5)
    y = x
    for _ in range(20_000):
        y = -y
    y.backprop(numerical=numerical)
    # half an ulp of 0.5, divided by h, is 6e-11 for each of the differences
    assert x.grad == pytest.approx(1.0, abs=20_000 * 6e-11 if numerical else 0.0)


def test_data_that_was_changed_is_seen() -> None:
    x = Value(2.0)
    y = x * x
    x.data = 5.0
    y.backprop(numerical=True)
    assert x.grad == pytest.approx(10.0, rel=1e-6)


def test_backprop_of_a_leaf() -> None:
    x = Value(2.0)
    x.backprop()
    assert x.grad == 1


@pytest.mark.parametrize("h", [0.0, -1e-6, math.nan, math.inf, "1", True])
def test_wrong_h(h: Any) -> None:
    with pytest.raises(GraphError, match=r"^h should be"):
        (Value(1.0) * 2.0).backprop(numerical=True, h=h)


def test_h_that_is_lost() -> None:
    big = Value(1e20, label="big")
    with pytest.raises(GraphError, match=r"test_recursion.py:\d+: h=1e-06 is lost beside 1e\+20"):
        (big * 2.0).backprop(numerical=True)
    (big * 2.0).backprop(numerical=True, h=2.0**50)
    assert big.grad == 2.0
    edge = Value(math.inf)
    (edge * 2.0).backprop(numerical=True)
    assert math.isnan(edge.grad)


def test_numerical_is_yes_or_no() -> None:
    with pytest.raises(GraphError, match=r"numerical should be True or False, got float 0\.5"):
        Value(1.0).backprop(numerical=0.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Value(1.0).backprop(True)  # type: ignore[misc]


def test_cycle() -> None:
    y = Value(2.0) * 2
    y._operands = (y, 2.0)
    with pytest.raises(GraphError, match="the graph has a cycle"):
        y.backprop()


def test_through_tensors() -> None:
    t = Tensor([3.0, 4.0], dtype="f64", requires_grad=True)
    x, y = t.values()
    z = x * y
    z.backprop()
    assert t.grad.numpy().tolist() == [4.0, 3.0]
    for root in (z, x):
        with pytest.raises(GraphError, match=r"py:\d+: this graph goes through Tensors"):
            root.backprop(numerical=True)


def test_in_a_function_that_is_compiled() -> None:
    w = Value(2.0)

    def f(x: Any) -> Any:
        (w * w).backprop()
        return x

    def g(x: Any) -> Any:
        x.backprop(numerical=True)
        return x

    with pytest.raises(TraceError, match=r"backprop\(\) in a function that is being compiled"):
        jit(f)(1.0)
    with pytest.raises(TraceError, match="inside a compiled function"):
        jit(g)(1.0)
