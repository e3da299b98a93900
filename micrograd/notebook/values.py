"""A Value in a notebook: its number, its gradient, and the graph under it where that is small."""

from __future__ import annotations

from typing import Any

from .graph import MOST_NODES, Node, drawn
from .layered import Edge
from .markup import box, element, heading, number, text


def value_html(value: Any) -> str | None:
    """The HTML of a Value; None of a traced one, which has no number. Cost: no more Values are
    looked at than a picture could show.
    """
    if value._scope is not None:
        return None
    facts = [text(value.label) if value.label else "", f"data {_number(value._data)}"]
    facts.append(f"gradient {_number(value.grad)}")
    graph = _under(value)
    if graph is None:
        return box(heading("Value", *facts), element("div", f"of more than {MOST_NODES} others"))
    nodes, edges = graph
    if len(nodes) == 1:
        return box(heading("Value", *facts))
    return box(heading("Value", *facts), drawn(nodes, edges, f"the graph of {value!r}"))


def value_svg(value: Any) -> str | None:
    """The graph of a Value as a file of its own; None if there is none that could be drawn."""
    graph = _under(value) if value._scope is None else None
    return None if graph is None else drawn(*graph, f"the graph of {value!r}", alone=True)


def _number(x: Any) -> str:
    return number(x) if isinstance(x, (int, float)) else text(x)


def _under(root: Any) -> tuple[list[Node], list[Edge]] | None:
    """The nodes of the graph, operands first, and its edges; None if there are too many. A literal
    is a node at each use; the n of x**n is part of the op.
    """
    found: dict[int, Any] = {id(root): root}
    stack, edges = [root], list[tuple[Any, Any]]()
    while stack:
        v = stack.pop()
        for x in v._operands if v._repetitions() is None else v._operands[:1]:
            edges.append((x, v))
            if x.__class__ is not float and id(x) not in found:
                found[id(x)] = x
                stack.append(x)
        if len(edges) > 2 * MOST_NODES or len(found) > MOST_NODES:
            return None
    values = sorted(found.values(), key=lambda v: v._serial)
    literals = [x for x, _ in edges if x.__class__ is float]
    if len(values) + len(literals) > MOST_NODES:
        return None
    nodes = [Node([number(x)]) for x in literals] + [_node(v) for v in values]
    place = {id(v): len(literals) + k for k, v in enumerate(values)}
    new = iter(range(len(literals)))
    return nodes, [
        (next(new) if x.__class__ is float else place[id(x)], place[id(v)]) for x, v in edges
    ]


def _node(v: Any) -> Node:
    names = [x for x in (v.label, v._op) if x] or ["Value"]
    lines = [" = ".join(names), f"data {_number(v._data)}", f"grad {_number(v.grad)}"]
    return Node(lines, given=not v._operands)
