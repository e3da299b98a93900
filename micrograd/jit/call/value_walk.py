"""Machine code that walks the Values under others, and writes them down in columns.

    i64 visit(void **found, i64 newest, i64 left)
    i64 fill(void **found, i64 newest, i64 *const *columns)

Operands are older than what is made of them, so Values are found newest first, which is how they
lie in memory: some tens of nanoseconds each, where Python takes more than a microsecond. `found`
has by serial number each Value that has been found; `left` are, whose operands have not been looked
at. `visit` says how many there are under them, or OTHER; `fill` writes them down, oldest first, and
their places into `found`.

What is not as the engine makes it, subclasses among it, they leave alone; then Python walks.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from lowering import LoweringError
from lowering.bindings import ir

from ...engine import Value
from ...locks import Lock
from ...store import Live
from ..dialect.blocks import new_module
from ..emit.builder import Builder
from ..emit.native import native
from ..target import Target
from ..trace.nodes import LITERAL, Visited
from .callable import LAYOUT, Unexpected, available, immortal, slot_offset, symbols
from .cpython import Objects
from .definitions import MOST_OPERANDS

OTHER = -1
"""What `visit` says where there is something else."""
NEWEST_SERIAL = 1 << 28
"""There is memory for so many serial numbers; it is touched only where there are Values."""
MANY = 1 << 18
"""Values from which on better code is worth it: 16 ms more to compile, 45 ns a Value less."""
COLUMNS = 4 + 2 * MOST_OPERANDS
"""Serial numbers, addresses, ops, labels; places of operands; numbers that are operands."""


def visited(outputs: Sequence[Value]) -> Visited | None:
    """All Values under the outputs, by machine code; None where Python must walk."""
    newest = max((v._serial for v in outputs), default=NEWEST_SERIAL)
    code = _code(newest)
    if code is None or newest >= NEWEST_SERIAL or any(type(v) is not Value for v in outputs):
        return None
    visit, fill = code
    first = {v._serial: id(v) for v in outputs}
    found = np.zeros(newest + 1, dtype=np.int64)
    found[list(first)] = list(first.values())
    n = visit(found.ctypes.data, newest, len(first))
    if n == OTHER:
        return None
    # zeros that nothing is written to take no memory
    columns = [np.zeros(n, dtype=np.int64) for _ in range(4)]
    operands = np.empty((MOST_OPERANDS, n), dtype=np.int32)
    literals = np.zeros((MOST_OPERANDS, n))
    every = [column.ctypes.data for column in (*columns, *operands, *literals)]
    fill(found.ctypes.data, newest, np.array(every, dtype=np.int64).ctypes.data)
    serials, values, entries, labels = columns
    return Visited(serials, values, entries, labels, operands, literals)


_Code = tuple[Callable[[int, int, int], int], Callable[[int, int, int], int]]
_made: list[_Code | None] = []
_lock = Lock()


def _code(newest: int) -> _Code | None:
    """Both functions, compiled once in a process; None where Python must walk."""
    with _lock:
        if not _made:
            _made.append(None)
            if available():
                with suppress(Unexpected, LoweringError):  # nothing is lost but time
                    _made[0] = _compiled(int(newest > MANY))
        return _made[0]


def _compiled(level: int) -> _Code:
    known = dict(symbols()) | {"Value": id(Value), "Live": id(Live), "_Py_NoneStruct": id(None)}
    target = Target.host(np.float64, strict=True)

    def module() -> ir.Module:
        with new_module() as module:
            Walk(Objects(Builder(module, target))).emit()
        return module

    made_from = "walk", LAYOUT, _places(), level
    made = native(module, target, made_from, symbols=known, opt_level=level, passes=False)
    immortal(made)
    kind = ctypes.PYFUNCTYPE(ctypes.c_ssize_t, *[ctypes.c_size_t] * 3)
    visit, fill = (immortal(kind(made.address(name))) for name in ("visit", "fill"))
    return visit, fill


def _places() -> dict[str, int]:
    """Where the slots of Values are: where what is assigned is found."""
    v: Any = Value(1.0)
    fields = {"_serial": 2**40 + 12345, "_entry": object(), "label": "a trial"}
    fields |= {"_operand": object(), "_other": object()}
    for name, x in fields.items():
        setattr(v, name, x)
    found = {name: slot_offset(v, x) for name, x in fields.items()}
    if found["_other"] != found["_operand"] + 8:
        raise Unexpected("operands do not lie side by side")
    return found


class Walk:
    """Appends both functions to the module of `o`."""

    def __init__(self, o: Objects) -> None:
        self.o, self.places = o, _places()

    def emit(self) -> None:
        """Do so."""
        self._visit()
        self._fill()

    def _operands(self, v: ir.Value, otherwise: ir.Block) -> tuple[ir.Value, ir.Value]:
        """Where the operands are, one after the other, and their number."""
        o, b = self.o, self.o.b
        place = self.places["_operand"]
        first, other = o.pointer(v, place), o.pointer(v, place + 8)
        for x in (first, other):
            o.require(b.negated(o.is_null(x)), otherwise)
        listed, own, known = o.block(), o.block(), o.block(o.ptr, o.i64)
        b.branch_if(o.is_a(first, tuple), listed, own)
        b.enter(listed)
        count = o.word(first, LAYOUT.size)
        o.require(o.compare("ule", count, MOST_OPERANDS), otherwise)
        o.go_to(known, o.at(first, LAYOUT.tuple_items), count)
        b.enter(own)
        is_alone = o.compare("eq", other, o.object("_Py_NoneStruct"))
        count = b.build("llvm.select", [o.i64], [is_alone, o.integer(1), o.integer(2)])
        o.go_to(known, o.at(v, place), count)
        b.enter(known)
        return known.arguments[0], known.arguments[1]

    def _serial(self, v: ir.Value, otherwise: ir.Block) -> ir.Value:
        o = self.o
        number = o.pointer(v, self.places["_serial"])
        o.require(o.b.negated(o.is_null(number)), otherwise)
        o.require(o.is_a(number, int), otherwise)
        return o.read_index(number, otherwise)

    def _visit(self) -> None:
        o, b = self.o, self.o.b
        found, newest, first = o.function("visit", [o.ptr, o.i64, o.i64], o.i64).arguments
        head, further, more, done, other = (
            o.block(o.i64, o.i64, o.i64),
            *(o.block() for _ in range(4)),
        )
        o.go_to(head, newest, first, o.integer(0))
        b.enter(head)
        at, left, count = head.arguments
        b.branch_if(o.compare("ne", left, 0), further, done)
        b.enter(further)
        v = b.load(o.at(found, at, o.ptr), o.ptr)
        next = o.integer_op("sub", at, 1)
        b.branch_if(o.is_null(v), head, more, [next, left, count])
        b.enter(more)
        for name in ("_entry", "label"):
            o.require(b.negated(o.is_null(o.pointer(v, self.places[name]))), other)
        operands, n = self._operands(v, other)
        for k in range(MOST_OPERANDS):
            left = self._seen(found, at, left, (operands, n, k), other)
        o.go_to(head, next, o.integer_op("sub", left, 1), o.integer_op("add", count, 1))
        b.enter(done)
        b.leave(count)
        b.enter(other)
        b.leave(o.integer(OTHER))

    def _counts(self, x: ir.Value) -> ir.Value | None:
        """Whether a Value is to be found; None: all are."""
        return None

    def _seen(
        self,
        found: ir.Value,
        at: ir.Value,
        left: ir.Value,
        operand: tuple[ir.Value, ir.Value, int],
        other: ir.Block,
    ) -> ir.Value:
        """Note one of n operands as found; how many Values are left then."""
        o, b = self.o, self.o.b
        operands, n, k = operand
        there, value, live, of_engine, new = (o.block() for _ in range(5))
        behind = o.block(o.i64)
        b.branch_if(o.compare("ugt", n, k), there, behind, [], [left])
        b.enter(there)
        x = o.pointer(operands, 8 * k)
        kind = o.pointer(x, LAYOUT.type)
        b.branch_if(o.has_type(kind, float), behind, value, [left])
        b.enter(value)
        b.branch_if(o.has_type(kind, "Value"), of_engine, live)
        b.enter(live)
        b.branch_if(o.has_type(kind, "Live"), of_engine, other)
        b.enter(of_engine)
        if (counts := self._counts(x)) is not None:
            o.require(counts, behind, left)
        serial = self._serial(x, other)
        o.require(o.compare("ult", serial, at), other)
        mark = o.at(found, serial, o.ptr)
        b.branch_if(o.is_null(o.pointer(mark)), new, behind, [], [left])
        b.enter(new)
        b.store(x, mark)
        o.go_to(behind, o.integer_op("add", left, 1))
        b.enter(behind)
        return behind.arguments[0]

    def _fill(self) -> None:
        o, b = self.o, self.o.b
        found, newest, columns = o.function("fill", [o.ptr, o.i64, o.ptr], o.i64).arguments
        addresses = [o.pointer(columns, 8 * k) for k in range(COLUMNS)]
        room = o.allocate(1, o.i64)
        b.store(o.integer(0), room)
        other = o.block()
        with o.loop(o.integer_op("add", newest, 1)) as at:
            v = b.load(o.at(found, at, o.ptr), o.ptr)
            with b.when(b.negated(o.is_null(v))):
                place = o.word(room)
                known = [at, v, *(o.pointer(v, self.places[name]) for name in ("_entry", "label"))]
                for x, address in zip(known, addresses, strict=False):
                    b.store(x, o.at(address, place, o.i64))
                operands, n = self._operands(v, other)
                for k in range(MOST_OPERANDS):
                    to = o.at(addresses[4 + k], place, o.i32)
                    bits = o.at(addresses[4 + MOST_OPERANDS + k], place, o.i64)
                    b.store(o.int32(-1), to)
                    with b.when(o.compare("ugt", n, k)):
                        self._write(found, o.pointer(operands, 8 * k), to, bits)
                b.store(place, o.at(found, at, o.i64))
                b.store(o.integer_op("add", place, 1), room)
        b.leave(o.word(room))
        b.enter(other)
        b.leave(o.integer(OTHER))

    def _write(self, found: ir.Value, x: ir.Value, to: ir.Value, bits: ir.Value) -> None:
        """Write down an operand: its place, or LITERAL and the number."""
        o, b = self.o, self.o.b
        number, value, other, behind = (o.block() for _ in range(4))
        b.branch_if(o.is_a(x, float), number, value)
        b.enter(number)
        b.store(o.int32(LITERAL), to)
        b.store(o.word(x, LAYOUT.float_value), bits)
        o.go_to(behind)
        b.enter(value)
        own = b.load(o.at(found, self._serial(x, other), o.i64), o.i64)
        b.store(b.build("llvm.trunc", [o.i32], [own]), to)
        o.go_to(behind)
        b.enter(other)  # `visit` would have said so
        o.go_to(behind)
        b.enter(behind)
