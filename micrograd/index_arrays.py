"""Indices of rows, as they are computed of integers that are given when compiled code runs.

Most are sums of multiples of these. Others have a formula (integers.py).

That is done before the code runs: so all that it sees are from 0 on and below the number of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from . import integers
from .engine import Value
from .integers import Formula
from .traced import Scope, Traced

Ints = npt.NDArray[np.int64]
Terms = tuple[tuple[int, int], ...]
"""Serial numbers of what stands for the counters of loops, with their scales."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The index of a row that loops say: `offset + sum(scales * counters)`, never below 0.

    below      the number of rows
    leaf       what stands for the index in the trace
    array      the index array that it is a place in, if it is not the index itself
    """

    name: str
    below: int
    offset: int
    counters: Terms
    leaf: Value = field(repr=False)
    array: str = ""


@dataclass(frozen=True, slots=True)
class Moving:
    """An integer that loops choose: element `offset + sum(scales * counters)` of an array."""

    array: str
    offset: int
    counters: Terms


@dataclass(slots=True)
class IndexArray:
    """Indices of rows: `offset + sum(scales * integers)`, or what a formula says, those below 0
    counted from the end.

    below      the number of rows
    number     of those that loops go through, which have an index for each iteration; else 0
    offsets    of each index, where they differ
    arrays     which the integers are elements of, one for each scale
    elements   of these arrays, for each index
    leaves     what stands for the indices in the trace
    unused     places of indices that are there, and say 0, only so that others lie as their
               integers do
    counts     whether they say how often loops run instead
    table      rows of that which these loops' counters are indices into, where it is what lets them
               run no more often; else 0
    formula    of the integers, one of each array, and of the constants behind them
    constants  integers of each index that are known, i64[constants, n]
    """

    name: str
    below: int
    offset: int
    scales: tuple[int, ...]
    arrays: tuple[str, ...]
    number: int = 0
    elements: list[tuple[int, ...]] = field(default_factory=list)
    offsets: Ints | None = None
    leaves: list[Value] = field(default_factory=list, repr=False)
    unused: set[int] = field(default_factory=set)
    counts: bool = False
    table: int = 0
    formula: Formula = None
    constants: Ints | None = None
    _places: dict[tuple[int, ...], int] = field(default_factory=dict, repr=False)

    def leaf(self, element: tuple[int, ...], scope: Scope) -> Value:
        """What stands for the index of these elements, which is used."""
        place = self._place(element, scope)
        self.unused.discard(place)
        return self.leaves[place]

    def __getstate__(self) -> dict[str, Any]:
        """All but the leaves, which belong to a trace of this process."""
        return {f.name: getattr(self, f.name) for f in fields(self)} | {"leaves": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, x in state.items():
            setattr(self, name, x)

    def reserve(self, size: int, scope: Scope) -> None:
        """Let there be an index for each element of an array of this size."""
        self.unused |= {self._place((k,), scope) for k in range(size)}

    def _place(self, element: tuple[int, ...], scope: Scope) -> int:
        place = self._places.setdefault(element, len(self.leaves))
        if place == len(self.leaves):
            self.leaves.append(Traced(f"{self.name}[{place}]", scope=scope))
            self.elements.append(element)
        return place

    @property
    def used(self) -> set[tuple[int, ...]]:
        """The elements that indices are computed of."""
        return {e for k, e in enumerate(self.elements) if k not in self.unused}

    @property
    def is_plain(self) -> bool:
        """Whether the indices are the integers of one array, in the order in which they lie."""
        moved = self.offset if self.offsets is None else self.offsets.any()
        in_order = [(k,) for k in range(len(self.elements))]
        if self.formula is not None:
            return False
        return self.scales == (1,) and not moved and not self.unused and self.elements == in_order

    def said(self, given: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """The indices as they are said, of integers `[..., n]` by the names of their arrays; as
        objects where 64 bits may not do.
        """
        if self.is_plain and given[self.arrays[0]].shape[-1] == len(self.elements):
            return given[self.arrays[0]]
        at = np.array(self.elements, dtype=np.int64).reshape(len(self.elements), -1)
        offset = np.array(self.offset) if self.offsets is None else self.offsets
        used = [given[array][..., at[:, k]] for k, array in enumerate(self.arrays)]
        if self.formula is not None:
            known = () if self.constants is None else self.constants
            return self._but_unused(integers.many(self.formula, [*used, *known]))
        largest = [max(abs(int(x.max(initial=0))), abs(int(x.min(initial=0)))) for x in used]
        most = sum(abs(scale) * x for scale, x in zip(self.scales, largest, strict=True))
        most += max(abs(int(offset.max(initial=0))), abs(int(offset.min(initial=0))))
        dtype = np.int64 if most < 2**63 else object
        found: npt.NDArray[Any] = np.zeros(at.shape[:1], dtype) + offset.astype(dtype)
        for scale, x in zip(self.scales, used, strict=True):
            found = found + scale * x.astype(dtype)
        return self._but_unused(found)

    def _but_unused(self, found: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if self.unused:
            found[..., sorted(self.unused)] = 0
        return found

    def rows(self, given: Sequence[Sequence[int]]) -> list[int] | None:
        """The numbers of the rows for the integers of each array; None if one is of no row."""
        found = []
        for k, element in enumerate(self.elements):
            numbers = [x[at] for x, at in zip(given, element, strict=True)]
            index = 0 if k in self.unused else self.row_of(k, numbers)
            if index is None:
                return None
            found.append(index)
        return found

    def row_of(self, k: int, numbers: Sequence[int]) -> int | None:
        """The number of the row that is at place k, for its integers; None if it is of no row."""
        if self.formula is not None:
            known = [] if self.constants is None else self.constants[:, k].tolist()
            index = integers.one(self.formula, [*numbers, *known])
        else:
            index = self.offset if self.offsets is None else int(self.offsets[k])
            for scale, x in zip(self.scales, numbers, strict=True):
                index += scale * x
        if index < 0 and not self.counts:
            index += self.below
        return index if 0 <= index < self.below else None

    def fits(self, said: npt.NDArray[Any]) -> bool:
        """Whether all indices are numbers of rows as they are said."""
        return not said.size or (said.min() >= 0 and said.max() < self.below)

    def is_outside(self, said: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Which of the indices are of no row."""
        least = 0 if self.counts else -self.below
        found: npt.NDArray[np.bool_] = (said < least) | (said >= self.below)
        return found

    def text(self, k: int, terms: Sequence[tuple[int, str]]) -> str:
        """How the index at place k is said, given its integers as text, with their factors."""
        if self.formula is not None:
            known = [] if self.constants is None else self.constants[:, k].tolist()
            return integers.text(self.formula, [*(said for _, said in terms), *map(str, known)])
        said = [text if scale == 1 else f"{scale}*{text}" for scale, text in terms]
        offset = self.offset if self.offsets is None else int(self.offsets[k])
        said += [str(offset)] if offset else []
        return " + ".join(said).replace("+ -", "- ")

    def outside(self, index: Any) -> str:
        """What is wrong with an index that is of no row, for errors."""
        if self.table:
            return (
                f"is {index}, and should be from 0 to {self.below - 1}, as it says how often fori "
                f"runs, whose counter is an index into a table of {self.table} rows"
            )
        if self.counts:
            return (
                f"is {index}, and should be from 0 to {self.below - 1}, as it says how often fori "
                f"runs, and that has limit={self.below - 1}; a larger one takes more memory"
            )
        return (
            f"is the index {index} into a table of {self.below} rows: indices are from 0 to "
            f"{self.below - 1}, or from {-self.below} on, counted from the end"
        )

    def counted(self, said: npt.NDArray[Any]) -> Ints:
        """The numbers of the rows, from 0 on."""
        return np.ascontiguousarray(np.where(said < 0, said + self.below, said), dtype=np.int64)
