"""MLIR in colours, which Pygments does not know."""

from __future__ import annotations

from typing import Any, ClassVar

from pygments.lexer import RegexLexer
from pygments.token import Comment, Keyword, Name, Number, Punctuation, String, Text


class MlirLexer(RegexLexer):  # type: ignore[misc]
    """Operations, values, symbols, types and attributes; all else is punctuation."""

    name = "MLIR"
    aliases: ClassVar = ["mlir"]
    tokens: ClassVar = {
        "root": [
            (r"\s+", Text),
            (r"//.*", Comment.Single),
            (r'"[^"]*"', String),
            (r"[%][\w$.#-]+", Name.Variable),
            (r"@[\w$.-]+", Name.Function),
            (r"\^\w+", Name.Label),
            (r"[#!][\w.]+", Name.Decorator),
            (r"-?\d+\.\d*(?:[eE][+-]?\d+)?|-?0x[0-9A-Fa-f]+|-?\d+\b", Number),
            (r"(?:[su]?i\d+|b?f\d+|index|none|ptr)\b", Keyword.Type),
            (r"(?:vector|memref|tensor|tuple|complex)(?=<)", Keyword.Type),
            (r"[a-z_]\w*(?:\.\w+)+", Name.Builtin),
            (r"[A-Za-z_]\w*", Keyword),
            (r".", Punctuation),
        ]
    }


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls."""
    app.add_lexer("mlir", MlirLexer)
    return {"parallel_read_safe": True}
