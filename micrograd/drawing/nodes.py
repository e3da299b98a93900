"""Values and the edges between them, and how they are drawn: as records, ops as ellipses.

Names and order of nodes depend on the graph alone, so the same graph gives the same text. Drawing
needs the `viz` extra; `trace` needs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..checks import whole
from ..engine import Value
from ..errors import DataError, GraphError, kind
from ..nn import Module
from .errors import DrawingError

COLOURS = {
    "op": "orange",
    "result": "lightblue",
    "leaf": "lightgray",
    "parameter": "palegreen",
    "literal": "white",
}
"""What the nodes of a drawing are filled with."""

EASY = 150
"""Nodes up to which Graphviz takes all the time that it likes: of a graph without a pattern, a few
hundred would take it minutes."""
_IN_HASTE = {"nslimit": "1", "nslimit1": "1", "mclimit": "0.1", "splines": "line"}

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
                    "it (any Value inside), fold it, or pass a larger max_nodes"
                )
    return nodes, edges


def is_larger(root: Value, most: int) -> bool:
    """Whether there are more than so many Values under `root`."""
    try:
        trace(root, most)
    except GraphError:
        return True
    return False


def new_picture(format: str, rankdir: str, *, folded: bool = False) -> Any:
    """An empty picture, or one with parts that can be unfolded.

    Raises GraphError for a wrong format or direction, DrawingError if the graphviz package is
    missing.
    """
    if not isinstance(rankdir, str) or rankdir not in _RANKDIRS:
        raise GraphError(f"rankdir should be one of {', '.join(_RANKDIRS)}, got {kind(rankdir)}")
    if not isinstance(format, str) or not format.isalnum():
        raise GraphError(f"format should be a name such as svg or png, got {kind(format)}")
    try:
        from .picture import Folded, Picture
    except ImportError:
        raise DrawingError(
            "drawing needs the graphviz package: pip install 'micrograd-mlir[viz]'"
        ) from None
    return (Folded if folded else Picture)(
        format=format,
        graph_attr={"rankdir": rankdir},
        node_attr={"shape": "record", "style": "filled"},
    )


def limit_effort(drawing: Any, nodes: int) -> None:
    """Let Graphviz lay out a large graph less well, and in seconds."""
    if nodes > EASY:
        drawing.graph_attr.update(_IN_HASTE)


def escaped(text: object) -> str:
    """Text as a field of a record."""
    return str(text).translate(_RECORD)


def plain(text: str) -> str:
    """Text as a label that is no record: never HTML, nor escapes."""
    from graphviz import escape

    return str(escape(text))


Parameters = Module | Iterable[Value]
"""A model, or what is trained."""


def is_parameter(parameters: Parameters) -> Callable[[Value], bool]:
    """Whether a leaf is one of these, or one that kernels read."""
    chosen = parameters.parameters() if isinstance(parameters, Module) else parameters
    if isinstance(chosen, str) or not isinstance(chosen, Iterable):
        raise GraphError(f"parameters should be a model or Values, got {kind(parameters)}")
    chosen = list(chosen)
    for k, v in enumerate(chosen):
        if not isinstance(v, Value):
            raise GraphError(f"parameters should be a model or Values, but item {k} is {kind(v)}")
    trained = {id(p) for p in chosen}
    return lambda v: hasattr(v, "_home") or id(v) in trained


def draw(
    drawing: Any,
    nodes: Sequence[Value],
    edges: Sequence[tuple[Value, Value]],
    parameters: Parameters,
    outside: Mapping[int, str] | None = None,
) -> None:
    """Draw these Values and edges; of those `outside`, by their ids, only that they are there, and
    what is said of them.
    """
    outside = outside or {}
    limit_effort(drawing, len(nodes))
    names = {id(v): f"n{k}" for k, v in enumerate(nodes)}
    kinds = _kinds(nodes, edges, is_parameter(parameters))
    for v, name in zip(nodes, names.values(), strict=True):
        said = [outside[id(v)]] if id(v) in outside else []
        fields = [escaped(text) for text in (v.label, *said) if text]
        fields += [f"data {v.data:.4f}", f"grad {v.grad:.4f}"]
        drawing.node(name, f"{{ {' | '.join(fields)} }}", fillcolor=COLOURS[kinds[id(v)]])
        if v._op and id(v) not in outside:
            drawing.node(f"{name}_op", plain(v._op), fillcolor=COLOURS["op"], shape="ellipse")
            drawing.edge(f"{name}_op", name)
    for operand, result in edges:
        name = names[id(result)]
        drawing.edge(names[id(operand)], f"{name}_op" if result._op else name)


def _kinds(
    nodes: Sequence[Value],
    edges: Sequence[tuple[Value, Value]],
    is_parameter: Callable[[Value], bool],
) -> dict[int, str]:
    """What each node is, by its id: a key of COLOURS."""
    kinds = {}
    for v in nodes:
        leaf = "parameter" if is_parameter(v) else "leaf"
        kinds[id(v)] = "result" if v._operands else leaf
    for operand, result in edges:
        if all(operand is not x for x in result._operands):
            kinds[id(operand)] = "literal"
    return kinds
