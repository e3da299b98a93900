"""Value -> picture: the DAG under a Value as a Graphviz drawing.

Input: a Value. Output: a `graphviz.Digraph`, which a notebook shows by itself, `.render()` writes
to a file and `.source` gives as text. Names and order of nodes depend on the graph alone, so the
same graph gives the same text. Drawing needs the `viz` extra; `trace` needs nothing.
"""

from __future__ import annotations

from typing import Any

from .checks import whole
from .engine import Value
from .errors import DataError, GraphError, MicrogradError, kind

MAX_NODES = 2000
"""Graphviz needs minutes for larger graphs, and nobody can read them."""

_RANKDIRS = ("LR", "TB", "RL", "BT")
_RECORD = str.maketrans({c: "\\" + c for c in "\\{}|<>"} | {"\n": "\\n"})


class DrawingError(MicrogradError, ImportError):
    """Graphviz's Python package is not installed."""


def trace(
    root: Value, max_nodes: int | None = None
) -> tuple[list[Value], list[tuple[Value, Value]]]:
    """The Values under `root`, operands before results, and the (operand, result) edges.

    An operand that is used twice has two edges; a literal is a Value of its own at each use.

    Raises GraphError if there are more than `max_nodes` Values.

    >>> a = Value(2.0)
    >>> nodes, edges = trace(a * a)
    >>> len(nodes), len(edges)
    (2, 2)
    """
    if not isinstance(root, Value):
        raise DataError(f"root should be a Value, under which the graph is, got {kind(root)}")
    if max_nodes is not None:
        max_nodes = whole("max_nodes", max_nodes, GraphError)
    nodes: list[Value] = []
    edges: list[tuple[Value, Value]] = []
    seen: set[int] = set()
    stack: list[tuple[Value, tuple[Value, ...] | None]] = [(root, None)]
    while stack:
        v, operands = stack.pop()
        if operands is not None:  # on the way up
            nodes.append(v)
            edges.extend((x, v) for x in operands)
        elif id(v) not in seen:
            seen.add(id(v))
            operands = v._prev
            stack.append((v, operands))
            stack.extend((x, None) for x in reversed(operands))
            if max_nodes is not None and len(seen) > max_nodes:
                raise GraphError(
                    f"the graph has more than {max_nodes} Values, too many to read; draw a part of "
                    "it (any Value inside), or pass a larger max_nodes"
                )
    return nodes, edges


def visualize_graph(
    root: Value, format: str = "svg", rankdir: str = "LR", *, max_nodes: int = MAX_NODES
) -> Any:
    """The graph under `root` as a `graphviz.Digraph`: data and gradient in each node.

    format    what `.render()` writes and notebooks show: svg, png, pdf, ...
    rankdir   where results lie from their operands: LR, TB, RL or BT

    Raises GraphError for a graph of more than `max_nodes` Values, DrawingError if the graphviz
    package is missing.

    >>> a = Value(2.0, label="a")
    >>> print(visualize_graph(a + 1).source.expandtabs(4), end="")
    digraph {
        graph [rankdir=LR]
        n0 [label="{ a | data 2.0000 | grad 0.0000 }" shape=record]
        n1 [label="{ data 1.0000 | grad 0.0000 }" shape=record]
        n2 [label="{ data 3.0000 | grad 0.0000 }" shape=record]
        n2_op [label="+"]
        n2_op -> n2
        n0 -> n2_op
        n1 -> n2_op
    }
    """
    if not isinstance(rankdir, str) or rankdir not in _RANKDIRS:
        raise GraphError(f"rankdir should be one of {', '.join(_RANKDIRS)}, got {kind(rankdir)}")
    if not isinstance(format, str) or not format.isalnum():
        raise GraphError(f"format should be a name such as svg or png, got {kind(format)}")
    nodes, edges = trace(root, max_nodes)
    try:
        import graphviz
    except ImportError:
        raise DrawingError(
            "drawing needs the graphviz package: pip install 'micrograd-mlir[viz]' "
            "(and, to render images, Graphviz itself: apt install graphviz)"
        ) from None
    drawing = graphviz.Digraph(format=format, graph_attr={"rankdir": rankdir})
    names = {id(v): f"n{k}" for k, v in enumerate(nodes)}
    for v, name in zip(nodes, names.values(), strict=True):
        fields = [str(v.label).translate(_RECORD)] if v.label else []
        fields += [f"data {v.data:.4f}", f"grad {v.grad:.4f}"]
        drawing.node(name, label=f"{{ {' | '.join(fields)} }}", shape="record")
        if v._op:
            drawing.node(f"{name}_op", label=graphviz.escape(v._op))
            drawing.edge(f"{name}_op", name)
    for operand, result in edges:
        name = names[id(result)]
        drawing.edge(names[id(operand)], f"{name}_op" if result._op else name)
    return drawing


draw_dot = visualize_graph
"""The name that micrograd's notebook gives it."""
