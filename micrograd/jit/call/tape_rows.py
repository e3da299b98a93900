"""Emits how machine code appends to a tape: a row, and the traced Value that stands for it.

Where something is in a tape, in bytes, is said here; tape.py makes tapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lowering.bindings import ir

from ...ops import Op
from .callable import LAYOUT
from .counter import COUNT
from .cpython import Objects
from .definitions import MOST_OPERANDS, Definitions
from .frames import C_STACK, Frames

ROWS, HELD = 16, 40
"""Of a tape: where its growing arrays are; address, count and capacity of each."""
TABLE, MASK, LAST, OPEN, RECENT = 64, 72, 80, 88, 96
ROW = 48
"""Bytes of a row: serial number, three operands, the instruction's address, the op's code with a
bit for each operand that is a literal."""
LITERAL = 32
"""The first of these bits."""
OF_USER, OF_MACHINERY = 1, 2
"""What the table of code objects says of one."""
RECENTLY = 10
"""The tape remembers some operands that it holds already: two to this power."""
_SCRAMBLED = 0x9E3779B97F4A7C15 - 2**64
"""Makes an address as good as random in its upper bits (Fibonacci hashing)."""
_FIRST = 1024


@dataclass(frozen=True, slots=True)
class Places:
    """Where the slots of traced Values, and of a scope, are in the objects, in bytes."""

    scope: int
    serial: int
    entry: int
    grad: int
    operand: int
    tape: int


class Rows(Definitions):
    """Appends internal functions to the module of `o`; codes: the numbers of ops in rows."""

    def __init__(self, o: Objects, frames: Frames, places: Places, codes: Mapping[Op, int]) -> None:
        super().__init__(o)
        self.frames, self.places, self.codes = frames, places, codes

    def _emit_rows(self) -> None:
        """All of them."""
        self._lookup()
        self._site()
        self._grow()
        self._hold()
        self._operand()
        self._record()
        for n in range(1, MOST_OPERANDS + 1):
            self._recorded(n)

    def _lookup(self) -> None:
        """The entry of a key in a table of pairs, an i64* that is null if there is none."""
        o, b = self.o, self.o.b
        table, mask, key = self._internal("lookup", [o.ptr, o.i64, o.ptr], o.ptr)
        number = b.build("llvm.ptrtoint", [o.i64], [key])
        first = o.integer_op(
            "xor", o.integer_op("lshr", number, 4), o.integer_op("lshr", number, 12)
        )
        absent = o.block()
        b.leave(o.probed(table, key, first, 16, mask, absent))
        b.enter(absent)
        b.leave(o.null())

    def _site(self) -> None:
        """The address of the instruction that the user's code is at; 0 for an unknown one."""
        o, b, f = self.o, self.o.b, self.frames
        (tape,) = self._internal("site", [o.ptr], o.i64)
        frame = o.pointer(o.call("PyThreadState_Get"), f.current)
        if f.inside is not None:
            frame = o.pointer(frame, f.inside)
        head, function, here = o.block(o.ptr, o.i64), o.block(), o.block()
        known, users, outwards = o.block(), o.block(), o.block()
        outermost, unknown = o.block(), o.block()
        o.go_to(head, frame, o.integer(0))
        b.enter(head)
        frame, inner = head.arguments
        b.branch_if(o.is_null(frame), outermost, function)
        b.enter(outermost)
        b.leave(inner)
        b.enter(function)
        if f.owner is not None:
            owner = b.load(o.at(frame, f.owner), o.i8)
            is_c = b.compare_integers("eq", owner, b.constant_integer(C_STACK, o.i8))
            b.branch_if(is_c, outwards, here, [], [])
        else:
            o.go_to(here)
        b.enter(here)
        code, instruction = o.pointer(frame, f.code), o.word(frame, f.instruction)
        look = o.block()
        b.branch_if(o.compare("eq", code, o.pointer(tape, LAST)), users, look)
        b.enter(look)
        entry = b.call("lookup", [o.pointer(tape, TABLE), o.word(tape, MASK), code], o.ptr)
        b.branch_if(o.is_null(entry), unknown, known)
        b.enter(known)
        through = o.block()
        kept = o.block()
        b.branch_if(o.compare("eq", o.word(entry, 8), OF_USER), kept, through)
        b.enter(kept)
        b.store(code, o.at(tape, LAST))
        o.go_to(users)
        b.enter(users)
        b.leave(instruction)
        b.enter(through)
        o.go_to(head, o.pointer(frame, f.previous), instruction)
        b.enter(outwards)
        o.go_to(head, o.pointer(frame, f.previous), inner)
        b.enter(unknown)
        b.leave(o.integer(0))

    def _grow(self) -> None:
        """Whether there is room for one more in an array, of items of so many bytes."""
        o, b = self.o, self.o.b
        array, size = self._internal("grow", [o.ptr, o.i64], o.i1)
        enough, full, failed, grown = o.block(), o.block(), o.block(), o.block()
        capacity = o.word(array, 16)
        b.branch_if(o.compare("ult", o.word(array, 8), capacity), enough, full)
        b.enter(full)
        twice = o.integer_op("add", o.integer_op("shl", capacity, 1), _FIRST)
        found = o.call("PyMem_RawRealloc", o.pointer(array), o.integer_op("mul", twice, size))
        b.branch_if(o.is_null(found), failed, grown)
        b.enter(grown)
        b.store(found, array)
        b.store(twice, o.at(array, 16))
        o.go_to(enough)
        b.enter(enough)
        b.leave(b.constant_op(ir.BoolAttr.get(True), o.i1))
        b.enter(failed)
        b.leave(b.constant_op(ir.BoolAttr.get(False), o.i1))

    def _hold(self) -> None:
        """Whether the tape holds an object now, if it did not before."""
        o, b = self.o, self.o.b
        tape, x = self._internal("hold", [o.ptr, o.ptr], o.i1)
        held, new, failed = o.block(), o.block(), o.block()
        number = b.build("llvm.ptrtoint", [o.i64], [x])
        at = o.integer_op("lshr", o.integer_op("mul", number, _SCRAMBLED), 64 - RECENTLY)
        recent = o.at(o.pointer(tape, RECENT), at, o.ptr)
        b.branch_if(o.compare("eq", o.pointer(recent), x), held, new)
        b.enter(new)
        array = o.at(tape, HELD)
        o.require(b.call("grow", [array, o.integer(8)], o.i1), failed)
        count = o.word(array, 8)
        b.store(x, o.at(o.pointer(array), count, o.ptr))
        b.store(o.integer_op("add", count, 1), o.at(array, 8))
        o.call("Py_IncRef", x)
        b.store(x, recent)
        o.go_to(held)
        b.enter(held)
        b.leave(b.constant_op(ir.BoolAttr.get(True), o.i1))
        b.enter(failed)
        b.leave(b.constant_op(ir.BoolAttr.get(False), o.i1))

    def _serial_of(self, x: ir.Value, otherwise: ir.Block) -> ir.Value:
        """The serial number of a Value."""
        o, b = self.o, self.o.b
        number = o.pointer(x, self.places.serial)
        o.require(b.negated(o.is_null(number)), otherwise)
        return o.read_index(number, otherwise)

    def _operand(self) -> None:
        """What an operand is in a row, written to `to`: 1 for a serial number, 2 for the bits of a
        number; 0 for what is neither.
        """
        o, b, p = self.o, self.o.b, self.places
        tape, scope, x, to = self._internal("operand", [o.ptr] * 4, o.i64)
        other, traced, value, number = (o.block() for _ in range(4))
        on_tape, holding, live = o.block(), o.block(), o.block()
        kind = o.pointer(x, LAYOUT.type)
        b.branch_if(o.has_type(kind, "Traced"), traced, value)
        b.enter(traced)
        o.require(o.compare("eq", o.pointer(x, p.scope), scope), other)
        b.branch_if(o.is_null(o.pointer(x, p.operand)), on_tape, holding)
        b.enter(value)
        b.branch_if(o.has_type(kind, "Value"), holding, live)
        b.enter(live)
        b.branch_if(o.has_type(kind, "Live"), holding, number)
        b.enter(holding)
        o.require(b.call("hold", [tape, x], o.i1), other)
        o.go_to(on_tape)
        b.enter(on_tape)
        b.store(self._serial_of(x, other), to)
        b.leave(o.integer(1))
        b.enter(number)
        b.store(o.read_number(x, other), to)
        b.leave(o.integer(2))
        b.enter(other)
        b.leave(o.integer(0))

    def _record(self) -> None:
        """A new traced Value with its row; null where Python must say what is to be done."""
        o, b, p = self.o, self.o.b, self.places
        arguments = self._internal("record", [o.ptr, o.ptr, o.i64, o.i64, o.i64, o.i64], o.ptr)
        scope, tape, word, *operands = arguments
        other, failed, undo = o.block(), o.block(), o.block(o.ptr)
        site = b.call("site", [tape], o.i64)
        o.require(o.compare("ne", site, 0), other)
        # which may look for garbage, and so run code that records
        made = o.call("PyType_GenericAlloc", o.object("Traced"), o.integer(0))
        o.require(b.negated(o.is_null(made)), failed)
        array = o.at(tape, ROWS)
        o.require(b.call("grow", [array, o.integer(ROW)], o.i1), undo, made)
        counter = o.at(o.object("next_serial"), COUNT)
        serial = o.word(counter)
        number = o.call("PyLong_FromSsize_t", serial)
        o.require(b.negated(o.is_null(number)), undo, made)
        b.store(o.integer_op("add", serial, 1), counter)
        code = o.integer_op("and", word, 2**LITERAL - 1)
        op = b.load(o.at(o.object("op_table"), code, o.ptr), o.ptr)
        zero = o.object("zero")
        for x in (op, scope, zero):
            o.call("Py_IncRef", x)
        for x, place in ((number, p.serial), (op, p.entry), (scope, p.scope), (zero, p.grad)):
            b.store(x, o.at(made, place))
        count = o.word(array, 8)
        row = o.at(o.pointer(array), o.integer_op("mul", count, ROW))
        for k, x in enumerate([serial, *operands, site, word]):
            b.store(x, o.at(row, 8 * k))
        b.store(o.integer_op("add", count, 1), o.at(array, 8))
        b.leave(made)
        b.enter(undo)
        o.call("Py_DecRef", undo.arguments[0])
        o.go_to(failed)
        b.enter(failed)
        o.call("PyErr_Clear")
        o.go_to(other)
        b.enter(other)
        b.leave(o.null())

    def _tape_of(self, scope: ir.Value, otherwise: ir.Block) -> ir.Value:
        """The tape of a scope, which is open."""
        o, b = self.o, self.o.b
        o.require(b.negated(o.is_null(scope)), otherwise)
        tape = o.pointer(scope, self.places.tape)
        o.require(b.negated(o.is_null(tape)), otherwise)
        o.require(o.has_type(o.pointer(tape, LAYOUT.type), "Tape"), otherwise)
        o.require(o.compare("ne", o.word(tape, OPEN), 0), otherwise)
        return tape

    def _literal(self, kind: ir.Value, k: int) -> ir.Value:
        """The bit that says that an operand is a literal."""
        return self.o.integer_op("shl", self.o.integer_op("lshr", kind, 1), LITERAL + k)

    def _recorded(self, n: int) -> None:
        """What an op of n operands gives, one of which is traced; null where Python must say."""
        o, b, p = self.o, self.o.b, self.places
        *operands, code = self._internal(f"recorded.{n}", [*[o.ptr] * n, o.i64], o.ptr)
        rooms = [o.allocate(1, o.i64) for _ in range(n)]
        other, found = o.block(), o.block(o.ptr)
        for x in operands:
            is_it, further = o.block(), o.block()
            b.branch_if(o.is_a(x, "Traced"), is_it, further)
            b.enter(is_it)
            o.go_to(found, o.pointer(x, p.scope))
            b.enter(further)
        o.go_to(other)
        b.enter(found)
        scope = found.arguments[0]
        tape = self._tape_of(scope, other)
        word: ir.Value = code
        for k, (x, room) in enumerate(zip(operands, rooms, strict=True)):
            kind = b.call("operand", [tape, scope, x, room], o.i64)
            o.require(o.compare("ne", kind, 0), other)
            is_literal = o.integer_op("lshr", kind, 1)
            word = o.integer_op("or", word, o.integer_op("shl", is_literal, LITERAL + k))
        row = [*map(o.word, rooms), *(o.integer(0) for _ in range(MOST_OPERANDS - n))]
        b.leave(b.call("record", [scope, tape, word, *row], o.ptr))
        b.enter(other)
        b.leave(o.null())
