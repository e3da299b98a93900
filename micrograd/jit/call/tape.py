"""Tapes: where machine code records what a function that is compiled computes.

A `Tape` is an object of Python's whose memory tape_code.py writes to:

    rows     of 6 words: serial number, three operands, address of the instruction, op code; an
             operand is a serial number, or the bits of a literal, as bits of the op code say
    held     the operands that are not on it, arguments, Values and what Python has recorded: they
             live as long as it does
    table    of code objects: whose lines are the user's, and whose are not

Serial numbers come from where all Values have theirs, so rows lie among the Values that are made
meanwhile in the order of creation.
"""

from __future__ import annotations

import ctypes
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import MACHINERY
from ...ops import Op
from ...traced import Scope, Traced
from ...tracing import Site
from ..trace.nodes import Ints, Narrow
from ..trace.taped import Rows
from .callable import BASETYPE, DEFAULT, SSIZE, Member, heap_type
from .tape_rows import LITERAL, OF_MACHINERY, OF_USER, RECENTLY

_FIELDS = (
    *("_rows", "_rows_count", "_rows_room", "_held", "_held_count", "_held_room"),
    *("_table", "_mask", "_last", "_is_open", "_recent"),
)
_MEMBERS = (Member * (len(_FIELDS) + 1))(
    *(Member(name.encode(), SSIZE, 16 + 8 * k, 0, None) for k, name in enumerate(_FIELDS))
)
_SIZE = 16 + 8 * len(_FIELDS)
_Memory: Any = heap_type(f"{__name__}.TapeMemory", _SIZE, DEFAULT | BASETYPE, _MEMBERS)


@dataclass(slots=True)
class Code:
    """What tapes know of the machine code that writes to them.

    ops        by their numbers
    bytecode   of a code object: where its instructions begin
    release    decrements the reference counts of objects: their address, and how many there are
    mark       see tape_code.py
    free       frees memory of a tape
    """

    bytecode: int
    ops: list[Op]
    release: Callable[[int, int], None]
    mark: Callable[[int, int, int, int, int], None]
    free: Callable[[int], None]


