"""Nest of many things -> how many vectors of things it runs at once."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ..ir.extents import Extent
from ..ir.program import Loop, Node, Order, statements
from ..target import Target
from .counts import operations
from .courses import varies
from .nest import Nest

ABREAST, ABREAST_NUMBERS = 4, 1 << 13
"""Vectors of things that run at once where each has a loop in order, to hide its latencies, and
numbers that they may have for themselves then."""
SHARING, WAITING = 2, 0.25
"""Vectors of things that run at once to share what they read, and the part of the work that may be
in loops in order then.
"""
LANE_NUMBERS, HALF_LINE = 1 << 14, 2
"""Numbers that things may have for themselves for each lane, where one vector of them fills the L1
cache anyway: they share the L2 cache. Processors whose vectors are no whole line have less of it,
by so much.
"""
SHORT, LONG = 8, 16
"""Operations and iterations of loops in order that one vector of things would wait for."""


def vectors(nest: Nest, count: int, target: Target) -> int:
    """How many vectors of things run at once: more than one hide the latencies of loops in order
    that each has, short ones of many iterations. Where hardly anything waits in loops in order, two
    share what they read of what is the same for all; and more of them each load and store of a sum
    over the things, where these sums with what a vector has for itself are beyond the L1 cache.
    """
    (loop,) = nest.body
    assert isinstance(loop, Loop)
    lanes = target.lanes
    inner = [n for n in loop.body if isinstance(n, Loop) and n.order is not Order.FREE]
    short = [
        n.extent >= LONG and sum(operations(s.expr) + 1 for s in statements([n])) <= SHORT
        for n in inner
    ]
    numbers = sum(nest.tiles.values()) * lanes
    most, room = ABREAST, ABREAST_NUMBERS
    if not short or not all(short):
        waiting, whole = _work(inner), _work([loop])
        if waiting >= WAITING * whole:
            return 1
        sums = _sums(nest) * lanes
        if sums and numbers + sums > ABREAST_NUMBERS:
            room = lanes * LANE_NUMBERS // (1 if lanes == target.line else HALF_LINE)
        else:
            most = SHARING
    most = max(1, min(most, count // lanes, room // max(1, numbers)))
    most = 1 << (most.bit_length() - 1)
    if isinstance(count, Extent):
        return most
    needed = -(-count // lanes)
    times = -(-needed // most)
    return 1 << (-(-needed // times) - 1).bit_length()


def _sums(nest: Nest) -> int:
    """How many numbers are sums over all things."""
    sums = [s for s in nest.statements if s.accumulate and s.target.array not in nest.tiles]
    return sum(
        prod(int(c) for d, c in enumerate(s.domain) if d and varies(s.target, d))
        for s in sums
        if not varies(s.target, 0)
    )


def _work(nodes: Sequence[Node]) -> int:
    """Operations of all points."""
    return sum(s.points * (operations(s.expr) + 1) for s in statements(nodes))
