"""The drawing of a graph, by facts about its text, and its layout with and without `dot`."""

from __future__ import annotations

import html
import os
import random
import re
import sys
from pathlib import Path

import pytest

from micrograd import Value, jit, nn
from micrograd.drawing import DrawingError, draw_dot, trace, visualize_graph
from micrograd.drawing.nodes import COLOURS
from micrograd.errors import DataError, GraphError


def labels(source: str) -> list[str]:
    return re.findall(r'\[label="?(.*?)"? fillcolor=', source)


def colours(source: str) -> list[str]:
    """What each node is, as its colour says."""
    found = re.findall(r"fillcolor=(\w+)", source)
    return [next(kind for kind, c in COLOURS.items() if c == colour) for colour in found]


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
    assert draw().count("| grad") == 10  # 3 parameters, 2 inputs, 5 results
    assert "ReLU" in draw()


def test_literal_is_drawn_and_an_exponent_is_in_its_op() -> None:
    x = Value(3.0)
    assert "data 5.0000" in visualize_graph(x + 5.0).source
    square = visualize_graph(x**2).source
    assert '"**2"' in square
    assert square.count("| grad") == 2


@pytest.mark.parametrize(
    ("label", "shown"),
    [("a|b", r"a\|b"), ("{x}", r"\{x\}"), ("<p>", r"\<p\>"), ('say "x"', r"say \"x\"")],
)
def test_label_is_drawn_escaped(label: str, shown: str) -> None:
    assert f"{{ {shown} | data" in visualize_graph(Value(1.0, label=label)).source


def test_comparison_is_drawn_as_text_not_as_html() -> None:
    x = Value(1.0)
    assert '[label="<" ' in visualize_graph(x < 2.0).source


def test_drawn_format_and_direction_are_kept() -> None:
    drawing = visualize_graph(Value(1.0), format="png", rankdir="TB")
    assert drawing.format == "png"
    assert "rankdir=TB" in drawing.source


def test_large_graph_is_refused_if_it_is_not_to_be_folded() -> None:
    x = Value(1.0)
    for _ in range(500):
        x = -x
    with pytest.raises(GraphError, match=r"more than 500 Values.*fold it.*larger max_nodes"):
        visualize_graph(x, fold=False)


def test_large_graph_is_drawn_when_asked_for() -> None:
    x = Value(1.0)
    for _ in range(500):
        x = -x
    assert visualize_graph(x, max_nodes=501).source.count("| grad") == 501


def test_wrong_direction_is_an_error() -> None:
    with pytest.raises(GraphError, match="rankdir should be one of LR, TB, RL, BT, got str 'up'"):
        visualize_graph(Value(1.0), rankdir="up")


def test_what_is_no_value_is_an_error() -> None:
    with pytest.raises(DataError, match=r"root should be a Value, .* got float 1\.0"):
        visualize_graph(1.0)  # type: ignore[arg-type]


def test_large_drawings_are_laid_out_in_haste() -> None:
    """A graph without a pattern, which would take Graphviz a minute otherwise."""
    rng = random.Random(0)
    values = [Value(1.0), Value(2.0)]
    for _ in range(200):
        values.append(rng.choice(values) * rng.choice(values))
    assert "nslimit=1" in draw_dot(values[-1] + sum(values)).source
    assert "nslimit" not in draw_dot(values[5]).source


# --- colours ----------------------------------------------------------------------------------


def test_leaves_parameters_literals_results_and_ops_have_colours() -> None:
    x, w = Value(2.0), Value(3.0)
    assert colours(visualize_graph(w * x + 1.0, parameters=[w]).source) == [
        "parameter",
        "leaf",
        "result",
        "op",
        "literal",
        "result",
        "op",
    ]


def test_parameters_of_a_model_and_live_ones_are_coloured() -> None:
    model = nn.MLP(2, [1])
    x = [Value(1.0), Value(2.0)]
    assert "parameter" not in colours(visualize_graph(model(x)).source)
    assert colours(visualize_graph(model(x), parameters=model).source).count("parameter") == 3
    jit(model)(x)  # which makes them live
    assert colours(visualize_graph(model(x)).source).count("parameter") == 3


def test_a_literal_is_no_leaf_that_happens_to_be_equal() -> None:
    two = Value(2.0)
    assert colours(visualize_graph(two * two + 2.0).source).count("literal") == 1
    assert colours(visualize_graph(Value(4.0, (two, 2.0), "*")).source).count("literal") == 1


# --- layout -----------------------------------------------------------------------------------


def neuron() -> Value:
    random.seed(1337)
    y: Value = nn.Neuron(2)([Value(1.0, label="x₀"), Value(-2.0, label="a <&> b")])
    y.backward()
    return y


def texts(svg: str) -> list[str]:
    """The texts of a picture, unescaped, in order."""
    assert svg.startswith("<?xml")
    return [
        html.unescape(t).replace("\xa0", " ") for t in re.findall(r"<text.*?>(.*?)</text>", svg)
    ]


@pytest.fixture
def no_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Graphviz's program is not installed."""
    monkeypatch.setenv("PATH", "")


@pytest.fixture
def some_dot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A program `dot`, which says how it was called."""
    program = tmp_path / "bin" / "dot"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "called with $*"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return program


@pytest.mark.usefixtures("no_dot")
def test_notebooks_show_pictures_without_dot() -> None:
    pytest.importorskip("pygraphviz")
    bundle = draw_dot(neuron())._repr_mimebundle_()
    shown = texts(bundle["image/svg+xml"])
    assert {"x₀", "a <&> b", "ReLU", "+", "*"} <= set(shown)
    assert shown.count("data -2.0000") == 1


@pytest.mark.usefixtures("no_dot")
def test_files_are_written_without_dot(tmp_path: Path) -> None:
    pytest.importorskip("pygraphviz")
    drawing = draw_dot(neuron())
    written = drawing.render(str(tmp_path / "gout"))
    assert written == str(tmp_path / "gout.svg")
    assert "ReLU" in texts(Path(written).read_text(encoding="utf-8"))
    assert (tmp_path / "gout").read_text(encoding="utf-8") == drawing.source
    png = drawing.render(outfile=tmp_path / "gout.png", cleanup=True)
    assert Path(png).read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["gout", "gout.png", "gout.svg"]
    assert drawing.render("other", directory=tmp_path, format="pdf").endswith("other.pdf")
    assert drawing.pipe("png").startswith(b"\x89PNG")


@pytest.mark.usefixtures("no_dot")
def test_without_any_graphviz_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    drawing = draw_dot(neuron())
    for see in (drawing.pipe, lambda: drawing.render(tmp_path / "gout"), drawing._repr_mimebundle_):
        with pytest.raises(
            DrawingError, match=r"neither its program `dot` .*micrograd-mlir\[viz\]"
        ):
            see()
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="the program is a shell script")
def test_dot_is_used_where_it_is_installed(some_dot: Path, tmp_path: Path) -> None:
    drawing = draw_dot(neuron())
    assert drawing.pipe("png").startswith(b"called with -Kdot -Tpng")
    assert drawing._repr_image_svg_xml().startswith("called with -Kdot -Tsvg")
    assert drawing.render(tmp_path / "gout", quiet=True) == str(tmp_path / "gout.svg")


def test_missing_graphviz_is_an_error_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "graphviz", None)
    monkeypatch.delitem(sys.modules, "micrograd.drawing.picture", raising=False)
    with pytest.raises(DrawingError, match=r"pip install 'micrograd-mlir\[viz\]'"):
        visualize_graph(Value(1.0))
