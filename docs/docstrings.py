"""Docstrings as this project writes them, in reStructuredText, for the reference.

Paragraphs of lines `name  what it is` become lists of definitions. What stands between single
backticks is code, and marks in all else are plain text. Doctests stay as they are, and so does what
is indented.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_FIELD = re.compile(r"(?P<name>\S(?:\S| (?! ))*)(?P<gap> {2,})(?P<text>\S.*)")
_CODE = re.compile(r"(`[^`]+`)")
_MARKS = str.maketrans({c: "\\" + c for c in "\\*_|"})


def converted(text: str) -> str:
    r"""A docstring in reStructuredText.

    >>> print(converted("The sum.\n\nx   `f64[n]`\n    * what\ny   more"))
    The sum.
    <BLANKLINE>
    ``x``
        ``f64[n]``
        \* what
    ``y``
        more
    <BLANKLINE>
    """
    return "\n\n".join(_paragraph(p) for p in re.split(r"\n[ \t]*\n", text.strip("\n"))) + "\n"


def _paragraph(text: str) -> str:
    if text.startswith(">>> "):
        return text
    lines = text.split("\n")
    if all(line.startswith("    ") for line in lines):
        return "::\n\n" + text
    fields = list(_fields(lines))
    if fields:
        return "\n".join(
            f"``{name}``\n" + "\n".join(f"    {_plain(line)}" for line in said)
            for name, said in fields
        )
    return "\n".join(map(_plain, lines))


def _fields(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """The fields of a paragraph, each with the lines that are said of it; none if it is prose."""
    first = _FIELD.fullmatch(lines[0])
    if first is None:
        return
    column = first.start("text")
    name, said = "", list[str]()
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is not None and field.start("text") == column:
            if said:
                yield name, said
            name, said = field["name"], [field["text"]]
        else:
            said.append(line.strip())
    yield name, said


def _plain(line: str) -> str:
    """A line of prose: marks of reStructuredText mean nothing but in code."""
    parts = _CODE.split(line)
    return "".join(
        f"`{part}`" if part.startswith("`") else part.translate(_MARKS) for part in parts
    )


def convert(_app: Any, _what: str, _name: str, _of: Any, _options: Any, lines: list[str]) -> None:
    """Convert the lines of a docstring where they are."""
    lines[:] = converted("\n".join(lines)).split("\n")


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls."""
    app.connect("autodoc-process-docstring", convert)
    return {"parallel_read_safe": True}
