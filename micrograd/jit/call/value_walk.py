"""Machine code that walks the Values under others, and writes them down in columns.

    i64 visit(i64 *state)
    i64 fill(i64 n, PyObject **queue, const i64 *place, const i32 *known, i64 *const *columns)

`visit` appends to the queue, breadth first, each Value that one in it has for an operand: some tens
of nanoseconds each, where Python takes more than a microsecond. Its state:

    queue    the address of the Values found so far, `count` of `room`; `head` of them are seen to
    known    by serial number up to `newest`: one more than the place in the queue, or 0
    serials  of what is in the queue

`fill` writes what is asked of each Value where its place says. Both leave alone what is not as the
engine makes it, subclasses among it; then Python walks.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from lowering import LoweringError
from lowering.bindings import context, ir

from ...engine import Value
from ...locks import Lock
from ...store import Live
from ..dialect.blocks import new_module
from ..emit.builder import Builder
from ..emit.native import native
from ..target import Target
from ..trace.nodes import LITERAL, Ints, Visited
from .callable import LAYOUT, Unexpected, available, immortal, slot_offset, symbols
from .cpython import Objects

QUEUE, HEAD, COUNT, ROOM, KNOWN, NEWEST, SERIALS = (8 * k for k in range(7))
DONE, FULL, OTHER = range(3)
"""What `visit` says: all is in the queue, which has no room, or there is something else."""
MOST_OPERANDS = 3
FIRST_ROOM = 1 << 16
NEWEST_SERIAL = 1 << 28
"""There is memory for so many serial numbers; it is touched only where there are Values."""
COLUMNS = 3 + 2 * MOST_OPERANDS
"""Of what `fill` writes: addresses, ops, labels; operands' places; numbers that are operands."""


