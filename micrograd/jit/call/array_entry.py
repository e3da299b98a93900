"""The entry of calls with arrays, for the few points where what Python does would cost the most.

It is one function for all kernels, compiled when an array is first passed to one. What it must know
about a kernel is a row of words whose address is in the kernel's slot `_arrays`. It takes aligned
one-dimensional arrays of the kernel's dtype and of one length, and perhaps `out=`: an array like
them if there is one result, or one of shape (results, points). Everything else, and whatever is
wrong, goes to `Kernel.__call__`.
"""

from __future__ import annotations

import functools
from collections.abc import Collection

import numpy as np
import numpy.typing as npt

import lowering
from lowering.bindings import ir

from ..dialect.blocks import new_module
from ..emit.builder import Builder
from ..emit.native import native
from ..target import Target
from ..trace.signature import SCALAR, count
from .callable import ARRAYS_AT, LAYOUT, immortal
from .convention import Convention
from .cpython import Objects
from .marshalling import CALL_GENERAL, addresses
from .ndarrays import (
    ALIGNED,
    ARRAY,
    CONTIGUOUS,
    array_new,
    check_array,
    dimensions,
    given_out,
    points_of,
    usable,
)

MOST_COLUMNS = 64
"""Kernels of more inputs and results go the general way."""
MOST_WORK = 2_000_000
"""Operations up to which a call keeps Python's lock, for about 0.1 ms, and stays on one thread."""

# what `_arrays` points to: words, by their places
BLOCK, INPUTS, RESULTS, DTYPE, SIZE, MOST_POINTS, NUMBER, MAY_MAKE = range(8)


def described(convention: Convention, block: int, work: int) -> npt.NDArray[np.int64] | None:
    """What the entry must know of a kernel; None if it cannot be called so.

    block   the address of its `main_block`
    work    operations at a point
    """
    if convention.indices is not None:
        return None
    inputs = [s for _, s in convention.parameters]
    results = count(convention.result)
    dtype = convention.dtype
    fits = inputs and all(s is SCALAR for s in inputs) and results
    if not fits or len(inputs) + results > MOST_COLUMNS or not usable():
        return None
    most = MOST_WORK // max(1, work)
    alone = convention.result is SCALAR
    words = [block, len(inputs), results, id(dtype), dtype.itemsize, most, dtype.num, alone]
    return np.array(words, dtype=np.int64)


@functools.cache
def array_entry() -> int:
    """The address of the function; it lives as long as the process."""
    return _compiled().address("call_arrays")


@functools.cache
def _compiled() -> lowering.NativeModule:
    known = {"PyArray_New": array_new()}
    target = Target.host(strict=True)

    def module() -> ir.Module:
        with new_module() as module:
            _Entry(Objects(Builder(module, target))).emit()
        return module

    def symbols(names: Collection[str]) -> dict[str, int]:
        return addresses(np.dtype(np.float64), names) | known

    code = native(module, target, ("array entry", LAYOUT, ARRAY), symbols=symbols)
    immortal(code)
    return code


