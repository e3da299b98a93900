"""Writes what the documents show: the outputs of their code, and their tables.

    python docs/generate.py            rewrites what is out of date, and names it
    python docs/generate.py --check    only names it, and fails if there is any
    python docs/generate.py README.md  looks at this file alone; several may be named

Nothing that a program prints is pasted into a document by hand:

- The ```python blocks of a file run from top to bottom in one namespace. A ```text block right
  after one is what it printed. A picture right after one, in a folder `pictures`, is what its last
  line comes to: a thing with `_repr_svg_`, or a figure of matplotlib or of Graphviz.
- Between `<!-- NAME: begin -->` and `<!-- NAME: end -->` stands what TABLES[NAME] gives.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import doctest
import inspect
import io
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from textwrap import wrap
from typing import Any
from unittest import mock

from micrograd import Value
from micrograd.jit.ir.program import Access, Apply, Expr
from micrograd.jit.ir.rules import RULES, STAGES
from micrograd.jit.target import machine
from micrograd.ops import OPS, Op

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import measured  # noqa: E402

WIDE = replace(machine(), vector_bits=512)
VECTORS = mock.patch("micrograd.jit.target.machine", return_value=WIDE)
"""Pages show the code for vectors of 512 bits, whichever machine writes them."""

NEEDED = {
    "calls_from_c.md": ["cc"],
    "dask.md": ["distributed"],
    "gallery.md": ["matplotlib", "sklearn", "pygraphviz"],
    "gradient_for_scipy.md": ["scipy"],
    "jax.md": ["jax"],
    "torch.md": ["torch"],
}
"""What the code of a page needs beside the package."""

MOST_BYTES = 60_000
"""Of a picture."""

_BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?P<shown>\n```text\n(?P<text>.*?)^```\n)?"
    r"(?:\n!\[[^\]]*\]\((?P<picture>[^)]*\bpictures/[^)]*)\))?",
    re.MULTILINE | re.DOTALL,
)
_TABLE = re.compile(
    r"(?P<begin><!-- (?P<name>[\w ]+): begin -->\n).*?(?P<end><!-- (?P=name): end -->)", re.DOTALL
)


def documents() -> list[Path]:
    """The files that are kept current."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def missing(path: Path) -> list[str]:
    """What the code of a document needs and is not here."""
    needed = NEEDED.get(path.name, [])
    return [name for name in needed if not (shutil.which(name) or find_spec(name))]


def refreshed(path: Path) -> str:
    """The text of a document with every output and table as it should be now."""
    return executed(path)[0]


def executed(path: Path) -> tuple[str, dict[Path, bytes]]:
    """The text of a document with every output and table as it should be now, and its pictures.

    Raises what its code raises, with the line in the document as the place.
    """
    text = path.read_text(encoding="utf-8")
    space: dict[str, Any] = {"__name__": path.stem}
    pieces, done = [], 0
    pictures: dict[Path, bytes] = {}
    for block in _BLOCK.finditer(text):
        line = text.count("\n", 0, block.start("code"))
        if block["code"].startswith(">>> "):
            _doctest(block["code"], space, path, line)
            continue
        with contextlib.redirect_stdout(io.StringIO()) as out, VECTORS:
            last = _run("\n" * line + block["code"], path, space)
        if block["picture"] is not None:
            picture = (path.parent / block["picture"]).resolve()
            pictures[picture] = _drawn(last, picture, f"{path.name}:{line + 1}")
        if block["shown"] is not None:
            pieces += [text[done : block.start("text")], out.getvalue().rstrip("\n") + "\n"]
            done = block.end("text")
        elif out.getvalue():
            raise SystemExit(
                f"{path.name}:{line + 1}: the block prints; show it in a ```text block"
            )
    return _TABLE.sub(_table, "".join([*pieces, text[done:]])), pictures


def _run(code: str, path: Path, space: dict[str, Any]) -> Any:
    """Run the code; what its last line comes to, if that is an expression."""
    tree = ast.parse(code, str(path))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, str(path), "exec", dont_inherit=True), space)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), str(path), "eval", dont_inherit=True), space)


