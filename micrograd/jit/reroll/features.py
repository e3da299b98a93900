"""Runs of equal blocks -> between which blocks something does not go on in equal steps: how often
inner loops run, what is read of leaves, and of what is made in a block, before it, or outside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..ir.nests import Ints
from .rings import first_rows
from .statics import LONGEST_TURN
from .strings import ABSENT, LITERAL, SLOTS, Bools, in_order
from .tree import Tree

FEW = 6
"""Ops below each other by which an element is updated."""
LOOKED_AT = 256
"""Breaks of which it is looked at whether one of them may be none."""
OUTSIDE = np.iinfo(np.int64).min
"""The place of what is made before a run; leaves have their kinds instead."""
TOGETHER = 1 << 14
"""Operands of blocks that are looked at at once."""


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


@dataclass
class _Made:
    """Operands that ops have made, for the most part: a row each, of what is between blocks.

    ref       the ops
    made      whether an op has made it, of each block
    differs   where another offset of the block, or something else, is read than before
    usual     those of them beside what most blocks read
    breaks    where numbers do not grow as they usually do
    """

    ref: Ints
    made: Bools
    differs: Bools
    usual: Bools
    breaks: Bools

    def ends(self, tree: Tree, *, every: bool) -> Bools:
        """Where they break."""
        ref, made = self.ref, self.made
        breaks = self.breaks | (self.differs if every else self.usual)
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


class Features:
    """For every trip count and operand, between which blocks it breaks its progression."""

    def __init__(self, tree: Tree, blocks: Blocks) -> None:
        self.tree, self.blocks = tree, blocks
        self._found: list[tuple[Bools, Bools, _Made | None]] = []
        found, counts = [], []
        for offset in range(blocks.items.shape[1]):
            column = blocks.items[:, offset]
            first_ops, trips = tree.first_ops(column, int(tree.symbol[column[0]]))
            found += first_ops
            counts += trips
        joined, turning = blocks.joined, _turning(tree, blocks)
        if counts:
            numbers = np.stack(counts)
            known = joined & (numbers[:, 1:] >= 0) & (numbers[:, :-1] >= 0)
            breaks = _irregular(numbers, known, blocks.run)
            self._found.append((breaks, np.zeros(len(breaks), dtype=bool), None))
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
                self._operands(ops[which], slot[:, None], here[which])

    def breaks(self, *, every: bool = False) -> list[Bools]:
        """A row for each; `every`: also where start values end."""
        features: list[Bools] = []
        for known, by_ops, made in self._found:
            breaks = known
            if made is not None:
                breaks = known.copy()
                breaks[by_ops] = made.ends(self.tree, every=every)
            features.extend(breaks)
        return features

    def _operands(self, ops: Ints, slot: Ints, here: Bools) -> None:
        """Look where what ops read in a slot breaks, a row for each operand."""
        kind, ref = self.tree.ops.kind[slot, ops], self.tree.ops.ref[slot, ops]
        made = kind >= 0
        by_ops: Bools = np.any(made, axis=1)
        numbers: Bools = np.all(kind == LITERAL, axis=1)
        breaks: Bools = np.zeros(here.shape, dtype=bool)
        leaves = ~by_ops & ~numbers
        if leaves.any():
            same = (kind[leaves, 1:] == kind[leaves, :-1]) & here[leaves]
            irregular = _irregular(ref[leaves], same, self.blocks.run)
            breaks[leaves] = irregular | (here[leaves] & ~same)
        found = None
        if by_ops.all():
            found = _made(self.tree, self.blocks, kind, ref, here)
        elif by_ops.any():
            found = _made(self.tree, self.blocks, kind[by_ops], ref[by_ops], here[by_ops])
        self._found.append((breaks, by_ops, found))


def _made(tree: Tree, blocks: Blocks, kind: Ints, ref: Ints, here: Bools) -> _Made:
    """Where operands that ops have made, for the most part, break."""
    made = kind >= 0
    top, coordinates = tree.top(np.where(made, ref, 0))
    place = tree.place[top]
    period = blocks.items.shape[1]
    after = place - blocks.start
    inside = made & (after >= 0) & (place < blocks.end)
    number = after // period
    after -= number * period
    number = np.where(inside, number, place)
    offset = np.where(inside, after, np.where(made, OUTSIDE, kind))
    same = (offset[:, 1:] == offset[:, :-1]) & here
    differs = here & ~same
    if not tree.switching:  # both are start values
        differs &= made[:, :-1] | (kind[:, :-1] == LITERAL) | (offset[:, 1:] != OUTSIDE)
    same &= made[:, 1:]
    usual, breaks = np.zeros((2, *same.shape), dtype=bool)
    for row in np.flatnonzero(differs.any(axis=1)).tolist():
        # from a start value to what most blocks read is no break, but a loop's first iteration
        values, times = np.unique(offset[row], return_counts=True)
        most = values[np.argmax(times)]
        before, behind = offset[row, :-1] == most, offset[row, 1:] != most
        usual[row] = differs[row] & (before | behind)
    group = blocks.run * 2 + ~inside
    for numbers in (number, *coordinates):
        irregular = _irregular(numbers, same, group)
        breaks |= irregular
        if numbers is number:
            ends = differs & made[:, :-1] & inside[:, 1:]
            breaks |= first_rows(blocks.run, inside, irregular, ends)
    return _Made(ref, made, differs, usual, breaks)


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


MOST = 0.75
"""Of all numbers so many come again, where they turn."""


def numbers_turn(tree: Tree, blocks: Blocks) -> bool:
    """Whether trip counts, or numbers that are operands, come again after a few blocks, but not
    after one: then so many blocks are one.
    """
    columns = []
    for offset in range(blocks.items.shape[1]):
        column = blocks.items[:, offset]
        found, trips = tree.first_ops(column, int(tree.symbol[column[0]]))
        columns += trips
        for ops in found:
            own = ops[ops >= 0]
            for slot in range(SLOTS):
                if len(own) == len(ops) and (tree.ops.kind[slot, ops] == LITERAL).all():
                    columns.append(tree.ops.literal(slot, ops).view(np.int64))
    joined = blocks.joined
    for numbers in columns:
        differ = (numbers[1:] != numbers[:-1]) & joined
        for count in range(2, LONGEST_TURN + 1):
            within = blocks.run[count:] == blocks.run[:-count]
            again = (numbers[count:] == numbers[:-count])[within]
            often = len(again) >= count and again.sum() >= MOST * len(again)
            if often and differ.sum() >= joined.sum() / count:
                return True
    return False


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
    order = in_order((of, step))
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
