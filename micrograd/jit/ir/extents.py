"""Trip counts: how often a loop runs, where that is not one number.

Each is an int, the most that it can be, which is what sizes and costs go by; but it equals no
number, and only extents that say the same, so a loop over it is never taken for one that has as
many iterations by chance. What matters for correctness asks `is_number`.
"""

from __future__ import annotations

from typing import Any, Self

INDEX_NAMES = "ijklmnopqrstuvw"


class Varying(int):
    """A trip count that is not one number; `said` are the facts that it is given by."""

    said: tuple[Any, ...]

    def __new__(cls, *said: Any) -> Self:
        """The extent of these facts, of which the last is how much it is at most."""
        extent = super().__new__(cls, said[-1])
        extent.said = said
        return extent

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.said == other.said

    def __ne__(self, other: object) -> bool:  # int has one of its own
        return not self == other

    def __hash__(self) -> int:
        return hash(self.said)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.said))})"

    def __reduce__(self) -> Any:
        return type(self), self.said

    def around(self, at: int) -> Varying:
        """The same inside of one more loop, which is the statement's loop number `at`."""
        return self


class Extent(Varying):
    """A number that is given when the code runs: its name, and how much it is at most.

    >>> samples = Extent("samples", 976)
    >>> samples * 3, str(samples), samples == 976
    (2928, 'samples', False)
    """

    @property
    def name(self) -> str:
        """Under which the program declares it."""
        return str(self.said[0])

    def __str__(self) -> str:
        return self.name


class Affine(Varying):
    """`offset + sum(strides * indices)` of the loops outside of it, or 0 where that is below.

    >>> triangle = Affine(1, (1,), 24)
    >>> str(triangle), int(triangle), triangle.around(0)
    ('i + 1', 24, Affine(1, (0, 1), 24))
    """

    @property
    def offset(self) -> int:
        """What it is where all indices are 0."""
        return int(self.said[0])

    @property
    def strides(self) -> tuple[int, ...]:
        """By how much it grows with the index of each loop."""
        strides: tuple[int, ...] = self.said[1]
        return strides

    def __str__(self) -> str:
        return affine_text(self.offset, self.strides)

    def around(self, at: int) -> Affine:
        """The same inside of one more loop."""
        return Affine(self.offset, one_more(self.strides, at), int(self))


class Entries(Varying):
    """The entry of an index array at `offset + sum(strides * indices)`: a ragged loop.

    >>> str(Entries("lengths", 0, (1,), 7))
    'lengths[i]'
    """

    @property
    def array(self) -> str:
        """The index array."""
        return str(self.said[0])

    @property
    def offset(self) -> int:
        """Its element where all indices are 0."""
        return int(self.said[1])

    @property
    def strides(self) -> tuple[int, ...]:
        """How far the element moves with the index of each loop."""
        strides: tuple[int, ...] = self.said[2]
        return strides

    def __str__(self) -> str:
        return f"{self.array}[{affine_text(self.offset, self.strides)}]"

    def around(self, at: int) -> Entries:
        """The same inside of one more loop."""
        return Entries(self.array, self.offset, one_more(self.strides, at), int(self))


def is_number(count: int) -> bool:
    """Whether a trip count is one number, known now."""
    return not isinstance(count, Varying)


def affine_text(offset: int, strides: tuple[int, ...]) -> str:
    """`offset + sum(strides * indices)` as text.

    >>> affine_text(-1, (16, 0, 1))
    '16*i + k - 1'
    """
    terms = [
        name if stride == 1 else f"{stride}*{name}"
        for name, stride in zip(INDEX_NAMES, strides, strict=False)
        if stride
    ]
    if offset or not terms:
        terms.append(str(offset))
    return " + ".join(terms).replace("+ -", "- ")


def one_more(strides: tuple[int, ...], at: int) -> tuple[int, ...]:
    """Strides that do not move with a new loop, number `at`.

    They may be those of the loops around only, and fewer than `at`.
    """
    return (*strides[:at], 0, *strides[at:]) if at <= len(strides) else strides
