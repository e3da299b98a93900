"""Graph -> Graph: what is the same for all iterations of a sum is computed before it.

Requires a verified graph. Establishes one with the same outputs, in which the nodes of sums over
rows, but for those of loops in them, depend on the row.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..ir.graph import FIRST_OP, INPUT, Graph
from ..ir.regions import Region, part_of, regions_in

Bools = npt.NDArray[np.bool_]


def hoisted(graph: Graph) -> Graph:
    """The graph with nodes that no row changes in front of the loops that sum over rows."""
    sums = sorted((r for r in graph.regions if r.sums), key=lambda r: len(r.nodes))
    for number in [r.number for r in sums]:
        (region,) = [r for r in graph.regions if r.number == number]
        kept = _kept(graph, region)
        if not kept.all():
            graph = _moved(graph, region, kept)
    return graph


def _kept(graph: Graph, r: Region) -> Bools:
    """Which of a loop's nodes stay in it."""
    start, stop = r.nodes.start, r.nodes.stop
    inner = regions_in(graph.regions, r)
    numbers = {r.number, *(x.number for x in inner)}
    moving = np.array([_is_moving(graph, name, numbers) for name, _ in graph.inputs])
    ends = np.cumsum([size for _, size in graph.inputs])
    varies = np.zeros(len(graph), dtype=bool)
    leaves = np.flatnonzero(graph.codes == INPUT)
    varies[leaves] = moving[np.searchsorted(ends, graph.x[leaves], side="right")]
    for x in inner:
        varies[x.nodes.start : x.nodes.stop] = True
    tables = [range(first, first + count) for first, count in graph.tables]
    own = [t for t in tables if start <= t.start and t.stop <= stop]
    operands = [column[start:stop].tolist() for column in (graph.x, graph.y, graph.z)]
    is_op = (graph.codes[start:stop] >= FIRST_OP).tolist()
    again = True
    while again:  # one entry that varies makes the others of its table do so
        for k, (op, *read) in enumerate(zip(is_op, *operands, strict=True), start):
            if op and not varies[k]:
                varies[k] = any(x >= 0 and varies[x] for x in read)
        mixed = [t for t in own if varies[t.start : t.stop].any() and not varies[t].all()]
        for t in mixed:
            varies[t] = True
        again = bool(mixed)
    return varies[start:stop]


def _is_moving(graph: Graph, name: str, loops: set[int]) -> bool:
    """Whether what an array of inputs holds is another in iterations of some loops."""
    counter = graph.counted.get(name)
    if counter is not None:
        return not loops.isdisjoint(counter.scales)
    part = part_of(name)
    return part is not None and part[0] in loops


def _moved(graph: Graph, r: Region, kept: Bools) -> Graph:
    """The graph with the other nodes of a loop before it."""
    start, stop = r.nodes.start, r.nodes.stop
    order = np.arange(len(graph))
    order[start:stop] = start + np.concatenate([np.flatnonzero(~kept), np.flatnonzero(kept)])
    number = np.full(len(graph) + 1, -1)
    number[order] = np.arange(len(graph))  # of -1, no operand, -1
    is_op = graph.codes[order] >= FIRST_OP
    columns = [column[order] for column in (graph.codes, graph.x, graph.y, graph.z)]
    for column in columns[1:]:
        column[is_op] = number[column[is_op]]
    codes, x, y, z = columns
    begin = start + int((~kept).sum())
    there, inner = number[:-1].tolist(), [x.number for x in regions_in(graph.regions, r)]

    def region(other: Region) -> Region:
        changed = other.renumbered(there, range(len(graph) + 1))
        nodes = other.nodes
        if other is r:
            return replace(changed, nodes=range(begin, stop))
        if other.number in inner:  # it may have no nodes, and is where it was among others then
            first = begin + int(kept[: nodes.start - start].sum())
            return replace(changed, nodes=range(first, first + len(nodes)))
        return replace(changed, nodes=nodes)

    return replace(
        graph,
        codes=codes,
        x=x,
        y=y,
        z=z,
        outputs=[there[k] for k in graph.outputs],
        labels={there[k]: label for k, label in graph.labels.items()},
        place=graph.place[order] if len(graph.place) else graph.place,
        tables=[(there[first], count) for first, count in graph.tables],
        regions=[region(other) for other in graph.regions],
    )
