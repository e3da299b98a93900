"""Sizes of arrays -> where each begins in the workspace, memory that lives for one call."""

from __future__ import annotations

from ..target import Target

ALIGNED = 16
"""Arrays begin at multiples of so many elements."""
PAGE = 4096
"""Numbers so many bytes apart share a place in the L1 cache, which has few of each: a loop over a
dozen arrays that begin alike would drive its own lines out.
"""


class Workspace:
    """Arrays one after the other; large ones begin each somewhere else in its page.

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
        self._taken: set[int] = set()

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
