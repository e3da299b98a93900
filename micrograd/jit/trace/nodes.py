"""Values -> their nodes in columns: everything under the outputs of a trace, oldest first.

Two ways lead here: Python's objects, which are walked or are known to be all that a function has
recorded; and the tape of machine code, merged with what Python has recorded beside it.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import chain, compress, repeat
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from ...backward import cycle_error
from ...copies import serial as _serial
from ...engine import Value
from ...traced import Scope
from ..ir.graph import CONSTANT, code_of
from .places import Sites, sites_of

Ints = npt.NDArray[np.int64]
Narrow = npt.NDArray[np.int32]
"""Columns of places, codes and the like: there is memory for no more nodes than these can tell."""

LITERAL = -2
"""In the place of an operand: it is a number, not a node."""
_operands = attrgetter("_operands")
_label = attrgetter("label")


@dataclass(slots=True)
class Nodes:
    """The nodes under the outputs of a trace. Columns have an entry for each, oldest first.

    serials    their serial numbers
    codes      of ops, as a Graph has them; CONSTANT for leaves
    operands   Narrow[3, n]: places in these columns, -1 where there is none, or LITERAL
    literals   f64[3, n]: the numbers there
    leaves     the leaves, in order
    labels     the labels of those that are no leaves and have one, by their places
    sites      gives where each was made, which takes a while
    """

    serials: Ints
    codes: Narrow
    operands: Narrow
    literals: npt.NDArray[np.float64]
    leaves: list[Value]
    labels: dict[int, str]
    sites: Callable[[], Sites]

    def __len__(self) -> int:
        return len(self.serials)

    def place(self, v: Value) -> int:
        """The place of one of them."""
        return int(np.searchsorted(self.serials, v._serial))


@dataclass(slots=True)
class Visited:
    """The Values under some, as machine code has found them. Columns have an entry for each, oldest
    first, but for operands and literals, which are as those of Nodes.

    addresses         of the Values, which live as long as those that they are under
    entries, labels   addresses of what is in these slots
    """

    serials: Ints
    addresses: Ints
    entries: Ints
    labels: Ints
    operands: Narrow
    literals: npt.NDArray[np.float64]


VISITORS: list[Callable[[Sequence[Value]], Visited | None]] = []
"""What may walk many Values faster than Python, once machine code can be made; None: it may not."""
MANY = 20_000
"""Values that Python walks by itself; machine code takes as long to make."""


def listed(outputs: Sequence[Any], ends: Collection[int] = ()) -> Nodes:
    """What is under outputs of which Python has all operands.

    ends   serial numbers of what is taken for leaves

    Raises GraphError for a cycle.
    """
    made = None if ends else recorded(outputs)
    seen = _reached(outputs, MANY) if made is None and not ends else None
    if seen is not None and len(seen) >= MANY:
        values, seen = [v for v in outputs if isinstance(v, Value)], None
        for visitor in VISITORS:
            if (visited := visitor(values)) is not None:
                return _of_visited(visited, values)
    order, flat, used = made or found(outputs, ends, seen)
    n = len(order)
    counts = np.fromiter(map(len, map(_operands, order)), np.int64, n)
    entries = [v._entry for v in order]
    if ends:
        is_end = np.fromiter((v._serial in ends for v in order), bool, n)
        counts[is_end] = 0
        entries = [None if end else e for end, e in zip(is_end.tolist(), entries, strict=True)]
    serials = np.fromiter(map(_serial, order), np.int64, n)
    user = np.repeat(np.arange(n), counts)
    younger = used >= serials[user]
    if younger.any():
        raise cycle_error(order[int(user[np.argmax(younger)])])
    is_literal = used < 0
    refers = np.full(len(flat), LITERAL, dtype=np.int64)
    refers[~is_literal] = Ranks(serials, int(serials[0]) if n else 0)(used[~is_literal])
    numbers = np.zeros(len(flat))
    numbers[is_literal] = [flat[k] for k in np.flatnonzero(is_literal).tolist()]
    operands, literals = np.full((3, n), -1, dtype=np.int32), np.zeros((3, n))
    first = np.cumsum(counts) - counts
    for k in range(3):
        has = counts > k
        operands[k, has] = refers[first[has] + k]
        literals[k, has] = numbers[first[has] + k]
    codes = {entry: CONSTANT if entry is None else code_of(entry) for entry in set(entries)}
    named = compress(range(n), map(_label, order))
    return Nodes(
        serials,
        np.fromiter(map(codes.__getitem__, entries), np.int32, n),
        operands,
        literals,
        [v for v, entry in zip(order, entries, strict=True) if entry is None],
        {k: str(order[k].label) for k in named if counts[k]},
        lambda: sites_of(order),
    )


def _of_visited(visited: Visited, outputs: list[Value]) -> Nodes:
    """What `listed` gives, of Values that machine code has found.

    Raises GraphError for a cycle.
    """
    n = len(visited.serials)
    own = np.arange(n, dtype=np.int32)
    younger = np.zeros(n, dtype=bool)
    for column in visited.operands:
        younger |= column >= own
    if younger.any():
        raise cycle_error(*_objects(visited.addresses[younger][:1]))
    codes = np.full(n, CONSTANT, dtype=np.int32)
    is_op = visited.entries != id(None)
    left = np.flatnonzero(is_op)
    while len(left):
        address = visited.entries[left[0]]
        (op,) = _objects(visited.entries[left[:1]])
        same = visited.entries == address
        codes[same] = code_of(op)
        left = left[~same[left]]
    named = np.flatnonzero((visited.labels != id("")) & is_op)
    labels = zip(named.tolist(), _objects(visited.labels[named]), strict=True)

    def sites() -> Sites:
        assert outputs  # under which all others live
        return sites_of(_objects(visited.addresses))

    return Nodes(
        visited.serials,
        codes,
        visited.operands,
        visited.literals,
        _objects(visited.addresses[~is_op]),
        {k: str(label) for k, label in labels if label},
        sites,
    )


def _objects(addresses: Ints) -> list[Any]:
    """The objects at these addresses, which are alive."""
    if not len(addresses):
        return []
    words = np.ascontiguousarray(addresses)
    return list((ctypes.py_object * len(words)).from_address(words.ctypes.data))


class Ranks:
    """The indices in sorted `serials` of some of them: by a table from `first` on, where they lie
    densely; by the distance from there, where none is left out.
    """

    def __init__(self, serials: Ints, first: int) -> None:
        self.serials, self.first = serials, first
        before = int(np.searchsorted(serials, first))
        self._table: Ints | None = None
        self._shift = before - first
        is_dense = before < len(serials) and serials[-1] + self._shift == len(serials) - 1
        self._is_known = is_dense
        if (
            not is_dense
            and before < len(serials)
            and serials[-1] - first < 8 * (len(serials) - before)
        ):
            self._table = np.empty(int(serials[-1] - first) + 1, dtype=np.int64)
            self._table[serials[before:] - first] = np.arange(before, len(serials))
            self._is_known = True

    def __call__(self, wanted: Ints) -> Ints:
        """Of these."""
        if not self._is_known:
            return np.searchsorted(self.serials, wanted)
        old = np.flatnonzero(wanted < self.first)
        found: Ints
        if self._table is None:
            found = wanted + self._shift
        else:
            found = self._table.take(wanted - self.first, mode="clip")
        found[old] = np.searchsorted(self.serials, wanted[old])
        return found


def recorded(outputs: Sequence[Any]) -> tuple[list[Value], list[Any], Ints] | None:
    """What `found` gives, if it is all that one call of a function has recorded; else None.

    Most functions compute nothing in vain. Then nothing need be looked for: where each of their
    nodes is an output or has a user, which is younger, each leads to an output.
    """
    values = [v for v in outputs if isinstance(v, Value)]
    scopes = {v._scope for v in values if v._operands}
    scope = scopes.pop() if len(scopes) == 1 else None
    if not isinstance(scope, Scope) or not scope.made or scope.tape is not None:
        return None
    made, scope.made = scope.made, []  # they know it, so it shall not know them for long
    serials = np.fromiter(map(_serial, made), np.int64, len(made))
    first, length = int(serials[0]), int(serials[-1] - serials[0]) + 1
    if length > 8 * len(made) or (np.diff(serials) <= 0).any():
        return None
    flat = list(chain.from_iterable(map(_operands, made)))
    used = _serials(flat)
    alone = [o for o in flat if o.__class__ is not float and not o._operands]
    is_inner = (used >= first) & (used < first + length)
    is_used, is_made = np.zeros((2, length), dtype=bool)
    is_made[serials - first] = True
    is_used[used[is_inner] - first] = True
    ends = [v._serial - first for v in values if v._operands]
    if not all(0 <= end < length and is_made[end] for end in ends):
        return None
    is_used[ends] = True
    inner = int(is_made[used[is_inner] - first].sum())
    if (is_made & ~is_used).any() or inner + len(alone) < np.count_nonzero(used >= 0):
        return None  # in vain, or computed elsewhere
    alone += [v for v in values if not v._operands]
    leaves = dict(zip(map(_serial, alone), alone, strict=True))
    before = [leaves[k] for k in sorted(leaves)]
    if before and before[-1]._serial > first:
        return None
    return [*before, *made], flat, used


def found(
    outputs: Sequence[Any], ends: Collection[int] = (), seen: dict[int, Value] | None = None
) -> tuple[list[Value], list[Any], Ints]:
    """Every Value under the outputs, oldest first, their operands, one after the other, and the
    serial numbers of these; -1 for numbers.

    seen   the Values by their serial numbers, where they have been looked for
    """
    order = nodes(outputs, ends) if seen is None else [seen[serial] for serial in sorted(seen)]
    inner = [v for v in order if v._serial not in ends] if ends else order
    flat = list(chain.from_iterable(map(_operands, inner)))
    return order, flat, _serials(flat)


def _serials(flat: list[Any]) -> Ints:
    return np.fromiter(map(getattr, flat, repeat("_serial"), repeat(-1)), np.int64, len(flat))


def nodes(outputs: Sequence[Any], ends: Collection[int] = ()) -> list[Value]:
    """Every Value under the outputs, oldest first; none under those that are ends."""
    seen = _reached(outputs, sys.maxsize, ends)
    return [seen[serial] for serial in sorted(seen)]


def _reached(outputs: Sequence[Any], most: int, ends: Collection[int] = ()) -> dict[int, Value]:
    """The Values under the outputs, by their serial numbers; some of them, if they are `most`."""
    seen = {v._serial: v for v in outputs if isinstance(v, Value)}
    stack = [v for v in seen.values() if v._serial not in ends]
    push, pop = stack.append, stack.pop
    while stack and len(seen) < most:
        for o in pop()._operands:
            if o.__class__ is not float and o._serial not in seen:
                seen[o._serial] = o
                if o._operands and o._serial not in ends:
                    push(o)
    return seen
