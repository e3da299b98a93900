"""The ends of loops: first iterations that differ, and iterations in which a loop does not run.

Classes tell the first iteration of a loop from the others, since it reads start values. So the
block before a segment joins it, where it is made of the same ops and what it reads is what the
blocks behind it say that it should be.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from ..ir.nests import Ints
from .strings import LITERAL, SLOTS, Bools
from .tree import Tree

Segment = tuple[int, int, tuple[int, ...]]
"""Where it begins and ends in the sequence, and the symbols of a block."""

SHORT = 3
"""Bodies of at most so many items say little by what is made inside of them."""


def extended(tree: Tree, segments: list[Segment]) -> list[Segment]:
    """The segments, longer by the block before them where that is their first iteration."""
    bare = tree.bare_sequence()
    period = len(segments[0][2])
    start = np.array([s for s, _, _ in segments])
    end = np.array([e for _, e, _ in segments])
    before = np.concatenate([[0], end[:-1]])
    possible = (start - period >= before) & (end - start >= 2 * period)
    for offset in range(period):
        possible &= bare[np.maximum(start - period, 0) + offset] == bare[start + offset]
    by_body: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for k in np.flatnonzero(possible).tolist():
        by_body[segments[k][2]].append(k)
    result = list(segments)
    for body, some in by_body.items():
        joins = _Joining(tree, body, start[some], end[some]).joins()
        for k, join in zip(some, joins.tolist(), strict=True):
            if join:
                s, e, _ = result[k]
                result[k] = (s - period, e, body)
    return result


class _Joining:
    """Whether the blocks before some segments of one body are their first iterations."""

    def __init__(self, tree: Tree, body: tuple[int, ...], start: Ints, end: Ints) -> None:
        self.tree, self.body, self.start = tree, body, start
        self.period = len(body)
        self.three = end - start >= 3 * self.period
        self.good = np.ones(len(start), dtype=bool)
        self.evidence = np.zeros(len(start), dtype=np.int64)

    def joins(self) -> Bools:
        """The answers."""
        p, sequence = self.period, self.tree.sequence
        third = np.where(self.three, 2, 1)
        places = [self.start + d * p for d in (-1, 0, 1)] + [self.start + third * p]
        blocks = [sequence[at[:, None] + np.arange(p)] for at in places]
        ops: list[list[Ints]] = [[] for _ in blocks]
        counts: list[list[Ints]] = [[] for _ in blocks]
        for offset, symbol in enumerate(self.body):
            for k, block in enumerate(blocks):
                found, trips = self.tree.first_ops(block[:, offset], symbol)
                ops[k] += found
                counts[k] += trips
        for a, b, c in zip(*counts[:3], strict=True):
            self.good &= (2 * b - c == a) | (a < 0) | (b < 0) | (c < 0)
        for four in zip(*ops, strict=True):
            known = np.all([x >= 0 for x in four], axis=0)
            if known.any():
                at = int(np.argmax(known))
                filled = [np.where(known, x, x[at]) for x in four]
                for slot in range(SLOTS):
                    if self.tree.ops.used[slot, filled[1][0]]:
                        self._operand(slot, filled, known)
        found_: Bools = self.good & (self.evidence >= 1)
        return found_

    def _operand(self, slot: int, four: list[Ints], known: Bools) -> None:
        ops = self.tree.ops
        starts = slot == 0 and bool(ops.chain[four[1][0]])  # it may be the start value
        (ka, kb, kc), (ra, rb, rc) = ([x[slot, op] for op in four[:3]] for x in (ops.kind, ops.ref))
        follows = (ka == kb) & (ra == 2 * rb - rc)
        literal = (kb == LITERAL) & (kc == LITERAL)
        self.good &= ~literal | (ka == LITERAL) | ~known
        if not starts:
            leaf = (kb < LITERAL) & (kc < LITERAL)
            if self.period > SHORT:  # what has no pattern later on needs none here
                irregular = self.three & (ops.ref[slot, four[3]] != 2 * rc - rb)
                leaf &= ~(irregular & (ka == kb))
            self.good &= ~leaf | follows | ~known
            self.evidence += leaf & follows & (rb != rc) & known
        self._made(slot, four, known & (kc >= 0), starts)

    def _made(self, slot: int, four: list[Ints], made: Bools, starts: bool) -> None:
        """What the block makes itself, takes from the block before, or from outside."""
        tree, p = self.tree, self.period
        kinds = [tree.ops.kind[slot, op] for op in four[:3]]
        refs = [
            np.where(k >= 0, tree.ops.ref[slot, op], 0) for k, op in zip(kinds, four, strict=False)
        ]
        (ta, xa), (tb, xb), (tc, xc) = (tree.top(ref) for ref in refs)
        pa, pb, pc = tree.place[ta], tree.place[tb], tree.place[tc]
        qa, qb, qc = pa - (self.start - p), pb - self.start, pc - (self.start + p)
        (ka, kb, _) = kinds
        inside = made & (qc >= 0) & (qc < p)
        carried = made & (qc < 0) & (qc >= -p)
        outside = made & ~inside & ~carried
        same = (ka >= 0) & (qa == qc)
        self.good &= ~inside | same
        if p > SHORT:
            self.evidence += inside & (qa == qc)
        linked = (kb >= 0) & (qb == qc)
        self.good &= ~carried | linked
        self.evidence += carried & (qb == qc)
        if starts:
            return
        follows = (ka >= 0) & (kb >= 0) & (pa == 2 * pb - pc)
        moves = pb != pc
        zero = np.zeros(len(pa), dtype=np.int64)
        for d in range(max(len(xa), len(xb), len(xc))):
            u, v, w = (x[d] if d < len(x) else zero for x in (xa, xb, xc))
            follows &= u == 2 * v - w
            moves |= v != w
        other = (ta != tb) | ((qa >= 0) & (qa < p))
        self.good &= ~outside | follows | (other & (p > SHORT))
        self.evidence += outside & follows & moves


# --- loops that do not run -------------------------------------------------------------------


def with_empty_loops(
    tree: Tree, segments: list[Segment], empty: dict[tuple[int, ...], list[int]]
) -> list[Segment]:
    """The segments, longer by the block before them in which loops run zero times.

    Where the trip counts of a body's loops go ..., 2, 1, the block before has none of these loops;
    items that are empty loops are put there. `empty` notes where in the body.
    """
    bare = tree.bare_sequence()
    added: list[tuple[int, list[int]] | None] = []
    before = 0
    for start, end, body in segments:
        added.append(_empty_before(tree, bare, before, (start, end, body)))
        if added[-1] is not None:
            empty[body] = added[-1][1]
        before = end
    if not any(added):
        return segments
    places: list[int] = []
    items: list[int] = []
    result, shift = [], 0
    for (start, end, body), new in zip(segments, added, strict=True):
        if new is None:
            result.append((start + shift, end + shift, body))
            continue
        at, gone = new
        like = tree.sequence[start : start + len(body)]
        begin = at + shift
        for offset in range(len(body)):
            if offset in gone:
                items.append(tree.empty(int(like[offset]), int(tree.symbol[like[offset]])))
                places.append(at)
            else:
                at += 1
        shift += len(gone)
        result.append((begin, end + shift, body))
    tree.insert(places, items)
    return result


def _empty_before(
    tree: Tree, bare: Ints, before: int, segment: Segment
) -> tuple[int, list[int]] | None:
    """Where the block before begins, and which of its loops run zero times, if it is one."""
    start, end, body = segment
    p, sequence = len(body), tree.sequence
    if end - start < 2 * p or not any(symbol in tree.bodies for symbol in body):
        return None
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
