"""Lexers for the two languages that Pygments has none for: MLIR, and our own Program."""

from __future__ import annotations

from typing import ClassVar

from pygments.lexer import RegexLexer
from pygments.token import Comment, Keyword, Name, Number, String, Text


class MlirLexer(RegexLexer):  # type: ignore[misc]
    """MLIR as its printer writes it: operations, types, attributes, locations.

    >>> [text for kind, text in MlirLexer().get_tokens("%1 = llvm.fadd %0, %0 : f32")
    ...  if kind in Keyword]
    ['llvm.fadd', 'f32']
    """

    name = "MLIR"
    aliases: ClassVar[list[str]] = ["mlir"]
    tokens: ClassVar[dict[str, list[tuple[str, object]]]] = {
        "root": [
            (r"//[^\n]*", Comment),
            (r'"(?:[^"\\\n]|\\.)*"', String),
            (r"%[\w$.#-]+|\^[\w$.]+", Name.Variable),
            (r'@(?:[\w$.-]+|"[^"\n]*")', Name.Function),
            (r"[!#][A-Za-z][\w$.]*", Keyword.Type),
            (r"(?:vector|array|memref|tensor|dense)(?=<)", Keyword.Type),
            (r"\b(?:[bf]f?\d+|index|[su]?i\d+|ptr|none)\b", Keyword.Type),
            (r"[A-Za-z_]\w*(?:\.\w+)+", Keyword),
            (r"\b(?:module|loc|attributes|true|false)\b", Keyword),
            (r"-?\b(?:0x[0-9A-Fa-f]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)", Number),
            (r"[A-Za-z_][\w$]*", Text),
            (r'[^\w%^@!#"/-]+|.', Text),
        ]
    }


class ProgramLexer(RegexLexer):  # type: ignore[misc]
    """A Program as it prints: statements, loops, what is said of them behind a semicolon.

    >>> [text for kind, text in ProgramLexer().get_tokens("t[i] = mul(x, 2.0)  for i < 8")
    ...  if kind in Keyword]
    ['for']
    """

    name = "Program"
    aliases: ClassVar[list[str]] = ["program"]
    tokens: ClassVar[dict[str, list[tuple[str, object]]]] = {
        "root": [
            (r";[^\n]*", Comment),
            (
                r"\b(?:for|in order|reversed|input|param|const|temp|output|index|loop|product)\b",
                Keyword,
            ),
            (r"\b[a-z]\w*(?=\()", Name.Function),
            (r"(?<![\w.])-?(?:\d+(?:\.\d*)?(?:e[+-]?\d+)?|nan|inf)\b", Number),
            (r"[A-Za-z_]\w*", Text),
            (r"\s+|.", Text),
        ]
    }
