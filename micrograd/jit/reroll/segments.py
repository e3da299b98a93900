"""Runs of equal blocks -> segments: where one loop ends and the next begins.

One long run of blocks may be many loops, for example the rows of a matrix one after the other.
What a block reads, and how often its inner loops run, should go from block to block in equal
steps; where it does not, another loop begins. All runs of one body are looked at together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..ir.nests import Ints, distinct
from .rings import FEWEST, are_alike, first_rows, shared_ends, turned_ends
from .statics import LONGEST_TURN
from .strings import ABSENT, LITERAL, SLOTS, Bools
from .tree import Tree

FEW = 6
"""Ops below each other by which an element is updated."""
LOOKED_AT = 256
"""Breaks of which it is looked at whether one of them may be none."""
OUTSIDE = np.iinfo(np.int64).min
"""The place of what is made before a run; leaves have their kinds instead."""
IRREGULAR = 0.7
"""What breaks in more of all places than this has no pattern: a gather, or data."""
TOGETHER = 1 << 14
"""Operands of blocks that are looked at at once."""
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
    """Which blocks begin a segment.

    Where many are segments by themselves, by what is usual in the run that they are in, they are
    looked at by themselves: `m = a @ m` may be one run with `p = a @ p`.
    """
    first = _starts(tree, blocks)
    alone = first & np.append(first[1:], True)
    own = _stretches(alone, blocks.joined)
    if own is None:
        return first
    apart = replace(blocks, run=_numbered(blocks.run, own))
    within = _starts(tree, apart)
    stretches = [np.flatnonzero(own == number) for number in distinct(own[own >= 0]).tolist()]
    found = [some for some in stretches if _are_long(within[some])]
    if len(found) == 1 and found[0][-1] == len(first) - 1:  # a last step: not all of it is needed
        return first
    for some in found:
        first[some] = within[some]
    return first


def _are_long(starts: Bools) -> bool:
    """Whether all segments of a stretch that begin there have so many blocks."""
    return int(np.diff(np.append(np.flatnonzero(starts), len(starts))).min()) >= FEWEST


def _stretches(some: Bools, joined: Bools) -> Ints | None:
    """The number of the stretch of FEWEST such blocks or more that each block is in, -1 if it is
    in none; None if there are no stretches.
    """
    if not some.any():
        return None
    begins = some & ~np.concatenate([[False], some[:-1] & joined])
    number = np.where(some, np.cumsum(begins) - 1, -1)
    short = np.bincount(number[some]) < FEWEST
    number[some & short[number]] = -1
    return number if (number >= 0).any() else None


def _numbered(run: Ints, own: Ints) -> Ints:
    """Numbers of runs, in order, where stretches are runs, and what is before and behind them."""
    new = (run[1:] != run[:-1]) | (own[1:] != own[:-1])
    return np.concatenate([[0], np.cumsum(new)])


def _starts(tree: Tree, blocks: Blocks) -> Bools:
    """Which blocks begin a segment, by what is usual in their runs."""
    joined = blocks.joined
    runs = int(blocks.run[-1]) + 1
    count = len(blocks.items)
    features = _features(tree, blocks)
    sizes = [np.count_nonzero(breaks) for breaks in features]
    most = max(3 * runs, SHORTEST * count)
    total, first = np.zeros(count - 1, dtype=bool), np.concatenate([[True], ~joined])
    order, regular = sorted(range(len(sizes)), key=sizes.__getitem__), IRREGULAR * joined.sum()
    pairs = [features[k] for k in order if 0 < sizes[k] <= regular]
    if pairs and (tree.switching or not tree.has_switches):
        every = [breaks for breaks in _features(tree, blocks, every=True) if breaks.any()]
        every = [breaks for breaks in every if np.count_nonzero(breaks) <= regular]
        ends = shared_ends(first, every, most - runs) if len(pairs) > 1 else None
        if ends is None:
            ends = turned_ends(first, every, most - runs)
        if ends is not None and (
            (pairs[0] & ~ends).any()
            or (are_alike(first, ends) and any((breaks & ~ends).any() for breaks in pairs))
        ):
            tree.has_switches = True
            if tree.switching:
                total = ends
    for k in order:
        n, breaks = sizes[k], features[k]
        if not n:
            continue
        together = total | breaks
        if _once(first, total, breaks):
            tree.has_switches = True
            if tree.switching:
                continue
        if n <= regular and together.sum() + runs <= most:
            total = together
    first[1:] |= total
    return first


def _once(first: Bools, total: Bools, breaks: Bools) -> bool:
    """Whether there is one more break within half of the segments that there are, or more of
    them, and no second one.
    """
    starts = first.copy()
    starts[1:] |= total
    segment = np.cumsum(starts) - 1
    more = segment[1:][breaks & ~starts[1:]]
    few = segment[-1] + 1 < FEWEST or 2 * len(more) < segment[-1] + 1
    return not few and int(np.bincount(more).max()) == 1


def _features(tree: Tree, blocks: Blocks, *, every: bool = False) -> list[Bools]:
    """For every trip count and operand, between which blocks it breaks its progression.

    every   also where start values end
    """
    found, counts = [], []
    for offset in range(blocks.items.shape[1]):
        column = blocks.items[:, offset]
        first_ops, trips = tree.first_ops(column, int(tree.symbol[column[0]]))
        found += first_ops
        counts += trips
    joined, turning = blocks.joined, _turning(tree, blocks)
    features: list[Bools] = []
    if counts:
        numbers = np.stack(counts)
        known = joined & (numbers[:, 1:] >= 0) & (numbers[:, :-1] >= 0)
        features.extend(_irregular(numbers, known, blocks.run))
    together = max(1, TOGETHER // max(1, len(joined)))
    for start in range(0, len(found), together):
        ops = np.stack(found[start : start + together])
        missing = ops < 0
        here = joined & ~(missing[:, 1:] | missing[:, :-1])
        if missing.any():
            some = ~missing.all(axis=1)
            ops, missing, here = ops[some], missing[some], here[some]
            first = np.take_along_axis(ops, missing.argmin(axis=1)[:, None], axis=1)
            ops = np.where(missing, first, ops)
        which, slot = np.nonzero(tree.ops.used[:, ops[:, 0]].T)
        own = list(zip(ops[which, 0].tolist(), slot.tolist(), strict=True))
        rows = [k for k, operand in enumerate(own) if operand not in turning]
        if rows:
            which, slot = which[rows], slot[rows]
            features.extend(_operands(tree, blocks, ops[which], slot[:, None], here[which], every))
    return features


def _operands(tree: Tree, blocks: Blocks, ops: Ints, slot: Ints, here: Bools, every: bool) -> Bools:
    """Where what ops read in a slot breaks, a row for each operand."""
    kind, ref = tree.ops.kind[slot, ops], tree.ops.ref[slot, ops]
    made = kind >= 0
    by_ops, numbers = made.any(axis=1), (kind == LITERAL).all(axis=1)
    breaks = np.zeros(here.shape, dtype=bool)
    leaves = ~by_ops & ~numbers
    if leaves.any():
        same = (kind[leaves, 1:] == kind[leaves, :-1]) & here[leaves]
        breaks[leaves] = _irregular(ref[leaves], same, blocks.run) | (here[leaves] & ~same)
    if by_ops.all():
        return _made(tree, blocks, kind, ref, here, every)
    if by_ops.any():
        breaks[by_ops] = _made(tree, blocks, kind[by_ops], ref[by_ops], here[by_ops], every)
    return breaks


def _made(tree: Tree, blocks: Blocks, kind: Ints, ref: Ints, here: Bools, every: bool) -> Bools:
    """The same of operands that ops have made, for the most part."""
    made = kind >= 0
    top, coordinates = tree.top(np.where(made, ref, 0))
    place = tree.place[top]
    period = blocks.items.shape[1]
    inside = made & (place >= blocks.start) & (place < blocks.end)
    number = np.where(inside, (place - blocks.start) // period, place)
    offset = np.where(inside, (place - blocks.start) % period, np.where(made, OUTSIDE, kind))
    same = (offset[:, 1:] == offset[:, :-1]) & here
    differs = here & ~same
    if not tree.switching:  # both are start values
        differs &= made[:, :-1] | (kind[:, :-1] == LITERAL) | (offset[:, 1:] != OUTSIDE)
    same = same & made[:, 1:]
    breaks = differs.copy() if every else np.zeros(same.shape, dtype=bool)
    for row in np.flatnonzero(differs.any(axis=1)).tolist():
        # from a start value to what most blocks read is no break, but a loop's first iteration
        values, times = np.unique(offset[row], return_counts=True)
        usual = values[np.argmax(times)]
        before, behind = offset[row, :-1] == usual, offset[row, 1:] != usual
        breaks[row] |= differs[row] & (before | behind)
    group = blocks.run * 2 + ~inside
    for numbers in (number, *coordinates):
        irregular = _irregular(numbers, same, group)
        breaks |= irregular
        if numbers is number:
            ends = differs & made[:, :-1] & inside[:, 1:]
            breaks |= first_rows(blocks.run, inside, irregular, ends)
    for row in np.flatnonzero(breaks.any(axis=1)).tolist():
        at = np.flatnonzero(breaks[row] & made[row, 1:] & made[row, :-1])
        if not tree.switching:
            at = at[:LOOKED_AT] if not tree.has_switches else at[:0]
        if len(at):
            becomes = at[_becomes(tree, ref[row, at], ref[row, at + 1])]
            tree.has_switches |= len(becomes) > 0
            if tree.switching:
                breaks[row, becomes] = False
    return breaks


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
            first = tree.ops.kind[slot, op[0]]
            if first >= LITERAL or first == ABSENT or (tree.ops.kind[slot, op] != first).any():
                continue
            ref = tree.ops.ref[slot, op]
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
    """Where the numbers of a row do not grow by what is usual in their group of blocks."""
    steps = np.diff(numbers)
    found = np.zeros(steps.shape, dtype=bool)
    if not steps.size:
        return found
    first = np.take_along_axis(steps, valid.argmax(axis=1)[:, None], axis=1)
    some = ((steps != first) & valid).any(axis=1)
    if not some.any():
        return found
    steps, valid = steps[some], valid[some]
    groups = (group[some] if group.ndim > 1 else group[None])[:, 1:]
    count = int(groups.max()) + 1
    groups = groups + count * np.arange(len(steps))[:, None]
    step, of = steps[valid], groups[valid]
    order = np.lexsort((step, of))
    step, of = step[order], of[order]
    new = np.concatenate([[True], (step[1:] != step[:-1]) | (of[1:] != of[:-1])])
    at = np.flatnonzero(new)
    times = np.diff(np.append(at, len(step)))
    by_times = np.lexsort((times, of[at]))
    last = np.concatenate([of[at][by_times][1:] != of[at][by_times][:-1], [True]])
    usual = np.zeros(count * len(steps), dtype=np.int64)
    usual[of[at][by_times][last]] = step[at][by_times][last]
    found[some] = valid & (steps != usual[groups])
    return found
