"""First iterations of loops of loops, built as the iterations behind them say.

In a first iteration of a triangle inner loops run once, or not at all, and few iterations are no
evidence: one of four ops is four of one op as well. What the second and the third iteration say of
the first is written out, and compared with the trace, op by op.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from .boundaries import Segments, extended
from .tree import Tree

MOST = 1 << 16
"""Ops of the second iterations of all loops of a body; longer ones are left as they are."""
AT_MOST = 3
"""Iterations that a loop gets."""

Plan: TypeAlias = "int | tuple[int, int, list[list[Plan]]]"
"""The code of an op; or the symbol of a loop, an item like it, and its iterations."""


def rebuilt(tree: Tree, segments: Segments) -> Segments:
    """The segments, longer by the iterations before them that the ops there are."""
    start, end = segments.start.copy(), segments.end.copy()
    for k in _possible(tree, segments):
        for _ in range(AT_MOST):
            least = int(end[k - 1]) if k else 0
            more = _longer(tree, int(segments.symbol[k]), int(start[k]), int(end[k]), least)
            if more is None:
                break
            start[k + 1 :] += more
            end[k:] += more
            start[k] += more - len(tree.bodies[int(segments.symbol[k])])
    return Segments(start, end, segments.symbol)


def _longer(tree: Tree, symbol: int, start: int, end: int, least: int) -> int | None:
    """Make what stands before a loop, from the place `least` on, its first iteration, if it is one.
    Returns by how many items the sequence is longer then.
    """
    body = tree.bodies[symbol]
    found = _planned(tree, body, start)
    if found is None:
        return None
    first, ops, plans = found
    place = _beginning(tree, first, least, start)
    if place is None:
        return None
    undo = tree.undo(first, first + ops)
    numbers = iter(range(first, first + ops))
    tree.replace(place, start, [_built(tree, plan, numbers) for plan in plans])
    more = len(body) - (start - place)
    loop = Segments.of([(start + more, end + more, symbol)])
    if int(extended(tree, loop).start[0]) == place:
        return more
    undo()
    return None


def _planned(tree: Tree, body: tuple[int, ...], start: int) -> tuple[int, int, list[Plan]] | None:
    """The first op of the iteration before a loop, how many it has, and what they make, if these
    are the ops of the trace.
    """
    items = tree.sequence[start : start + 2 * len(body)].tolist()
    first = _first_op(tree, items[0])
    if first < 0 or not _end_alike(tree, body, items[: len(body)], first):
        return None
    plans = _expected(tree, body, items[: len(body)], items[len(body) :])
    if plans is None:
        return None
    codes: list[int] = []
    _add_codes(plans, codes)
    begin = first - len(codes)
    if begin < 0 or tree.ops.code[begin:first].tolist() != codes:
        return None
    return begin, len(codes), plans


def _end_alike(tree: Tree, body: tuple[int, ...], items: list[int], first: int) -> bool:
    """Whether the ops behind all inner loops of a body stand before the op `first`, too."""
    for at, symbol in enumerate(reversed(body)):
        if symbol in tree.bodies:
            break
        before = first - 1 - at
        if before < 0 or tree.ops.code[before] != tree.ops.code[items[-1 - at]]:
            return False
    return True


def _possible(tree: Tree, segments: Segments) -> list[int]:
    """The segments of loops of loops before which something stands."""
    found = []
    for symbol in segments.symbols():
        body = tree.bodies[symbol]
        if not any(inner in tree.bodies for inner in body):
            continue
        ops = 0
        for k in np.flatnonzero(segments.symbol == symbol).tolist():
            start, end = int(segments.start[k]), int(segments.end[k])
            if end - start >= 2 * len(body) and start > (int(segments.end[k - 1]) if k else 0):
                second, third = (
                    _first_op(tree, int(tree.sequence[start + at])) for at in (0, len(body))
                )
                ops += third - second
                if ops > MOST:
                    break
                found.append(k)
    return sorted(found)


def _first_op(tree: Tree, item: int) -> int:
    """The first op of an item; -1 if it has none."""
    while item >= len(tree.ops):
        if not tree.blocks[item]:
            return -1
        item = int(tree.kids[tree.first[item]])
    return item


def _beginning(tree: Tree, op: int, least: int, most: int) -> int | None:
    """The place of the item that begins with this op, if one does between these places."""
    top, _ = tree.top(np.array([op]))
    place = int(tree.place[top[0]])
    begins = least <= place < most and _first_op(tree, int(top[0])) == op
    return place if begins else None


def _expected(
    tree: Tree, body: tuple[int, ...], first: list[int], second: list[int]
) -> list[Plan] | None:
    """What the iteration before two is made of, if they tell."""
    plans: list[Plan] = []
    for symbol, b, c in zip(body, first, second, strict=True):
        if symbol not in tree.bodies:
            plans.append(int(tree.ops.code[b]))
            continue
        inner = tree.bodies[symbol]
        here, behind = int(tree.blocks[b]), int(tree.blocks[c])
        count = 2 * here - behind
        if count < 0 or not here or not behind:
            return None
        if not any(other in tree.bodies for other in inner):  # all its blocks are made of one plan
            begin = int(tree.first[b])
            kids = tree.kids[begin : begin + len(inner)]
            plans.append((symbol, b, [tree.ops.code[kids].tolist()] * count))
            continue
        blocks = []
        for k in range(count):
            at = [min(k, blocks_ - 1) * len(inner) for blocks_ in (here, behind)]
            both = [
                tree.kids[tree.first[item] + a : tree.first[item] + a + len(inner)].tolist()
                for item, a in zip((b, c), at, strict=True)
            ]
            block = _expected(tree, inner, *both)
            if block is None:
                return None
            blocks.append(block)
        plans.append((symbol, b, blocks))
    return plans


def _add_codes(plans: list[Plan], codes: list[int]) -> None:
    """Append the codes of all ops of some plans."""
    for plan in plans:
        if isinstance(plan, int):
            codes.append(plan)
        else:
            for block in plan[2]:
                _add_codes(block, codes)


def _built(tree: Tree, plan: Plan, ops: Iterator[int]) -> int:
    """The item of a plan, of the next ops."""
    if isinstance(plan, int):
        return next(ops)
    symbol, like, blocks = plan
    if not blocks:
        return tree.empty(like, symbol)
    kids = [[_built(tree, inner, ops) for inner in block] for block in blocks]
    return tree.loop(np.array(kids), symbol)
