"""The drawing of a graph, by facts about its text; needs no `dot` program."""

from __future__ import annotations

import random
import re
import sys

import pytest

from micrograd import Value, nn
from micrograd.drawing import DrawingError, draw_dot, trace, visualize_graph
from micrograd.errors import DataError, GraphError


def labels(source: str) -> list[str]:
    return re.findall(r'\[label="?(.*?)"?(?: shape=record)?\]', source)


def edges(source: str) -> list[tuple[str, str]]:
    return re.findall(r"(\w+) -> (\w+)", source)


def test_trace_has_operands_before_results() -> None:
    x = Value(2.0)
    g = x * 3.0
    nodes, found = trace(g + x)  # x is needed both directly and below g
    place = {v: k for k, v in enumerate(nodes)}
    assert len(nodes) == len(place) == 4
    assert len(found) == 4
    assert all(place[a] < place[b] for a, b in found)


def test_trace_does_not_recurse() -> None:
    x = Value(1.0)
    for _ in range(50_000):
        x = x + x
    nodes, found = trace(x)
    assert (len(nodes), len(found)) == (50_001, 100_000)


def test_trace_ends_on_a_cycle_made_by_hand() -> None:
    a = Value(1.0)
    b = a + 1.0
    a._operands = (b,)
    assert len(trace(b)[0]) == 3


def test_node_is_drawn_with_label_data_and_gradient() -> None:
    a, b = Value(-4.0, label="a"), Value(2.0)
    c = a * b
    c.backward()
    assert labels(visualize_graph(c).source) == [
        "{ a | data -4.0000 | grad 2.0000 }",
        "{ data 2.0000 | grad -4.0000 }",
        "{ data -8.0000 | grad 1.0000 }",
        "*",
    ]


def test_square_is_drawn_with_both_edges() -> None:
    x = Value(3.0)
    assert edges(visualize_graph(x * x).source) == [
        ("n1_op", "n1"),
        ("n0", "n1_op"),
        ("n0", "n1_op"),
    ]


def test_drawn_operands_keep_their_order() -> None:
    a, b = Value(1.0), Value(2.0)
    source = visualize_graph(b - a).source
    assert edges(source)[-2:] == [("n0", "n2_op"), ("n1", "n2_op")]
    assert labels(source)[0].startswith("{ data 2.0000")


def test_drawn_neuron_is_the_same_each_time() -> None:
    def draw() -> str:
        random.seed(1337)
        y = nn.Neuron(2)([Value(1.0), Value(-2.0)])
        y.backward()
        return str(draw_dot(y).source)

    assert draw() == draw()
    assert draw().count("shape=record") == 10  # 3 parameters, 2 inputs, 5 results
    assert "ReLU" in draw()


def test_literal_is_drawn_and_an_exponent_is_in_its_op() -> None:
    x = Value(3.0)
    assert "data 5.0000" in visualize_graph(x + 5.0).source
    square = visualize_graph(x**2).source
    assert '"**2"' in square
    assert square.count("shape=record") == 2


@pytest.mark.parametrize(
    ("label", "shown"),
    [("a|b", r"a\|b"), ("{x}", r"\{x\}"), ("<p>", r"\<p\>"), ('say "x"', r"say \"x\"")],
)
def test_label_is_drawn_escaped(label: str, shown: str) -> None:
    assert f"{{ {shown} | data" in visualize_graph(Value(1.0, label=label)).source


def test_comparison_is_drawn_as_text_not_as_html() -> None:
    x = Value(1.0)
    assert '[label="<"]' in visualize_graph(x < 2.0).source


def test_drawn_format_and_direction_are_kept() -> None:
    drawing = visualize_graph(Value(1.0), format="png", rankdir="TB")
    assert drawing.format == "png"
    assert "rankdir=TB" in drawing.source


def test_large_graph_is_refused() -> None:
    x = Value(1.0)
    for _ in range(2000):
        x = -x
    with pytest.raises(GraphError, match=r"more than 2000 Values.*larger max_nodes"):
        visualize_graph(x)


def test_large_graph_is_drawn_when_asked_for() -> None:
    x = Value(1.0)
    for _ in range(2000):
        x = -x
    assert visualize_graph(x, max_nodes=2001).source.count("shape=record") == 2001


def test_wrong_direction_is_an_error() -> None:
    with pytest.raises(GraphError, match="rankdir should be one of LR, TB, RL, BT, got str 'up'"):
        visualize_graph(Value(1.0), rankdir="up")


def test_what_is_no_value_is_an_error() -> None:
    with pytest.raises(DataError, match=r"root should be a Value, .* got float 1\.0"):
        visualize_graph(1.0)  # type: ignore[arg-type]


def test_missing_graphviz_is_an_error_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "graphviz", None)
    with pytest.raises(DrawingError, match=r"pip install 'micrograd-mlir\[viz\]'"):
        visualize_graph(Value(1.0))
