"""Runs of equal blocks -> where in a block an iteration begins."""

from __future__ import annotations

from collections.abc import Container

import numpy as np

from .runs import Runs
from .strings import SLOTS
from .tree import Tree

LOOKED_AT = 64
"""Runs that say where their blocks begin."""


def phase_of(
    tree: Tree, runs: Runs, body: tuple[int, ...], begun: Container[tuple[int, ...]]
) -> int:
    """The offset in a block at which the fewest values are alive: where iterations begin.

    Among several, the one before which most runs have one more block of the same ops.
    """
    period = len(body)
    sequence = tree.sequence
    longest = int(np.argmax(runs.blocks))
    start, blocks = int(runs.start[longest]), int(runs.blocks[longest])
    middle = min(max(blocks // 2, 1), blocks - 2) if blocks > 2 else 0
    origin = start + middle * period
    two = sequence[origin : origin + 2 * period]
    found = [tree.first_ops(two[k : k + 1], symbol)[0] for k, symbol in enumerate(body * 2)]
    ops = np.concatenate([op for each in found for op in each])
    offsets = np.repeat(np.arange(len(two)), [len(each) for each in found])
    offsets, ops = offsets[ops >= 0], ops[ops >= 0]
    user = np.zeros(2 * period, dtype=np.int64)  # the farthest one, of each item of the first
    for slot in range(SLOTS):
        made = tree.ops.kind[slot, ops] >= 0
        top, _ = tree.top(tree.ops.ref[slot, ops[made]])
        places = tree.place[top] - origin
        inside = (places >= 0) & (places < period)
        np.maximum.at(user, places[inside], offsets[made][inside])
    crossing = np.zeros(2 * period + 1, dtype=np.int64)
    for offset in range(period):
        if user[offset] > offset:
            crossing[offset + 1] += 1
            crossing[min(int(user[offset]), offset + period) + 1] -= 1
    alive = np.cumsum(crossing)[: 2 * period]
    total = alive[:period] + alive[period:]
    best = np.flatnonzero(total == total.min())
    if len(best) == 1:
        return int(best[0])
    if tree.switching:  # rows whose edges differ begin as others do
        turns = [tree.bare[list(body[k:] + body[:k])].tolist() for k in best.tolist()]
        alike = [k for k, t in zip(best.tolist(), turns, strict=True) if tuple(t) in begun]
        if alike:
            return int(alike[0])
    bare = tree.bare_sequence()
    begins = runs.start[:LOOKED_AT]
    scores = []
    for phase in best.tolist():
        same = begins + phase - period >= 0
        for offset in range(period):
            earlier = np.maximum(begins + phase - period, 0) + offset
            later = np.minimum(begins + phase + offset, len(bare) - 1)
            same &= bare[earlier] == bare[later]
        scores.append(int(same.sum()) - (phase > 0) * 0.5)
    return int(best[int(np.argmax(scores))])
