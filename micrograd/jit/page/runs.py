"""Which statements each line of a list is of, in few characters.

Lines that stand together mostly are of the same statements, and a page has thousands of lines but
few different sets of statements; so the sets are numbered, and a list says runs of these numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby


class Sets:
    """Different sets of statements, numbered in the order in which they came; 0 is the empty one.

    >>> sets = Sets()
    >>> sets.runs([(), (), (4, 5), (4, 5), (4, 5), ()])
    '0*2 1*3 0'
    >>> sets.known
    [(), (4, 5)]
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, ...], int] = {(): 0}

    def number(self, statements: tuple[int, ...]) -> int:
        """The number of a set, a new one if it has none yet."""
        return self._numbers.setdefault(statements, len(self._numbers))

    def runs(self, lines: Iterable[tuple[int, ...]]) -> str:
        """The numbers of the sets of lines, as `number*times`, or the number alone for one line."""
        found = []
        for number, run in groupby(self.number(statements) for statements in lines):
            times = len(list(run))
            found.append(f"{number}*{times}" if times > 1 else f"{number}")
        return " ".join(found)

    @property
    def known(self) -> list[tuple[int, ...]]:
        """All sets, by number."""
        return list(self._numbers)
