"""Random choices that can be written down, replayed, and made smaller."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Whole numbers from a seed, or from a list; behind its end, and beyond a limit, 0.

    What is drawn is kept in `made`, so that the same can be drawn again. A generator that takes 0
    for the simplest makes a simpler program of smaller choices.
    """

    def __init__(self, seed: int = 0, given: Sequence[int] | None = None) -> None:
        self._random = Random(seed)
        self._given = given
        self.made: list[int] = []

    def below(self, n: int) -> int:
        """A number in range(n)."""
        k = len(self.made)
        if self._given is None:
            x = self._random.randrange(n)
        else:
            x = min(self._given[k], n - 1) if k < len(self._given) else 0
        self.made.append(x)
        return x

    def pick(self, options: Sequence[T]) -> T:
        """One of these; the first is the simplest."""
        return options[self.below(len(options))]

    def chance(self, percent: int) -> bool:
        """True so often; False is simpler."""
        return self.below(100) >= 100 - percent
