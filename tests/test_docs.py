"""The documents say what is: their code runs, their outputs and tables are current, the grammar in
docs/ir.md describes what the compiler prints, and their links lead somewhere.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import micrograd
from micrograd import Value, jit, nn
from micrograd.ops import OPS

from .grammar import Grammar

ROOT = Path(__file__).parent.parent


def load_generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = load_generate()
DOCUMENTS = generate.documents()


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def as_llvm_22(text: str) -> str:
    """The text with operations written as MLIR 22 writes them; versions from 24 on have a syntax of
    their own for what once stood in the dictionary of attributes.
    """
    text = re.sub(r" <alignment = (\d+)>", r" {alignment = \1 : i64}", text)
    return re.sub(r" fastmath<([\w, ]+)>", r" {fastmathFlags = #llvm.fastmath<\1>}", text)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # PyTorch uses it itself
@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_document_is_current(path: Path) -> None:
    if missing := generate.missing(path):
        pytest.skip(f"its code needs {missing[0]}")
    (fresh, pictures), found = generate.executed(path), path.read_text(encoding="utf-8")
    assert as_llvm_22(fresh) == as_llvm_22(found), "run `make docs`"
    stale = [
        picture.name for picture, made in pictures.items() if not generate.alike(picture, made)
    ]
    assert not stale, "run `make docs`"


@pytest.mark.parametrize("path", [*DOCUMENTS, ROOT / "CHANGELOG.md"], ids=name_of)
def test_links_within_the_repository_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


def test_every_page_is_in_the_index() -> None:
    """From which the site has its tables of contents."""
    index = ROOT / "docs" / "index.md"
    listed = re.findall(r"^(?:-|\d+\.) \[.+?\]\((\S+)\)", index.read_text(), re.MULTILINE)
    there = {*(ROOT / "docs").rglob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")} - {index}
    assert {(index.parent / name).resolve() for name in listed} >= there, "add it to docs/index.md"
    assert "docs/index.md" in (ROOT / "README.md").read_text()


def test_readme_fits_two_screens() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 110


def test_readme_has_the_place_of_the_benchmark_table() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(
        r"^<!-- benchmark table: begin -->\n.*^<!-- benchmark table: end -->$",
        readme,
        re.MULTILINE | re.DOTALL,
    )


# --- the generator ----------------------------------------------------------------------------


def write(path: Path, text: str) -> Path:
    path.write_text(text.replace("~~~", "```"), encoding="utf-8")
    return path


def test_a_stale_output_is_rewritten(tmp_path: Path) -> None:
    page = write(
        tmp_path / "page.md", "~~~python\nx = 20\nprint(x + 1)\n~~~\n\n~~~text\n22\n~~~\nend\n"
    )
    assert generate.refreshed(page) == page.read_text().replace("22", "21")


def test_blocks_of_a_page_share_their_names(tmp_path: Path) -> None:
    page = write(
        tmp_path / "page.md", "~~~python\nx = 3\n~~~\n\n~~~python\nprint(x)\n~~~\n\n~~~text\n~~~\n"
    )
    assert "~~~text\n3\n~~~".replace("~~~", "```") in generate.refreshed(page)


def test_a_picture_is_what_the_last_line_comes_to(tmp_path: Path) -> None:
    page = write(
        tmp_path / "page.md",
        "~~~python\nfrom micrograd.nn import MLP\nMLP(2, [1])\n~~~\n\n![](pictures/net.svg)\n",
    )
    _, pictures = generate.executed(page)
    (picture, drawn), *others = pictures.items()
    assert not others
    assert picture == tmp_path / "pictures" / "net.svg"
    assert not generate.alike(picture, drawn)
    picture.parent.mkdir()
    picture.write_bytes(drawn.replace(b"M46", b"M47"))
    assert generate.alike(picture, drawn), "the same but for where a line begins"
    picture.write_bytes(drawn.replace(b"2 inputs", b"3 inputs"))
    assert not generate.alike(picture, drawn)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    page = write(tmp_path / "page.md", "~~~python\n1 + 1\n~~~\n\n![](pictures/sum.svg)\n")
    with pytest.raises(SystemExit, match=r"page\.md:2: the last line of the block is no picture"):
        generate.executed(page)


def test_output_that_is_not_shown_is_refused(tmp_path: Path) -> None:
    page = write(tmp_path / "page.md", "\n~~~python\nprint(1)\n~~~\n")
    with pytest.raises(SystemExit, match=r"page\.md:3: the block prints"):
        generate.refreshed(page)


def test_a_wrong_doctest_is_refused(tmp_path: Path) -> None:
    page = write(tmp_path / "page.md", "~~~python\n>>> 1 + 1\n3\n~~~\n")
    with pytest.raises(SystemExit, match="Expected"):
        generate.refreshed(page)


def test_a_failing_block_names_the_line_of_the_page(tmp_path: Path) -> None:
    page = write(tmp_path / "page.md", "one\n\n~~~python\nx = 1\ny = 1 // 0\n~~~\n")
    with pytest.raises(ZeroDivisionError) as failure:
        generate.refreshed(page)
    last = failure.traceback[-1]
    assert (Path(last.path).name, last.lineno + 1) == ("page.md", 5)


def test_op_table_has_every_op_once() -> None:
    rows = generate.op_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == list(OPS)


def test_exported_ops_are_in_the_table() -> None:
    names = {*OPS, "absolute"}
    functions = {
        n for n in micrograd.__all__ if isinstance(getattr(micrograd, n), type(OPS["add"]))
    }
    assert functions <= names


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("(x - y) - x", "x - y - x"),
        ("x - (y - x)", "x - (y - x)"),
        ("(x + y) * -x", "(x + y) * (-x)"),
        ("-(x * y)", "-(x * y)"),
        ("x / (y * x)", "x / (y * x)"),
    ],
)
def test_formulas_keep_their_brackets(expression: str, text: str) -> None:
    access = generate.Access
    assert generate.infix(eval(expression, {"x": access("x"), "y": access("y")})) == text


# --- the grammar ------------------------------------------------------------------------------


def kernels() -> Iterator[Any]:
    """Kernels whose programs have scalars, loops, constants, tables, parameters and reductions."""
    x, y = Value(1.5), Value(-2.0)
    yield jit((x * y).exp() / 1e300 + y**-2.5 - float("inf"), wrt=[x, y])
    rows = [[Value(0.1 * i - j) for j in range(5)] for i in range(20)]
    layer = nn.Layer(5, 4)
    loss = sum((sum(layer(row), 0.0) ** 2 for row in rows), 0.0)
    yield jit(loss, wrt=layer.parameters(), dtype="f64")
    jumps = [rows[i * i % 17][i * 3 % 5] for i in range(90)]
    yield jit(sum(v * v * x for v in jumps), wrt=[x, *dict.fromkeys(jumps)])


def test_grammar_describes_what_the_compiler_prints() -> None:
    grammar = Grammar()
    for kernel in kernels():
        for stages in (kernel.stages(), kernel.value_and_grad.stages()):
            for line in ("program", "simplified"):
                assert grammar.has("program", stages[line]), stages[line]
            assert grammar.has("graph", stages["graph"])


@pytest.mark.parametrize(
    "text",
    [
        "input x[1]\n\nout = x ",
        "input x\n\nout = x",
        "input x[1]\n\nout := x",
        "input x[1]\n\nout[i] = add(x, 1.0) for i < 2",
        "input x[1]\n\nout[i*i] = x  for i < 2",
        "local x[1]\n\nout = x",
    ],
)
def test_grammar_refuses_what_is_no_program(text: str) -> None:
    assert not Grammar().has("program", text)
