"""What notebooks show: well-formed, escaped, small, and made without compiling anything; layouts
and charts of random graphs and numbers.
"""

from __future__ import annotations

import random
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lowering import native
from micrograd import History, Tensor, Value, copies, fit, jit, nn, total
from micrograd.cache import store
from micrograd.losses import cross_entropy
from micrograd.notebook.graph import MOST_NODES, Node, drawn
from micrograd.notebook.layered import GAP_ACROSS, GAP_DOWN, laid_out
from micrograd.notebook.markup import MOST_LINES, element, preformatted
from micrograd.notebook.plot import HEIGHT, WIDTH, Series, line_chart
from micrograd.notebook.text import Text
from micrograd.optim import SGD, Adam

HOSTILE = [
    "<script>alert(1)</script>",
    "a & b < c > d \" ' ]]> -->",
    "\x00\x01\x1b[31m \ud800 \uffff",
    "{{ x }} %s \\ \n\t",
    "größe 重み 🙂",
    "x" * 10_000,
]
LARGEST = 40_000
"""Characters of what is shown of anything."""


def parsed(html: str | None) -> ET.Element:
    """What is shown, as XML; it loads nothing, runs nothing and has no colours of a page."""
    assert html is not None
    assert len(html) < LARGEST
    tree = ET.fromstring(html)
    for part in tree.iter():
        assert part.tag.rpartition("}")[2] not in ("script", "img", "link", "iframe", "style")
        assert not [name for name in part.attrib if name.startswith("on")]
        assert not re.search(r"(?:^|[;\s])color:|url\(", part.get("style", ""))
    return tree


def words(tree: ET.Element) -> str:
    return " ".join(x.strip() for x in tree.itertext() if x.strip())


def marked(tree: ET.Element, tag: str) -> list[ET.Element]:
    return [x for x in tree.iter() if x.tag.rpartition("}")[2] == tag]


# --- Values -----------------------------------------------------------------------------------


def test_a_value_is_shown_with_its_graph() -> None:
    a, b = Value(-4.0, label="a"), Value(2.0, label="b")
    out = a * b + b**3 + 1.0
    out.backward()
    tree = parsed(out._repr_html_())
    said = words(tree)
    assert "Value · data 1 · gradient 1" in " ".join(said.split())
    for part in ("a", "data -4", "grad 2", "b", "grad 8", "**3", "*", "+"):
        assert part in said
    boxes = marked(tree, "rect")
    assert len(boxes) == 7  # a, b, the literal, and four results; 3 is part of the op
    assert len(marked(tree, "path")) == 7


def test_of_a_leaf_there_is_a_line() -> None:
    assert marked(parsed(Value(3.0, label="x")._repr_html_()), "svg") == []


def test_a_literal_is_a_node_at_each_use() -> None:
    x = Value(3.0)
    tree = parsed((2.0 * x + 2.0)._repr_html_())
    assert len(marked(tree, "rect")) == 5


def test_an_operand_that_is_used_twice_has_two_edges() -> None:
    x = Value(3.0)
    assert len(marked(parsed((x * x)._repr_html_()), "path")) == 2


@pytest.mark.parametrize("label", HOSTILE, ids=range(len(HOSTILE)))
def test_labels_are_escaped_and_cut(label: str) -> None:
    x = Value(1.0, label=label)
    parsed(x._repr_html_())
    parsed((x + 1.0)._repr_html_())
    parsed(Tensor([1.0], label=label)._repr_html_())
    parsed(drawn([Node([label])], [], label))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -0.0, 1e-320, 1e300])
def test_any_number_is_shown(number: float) -> None:
    x = Value(number)
    x.grad = number
    assert f"{number:.6g}" in words(parsed((x + 0.0)._repr_html_()))


