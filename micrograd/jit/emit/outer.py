"""Emits the function that C calls around a `main` that takes integers: it looks at each of them,
makes what `main` is given, and says what is wrong if something is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lowering.bindings import ir

from .builder import Builder
from .call_memory import CallMemory
from .interface import ENTRY

NUMBER, INTEGER, ARRAY = "number", "integer", "array"
"""How arguments are passed: the first two by value."""
_FARTHEST = 2**62
"""Sums of integers stay below this; what could go beyond is out of range."""


@dataclass(frozen=True, slots=True)
class Term:
    """Integers of one argument, with a factor.

    elements   which there is for each number that is made; (): the first for the first, and so on
    """

    argument: int
    scale: int = 1
    elements: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """An argument of `main` that is made of integers: `offset + sum(scale * integer)` for each.

    dtype     of its elements: "i32", "i64", or "number"
    count     how many it has; None: it is a number, by value
    code      what the function returns if one of them is not from `least` on and below `below`
    lift      what is added to those below 0
    unused    places whose numbers are 0, whatever is given
    """

    dtype: str
    count: int | None
    terms: tuple[Term, ...]
    code: int = 0
    least: int = 0
    below: int = 0
    lift: int = 0
    offsets: tuple[int, ...] = (0,)
    unused: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Outer:
    """The function: how its arguments are passed, and what `main` is given: one of them, by its
    place, or what is made.
    """

    arguments: Sequence[str]
    given: Sequence[int | Made]

    def emit(self, b: Builder, name: str) -> int:
        """Append the function to the module of a `main` that returns nothing; how many bytes a call
        takes from the heap, beside those of `main`.
        """
        types = {NUMBER: b.element_type, INTEGER: b.i64, ARRAY: b.ptr}
        entry = b.function(name, [types[kind] for kind in self.arguments], b.i32)
        emitter = _Emitter(b, self, list(entry.arguments), CallMemory(b, entry))
        passed = [emitter.given(g) for g in self.given]
        zero = b.constant_integer(0, b.i32)
        with b.when(b.compare_integers("eq", emitter.status, zero)):
            b.call(ENTRY, passed)
        emitter.memory.release()
        b.leave(emitter.status)
        return emitter.memory.from_heap


class _Emitter:
    """What is done for each argument of `main`, in order."""

    def __init__(
        self, b: Builder, outer: Outer, arguments: Sequence[ir.Value], memory: CallMemory
    ) -> None:
        self.b, self.outer, self.arguments, self.memory = b, outer, arguments, memory
        self.status = b.constant_integer(0, b.i32)

    def given(self, what: int | Made) -> ir.Value:
        """What is passed."""
        if isinstance(what, int):
            return self.arguments[what]
        b = self.b
        if what.count is None:
            x, self.status = self._number(what, b.integer(0), self.status)
            return x
        type = self._type(what)
        room = self.memory.allocate(max(1, what.count), type, type.width // 8)

        def body(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            x, status = self._number(what, k, carried[0])
            b.store(x, b.element(room, k, type))
            return [status]

        (self.status,) = b.repeat(what.count, body, [self.status])
        return room

    def _type(self, made: Made) -> ir.Type:
        b = self.b
        return {"i32": b.i32, "i64": b.i64}.get(made.dtype, b.element_type)

    def _number(self, made: Made, k: ir.Value, status: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Number k, and what is returned if nothing behind it is wrong."""
        b = self.b
        least, below = b.integer(made.least), b.integer(made.below)
        x, fits = self._said(made, k)
        if made.code:
            fits = b.both(fits, b.compare_integers("sle", least, x))
            fits = b.both(fits, b.compare_integers("slt", x, below))
            if made.unused:
                used = [int(n not in made.unused) for n in range(made.count or 1)]
                unused = b.compare_integers("eq", self._entry(used, k), b.integer(0))
                fits = b.select(unused, unused, fits)
                x = b.select(unused, b.integer(0), x)
            first = b.compare_integers("eq", status, b.constant_integer(0, b.i32))
            wrong = b.both(first, b.negated(fits))
            status = b.select(wrong, b.constant_integer(made.code, b.i32), status)
        if made.lift:
            negative = b.compare_integers("slt", x, b.integer(0))
            x = b.select(negative, b.build("llvm.add", [b.i64], [x, b.integer(made.lift)]), x)
        if made.dtype == "i32":
            x = b.build("llvm.trunc", [b.i32], [x])
        elif made.dtype != "i64":
            x = b.converted(b.build("llvm.sitofp", [b.f64], [x]), b.element_type)
        return x, status

    def _said(self, made: Made, k: ir.Value) -> tuple[ir.Value, ir.Value]:
        """The sum, and whether the integers are so small that it is one."""
        b = self.b
        most = _FARTHEST // (sum(abs(t.scale) for t in made.terms) + 1)
        fits = b.constant_op(ir.BoolAttr.get(True), b.i1)
        x = self._entry(made.offsets, k)
        for t in made.terms:
            value = self.arguments[t.argument]
            if self.outer.arguments[t.argument] == ARRAY:
                at = self._entry(t.elements, k) if t.elements else k
                value = b.load(b.element(value, at, b.i64), b.i64)
            if len(made.terms) == 1 and t.scale == 1 and not any(made.offsets):
                return value, fits
            for predicate, end in (("sle", most), ("sge", -most)):
                fits = b.both(fits, b.compare_integers(predicate, value, b.integer(end)))
            by = b.build("llvm.mul", [b.i64], [value, b.integer(t.scale)])
            x = b.build("llvm.add", [b.i64], [x, by])
        return x, fits

    def _entry(self, numbers: Sequence[int], k: ir.Value) -> ir.Value:
        """Entry k of a table, of which perhaps all are the same."""
        b = self.b
        if len(set(numbers)) == 1:
            return b.integer(numbers[0])
        name = f"integers{len(b.shared)}"
        name = b.shared.setdefault(("integers", *numbers), name)
        if b.is_new(name):
            b.data(name, np.array(numbers, np.int64), b.i64)
        return b.load(b.element(b.address(name), k, b.i64), b.i64)
