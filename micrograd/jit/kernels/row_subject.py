"""RowCode -> what a page about a sum over rows of data is made of."""

from __future__ import annotations

from collections.abc import Sequence

from ..page.subject import Subject, subject_of_graph
from .row_code import RowCode


def subject_of_rows(code: RowCode, words: Sequence[str]) -> Subject:
    """A sum over rows: the code of a block of them; `words` say what was found, a line each."""
    dtype = code.options.dtype
    names = [a.name for a in code.transformed.numbers]
    return subject_of_graph(
        code.name,
        code.interface.declaration(code.transformed, dtype, names),
        words,
        code.code,
        code.graph,
        [("reroll", code.row), (code.wanted.value.name, code.differentiated)],
    )