class _Entry:
    """Emits the function; `other` is where it goes with what it does not take."""

    def __init__(self, objects: Objects) -> None:
        self.o = objects
        self.b = objects.b

    def emit(self) -> None:
        """All of it."""
        o, b = self.o, self.b
        start = o.function("call_arrays", [o.ptr, o.ptr, o.i64, o.ptr], o.ptr)
        self_, self.args, nargsf, self.kwnames = start.arguments
        self.other = o.block()
        self.columns, self.length = o.allocate(MOST_COLUMNS, o.i64), o.allocate(1, o.i64)
        self.known = o.pointer(self_, ARRAYS_AT)
        o.require(o.b.negated(o.is_null(self.known)), self.other)
        self.n_inputs = o.integer_op("and", nargsf, 2**63 - 1)
        o.require(o.compare("eq", self.n_inputs, o.word(self.known, 8 * INPUTS)), self.other)
        self.dtype, self.results = o.pointer(self.known, 8 * DTYPE), o.word(self.known, 8 * RESULTS)
        self.points = points_of(o, o.pointer(self.args), self.other)
        o.require(o.compare("sgt", self.points, 0), self.other)
        o.require(o.compare("sle", self.points, o.word(self.known, 8 * MOST_POINTS)), self.other)
        b.store(self.points, self.length)
        self.bytes = o.integer_op("mul", self.points, o.word(self.known, 8 * SIZE))
        self._take_inputs()
        made, given, run = o.block(), o.block(), o.block(o.ptr)
        b.branch_if(o.is_null(self.kwnames), made, given)
        b.enter(given)
        b.branch(run, [self._given()])
        b.enter(made)
        b.branch(run, [self._made()])
        b.enter(run)
        self._run(run.arguments[0])
        b.enter(self.other)
        o.b.leave(o.call(CALL_GENERAL, *start.arguments, last=True))

    def _take_inputs(self) -> None:
        """Note where the numbers of each input lie."""
        o, b = self.o, self.b
        with o.loop(self.n_inputs) as k:
            x = b.load(o.at(self.args, k, o.ptr), o.ptr)
            check_array(o, x, self.dtype, CONTIGUOUS | ALIGNED, self.other)
            o.require(o.compare("eq", points_of(o, x, self.other), self.points), self.other)
            b.store(o.pointer(x, ARRAY.data), o.at(self.columns, k, o.ptr))

    def _given(self) -> ir.Value:
        """The array of `out=`, with a new reference to it."""
        o = self.o
        out = given_out(o, self.args, self.n_inputs, self.kwnames, self.dtype, self.other)
        self._check_shape(out)
        self._check_apart(out)
        o.call("Py_IncRef", out)
        return out

    def _check_shape(self, out: ir.Value) -> None:
        """It has (results, points), or of one result the points alone."""
        o, b = self.o, self.b
        one, several, shaped = o.block(), o.block(), o.block()
        o.b.branch_if(o.compare("eq", dimensions(o, out), 1), one, several)
        b.enter(one)
        o.require(o.compare("eq", self.results, 1), self.other)
        o.require(o.compare("eq", points_of(o, out, self.other), self.points), self.other)
        b.branch(shaped)
        b.enter(several)
        o.require(o.compare("eq", dimensions(o, out), 2), self.other)
        shape = o.pointer(out, ARRAY.shape)
        o.require(o.compare("eq", o.word(shape), self.results), self.other)
        o.require(o.compare("eq", o.word(shape, 8), self.points), self.other)
        b.branch(shaped)
        b.enter(shaped)

    def _check_apart(self, out: ir.Value) -> None:
        """An input lies apart from the results, or is the first of them."""
        o, b = self.o, self.b
        to = o.word(out, ARRAY.data)
        total = o.integer_op("mul", self.bytes, self.results)
        with o.loop(self.n_inputs) as k:
            source = b.load(o.at(self.columns, k, o.i64), o.i64)
            behind = o.compare("uge", o.integer_op("sub", source, to), total)
            before = o.compare("uge", o.integer_op("sub", to, source), self.bytes)
            apart = o.b.both(behind, before)
            same = o.compare("eq", source, to)
            o.require(b.build("llvm.or", [o.i1], [apart, same]), self.other)

    def _made(self) -> ir.Value:
        """A new array for the one result."""
        o, b = self.o, self.b
        o.require(o.compare("ne", o.word(self.known, 8 * MAY_MAKE), 0), self.other)
        number = b.load(o.at(self.known, 8 * NUMBER), o.i32)
        kind, null = o.object("PyArray_Type"), o.null()
        new = o.call("PyArray_New", kind, o.int32(1), self.length, number, null, null, o.int32(0),
                     o.int32(0), null)  # fmt: skip
        failed = o.block()
        o.require(o.b.negated(o.is_null(new)), failed)
        exists = b.block
        b.enter(failed)
        o.b.leave(o.null())
        b.enter(exists)
        return new

    def _run(self, result: ir.Value) -> None:
        """Compute the results into their array, and return it."""
        o, b = self.o, self.b
        first = o.word(result, ARRAY.data)
        with o.loop(self.results) as k:
            column = o.integer_op("add", first, o.integer_op("mul", k, self.bytes))
            b.store(column, o.at(self.columns, o.integer_op("add", k, self.n_inputs), o.i64))
        o.b.call(o.pointer(self.known, 8 * BLOCK), [self.columns, self.points])
        o.b.leave(result)
