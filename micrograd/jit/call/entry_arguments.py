"""The arguments of a call -> what `main` gets: numbers, and addresses of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from lowering.bindings import ir

from ...real_types import BY_BITS
from ..trace.signature import Container, count
from .callable import LAYOUT
from .entry_frame import Frame
from .entry_structures import MOST_INLINE, runs
from .marshalling import converted_from
from .ndarrays import ALIGNED, ARRAY, CONTIGUOUS, dimensions, usable


class Arguments(Frame):
    """Reads arguments; those that do not fit go to `other`."""

    def _arguments(self, args: ir.Value, room: ir.Value) -> list[ir.Value]:
        """What `main` gets; arguments that do not fit go to `other`."""
        o = self.o
        passed = []
        leaf = 0
        for start, end in runs(self.parameters):
            to = o.at(room, leaf * o.number_size)
            name, s = self.convention.parameters[start]
            if isinstance(s, Container):
                x = o.pointer(args, 8 * start)
                passed.append(self._container(x, s, to, name in self.convention.sequences))
            else:
                passed += self._scalars(o.at(args, 8 * start), end - start, to)
            leaf += sum(count(s) for _, s in self.convention.parameters[start:end])
        return passed

    def _scalars(self, items: ir.Value, n: int, room: ir.Value) -> list[ir.Value]:
        """Numbers in a row: at once if all are floats, else by way of `room`."""
        o, b = self.o, self.b
        if n > MOST_INLINE:
            self._read_numbers(items, n, room)
            return self._loaded(room, n)
        objects = [o.pointer(items, 8 * k) for k in range(n)]
        floats = [o.is_a(x, float) for x in objects]
        known = b.block.create_after(*[o.number] * n)
        fast, slow = b.block.create_after(), o.block()
        o.b.branch_if(o.all(floats), fast, slow)
        b.enter(fast)
        read = [b.load(o.at(x, LAYOUT.float_value), o.f64) for x in objects]
        b.branch(known, [o.narrowed(x) for x in read])
        b.enter(slow)
        self._read_numbers(items, n, room)
        b.branch(known, self._loaded(room, n))
        b.enter(known)
        return list(known.arguments)

    def _read_numbers(self, items: ir.Value, n: int, to: ir.Value) -> None:
        o = self.o
        o.require(o.call("read_numbers", items, o.integer(n), to), self.other)

    def _loaded(self, room: ir.Value, n: int) -> list[ir.Value]:
        o = self.o
        return [self.b.load(o.at(room, k * o.number_size), o.number) for k in range(n)]

    def _container(self, x: ir.Value, s: Container, room: ir.Value, is_sequence: bool) -> ir.Value:
        """The address of the numbers of an argument: `room`, or where an array has them."""
        if s.type is np.ndarray:
            return self._array(x, s.keys, room)
        if is_sequence and usable():
            return self._sequence(x, len(s.items), room)
        self._read(x, s, room)
        return room

    def _read(self, x: ir.Value, s: Container, room: ir.Value) -> None:
        """Copy the leaves of an object of this structure to `room`."""
        o = self.o
        if s in self.places:
            table = o.b.address(self._table_name(s))
            found = o.call("read_object", x, table, o.integer(self.places[s]), room)
            o.require(o.compare("ne", found, -1), self.other)
            return
        o.require(o.is_a(x, s.type), self.other)
        o.require(o.compare("eq", o.word(x, LAYOUT.size), len(s.items)), self.other)
        items = o.pointer(x, LAYOUT.list_items) if s.type is list else o.at(x, LAYOUT.tuple_items)
        if s.is_flat:
            self._read_numbers(items, len(s.items), room)
            return
        leaf = 0
        for start, end in runs(s.items):
            to = o.at(room, leaf * o.number_size)
            item = s.items[start]
            if isinstance(item, Container):
                self._read(o.pointer(items, 8 * start), item, to)
            else:
                self._read_numbers(o.at(items, 8 * start), end - start, to)
            leaf += sum(map(count, s.items[start:end]))

    def _sequence(self, x: ir.Value, n: int, room: ir.Value) -> ir.Value:
        """The address of the numbers of a list, a tuple or an array: its own data, or `room`."""
        o = self.o
        is_list, no_list, is_tuple, array = (o.block() for _ in range(4))
        items, known = o.block(o.ptr), o.block(o.ptr)
        o.b.branch_if(o.is_a(x, list), is_list, no_list)
        o.b.enter(no_list)
        o.b.branch_if(o.is_a(x, tuple), is_tuple, array)
        for block in (is_list, is_tuple):
            o.b.enter(block)
            o.require(o.compare("eq", o.word(x, LAYOUT.size), n), self.other)
            if block is is_list:
                o.go_to(items, o.pointer(x, LAYOUT.list_items))
            else:
                o.go_to(items, o.at(x, LAYOUT.tuple_items))
        o.b.enter(items)
        self._read_numbers(items.arguments[0], n, room)
        o.go_to(known, room)
        o.b.enter(array)
        o.go_to(known, self._array(x, (n,), room))
        o.b.enter(known)
        address: ir.Value = known.arguments[0]
        return address

    def _array(self, x: ir.Value, shape: Sequence[int], room: ir.Value) -> ir.Value:
        """The address of the numbers of an array of this shape: its own data, or `room`."""
        o = self.o
        known, converted = o.block(o.ptr), o.block()
        o.require(o.is_a(x, np.ndarray), self.other)
        o.require(o.compare("eq", dimensions(o, x), len(shape)), self.other)
        sizes = o.pointer(x, ARRAY.shape)
        for d, size in enumerate(shape):
            o.require(o.compare("eq", o.word(sizes, 8 * d), size), self.other)
        descr, data = o.pointer(x, ARRAY.descr), o.pointer(x, ARRAY.data)
        has = o.integer_op("and", o.word(x, ARRAY.flags), CONTIGUOUS | ALIGNED)
        o.require(o.compare("eq", has, CONTIGUOUS | ALIGNED), self.other)
        own, other = (str(t.dtype) for t in (BY_BITS[o.b.bits], converted_from(o.b.bits)))
        o.b.branch_if(o.compare("eq", descr, o.object(own)), known, converted, [data])
        o.b.enter(converted)
        o.require(o.compare("eq", descr, o.object(other)), self.other)
        o.call("convert", data, o.integer(prod(shape)), room)
        o.go_to(known, room)
        o.b.enter(known)
        address: ir.Value = known.arguments[0]
        return address
