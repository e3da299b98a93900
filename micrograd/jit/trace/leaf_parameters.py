"""The parameters of a Value, one for each of its leaves, which are made when they are asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import overload

from .parameters import Parameter


class LeafParameters(Sequence[Parameter]):
    """A number for each label: called by it where it is a name that no other has, else `x` and its
    place. Most kernels of a million leaves are called without arguments, and need none of these.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        uses = Counter(filter(None, labels))
        self._length = len(labels)
        self._named = {
            k: s
            for k, s in (enumerate(labels) if uses else ())
            if s and s.isidentifier() and uses[s] == 1
        }

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Parameter]:
        return map(self._at, range(self._length))

    @overload
    def __getitem__(self, k: int) -> Parameter: ...

    @overload
    def __getitem__(self, k: slice) -> list[Parameter]: ...

    def __getitem__(self, k: int | slice) -> Parameter | list[Parameter]:
        places = range(self._length)[k]
        return self._at(places) if isinstance(places, int) else list(map(self._at, places))

    def _at(self, k: int) -> Parameter:
        return Parameter(self._named.get(k) or f"x{k}")

    def unused(self, words: frozenset[str]) -> frozenset[str]:
        """The words that are names of none of them, of words that are not `x` and a number."""
        return words.difference(self._named.values())
