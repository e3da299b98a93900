"""A tape -> nodes in columns: what machine code has recorded, and Python beside it.

Rows of the tape, and the Values that Python has made, arguments and parameters among them, are
merged in the order in which they were made, and what no output needs is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ...copies import serial as _serial
from ...engine import Value
from ...operands import own_operands
from ...ops import Op
from ...traced import Scope, Traced
from ...tracing import Site
from ..ir.graph import CONSTANT, code_of
from .nodes import LITERAL, Ints, Nodes, Ranks
from .places import Sites, sites_of


@dataclass(frozen=True, slots=True)
class Rows:
    """What is on a tape, oldest first, in columns.

    serials       Ints[n]
    operands      Ints[3, n]: serial numbers, or the bits of literals
    is_literal    bool[3, n]
    ops           Ints[n]: numbers of ops, in `entries`
    instruction   Ints[n]: addresses of the instructions that made them
    held          the Values that are operands and not on the tape, each once
    """

    serials: Ints
    operands: Ints
    is_literal: npt.NDArray[np.bool_]
    ops: Ints
    instruction: Ints
    held: list[Any]
    entries: Sequence[Op]


class Read(Protocol):
    """A tape that can be read."""

    def read(self) -> Rows:
        """What is on it."""

    def sites(self, instructions: Ints) -> list[Site]:
        """Where these instructions are."""

    def mark(self, operands: Ints, live: npt.NDArray[np.bool_]) -> None:
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
    """Rows of a tape and Values beside it, oldest first.

    place      of each row, and behind them of each Value, in the merged columns
    """

    def __init__(self, scope: Scope, tape: Read, rows: Rows, beside: list[Value]) -> None:
        self.scope, self.tape, self.rows, self.beside = scope, tape, rows, beside
        alone = np.fromiter(map(_serial, beside), np.int64, len(beside))
        n, size = len(rows.serials), len(rows.serials) + len(beside)
        among = np.searchsorted(rows.serials, alone) + np.arange(len(beside))
        is_own = np.ones(size, dtype=bool)
        is_own[among] = False
        own = np.flatnonzero(is_own)
        self.place = np.concatenate([own, among])
        self.serials = np.empty(size, dtype=np.int64)
        self.serials[own], self.serials[among] = rows.serials, alone
        self.operands = np.full((3, size), -1, dtype=np.int64)
        self.literals = np.zeros((3, size))
        arity = np.array([op.arity for op in rows.entries], dtype=np.int64)[rows.ops]
        ranked = Ranks(self.serials, int(rows.serials[0]) if n else 0)
        for k in range(int(arity.max(initial=0))):
            literal = rows.is_literal[k]
            refers = np.flatnonzero((arity > k) & ~literal)
            self.operands[k, own[refers]] = ranked(rows.operands[k, refers])
            if literal.any():
                at = own[literal]
                self.operands[k, at] = LITERAL
                self.literals[k, at] = rows.operands[k, literal].view(np.float64)
        at, operand, serial = list[int](), list[int](), list[int]()
        for v, place in zip(beside, self.place[n:].tolist(), strict=True):
            for k, x in enumerate(v._operands if v._entry is not None else ()):
                if x.__class__ is float:
                    self.operands[k, place] = LITERAL
                    self.literals[k, place] = x
                else:
                    at.append(place)
                    operand.append(k)
                    serial.append(x._serial)
        self.operands[operand, at] = np.searchsorted(self.serials, serial)

    def nodes(self, outputs: Sequence[Value]) -> Nodes:
        """Those that the outputs need."""
        live = np.zeros(len(self.serials), dtype=bool)
        live[np.searchsorted(self.serials, [v._serial for v in outputs])] = True
        self.tape.mark(self.operands, live)
        kept = np.flatnonzero(live)
        after = np.cumsum(live) - 1
        operands = self.operands
        if len(kept) < len(live):
            operands = operands[:, kept]
            operands = np.where(operands >= 0, after[operands], operands)
        n = len(self.rows.serials)
        places = self.place[n:]
        beside = list(zip(self.beside, places.tolist(), strict=True))
        if len(kept) < len(live):
            beside = [*compress(beside, live[places].tolist())]
        codes = np.full(len(live), CONSTANT, dtype=np.int64)
        own = self.place[:n]
        is_live = live[own]
        used = np.bincount(self.rows.ops[is_live], minlength=len(self.rows.entries))
        for k in np.flatnonzero(used).tolist():
            used[k] = code_of(self.rows.entries[k])
        codes[own[is_live]] = used[self.rows.ops[is_live]]
        labels = {}
        for v, at in beside:
            if v._entry is not None:
                codes[at] = code_of(v._entry)
                if v._scope is not self.scope and v.label:
                    labels[int(after[at])] = str(v.label)
        labels |= self._labels(live, codes, after)
        return Nodes(
            self.serials[kept],
            codes[kept],
            operands,
            self.literals[:, kept],
            [v for v, _ in beside if v._entry is None],
            labels,
            lambda: self._sites(kept, beside),
        )

    def _labels(self, live: npt.NDArray[np.bool_], codes: Ints, after: Ints) -> dict[int, str]:
        """The labels of what was traced, but of arguments."""
        known = self.scope.labels
        serials = np.fromiter(known, np.int64, len(known))
        places = np.minimum(np.searchsorted(self.serials, serials), len(self.serials) - 1)
        meant = live[places] & (self.serials[places] == serials) & (codes[places] != CONSTANT)
        found = zip(places[meant].tolist(), serials[meant].tolist(), strict=True)
        return {int(after[at]): str(known[serial]) for at, serial in found if known[serial]}

    def _sites(self, kept: Ints, beside: Sequence[tuple[Value, int]]) -> Sites:
        which = np.full(len(self.serials), -1, dtype=np.int64)
        own = self.place[: len(self.rows.serials)]
        live = np.zeros(len(self.serials), dtype=bool)
        live[kept] = True
        used = live[own]
        instructions, inverse = np.unique(self.rows.instruction[used], return_inverse=True)
        which[own[used]] = inverse
        by_python = sites_of([v for v, _ in beside])
        at = np.array([at for _, at in beside], dtype=np.int64)
        which[at] = np.where(by_python.which < 0, -1, by_python.which + len(instructions))
        return Sites([*self.tape.sites(instructions), *by_python.different], which[kept])