def test_of_a_large_graph_only_as_much_is_looked_at_as_could_be_drawn() -> None:
    x = bottom = Value(0.0)
    for _ in range(MOST_NODES + 5):
        x = x + 1.0
    del bottom._operand  # whoever looks at it fails
    assert f"more than {MOST_NODES}" in words(parsed(x._repr_html_()))


def test_a_wide_sum_is_too_large_as_well() -> None:
    assert "more than" in words(parsed(sum(Value(1.0) for _ in range(300))._repr_html_()))  # type: ignore[union-attr]


def test_a_traced_value_and_a_traced_tensor_show_their_text() -> None:
    seen: list[Any] = []

    def f(x: Any) -> Any:
        seen.append(x._repr_html_())
        return x * 2.0

    jit(f)(1.0)
    jit(f)(Tensor([1.0]))
    assert seen
    assert set(seen) == {None}


def test_a_parameter_of_a_kernel_is_shown_with_the_number_it_has_now() -> None:
    model = nn.MLP(2, [2, 1])
    jit(model)([1.0, 2.0])
    p = model.parameters()[0]
    p.data = 0.125
    assert "data 0.125" in words(parsed(p._repr_html_()))


def test_showing_changes_nothing() -> None:
    random.seed(3)
    model = nn.MLP(2, [3, 1])
    out = model([1.0, 2.0])
    tensor = Tensor([1.0])
    serial, state, numbers = copies.next_serial(), random.getstate(), (out.data, out.grad)
    for x in (out, model, tensor):
        x._repr_html_()
    assert copies.next_serial() == serial + 1
    assert (random.getstate(), (out.data, out.grad)) == (state, numbers)


# --- Tensors ----------------------------------------------------------------------------------


def test_a_tensor_is_shown_with_a_corner_and_its_gradient() -> None:
    x = Tensor(np.arange(3 * 20 * 30).reshape(3, 20, 30) / 7, requires_grad=True)
    (x * x).sum().backward()
    said = words(parsed(x._repr_html_()))
    assert "float32[3, 20, 30]" in said
    assert "requires a gradient" in said
    assert "the first of 3 such matrices" in said
    assert "… 14 more rows" in said
    assert "gradient, float32[3, 20, 30]" in said
    assert f"{x.data[0, 0, 7]:.6g}" in said
    assert len(marked(parsed(x._repr_html_()), "tr")) == 2 * 7


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,), (6, 8), (7, 9), (2, 3, 4, 5), (1000,)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_tensors_of_all_shapes_and_types(shape: tuple[int, ...], dtype: str) -> None:
    x = Tensor(np.ones(shape), dtype=dtype)
    said = words(parsed(x._repr_html_()))
    assert f"{dtype}[{', '.join(map(str, shape))}]" in said


# --- models -----------------------------------------------------------------------------------


def test_a_model_is_shown_with_layers_sizes_and_parameters() -> None:
    tree = parsed(nn.MLP(2, [16, 3, 1])._repr_html_())
    said = words(tree)
    for part in ("103 parameters", "2 inputs", "16 ReLU", "48 param.", "3 ReLU", "1 linear"):
        assert part in said, part
    assert len(marked(tree, "circle")) == 2 + 8 + 3 + 1


def test_layers_of_tensors_are_shown() -> None:
    model = nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Dropout(0.1), nn.Linear(5, 3))
    said = words(parsed(model._repr_html_()))
    for part in ("33 parameters", "Linear(2, 5)", "15 param.", "ReLU()", "Dropout(0.1)"):
        assert part in said, part


def test_a_long_model_is_folded() -> None:
    model = nn.network("longer")
    assert "… 47 more layers" in words(parsed(model._repr_html_()))
    parsed(nn.MLP(3, [4] * 100)._repr_html_())


class Own(nn.Module):
    """One's own model, with an awkward name for a printed form."""

    def __init__(self) -> None:
        self.first = nn.Layer(3, 2)
        self.scale = Value(2.0)

    def __call__(self, x: Any) -> Any:
        return [self.scale * y for y in self.first(x)]

    def __repr__(self) -> str:
        return "<Own & only>"


