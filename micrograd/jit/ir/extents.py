"""Extent: how often a loop runs, where only the running code knows."""

from __future__ import annotations

from typing import Any


class Extent(int):
    """A trip count that is known only when the code runs: its name, and how many it is at most.

    As a number it is that most, which is what sizes and costs go by; but it equals no number, and
    no other extent, so a loop over it is never taken for one that has as many iterations by chance.

    >>> samples = Extent("samples", 976)
    >>> samples * 3, str(samples), samples == 976
    (2928, 'samples', False)
    """

    name: str

    def __new__(cls, name: str, most: int) -> Extent:
        """The extent of that name."""
        extent = super().__new__(cls, most)
        extent.name = name
        return extent

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Extent) and (self.name, int(self)) == (other.name, int(other))

    def __hash__(self) -> int:
        return hash((self.name, int(self)))

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"Extent({self.name!r}, {int(self)})"

    def __reduce__(self) -> Any:
        return Extent, (self.name, int(self))
