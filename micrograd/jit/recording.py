"""What takes Python long is done by machine code, which is made when one asks for it: recording of
long traces, walks of many Values, columns, depths and classes of large
graphs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engine import Value
from ..locks import importing
from ..traced import BEGIN, Scope
from .ir.classed import CLASSIFIERS, Classified, Unclassified
from .ir.graph import DEPTHS, Graph
from .trace.nodes import VISITORS, Nodes, Visited
from .trace.unread import CONNECTORS


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


def _connected(graph: Graph, found: Nodes) -> Any:
    with importing:
        from .emit.connected import connected

    return connected(graph, found)


BEGIN.append(_begin)
VISITORS.append(_visited)
DEPTHS.append(_depths)
CLASSIFIERS.append(_classified)
CONNECTORS.append(_connected)