def _drawn(thing: Any, picture: Path, place: str) -> bytes:
    """What a picture has in its file."""
    kind = picture.suffix[1:]
    if hasattr(thing, "savefig"):
        file = io.BytesIO()
        thing.savefig(file, format=kind, dpi=80)
        return file.getvalue()
    if hasattr(thing, "pipe"):  # of Graphviz
        return bytes(thing.pipe(kind))
    svg = thing._repr_svg_() if kind == "svg" and hasattr(thing, "_repr_svg_") else None
    if svg is None:
        raise SystemExit(f"{place}: the last line of the block is no picture of kind {kind}")
    return f"{svg}\n".encode()


def alike(picture: Path, fresh: bytes) -> bool:
    """Whether a picture is as it should be: the words in it, if there are any, since numbers and
    lines may differ by the machine that they come from.
    """
    if not picture.exists():
        return False
    found = picture.read_bytes()
    if picture.suffix != ".svg":
        return len(found) < MOST_BYTES
    words = [
        re.findall(rb"<(?:text|title)\b[^>]*>([^<]*[^\d.,e+<-][^<]*)", x) for x in (found, fresh)
    ]
    return words[0] == words[1] and len(found) < MOST_BYTES


def _doctest(text: str, space: dict[str, Any], path: Path, line: int) -> None:
    test = doctest.DocTestParser().get_doctest(text, space, path.name, str(path), line)
    report = io.StringIO()
    doctest.DocTestRunner(verbose=False).run(test, out=report.write, clear_globs=False)
    space.update(test.globs)
    if report.getvalue():
        raise SystemExit(report.getvalue())


def _table(match: re.Match[str]) -> str:
    make = TABLES.get(match["name"])
    return match[0] if make is None else f"{match['begin']}\n{make()}\n\n{match['end']}"


# --- the op table ---------------------------------------------------------------------------


