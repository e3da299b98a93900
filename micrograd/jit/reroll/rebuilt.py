"""First iterations of loops of loops, built as the iterations behind them say.

In a first iteration of a triangle inner loops run once, or not at all, and few iterations are no
evidence: one of four ops is four of one op as well. What the second and the third iteration say of
the first is written out, and compared with the trace, op by op.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import TypeAlias

import numpy as np

from ..ir.nests import Ints
from .boundaries import Segments, extended
from .tree import Loops, Tree

MOST = 1 << 16
"""Ops of the second iterations of all loops of a body; longer ones are left as they are."""
AT_MOST = 3
"""Iterations that a loop gets."""


@dataclass(frozen=True)
class Rows:
    """What a loop is to be whose blocks are ops alone: the codes of one, and how many there are."""

    symbol: int
    like: int
    codes: list[int]
    count: int


@dataclass(frozen=True)
class Nest:
    """What a loop of loops is to be, block by block."""

    symbol: int
    like: int
    blocks: list[list[Plan]]


Plan: TypeAlias = "int | Rows | Nest"
"""The code of an op, or a loop, with an item like it."""


@dataclass(frozen=True)
class Before:
    """What stands before a loop, and may be its first iteration.

    segment   the number of the loop
    place     where it begins in the sequence
    op        its first op
    ops       how many it has
    plans     of its items
    """

    segment: int
    place: int
    op: int
    ops: int
    plans: list[Plan]


def rebuilt(tree: Tree, segments: Segments) -> Segments:
    """The segments, longer by the iterations before them that the ops there are."""
    possible = _possible(tree, segments)
    for _ in range(AT_MOST):
        found = [before for k in possible if (before := _before(tree, segments, k)) is not None]
        if not found:
            break
        segments, possible = _longer(tree, segments, found)
    return segments


def _before(tree: Tree, segments: Segments, k: int) -> Before | None:
    """What stands before a loop, behind the loop before, if it may be the first iteration."""
    start, least = int(segments.start[k]), int(segments.end[k - 1]) if k else 0
    planned = _planned(tree, tree.bodies[int(segments.symbol[k])], start)
    if planned is None:
        return None
    op, ops, plans = planned
    place = _beginning(tree, op, least, start)
    return Before(k, place, op, ops, plans) if place is not None else None


def _longer(tree: Tree, segments: Segments, found: list[Before]) -> tuple[Segments, list[int]]:
    """Make what stands before loops their first iterations, where it is. Returns the segments, and
    which of them are longer.
    """
    sequence = tree.sequence
    undo: dict[int, Callable[[], None]] = {}
    items: dict[int, list[int]] = {}
    for each in found:
        undo[each.segment] = tree.undo(each.op, each.op + each.ops)
        items[each.segment] = _built(tree, each.plans, each.op)
    longer = segments
    while found:
        pieces: list[Sequence[int] | Ints] = []
        end = 0
        more = np.zeros(len(segments), dtype=np.int64)
        for each in found:
            pieces += [sequence[end : each.place], items[each.segment]]
            end = int(segments.start[each.segment])
            more[each.segment] = len(items[each.segment]) - (end - each.place)
        tree.rearrange([*pieces, sequence[end:]])
        some = np.array([each.segment for each in found])
        behind = np.cumsum(more)
        longer = Segments(segments.start + behind, segments.end + behind, segments.symbol)
        start = extended(tree, longer.some(some)).start
        joins = start < longer.start[some]
        longer.start[some] = start
        if joins.all():
            break
        for each, is_first in zip(found, joins.tolist(), strict=True):
            if not is_first:
                undo[each.segment]()
        found = [each for each, is_first in zip(found, joins.tolist(), strict=True) if is_first]
    else:
        tree.rearrange([sequence])
        longer = segments
    return longer, [each.segment for each in found]


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
            plans.append(Rows(symbol, b, tree.ops.code[kids].tolist(), count))
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
        plans.append(Nest(symbol, b, blocks))
    return plans


def _add_codes(plans: list[Plan], codes: list[int]) -> None:
    """Append the codes of all ops of some plans."""
    for plan in plans:
        if isinstance(plan, int):
            codes.append(plan)
        elif isinstance(plan, Rows):
            codes += plan.codes * plan.count
        else:
            for block in plan.blocks:
                _add_codes(block, codes)


def _built(tree: Tree, plans: list[Plan], op: int) -> list[int]:
    """The items of plans, of the ops from this one on."""
    loops, ops = Loops(tree), count(op)

    def items(plans: list[Plan]) -> list[int]:
        return [next(ops) if isinstance(plan, int) else item(plan) for plan in plans]

    def item(plan: Rows | Nest) -> int:
        if isinstance(plan, Rows):
            return loops.add(
                [*islice(ops, plan.count * len(plan.codes))], plan.count, plan.symbol, plan.like
            )
        kids = [kid for block in plan.blocks for kid in items(block)]
        return loops.add(kids, len(plan.blocks), plan.symbol, plan.like)

    found = items(plans)
    loops.finish()
    return found
