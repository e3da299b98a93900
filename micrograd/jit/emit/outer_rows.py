"""Emits the function that C calls around a `main` that adds up a block of rows of data: it runs
over all rows, in parts that have sums of their own, as calls in Python do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lowering.bindings import ir

from ..ir.program import Program
from .builder import Builder
from .call_memory import CallMemory
from .interface import Interface
from .outer import ARRAY, INTEGER, NUMBER
from .over_rows import OVER_ROWS, emit_over_rows


@dataclass(frozen=True, slots=True)
class OverRows:
    """The function.

    arguments   how they are passed
    given       which of them an array of `main` is, by its name
    rows, out   which are the number of rows, and what is written, if anything is
    returns     whether the first result is returned, and not written
    moving      how many numbers a row has, of the arrays that have rows
    size        rows of a block
    parts       sums that the rows are divided into, at most
    states      what `main` adds to, in the order of the results, and how many numbers each has
    value       the array of a number for each row, whose sum is the first result; '': it is a state
    backwards   whether the rows are gone through from the last to the first
    """

    arguments: Sequence[str]
    given: Mapping[str, int]
    rows: int
    out: int | None
    returns: bool
    program: Program
    interface: Interface
    moving: Mapping[str, int]
    size: int
    parts: int
    states: Sequence[tuple[str, int]]
    value: str = ""
    backwards: bool = False

    def emit(self, b: Builder, name: str) -> int:
        """Append the function to the module of `main`; how many bytes a call takes from the heap,
        beside those of `main`, and one number for each row if there are values.
        """
        how = self.program, self.interface, b.target, self.moving, self.size
        emit_over_rows(b.module, *how, backwards=self.backwards, internal=True)
        types = {NUMBER: b.element_type, INTEGER: b.i64, ARRAY: b.ptr}
        result = b.element_type if self.returns else None
        entry = b.function(name, [types[kind] for kind in self.arguments], result)
        emitter = _Emitter(self, b, list(entry.arguments), CallMemory(b, entry))
        emitter.run()
        results = emitter.results()
        emitter.release()
        b.leave(*results)
        return emitter.memory.from_heap


class _Emitter:
    """The body of the function."""

    def __init__(
        self, f: OverRows, b: Builder, arguments: Sequence[ir.Value], memory: CallMemory
    ) -> None:
        self.f, self.b, self.arguments, self.memory = f, b, arguments, memory
        self.total = sum(size for _, size in f.states)
        self.sums = memory.allocate(f.parts * self.total, b.f64, 8)
        self.rows = arguments[f.rows]
        self.values = self._room_for_values() if f.value else None
        self.parts = b.integer(1)

    def _room_for_values(self) -> ir.Value:
        """A number for each row."""
        b = self.b
        word = ir.IntegerType.get_signless(b.target.processor.family.pointer_bits)
        b.declare("malloc", f"({word}) -> !llvm.ptr")
        b.declare("free", "(!llvm.ptr)")
        size = b.integer_op("llvm.mul", self.rows, b.integer(b.bits // 8))
        size = size if word == b.i64 else b.build("llvm.trunc", [word], [size])
        return b.call("malloc", [size], b.ptr)

    def release(self) -> None:
        """Free what was taken from the heap."""
        if self.values is not None:
            self.b.call("free", [self.values])
        self.memory.release()

    def run(self) -> None:
        """All rows, part by part."""
        f, b = self.f, self.b
        zero = b.constant_op(ir.FloatAttr.get(b.f64, 0.0), b.f64)
        with b.each(f.parts * self.total) as k:
            b.store(zero, b.element(self.sums, k, b.f64))
        passed = f.interface.arguments(f.program)
        table = self.memory.allocate(len(passed), b.ptr, 8)
        addresses = {name: self._address(place) for name, place in f.given.items()}
        behind = b.integer_op("llvm.add", self.rows, b.integer(f.size - 1))
        blocks = b.build("llvm.sdiv", [b.i64], [behind, b.integer(f.size)])
        if f.parts > 1:
            self.parts = b.build("llvm.intr.smin", [b.i64], [blocks, b.integer(f.parts)])
            self.parts = b.build("llvm.intr.smax", [b.i64], [self.parts, b.integer(1)])
        nothing = b.build("llvm.mlir.zero", [b.ptr], [])
        with b.loop(self.parts) as part:
            at = b.integer_op("llvm.mul", part, b.integer(self.total))
            here = dict(addresses)
            if self.values is not None:
                here[f.value] = self.values
            for name, size in f.states:
                here[name] = b.element(self.sums, at, b.f64)
                at = b.integer_op("llvm.add", at, b.integer(size))
            for k, a in enumerate(passed):
                b.store(here.get(a.name, nothing), b.element(table, k, b.ptr))
            following = b.integer_op("llvm.add", part, b.integer(1))
            first, last = (
                b.build("llvm.sdiv", [b.i64], [b.integer_op("llvm.mul", blocks, n), self.parts])
                for n in (part, following)
            )
            b.call(OVER_ROWS, [table, self.rows, first, last])

    def _address(self, place: int) -> ir.Value:
        """Where an argument is."""
        b, x = self.b, self.arguments[place]
        if self.f.arguments[place] == ARRAY:
            return x
        room = self.memory.allocate(1, b.element_type, b.bits // 8)
        b.store(x, room)
        return room

    def results(self) -> list[ir.Value]:
        """What is returned; the rest is written."""
        f, b = self.f, self.b
        values = [] if self.values is None else [self._value(self.values)]
        if f.returns and not values:
            values = [self._sum(b.integer(0))]
        skipped = int(f.returns and not f.value)
        start = len(values) - f.returns  # of the sums in what is written
        if f.out is not None:
            out = self.arguments[f.out]
            if start:
                b.store(values[0], out)
            with b.each(self.total - skipped) as k:
                x = self._sum(b.integer_op("llvm.add", k, b.integer(skipped)))
                b.store(x, b.element(out, b.integer_op("llvm.add", k, b.integer(start)), x.type))
        return values if f.returns else []

    def _sum(self, k: ir.Value) -> ir.Value:
        """Sum k of all parts, one after the other."""
        b = self.b

        def more(part: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            behind = b.integer_op("llvm.add", part, b.integer(1))
            at = b.integer_op("llvm.mul", behind, b.integer(self.total))
            at = b.integer_op("llvm.add", at, k)
            return [self._plus(carried[0], b.load(b.element(self.sums, at, b.f64), b.f64))]

        first = b.load(b.element(self.sums, k, b.f64), b.f64)
        others = b.integer_op("llvm.sub", self.parts, b.integer(1))
        (found,) = b.repeat(others, more, [first], most=self.f.parts)
        return b.converted(found, b.element_type)

    def _value(self, values: ir.Value) -> ir.Value:
        """The sum of a number for each row, from the first to the last; of none it is 0."""
        b = self.b
        zeros = [b.constant_op(ir.FloatAttr.get(b.f64, x), b.f64) for x in (0.0, -0.0)]

        def more(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            x = b.load(b.element(values, k, b.element_type), b.element_type)
            return [self._plus(carried[0], b.converted(x, b.f64))]

        (found,) = b.repeat(self.rows, more, zeros[1:])
        none = b.compare_integers("sle", self.rows, b.integer(0))
        return b.converted(b.select(none, zeros[0], found), b.element_type)

    def _plus(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.b.build("llvm.fadd", [self.b.f64], [x, y])
