"""How often loops written as loops run on Values and numbers, counted while a function is compared
with its trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import get_ident

from ...errors import TraceError


@dataclass(slots=True)
class Counts:
    """The iterations of a thread's loops.

    left   how many there may still be, of all loops together; below 0 there were too many
    most   how many there were of one loop, at most
    """

    left: int
    most: int = 0

    def numbers(self, n: int) -> Iterator[int]:
        """Those from 0 to n - 1. Raises TraceError for too many."""
        for k in range(n):
            self.left -= 1
            self.most = max(self.most, k + 1)
            if self.left < 0:
                raise TraceError("loops have more iterations than there is time to compare")
            yield k


_counts: dict[int, Counts] = {}


def iterations(n: int) -> Iterator[int]:
    """The numbers of the iterations of a loop that runs in Python."""
    counts = _counts.get(get_ident()) if _counts else None
    return iter(range(n)) if counts is None else counts.numbers(n)


@contextmanager
def counted(left: int) -> Iterator[Counts]:
    """Inside, the loops of this thread are counted, of which there may be so many iterations."""
    thread = get_ident()
    outer, made = _counts.get(thread), Counts(left)
    _counts[thread] = made
    try:
        yield made
    finally:
        del _counts[thread]
        if outer is not None:
            _counts[thread] = outer
