"""MLIR in colours, which Pygments does not know, for Sphinx."""

from __future__ import annotations

from typing import Any

from micrograd.jit.page.lexers import MlirLexer


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls."""
    app.add_lexer("mlir", MlirLexer)
    return {"parallel_read_safe": True}
