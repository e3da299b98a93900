"""What takes Python long is done by machine code, which is made when one asks for it: recording of
long traces, walks of many Values, depths and classes of nodes of large
graphs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engine import Value
from ..locks import importing
from ..traced import BEGIN, Scope
from .ir.classed import CLASSIFIERS, Classified, Unclassified
from .ir.graph import DEPTHS
from .trace.nodes import VISITORS, Visited


def _begin(scope: Scope) -> None:
    with importing:
        from .call.recorder import begin

    begin(scope)


def _visited(outputs: Sequence[Value]) -> Visited | None:
    with importing:
        from .call.value_walk import visited

    return visited(outputs)


def _depths(*columns: Any) -> Any:
    with importing:
        from .emit.depths import depths

    return depths(*columns)


def _classified(given: Unclassified) -> Classified | None:
    with importing:
        from .emit.classified import classified

    return classified(given)


BEGIN.append(_begin)
VISITORS.append(_visited)
DEPTHS.append(_depths)
CLASSIFIERS.append(_classified)
