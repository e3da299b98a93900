"""Value -> picture: the DAG under a Value as a Graphviz drawing.

Input: a Value. Output: a `Picture`, which a notebook shows by itself, `.render()` writes to a file
and `.source` gives as text. Names and order of nodes depend on the graph alone, so the same graph
gives the same text. Drawing needs the `viz` extra; `trace` needs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..checks import whole
from ..engine import Value
from ..errors import DataError, GraphError, kind
from ..nn import Module
from .errors import DrawingError

MAX_NODES = 1000
"""Graphviz needs seconds for this many Values, and minutes for more, which nobody can read."""

COLOURS = {
    "op": "orange",
    "result": "lightblue",
    "leaf": "lightgray",
    "parameter": "palegreen",
    "literal": "white",
}
"""What the nodes of a drawing are filled with."""

_RANKDIRS = ("LR", "TB", "RL", "BT")
_RECORD = str.maketrans({c: "\\" + c for c in "\\{}|<>"} | {"\n": "\\n"})


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
    root: Value,
    format: str = "svg",
    rankdir: str = "LR",
    *,
    parameters: Module | Iterable[Value] = (),
    max_nodes: int = MAX_NODES,
) -> Any:
    """The graph under `root` as a picture: data and gradient in each node.

    format      what `.render()` writes and notebooks show: svg, png, pdf, ...
    rankdir     where results lie from their operands: LR, TB, RL or BT
    parameters  a model or Values, which are coloured as parameters; live ones, which kernels read,
                always are

    Raises GraphError for a graph of more than `max_nodes` Values, DrawingError if the graphviz
    package is missing.

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
    drawing = new_picture(format, rankdir)
    nodes, edges = trace(root, max_nodes)
    names = {id(v): f"n{k}" for k, v in enumerate(nodes)}
    kinds = _kinds(nodes, edges, parameters)
    for v, name in zip(nodes, names.values(), strict=True):
        fields = [escaped(v.label)] if v.label else []
        fields += [f"data {v.data:.4f}", f"grad {v.grad:.4f}"]
        drawing.node(name, f"{{ {' | '.join(fields)} }}", fillcolor=COLOURS[kinds[id(v)]])
        if v._op:
            drawing.node(f"{name}_op", plain(v._op), fillcolor=COLOURS["op"], shape="ellipse")
            drawing.edge(f"{name}_op", name)
    for operand, result in edges:
        name = names[id(result)]
        drawing.edge(names[id(operand)], f"{name}_op" if result._op else name)
    return drawing


draw_dot = visualize_graph
"""The name that micrograd's notebook gives it."""


def new_picture(format: str, rankdir: str) -> Any:
    """An empty picture."""
    if not isinstance(rankdir, str) or rankdir not in _RANKDIRS:
        raise GraphError(f"rankdir should be one of {', '.join(_RANKDIRS)}, got {kind(rankdir)}")
    if not isinstance(format, str) or not format.isalnum():
        raise GraphError(f"format should be a name such as svg or png, got {kind(format)}")
    try:
        from .picture import Picture
    except ImportError:
        raise DrawingError(
            "drawing needs the graphviz package: pip install 'micrograd-mlir[viz]'"
        ) from None
    return Picture(
        format=format,
        graph_attr={"rankdir": rankdir},
        node_attr={"shape": "record", "style": "filled"},
    )


def escaped(text: object) -> str:
    """Text as a field of a record."""
    return str(text).translate(_RECORD)


def plain(text: str) -> str:
    """Text as a label that is no record: never HTML, nor escapes."""
    from graphviz import escape

    return str(escape(text))


def _kinds(
    nodes: list[Value], edges: list[tuple[Value, Value]], parameters: Module | Iterable[Value]
) -> dict[int, str]:
    """What each node is, by its id: a key of COLOURS."""
    chosen = parameters.parameters() if isinstance(parameters, Module) else parameters
    trained = {id(p) for p in chosen}
    kinds = {}
    for v in nodes:
        live = v.__class__._plain is not None
        leaf = "parameter" if live or id(v) in trained else "leaf"
        kinds[id(v)] = "result" if v._operands else leaf
    for operand, result in edges:
        if all(operand is not x for x in result._operands):
            kinds[id(operand)] = "literal"
    return kinds
