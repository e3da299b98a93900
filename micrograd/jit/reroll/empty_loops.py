"""Iterations in which a loop does not run: the first ones of triangles.

Requires segments with their first iterations (`boundaries`); establishes the same, longer.
"""

from __future__ import annotations

import numpy as np

from ..ir.nests import Ints
from .boundaries import Segments
from .strings import LITERAL, SLOTS, Bools
from .tree import Tree


def with_empty_loops(tree: Tree, segments: Segments, empty: dict[int, list[int]]) -> Segments:
    """The segments, longer by the block before them in which loops run zero times.

    Where the trip counts of a body's loops go ..., 2, 1, the block before has none of these loops;
    items that are empty loops are put there. `empty` notes where in the body, by loops' symbols.
    """
    bare = tree.bare_sequence()
    before = np.concatenate([[0], segments.end[:-1]])
    added: dict[int, tuple[int, list[int]]] = {}
    for symbol in segments.symbols():
        for k in _where_loops_end(tree, segments, symbol).tolist():
            body = tree.bodies[symbol]
            found = _empty_before(tree, bare, int(before[k]), int(segments.start[k]), body)
            if found is not None:
                added[k] = found
    if not added:
        return segments
    places: list[int] = []
    items: list[int] = []
    start, shift = segments.start.copy(), np.zeros(len(segments) + 1, dtype=np.int64)
    for k in sorted(added):
        at, gone = added[k]
        empty[int(segments.symbol[k])] = gone
        body = tree.bodies[int(segments.symbol[k])]
        like = tree.sequence[segments.start[k] : segments.start[k] + len(body)]
        start[k] = at
        for offset in range(len(body)):
            if offset in gone:
                items.append(tree.empty(int(like[offset]), int(tree.symbol[like[offset]])))
                places.append(at)
            else:
                at += 1
        shift[k + 1] = len(gone)
    moved = np.cumsum(shift)
    tree.insert(places, items)
    return Segments(start + moved[:-1], segments.end + moved[1:], segments.symbol)


def _where_loops_end(tree: Tree, segments: Segments, symbol: int) -> Ints:
    """The segments of a symbol of which the first two blocks say that a loop in the block before
    would run zero times.
    """
    body = tree.bodies[symbol]
    some = np.flatnonzero((segments.symbol == symbol) & _of_two(segments, len(body)))
    gone = np.zeros(len(some), dtype=bool)
    for offset, inner in enumerate(body):
        if inner in tree.bodies:
            first, second = (
                tree.blocks[tree.sequence[segments.start[some] + k + offset]]
                for k in (0, len(body))
            )
            gone |= 2 * first == second
    return some[gone]


def _of_two(segments: Segments, period: int) -> Bools:
    """Which have two blocks or more."""
    long: Bools = segments.end - segments.start >= 2 * period
    return long


def _empty_before(
    tree: Tree, bare: Ints, before: int, start: int, body: tuple[int, ...]
) -> tuple[int, list[int]] | None:
    """Where the block before begins, and which of its loops run zero times, if it is one."""
    p, sequence = len(body), tree.sequence
    first, second = sequence[start : start + p], sequence[start + p : start + 2 * p]
    expected = [
        int(2 * tree.blocks[first[o]] - tree.blocks[second[o]]) if body[o] in tree.bodies else 1
        for o in range(p)
    ]
    gone = [o for o in range(p) if expected[o] == 0]
    if not gone or len(gone) == p or min(expected) < 0:
        return None
    kept = [o for o in range(p) if expected[o] != 0]
    at = start - len(kept)
    if at < before:
        return None
    for k, o in enumerate(kept):
        if bare[at + k] != bare[start + o]:
            return None
        if body[o] in tree.bodies and tree.blocks[sequence[at + k]] != expected[o]:
            return None
    follows = _leaves_follow(tree, sequence[at:start], kept, first, second)
    return (at, gone) if follows else None


def _leaves_follow(tree: Tree, block: Ints, kept: list[int], first: Ints, second: Ints) -> bool:
    """Whether what a shorter block reads is what comes before what the two behind it read."""
    ops, evidence = tree.ops, 0
    for k, o in enumerate(kept):
        symbol = int(tree.symbol[first[o]])
        three = [tree.first_ops(np.array([x]), symbol)[0] for x in (block[k], first[o], second[o])]
        for u, v, w in zip(*[[int(x[0]) for x in found] for found in three], strict=True):
            if min(u, v, w) < 0:
                continue
            for slot in range(SLOTS):
                if not ops.used[slot, v]:
                    continue
                ka, kb, kc = (int(ops.kind[slot, x]) for x in (u, v, w))
                ra, rb, rc = (int(ops.ref[slot, x]) for x in (u, v, w))
                starts = slot == 0 and bool(ops.chain[v])
                if kb < LITERAL and kc < LITERAL and not starts:
                    if ka != kb or ra != 2 * rb - rc:
                        return False
                    evidence += rb != rc
                elif kc >= 0 and ka >= 0:
                    evidence += 1
    return evidence > 0
