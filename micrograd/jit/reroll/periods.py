"""A string of symbols -> after how many of them it comes again."""

from __future__ import annotations

import numpy as np

from ..ir.nests import Ints
from .strings import mixed

WINDOW = 6
"""Symbols that are compared to guess a period."""
GUESSES = 32
"""Distances that may be the longest period."""
SHORTEST = 8
"""Symbols that it has at least."""


def frequent_distances(symbols: Ints) -> list[int]:
    """The distances at which windows of symbols come again, most frequent first."""
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
    found: list[int] = values[np.argsort(-times)].tolist()
    return found


def longest_period(symbols: Ints, fewest: int) -> int:
    """The period of the longest stretch that repeats `fewest` times or more, if that is most of the
    symbols; of several the shortest. 0 if there is none.
    """
    length, period = 0, 0
    for distance in sorted(frequent_distances(symbols)[:GUESSES]):
        if not SHORTEST <= distance <= len(symbols) // fewest:
            continue
        equal = symbols[distance:] == symbols[:-distance]
        edges = np.flatnonzero(np.diff(np.concatenate([[False], equal, [False]])))
        longest = int(np.diff(edges)[::2].max(initial=0)) + distance
        if longest > length and longest >= fewest * distance:
            length, period = longest, distance
    return period if 2 * length >= len(symbols) else 0