def op_table() -> str:
    """Every op: what it computes, its derivative rules, how it is emitted."""
    rows = [
        ("op", "value", "cotangents of its operands", "emitted as", "in `_op`", "NumPy"),
        ("---",) * 6,
    ]
    for op in OPS.values():
        numpy = f"`{op.ufunc}`" if op.ufunc else ""
        row = (code(op.name), code(op.formula), "<br>".join(rules(op)), emission(op))
        rows.append((*row, code(op.label), numpy))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def fact_table() -> str:
    """What passes and emitters know of ops beyond how they are computed."""
    names = [field.name for field in dataclasses.fields(Op)]
    left_out = ("operator", "ufunc", "arrays")
    shown = [name for name in names[names.index("cheap") :] if name not in left_out]
    defaults = {field.name: field.default for field in dataclasses.fields(Op)}
    rows = [("op", "facts"), ("---",) * 2]
    for op in OPS.values():
        facts = [
            name if value is True else f"{name} {value.name if isinstance(value, Op) else value}"
            for name in shown
            if (value := getattr(op, name)) != defaults[name]
            and (isinstance(value, Op) or not callable(value))
        ]
        if facts:
            rows.append((code(op.name), ", ".join(facts)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def code(text: str) -> str:
    """Text as code in a cell of a table."""
    return "`" + text.replace("|", "\\|") + "`"


def operands(op: Op) -> list[Access]:
    """Symbols for the operands, named as in the op's own rules."""
    for rule in op.vjp:
        if rule is not None:
            return [Access(name) for name in list(inspect.signature(rule).parameters)[2:]]
    return [Access(name) for name in "xyz"[: op.arity]]


def rules(op: Op) -> Iterator[str]:
    """The derivative rules as formulas: they are run on symbols, not copied."""
    symbols = operands(op)
    for x, rule in zip(symbols, op.vjp, strict=True):
        if rule is None:
            yield f"{x}: none"
        else:
            yield f"{x}: {code(infix(rule(Access('ct'), Access('out'), *symbols)))}"


def emission(op: Op) -> str:
    """How the compiler writes an op."""
    if op.mlir:
        return f"`{op.mlir}`"
    if op.predicate:
        return f"`llvm.fcmp {op.predicate}`"
    if op.libm:
        return f"[vector math](math.md), C library: `{op.libm}`"
    written = code(infix(op.expand(*operands(op)))) if op.expand else "not compiled"
    return f"[vector math](math.md), {written}" if op.whole else written


_SIGNS = {"add": (" + ", 1), "sub": (" - ", 1), "mul": (" * ", 2), "div": (" / ", 2)}


def infix(expr: Expr, above: int = 0) -> str:
    """An expression as Python would write it; `above` is how tightly its surroundings bind."""
    if isinstance(expr, float):
        return f"{expr:.6g}"
    if isinstance(expr, Apply) and expr.op.name == "neg":
        text, binds = f"-{infix(expr.args[0], 3)}", 2
    elif isinstance(expr, Apply) and expr.op.name in _SIGNS:
        sign, binds = _SIGNS[expr.op.name]
        text = sign.join((infix(expr.args[0], binds), infix(expr.args[1], binds + 1)))
    elif isinstance(expr, Apply):
        return f"{expr.op.name}({', '.join(infix(x) for x in expr.args)})"
    else:
        return str(expr)
    return f"({text})" if binds < above else text


# --- numerical derivatives ------------------------------------------------------------------

_POINTS = {1: (0.4,), 2: (0.4, 0.7), 3: (1.0, 0.4, 0.7)}


def numerical_table() -> str:
    """Both kinds of derivatives of every op that has any."""
    rows = [("op", "exact", "numerical, h = 1e-6", "off by"), ("---",) * 4]
    for op in OPS.values():
        if op.differentiable:
            exact, numerical = (
                _partials(op, options) for options in ({}, {"numerical": True, "h": 1e-6})
            )
            apart = max(abs(x - y) for x, y in zip(exact, numerical, strict=True))
            a, b = (", ".join(f"{x:.6f}" for x in found) for found in (exact, numerical))
            rows.append((code(op.name), a, b, f"{apart:.0e}"))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _partials(op: Op, options: Any) -> list[float]:
    leaves = [Value(x) for x in _POINTS[op.arity]]
    op(*leaves).backprop(**options)
    return [leaves[i].grad for i in op.differentiable]


# --- the rules of programs --------------------------------------------------------------------


def rule_list() -> str:
    """Every rule of the verifier, numbered."""
    lines = [f"{k}. *{rule.name}*: {rule.text}" for k, rule in enumerate(RULES.values(), 1)]
    return "\n".join(part for line in lines for part in wrap(line, 99, subsequent_indent=" " * 4))


def stage_table() -> str:
    """What each stage adds to the rules of every program."""
    always = STAGES["program"]
    rows = [("stage", "rules"), ("---",) * 2, ("`program`", f"1 to {len(always)}")]
    rows += [
        (
            f"`{name}`",
            f"1 to {len(always)}, " + ", ".join(f"*{r}*" for r in rules if r not in always),
        )
        for name, rules in STAGES.items()
        if rules != always
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


# --- all of them -----------------------------------------------------------------------------

TABLES: dict[str, Callable[[], str]] = {
    "op table": op_table,
    "fact table": fact_table,
    "numerical table": numerical_table,
    "rules": rule_list,
    "stages of programs": stage_table,
    "calls in JAX": partial(measured.call_times, "jax"),
    "calls in PyTorch": partial(measured.call_times, "torch"),
    "microgpt times": partial(measured.times_of, "microgpt"),
    "newcomer times": measured.newcomers_times,
    "scipy times": partial(measured.times_of, "scipy"),
    "times of workers": measured.workers_times,
}


def main() -> int:
    """Refresh every document, or check them, or those that are named."""
    os.environ["MICROGRAD_CACHE"] = "0"  # what is found there prints nothing of how it was made
    check = "--check" in sys.argv[1:]
    names = [Path(x).resolve() for x in sys.argv[1:] if x != "--check"]
    stale = 0
    for path in names or documents():
        if not path.exists():
            continue
        if lacking := missing(path):
            print(f"{path.relative_to(ROOT)} passed over, its code needs {', '.join(lacking)}")
            continue
        text, pictures = executed(path)
        files = {picture: x for picture, x in pictures.items() if not alike(picture, x)}
        if text != path.read_text(encoding="utf-8"):
            files[path] = text.encode()
        for file, content in files.items():
            stale += 1
            print(f"{file.relative_to(ROOT)} {'is out of date' if check else 'rewritten'}")
            if not check:
                file.parent.mkdir(exist_ok=True)
                file.write_bytes(content)
    return int(check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
