"""Deep and narrow graphs without a pattern: one loop over a table of nodes."""

from __future__ import annotations

import random
from typing import Any

import pytest

from micrograd import Value, absolute, exp, jit, log, where
from micrograd.jit.ir.graph import Graph
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.program import Loop, statements
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.reroll.reroll import reroll
from micrograd.jit.reroll.table import table_driven
from micrograd.jit.trace.trace import trace


def walk(v: list[Any], n: int, seed: int) -> Any:
    """A random chain of `n` steps of one, two or three operands on whole numbers."""
    rng = random.Random(seed)
    y = v[0]
    for _ in range(n):
        b = rng.choice(v)
        y = rng.choice(
            [
                lambda y, b: y + b,
                lambda y, b: (y - b).relu(),
                lambda y, b: absolute(b - y) * 1.0,
                lambda y, b: where(y > b, b, y),
            ]
        )(y, b)
    return y


def traced(output: Any, leaves: list[Value]) -> Graph:
    """The graph of a Value, its leaves an input array."""
    return trace([output], {"x": leaves}, ()).graph


def test_a_deep_graph_becomes_one_statement_in_turn() -> None:
    leaves = [Value(float(k)) for k in range(-3, 4)]
    program = verify(reroll(traced(walk(leaves, 6000, 1), leaves)))
    in_turn = [s for n in program.body if isinstance(n, Loop) for s in statements(n.body)]
    assert len(in_turn) == 1
    assert len(program.statements) < 8
    assert in_turn[0].points > 6000


@pytest.mark.parametrize("seed", range(4))
def test_value_and_gradient_are_the_interpreters(seed: int) -> None:
    """Whole numbers, so that the order of sums does not matter."""
    leaves = [Value(float(k)) for k in range(-3, 4)]
    output = walk(leaves, 6000, seed)
    output.backward()
    value, partials = jit(output, wrt=leaves, dtype="f64").value_and_grad()
    assert value == output.data
    assert list(partials) == [v.grad for v in leaves]


def test_explain_says_why() -> None:
    leaves = [Value(float(k)) for k in range(-3, 4)]
    text = jit(walk(leaves, 6000, 1), wrt=leaves).explain()
    assert "deep and narrow, so one loop runs them from a table" in text


def test_several_outputs_and_an_op_of_three_operands() -> None:
    leaves = [Value(0.5), Value(-2.0)]
    a, b = leaves
    c = where(a > b, a * b, a - b)
    program = verify(table_driven(trace([c, a, c * c], {"x": leaves}, ()).graph, "out"))
    assert interpret(program, {"x": [0.5, -2.0]})["out"].tolist() == [-1.0, 0.5, 1.0]


def test_the_ops_that_a_node_is_not_send_nothing_back() -> None:
    """Where the operand is 0, the logarithm that the node is not has the derivative inf."""
    x, y = leaves = [Value(0.0), Value(0.0)]
    output = (x + y) * 1.0 + log(exp(y) + x)
    output.backward()
    program = table_driven(traced(output, leaves), "out")
    backwards = verify(gradient(program, ("out", 0), [("x", 0), ("x", 1)]))
    assert interpret(backwards, {"x": [0.0, 0.0]})["grad"].tolist() == [x.grad, y.grad]
