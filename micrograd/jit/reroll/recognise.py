"""Ops -> the tree of loops in which they were made, found bottom-up.

Shortest bodies first: runs of equal blocks in the sequence of symbols become loops, whose symbols
stand in the sequence from then on, until nothing repeats.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from .absorb import Absorbing
from .boundaries import Segment, extended, with_empty_loops
from .segments import Blocks, segment_starts
from .strings import SLOTS, Ops, mixed
from .tree import Tree

LONGEST = 48
"""Periods that are tried one after the other; longer ones are guessed."""
FEWEST, FEWEST_LONG = 3, 4
"""Blocks of a run: of bodies of up to SHORT items, and of longer ones."""
SHORT = 3
WINDOW = 6
"""Symbols that are compared to guess a long period."""
GUESSES = 8
LOOKED_AT = 64
"""Runs that say where their blocks begin."""

Run = tuple[int, int, int]
"""Where it begins in the sequence, how many whole blocks it has, and how long it is."""


def recognise(ops: Ops, depth: int) -> Tree:
    """The tree of loops; `depth` is that of the local classes."""
    tree = Tree(ops, depth)
    recogniser = _Recogniser(tree)
    while recogniser.step():
        pass
    return tree


class _Recogniser:
    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.refused: set[tuple[tuple[int, ...], int, int]] = set()
        self.empty: dict[tuple[int, ...], list[int]] = {}

    def step(self) -> bool:
        """Make loops of the runs of the shortest period that has any."""
        n = len(self.tree.sequence)
        for period in range(1, min(LONGEST, n // 2) + 1):
            if self._collapse(period, FEWEST if period <= SHORT else FEWEST_LONG):
                return True
        for period in sorted(set(self._long_periods())):
            if period > LONGEST and self._collapse(period, FEWEST_LONG):
                return True
        return False

    def _long_periods(self) -> list[int]:
        """The distances at which windows of symbols come again, most frequent first."""
        symbols = self.tree.symbol[self.tree.sequence]
        n = len(symbols)
        if n < 32:
            return []
        letters = mixed(symbols)
        hashes = np.zeros(n - WINDOW + 1, dtype=np.uint64)
        for k in range(WINDOW):
            hashes = hashes * np.uint64(1000003) + letters[k : n - WINDOW + 1 + k]
        order = np.argsort(hashes, kind="stable")
        distances = np.diff(order)[hashes[order][1:] == hashes[order][:-1]]
        values, times = np.unique(distances, return_counts=True)
        if not len(times) or times.max() <= 2:
            return []
        found: list[int] = values[np.argsort(-times)][:GUESSES].tolist()
        return found

    def _collapse(self, period: int, fewest: int) -> bool:
        """Make loops of the runs of a period; whether there were any."""
        tree = self.tree
        runs = self._runs(period, fewest)
        if not runs:
            return False
        tree.settle()
        if period > 1:
            runs = self._turned(runs, period, fewest)
        segments: list[Segment] = []
        for body, some in runs.items():
            segments += self._segments(body, some, fewest)
        if not segments:
            return False
        segments = _disjoint(segments)
        segments = extended(tree, segments)
        segments = with_empty_loops(tree, segments, self.empty)
        tree.collapse(segments)
        tree.settle()
        for body in dict.fromkeys(body for _, _, body in segments):
            Absorbing(tree, body, self.empty.get(body, [])).run()
        return True

    def _runs(self, period: int, fewest: int) -> dict[tuple[int, ...], list[Run]]:
        """Body -> the runs in which it comes again and again."""
        tree = self.tree
        symbols = tree.symbol[tree.sequence]
        if len(symbols) < period * fewest:
            return {}
        equal = symbols[period:] == symbols[:-period]
        edges = np.flatnonzero(np.diff(np.concatenate([[0], equal.astype(np.int8), [0]])))
        starts, ends = edges[::2], edges[1::2]
        long = ends - starts >= period * (fewest - 1)
        runs: dict[tuple[int, ...], list[Run]] = defaultdict(list)
        last = 0
        for start, end in zip(starts[long].tolist(), ends[long].tolist(), strict=True):
            start = max(start, last)
            blocks = (end + period - start) // period
            if blocks < fewest:
                continue
            body = tuple(symbols[start : start + period].tolist())
            if _repeats(body) or (body, int(tree.sequence[start]), blocks) in self.refused:
                continue
            runs[body].append((start, blocks, end + period - start))
            last = start + blocks * period
        return runs

    def _turned(
        self, runs: dict[tuple[int, ...], list[Run]], period: int, fewest: int
    ) -> dict[tuple[int, ...], list[Run]]:
        """The runs, begun where an iteration naturally begins."""
        symbols = self.tree.symbol[self.tree.sequence]
        turned: dict[tuple[int, ...], list[Run]] = defaultdict(list)
        for some in runs.values():
            phase = self._phase(some, period)
            for start, blocks, length in some:
                fewer = (length - phase) // period
                begin = start + phase
                if fewer < fewest:
                    begin, fewer = start, blocks
                turned[tuple(symbols[begin : begin + period].tolist())].append(
                    (begin, fewer, fewer * period)
                )
        return turned

    def _phase(self, runs: list[Run], period: int) -> int:
        """The offset in a block at which the fewest values are alive: where iterations begin.

        Among several, the one before which most runs have one more block of the same ops.
        """
        tree = self.tree
        sequence = tree.sequence
        start, blocks, _ = max(runs, key=lambda run: run[1])
        middle = min(max(blocks // 2, 1), blocks - 2) if blocks > 2 else 0
        origin = start + middle * period
        two = sequence[origin : origin + 2 * period]
        user = np.zeros(2 * period, dtype=np.int64)  # the farthest one, of each item of the first
        for offset in range(len(two)):
            found, _ = tree.first_ops(two[offset : offset + 1], int(tree.symbol[two[offset]]))
            ops = np.concatenate(found)
            ops = ops[ops >= 0]
            for slot in range(SLOTS):
                made = tree.ops.kind[slot, ops] >= 0
                top, _ = tree.top(tree.ops.ref[slot, ops[made]])
                places = tree.place[top] - origin
                places = places[(places >= 0) & (places < period)]
                np.maximum.at(user, places, offset)
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
        bare = tree.bare_sequence()
        begins = np.array([start for start, _, _ in runs[:LOOKED_AT]])
        scores = []
        for phase in best.tolist():
            same = begins + phase - period >= 0
            for offset in range(period):
                earlier = np.maximum(begins + phase - period, 0) + offset
                later = np.minimum(begins + phase + offset, len(bare) - 1)
                same &= bare[earlier] == bare[later]
            scores.append(int(same.sum()) - (phase > 0) * 0.5)
        return int(best[int(np.argmax(scores))])

    def _segments(self, body: tuple[int, ...], runs: list[Run], fewest: int) -> list[Segment]:
        """The loops that the runs of a body are."""
        period, sequence = len(body), self.tree.sequence
        start = np.array([s for s, _, _ in runs])
        count = np.array([n for _, n, _ in runs])
        total = int(count.sum())
        run = np.repeat(np.arange(len(runs)), count)
        before = np.cumsum(count) - count
        within = np.arange(total) - before[run]
        items = sequence[(start[run] + within * period)[:, None] + np.arange(period)]
        ends = start + count * period
        blocks = Blocks(items, run, start[run], ends[run])
        at = np.flatnonzero(segment_starts(self.tree, blocks))
        length = np.diff(np.append(at, total))
        of = run[at]
        longest = np.zeros(len(runs), dtype=np.int64)
        np.maximum.at(longest, of, length)
        whole = longest >= FEWEST
        few = np.bincount(of, minlength=len(runs)) <= 3
        keep = whole[of] & ~(few[of] & (length < fewest))
        for k in np.flatnonzero(~whole).tolist():
            self.refused.add((body, int(sequence[start[k]]), int(count[k])))
        begin = start[of] + (at - before[of]) * period
        return [
            (s, s + n * period, body)
            for s, n in zip(begin[keep].tolist(), length[keep].tolist(), strict=True)
        ]


def _disjoint(segments: list[Segment]) -> list[Segment]:
    """The segments in order, without the last block of one that reaches into the next: turned
    blocks may end behind where the next run begins.
    """
    found: list[Segment] = []
    for segment in sorted(segments):
        while found and found[-1][1] > segment[0]:
            start, end, body = found.pop()
            if end - start > 2 * len(body):
                found.append((start, end - len(body), body))
        found.append(segment)
    return found


def _repeats(body: tuple[int, ...]) -> bool:
    """Whether a body is a shorter one several times."""
    p = len(body)
    return any(p % q == 0 and body == body[:q] * (p // q) for q in range(1, p))
