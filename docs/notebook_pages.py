"""Notebooks as pages of the site: what they say, their code, and what is stored of its outputs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import nbformat
from myst_parser.parsers.sphinx_ import MystParser


class NotebookParser(MystParser):  # type: ignore[misc]
    """A notebook, read as the Markdown that it comes to."""

    supported = ("notebook",)

    def parse(self, inputstring: str, document: Any) -> None:
        """Parse the text of a file."""
        notebook = nbformat.reads(inputstring, as_version=4)
        super().parse("\n\n".join(as_markdown(notebook)), document)


def as_markdown(notebook: Any) -> Iterator[str]:
    """The cells, and behind those of code their outputs."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            yield fenced("python", cell.source)
            for output in cell.outputs:
                yield _output(output)
        else:
            yield cell.source


def fenced(kind: str, text: str) -> str:
    """Text in a fence that is longer than all in it."""
    longest = max(map(len, re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{kind}\n{text}\n{fence}"


def _output(output: Any) -> str:
    """An output in the richest form that a page can show."""
    if output.output_type == "stream":
        return fenced("text", output.text.rstrip("\n"))
    if output.output_type == "error":
        return fenced("text", f"{output.ename}: {output.evalue}")
    data = output.data
    for kind in ("text/html", "image/svg+xml"):
        if kind in data:
            return fenced("{raw} html", data[kind])
    if "image/png" in data:
        picture = "".join(data["image/png"].split())
        return fenced("{raw} html", f'<img alt="" src="data:image/png;base64,{picture}">')
    return fenced("text", data.get("text/plain", ""))


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls."""
    app.add_source_suffix(".ipynb", "notebook")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True}
