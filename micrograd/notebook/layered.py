"""A DAG -> places for its nodes, in columns from what is given to what comes of it.

Every edge leads at least one column further. Edges over several columns bend around the nodes
between: in each of these columns there is a thin place kept for them. In a column, nodes lie near
the mean of their neighbours, found in a few sweeps. Source: Sugiyama, Tagawa, Toda, "Methods for
Visual Understanding of Hierarchical System Structures", 1981.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

GAP_ACROSS, GAP_DOWN = 36.0, 12.0
SWEEPS = 6

Edge = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where all is: the centres of the nodes, the points of the edges, and the size of the whole.

    edges   of each edge, from one node's side to the other's
    """

    centres: list[tuple[float, float]]
    edges: list[list[tuple[float, float]]]
    width: float
    height: float


def laid_out(sizes: Sequence[tuple[float, float]], edges: Sequence[Edge]) -> Layout:
    """A layout of nodes of these widths and heights, of which no edge leads back to an earlier one.

    >>> laid_out([(10, 10), (10, 10)], [(0, 1)]).centres
    [(5.0, 5.0), (51.0, 5.0)]
    """
    sizes = list(sizes)
    column = _columns(len(sizes), edges)
    chains = [_chain(edge, column, sizes) for edge in edges]
    links = [pair for chain in chains for pair in pairwise(chain)]
    columns: list[list[int]] = [[] for _ in range(max(column, default=-1) + 1)]
    for node, k in enumerate(column):
        columns[k].append(node)
    _order(columns, links)
    widths = [max(sizes[n][0] for n in nodes) for nodes in columns]
    y = _heights(columns, sizes, links)
    left = [sum(widths[:k]) + GAP_ACROSS * k for k in range(len(columns))]
    centre = [left[k] + widths[k] / 2 for k in column]
    top = min((y[n] - sizes[n][1] / 2 for n in range(len(sizes))), default=0.0)
    bottom = max((y[n] + sizes[n][1] / 2 for n in range(len(sizes))), default=0.0)
    places = [(x, at - top) for x, at in zip(centre, y, strict=True)]
    lines = []
    for chain in chains:
        first, last = chain[0], chain[-1]
        begin = (places[first][0] + sizes[first][0] / 2, places[first][1])
        end = (places[last][0] - sizes[last][0] / 2, places[last][1])
        lines.append([begin, *(places[n] for n in chain[1:-1]), end])
    width = sum(widths) + GAP_ACROSS * max(0, len(columns) - 1)
    given = len(sizes) - sum(len(chain) - 2 for chain in chains)
    return Layout(places[:given], lines, width, bottom - top)


def _columns(n: int, edges: Sequence[Edge]) -> list[int]:
    """The column of each node: right of all that it is computed of; what is given, left of what
    uses it first.
    """
    column = [0] * n
    for a, b in sorted(edges, key=lambda edge: edge[1]):
        column[b] = max(column[b], column[a] + 1)
    ends = {b for _, b in edges}
    for node in range(n):
        users = [column[b] for a, b in edges if a == node]
        if node not in ends and users:
            column[node] = min(users) - 1
    return column


def _chain(edge: Edge, column: list[int], sizes: list[tuple[float, float]]) -> list[int]:
    """An edge by the nodes it goes through: thin ones, added in the columns between."""
    a, b = edge
    chain = [a]
    for k in range(column[a] + 1, column[b]):
        chain.append(len(sizes))
        sizes.append((0.0, 2.0))
        column.append(k)
    return [*chain, b]


def _order(columns: list[list[int]], links: Sequence[Edge]) -> None:
    """Sort every column by where the neighbours are, forth and back."""
    neighbours: dict[tuple[int, bool], list[int]] = {}
    for a, b in links:
        neighbours.setdefault((b, True), []).append(a)
        neighbours.setdefault((a, False), []).append(b)
    rank = {n: k / max(1, len(nodes)) for nodes in columns for k, n in enumerate(nodes)}
    for sweep in range(SWEEPS):
        before = sweep % 2 == 0
        for nodes in columns if before else columns[::-1]:
            at = {
                n: sum(rank[m] for m in near) / len(near)
                for n in nodes
                if (near := neighbours.get((n, before)))
            }
            nodes.sort(key=lambda n: at.get(n, rank[n]))
            rank |= {n: k / max(1, len(nodes)) for k, n in enumerate(nodes)}


def _heights(
    columns: list[list[int]], sizes: Sequence[tuple[float, float]], links: Sequence[Edge]
) -> list[float]:
    """The middle of each node: every column about its own middle, then nearer to its neighbours."""
    y = [0.0] * len(sizes)
    for nodes in columns:
        at = 0.0
        for n in nodes:
            y[n] = at + sizes[n][1] / 2
            at += sizes[n][1] + GAP_DOWN
        for n in nodes:
            y[n] -= (at - GAP_DOWN) / 2
    near: dict[int, list[int]] = {}
    for a, b in links:
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    for sweep in range(SWEEPS):
        for nodes in columns if sweep % 2 == 0 else columns[::-1]:
            wanted = [
                sum(y[m] for m in near[n]) / len(near[n]) if n in near else y[n] for n in nodes
            ]
            _settle(nodes, wanted, y, sizes)
    return y


def _settle(
    nodes: list[int], wanted: list[float], y: list[float], sizes: Sequence[tuple[float, float]]
) -> None:
    """Give the nodes of a column, in their order, the places nearest to those wanted: neighbours
    that would overlap form a block, which lies at the mean of what its nodes want.
    """
    blocks: list[tuple[float, int, list[int], list[float]]] = []  # sum, count, nodes, offsets
    for n, at in zip(nodes, wanted, strict=True):
        block = (at, 1, [n], [0.0])
        while blocks:
            total, count, before, offsets = blocks[-1]
            distance = offsets[-1] + (sizes[before[-1]][1] + sizes[block[2][0]][1]) / 2 + GAP_DOWN
            if total / count + distance <= block[0] / block[1]:
                break
            blocks.pop()
            moved = [distance + o for o in block[3]]
            block = (
                total + block[0] - distance * block[1],
                count + block[1],
                before + block[2],
                offsets + moved,
            )
        blocks.append(block)
    for total, count, members, offsets in blocks:
        for n, offset in zip(members, offsets, strict=True):
            y[n] = total / count + offset
