"""What a function that is being compiled looks up by integers that are given when it runs.

A table becomes entries, one op after the other, row by row, and a lookup an op on the first row's
entry and an index; which entry that is, its rows and their distance say. Indices are computed of
the integers that are given, before compiled code runs: so all that it sees are from 0 on and below
the number of rows (`IndexArray`).
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .engine import Value
from .errors import IndexRangeError, TraceError, user_location
from .opdef import Op
from .traced import Scope, Traced

Ints = npt.NDArray[np.int64]
Form = tuple[int, tuple[tuple[int, int], ...]]
"""An offset, and the serial numbers of integers with the factors that they are multiplied by."""


@dataclass(frozen=True, eq=False, slots=True)
class Lookup(Op):
    """An op of a graph that stands for no function of numbers: what a table is made of, and what is
    taken from it. Programs have none of them (jit/reroll/gathers.py).

    rows       of the table; 0: an entry of one
    distance   from one row to the next: of nodes, or where rows are elements of an array, of those
    """

    rows: int = 0
    distance: int = 0

    @property
    def emittable(self) -> bool:
        """Programs have accesses in its place."""
        return True


def _none(*_: Any) -> Any:
    raise AssertionError("a lookup is no function of numbers")


ENTRY = Lookup("entry", "an entry of a table", 1, _none, (None,), "entry")
"""An entry, and the one before it, which is there so that whoever needs one has them all."""


@cache
def taken(rows: int, distance: int) -> Lookup:
    """The op that takes of so many rows that one which an index says."""
    name, formula = f"take{rows}", f"the entry of one of {rows} rows"
    return Lookup(
        name, formula, 2, _none, (None, None), name, cheap=True, rows=rows, distance=distance
    )


@dataclass(slots=True)
class IndexArray:
    """Indices of rows: `offset + sum(scales * integers)`, those below 0 counted from the end.

    below      the number of rows
    arrays     which the integers are elements of, one for each scale
    elements   of these arrays, for each index
    leaves     what stands for the indices in the trace
    unused     places of indices that are there, and say 0, only so that others lie as their
               integers do
    """

    name: str
    below: int
    offset: int
    scales: tuple[int, ...]
    arrays: tuple[str, ...]
    elements: list[tuple[int, ...]] = field(default_factory=list)
    leaves: list[Value] = field(default_factory=list, repr=False)
    unused: set[int] = field(default_factory=set)
    _places: dict[tuple[int, ...], int] = field(default_factory=dict, repr=False)

    def leaf(self, element: tuple[int, ...], scope: Scope) -> Value:
        """What stands for the index of these elements, which is used."""
        place = self._place(element, scope)
        self.unused.discard(place)
        return self.leaves[place]

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

    def said(self, given: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """The indices as they are said, of integers `[..., n]` by the names of their arrays; as
        objects where 64 bits may not do.
        """
        at = np.array(self.elements, dtype=np.int64).reshape(len(self.elements), -1)
        if self.scales == (1,) and not self.offset and not self.unused:
            x = given[self.arrays[0]]  # of which indices have the order
            if x.shape[-1] == len(at) and np.array_equal(at[:, 0], np.arange(len(at))):
                return x
        used = [given[array][..., at[:, k]] for k, array in enumerate(self.arrays)]
        largest = [max(abs(int(x.max(initial=0))), abs(int(x.min(initial=0)))) for x in used]
        most = sum(abs(scale) * x for scale, x in zip(self.scales, largest, strict=True))
        dtype = np.int64 if most + abs(self.offset) < 2**63 else object
        found = np.full(at.shape[:1], self.offset, dtype)
        for scale, x in zip(self.scales, used, strict=True):
            found = found + scale * x.astype(dtype)
        if self.unused:
            found[..., sorted(self.unused)] = 0
        return found

    def fits(self, said: npt.NDArray[Any]) -> bool:
        """Whether all indices are numbers of rows as they are said."""
        return not said.size or (said.min() >= 0 and said.max() < self.below)

    def is_outside(self, said: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Which of the indices are of no row."""
        found: npt.NDArray[np.bool_] = (said < -self.below) | (said >= self.below)
        return found

    def text(self, terms: Sequence[tuple[int, str]]) -> str:
        """How an index is said, given its integers as text, with their factors."""
        said = [text if scale == 1 else f"{scale}*{text}" for scale, text in terms]
        said += [str(self.offset)] if self.offset else []
        return " + ".join(said).replace("+ -", "- ")

    def outside(self, index: Any) -> str:
        """What is wrong with an index that is of no row, for errors."""
        return (
            f"is the index {index} into a table of {self.below} rows: indices are from 0 to "
            f"{self.below - 1}, or from {-self.below} on, counted from the end"
        )

    def counted(self, said: npt.NDArray[Any]) -> Ints:
        """The numbers of the rows, from 0 on."""
        return np.ascontiguousarray(np.where(said < 0, said + self.below, said), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Counted:
    """The index of a row that loops say: `offset + sum(scales * counters)`, never below 0.

    below      the number of rows
    counters   serial numbers of what stands for the counters of loops, with their scales
    leaf       what stands for the index in the trace
    """

    name: str
    below: int
    offset: int
    counters: tuple[tuple[int, int], ...]
    leaf: Value = field(repr=False)


@dataclass(slots=True)
class Lookups:
    """The integers of a function that is being compiled, and what it has looked up by them.

    integers    by their serial numbers: their arrays and elements
    sizes       of these arrays
    constants   tables of numbers, row by row, by their names
    counters    how often loops run that count, by the serial numbers of their counters
    counted     the indices that these say
    """

    integers: dict[int, tuple[str, int]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    indices: dict[Any, IndexArray] = field(default_factory=dict)
    constants: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    counters: dict[int, int] = field(default_factory=dict)
    counted: dict[Any, Counted] = field(default_factory=dict)
    _first: dict[Any, tuple[list[Value], Value | None]] = field(default_factory=dict)
    _leaves: dict[str, list[Value]] = field(default_factory=dict)

    def note(self, array: str, leaves: Sequence[Value]) -> None:
        """That these arguments are integers."""
        self.integers |= {v._serial: (array, k) for k, v in enumerate(leaves)}
        self.sizes[array] = len(leaves)

    @property
    def inputs(self) -> dict[str, list[Value]]:
        """The leaves of all that was looked up, by the names of their arrays."""
        found = {i.name: i.leaves for i in self.indices.values()}
        return found | self._leaves

    @property
    def known(self) -> Mapping[int, Any]:
        """What indices may be made of, by serial numbers."""
        return ChainMap[int, Any](self.counters, self.integers) if self.counters else self.integers

    def forget(self, since: int) -> None:
        """Make tables anew that were made in the body of a loop, which is through."""
        self._first = {
            key: made
            for key, made in self._first.items()
            if made[1] is None or made[1]._serial < since
        }

    def index(self, form: Form, rows: int, scope: Scope) -> Value:
        """What stands for the index of a form into so many rows."""
        offset, terms = form
        if any(serial in self.counters for serial, _ in terms):
            return self._counted(form, rows, scope)
        places = [self.integers[serial] for serial, _ in terms]
        scales = tuple(scale for _, scale in terms)
        arrays = tuple(array for array, _ in places)
        key = rows, offset, scales, arrays
        if key not in self.indices:
            made = IndexArray(f"at{len(self.indices)}", rows, offset, scales, arrays)
            self.indices[key] = made
            if len(arrays) == 1:  # all of them, so that they lie as the integers do
                made.reserve(self.sizes[arrays[0]], scope)
        return self.indices[key].leaf(tuple(k for _, k in places), scope)

    def _counted(self, form: Form, rows: int, scope: Scope) -> Value:
        """What stands for an index that counters of loops say.

        Raises IndexRangeError for one that is of no row in some iteration; TraceError for one that
        is not such a sum in all iterations.
        """
        offset, terms = form
        if not all(serial in self.counters for serial, _ in terms):
            raise TraceError(
                f"{user_location()}: the index of a row is a sum of a loop's counter and an "
                "integer that is given, which is not compiled; take the rows before the loop, and "
                "go through them with scan"
            )
        ends = [sorted((0, scale * (self.counters[serial] - 1))) for serial, scale in terms]
        low, high = (offset + sum(end[k] for end in ends) for k in (0, 1))
        if not all(self.counters[serial] for serial, _ in terms):  # it is computed for no iteration
            low, high, offset, terms = 0, 0, 0, ()
        if low < -rows or high >= rows:
            raise IndexRangeError(
                f"{user_location()}: the loop's counter makes indices from {low} to {high} into a "
                f"table of {rows} rows: indices are from 0 to {rows - 1}, or from {-rows} on, "
                "counted from the end"
            )
        if low < 0 <= high:
            raise TraceError(
                f"{user_location()}: the loop's counter makes indices from {low} to {high}, of "
                "which some count from the end of the table; put these rows first in another table"
            )
        offset += rows if low < 0 else 0
        key = rows, offset, terms
        if key not in self.counted:
            name = f"counted:{len(self.counted)}"  # no name in Python
            leaf = Traced(name, scope=scope)
            self.counted[key] = Counted(name, rows, offset, terms, leaf)
        return self.counted[key].leaf

    def row(self, entries: Sequence[Any], rows: int, index: Value, scope: Scope) -> list[Value]:
        """The row at an index of a table, whose entries stand one row after the other."""
        first, last = self._table(entries, rows, scope)
        width = len(first)
        if last is None:
            return [scope.record(taken(rows, width), (x, index)) for x in first]
        return [scope.record(taken(rows, width), (x, index, last)) for x in first]

    def _table(
        self, entries: Sequence[Any], rows: int, scope: Scope
    ) -> tuple[list[Value], Value | None]:
        """The entries of the first row, and the last entry of a table that is not of numbers."""
        key = rows, tuple([x._serial if isinstance(x, Value) else repr(x) for x in entries])
        if key in self._first:
            return self._first[key]
        width = len(entries) // rows
        made: tuple[list[Value], Value | None]
        if not any(isinstance(x, Value) for x in entries):
            name = f"table{len(self.constants)}"
            self.constants[name] = np.array(entries, dtype=np.float64)
            self._leaves[name] = [Traced(f"{name}[{k}]", scope=scope) for k in range(len(entries))]
            made = self._leaves[name][:width], None
        else:
            values = [x if isinstance(x, Value) else Value(x) for x in entries]
            before: tuple[Value, ...] = ()
            copies = []
            for x in values:
                copies.append(scope.record(ENTRY, (x, *before)))
                before = (copies[-1],)
            made = copies[:width], copies[-1]
        self._first[key] = made
        return made
