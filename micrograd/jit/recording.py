"""Long traces are recorded by machine code, which is made when one asks for it."""

from __future__ import annotations

from ..locks import importing
from ..traced import BEGIN, Scope


def _begin(scope: Scope) -> None:
    with importing:
        from .call.recorder import begin

    begin(scope)


BEGIN.append(_begin)
