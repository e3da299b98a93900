"""A tape -> nodes in columns: what machine code has recorded, and Python beside it.

Rows of the tape, and the Values that Python has made, arguments and parameters among them, are
merged in the order in which they were made, and what no output needs is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ...backward import cycle_error
from ...copies import serial as _serial
from ...engine import Value
from ...operands import own_operands
from ...ops import Op
from ...traced import Scope, Traced
from ...tracing import Site
from ..ir.graph import CONSTANT, code_of
from .nodes import LITERAL, Ints, Narrow, Nodes, Ranks
from .places import Sites, sites_of

BLOCK = 1 << 15
"""Rows that are read at once."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What is on a tape, oldest first, in columns.

    serials       Ints[n]
    operands      Ints[n], three: serial numbers, or the bits of literals
    words         Ints[n]: numbers of ops, in `entries`; from bit `literal` on, one for each operand
                  says whether it is a literal
    instruction   Ints[n]: addresses of the instructions that made them
    held          the Values that are operands and not on the tape, each once
    """

    serials: Ints
    operands: Sequence[Ints]
    words: Ints
    instruction: Ints
    held: list[Any]
    entries: Sequence[Op]
    literal: int

    def ops(self, some: slice) -> Ints:
        """The numbers of the ops of some."""
        found: Ints = self.words[some] & (1 << self.literal) - 1
        return found

    def is_literal(self, k: int, some: slice) -> npt.NDArray[np.bool_]:
        """Whether operand k is a literal."""
        found: npt.NDArray[np.bool_] = self.words[some] & 1 << self.literal + k != 0
        return found


class Read(Protocol):
    """A tape that can be read."""

    def read(self) -> Rows:
        """What is on it."""

    def sites(self, instructions: Ints) -> list[Site]:
        """Where these instructions are."""

    def mark(self, operands: Narrow, live: npt.NDArray[np.bool_]) -> None:
        """Set all that something live has as an operand; places in columns, or negative."""


def let_go(scope: Scope) -> None:
    """Let a scope keep nothing any more: it has been read."""
    if scope.tape is not None:
        scope.tape.let_go()
        scope.made = []  # they know it, so it shall not know them


def taped(outputs: Sequence[Any]) -> Nodes | None:
    """What is under the outputs of a function that has a tape; None if it has none, or if they are
    not its own alone.
    """
    values = [v for v in outputs if isinstance(v, Value)]
    scopes = {v._scope for v in values if isinstance(v, Traced)}
    scope = scopes.pop() if len(scopes) == 1 else None
    if not isinstance(scope, Scope) or scope.tape is None:
        return None
    tape: Any = scope.tape
    rows = tape.read()
    beside = _beside([*rows.held, *values], scope)
    if beside is None:
        return None
    return _Merged(scope, tape, rows, beside).nodes(values)


def _beside(roots: Sequence[Value], scope: Scope) -> list[Value] | None:
    """What Python has made, of these Values and under them, oldest first; None if something is on
    the tape of another function.
    """
    seen, stack = {}, []
    for v in roots:
        own = own_operands(v)
        if own is not None:
            seen[v._serial] = v
            if own:
                stack.append(v)
        elif v._scope is not scope:
            return None
    while stack:
        for x in stack.pop()._operands:
            if x.__class__ is float or x._serial in seen:
                continue
            own = own_operands(x)
            if own is None:
                if x._scope is not scope:
                    return None
                continue
            seen[x._serial] = x
            if own:
                stack.append(x)
    return [seen[serial] for serial in sorted(seen)]


class _Merged:
    """Rows of a tape and Values beside it, oldest first. Rows are read block by block: what is
    computed of a block lies where that of the one before lay, and new memory takes longest of all.

    own        where the rows are in the merged columns: a slice, if they are one after the other
    among      where the Values are
    """

    def __init__(self, scope: Scope, tape: Read, rows: Rows, beside: list[Value]) -> None:
        self.scope, self.tape, self.rows, self.beside = scope, tape, rows, beside
        alone = np.fromiter(map(_serial, beside), np.int64, len(beside))
        size = len(rows.serials) + len(beside)
        before = np.searchsorted(rows.serials, alone)
        self.among: Ints = before + np.arange(len(beside))
        self.own: slice | Ints
        if before.any():
            is_own = np.ones(size, dtype=bool)
            is_own[self.among] = False
            self.own = np.flatnonzero(is_own)
        else:
            self.own = slice(len(beside), size)
        self.serials: Ints = np.empty(size, dtype=np.int64)
        self.serials[self.own], self.serials[self.among] = rows.serials, alone
        self.operands: Narrow = np.empty((3, size), dtype=np.int32)
        self.literals = np.zeros((3, size))
        ranked = Ranks(self.serials, int(rows.serials[0]) if len(rows.serials) else 0)
        arities = np.array([op.arity for op in rows.entries])
        for some, places in self._blocks():
            arity = arities[rows.ops(some)]
            for k in range(3):
                self.operands[k, places] = self._operands(k, some, arity > k, ranked)
        self.operands[:, self.among] = -1
        users, at, operand, serial = list[Value](), list[int](), list[int](), list[int]()
        for v, place in zip(beside, self.among.tolist(), strict=True):
            for k, x in enumerate(v._operands if v._entry is not None else ()):
                if x.__class__ is float:
                    self.operands[k, place] = LITERAL
                    self.literals[k, place] = x
                else:
                    users.append(v)
                    at.append(place)
                    operand.append(k)
                    serial.append(x._serial)
        places = np.searchsorted(self.serials, serial)
        self.operands[operand, at] = places
        younger = np.flatnonzero(places >= at)
        if len(younger):
            raise cycle_error(users[int(younger[0])])

    def _blocks(self) -> Iterator[tuple[slice, slice | Ints]]:
        """Some rows after the other, and where they are in the merged columns."""
        for start in range(0, len(self.rows.serials), BLOCK):
            some = slice(start, min(start + BLOCK, len(self.rows.serials)))
            if isinstance(self.own, slice):
                yield some, slice(some.start + self.own.start, some.stop + self.own.start)
            else:
                yield some, self.own[some]

    def _operands(
        self, k: int, some: slice, has: npt.NDArray[np.bool_], ranked: Ranks
    ) -> Ints | int:
        """The places of the operands k of some rows, which has one; LITERAL for literals, which are
        noted, and -1 where none is.
        """
        if not has.any():
            return -1
        given, is_literal = self.rows.operands[k][some], self.rows.is_literal(k, some)
        which = np.flatnonzero(is_literal)
        at = which + some.start
        at = at + self.own.start if isinstance(self.own, slice) else self.own[at]
        self.literals[k, at] = given[which].view(np.float64)
        refers = has & ~is_literal
        if refers.all():
            return ranked(given)
        found = np.where(is_literal, LITERAL, -1)
        found[refers] = ranked(given[refers])
        return found

    def nodes(self, outputs: Sequence[Value]) -> Nodes:
        """Those that the outputs need."""
        live = np.zeros(len(self.serials), dtype=bool)
        live[np.searchsorted(self.serials, [v._serial for v in outputs])] = True
        self.tape.mark(self.operands, live)
        beside = [
            (v, at) for v, at in zip(self.beside, self.among.tolist(), strict=True) if live[at]
        ]
        codes = self._codes(live)
        labels = dict[int, str]()
        for v, at in beside:
            if v._entry is not None:
                codes[at] = code_of(v._entry)
                if v._scope is not self.scope and v.label:
                    labels[at] = str(v.label)
        labels |= self._labels(live, codes)
        if live.all():
            whole = self.serials, codes, self.operands, self.literals
            leaves = [v for v, _ in beside if v._entry is None]
            return Nodes(*whole, leaves, labels, lambda: self._sites(live, beside))
        after = (np.cumsum(live) - 1).astype(np.int32)
        operands = self.operands[:, live]
        return Nodes(
            self.serials[live],
            codes[live],
            np.where(operands >= 0, after[operands], operands),
            self.literals[:, live],
            [v for v, _ in beside if v._entry is None],
            {int(after[at]): label for at, label in labels.items()},
            lambda: self._sites(live, beside),
        )

    def _codes(self, live: npt.NDArray[np.bool_]) -> Narrow:
        """The codes of what is live in rows; CONSTANT for the Values beside them."""
        used = np.full(len(self.rows.entries), -1, dtype=np.int32)
        codes = np.empty(len(live), dtype=np.int32)
        codes[self.among] = CONSTANT
        for some, places in self._blocks():
            ops = self.rows.ops(some)
            for k in np.flatnonzero(np.bincount(ops[live[places]])).tolist():
                if used[k] < 0:
                    used[k] = code_of(self.rows.entries[k])
            codes[places] = used[ops]
        return codes

    def _labels(self, live: npt.NDArray[np.bool_], codes: Narrow) -> dict[int, str]:
        """The labels of what was traced, but of arguments, by their places."""
        known = self.scope.labels
        serials = np.fromiter(known, np.int64, len(known))
        places = np.minimum(np.searchsorted(self.serials, serials), len(self.serials) - 1)
        meant = live[places] & (self.serials[places] == serials) & (codes[places] != CONSTANT)
        found = zip(places[meant].tolist(), serials[meant].tolist(), strict=True)
        return {at: str(known[serial]) for at, serial in found if known[serial]}

    def _sites(self, live: npt.NDArray[np.bool_], beside: Sequence[tuple[Value, int]]) -> Sites:
        which = np.full(len(self.serials), -1, dtype=np.int32)
        instructions = self._instructions(live, which)
        by_python = sites_of([v for v, _ in beside])
        at = np.array([at for _, at in beside], dtype=np.int64)
        which[at] = np.where(by_python.which < 0, -1, by_python.which + len(instructions))
        found = [*self.tape.sites(instructions), *by_python.different]
        return Sites(found, which if live.all() else which[live])

    def _instructions(self, live: npt.NDArray[np.bool_], which: Narrow) -> Ints:
        """The different instructions of live rows; which of them each row's is, is written."""
        addresses = self.rows.instruction
        first = int(addresses.min()) if len(addresses) else 0
        length = int(addresses.max()) - first + 1 if len(addresses) else 0
        if length > 8 * len(addresses):
            of_rows = np.arange(len(live), dtype=np.int64)[self.own]
            used = live[of_rows]
            found, which[of_rows[used]] = np.unique(addresses[used], return_inverse=True)
            return found
        is_there = np.zeros(length, dtype=bool)
        for some, places in self._blocks():
            is_there[addresses[some][live[places]] - first] = True
        number = (np.cumsum(is_there) - 1).astype(np.int32)
        for some, places in self._blocks():
            which[places] = number[addresses[some] - first]
        return first + np.flatnonzero(is_there)
