"""Nest -> the nest with iterations of its outermost loop in lanes, a vector's width at a time.

What each iteration has for itself lies in memory with these lanes innermost: rows are never across
them, none is too short for a vector, and where iterations have loops in order inside, they hide
each other's latencies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod

from ..ir.extents import Extent, is_number
from ..ir.program import (
    Access,
    Loop,
    Order,
    Statement,
    accesses,
    asks,
    map_accesses,
    map_statements,
)
from ..target import Target
from .abreast import vectors
from .counts import HORIZONTAL, operations
from .courses import course_across, depends, in_a_row, reorders, varies
from .nest import Nest, paths

MOST_NUMBERS = 1 << 15
"""Numbers that so many iterations may have for themselves: they share the L2 cache."""
LATENCY = 3.0
"""How much more an operation in a loop in order takes, as the next one waits for it."""


def across(nest: Nest, target: Target) -> Nest:
    """The nest with iterations in lanes, if it may be and that is cheaper; with more than one
    vector of them at a time, if they would wait for themselves.

    nest   planned, with what its iterations have for themselves in `tiles`
    """
    width = target.lanes
    if not may_lie_across(nest, width):
        return nest
    (loop,) = nest.body
    assert isinstance(loop, Loop)
    waits = LATENCY if _has_order(loop) else 1.0
    inside = sum(
        c.cost * prod(map(int, s.domain[1 : len(path)]))
        for c, (s, path) in zip(nest.courses, paths(nest.body), strict=True)
    )
    if sum(cost_across(s, nest.tiles, width) for s in nest.statements) >= waits * inside:
        return nest
    more = vectors(nest, loop.extent, target) if _has_order(loop) else 1
    return laid_across(nest, width * more)


def may_lie_across(nest: Nest, width: int) -> bool:
    """Whether iterations may lie in lanes: the loop's alone, in any order, of little each."""
    loop = nest.body[0]
    if len(nest.body) != 1 or isinstance(loop, Statement) or loop.order is not Order.FREE:
        return False
    if asks(nest.body):
        return False
    small = sum(nest.tiles.values()) * width <= MOST_NUMBERS
    known = is_number(loop.extent) or isinstance(loop.extent, Extent)
    enough = known and small and int(loop.extent) >= width
    return enough and all(may_run_abreast(s, nest.tiles) for s in nest.statements)


def laid_across(nest: Nest, width: int) -> Nest:
    """The nest with iterations in lanes."""

    def spread(a: Access) -> Access:
        """Where the lanes of an element begin."""
        if a.array not in nest.tiles:
            return a
        lanes = nest.lanes.get(a.array, width)
        wide = a.with_strides(lambda strides: tuple([d * lanes for d in strides]))
        parts = tuple(
            [
                replace(p, strides=q.strides, scale=p.scale * lanes)
                for p, q in zip(wide.parts, a.parts, strict=True)
            ]
        )
        return replace(wide, offset=a.offset * lanes, parts=parts)

    def change(s: Statement) -> Statement:
        return replace(s, target=spread(s.target), expr=map_accesses(s.expr, spread))

    body = map_statements(nest.body, change)
    courses = [course_across(s, len(path), width) for s, path in paths(body)]
    tiles = {name: size * nest.lanes.get(name, width) for name, size in nest.tiles.items()}
    return Nest(body, nest.reason, courses, [{} for _ in courses], tiles, nest.lanes)


def may_run_abreast(s: Statement, tiles: Mapping[str, int]) -> bool:
    """Whether a statement may run for several iterations at once."""
    if any(depends(count, 0) for count in s.domain):
        return False
    if s.accumulate is None or s.target.array in tiles:
        return True
    distinct = s.target.strides[0] != 0 and not any(p.strides[0] for p in s.target.parts)
    return reorders(s.accumulate, strict=False) and (distinct or not varies(s.target, 0))


def _has_order(loop: Loop) -> bool:
    return any(
        isinstance(node, Loop) and (node.order is not Order.FREE or _has_order(node))
        for node in loop.body
    )


def cost_across(s: Statement, tiles: Mapping[str, int], width: int) -> float:
    """Vector operations for an iteration."""
    touched = [*accesses(s.expr), *([s.target] if s.accumulate is None else [])]
    scattered = sum(
        a.array not in tiles and varies(a, 0) and not in_a_row(a, 0) for a in dict.fromkeys(touched)
    )
    points = prod(map(int, s.domain[1:]))
    cost = points * (operations(s.expr) + 1 + scattered * width)
    if s.accumulate is not None and s.target.array not in tiles:
        kept = [int(c) for d, c in enumerate(s.domain) if d and varies(s.target, d)]
        cost += prod(kept) * (2 * width if varies(s.target, 0) else HORIZONTAL)
    return cost / width
