"""Loops over run-time extents that differ by a number -> loops over one of them.

What longer loops have more are their first iterations, which then stand before them by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..ir.extents import Affine, Extent, is_number
from ..ir.program import Access, Loop, Node, Order, map_accesses


class Unlike(Exception):
    """Programs are not one program at several sizes; the text says where they differ."""


Shared = Mapping[Extent, tuple[int, Extent]]
"""Of an extent: how many iterations it has more than another one."""


def split(node: Node, depth: int, shared: Shared) -> list[Node]:
    """A node inside of `depth` loops, its first iterations by themselves where it has more.

    Raises Unlike where that cannot be.
    """
    if isinstance(node, Loop):
        inner = [n for each in node.body for n in split(each, depth + 1, shared)]
        extra, base = _more(node.extent, shared)
        before = [_moved(n, depth, k, single=True) for k in range(extra) for n in inner]
        if node.order is Order.REVERSE and extra:
            raise Unlike("a loop in reverse order has more iterations than another")
        rest = [_moved(n, depth, extra, single=False) for n in inner] if extra else inner
        return [*before, Loop(base, node.order, [_limited(n, depth, base) for n in rest])]
    if any(is_number(count) and not count for count in node.domain):
        return []
    for d in range(depth, len(node.domain)):
        extra, base = _more(node.domain[d], shared)
        if base is not node.domain[d]:
            found: list[Node] = []
            for k in range(extra):
                found += split(_moved(node, d, k, single=True), depth, shared)
            moved = _limited(_moved(node, d, extra, single=False), d, base)
            return [*found, *split(moved, depth, shared)]
    return [node]


def _more(count: int, shared: Shared) -> tuple[int, int]:
    return shared[count] if isinstance(count, Extent) else (0, count)


def _limited(node: Node, d: int, count: int) -> Node:
    """The same with another count of loop number `d`."""
    if isinstance(node, Loop):
        return Loop(node.extent, node.order, [_limited(n, d, count) for n in node.body])
    return replace(node, domain=(*node.domain[:d], count, *node.domain[d + 1 :]))


def _moved(node: Node, d: int, k: int, *, single: bool) -> Node:
    """A node as it is `k` iterations of loop number `d` later; in that one alone, if `single`."""

    def strides(old: tuple[int, ...]) -> tuple[int, ...]:
        return (*old[:d], *old[d + 1 :]) if single else old

    def moved(a: Access) -> Access:
        parts = tuple(
            replace(p, offset=p.offset + k * p.strides[d], strides=strides(p.strides))
            for p in a.parts
        )
        return Access(a.array, a.offset + k * a.strides[d], strides(a.strides), parts)

    def count(at: int, old: int) -> int:
        if isinstance(old, Affine) and d < len(old.strides):
            start = old.offset + k * old.strides[d]
            rest = strides(old.strides)
            if not any(rest):
                return max(0, start)
            return Affine(start, rest, int(old))
        if not is_number(old) and not isinstance(old, Extent):
            raise Unlike("ragged loops are in loops that differ in length")
        return old

    if isinstance(node, Loop):
        inner = [_moved(n, d, k, single=single) for n in node.body]
        return Loop(count(d, node.extent), node.order, inner)
    domain = tuple(count(at, c) for at, c in enumerate(node.domain))
    if single:
        domain = (*domain[:d], *domain[d + 1 :])
    expr = map_accesses(node.expr, moved)
    return replace(node, target=moved(node.target), expr=expr, domain=domain)
