"""The README of micrograd with recursive backpropagation, line by line."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

from micrograd.engine import Value

from .pages import ROOT, notebook, run

# --- About This Repository --------------------------------------------------------------------


def test_backpropagation_is_a_recursion() -> None:
    """From the result to its operands, each with what was handed to it."""
    a, b = Value(2.0), Value(-3.0)
    c = a * b
    d = c + a
    d.backprop()
    assert (d.grad, c.grad, a.grad, b.grad) == (1, 1.0, -2.0, 2.0)


def test_backpropagation_twice_does_not_count_twice_inside() -> None:
    """What the seed keeps `grad_contributions` for."""
    a = Value(2.0)
    b = a * a
    c = b + b
    c.backprop()
    assert (b.grad, a.grad) == (2.0, 8.0)
    a.grad = 0
    c.backprop()
    assert (b.grad, a.grad) == (2.0, 8.0)


@pytest.mark.parametrize(
    ("f", "expected"),
    [(lambda a, b: a + b, (1.0, 1.0)), (lambda a, b: a * b, (5.0, 3.0))],
    ids=["+", "*"],
)
def test_gradients_by_the_base_formula(f: Any, expected: tuple[float, float]) -> None:
    """(f(a + h) - f(a)) / h with a small h."""
    h = 1e-6
    a, b = Value(3.0), Value(5.0)
    f(a, b).backprop(numerical=True, h=h)
    assert a.grad == (f(3.0 + h, 5.0) - f(3.0, 5.0)) / h
    assert b.grad == (f(3.0, 5.0 + h) - f(3.0, 5.0)) / h
    assert (a.grad, b.grad) == pytest.approx(expected, rel=1e-8)
    assert (a.grad, b.grad) != expected  # differences are rounded


def test_names_of_the_seed() -> None:
    a, b = Value(2.0, label="a"), Value(3.0, (), "", "b")
    c = a * b
    assert (c.prev, c.operator, b.label) == ((a, b), "*", "b")
    assert ((c**2).operator, c.tanh().operator, c.exp().operator) == ("**2", "tanh", "exp")
    assert c.relu().operator == "ReLU"


# --- Installation -----------------------------------------------------------------------------


def test_install_demo_notebook_shows_the_functionalities() -> None:
    code, shown = notebook("install_demo")
    for line in ("o.backprop()", "graph = visualize_graph(o)", "display(graph)", "loss.backprop()"):
        assert line in code
    assert shown.count("<svg") == 2
    assert ">x1*w1 + x2*w2<" in shown
    assert "Value(data=0.7071067811865476, grad=1, label='o')" in shown
    assert "Original: [1.0, -1.0, -1.0, 1.0]" in shown


# --- Example usage ----------------------------------------------------------------------------


def example(**options: Any) -> tuple[str, str, str]:
    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backprop(**options)
    return f"{g.data:.4f}", f"{a.grad:.4f}", f"{b.grad:.4f}"


def test_example_usage() -> None:
    assert example() == ("24.7041", "138.8338", "645.5773")


def test_example_usage_with_numerical_derivatives() -> None:
    value, *gradient = example(numerical=True)
    assert value == "24.7041"
    assert [float(x) for x in gradient] == pytest.approx([138.8338, 645.5773], rel=1e-5)


# --- Training a neural net --------------------------------------------------------------------


def test_demo_notebook() -> None:
    code, shown = notebook("demo")
    assert "MLP(2, [16, 16, 1])  # 2-layer neural network" in code
    assert "accuracy 100.0%" in shown


# --- Tracing / visualization ------------------------------------------------------------------


def test_visualize_graph_draws_the_neuron(tmp_path: Path) -> None:
    pytest.importorskip("graphviz")
    from micrograd import nn
    from micrograd.engine import Value
    from micrograd.graph import visualize_graph

    random.seed(1337)

    n = nn.Neuron(2)
    x = [Value(1.0), Value(-2.0)]
    y = n(x)
    y.backprop()
    graph = visualize_graph(y)
    # data, then the gradient, in each node; ops between them
    assert len(re.findall(r"\{ data -?\d+\.\d{4} \| grad -?\d+\.\d{4} \}", graph.source)) == 10
    assert "data 0.1024 | grad 1.0000" in graph.source
    assert graph.source.count("[label=ReLU fillcolor=orange shape=ellipse]") == 1
    pytest.importorskip("pygraphviz")
    bundle = graph._repr_mimebundle_()  # what display(graph) asks for
    assert "ReLU" in bundle["image/svg+xml"]


def test_trace_graph_notebook() -> None:
    code, shown = notebook("trace_graph")
    assert "from micrograd.graph import draw_dot" in code
    assert "<svg" in shown


# --- Running tests ----------------------------------------------------------------------------


def test_python_m_pytest() -> None:
    found = run("-m", "pytest", "--collect-only", "-q", "tests/test_recursion.py", cwd=ROOT)
    assert "test_exact_backprop_is_backward_bit_for_bit" in found
