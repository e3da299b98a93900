"""Occurrences of a loop's body beside what its loops stand beside: loops of one iteration, or two.

Runs of so few blocks are no evidence by themselves; between the same neighbours they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..ir.nests import Ints
from .boundaries import Segments
from .strings import SLOTS, Bools
from .tree import Tree

NOTHING = np.iinfo(np.int64).min
"""What is beside the ends of the sequence."""


@dataclass
class Absorbing:
    """Occurrences of a loop's body beside what its loops stand beside: loops of one iteration, or
    of two.

    empty   the offsets of the body where loops may run zero times
    """

    tree: Tree
    body: tuple[int, ...]
    empty: list[int]

    def run(self) -> None:
        """Make loops of them."""
        tree = self.tree
        symbol = tree.loop_symbol(self.body)
        sequence = tree.symbol[tree.sequence]
        at = np.flatnonzero(sequence == symbol)
        if len(at) < 3:
            return
        n = len(sequence)
        # neighbours of the same ops will do: they may be first iterations themselves
        bare = tree.bare[sequence]
        left = set(bare[at[at > 0] - 1].tolist())
        right = set(bare[at[at < n - 1] + 1].tolist())
        fits = self._fits(sequence)
        if self.empty:
            sequence, fits = self._with_empty(sequence, fits, left, right, int(at[-1]))
            n = len(sequence)
            bare = tree.bare[sequence]
        linked = self._linked(fits, at)
        segments: list[tuple[int, int, int]] = []
        last = 0
        for x, y in self._candidates(bare, fits, linked, left, right):
            if x >= last:
                segments.append((x, y, symbol))
                last = y
        if segments and len(segments) <= 3 * len(at):
            found = Segments.of(segments)
            tree.collapse(found.start, found.end, found.symbol)
            tree.settle()

    def _candidates(
        self, bare: Ints, fits: Bools, linked: Bools, left: set[int], right: set[int]
    ) -> list[tuple[int, int]]:
        """Where loops of the body may begin, and where they end then, by what is beside them."""
        p = len(self.body)
        at = np.flatnonzero(fits)
        if not len(at):
            return []
        fits = np.concatenate([np.zeros(p, dtype=bool), fits, np.zeros(2 * p, dtype=bool)])
        goes_on = fits[p:] & linked[: len(fits) - p]
        end = at + p
        if goes_on[end].any():
            last = np.arange(len(goes_on)) + p * goes_on
            while True:
                further = last[last]
                if np.array_equal(further, last):
                    break
                last = further
            end = last[end]
        bare = np.append(bare, NOTHING)
        behind, ahead = np.isin(bare[end], [*right]), np.isin(bare[at - 1], [*left])
        beside = fits[end + p] | fits[at]
        good = beside | (ahead & behind)
        if p > 1:
            good |= ahead | behind
        return list(zip(at[good].tolist(), end[good].tolist(), strict=True))

    def _fits(self, sequence: Ints) -> Bools:
        """Where the body stands in the sequence."""
        p = len(self.body)
        if len(sequence) < p:
            return np.zeros(0, dtype=bool)
        fits = np.ones(len(sequence) - p + 1, dtype=bool)
        for offset, symbol in enumerate(self.body):
            fits &= sequence[offset : len(sequence) - p + 1 + offset] == symbol
        return fits

    def _with_empty(
        self, sequence: Ints, fits: Bools, left: set[int], right: set[int], loop: int
    ) -> tuple[Ints, Bools]:
        """Occurrences without the loops that may run zero times get these, empty."""
        tree, p = self.tree, len(self.body)
        kept = [o for o in range(p) if o not in self.empty]
        bare = tree.bare[sequence]
        n = len(sequence)
        if n < len(kept):
            return sequence, fits
        short = np.ones(n - len(kept) + 1, dtype=bool)
        for k, o in enumerate(kept):
            short &= bare[k : n - len(kept) + 1 + k] == tree.bare[self.body[o]]
        places: list[int] = []
        items: list[int] = []
        marks: list[int] = []
        like = tree.kids[tree.first[tree.sequence[loop]] :]
        for x in np.flatnonzero(short).tolist():
            y = x + len(kept)
            before = int(bare[x - 1]) if x else NOTHING
            behind = int(bare[y]) if y < n else NOTHING
            if before in left and (behind in right or (y < len(fits) and fits[y])):
                marks.append(x + len(places))
                at = x
                for o in range(p):
                    if o in self.empty:
                        items.append(tree.empty(int(like[o]), self.body[o]))
                        places.append(at)
                    else:
                        at += 1
        if not places:
            return sequence, fits
        tree.insert(places, items)
        sequence = tree.symbol[tree.sequence]
        fits = self._fits(sequence)
        fits[marks] = True
        return sequence, fits

    def _linked(self, fits: Bools, at: Ints) -> Bools:
        """Where a block takes from the block before it what the blocks of a long loop do."""
        tree, p, n = self.tree, len(self.body), len(self.tree.sequence)
        everywhere = np.ones(n + p + 1, dtype=bool)
        places = np.flatnonzero(fits)
        if self.empty or not len(places):
            return everywhere
        sequence = tree.sequence
        loops = np.flatnonzero(tree.symbol[sequence] == tree.loop_symbol(self.body))
        big = sequence[loops[np.argmax(tree.blocks[sequence[loops]])]]
        if tree.blocks[big] < 3:
            return everywhere
        ops = tree.ops
        made: list[list[Ints]] = [[], []]
        here: list[Ints] = []
        for offset, symbol in enumerate(self.body):
            for k in range(2):
                item = tree.kids[tree.first[big] + (k + 1) * p + offset]
                made[k] += tree.first_ops(np.array([item]), symbol)[0]
            here += tree.first_ops(sequence[places + offset], symbol)[0]
        pairs = [
            (i, slot, k)
            for i, u in enumerate(made[1])
            if u[0] >= 0
            for slot in range(SLOTS)
            if ops.kind[slot, u[0]] >= 0
            for k, v in enumerate(made[0])
            if ops.ref[slot, u[0]] == v[0]
        ]
        following = np.searchsorted(places, places + p)
        following[following == len(places)] = 0
        link = places[following] == places + p
        for i, slot, k in pairs:
            user = here[i][following]
            link &= (ops.kind[slot, user] >= 0) & (ops.ref[slot, user] == here[k])
        linked = np.zeros(n + p + 1, dtype=bool)
        linked[places[link] + p] = True
        return linked
