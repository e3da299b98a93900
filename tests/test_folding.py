"""Large graphs, drawn as the statements that the compiler finds in them."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

from micrograd import Value, jit, nn
from micrograd.datasets import moons
from micrograd.drawing import draw_dot, trace, visualize_graph
from micrograd.drawing.folded import fold
from micrograd.errors import GraphError

pytest.importorskip("graphviz")


def moons_loss(samples: int = 100) -> tuple[Value, nn.MLP]:
    random.seed(1337)
    model = nn.MLP(2, [16, 16, 1])
    X, y = moons(samples)
    inputs = [list(map(Value, row)) for row in X]
    scores = list(map(model, inputs))
    losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores, strict=True)]
    loss = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in model.parameters())
    loss.backward()
    return loss, model


@pytest.fixture(scope="module")
def drawing() -> Any:
    loss, model = moons_loss()
    return draw_dot(loss, parameters=model)


def nodes(source: str, colour: str) -> list[str]:
    return re.findall(rf"^\t(\w+) \[label=.* fillcolor={colour}\b", source, re.MULTILINE)


def edges(source: str) -> set[tuple[str, str]]:
    return set(re.findall(r"^\t(\w+) -> (\w+)$", source, re.MULTILINE))


def label(source: str, name: str) -> str:
    (found,) = re.findall(rf'^\t{name} \[label="(.*?)" fillcolor', source, re.MULTILINE)
    return str(found).replace("\u00a0", " ")


# --- the moons --------------------------------------------------------------------------------


def test_moons_loss_of_65818_nodes_is_drawn_as_its_13_statements(drawing: Any) -> None:
    source = drawing.source
    assert len(nodes(source, "lightblue")) == 13
    assert (nodes(source, "palegreen"), nodes(source, "lightgray")) == (["p"], ["x"])
    assert nodes(source, "white") == ["c0"]
    assert label(source, "p").startswith("p: 337 parameters | data -0.98")
    assert label(source, "x").startswith("x: 200 leaves | data -1.0")
    assert len(source) < 5000


def test_statements_say_what_they_stand_for(drawing: Any) -> None:
    labels = [label(drawing.source, f"s{k}") for k in range(13)]
    assert [int(n.replace(",", "")) for x in labels for n in re.findall(r"([\d,]+) Values", x)] == [
        2 * 2 * 1600,  # products and sums of the first layer
        2 * 337,  # the penalty
        1600,  # relu
        2 * 16 * 1600,
        3 * 16 * 100,  # relu, products, sums
        4 * 100,  # products, margins, relu, sums
        3,
    ]
    assert labels[-2].endswith("| data 0.8958 | grad 1.0000")
    assert labels[-1].startswith("out = ")
    assert sum(x.count("relu") for x in labels) == 3


def test_statements_are_connected_by_what_they_read(drawing: Any) -> None:
    found = edges(drawing.source)
    assert {("p", "s0"), ("s0", "s1"), ("x", "s1"), ("p", "s1"), ("s11", "s12")} <= found
    into = {end for _, end in found}
    starts = {f"s{k}" for k in range(13)} - into
    assert all(label(drawing.source, s).endswith("= 0.0\\l") for s in starts)


def test_every_statement_can_be_unfolded(drawing: Any) -> None:
    targets = {label(drawing.source, f"s{k}").split()[0].split("[")[0] for k in range(13)}
    assert set(drawing.parts) == targets
    for name in drawing.parts:
        inside = drawing.unfold(name).source
        assert 2 <= inside.count("| grad") <= 60, name


def test_what_is_inside_is_the_first_value_with_its_numbers() -> None:
    loss, model = moons_loss(5)
    drawing = draw_dot(loss, parameters=model)
    name = next(n for n, part in drawing.parts.items() if "= relu(" in part.title)
    inside = drawing.unfold(name).source
    assert inside.count("label=ReLU") == len(nodes(inside, "orange")) == 1
    first = fold(loss, model).arrays[name][0]
    assert first._op == "ReLU"
    assert f"data {first.data:.4f} | grad {first.grad:.4f}" in inside
    assert f"data {first._prev[0].data:.4f} | grad {first._prev[0].grad:.4f}" in inside


def test_a_long_sum_is_not_unfolded_without_end(drawing: Any) -> None:
    name = next(n for n, part in drawing.parts.items() if "674 Values" in part.title)
    assert "{ ... | data" in drawing.unfold(name).source


def test_an_unknown_part_is_an_error_with_the_names(drawing: Any) -> None:
    with pytest.raises(GraphError, match=r"no part 'nothing' to unfold; there are t\d+, .*out"):
        drawing.unfold("nothing")


# --- which Values are where -------------------------------------------------------------------


def test_every_value_is_in_one_statement() -> None:
    loss, model = moons_loss(20)
    arrays = fold(loss, model).arrays
    found = [v for values in arrays.values() for v in values]
    under = {id(v) for v in trace(loss)[0] if v._operands}
    assert len(found) == len(set(map(id, found)))
    assert {id(v) for v in found if v._operands} == under
    assert len(arrays["p"]) == 337
    assert len(arrays["x"]) == 40


def test_drawing_changes_no_value() -> None:
    loss, model = moons_loss(5)
    before = [(type(p), p.data, p.grad) for p in model.parameters()]
    draw_dot(loss, fold=True)
    assert [(type(p), p.data, p.grad) for p in model.parameters()] == before


def test_live_parameters_are_told_apart() -> None:
    loss, model = moons_loss(5)
    assert nodes(draw_dot(loss).source, "palegreen") == []
    jit(model)([1.0, 2.0])
    assert nodes(draw_dot(loss).source, "palegreen") == ["p"]


def test_a_recurrence_is_folded() -> None:
    x = Value(0.5)
    h = Value(0.0)
    for _ in range(500):
        h = (h * 0.9 + x).tanh()
    drawing = draw_dot(h)
    assert len(nodes(drawing.source, "lightblue")) < 20
    assert all("| grad" in drawing.unfold(name).source for name in drawing.parts)
    carried = re.findall(r"s(\d+) -> s(\d+) \[constraint=false style=dashed\]", drawing.source)
    assert carried == [("1", "1")]
    assert drawing.source.replace("\u00a0", " ").count("500 in order\\l") == 1


def test_an_array_that_is_written_bit_by_bit_has_few_edges() -> None:
    rng = random.Random(0)
    values = [Value(rng.uniform(-1, 1)) for _ in range(5)]
    for _ in range(4000):  # levels of equal ops, which read what is anywhere above
        a, b = rng.choice(values[-300:]), rng.choice(values)
        values.append(rng.choice([lambda a, b: a + b, lambda a, b: a * b])(a, b))
    drawing = draw_dot(sum(values), fold=True, max_nodes=3000)
    statements = len(nodes(drawing.source, "lightblue"))
    assert statements > 50
    assert len(edges(drawing.source)) < 12 * statements


# --- when -------------------------------------------------------------------------------------


def test_folding_begins_above_max_nodes() -> None:
    loss, _ = moons_loss(2)
    n = len(trace(loss)[0])
    assert visualize_graph(loss, max_nodes=n).source.count("| grad") == n
    assert len(nodes(visualize_graph(loss, max_nodes=n - 1).source, "lightblue")) < 40


def test_folding_can_be_asked_for_and_refused() -> None:
    x = Value(2.0, label="x")
    small = draw_dot(x * x + 1.0, fold=True)
    assert [label(small.source, s) for s in ("s0", "s2")] == [
        "t1 = mul(x, x)\\l | 1 Value | data 4.0000 | grad 0.0000",
        "out = t3\\l",
    ]
    y = x
    for _ in range(500):
        y = -y
    with pytest.raises(GraphError, match="more than 500 Values"):
        draw_dot(y, fold=False)
    with pytest.raises(GraphError, match="fold should be True or False"):
        draw_dot(x, fold="yes")  # type: ignore[arg-type]


def test_what_does_not_repeat_is_refused() -> None:
    rng = random.Random(0)
    values = [Value(rng.uniform(-1, 1)) for _ in range(5)]
    for _ in range(400):
        a, b = rng.sample(values, 2)
        values.append(rng.choice([a + b, a * b, a - b, a.tanh(), b.sin()]))
    total = sum(values)
    with pytest.raises(
        GraphError, match=r"not repeat: .* as \d+ statements that read \d+ arrays, and 50"
    ):
        draw_dot(total, max_nodes=50)


# --- as HTML ----------------------------------------------------------------------------------


def test_html_has_the_picture_and_every_part(drawing: Any, tmp_path: Path) -> None:
    pytest.importorskip("pygraphviz")
    page = drawing.write_html(tmp_path / "loss.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("<svg") == page.count("</svg>") == 1 + len(drawing.parts)
    assert page.count("<details>") == page.count("</details>") == len(drawing.parts)
    assert "for i &lt; 100, j &lt; 16" in page
    assert len(page) < 500_000
    bundle = drawing._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/svg+xml"}
    assert set(drawing._repr_mimebundle_(exclude=["text/html"])) == {"image/svg+xml"}


def test_html_of_many_parts_has_some_of_them() -> None:
    pytest.importorskip("pygraphviz")
    x = Value(0.5)
    y = x
    for k in range(60):
        y = [y.sin, y.tanh, y.exp, y.sigmoid][k * k % 7 % 4]()
    drawing = draw_dot(y, fold=True)
    assert len(drawing.parts) > 50
    page = drawing.html()
    assert page.count("<details>") == 50
    assert f"and {len(drawing.parts) - 50} more" in page
