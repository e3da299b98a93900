"""Sizes of arrays -> where each begins in the workspace, memory that lives for one call."""

from __future__ import annotations

from collections.abc import Mapping

from ..target import Target
from .lives import Life

ALIGNED = 16
"""Arrays begin at multiples of so many elements."""
PAGE = 4096
"""Numbers so many bytes apart share a place in the L1 cache, which has few of each: a loop over a
dozen arrays that begin alike would drive its own lines out.
"""

REUSED = 4096
"""Bytes from which on arrays lie where others have been: of small ones all stay in the caches."""


class Workspace:
    """Arrays one after the other; large ones begin each somewhere else in its page, or
    where another has been.

    >>> import numpy as np
    >>> workspace = Workspace(Target.host(np.float64))
    >>> for name in "abc":
    ...     workspace.add(name, 1024)
    >>> workspace.places, workspace.size
    ({'a': 0, 'b': 1040, 'c': 2080}, 3104)
    """

    def __init__(self, target: Target) -> None:
        self.places: dict[str, int] = {}
        self.size = 0
        self._page = PAGE // target.dtype.itemsize
        self._reused = REUSED // target.dtype.itemsize
        self._taken: set[int] = set()

    def add_all(self, sizes: Mapping[str, int], lives: Mapping[str, Life]) -> None:
        """Place arrays by their sizes. Large ones lie where one lay that no step needs any more,
        the last of these, as more of it is still in the caches.

        >>> import numpy as np
        >>> workspace = Workspace(Target.host(np.float64))
        >>> sizes = dict.fromkeys("abc", 1024)
        >>> workspace.add_all(sizes, {"a": (0, 1), "b": (1, 2), "c": (2, 3)})
        >>> workspace.places
        {'a': 0, 'b': 1040, 'c': 0}
        """
        large = {name for name, size in sizes.items() if size >= self._reused and name in lives}
        for name, size in sizes.items():
            if name not in large:
                self.add(name, size)
        left: dict[int, tuple[int, int]] = {}  # of each place, its size, and the last step there
        for name in sorted(large, key=lambda x: (*lives[x], x)):
            size, (first, last) = sizes[name], lives[name]
            free = [x for x, (room, end) in left.items() if end < first and _suits(size, room)]
            if free:
                at = self.places[name] = max(free, key=lambda x: (left[x][1], x))
                left[at] = left[at][0], last
            else:
                self.add(name, size)
                left[self.places[name]] = size, last

    def add(self, name: str, size: int) -> None:
        """Place an array of so many elements behind the others."""
        if size >= self._page:
            if len(self._taken) * ALIGNED == self._page:
                self._taken = set()
            while self.size % self._page in self._taken:
                self.size += ALIGNED
            self._taken.add(self.size % self._page)
        self.places[name] = self.size
        self.size += -(-max(1, size) // ALIGNED) * ALIGNED


def _suits(size: int, room: int) -> bool:
    """Whether an array fits into the room of another, and leaves little of it."""
    return size <= room <= 2 * size
