"""What a function that is being compiled looks up by integers that are given when it runs.

A table becomes entries, one op after the other, row by row, and a lookup an op on the first row's
entry and an index; which entry that is, its rows and their distance say. Indices are computed of
the integers that are given, before compiled code runs: so all that it sees are from 0 on and below
the number of rows (`IndexArray`).
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import prod
from threading import get_ident
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from .copies import next_serial
from .engine import Value
from .errors import IndexRangeError, TraceError, user_location
from .index_arrays import Counted, IndexArray, Moving, Terms
from .opdef import Op
from .traced import Scope, Traced
from .tracing import FROZEN, THREADS

Ints = npt.NDArray[np.int64]
MOST_INDICES = 1 << 16
"""Indices that are computed before a loop, one for each iteration."""
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


def _begun() -> tuple[int, ...]:
    """A serial number for each function that is being compiled around, and one from now."""
    outer = THREADS.get(get_ident()) or FROZEN.get(get_ident())
    around: Lookups | None = getattr(outer, "lookups", None)
    return (*(around.begun if around else ()), next_serial())


@dataclass(slots=True)
class Lookups:
    """The integers of a function that is being compiled, and what it has looked up by them.

    integers    by their serial numbers: their arrays and elements
    sizes       of these arrays
    constants   tables of numbers, row by row, by their names
    counters    how often loops run that count, by the serial numbers of their counters
    bounds      of those that run as often as integers say which are given, the same way
    counted     the indices that these say
    moving      the integers that they choose among those that are given, by serial numbers
    chosen      the integers that were looked up in a table of such, with that and the index
    among       the same of tables that may be of integers which are given, or computed of such
    formulas    of integers that are computed otherwise, see integers.py
    begun       serial numbers from when the function was called, and before it those around it
    outer       integers of functions around, by the serial numbers of what stands for them here
    """

    integers: dict[int, tuple[str, int]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    indices: dict[Any, IndexArray] = field(default_factory=dict)
    constants: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    counters: dict[int, int] = field(default_factory=dict)
    bounds: dict[int, Any] = field(default_factory=dict)
    counted: dict[Any, Counted] = field(default_factory=dict)
    moving: dict[int, Moving] = field(default_factory=dict)
    chosen: dict[int, tuple[Sequence[int], Traced]] = field(default_factory=dict)
    among: dict[int, tuple[Sequence[Any], Traced]] = field(default_factory=dict)
    formulas: dict[int, Any] = field(default_factory=dict)
    begun: tuple[int, ...] = field(default_factory=_begun)
    outer: dict[int, Any] = field(default_factory=dict)
    _first: dict[Any, tuple[list[Value], Value | None]] = field(default_factory=dict)
    _leaves: dict[str, list[Value]] = field(default_factory=dict)

    def note(self, array: str, leaves: Sequence[Value], outer: Sequence[Any] = ()) -> None:
        """That these arguments are integers, which a function around computes, if it says so."""
        if outer:
            self.outer |= {v._serial: x for v, x in zip(leaves, outer, strict=True)}
            return
        self.integers |= {v._serial: (array, k) for k, v in enumerate(leaves)}
        self.sizes[array] = len(leaves)

    @property
    def inner(self) -> int | None:
        """A serial number from when the function called the one that is being compiled in it now,
        if one is.
        """
        begun, depth = _begun(), len(self.begun)
        return begun[depth] if begun[:depth] == self.begun and len(begun) > depth + 1 else None

    @property
    def inputs(self) -> dict[str, list[Value]]:
        """The leaves of all that was looked up, by the names of their arrays."""
        found = {i.name: i.leaves for i in self.indices.values()}
        return found | self._leaves

    @property
    def known(self) -> Mapping[int, Any]:
        """What indices may be made of, by serial numbers."""
        if not self.counters:
            return self.integers
        return ChainMap[int, Any](self.counters, self.integers, self.moving)

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
        if any(serial in self.counters or serial in self.moving for serial, _ in terms):
            if all(serial in self.counters for serial, _ in terms):
                return self._counted(form, rows, scope)
            return self._by_iteration(form, rows, scope)
        places = [self.integers[serial] for serial, _ in terms]
        scales = tuple(scale for _, scale in terms)
        arrays = tuple(array for array, _ in places)
        key = rows, offset, scales, arrays
        if key not in self.indices:
            made = IndexArray(f"at{len(self.indices)}", *key)
            self.indices[key] = made
            if len(arrays) == 1:  # all of them, so that they lie as the integers do
                made.reserve(self.sizes[arrays[0]], scope)
        return self.indices[key].leaf(tuple(k for _, k in places), scope)

    def ends(self, form: Form) -> tuple[int, int] | None:
        """The least and the largest of indices that counters of loops say; None for others, and for
        one that is computed in no iteration.
        """
        offset, terms = form
        if not all(self.counters.get(serial) for serial, _ in terms):
            return None
        ends = [sorted((0, scale * (self.counters[serial] - 1))) for serial, scale in terms]
        return offset + sum(low for low, _ in ends), offset + sum(high for _, high in ends)

    def _counted(self, form: Form, rows: int, scope: Scope) -> Value:
        """What stands for an index that counters of loops say, and that counts from one end of the
        table in all iterations.

        Raises IndexRangeError for one that is of no row in some iteration.
        """
        offset, terms = form
        if (ends := self.ends(form)) is None:
            return self.place(rows, 0, (), scope)
        low, high = ends
        if low < -rows or high >= rows:
            raise IndexRangeError(
                f"{user_location()}: the loop's counter makes indices from {low} to {high} into a "
                f"table of {rows} rows: indices are from 0 to {rows - 1}, or from {-rows} on, "
                "counted from the end"
            )
        return self.place(rows, offset + (rows if low < 0 else 0), terms, scope)

    def place(self, rows: int, offset: int, terms: Terms, scope: Scope, array: str = "") -> Value:
        """What stands for a number that counters say."""
        key = rows, offset, terms, array
        if key not in self.counted:
            name = f"counted:{len(self.counted)}"  # no name in Python
            self.counted[key] = Counted(name, *key[:3], Traced(name, scope=scope), array)
        return self.counted[key].leaf

    def _by_iteration(self, form: Form, rows: int, scope: Scope) -> Value:
        """What stands for an index of integers that are given and of counters: a place in an index
        array with one index for each iteration of these loops.
        """
        offset, terms = form
        counters = list(dict.fromkeys(self._counters(terms)))
        counts = [self.counters[serial] for serial in counters]
        size = prod(counts)
        if not size:  # it is computed for no iteration
            return self.place(rows, 0, (), scope)
        if size > MOST_INDICES:
            raise TraceError(
                f"{user_location()}: the loops around go through {size} indices of rows, of at "
                f"most {MOST_INDICES} that can be computed before them; look up rows in fewer"
            )
        numbers = np.indices(counts, dtype=np.int64).reshape(len(counts), size)
        at = dict(zip(counters, numbers, strict=True))
        offsets = np.full(size, offset)
        used = []
        for serial, scale in terms:
            if serial in self.counters:
                offsets = offsets + scale * at[serial]
            else:
                used.append((scale, *self.elements(serial, at, size)))
        scales, arrays = tuple(x[0] for x in used), tuple(x[1] for x in used)
        elements = np.stack([x[2] for x in used], axis=1)
        key = rows, scales, arrays, elements.tobytes(), offsets.tobytes()
        if key not in self.indices:
            number = 1 + sum(index.number > 0 for index in self.indices.values())
            self.indices[key] = made = IndexArray(
                f"at{len(self.indices)}", rows, 0, scales, arrays, number
            )
            made.elements, made.offsets = list(map(tuple, elements.tolist())), offsets
            made.leaves = [Traced(f"{made.name}[{k}]", scope=scope) for k in range(size)]
        strides = [prod(counts[k + 1 :]) for k in range(len(counts))]
        places = tuple(zip(counters, strides, strict=True))
        return self.place(rows, 0, places, scope, self.indices[key].name)

    def _counters(self, terms: Terms) -> Iterator[int]:
        """The counters that an index depends on."""
        for serial, _ in terms:
            if serial in self.counters:
                yield serial
            elif serial in self.moving:
                yield from (counter for counter, _ in self.moving[serial].counters)

    def elements(self, serial: int, at: Mapping[int, Ints], size: int) -> tuple[str, Ints]:
        """The array that an integer is of, and which of its elements in each iteration."""
        if serial in self.integers:
            array, element = self.integers[serial]
            return array, np.full(size, element)
        found = self.moving[serial]
        places = sum((scale * at[c] for c, scale in found.counters), np.zeros(size, np.int64))
        return found.array, found.offset + places

    def evenly(self, leaves: Sequence[Any]) -> tuple[str, int, int] | None:
        """The array that integers are elements of, the place of the first, and how far it is from
        each to the next; None if they are no such.
        """
        places = [self.integers.get(v._serial) if isinstance(v, Value) else None for v in leaves]
        if not places or None in places:
            return None
        arrays, elements = zip(*cast(Any, places), strict=True)
        step = elements[1] - elements[0] if len(elements) > 1 else 0
        if len(set(arrays)) > 1 or any(e != elements[0] + step * k for k, e in enumerate(elements)):
            return None
        return arrays[0], elements[0], step

    def choose(self, found: Value, table: Sequence[Any], index: Traced, form: Form) -> None:
        """Note that a number is one of a table of integers, so that it can choose a row itself."""
        if all(isinstance(x, (int, np.integer)) for x in table):
            self.chosen[found._serial] = list(map(int, table)), index
            return
        self.among[found._serial] = table, index
        offset, terms = form
        if terms and all(serial in self.counters for serial, _ in terms):
            even = self.evenly(table)
            if even is not None:
                array, first, step = even
                low = offset + sum(min(0, s * (self.counters[c] - 1)) for c, s in terms)
                offset += len(table) if low < 0 else 0
                moved = tuple((c, step * scale) for c, scale in terms)
                self.moving[found._serial] = Moving(array, first + step * offset, moved)

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
