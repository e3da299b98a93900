"""The entry of calls with arrays, for the few points where what Python does would cost the most.

It is one function for all kernels, compiled when an array is first passed to one. What it must know
about a kernel is a row of words whose address is in the kernel's slot `_arrays`. It takes aligned
one-dimensional arrays of the kernel's dtype and of one length, and perhaps `out=`: an array like
them, or for several results one of shape (results, points). Everything else, and whatever is
wrong, goes to `Kernel.__call__`.
"""

from __future__ import annotations

import functools
import sys

import numpy as np
import numpy.typing as npt

import lowering
from lowering.bindings import context, ir

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
    WRITEABLE,
    array_new,
    check_array,
    dimensions,
    points_of,
    usable,
)

MOST_COLUMNS = 64
"""Kernels of more inputs and results go the general way."""
MOST_WORK = 2_000_000
"""Operations up to which a call keeps Python's lock, for about 0.1 ms, and stays on one thread."""

_OUT = sys.intern("out")


# what `_arrays` points to: words, by their places
BLOCK, INPUTS, RESULTS, DTYPE, SIZE, MOST_POINTS, NUMBER, MAY_MAKE = range(8)


def described(convention: Convention, block: int, work: int) -> npt.NDArray[np.int64] | None:
    """What the entry must know of a kernel; None if it cannot be called so.

    block   the address of its `main_block`
    work    operations at a point
    """
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
    known = {"out_string": id(_OUT), "PyArray_New": array_new()}
    with context(), ir.Location.unknown():
        module = ir.Module.create()
        target = Target.host(strict=True)
        _emit(Objects(Builder(module, target)))
        module.operation.verify()
        code = native(module, target, symbols=addresses(np.dtype(np.float64)) | known)
        immortal(code)
        return code


def _emit(o: Objects) -> None:
    b = o.b
    start = o.function("call_arrays", [o.ptr, o.ptr, o.i64, o.ptr], o.ptr)
    self_, args, nargsf, kwnames = start.arguments
    other = o.block()
    columns, length = o.allocate(MOST_COLUMNS, o.i64), o.allocate(1, o.i64)
    known = o.pointer(self_, ARRAYS_AT)
    o.require(o.b.negated(o.is_null(known)), other)
    n_inputs = o.integer_op("and", nargsf, 2**63 - 1)
    o.require(o.compare("eq", n_inputs, o.word(known, 8 * INPUTS)), other)
    dtype, results = o.pointer(known, 8 * DTYPE), o.word(known, 8 * RESULTS)
    points = points_of(o, o.pointer(args), other)
    o.require(o.compare("sgt", points, 0), other)
    o.require(o.compare("sle", points, o.word(known, 8 * MOST_POINTS)), other)
    b.store(points, length)
    bytes_ = o.integer_op("mul", points, o.word(known, 8 * SIZE))
    with o.loop(n_inputs) as k:
        x = b.load(o.at(args, k, o.ptr), o.ptr)
        check_array(o, x, dtype, CONTIGUOUS | ALIGNED, other)
        o.require(o.compare("eq", points_of(o, x, other), points), other)
        b.store(o.pointer(x, ARRAY.data), o.at(columns, k, o.ptr))

    made, given, run = o.block(), o.block(), o.block(o.ptr)
    o.b.branch_if(o.is_null(kwnames), made, given)
    b.enter(given)
    o.require(o.compare("eq", o.word(kwnames, LAYOUT.size), 1), other)
    name = o.pointer(kwnames, LAYOUT.tuple_items)
    o.require(o.compare("eq", name, o.object("out_string")), other)
    out = b.load(o.at(args, n_inputs, o.ptr), o.ptr)
    check_array(o, out, dtype, CONTIGUOUS | ALIGNED | WRITEABLE, other)
    one, several, shaped = o.block(), o.block(), o.block()
    o.b.branch_if(o.compare("eq", results, 1), one, several)
    b.enter(one)
    o.require(o.compare("eq", points_of(o, out, other), points), other)
    b.branch(shaped)
    b.enter(several)
    o.require(o.compare("eq", dimensions(o, out), 2), other)
    shape = o.pointer(out, ARRAY.shape)
    o.require(o.compare("eq", o.word(shape), results), other)
    o.require(o.compare("eq", o.word(shape, 8), points), other)
    b.branch(shaped)
    b.enter(shaped)
    to = o.word(out, ARRAY.data)
    total = o.integer_op("mul", bytes_, results)
    with o.loop(n_inputs) as k:  # an input lies apart from the results, or is the first of them
        source = b.load(o.at(columns, k, o.i64), o.i64)
        behind = o.compare("uge", o.integer_op("sub", source, to), total)
        before = o.compare("uge", o.integer_op("sub", to, source), bytes_)
        apart = o.b.both(behind, before)
        same = o.compare("eq", source, to)
        o.require(b.build("llvm.or", [o.i1], [apart, same]), other)
    o.call("Py_IncRef", out)
    b.branch(run, [out])

    b.enter(made)
    o.require(o.compare("ne", o.word(known, 8 * MAY_MAKE), 0), other)
    number = b.load(o.at(known, 8 * NUMBER), o.i32)
    kind, null = o.object("PyArray_Type"), o.null()
    new = o.call("PyArray_New", kind, o.int32(1), length, number, null, null, o.int32(0),
                 o.int32(0), null)  # fmt: skip
    failed = o.block()
    o.require(o.b.negated(o.is_null(new)), failed)
    b.branch(run, [new])
    b.enter(failed)
    o.b.leave(o.null())

    b.enter(run)
    result = run.arguments[0]
    first = o.word(result, ARRAY.data)
    with o.loop(results) as k:
        column = o.integer_op("add", first, o.integer_op("mul", k, bytes_))
        b.store(column, o.at(columns, o.integer_op("add", k, n_inputs), o.i64))
    o.b.call(o.pointer(known, 8 * BLOCK), [columns, points])
    o.b.leave(result)
    b.enter(other)
    o.b.leave(o.call(CALL_GENERAL, *start.arguments, last=True))
