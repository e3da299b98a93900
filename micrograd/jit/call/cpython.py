"""Emits what generated code does with CPython's objects: check them, read them, call their API.

Every function here builds at the builder's insertion point and may leave it in another block; it
keeps no values of its own, since what one block computes another may not see. Where an object is
not what a fast path takes, control goes to a block that the caller names. The code runs with the
GIL held and nothing in it runs Python code, so a list cannot change while it is read.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from lowering.bindings import ir

from ..emit.builder import Builder
from .callable import LAYOUT, TYPES

SIGNATURES = {
    "PyErr_Clear": "()",
    "PyEval_RestoreThread": "(!llvm.ptr)",
    "PyEval_SaveThread": "() -> !llvm.ptr",
    "PyFloat_FromDouble": "(f64) -> !llvm.ptr",
    "PyList_New": "(i64) -> !llvm.ptr",
    "PyLong_AsDouble": "(!llvm.ptr) -> f64",
    "PyMethod_New": "(!llvm.ptr, !llvm.ptr) -> !llvm.ptr",
    "PyObject_Call": "(!llvm.ptr, !llvm.ptr, !llvm.ptr) -> !llvm.ptr",
    "PyObject_Vectorcall": "(!llvm.ptr, !llvm.ptr, i64, !llvm.ptr) -> !llvm.ptr",
    "PyLong_FromSsize_t": "(i64) -> !llvm.ptr",
    "PyThreadState_Get": "() -> !llvm.ptr",
    "PyTuple_New": "(i64) -> !llvm.ptr",
    "PyType_GenericAlloc": "(!llvm.ptr, i64) -> !llvm.ptr",
    "PyMem_RawFree": "(!llvm.ptr)",
    "PyMem_RawMalloc": "(i64) -> !llvm.ptr",
    "PyMem_RawRealloc": "(!llvm.ptr, i64) -> !llvm.ptr",
    "PyArray_New": "(!llvm.ptr, i32, !llvm.ptr, i32, !llvm.ptr, !llvm.ptr, i32, i32, !llvm.ptr)"
    " -> !llvm.ptr",
    "Py_DecRef": "(!llvm.ptr)",
    "Py_IncRef": "(!llvm.ptr)",
    "convert": "(!llvm.ptr, i64, !llvm.ptr)",
    "call_general": "(!llvm.ptr, !llvm.ptr, i64, !llvm.ptr) -> !llvm.ptr",
    "empty_array": "(i32, !llvm.ptr) -> !llvm.ptr",
    "new_array": "(!llvm.ptr, i64, i32, !llvm.ptr) -> !llvm.ptr",
    "new_list": "(!llvm.ptr, i64) -> !llvm.ptr",
    "new_object": "(!llvm.ptr, i64, !llvm.ptr) -> !llvm.ptr",
    "new_tuple": "(!llvm.ptr, i64) -> !llvm.ptr",
    "read_numbers": "(!llvm.ptr, i64, !llvm.ptr) -> i1",
    "read_object": "(!llvm.ptr, !llvm.ptr, i64, !llvm.ptr) -> i64",
}
"""The functions that generated code calls, as MLIR declares them."""


class Objects:
    """Appends code that works on CPython objects to one function of the builder's module."""

    def __init__(self, builder: Builder) -> None:
        self.b = builder
        self.ptr, self.i1, self.i64 = builder.ptr, builder.i1, builder.i64
        self.i32 = builder.i32
        self.i8 = ir.IntegerType.get_signless(8)
        self.f64, self.number = builder.f64, builder.element_type
        self.number_size = builder.bits // 8

    # -- the module ----------------------------------------------------------------------------

    def function(self, name: str, arguments: Sequence[ir.Type], result: ir.Type | None) -> ir.Block:
        """Begin a function; its entry block."""
        return self.b.function(name, arguments, result, attributes=self.b.as_written)

    def object(self, name: str) -> ir.Value:
        """The address of an object of Python's, one of native_callable.symbols()."""
        return self.b.external(name)

    def call(self, name: str, *operands: ir.Value, last: bool = False) -> ir.Value:
        """Call a function of the C API, or of marshalling.py.

        last   what it gives is returned, and it does not see this function's stack
        """
        self.b.declare(name, SIGNATURES[name])
        result = SIGNATURES[name].partition(" -> ")[2]
        type = ir.Type.parse(result) if result else None
        return self.b.call(name, operands, type, tail="tail" if last else "")

    # -- words ---------------------------------------------------------------------------------

    def integer(self, n: int) -> ir.Value:
        """An i64 in the present block."""
        return self.b.constant_integer(n)

    def int32(self, n: int) -> ir.Value:
        """An i32 in the present block."""
        return self.b.constant_integer(n, self.i32)

    def null(self) -> ir.Value:
        """The null pointer."""
        return self.b.build("llvm.mlir.zero", [self.ptr], [])

    def integer_op(self, name: str, x: ir.Value, y: ir.Value | int) -> ir.Value:
        """An operation on two i64."""
        y = self.integer(y) if isinstance(y, int) else y
        return self.b.build(f"llvm.{name}", [self.i64], [x, y])

    def compare(self, predicate: str, x: ir.Value, y: ir.Value | int) -> ir.Value:
        """The i1 of a comparison of words."""
        return self.b.compare_integers(predicate, x, self.integer(y) if isinstance(y, int) else y)

    def all(self, xs: Sequence[ir.Value]) -> ir.Value:
        """The i1 of all that hold together."""
        return functools.reduce(self.b.both, xs)

    def is_null(self, x: ir.Value) -> ir.Value:
        """Whether a pointer is null."""
        return self.compare("eq", x, self.null())

    def at(self, base: ir.Value, offset: int | ir.Value, element: ir.Type | None = None) -> Any:
        """The address so many bytes, or elements of a type, behind `base`."""
        if isinstance(offset, int):
            if offset == 0:
                return base
            offset = self.integer(offset)
        return self.b.element(base, offset, element or self.i8)

    def word(self, base: ir.Value, offset: int = 0) -> ir.Value:
        """The i64 there."""
        return self.b.load(self.at(base, offset), self.i64)

    def pointer(self, base: ir.Value, offset: int = 0) -> ir.Value:
        """The pointer there."""
        return self.b.load(self.at(base, offset), self.ptr)

    def allocate(self, n: int, element: ir.Type | None = None) -> ir.Value:
        """Room on the stack for so many numbers, or elements of a type.

        To be called in the function's entry block.
        """
        return self.b.alloca(max(1, n), element or self.number, 64 if n > 8 else 8)

    # -- control -------------------------------------------------------------------------------

    def require(self, condition: ir.Value, otherwise: ir.Block, *passed: ir.Value) -> None:
        """Go on in a new block where the i1 holds, else in `otherwise`, which takes the values."""
        here = self.b.block.create_after()
        self.b.branch_if(condition, here, otherwise, passed_otherwise=passed)
        self.b.enter(here)

    def or_else(self, made: ir.Value) -> None:
        """Return an object that was made; go on where there is none."""
        yes, no = self.block(), self.block()
        self.b.branch_if(self.is_null(made), no, yes)
        self.b.enter(yes)
        self.b.leave(made)
        self.b.enter(no)

    def probed(
        self,
        table: ir.Value,
        key: ir.Value,
        first: ir.Value,
        size: int,
        mask: ir.Value | int,
        absent: ir.Block,
    ) -> ir.Value:
        """The entry of an address in a table of hashes, which begins with it; where an empty one
        comes before it, go to `absent`.

        first   the number of the entry to begin with; of any, `mask` takes the last bits
        size    bytes of an entry
        """
        probe, further, found = self.block(self.i64), self.block(), self.block()
        self.go_to(probe, first)
        self.b.enter(probe)
        at = self.integer_op("and", probe.arguments[0], mask)
        entry: ir.Value = self.at(table, self.integer_op("mul", at, size))
        here = self.pointer(entry)
        self.b.branch_if(self.compare("eq", here, key), found, further)
        self.b.enter(further)
        after = self.integer_op("add", probe.arguments[0], 1)
        self.b.branch_if(self.is_null(here), absent, probe, [], [after])
        self.b.enter(found)
        return entry

    def go_to(self, block: ir.Block, *passed: ir.Value) -> None:
        """End the present block in another."""
        self.b.branch(block, passed)

    def block(self, *types: ir.Type) -> ir.Block:
        """A new block at the end of the function, not entered."""
        return self.b.block.region.blocks.append(*types)

    @contextmanager
    def loop(self, n: ir.Value) -> Iterator[ir.Value]:
        """A loop from 0 to `n`, which may be 0; what is built inside is its body."""
        with self.b.when(self.compare("ne", n, 0)), self.b.scope(), self.b.loop(n) as index:
            yield index

    # -- reading -------------------------------------------------------------------------------

    def is_a(self, x: ir.Value, kind: type | str) -> ir.Value:
        """Whether an object is exactly of a type, whose subclasses do not count; of one that
        callable.py has no name for, by its symbol.
        """
        return self.has_type(self.pointer(x, LAYOUT.type), kind)

    def has_type(self, found: ir.Value, kind: type | str) -> ir.Value:
        """Whether this address is that of the type."""
        name = kind if isinstance(kind, str) else TYPES[kind]
        return self.compare("eq", found, self.object(name))

    def read_number(self, x: ir.Value, otherwise: ir.Block) -> ir.Value:
        """The number that a float, also one of NumPy's, or an int is.

        Anything else goes to `otherwise`. An int of one digit is read here. Another int is left to
        CPython, whose answer is never -1, so that -1 says that it is too large, and an error that
        is to be forgotten.
        """
        b = self.b
        known, is_float = b.block.create_after(self.f64), b.block.create_after()
        maybe_int, maybe_other = self.block(), self.block()
        is_int, small, large, overflow = (self.block() for _ in range(4))
        found = self.pointer(x, LAYOUT.type)
        b.branch_if(self.has_type(found, float), is_float, maybe_int)
        b.enter(is_float)
        b.branch(known, [b.load(self.at(x, LAYOUT.float_value), self.f64)])
        b.enter(maybe_int)
        b.branch_if(self.has_type(found, int), is_int, maybe_other)
        b.enter(maybe_other)  # it begins as a float does, being derived from it
        b.branch_if(self.has_type(found, np.float64), is_float, otherwise)
        b.enter(is_int)
        b.branch_if(self._has_one_digit(x), small, large)
        b.enter(small)
        value = self._digit(x)
        b.branch(known, [b.build("llvm.sitofp", [self.f64], [value])])
        b.enter(large)
        value = self.call("PyLong_AsDouble", x)
        minus_one = b.constant_op(ir.FloatAttr.get(self.f64, -1.0), self.f64)
        failed = b.compare_numbers("oeq", value, minus_one)
        b.branch_if(failed, overflow, known, passed_otherwise=[value])
        b.enter(overflow)
        self.call("PyErr_Clear")
        b.branch(otherwise)
        b.enter(known)
        return self.narrowed(known.arguments[0])

    def read_small(self, x: ir.Value, otherwise: ir.Block) -> ir.Value:
        """The i64 that an int of one digit is; anything else goes to `otherwise`."""
        self.require(self.is_a(x, int), otherwise)
        self.require(self._has_one_digit(x), otherwise)
        return self._digit(x)

    def _has_one_digit(self, x: ir.Value) -> ir.Value:
        """Whether an int is one digit, with a sign, or 0."""
        size = self.word(x, LAYOUT.int_size)
        if LAYOUT.int_tagged:
            return self.compare("ult", size, 16)
        return self.compare("ule", self.integer_op("add", size, 1), 2)

    def _digit(self, x: ir.Value) -> ir.Value:
        """The i64 that an int of one digit is."""
        sign = self.word(x, LAYOUT.int_size)
        digit = self.b.load(self.at(x, LAYOUT.int_digit), self.i32)
        digit = self.b.build("llvm.zext", [self.i64], [digit])
        if LAYOUT.int_tagged:
            sign = self.integer_op("sub", self.integer(1), self.integer_op("and", sign, 3))
        return self.integer_op("mul", sign, digit)

    def read_index(self, number: ir.Value, otherwise: ir.Block) -> ir.Value:
        """The i64 that an int is, of at most two digits and not negative."""
        digits = self.word(number, LAYOUT.int_size)
        if LAYOUT.int_tagged:
            digits = self.integer_op("lshr", digits, 3)
        self.require(self.compare("ule", digits, 2), otherwise)
        low, high = (
            self.b.build(
                "llvm.zext",
                [self.i64],
                [self.b.load(self.at(number, LAYOUT.int_digit + 4 * k), self.i32)],
            )
            for k in (0, 1)
        )
        both = self.integer_op("or", low, self.integer_op("shl", high, 30))
        is_long = self.compare("eq", digits, 2)
        return self.b.build("llvm.select", [self.i64], [is_long, both, low])

    def narrowed(self, x: ir.Value) -> ir.Value:
        """A double in the kernel's element type."""
        return x if self.number == self.f64 else self.b.build("llvm.fptrunc", [self.number], [x])

    def widened(self, x: ir.Value) -> ir.Value:
        """A number of the kernel's element type as a double."""
        return x if self.number == self.f64 else self.b.build("llvm.fpext", [self.f64], [x])
