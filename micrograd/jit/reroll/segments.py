"""Runs of equal blocks -> segments: where one loop ends and the next begins.

One long run of blocks may be many loops, for example the rows of a matrix one after the other.
What a block reads, and how often its inner loops run, should go from block to block in equal
steps; where it does not, another loop begins. All runs of one body are looked at together.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..ir.nests import Ints, distinct
from .features import Blocks, Features
from .rings import FEWEST, are_alike, shared_ends, turned_ends
from .strings import Bools
from .tree import Tree

IRREGULAR = 0.7
"""What breaks in more of all places than this has no pattern: a gather, or data."""
SHORTEST = 0.51
"""Segments may be so many, per block: about two blocks each."""


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
    found = Features(tree, blocks)
    features = found.breaks()
    sizes = [np.count_nonzero(breaks) for breaks in features]
    most = max(3 * runs, SHORTEST * count)
    total, first = np.zeros(count - 1, dtype=bool), np.concatenate([[True], ~joined])
    order, regular = sorted(range(len(sizes)), key=sizes.__getitem__), IRREGULAR * joined.sum()
    pairs = [features[k] for k in order if 0 < sizes[k] <= regular]
    if pairs and (tree.switching or not tree.has_switches):
        every = [breaks for breaks in found.breaks(every=True) if breaks.any()]
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
