"""Graph -> a drawing of its classes: nodes of one operation that became the same statements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import counted
from ..ir.graph import CONSTANT, FIRST_OP, INPUT, PARAMETER, Graph, op_of
from ..ir.nests import Ints
from ..ir.program import Statement
from .model import Class, Drawing, Edge
from .owners import Owners, nodes_of

MOST_CLASSES = 300
"""More classes are not drawn: nobody could read them."""


def drawing_of(graph: Graph, statements: Sequence[Statement]) -> Drawing:
    """The graph folded by class: leaves by their arrays, operations by what they are and by which
    statements they became. Cost: linear in the graph, vectorised.
    """
    if not len(graph):
        return Drawing(missing="there is nothing to draw: the result is given")
    owners = _owners(graph, statements)
    owner, sets = owners.number, owners.sets
    leaf = _leaves(graph)
    # a number for each class, of its code, the leaf's array, and the set of its statements
    own = np.where(graph.codes >= FIRST_OP, owner, 0)
    key = (graph.codes * (leaf.max() + 2) + leaf + 1) * len(sets) + own
    _, first, which, counts = np.unique(
        key, return_index=True, return_inverse=True, return_counts=True
    )
    if len(first) > MOST_CLASSES:
        return Drawing(
            missing=f"the graph does not repeat: its {counted(len(graph), 'node')} are of "
            f"{counted(len(first), 'kind')}, and {MOST_CLASSES} could be read"
        )
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    names = [name for name, _ in graph.parameters] + [name for name, _ in graph.inputs]
    classes = []
    for k in order.tolist():
        node = int(first[k])
        code = int(graph.codes[node])
        if code >= FIRST_OP:
            classes.append(Class(op_of(code).name, int(counts[k]), sets[int(owner[node])]))
        else:
            label = "constants" if code == CONSTANT else names[int(leaf[node])]
            classes.append(Class(label, int(counts[k])))
    return Drawing(tuple(classes), tuple(_edges(graph, rank[which])))


def _edges(graph: Graph, which: Ints) -> list[Edge]:
    """Edges between the classes of nodes."""
    ends, starts = [], []
    for column in (graph.x, graph.y, graph.z):
        used = np.flatnonzero((graph.codes >= FIRST_OP) & (column >= 0))
        ends.append(which[used])
        starts.append(which[column[used]])
    many = int(which.max()) + 1
    pairs = np.concatenate(starts) * many + np.concatenate(ends)
    found, counts = np.unique(pairs, return_counts=True)
    return [
        Edge(pair // many, pair % many, n)
        for pair, n in zip(found.tolist(), counts.tolist(), strict=True)
    ]


def _owners(graph: Graph, statements: Sequence[Statement]) -> Owners:
    """Which statements each node became, for what it is used for if it is a sum on the way."""
    owners = Owners(len(graph))
    for k, s in enumerate(statements):
        owners.add(nodes_of(s), k)
    number = owners.number.tolist()
    left = np.flatnonzero((graph.codes >= FIRST_OP) & (owners.number == 0))
    user = np.full(len(graph), -1, dtype=np.int64)
    for column in (graph.z, graph.y, graph.x):
        used = np.flatnonzero((graph.codes >= FIRST_OP) & (column >= 0))
        user[column[used]] = used
    for node, by in zip(left[::-1].tolist(), user[left[::-1]].tolist(), strict=True):
        number[node] = number[by] if by >= 0 else 0
    owners.number = np.array(number, dtype=np.int64)
    return owners


def _leaves(graph: Graph) -> Ints:
    """For each leaf of an array, the number of that: parameters first; -1 for other nodes."""
    found = np.full(len(graph), -1, dtype=np.int64)
    base = 0
    for code, arrays in ((PARAMETER, graph.parameters), (INPUT, graph.inputs)):
        at = np.flatnonzero(graph.codes == code)
        ends = np.cumsum([size for _, size in arrays])
        found[at] = base + np.searchsorted(ends, graph.x[at], side="right")
        base += len(arrays)
    return found
