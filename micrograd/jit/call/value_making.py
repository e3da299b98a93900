"""Emits how machine code makes an eager Value: its operands read, the op on their numbers, the
object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lowering.bindings import ir

from ...ops import Op
from .callable import LAYOUT
from .counter import COUNT
from .cpython import Objects
from .definitions import Definitions

NO_NUMBER, AS_IT_IS, CONVERTED = range(3)
"""What an operand is: none; a Value or a float; another number, which becomes a float."""
_LARGEST = float.fromhex("0x1.fffffffffffffp+1023")


@dataclass(frozen=True, slots=True)
class Places:
    """Where the slots of Values are in the objects, in bytes; and a store's for its address."""

    data: int
    entry: int
    operand: int
    other: int
    serial: int
    home: int
    grad: int
    label: int
    address: int


class Making(Definitions):
    """Appends internal functions to the module of `o`, and `OP.number` of ops: their functions on
    numbers.
    """

    def __init__(self, o: Objects, places: Places) -> None:
        super().__init__(o)
        self.places = places

    def _emit_making(self, ops: Sequence[Op]) -> None:
        """All of them."""
        for op in ops:
            self._number(op)
        self._read()
        self._make()
        self._apply_1()
        self._apply_2()
        self._apply_3()

    def _is_value(self, x: ir.Value) -> ir.Value:
        """Whether this is a Value of the engine's own class, live or not."""
        o = self.o
        kind = o.pointer(x, LAYOUT.type)
        either = [o.has_type(kind, "Value"), o.has_type(kind, "Live")]
        return o.b.build("llvm.or", [o.i1], either)

    def _number(self, op: Op) -> None:
        o, b = self.o, self.o.b
        start = o.function(f"{op.name}.number", [o.f64] * op.arity, o.f64)
        b.leave(b.apply(op, list(start.arguments)))

    def _read(self) -> None:
        """What an operand is; its number is written to `to`."""
        o, b = self.o, self.o.b
        x, to = self._internal("read", [o.ptr, o.ptr], o.i64)
        value, live, other, number, converted = (o.block() for _ in range(5))
        kind = o.pointer(x, LAYOUT.type)
        b.branch_if(o.has_type(kind, "Value"), value, live)
        b.enter(live)
        o.require(o.has_type(kind, "Live"), number)
        home = o.pointer(x, self.places.home)
        o.require(b.negated(o.is_null(home)), other)
        o.require(o.is_a(home, tuple), other)
        store, index = (o.pointer(home, LAYOUT.tuple_items + 8 * k) for k in (0, 1))
        start = o.read_index(o.pointer(store, self.places.address), other)
        shift = o.integer_op("shl", o.read_index(index, other), 3)
        at = b.build("llvm.inttoptr", [o.ptr], [o.integer_op("add", start, shift)])
        b.store(b.load(at, o.f64), to)
        b.leave(o.integer(AS_IT_IS))
        b.enter(value)
        data = o.pointer(x, self.places.data)
        o.require(b.negated(o.is_null(data)), other)
        o.require(o.is_a(data, float), other)
        b.store(o.word(data, LAYOUT.float_value), to)
        b.leave(o.integer(AS_IT_IS))
        b.enter(number)
        o.require(o.has_type(kind, float), converted)
        b.store(o.word(x, LAYOUT.float_value), to)
        b.leave(o.integer(AS_IT_IS))
        b.enter(converted)
        b.store(o.read_number(x, other), to)
        b.leave(o.integer(CONVERTED))
        b.enter(other)
        b.leave(o.integer(NO_NUMBER))

    def _make(self) -> None:
        """A new Value of an op and operands, to which it takes references, and of a number; null if
        that is not finite, or if there is no memory.
        """
        o, b, p = self.o, self.o.b, self.places
        op, operand, other, number = self._internal("make", [o.ptr, o.ptr, o.ptr, o.f64], o.ptr)
        python, failed, undo = o.block(), o.block(), o.block(o.ptr)
        size = b.build("llvm.intr.fabs", [o.f64], [number])
        o.require(b.compare_numbers("ole", size, b.constant(_LARGEST)), python)
        # which may look for garbage, and so run code of Python
        made = o.call("PyType_GenericAlloc", o.object("Value"), o.integer(0))
        o.require(b.negated(o.is_null(made)), failed)
        data = o.call("PyFloat_FromDouble", number)
        o.require(b.negated(o.is_null(data)), undo, made)
        b.store(data, o.at(made, p.data))
        counter = o.at(o.object("next_serial"), COUNT)
        count = o.word(counter)
        serial = o.call("PyLong_FromSsize_t", count)
        o.require(b.negated(o.is_null(serial)), undo, made)
        b.store(serial, o.at(made, p.serial))
        b.store(o.integer_op("add", count, 1), counter)
        fields = [(op, p.entry), (operand, p.operand), (other, p.other)]
        fields += [(o.object("zero"), p.grad), (o.object("no_label"), p.label)]
        for x, place in fields:
            o.call("Py_IncRef", x)
            b.store(x, o.at(made, place))
        b.leave(made)
        b.enter(undo)
        o.call("Py_DecRef", undo.arguments[0])
        o.go_to(failed)
        b.enter(failed)
        o.call("PyErr_Clear")
        o.go_to(python)
        b.enter(python)
        b.leave(o.null())

    def _apply_1(self) -> None:
        """The Value of an op of one operand, by its function on numbers; null where Python must
        say.
        """
        o, b = self.o, self.o.b
        op, function, x = self._internal("apply.1", [o.ptr] * 3, o.ptr)
        room, python = o.allocate(1, o.f64), o.block()
        o.require(self._is_value(x), python)
        o.require(o.compare("eq", b.call("read", [x, room], o.i64), AS_IT_IS), python)
        number = b.call(function, [b.load(room, o.f64)], o.f64)
        b.leave(b.call("make", [op, x, o.object("_Py_NoneStruct"), number], o.ptr))
        b.enter(python)
        b.leave(o.null())

    def _apply_2(self) -> None:
        """The Value of an op of two operands, as `_apply_1` makes it."""
        o, b = self.o, self.o.b
        op, function, *operands = self._internal("apply.2", [o.ptr] * 4, o.ptr)
        rooms = [o.allocate(1, o.f64) for _ in operands]
        python, values = o.block(), o.block()
        x, y = operands
        second = o.block()
        b.branch_if(self._is_value(x), values, second)
        b.enter(second)
        b.branch_if(self._is_value(y), values, python)
        b.enter(values)
        kinds = []
        for operand, room in zip(operands, rooms, strict=True):
            kinds.append(b.call("read", [operand, room], o.i64))
            o.require(o.compare("ne", kinds[-1], NO_NUMBER), python)
        number = b.call(function, [b.load(room, o.f64) for room in rooms], o.f64)
        for k in (0, 1):  # one at most is no Value
            new, rest, failed = o.block(), o.block(), o.block()
            b.branch_if(o.compare("eq", kinds[k], CONVERTED), new, rest)
            b.enter(new)
            made = o.call("PyFloat_FromDouble", b.load(rooms[k], o.f64))
            o.require(b.negated(o.is_null(made)), failed)
            pair = [made, y] if k == 0 else [x, made]
            result = b.call("make", [op, *pair, number], o.ptr)
            o.call("Py_DecRef", made)
            b.leave(result)
            b.enter(failed)
            o.call("PyErr_Clear")
            o.go_to(python)
            b.enter(rest)
        b.leave(b.call("make", [op, x, y, number], o.ptr))
        b.enter(python)
        b.leave(o.null())

    def _apply_3(self) -> None:
        """The Value of an op of three operands, which lie in a tuple, as `_apply_1` makes it."""
        o, b = self.o, self.o.b
        op, function, *operands = self._internal("apply.3", [o.ptr] * 5, o.ptr)
        rooms = [o.allocate(1, o.f64) for _ in operands]
        python, values, failed, undo = (o.block() for _ in range(4))
        for x in operands:
            further = o.block()
            b.branch_if(self._is_value(x), values, further)
            b.enter(further)
        o.go_to(python)
        b.enter(values)
        kinds = []
        for x, room in zip(operands, rooms, strict=True):
            kinds.append(b.call("read", [x, room], o.i64))
            o.require(o.compare("ne", kinds[-1], NO_NUMBER), python)
        listed = o.call("PyTuple_New", o.integer(3))
        o.require(b.negated(o.is_null(listed)), failed)
        for k, (x, kind, room) in enumerate(zip(operands, kinds, rooms, strict=True)):
            new, same, held = o.block(), o.block(), o.block(o.ptr)
            b.branch_if(o.compare("eq", kind, CONVERTED), new, same)
            b.enter(new)
            number = o.call("PyFloat_FromDouble", b.load(room, o.f64))
            o.require(b.negated(o.is_null(number)), undo)
            o.go_to(held, number)
            b.enter(same)
            o.call("Py_IncRef", x)
            o.go_to(held, x)
            b.enter(held)
            b.store(held.arguments[0], o.at(listed, LAYOUT.tuple_items + 8 * k))
        number = b.call(function, [b.load(room, o.f64) for room in rooms], o.f64)
        made = b.call("make", [op, listed, o.object("_Py_NoneStruct"), number], o.ptr)
        o.call("Py_DecRef", listed)
        b.leave(made)
        b.enter(undo)
        o.call("Py_DecRef", listed)
        o.go_to(failed)
        b.enter(failed)
        o.call("PyErr_Clear")
        o.go_to(python)
        b.enter(python)
        b.leave(o.null())
