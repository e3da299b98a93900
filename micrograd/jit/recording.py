"""Long traces are recorded, and many Values walked, by machine code, which is made when one asks
for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..engine import Value
from ..locks import importing
from ..traced import BEGIN, Scope
from .trace.nodes import VISITORS, Visited


def _begin(scope: Scope) -> None:
    with importing:
        from .call.recorder import begin

    begin(scope)


def _visited(outputs: Sequence[Value]) -> Visited | None:
    with importing:
        from .call.value_walk import visited

    return visited(outputs)


BEGIN.append(_begin)
VISITORS.append(_visited)
