"""The ends of loops: first iterations that differ, and iterations in which a loop does not run.

Classes tell the first iteration of a loop from the others, since it reads start values. So the
block before a segment joins it, where it is made of the same ops and what it reads is what the
blocks behind it say that it should be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..ir.nests import Ints
from .strings import LITERAL, SLOTS, Bools
from .tree import Tree


@dataclass(frozen=True)
class Segments:
    """Stretches of the sequence that are to be loops, in order.

    start    where each begins
    end      and ends
    symbol   of the loop
    """

    start: Ints
    end: Ints
    symbol: Ints

    @classmethod
    def of(cls, segments: Sequence[tuple[int, int, int]]) -> Segments:
        """From one tuple of the three for each."""
        columns = np.array(segments, dtype=np.int64).reshape(-1, 3).T
        return cls(*columns)

    def __len__(self) -> int:
        return len(self.start)

    def some(self, which: Ints | Bools) -> Segments:
        """Some of them."""
        return Segments(self.start[which], self.end[which], self.symbol[which])

    def symbols(self) -> list[int]:
        """The symbols, each once, in the order in which they come."""
        found, first = np.unique(self.symbol, return_index=True)
        each: list[int] = found[np.argsort(first, kind="stable")].tolist()
        return each


SHORT = 3
"""Bodies of at most so many items say little by what is made inside of them."""


def extended(tree: Tree, segments: Segments) -> Segments:
    """The segments, longer by the block before them where that is their first iteration."""
    bare = tree.bare_sequence()
    start, end = segments.start, segments.end
    period = len(tree.bodies[int(segments.symbol[0])])
    before = np.concatenate([[0], end[:-1]])
    possible = (start - period >= before) & (end - start >= 2 * period)
    if tree.switching:  # of rows of one length the first is whole
        alike = (start[1:] == end[:-1]) & (segments.symbol[1:] == segments.symbol[:-1])
        possible[:-1] &= ~alike | (np.diff(end - start) != 0)
    for offset in range(period):
        possible &= bare[np.maximum(start - period, 0) + offset] == bare[start + offset]
    joins = np.zeros(len(segments), dtype=bool)
    for symbol in segments.some(possible).symbols():
        some = np.flatnonzero(possible & (segments.symbol == symbol))
        three = end[some] - start[some] >= 3 * period
        joins[some] = _Joining(tree, tree.bodies[symbol], start[some], three, 1).joins()
    return Segments(start - period * joins, end, segments.symbol)


def extended_behind(tree: Tree, segments: Segments) -> Segments:
    """The segments, longer by the block behind them where that is their last iteration: what it
    reads at an edge is no value that loops have made.
    """
    bare = tree.bare_sequence()
    start, end = segments.start, segments.end
    period = len(tree.bodies[int(segments.symbol[0])])
    behind = np.concatenate([start[1:], [len(bare)]])
    possible = (end + period <= behind) & (end - start >= 2 * period)
    for offset in range(period):
        at = np.minimum(end + offset, len(bare) - 1)
        possible &= bare[at] == bare[start + offset]
    joins = np.zeros(len(segments), dtype=bool)
    for symbol in segments.some(possible).symbols():
        some = np.flatnonzero(possible & (segments.symbol == symbol))
        three = end[some] - start[some] >= 3 * period
        last = end[some] - period
        joins[some] = _Joining(tree, tree.bodies[symbol], last, three, -1).joins()
    return Segments(start, end + period * joins, segments.symbol)


class _Joining:
    """Whether the blocks beside some segments of one body are their first iterations, or last ones.

    start   of the blocks at that end of the segments
    three   whether they have three blocks
    way     from there into the segments: 1, or for last iterations -1
    """

    def __init__(
        self, tree: Tree, body: tuple[int, ...], start: Ints, three: Bools, way: int
    ) -> None:
        self.tree, self.body, self.start, self.three = tree, body, start, three
        self.period = len(body)
        self.step = way * self.period

    def joins(self) -> Bools:
        """The answers."""
        tree, p, step, n = self.tree, self.period, self.step, len(self.start)
        third = np.where(self.three, 2, 1)
        places = [self.start + d * step for d in (-1, 0, 1)] + [self.start + third * step]
        blocks = np.concatenate([tree.sequence[at[:, None] + np.arange(p)] for at in places])
        found, counts = [], []
        for offset, symbol in enumerate(self.body):
            first_ops, trips = tree.first_ops(blocks[:, offset], symbol)
            found += [op.reshape(4, n) for op in first_ops]
            counts += [count.reshape(4, n) for count in trips]
        good = np.ones(n, dtype=bool)
        for a, b, c, _ in counts:
            good &= (2 * b - c == a) | (a < 0) | (b < 0) | (c < 0)
        ops = np.stack(found)
        known: Bools = np.all(ops >= 0, axis=1)
        some: Bools = np.any(known, axis=1)
        if not some.any():
            return np.zeros(n, dtype=bool)
        fits, evidence = self._operands(ops[some], known[some])
        joins: Bools = good & fits.all(axis=0) & evidence.any(axis=0)
        return joins

    def _operands(self, ops: Ints, known: Bools) -> tuple[Bools, Bools]:
        """Whether each operand in the blocks is what it should be then, and says that it is.

        ops     [op, block, segment]: of the blocks beside, and of three from there on
        known   [op, segment]: whether all four are there
        """
        at = known.argmax(axis=1)[:, None, None]
        ops = np.where(known[:, None], ops, np.take_along_axis(ops, at, axis=2))
        first, trace = ops[:, 1, 0], self.tree.ops
        slot, which = np.nonzero(trace.used[:, first])
        four, known = ops[which].transpose(1, 0, 2), known[which]
        # it may be the start value
        starts = ((self.step > 0) & (slot == 0) & trace.chain[first[which]])[:, None]
        kinds, refs = (x[slot[:, None], four] for x in (trace.kind, trace.ref))
        (ka, kb, kc, _), (ra, rb, rc, rd) = kinds, refs
        follows = (ka == kb) & (ra == 2 * rb - rc)
        literal = (kb == LITERAL) & (kc == LITERAL)
        good = ~literal | (ka == LITERAL) | ~known
        leaf = (kb < LITERAL) & (kc < LITERAL) & ~starts
        if self.period > SHORT:  # what has no pattern later on needs none here
            leaf &= ~(self.three & (rd != 2 * rc - rb) & (ka == kb))
        good &= ~leaf | follows | ~known
        evidence = leaf & follows & (rb != rc) & known
        more = self._made(kinds[:3], refs[:3], known & (kc >= 0), starts)
        return good & more[0], evidence | more[1]

    def _made(self, kinds: Ints, refs: Ints, made: Bools, starts: Bools) -> tuple[Bools, Bools]:
        """The same of what the block makes itself, takes from the block before, or from outside."""
        tree, p = self.tree, self.period
        top, coordinates = tree.top(np.where(kinds >= 0, refs, 0))
        places = tree.place[top]
        pa, pb, pc = places
        here = self.start
        qa, qb, qc = pa - (here - self.step), pb - here, pc - (here + self.step)
        ka, kb, _ = kinds
        inside = made & (qc >= 0) & (qc < p)
        carried = made & (qc < 0) & (qc >= -p)
        outside = made & ~inside & ~carried & ~starts
        same = (ka >= 0) & (qa == qc)
        linked = (kb >= 0) & (qb == qc) & ((self.step > 0) | same)
        good = (~inside | same) & (~carried | linked)
        evidence = carried & (qb == qc)
        if p > SHORT:
            evidence |= inside & (qa == qc)
        follows = (ka >= 0) & (kb >= 0) & (pa == 2 * pb - pc)
        moves = pb != pc
        for u, v, w in coordinates:
            follows &= u == 2 * v - w
            moves |= v != w
        other = (top[0] != top[1]) | ((qa >= 0) & (qa < p))
        edge = (self.step < 0) & (ka < 0)
        good &= ~outside | follows | edge | (other & (p > SHORT))
        return good, evidence | (outside & follows & moves)


# --- loops that do not run -------------------------------------------------------------------


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
