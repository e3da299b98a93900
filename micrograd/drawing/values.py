"""Value -> picture: the DAG under a Value as a Graphviz drawing.

Input: a Value. Output: a `Picture`, which a notebook shows by itself, `.render()` writes to a file
and `.source` gives as text.
"""

from __future__ import annotations

from typing import Any

from ..checks import flag, whole
from ..engine import Value
from ..errors import GraphError
from .folded import draw_folded
from .nodes import Parameters, draw, is_larger, new_picture, trace

MAX_NODES = 500
"""Graphviz needs seconds for so many Values, and minutes for more, which nobody can read."""


def visualize_graph(
    root: Value,
    format: str = "svg",
    rankdir: str = "LR",
    *,
    parameters: Parameters = (),
    max_nodes: int = MAX_NODES,
    fold: bool | None = None,
) -> Any:
    """The graph under `root` as a picture: data and gradient in each node.

    format      what `.render()` writes and notebooks show: svg, png, pdf, ...
    rankdir     where results lie from their operands: LR, TB, RL or BT
    parameters  a model or Values, which are coloured as parameters; live ones, which kernels read,
                always are
    max_nodes   how many Values there may be before the graph is folded
    fold        draw the statements that the compiler finds in the graph instead of its Values;
                `unfold(name)` of the drawing shows what is in one, and notebooks show all of it

    Raises GraphError for a graph that is too large even so, or not to be folded; DrawingError if
    the graphviz package is missing.

    >>> a = Value(2.0, label="a")
    >>> print(visualize_graph(a + 1).source.expandtabs(4), end="")
    digraph {
        graph [rankdir=LR]
        node [shape=record style=filled]
        n0 [label="{ a | data 2.0000 | grad 0.0000 }" fillcolor=lightgray]
        n1 [label="{ data 1.0000 | grad 0.0000 }" fillcolor=white]
        n2 [label="{ data 3.0000 | grad 0.0000 }" fillcolor=lightblue]
        n2_op [label="+" fillcolor=orange shape=ellipse]
        n2_op -> n2
        n0 -> n2_op
        n1 -> n2_op
    }
    """
    max_nodes = whole("max_nodes", max_nodes, GraphError)
    if fold is not None:
        fold = flag("fold", fold, GraphError)
    drawing = new_picture(format, rankdir, folded=bool(fold))
    if fold is None and is_larger(root, max_nodes):
        drawing, fold = new_picture(format, rankdir, folded=True), True
    if fold:
        draw_folded(drawing, root, parameters, max_nodes)
    else:
        draw(drawing, *trace(root, max_nodes), parameters)
    return drawing


draw_dot = visualize_graph
"""The name that micrograd's notebook gives it."""
