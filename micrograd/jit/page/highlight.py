"""Lines of code -> the same lines as HTML, highlighted.

A page has thousands of lines, so a token's kind is told by an element of one letter without
attributes: b a keyword, u a number or string, a a name, i a comment. What is most, variables and
punctuation, stays plain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from typing import Any

from pygments.lexers.asm import GasLexer, LlvmLexer
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String

from .lexers import MlirLexer, ProgramLexer

LONGEST = 240
"""Characters of a line that are shown; of a table of numbers, nobody reads more."""

ELEMENTS = (
    (Comment, "i"),
    (Keyword, "b"),
    (Operator.Word, "b"),
    (Number, "u"),
    (String, "u"),
    (Name.Constant, "u"),
    (Name.Function, "a"),
    (Name.Class, "a"),
    (Name.Decorator, "a"),
)
"""Kinds of tokens and their elements, the first that fits; others are plain."""

LEXERS = {
    "python": PythonLexer,
    "program": ProgramLexer,
    "mlir": MlirLexer,
    "llvm": LlvmLexer,
    "assembly": GasLexer,
}


def highlighted(lines: Sequence[str], language: str) -> list[str]:
    """The lines as HTML; what is longer than LONGEST is cut, and says by how much.

    language   a name in LEXERS

    >>> highlighted(["x = 1  # one", "if x < 2:"], "python")
    ['x = <u>1</u>  <i># one</i>', '<b>if</b> x &lt; <u>2</u>:']
    """
    cut = [line.expandtabs(8).replace("\r", "") for line in lines]
    shown = [line[:LONGEST] for line in cut]
    lexer = LEXERS[language](stripnl=False, ensurenl=False)
    found = [""]
    for element, text in _merged(lexer.get_tokens("\n".join(shown))):
        first, *more = (_marked(piece, element) for piece in text.split("\n"))
        found[-1] += first
        found += more
    for k, line in enumerate(cut):
        if len(line) > LONGEST:
            found[k] += f"<i> … {len(line) - LONGEST:,} more characters</i>"
    return found


def _merged(tokens: Any) -> Iterator[tuple[str, str]]:
    """The tokens with their elements, '' for plain ones; neighbours of one kind are one."""
    last, texts = "", list[str]()
    for kind, text in tokens:
        element = _element(kind)
        if element != last:
            yield last, "".join(texts)
            last, texts = element, []
        texts.append(text)
    yield last, "".join(texts)


@cache
def _element(kind: Any) -> str:
    return next((element for known, element in ELEMENTS if kind in known), "")


def _marked(text: str, element: str) -> str:
    if not element or not text.strip():
        return escape(text, quote=False)
    return f"<{element}>{escape(text, quote=False)}</{element}>"
