"""Runs: where something of one length comes again and again in the sequence of a tree."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

import numpy as np

from ..ir.nests import Ints, distinct

LONG = 5
"""Blocks of one run, at least, where what is equal may be so by chance: the sum of four neighbours
is no loop.
"""


@dataclass(frozen=True)
class Runs:
    """Where one body comes again and again, of the same length all of them.

    start    where each begins in the sequence
    blocks   how many whole blocks it has
    length   and how long it is
    symbol   of loops with that body
    """

    start: Ints
    blocks: Ints
    length: Ints
    symbol: Ints

    def of(self, symbol: int) -> Runs:
        """Those of one body."""
        some = self.symbol == symbol
        return Runs(self.start[some], self.blocks[some], self.length[some], self.symbol[some])

    def long(self, nests: Container[int]) -> Runs:
        """Those of which it is not so usual to be short that longer ones are something else, and
        those of one loop after the other, which are not equal by chance.
        """
        keep = np.ones(len(self.start), dtype=bool)
        for each in distinct(self.symbol).tolist():
            some = self.symbol == each
            if each in nests:
                continue
            lengths, times = np.unique(self.blocks[some], return_counts=True)
            usual = int(lengths[np.argmax(times)])
            if usual < LONG and 2 * times.max() > times.sum():
                keep &= ~some | (self.blocks >= LONG)
        return Runs(self.start[keep], self.blocks[keep], self.length[keep], self.symbol[keep])
