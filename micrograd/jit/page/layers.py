"""Nodes and edges -> places in layers, for a drawing: what is read lies above what reads it.

The layout of Sugiyama, Tagawa and Toda (1981) in its simplest form: layers by longest path, edges
over several layers cut at each, and layers sorted by the middle of their neighbours, down and up.
Edges from one node go together as far as they can, so that few lines cross a layer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

SWEEPS = 12
"""Passes over all layers; more change little."""

Point = tuple[int, int]
"""A layer, and a place in it."""


def layered(n: int, edges: Sequence[tuple[int, int]]) -> tuple[list[list[int]], list[list[int]]]:
    """The layers, and for each edge the nodes that it passes, its ends included, from above.

    Nodes from n on are bends of edges, each in a layer as nodes are. An edge that would close a
    circle, and one from a node to itself, is as if it went the other way, or were not there.

    >>> layered(3, [(0, 1), (1, 2), (0, 2)])
    ([[0], [1, 3], [2]], [[0, 1], [1, 2], [0, 3, 2]])
    """
    forward = _without_circles(n, edges)
    layer = _longest_paths(n, forward)
    layers: list[list[int]] = [[] for _ in range(max(layer, default=-1) + 1)]
    for node, k in enumerate(layer):
        layers[k].append(node)
    bends: dict[tuple[int, int], int] = {}
    routes = []
    for ends in edges:
        low, high = sorted(ends, key=lambda node: layer[node])
        route = [low]
        for k in range(layer[low] + 1, layer[high]):
            if (low, k) not in bends:
                bends[low, k] = n + len(bends)
                layers[k].append(bends[low, k])
            route.append(bends[low, k])
        routes.append([*route, high])
    _untangle(layers, routes)
    return layers, routes


def _without_circles(n: int, edges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The edges in an order that closes no circle, so that those closing one are turned round."""
    straight = [e for e in edges if e[0] != e[1]]
    try:
        TopologicalSorter({k: [a for a, b in straight if b == k] for k in range(n)}).prepare()
    except CycleError:
        return [(min(e), max(e)) for e in straight]
    return straight


def _longest_paths(n: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """How many edges lead to each node at most."""
    before: dict[int, list[int]] = {k: [] for k in range(n)}
    for start, end in edges:
        before[end].append(start)
    layer = [0] * n
    for node in TopologicalSorter(before).static_order():
        layer[node] = max((layer[x] + 1 for x in before[node]), default=0)
    return layer


def _untangle(layers: list[list[int]], routes: Sequence[Sequence[int]]) -> None:
    """Sort each layer by the middle of what its nodes are joined to, above and below in turn."""
    joined: Mapping[int, list[int]] = defaultdict(list)
    for route in routes:
        for a, b in pairwise(route):
            if b not in joined[a]:
                joined[a].append(b)
                joined[b].append(a)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        order = range(1, len(layers)) if down else range(len(layers) - 2, -1, -1)
        for k in order:
            other = layers[k - 1 if down else k + 1]
            at = {node: place for place, node in enumerate(other)}
            own = {node: place for place, node in enumerate(layers[k])}
            scale = len(other) / max(len(layers[k]), 1)

            def middle(
                node: int,
                at: Mapping[int, int] = at,
                own: Mapping[int, int] = own,
                scale: float = scale,
            ) -> float:
                found = [at[x] for x in joined[node] if x in at]
                return sum(found) / len(found) if found else own[node] * scale

            layers[k].sort(key=middle)
