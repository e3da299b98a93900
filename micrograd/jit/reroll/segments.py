"""Runs of equal blocks -> segments: where one loop ends and the next begins.

One long run of blocks may be many loops, for example the rows of a matrix one after the other.
What a block reads, and how often its inner loops run, should go from block to block in equal
steps; where it does not, another loop begins. All runs of one body are looked at together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..ir.nests import Ints
from .statics import LONGEST_TURN
from .strings import LITERAL, SLOTS, Bools
from .tree import Tree

FEWEST = 3
"""Segments of which each may have a break that is no end."""
FEW = 6
"""Ops below each other by which an element is updated."""
LOOKED_AT = 256
"""Breaks of which it is looked at whether one of them may be none."""
OUTSIDE = np.iinfo(np.int64).min
"""The place of what is made before a run; leaves have their kinds instead."""
IRREGULAR = 0.7
"""What breaks in more of all places than this has no pattern: a gather, or data."""
SHORTEST = 0.51
"""Segments may be so many, per block: about two blocks each."""


@dataclass
class Blocks:
    """The blocks of all runs that have one body.

    items   [block, offset]
    run     block -> its run
    start   block -> where its run begins in the sequence
    end     block -> where it ends
    """

    items: Ints
    run: Ints
    start: Ints
    end: Ints

    @property
    def joined(self) -> Bools:
        """Between which neighbouring blocks there could be a break: those of one run."""
        joined: Bools = self.run[1:] == self.run[:-1]
        return joined


def segment_starts(tree: Tree, blocks: Blocks) -> Bools:
    """Which blocks begin a segment."""
    joined = blocks.joined
    runs = int(blocks.run[-1]) + 1
    count = len(blocks.items)
    candidates: list[tuple[int, int, Bools]] = []
    for breaks in _features(tree, blocks):
        n = int(breaks.sum())
        if n:
            candidates.append((n, len(candidates), breaks))
    most = max(3 * runs, SHORTEST * count)
    total, first = np.zeros(count - 1, dtype=bool), np.concatenate([[True], ~joined])
    for n, _, breaks in sorted(candidates, key=lambda c: c[:2]):
        together = total | breaks
        if _once(first, total, breaks):
            tree.has_switches = True
            if tree.switching:
                continue
        if n <= IRREGULAR * joined.sum() and together.sum() + runs <= most:
            total = together
    first[1:] |= total
    return first


def _once(first: Bools, total: Bools, breaks: Bools) -> bool:
    """Whether there is one more break within most of the segments that there are, and no more."""
    starts = first.copy()
    starts[1:] |= total
    segment = np.cumsum(starts) - 1
    more = segment[1:][breaks & ~starts[1:]]
    few = segment[-1] + 1 < FEWEST or 2 * len(more) <= segment[-1] + 1
    return not few and int(np.bincount(more).max()) == 1


def _features(tree: Tree, blocks: Blocks) -> list[Bools]:
    """For every trip count and operand, between which blocks it breaks its progression."""
    ops, counts = [], []
    for offset in range(blocks.items.shape[1]):
        column = blocks.items[:, offset]
        found, trips = tree.first_ops(column, int(tree.symbol[column[0]]))
        ops += found
        counts += trips
    joined = blocks.joined
    turning = _turning(tree, blocks)
    features = [_irregular(n, joined & (n[1:] >= 0) & (n[:-1] >= 0), blocks.run) for n in counts]
    for op in ops:
        missing = op < 0
        here = joined
        if missing.any():
            if missing.all():
                continue
            op = np.where(missing, op[~missing][0], op)
            here = joined & ~(missing[1:] | missing[:-1])
        for slot in range(SLOTS):
            if tree.ops.used[slot, op[0]] and (int(op[0]), slot) not in turning:
                features += _operand(tree, blocks, op, slot, here)
    return features


def _operand(tree: Tree, blocks: Blocks, op: Ints, slot: int, here: Bools) -> list[Bools]:
    """Where what the ops read in a slot breaks."""
    kind, ref = tree.ops.kind[slot, op], tree.ops.ref[slot, op]
    if (kind == LITERAL).all():
        return []
    made = kind >= 0
    if not made.any():
        same = (kind[1:] == kind[:-1]) & here
        return [_irregular(ref, same, blocks.run) | (here & ~same)]
    top, coordinates = tree.top(np.where(made, ref, 0))
    place = tree.place[top]
    period = blocks.items.shape[1]
    inside = made & (place >= blocks.start) & (place < blocks.end)
    number = np.where(inside, (place - blocks.start) // period, place)
    offset = np.where(inside, (place - blocks.start) % period, np.where(made, OUTSIDE, kind))
    same = (offset[1:] == offset[:-1]) & here
    differs = here & ~same
    if not tree.switching:  # both are start values
        differs &= made[:-1] | (kind[:-1] == LITERAL) | (offset[1:] != OUTSIDE)
    same = same & made[1:]
    breaks = np.zeros(len(same), dtype=bool)
    if differs.any():
        # from a start value to what most blocks read is no break, but a loop's first iteration
        values, times = np.unique(offset, return_counts=True)
        usual = values[np.argmax(times)]
        breaks |= differs & ((offset[:-1] == usual) | (offset[1:] != usual))
    group = blocks.run * 2 + ~inside
    for numbers in (number, *coordinates):
        breaks |= _irregular(numbers, same, group)
    at = np.flatnonzero(breaks & made[1:] & made[:-1])
    if not tree.switching:
        at = at[:LOOKED_AT] if not tree.has_switches else at[:0]
    if len(at):
        becomes = at[_becomes(tree, ref[at], ref[at + 1])]
        tree.has_switches |= len(becomes) > 0
        if tree.switching:
            breaks[becomes] = False
    return [breaks]


def _becomes(tree: Tree, old: Ints, new: Ints) -> Bools:
    """Whether values are what others have become, or still are: these are operands of theirs, or of
    what their first operands are made of.
    """
    ops = tree.ops
    found: Bools = new == old
    for _ in range(FEW):
        for slot in range(SLOTS):
            found |= (ops.kind[slot, new] >= 0) & (ops.ref[slot, new] == old)
        new = np.where(ops.kind[0, new] >= 0, ops.ref[0, new], new)
    return found


def _turning(tree: Tree, blocks: Blocks) -> set[tuple[int, int]]:
    """The operands, by op and slot, that take the same few elements again and again.

    So do those of an inner loop; but not where something else moves on steadily through the run,
    and loops of two are not looked for.
    """
    steady = False
    found: dict[tuple[int, int], int] = {}
    joined = blocks.joined
    for offset in range(blocks.items.shape[1]):
        op = blocks.items[:, offset]
        if int(tree.symbol[op[0]]) in tree.bodies:
            continue
        for slot in range(SLOTS):
            kind, ref = tree.ops.kind[slot, op], tree.ops.ref[slot, op]
            if kind[0] >= LITERAL or (kind != kind[0]).any():
                continue
            steps = np.diff(ref)[joined]
            if len(steps) and steps[0] and (steps == steps[0]).all():
                steady = True
            elif count := _turns(ref, blocks):
                found[int(op[0]), slot] = count
    return {operand for operand, count in found.items() if steady or count == 2}


def _turns(numbers: Ints, blocks: Blocks) -> int:
    """After how many blocks the same few numbers come again, as remainders of an index do; or 0."""
    for count in range(2, LONGEST_TURN + 1):
        within = blocks.run[count:] == blocks.run[:-count]
        if within.any() and (numbers[count:] == numbers[:-count])[within].all():
            return count
    return 0


def _irregular(numbers: Ints, valid: Bools, group: Ints) -> Bools:
    """Where numbers do not grow by what is usual in their group of blocks."""
    steps = np.diff(numbers)
    some = steps[valid]
    if not len(some) or not (some != some[0]).any():
        return np.zeros(len(steps), dtype=bool)
    groups = group[1:]
    order = np.lexsort((some, groups[valid]))
    step, of = some[order], groups[valid][order]
    new = np.concatenate([[True], (step[1:] != step[:-1]) | (of[1:] != of[:-1])])
    at = np.flatnonzero(new)
    times = np.diff(np.append(at, len(step)))
    by_times = np.lexsort((times, of[at]))
    last = np.concatenate([of[at][by_times][1:] != of[at][by_times][:-1], [True]])
    usual = np.zeros(int(group.max()) + 1, dtype=np.int64)
    usual[of[at][by_times][last]] = step[at][by_times][last]
    found: Bools = valid & (steps != usual[groups])
    return found