def visited(outputs: Sequence[Value]) -> Visited | None:
    """All Values under the outputs, by machine code; None where Python must walk."""
    code = _code()
    newest = max((v._serial for v in outputs), default=NEWEST_SERIAL)
    if code is None or newest >= NEWEST_SERIAL or any(type(v) is not Value for v in outputs):
        return None
    visit, fill = code
    first = {v._serial: v for v in outputs}
    known = np.zeros(newest + 1, dtype=np.int32)
    known[list(first)] = np.arange(1, len(first) + 1)
    count, room = len(first), max(FIRST_ROOM, 2 * len(first))
    queue, serials = np.zeros((2, room), dtype=np.int64)
    queue[:count], serials[:count] = [id(v) for v in first.values()], list(first)
    state = np.array([0, 0, count, 0, known.ctypes.data, newest, 0], dtype=np.int64)
    answer = FULL
    while answer == FULL:
        count = int(state[COUNT // 8])
        if state[ROOM // 8]:
            room *= 4
            queue, serials = (_larger(column[:count], room) for column in (queue, serials))
        state[ROOM // 8] = room
        state[QUEUE // 8], state[SERIALS // 8] = queue.ctypes.data, serials.ctypes.data
        answer = visit(state.ctypes.data)
    if answer == OTHER:
        return None
    n = int(state[COUNT // 8])
    order = np.argsort(serials[:n], kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(n)
    columns = np.zeros((COLUMNS, n), dtype=np.int64)
    columns[3 : 3 + MOST_OPERANDS] = -1
    addresses = np.array([column.ctypes.data for column in columns], dtype=np.int64)
    arrays = (queue, place, known, addresses)
    if fill(n, *(a.ctypes.data for a in arrays)) == OTHER or not columns[1:3].all():
        return None
    values, entries, labels = columns[:3]
    operands, literals = columns[3 : 3 + MOST_OPERANDS], columns[3 + MOST_OPERANDS :]
    return Visited(serials[order], values, entries, labels, operands, literals.view(np.float64))


def _larger(column: Ints, room: int) -> Ints:
    larger = np.zeros(room, dtype=np.int64)
    larger[: len(column)] = column
    return larger


_Code = tuple[Callable[[int], int], Callable[[int, int, int, int, int], int]]
_made: list[_Code | None] = []
_lock = Lock()


def _code() -> _Code | None:
    """Both functions, compiled once in a process; None where Python must walk."""
    with _lock:
        if not _made:
            _made.append(None)
            if available():
                with suppress(Unexpected, LoweringError):  # nothing is lost but time
                    _made[0] = _compiled()
        return _made[0]


def _compiled() -> _Code:
    known = dict(symbols()) | {"Value": id(Value), "Live": id(Live)}
    with context():
        target = Target.host(np.float64, strict=True)
        with new_module() as module:
            _Walk(Objects(Builder(module, target))).emit()
        made = native(module, target, symbols=known, opt_level=1, passes=False)
    immortal(made)
    visit, fill = (
        immortal(ctypes.PYFUNCTYPE(ctypes.c_ssize_t, *[ctypes.c_size_t] * n)(made.address(name)))
        for name, n in (("visit", 1), ("fill", 5))
    )
    return visit, fill


def _places() -> dict[str, int]:
    """Where the slots of Values are: where what is assigned is found."""
    v: Any = Value(1.0)
    fields = {"_serial": 2**40 + 12345, "_entry": object(), "label": "a trial"}
    fields["_operands"] = (1.5, 2.5)
    for name, x in fields.items():
        setattr(v, name, x)
    return {name: slot_offset(v, x) for name, x in fields.items()}


class _Walk:
    """Appends both functions to the module of `o`."""

    def __init__(self, o: Objects) -> None:
        self.o, self.places = o, _places()

    def emit(self) -> None:
        """Do so."""
        self._visit()
        self._fill()

    def _operands(self, v: ir.Value, otherwise: ir.Block) -> tuple[ir.Value, ir.Value]:
        """The tuple of operands, and their number."""
        o = self.o
        operands = o.pointer(v, self.places["_operands"])
        o.require(o.b.negated(o.is_null(operands)), otherwise)
        o.require(o.is_a(operands, tuple), otherwise)
        count = o.word(operands, LAYOUT.size)
        o.require(o.compare("ule", count, MOST_OPERANDS), otherwise)
        return operands, count

    def _serial(self, v: ir.Value, otherwise: ir.Block) -> ir.Value:
        o = self.o
        number = o.pointer(v, self.places["_serial"])
        o.require(o.b.negated(o.is_null(number)), otherwise)
        o.require(o.is_a(number, int), otherwise)
        return o.read_index(number, otherwise)

    def _visit(self) -> None:
        o, b = self.o, self.o.b
        (state,) = o.function("visit", [o.ptr], o.i64).arguments
        queue, room = o.pointer(state, QUEUE), o.word(state, ROOM)
        known, newest = o.pointer(state, KNOWN), o.word(state, NEWEST)
        serials = o.pointer(state, SERIALS)
        head, more, done, full, other = (o.block(o.i64, o.i64), *(o.block() for _ in range(4)))
        o.go_to(head, o.word(state, HEAD), o.word(state, COUNT))
        b.enter(head)
        at, count = head.arguments
        b.store(at, o.at(state, HEAD))
        b.store(count, o.at(state, COUNT))
        b.branch_if(o.compare("ult", at, count), more, done)
        b.enter(more)
        o.require(o.compare("ule", o.integer_op("add", count, MOST_OPERANDS), room), full)
        operands, n = self._operands(b.load(o.at(queue, at, o.ptr), o.ptr), other)
        item, look, seen = o.block(o.i64, o.i64), o.block(), o.block(o.i64)
        after = o.integer_op("add", at, 1)
        o.go_to(item, o.integer(0), count)
        b.enter(item)
        k, count = item.arguments
        b.branch_if(o.compare("ult", k, n), look, head, [], [after, count])
        b.enter(look)
        x = b.load(o.at(o.at(operands, LAYOUT.tuple_items), k, o.ptr), o.ptr)
        kind = o.pointer(x, LAYOUT.type)
        value, live, of_engine, new = (o.block() for _ in range(4))
        b.branch_if(o.has_type(kind, float), seen, value, [count])
        b.enter(value)
        b.branch_if(o.has_type(kind, "Value"), of_engine, live)
        b.enter(live)
        b.branch_if(o.has_type(kind, "Live"), of_engine, other)
        b.enter(of_engine)
        serial = self._serial(x, other)
        o.require(o.compare("ule", serial, newest), other)
        mark = o.at(known, serial, o.i32)
        is_new = o.compare("eq", b.load(mark, o.i32), o.int32(0))
        b.branch_if(is_new, new, seen, [], [count])
        b.enter(new)
        one_more = o.integer_op("add", count, 1)
        b.store(b.build("llvm.trunc", [o.i32], [one_more]), mark)
        b.store(x, o.at(queue, count, o.ptr))
        b.store(serial, o.at(serials, count, o.i64))
        o.go_to(seen, one_more)
        b.enter(seen)
        o.go_to(item, o.integer_op("add", k, 1), seen.arguments[0])
        for block, answer in ((done, DONE), (full, FULL), (other, OTHER)):
            b.enter(block)
            b.leave(o.integer(answer))

    def _fill(self) -> None:
        o, b = self.o, self.o.b
        start = o.function("fill", [o.i64, *[o.ptr] * 4], o.i64)
        n, queue, place, known, columns = start.arguments
        addresses = [o.pointer(columns, 8 * k) for k in range(COLUMNS)]
        other = o.block()
        with o.loop(n) as index:
            v = b.load(o.at(queue, index, o.ptr), o.ptr)
            at = b.load(o.at(place, index, o.i64), o.i64)
            b.store(v, o.at(addresses[0], at, o.ptr))
            for column, name in enumerate(("_entry", "label"), 1):
                b.store(o.pointer(v, self.places[name]), o.at(addresses[column], at, o.ptr))
            operands, count = self._operands(v, other)
            for k in range(MOST_OPERANDS):
                with b.when(o.compare("ugt", count, k)):
                    x = o.pointer(operands, LAYOUT.tuple_items + 8 * k)
                    to = o.at(addresses[3 + k], at, o.i64)
                    number, value, behind = o.block(), o.block(), o.block()
                    b.branch_if(o.is_a(x, float), number, value)
                    b.enter(number)
                    b.store(o.integer(LITERAL), to)
                    bits = o.word(x, LAYOUT.float_value)
                    b.store(bits, o.at(addresses[3 + MOST_OPERANDS + k], at, o.i64))
                    o.go_to(behind)
                    b.enter(value)
                    mark = b.load(o.at(known, self._serial(x, other), o.i32), o.i32)
                    found = b.build("llvm.zext", [o.i64], [mark])
                    found = o.integer_op("sub", found, 1)
                    b.store(b.load(o.at(place, found, o.i64), o.i64), to)
                    o.go_to(behind)
                    b.enter(behind)
        b.leave(o.integer(DONE))
        b.enter(other)
        b.leave(o.integer(OTHER))
