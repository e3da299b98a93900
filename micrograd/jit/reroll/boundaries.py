"""The ends of loops: first iterations that differ, and last ones.

Classes tell the first iteration of a loop from the others, since it reads start values. So the
block before a segment joins it, where it is made of the same ops and what it reads is what the
blocks behind it say that it should be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..ir.nests import Ints, distinct
from .strings import LITERAL, Bools
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
        joining = _Joining(tree, tree.bodies[symbol], start[some], three, 1)
        joins[some] = joining.joins()
        alone = some[joins[some] & ~joining.moves]
        joins[alone] = ~_are_last(tree, segments, alone)
    return Segments(start - period * joins, end, segments.symbol)


def _are_last(tree: Tree, segments: Segments, which: Ints) -> Bools:
    """Whether the blocks before some segments are last iterations of those before, for what they
    read there moves on with them.
    """
    start, end = segments.start, segments.end
    period = len(tree.bodies[int(segments.symbol[0])])
    before = which - 1
    last = (which > 0) & (end[before] == start[which] - period)
    last &= end[before] - start[before] >= 3 * period
    last &= tree.bare[segments.symbol[before]] == tree.bare[segments.symbol[which]]
    for symbol in distinct(segments.symbol[before[last]]).tolist():
        some = np.flatnonzero(last & (segments.symbol[before] == symbol))
        at = end[before[some]] - period
        joining = _Joining(tree, tree.bodies[symbol], at, np.ones(len(at), dtype=bool), -1)
        joining.joins()
        last[some] = joining.moves
    found: Bools = last
    return found


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
        self.moves: Bools = np.zeros(len(start), dtype=bool)

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
        fits, evidence, moves = self._operands(ops[some], known[some])
        self.moves = np.asarray(moves.any(axis=0))
        joins: Bools = good & fits.all(axis=0) & evidence.any(axis=0)
        return joins

    def _operands(self, ops: Ints, known: Bools) -> tuple[Bools, Bools, Bools]:
        """Whether each operand in the blocks is what it should be then, and says that it is; and
        whether it says so as it moves on from outside, or from block to block.

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
        return good & more[0], evidence | more[1], evidence | more[2]

    def _made(
        self, kinds: Ints, refs: Ints, made: Bools, starts: Bools
    ) -> tuple[Bools, Bools, Bools]:
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
        follows = (ka >= 0) & (kb >= 0) & (pa == 2 * pb - pc)
        moves = pb != pc
        for u, v, w in coordinates:
            follows &= u == 2 * v - w
            moves |= v != w
        other = (top[0] != top[1]) | ((qa >= 0) & (qa < p))
        edge = (self.step < 0) & (ka < 0)
        good &= ~outside | follows | edge | (other & (p > SHORT))
        evidence |= outside & follows & moves
        within = inside & (qa == qc) & (p > SHORT)
        return good, evidence | within, evidence
