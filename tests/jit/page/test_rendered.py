"""A page as HTML: nothing of what it shows is taken for HTML, and it stands for itself."""

from __future__ import annotations

import json
import random
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from micrograd import Value, jit
from micrograd.errors import MicrogradError
from micrograd.jit.page import render
from micrograd.jit.page.differences import differences
from micrograd.jit.page.highlight import LEXERS, LONGEST, highlighted
from micrograd.jit.page.layers import layered
from micrograd.jit.page.model import (
    Class,
    Drawing,
    Edge,
    Group,
    Line,
    Listing,
    Page,
    Pass,
    Source,
    SourceLine,
    Statement,
    Time,
)
from micrograd.jit.page.picture import MOST
from micrograd.jit.page.render import rendered
from micrograd.jit.page.runs import Sets

NASTY = "</script><script>alert(1)</script> & \"'`<!-- {{ x }} {% y %} \u2028 é 😀"


class Reader(HTMLParser):
    """The elements and the text of a page; what is opened is closed, but for `li` and the void."""

    VOID = frozenset({"meta", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.lines: dict[str, list[str]] = {}
        self.column = ""
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        if "lines" in (given.get("class") or "").split():
            self.column = given.get("aria-label") or ""
            self.lines[self.column] = []
        if tag == "li":
            while self.open[-1] == "li":
                self.open.pop()
            if self.column:
                self.lines[self.column].append("")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open[-1] == "li" != tag:
            self.open.pop()
        assert self.open.pop() == tag
        if tag == "ol":
            self.column = ""

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.column and self.lines[self.column]:
            self.lines[self.column][-1] += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def page_with(text: str, **changed: object) -> Page:
    """A page that has a text wherever there can be one."""
    line = Line(text, (0,))
    statement = Statement(0, text, text, text, labels=(text,), source=((0, 7),))
    page = Page(
        title=text,
        signature=text,
        words=(text,),
        sources=(Source(text, (SourceLine(7, text, (0,), 0.5), SourceLine(9, "x", (), 0.0))),),
        groups=(Group(text, (text,), (line,), (0,), 3, 1e-6, 0.5, text),),
        statements=(statement,),
        mlir=Listing((line,)),
        llvm_ir=Listing((), text),
        assembly=Listing((line, Line("ret"))),
        passes=(Pass("first", ("a",)), Pass(text, (text,))),
        drawing=Drawing((Class(text, 3, (0,)), Class(text, 1)), (Edge(0, 1, 3),)),
        measured=Time(None, text),
        estimated=Time(2e-6, text),
        cut=(text,),
    )
    return replace(page, **changed)  # type: ignore[arg-type]


def test_no_text_is_taken_for_html() -> None:
    plain, nasty = (read(rendered(page_with(text))) for text in ("plain", NASTY))
    spans = {"a", "b", "i", "u"}
    assert [t for t in nasty.tags if t not in spans] == [t for t in plain.tags if t not in spans]
    assert nasty.text.count(NASTY) > 15
    assert [line.rstrip("\n") for line in nasty.lines["MLIR"]] == [NASTY]


def test_random_texts_come_through_every_highlighter() -> None:
    source = random.Random(7)
    signs = "ab_ x1.0e+-*/()[]{}<>=,;:#!%@^&'\"\\\t§é\u2028\x0b\x85$"
    for language in LEXERS:
        for _ in range(60):
            lines = [
                "".join(source.choice(signs) for _ in range(source.randrange(30)))
                for _ in range(source.randrange(1, 8))
            ]
            reader = read("<ol class=lines aria-label=x>" + "".join(
                f"<li>{html}\n" for html in highlighted(lines, language)
            ) + "</ol>")  # fmt: skip
            shown = [text[:-1] for text in reader.lines["x"]]
            assert shown == [line.expandtabs(8) for line in lines], language


def test_a_long_line_is_cut_and_says_so() -> None:
    (found,) = highlighted(["x" * (LONGEST + 1234)], "mlir")
    assert found == "x" * LONGEST + "<i> … 1,234 more characters</i>"


def test_runs_say_what_lines_are_of() -> None:
    source = random.Random(3)
    for _ in range(200):
        lines = []
        for _ in range(source.randrange(20)):
            some = tuple(sorted(source.sample(range(5), source.randrange(3))))
            lines += [some] * source.randrange(1, 6)
        sets = Sets()
        text = sets.runs(lines)
        found = []
        for run in text.split():
            number, _, times = run.partition("*")
            found += [sets.known[int(number)]] * int(times or 1)
        assert found == lines


def test_the_data_says_which_statements_lines_are_of() -> None:
    html = rendered(page_with("x"))
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found
    data = json.loads(found[1])
    assert data["sets"] == [[], [0]]
    assert re.findall(r'data-runs="([^"]*)"', html) == ["1 0", "1", "1", "1 0"]


@pytest.mark.parametrize("live", [False, True])
def test_only_a_served_page_may_ask_for_anything(live: bool) -> None:
    html = rendered(page_with("x"), live=live)
    assert ("connect-src" in html) is live
    assert ("<body data-live>" in html) is live
    assert "default-src 'none'" in html
    assert not re.findall(r"""(?:src|href)=["'](?!data:)|@import|url\(""", html)


def test_a_page_without_lines_says_why() -> None:
    empty = page_with("x", sources=(), groups=(), statements=(), cut=("source: eager & old",))
    none = Listing((), "nothing <here>")
    html = rendered(replace(empty, mlir=none, llvm_ir=none, assembly=none, drawing=Drawing()))
    assert "No lines of yours are known" in html
    assert "eager &amp; old" in html
    assert html.count("nothing &lt;here&gt;") == 3
    read(html)


def test_a_graph_that_does_not_repeat_is_not_drawn() -> None:
    many = Drawing(tuple(Class(f"c{k}", 1) for k in range(MOST + 1)))
    html = rendered(page_with("x", drawing=many))
    assert "<svg" not in html
    assert f"{MOST + 1} classes of nodes, too many to draw" in html


def test_layers_of_random_graphs_lead_down() -> None:
    source = random.Random(5)
    for _ in range(100):
        n = source.randrange(1, 14)
        edges = [(source.randrange(n), source.randrange(n)) for _ in range(source.randrange(2 * n))]
        edges = [(a, b) for a, b in dict.fromkeys(edges) if a != b]
        if source.random() < 0.7:
            edges = list(dict.fromkeys((min(e), max(e)) for e in edges))
        layers, routes = layered(n, edges)
        layer = {node: k for k, nodes in enumerate(layers) for node in nodes}
        assert sum(map(len, layers)) == len(layer)
        assert set(range(n)) <= set(layer)
        for route, ends in zip(routes, edges, strict=True):
            assert {route[0], route[-1]} == set(ends)
            assert [layer[b] - layer[a] for a, b in pairwise(route)] == [1] * (len(route) - 1)


def test_what_passes_change_is_a_diff() -> None:
    same, other = differences(
        [Pass("a", ("x", "y")), Pass("b", ("x", "y")), Pass("c", ("x", "<z>"))]
    )
    assert (same.name, same.summary, same.lines) == ("b", "nothing to do here", ())
    assert other.lines == (("@", "…"), (" ", "x"), ("-", "y"), ("+", "<z>"))


def test_packages_that_are_missing_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    render.environment.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    x = Value(2.0)
    kernel = jit(x * x, wrt=[x])
    with pytest.raises(MicrogradError, match=r"pip install 'micrograd-mlir\[page\]'"):
        kernel.page(tmp_path / "k.html")
    assert list(tmp_path.iterdir()) == []


def test_a_kernel_that_could_be_called_with_anything_says_so(tmp_path: Path) -> None:
    kernel = jit(lambda x: x[0] * x[1])
    with pytest.raises(MicrogradError, match="call it once"):
        kernel.page(tmp_path / "k.html")
    kernel([1.0, 2.0])
    assert kernel.page(tmp_path / "k.html") == tmp_path / "k.html"
    with pytest.raises(FileNotFoundError, match="no directory"):
        kernel.page(tmp_path / "none" / "k.html")
