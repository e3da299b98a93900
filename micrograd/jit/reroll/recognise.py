"""Ops -> the tree of loops in which they were made, found bottom-up.

Shortest bodies first: runs of equal blocks in the sequence of symbols become loops, whose symbols
stand in the sequence from then on, until nothing repeats.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..ir.nests import Ints, distinct
from .absorb import Absorbing
from .boundaries import Segments, extended, extended_behind
from .empty_loops import with_empty_loops
from .features import Blocks, numbers_turn
from .periods import frequent_distances, longest_period
from .phases import phase_of
from .rebuilt import rebuilt
from .runs import Runs
from .segments import segment_starts
from .strings import Ops, mixed
from .tree import Tree

LONGEST = 48
"""Periods that are tried one after the other; longer ones are guessed."""
FEWEST, FEWEST_LONG = 3, 4
"""Blocks of a run: of bodies of up to SHORT items, and of longer ones."""
SHORT = 3
GUESSES = 8
"""Longer periods that are tried."""


class Look(NamedTuple):
    """How loops are looked for: by local classes of what depth, whether what is updated in place
    may be read as it was, and then as it has become, whether the longest loop comes first, with
    none inside, and whether what turns is one iteration: blocks of which numbers, or how often
    inner loops run, come again after a few.
    """

    depth: int
    switching: bool = False
    longest: bool = False
    turns: bool = False


STEPS, TURNING = Look(1, longest=True), (Look(2, turns=True), Look(1, turns=True))
"""How loops are looked for where no program is short."""


def recognise(ops: Ops, look: Look) -> Tree:
    """The tree of loops."""
    tree = Tree(ops, look.depth, switching=look.switching)
    recogniser = _Recogniser(tree, turns=look.turns)
    if look.longest:
        recogniser.longest()
    while recogniser.step():
        pass
    return tree


class _Recogniser:
    def __init__(self, tree: Tree, *, turns: bool) -> None:
        self.tree = tree
        self.turns = turns
        self.refused: dict[int, Ints] = {}
        self.empty: dict[int, list[int]] = {}
        self.begun: set[tuple[int, ...]] = set()

    def step(self) -> bool:
        """Make loops of the runs of the shortest period that has any."""
        n = len(self.tree.sequence)
        for period in range(1, min(LONGEST, n // 2) + 1):
            if self._collapse(period, FEWEST if period <= SHORT else FEWEST_LONG):
                return True
        for period in sorted(set(frequent_distances(self.tree.letters())[:GUESSES])):
            if period > LONGEST and self._collapse(period, FEWEST_LONG):
                return True
        return False

    def longest(self) -> None:
        """Make the longest loop, if there is one: its iterations are most of the trace."""
        period = longest_period(self.tree.letters(), FEWEST_LONG)
        if period:
            self._collapse(period, FEWEST_LONG)

    def _collapse(self, period: int, fewest: int) -> bool:
        """Make loops of the runs of a period; whether there were any."""
        tree = self.tree
        runs = self._runs(period, fewest)
        if runs is None:
            return False
        if tree.switching:
            bodies = tree.bodies
            nests = {s for s, (x, *more) in bodies.items() if x in bodies and not more}
            runs = runs.long(nests)
            if not len(runs.start):
                return False
        tree.settle()
        if period > 1:
            runs = self._turned(runs, period, fewest)
        found = [self._segments(s, runs.of(s), fewest) for s in distinct(runs.symbol).tolist()]
        columns = zip(*((s.start, s.end, s.symbol) for s in found), strict=True)
        segments = Segments(*map(np.concatenate, columns))
        if not len(segments):
            return False
        segments = rebuilt(tree, _disjoint(segments, period))
        first, last = extended(tree, segments), segments
        if tree.switching or not tree.has_switches:
            last = extended_behind(tree, segments)
            tree.has_switches |= bool((last.end > segments.end).any())
        if not tree.switching:
            segments = first
        elif (last.end > segments.end).sum() > (first.start < segments.start).sum():
            segments = extended(tree, last)  # the first loop of several begins with its first block
        else:
            segments = extended_behind(tree, first)
        segments = with_empty_loops(tree, segments, self.empty)
        tree.collapse(segments.start, segments.end, segments.symbol)
        tree.settle()
        for symbol in segments.symbols():
            Absorbing(tree, tree.bodies[symbol], self.empty.get(symbol, [])).run()
        return True

    def _runs(self, period: int, fewest: int) -> Runs | None:
        """The runs in which something of that length comes again and again, if there are any."""
        symbols = self.tree.letters()
        if len(symbols) < period * fewest:
            return None
        equal = symbols[period:] == symbols[:-period]
        edges = np.flatnonzero(equal[1:] != equal[:-1]) + 1
        first, last = equal[:1], equal[-1:]
        edges = np.concatenate([np.zeros(int(first[0]), dtype=np.int64), edges])
        edges = np.append(edges, np.full(int(last[0]), len(equal)))
        start, end = edges[::2], edges[1::2] + period
        long = end - start >= period * fewest
        start, end = start[long], end[long]
        found = self._with_bodies(symbols, start, end, period)
        behind = found.start + found.blocks * period
        if (found.start[1:] < behind[:-1]).any():
            found = self._apart(symbols, start, end, period, fewest)
        return found if len(found.start) else None

    def _with_bodies(self, symbols: Ints, start: Ints, end: Ints, period: int) -> Runs:
        """The runs that begin and end there, without those that were refused, and without those
        whose body is a shorter one several times.
        """
        tree = self.tree
        key = symbols[start]
        if period > 1:
            hashes = mixed(key)
            for k in range(1, period):
                hashes = mixed(hashes + symbols[start + k].astype(np.uint64))
            key = hashes.view(np.int64)
        _, first, group = np.unique(key, return_index=True, return_inverse=True)
        bodies = [tuple(symbols[k : k + period].tolist()) for k in start[first].tolist()]
        known = np.array([-1 if self._repeats(body) else tree.loop_symbol(body) for body in bodies])
        symbol = known[group] if len(known) else group
        keep = symbol >= 0
        blocks = (end - start) // period
        for refused, keys in self.refused.items():
            if refused in known:
                some = np.flatnonzero(symbol == refused)
                keep[some] = ~np.isin(self._keys(start[some], blocks[some]), keys)
        return Runs(start[keep], blocks[keep], (end - start)[keep], symbol[keep])

    def _keys(self, start: Ints, blocks: Ints) -> Ints:
        """A number for each run, by its first item and its number of blocks."""
        keys: Ints = self.tree.sequence[start] * (len(self.tree.ops) + 1) + blocks
        return keys

    def _apart(self, symbols: Ints, start: Ints, end: Ints, period: int, fewest: int) -> Runs:
        """The runs, of which each begins behind the blocks of the one before."""
        begin = start.copy()
        last = 0
        for k, (s, e) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
            s = max(s, last)
            begin[k] = s
            if e - s >= period * fewest and self._is_run(symbols[s : s + period], s, e):
                last = e - (e - s) % period
        long = end - begin >= period * fewest
        return self._with_bodies(symbols, begin[long], end[long], period)

    def _is_run(self, body: Ints, start: int, end: int) -> bool:
        """Whether that is a run: its body is no shorter one several times, and not refused."""
        some = tuple(body.tolist())
        if self._repeats(some):
            return False
        refused = self.refused.get(self.tree.loop_symbol(some))
        if refused is None:
            return True
        key = int(self.tree.sequence[start]) * (len(self.tree.ops) + 1) + (end - start) // len(body)
        return key not in refused

    def _repeats(self, body: tuple[int, ...]) -> bool:
        """Whether it is a shorter one several times; one that is no loop, twice, may be two."""
        p = len(body)
        for q in range(1, p // 2 + 1):
            if p % q == 0 and body == body[:q] * (p // q):
                several = self.turns or (p == 2 * q and q > 1)
                turns = {body[k : k + q] for k in range(q)} if several else set()
                refused = [symbol for symbol, keys in self.refused.items() if len(keys)]
                return turns.isdisjoint([self.tree.bodies[symbol] for symbol in refused])
        return False

    def _turned(self, runs: Runs, period: int, fewest: int) -> Runs:
        """The runs, begun where an iteration naturally begins."""
        tree = self.tree
        phase, symbol = np.zeros_like(runs.start), runs.symbol.copy()
        every, first = np.unique(runs.symbol, return_index=True)
        for each in every[np.argsort(runs.start[first])].tolist():
            body = tree.bodies[each]
            shift = phase_of(tree, runs.of(each), body, self.begun)
            self.begun.add(tuple(tree.bare[list(body[shift:] + body[:shift])].tolist()))
            some = (runs.symbol == each) & ((runs.length - shift) // period >= fewest)
            phase[some] = shift
            symbol[some] = tree.loop_symbol(body[shift:] + body[:shift])
        blocks = (runs.length - phase) // period
        return Runs(runs.start + phase, blocks, blocks * period, symbol)

    def _segments(self, symbol: int, runs: Runs, fewest: int) -> Segments:
        """The loops that the runs of a body are."""
        sequence = self.tree.sequence
        period = len(self.tree.bodies[symbol])
        start, count = runs.start, runs.blocks
        total = int(count.sum())
        run = np.repeat(np.arange(len(start)), count)
        before = np.cumsum(count) - count
        within = np.arange(total) - before[run]
        items = sequence[(start[run] + within * period)[:, None] + np.arange(period)]
        ends = start + count * period
        blocks = Blocks(items, run, start[run], ends[run])
        if self.turns and numbers_turn(self.tree, blocks):
            self._refuse(symbol, start, count)
            return Segments.of([])
        at = np.flatnonzero(segment_starts(self.tree, blocks))
        length = np.diff(np.append(at, total))
        of = run[at]
        longest = np.zeros(len(start), dtype=np.int64)
        np.maximum.at(longest, of, length)
        whole = longest >= FEWEST
        few = np.bincount(of, minlength=len(start)) <= 3
        keep = whole[of] & ~(few[of] & (length < fewest))
        self._refuse(symbol, start[~whole], count[~whole])
        begin = (start[of] + (at - before[of]) * period)[keep]
        end = begin + length[keep] * period
        return Segments(begin, end, np.full(len(begin), symbol))

    def _refuse(self, symbol: int, start: Ints, count: Ints) -> None:
        """Some runs are no loops of this symbol."""
        refused = self._keys(start, count)
        known = self.refused.get(symbol, refused[:0])
        self.refused[symbol] = np.concatenate([known, refused])


def _disjoint(segments: Segments, period: int) -> Segments:
    """The segments in order, without the last block of one that reaches into the next: turned
    blocks may end behind where the next run begins.
    """
    segments = segments.some(np.lexsort((segments.symbol, segments.end, segments.start)))
    if (segments.end[:-1] <= segments.start[1:]).all():
        return segments
    found: list[tuple[int, int, int]] = []
    columns = (segments.start.tolist(), segments.end.tolist(), segments.symbol.tolist())
    for segment in zip(*columns, strict=True):
        while found and found[-1][1] > segment[0]:
            start, end, symbol = found.pop()
            if end - start > 2 * period:
                found.append((start, end - period, symbol))
        found.append(segment)
    return Segments.of(found)