class Nothing(nn.Module):
    pass


@pytest.mark.parametrize(
    "model",
    [Own(), Nothing(), nn.Neuron(3), nn.Layer(2, 1), nn.Conv2d(1, 4, 3), nn.Embedding(5, 3)],
    ids=lambda model: type(model).__name__,
)
def test_any_model_is_shown(model: Any) -> None:
    n = sum(getattr(p, "size", 1) for p in model.parameters())
    assert f"{n:,} parameter" in words(parsed(model._repr_html_()))
    assert ET.fromstring(model._repr_svg_()).tag.endswith("svg")


# --- histories --------------------------------------------------------------------------------


def trained(**how: Any) -> History:
    random.seed(0)
    model = nn.MLP(2, [4, 2])
    rng = np.random.default_rng(0)
    data = rng.normal(size=(40, 2)), rng.integers(0, 2, 40)
    return fit(model, Adam(model.parameters()), data=data, loss=cross_entropy, **how)


def test_a_history_is_shown_with_its_losses() -> None:
    history = trained(epochs=5, batch_size=8)
    tree = parsed(history._repr_html_())
    said = words(tree)
    for part in ("25 steps", "done", f"loss {history.losses[0]:.6g}", "step", "mean of an epoch"):
        assert part in said, part
    assert len(marked(tree, "path")) == 2


def test_a_history_alone_is_a_picture_for_dark_and_light() -> None:
    picture = trained(epochs=1)._repr_svg_()
    assert picture is not None
    assert ET.fromstring(picture).tag.endswith("svg")
    assert "prefers-color-scheme: dark" in picture


def test_a_history_of_nothing_has_no_picture() -> None:
    w = Value(1.0)
    history = fit(w * w, SGD([w], lr=0.1), steps=1)
    history.losses = history.rates = np.zeros(0)
    assert history._repr_svg_() is None
    assert "0 steps" in words(parsed(history._repr_html_()))


def test_of_a_long_history_every_peak_is_drawn() -> None:
    losses = np.ones(1_000_000)
    losses[123_456], losses[765_432] = 5.0, np.nan
    picture = line_chart([Series("s", np.arange(1.0, 1e6 + 1), losses)], "step", "loss", "t")
    assert len(picture) < LARGEST
    (path,) = marked(ET.fromstring(picture), "path")
    points = re.findall(r"[ML]([\d.]+) ([\d.]+)", path.attrib["d"])
    assert min(float(y) for _, y in points) < 50 < 150 < max(float(y) for _, y in points)
    assert path.attrib["d"].count("M") == 2  # begun anew behind what is no number


def numbers(rng: np.random.Generator) -> np.ndarray[Any, Any]:
    n = int(rng.choice([1, 2, 3, 50, 479, 480, 481, 5000]))
    made: list[Callable[[], np.ndarray[Any, Any]]] = [
        lambda: rng.normal(size=n),
        lambda: 10.0 ** rng.uniform(-300, 300, n),
        lambda: np.full(n, rng.choice([0.0, 3.0, -1e-12, 1e200, 1e-200, 5e-324])),
        lambda: rng.choice([1e308, -1e308, 0.0], n),
        lambda: rng.choice([1.0, 1.0 + 2e-16], n),
        lambda: rng.choice([5e-324, 1e-300, 1e-310], n),
    ]
    y = made[int(rng.integers(len(made)))]()
    y[rng.random(n) < rng.choice([0.0, 0.3, 1.0])] = rng.choice([np.nan, np.inf, -np.inf])
    return y