class Tape(_Memory):  # type: ignore[misc]
    """A tape of one scope, open when it is made."""

    _rows: int
    _rows_count: int
    _rows_room: int
    _held: int
    _held_count: int
    _held_room: int
    _table: int
    _mask: int
    _last: int
    _is_open: int
    _recent: int

    def __init__(self, code: Code) -> None:
        self._code = code
        self._known: dict[CodeType, int] = {}
        self._by_serial: dict[int, Any] = {}
        self._numbered = 0  # of those held, so many are in it
        self._recently = np.zeros(1 << RECENTLY, dtype=np.int64)
        self._recent = self._recently.ctypes.data
        self._enter(64)
        self._is_open = 1

    # -- whose code is it ----------------------------------------------------------------------

    def learn(self, frame: FrameType) -> None:
        """Know the source files of a frame, and of its callers up to the user's."""
        at: FrameType | None = frame
        while at is not None:
            code = at.f_code
            is_machinery = code.co_filename in MACHINERY
            if code not in self._known:
                self._known[code] = OF_MACHINERY if is_machinery else OF_USER
                self._enter(len(self._entries) >> 1)
            if not is_machinery:
                return
            at = at.f_back

    def _enter(self, size: int) -> None:
        """Write the table of all code objects anew; it is at most a quarter full."""
        while 4 * len(self._known) > size:
            size *= 2
        entries = np.zeros((size, 2), dtype=np.int64)
        for code, whose in self._known.items():
            at = (id(code) >> 4) ^ (id(code) >> 12)
            while entries[at & (size - 1), 0]:
                at += 1
            entries[at & (size - 1)] = id(code), whose
        self._last = 0
        self._mask = size - 1
        self._table = entries.ctypes.data
        self._entries = entries.reshape(-1)  # alive as long as its address is known

    # -- what is on it -------------------------------------------------------------------------

    def _words(self) -> Ints:
        """The rows where they are, one for each: they move when more are written."""
        count = self._rows_count
        if not count:
            return np.empty((0, 6), dtype=np.int64)
        memory: Any = (ctypes.c_int64 * (6 * count)).from_address(self._rows)
        words: Ints = np.frombuffer(memory, dtype=np.int64).reshape(count, 6)
        return words

    def read(self) -> Rows:
        """What is on it. Columns are read where they lie, as long as it lives."""
        serials, *operands, instructions, words = self._words().T
        held, ops = self._objects(), self._code.ops
        return Rows(serials, operands, words, instructions, held, ops, LITERAL)

    def _objects(self) -> list[Any]:
        """The Values that it holds."""
        if not self._held_count:
            return []
        held: Any = (ctypes.c_int64 * self._held_count).from_address(self._held)
        once = np.unique(np.frombuffer(held, dtype=np.int64))  # a parameter is held at every use
        return list((ctypes.py_object * len(once)).from_address(once.ctypes.data))

    def _held_by_serial(self) -> dict[int, Any]:
        """The same by their serial numbers: asked for every operand, so it is kept."""
        count = self._held_count
        if self._numbered < count:
            first = self._held + 8 * self._numbered
            objects: Any = (ctypes.py_object * (count - self._numbered)).from_address(first)
            self._by_serial.update((x._serial, x) for x in objects)
            self._numbered = count
        return self._by_serial

    def mark(self, operands: Narrow, live: npt.NDArray[np.bool_]) -> None:
        """Set all that something live has as an operand; places in columns, or negative."""
        columns = [np.ascontiguousarray(column) for column in operands]
        x, y, z = (column.ctypes.data for column in columns)
        self._code.mark(len(live), x, y, z, live.ctypes.data)

    def sites(self, instructions: Ints) -> list[Site]:
        """Where these instructions are."""
        codes = sorted(self._known, key=id)
        starts = [id(code) + self._code.bytecode for code in codes]
        found = []
        for address in instructions.tolist():
            k = bisect_right(starts, address) - 1
            found.append((codes[k], address - starts[k]))
        return found

    def _row(self, made: Traced) -> Any:
        words = self._words()
        return words[np.searchsorted(words[:, 0], made._serial)]

    def operands(self, made: Traced) -> tuple[Any, ...]:
        """The operands of what it recorded: the very Values that it holds, others made again."""
        held = self._held_by_serial()
        serials, ops = self._words()[:, 0], self._code.ops
        row = self._row(made)
        found: list[Any] = []
        for k in range(ops[int(row[5]) & (1 << LITERAL) - 1].arity):
            x = int(row[1 + k])
            at = int(np.searchsorted(serials, x))
            if row[5] >> LITERAL + k & 1:
                found.append(float(row[1 + k : 2 + k].view(np.float64)[0]))
            elif x in held:
                found.append(held[x])
            elif at < len(serials) and serials[at] == x:
                op = ops[int(self._words()[at, 5]) & (1 << LITERAL) - 1]
                found.append(on_tape(made._scope, op, x))
            else:  # it was let go
                gone = Traced(made._scope.labels.get(x, ""), scope=made._scope)
                gone._serial = x  # still older than what was made of it
                found.append(gone)
        return tuple(found)

    def site(self, made: Traced) -> Site:
        """Where that was made."""
        return self.sites(self._row(made)[4:5])[0]

    # -- its end -------------------------------------------------------------------------------

    def close(self) -> None:
        """Record no more."""
        self._is_open = 0

    def let_go(self) -> None:
        """Hold nothing any more: who is held may hold the scope, unseen by Python's collector."""
        held, count = self._held, self._held_count
        self._is_open = self._held = self._held_count = self._held_room = self._numbered = 0
        self._by_serial = {}
        if held:
            self._code.release(held, count)
            self._code.free(held)

    def __del__(self) -> None:
        self.let_go()
        rows, self._rows, self._rows_count, self._rows_room = self._rows, 0, 0, 0
        if rows:
            self._code.free(rows)


def on_tape(scope: Scope, op: Op, serial: int) -> Traced:
    """The traced Value that machine code has recorded under this number, made again."""
    made: Traced = object.__new__(Traced)
    made.grad = 0
    made._entry = op
    made._serial = serial
    made._scope = scope
    return made
