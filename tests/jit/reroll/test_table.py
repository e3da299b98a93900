"""Deep and narrow graphs without a pattern: one loop over a table of nodes."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
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
from micrograd.ops import OPS


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


def test_a_deep_graph_becomes_one_loop_with_a_statement_for_each_kind() -> None:
    leaves = [Value(float(k)) for k in range(-3, 4)]
    program = verify(reroll(traced(walk(leaves, 6000, 1), leaves)))
    (loop,) = (node for node in program.body if isinstance(node, Loop))
    kinds = sorted(str(s.expr).split("(")[0] for s in statements([loop]))
    assert kinds == ["abs", "add", "gt", "relu", "where"]
    assert len(program.statements) < 12
    assert int(loop.extent) > 6000


@pytest.mark.parametrize("seed", range(2))
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


@pytest.mark.parametrize("seed", range(3))
def test_strict_is_the_eager_result_to_the_last_bit(seed: int) -> None:
    """Any ops on any numbers; what is the same twice in a sum or a difference comes, too."""
    rng = random.Random(seed)
    leaves = [Value(rng.choice([rng.uniform(-2, 2), 0.0, -0.0, 1.0])) for _ in range(5)]
    nodes: list[Any] = list(leaves)
    tame = [op for op in OPS.values() if (op.emittable and op.ulps < 1) or op.nonexpansive]
    kinds = rng.sample(tame, 7)
    for _ in range(3100):
        op = rng.choice(kinds if rng.random() < 0.3 else [OPS["add"], OPS["sub"], OPS["mul"]])
        last = rng.choice([1, 4, 100])
        nodes.append(op(*(rng.choice([*nodes[-last:], nodes[-1], 0.5]) for _ in range(op.arity))))
        if not isinstance(nodes[-1], Value):
            nodes.pop()
    output = sum(nodes[-5:]) + 0.125 * sum(nodes[5:])
    output.backward()
    kernel = jit(output, wrt=leaves, dtype="f64", strict=True)
    assert "from a table" in kernel.explain()
    value, partials = kernel.value_and_grad()
    assert repr(value) == repr(output.data)
    np.testing.assert_array_equal(partials, [x.grad for x in leaves])


def test_squares_are_products_unless_strict() -> None:
    """Other powers with a constant exponent are a kind for each exponent."""
    x = Value(1.5)
    graph = traced(((x**2 - x) ** 3 + x * 0.5) ** 2 + x ** Value(2.5), [x])
    for strict, kinds in ((False, "add pow"), (True, "add pow pow")):
        program = verify(table_driven(graph, "out", strict=strict))
        (loop,) = (node for node in program.body if isinstance(node, Loop))
        texts = [str(s.expr) for s in statements([loop])]
        assert sorted(text.split("(")[0] for text in texts) == f"{kinds} pow".split()
        assert any(text.endswith(", 3.0)") for text in texts)


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