@pytest.mark.parametrize("seed", range(150))
def test_charts_of_any_numbers_stay_in_their_frame(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lines = []
    for k in range(int(rng.integers(1, 5))):
        y = numbers(rng)
        lines.append(Series(f"<{k}>", np.arange(1.0, len(y) + 1), y))
    picture = line_chart(lines, "step", "y", "title")
    drawable = [np.isfinite(s.y) & (np.abs(s.y) < 1e150) for s in lines]
    assert bool(picture) == any(map(np.any, drawable))
    if picture:
        tree = ET.fromstring(picture)
        for path in marked(tree, "path"):
            for x, y in re.findall(r"[ML](\S+?) (-?[\d.]+)", path.attrib["d"]):
                assert 0 <= float(x) <= WIDTH
                assert 0 <= float(y) <= HEIGHT
        for line in marked(tree, "line"):
            for name in ("x1", "y1", "x2", "y2"):
                assert 0 <= float(line.attrib[name]) <= WIDTH
        assert len(marked(tree, "text")) < 30


# --- layouts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(60))
def test_nodes_of_a_layout_do_not_overlap_and_edges_lead_to_the_right(seed: int) -> None:
    rng = random.Random(seed)
    n = rng.randint(1, MOST_NODES)
    sizes = [(rng.uniform(10, 90), rng.uniform(10, 50)) for _ in range(n)]
    edges = [
        (a, b)
        for b in range(1, n)
        for a in rng.sample(range(b), min(b, rng.randint(0, 3)))
        for _ in range(rng.randint(1, 2))
    ]
    layout = laid_out(sizes, edges)
    assert len(layout.centres) == n
    eps = 1e-6
    for i in range(n):
        (x, y), (w, h) = layout.centres[i], sizes[i]
        assert -eps <= x - w / 2 <= x + w / 2 <= layout.width + eps
        assert -eps <= y - h / 2 <= y + h / 2 <= layout.height + eps
        for j in range(i):
            (u, v), (a, b) = layout.centres[j], sizes[j]
            apart = abs(x - u) >= (w + a) / 2 - eps or abs(y - v) >= (h + b) / 2 + GAP_DOWN - eps
            assert apart
    for (a, b), line in zip(edges, layout.edges, strict=True):
        assert line[0] == (layout.centres[a][0] + sizes[a][0] / 2, layout.centres[a][1])
        assert line[-1] == (layout.centres[b][0] - sizes[b][0] / 2, layout.centres[b][1])
        across = [x for x, _ in line]
        assert across == sorted(across)
        assert line[-1][0] - line[0][0] >= GAP_ACROSS - eps


# --- kernels ----------------------------------------------------------------------------------


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, nothing can be compiled."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("something was compiled to be shown")

    return lambda: monkeypatch.setattr(native, "perform", refuse)


def test_a_kernel_that_was_not_called_is_shown_without_compiling(
    no_compiler: Callable[[], None],
) -> None:
    no_compiler()
    x = Value(2.0, label="x")
    for kernel in (
        jit(x * x, wrt=[x]),
        jit(lambda a, b: a * b),
        total(lambda a, b: a * b, rows="b"),
    ):
        assert "not compiled yet" in words(parsed(kernel._repr_html_()))


def test_a_kernel_is_shown_with_what_was_found(no_compiler: Callable[[], None]) -> None:
    w = Value(0.5, label="w")
    loss = sum((w * float(x) - 1.0) ** 2 for x in range(100))
    kernel = jit(loss, wrt=[w]).value_and_grad
    kernel(0.5)
    no_compiler()
    tree = parsed(kernel._repr_html_())
    said = words(tree)
    assert "kernel value.value_and_grad(w) -> float32" in said
    assert kernel.explain().splitlines()[0] in said
    titles = [words(x).partition(":")[0] for x in marked(tree, "summary")]
    assert titles == ["program", "simplified", "schedule", "llvm_ir"]
    assert "for i < 100" in said


def test_of_a_kernel_that_was_kept_only_what_was_kept_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_compiler: Callable[[], None]
) -> None:
    monkeypatch.setenv("MICROGRAD_CACHE", "1")
    monkeypatch.setenv("MICROGRAD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(store, "_sizes", {})

    def f(x: float, y: float) -> Any:
        return x.tanh() * y  # type: ignore[attr-defined]

    first, kept = jit(f).grad, jit(f).grad
    assert first(0.5, 2.0) == kept(0.5, 2.0)
    no_compiler()
    tree = parsed(kept._repr_html_())
    assert [words(x).partition(":")[0] for x in marked(tree, "summary")] == ["simplified"]
    assert "explain() says more" in words(tree)
    assert "rerolled" not in vars(kept._latest._programs)


def test_a_kernel_of_any_number_of_arguments_shows_the_one_that_was_called() -> None:
    kernel = jit(lambda *xs: sum(x * x for x in xs))
    assert kernel._repr_html_() is None
    kernel(1.0, 2.0, 3.0)
    assert "xs_2" in words(parsed(kernel._repr_html_()))


def test_a_closed_kernel_is_shown() -> None:
    kernel = jit(lambda x: x * x)
    kernel(2.0)
    kernel.close()
    assert "kernel" in words(parsed(kernel._repr_html_()))


def test_a_kernel_of_tensors_and_a_sum_over_rows_are_shown(no_compiler: Callable[[], None]) -> None:
    def f(x: Any) -> Any:
        return (x * x).sum()

    kernel = jit(f).grad
    kernel(Tensor([1.0, 2.0]))
    rows = total(lambda a, x: (a * x - 1.0) ** 2, rows="x")
    rows.grad(2.0, np.ones(5000))
    no_compiler()
    assert "kernel f.grad(x)" in words(parsed(kernel._repr_html_()))
    assert kernel.explain().splitlines()[0] in words(parsed(kernel._repr_html_()))
    assert "for each row of the data" in words(parsed(rows.grad._repr_html_()))


def test_of_a_kernel_of_many_statements_there_is_a_count(
    no_compiler: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = Value(0.5), Value(0.25)
    kernel = jit(((x * y).tanh() + x).exp() / y, wrt=[x, y]).value_and_grad
    kernel(0.5, 0.25)
    no_compiler()
    monkeypatch.setattr(sys.modules["micrograd.jit.shown"], "MOST_STATEMENTS", 5)
    monkeypatch.setattr(preformatted, "__defaults__", (5,))
    tree = parsed(kernel._repr_html_())
    assert "14 statements; explain() says more" in words(tree)
    assert "… and more lines" in words(tree)


def test_a_program_is_shown_and_cut() -> None:
    x = Value(0.5)
    kernel = jit(sum(x * float(k) for k in range(100)), wrt=[x])
    kernel(0.5)
    tree = parsed(kernel._latest.program._repr_html_())
    assert "Program" in words(tree)
    assert "for k" not in words(tree)


def test_a_long_text_says_how_many_lines_are_left() -> None:
    shown = preformatted("\n".join(map(str, range(1000))))
    assert f"… {1000 - MOST_LINES:,} more lines of 1,000" in words(ET.fromstring(shown))
    assert "more" not in preformatted("\n".join("x" * MOST_LINES))


# --- text -------------------------------------------------------------------------------------


def test_explanations_and_stages_are_shown_as_text_at_the_prompt() -> None:
    x = Value(2.0)
    kernel = jit(x * x + x, wrt=[x])
    for shown in (kernel.explain(), kernel.stages()["program"], kernel.stages()["graph"]):
        assert isinstance(shown, Text)
        assert repr(shown) == str(shown) == f"{shown}"
        assert "\n" in repr(shown)
        assert shown == str(shown)
    assert type(str(kernel.explain())) is str


def test_ipython_shows_text_as_it_is() -> None:
    pretty = pytest.importorskip("IPython.lib.pretty")
    assert pretty.pretty(Text("one\n'two'")) == "one\n'two'"


def test_elements_without_content_are_closed() -> None:
    assert element("text") == "<text></text>"
    assert element("path", d="M0 0") == '<path d="M0 0"/>'
