"""Sums of cotangents in the order of `Value.backward`: what the last point gives comes first.

Only the order of what is added to one element matters, so only loops that the target does not
depend on are turned round, where that is enough: what is stored in a row stays in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..ir.extents import Affine, Entries, is_number
from ..ir.program import Access, Loop, Node, Order, Statement, map_accesses


def last_first(s: Statement, depth: int) -> Node:
    """The statement, adding to every element in the reverse order of its points.

    depth   how many loops stand around it, which are turned round already
    """
    own = [d for d in range(depth, len(s.domain)) if not _is_one(s.domain[d])]
    turned = [d for d in own if not s.target.strides[d]]
    if s.target.parts or not _is_injective(s.target, s.domain, set(own) - set(turned)):
        turned = own
    if not turned:
        return s
    if all(is_number(s.domain[d]) for d in turned) and not _depends(s.domain, turned):
        target = _turned(s.target, s.domain, turned)
        expr = map_accesses(s.expr, lambda a: _turned(a, s.domain, turned))
        return replace(s, target=target, expr=expr)
    node: Node = s
    for d in reversed(range(depth, turned[-1] + 1)):
        node = Loop(s.domain[d], Order.REVERSE, [node])
    return node


def _is_one(count: int) -> bool:
    return is_number(count) and count == 1


def _is_injective(a: Access, domain: Sequence[int], loops: set[int]) -> bool:
    """Whether no two points of these loops have the same element: each steps over those before."""
    reach = 0
    for stride, most in sorted((abs(a.strides[d]), int(domain[d])) for d in loops):
        if stride <= reach:
            return False
        reach += stride * (most - 1)
    return True


def _depends(domain: Sequence[int], loops: Sequence[int]) -> bool:
    """Whether the count of a loop depends on the index of one of these."""
    return any(
        d < len(count.strides) and count.strides[d]
        for count in domain
        if isinstance(count, Affine | Entries)
        for d in loops
    )


def _turned(a: Access, domain: Sequence[int], loops: Sequence[int]) -> Access:
    """The access at the index counted from the end of these loops."""
    parts = []
    for p in a.parts:
        offset, strides = _from_end(p.offset, p.strides, domain, loops)
        parts.append(replace(p, offset=offset, strides=strides))
    offset, strides = _from_end(a.offset, a.strides, domain, loops)
    return Access(a.array, offset, strides, tuple(parts))


def _from_end(
    offset: int, strides: Sequence[int], domain: Sequence[int], loops: Sequence[int]
) -> tuple[int, tuple[int, ...]]:
    found = list(strides)
    for d in loops:
        if d < len(found):
            offset += found[d] * (domain[d] - 1)
            found[d] = -found[d]
    return offset, tuple(found)
