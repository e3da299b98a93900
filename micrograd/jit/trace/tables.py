"""Graph -> Graph: tables whose rows are elements of one array are read where they are.

What is left of tables are `entry` nodes, of which each table's lie one after the other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...lookups import ENTRY, Lookup, taken
from ..ir.graph import FIRST_OP, INPUT, PARAMETER, Graph, code_of, is_take, op_of

Ints = npt.NDArray[np.int64]

_ENTRY = code_of(ENTRY)


def resolve(graph: Graph) -> None:
    """Do so in a graph as it was traced, in which an entry has the one before it as an operand, and
    what is taken the last one.
    """
    takes = np.flatnonzero(is_take(graph.codes))
    if not len(takes):
        return
    entries = np.flatnonzero(graph.codes == _ENTRY)
    firsts = np.flatnonzero(graph.y[entries] < 0)
    sizes = np.diff(np.append(firsts, len(entries)))
    tables = dict(zip(entries[firsts].tolist(), sizes.tolist(), strict=True))
    graph.y[entries] = graph.z[takes] = -1
    gone = np.zeros(len(graph), dtype=bool)
    for first, count in list(tables.items()):  # some of which are found to be none
        own = takes[(graph.x[takes] >= first) & (graph.x[takes] < first + count)]
        if _read_in_place(graph, own, first, count):
            gone[first : first + count] = True
            del tables[first]
    graph.tables = list(tables.items())
    _leave_out(graph, gone | _unread(graph, gone))


def _read_in_place(graph: Graph, takes: Ints, first: int, count: int) -> bool:
    """Let a table be read in the array that its entries are elements of, if it lies there."""
    op = op_of(int(graph.codes[takes[0]]))
    assert isinstance(op, Lookup)
    leaves = graph.x[first : first + count].reshape(op.rows, -1)
    code = int(graph.codes[leaves[0, 0]])
    if code not in (PARAMETER, INPUT) or (graph.codes[leaves] != code).any():
        return False
    payload = graph.x[leaves]
    distance = int(payload[1, 0] - payload[0, 0]) if op.rows > 1 else 0
    if (payload - payload[0] != distance * np.arange(op.rows)[:, None]).any():
        return False
    sizes = [size for _, size in (graph.parameters if code == PARAMETER else graph.inputs)]
    array = np.searchsorted(np.cumsum(sizes), payload, side="right")
    if (array != array[0]).any():
        return False
    graph.x[takes] = graph.x[graph.x[takes]]
    graph.codes[takes] = code_of(taken(op.rows, distance))
    return True


def _unread(graph: Graph, gone: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which leaves no other nodes than those that are gone read."""
    needed = graph.codes >= FIRST_OP
    for column in (graph.x, graph.y, graph.z):
        read = column[(graph.codes >= FIRST_OP) & ~gone]
        needed[read[read >= 0]] = True
    needed[graph.outputs] = True
    for region in graph.regions:
        needed[region.ends] = True
    return ~needed


def _leave_out(graph: Graph, gone: npt.NDArray[np.bool_]) -> None:
    """The graph without nodes that nothing needs."""
    if not gone.any():
        return
    kept = ~gone
    number = np.append(np.cumsum(kept) - 1, -1)  # of -1, no operand, -1
    ops = graph.codes >= FIRST_OP
    for column in (graph.x, graph.y, graph.z):
        column[ops] = number[column[ops]]
    graph.codes, graph.x, graph.y, graph.z = (
        column[kept] for column in (graph.codes, graph.x, graph.y, graph.z)
    )
    if len(graph.place):
        graph.place = graph.place[kept]
    graph.outputs = number[graph.outputs].tolist()
    graph.labels = {int(number[k]): label for k, label in graph.labels.items() if kept[k]}
    graph.tables = [(int(number[first]), count) for first, count in graph.tables]
    if graph.regions:
        there = number.tolist(), np.append(0, np.cumsum(kept)).tolist()
        graph.regions = [r.renumbered(*there) for r in graph.regions]
