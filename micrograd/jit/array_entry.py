"""The entry of calls with arrays, for the few points where what Python does would cost the most.

It is one function for all kernels, compiled when an array is first passed to one. What it must know
about a kernel is a row of words whose address is in the kernel's slot `_arrays`. It takes aligned
one-dimensional arrays of the kernel's dtype and of one length, and perhaps `out=`: an array like
them, or for several results one of shape (results, points). Everything else, and whatever is
wrong, goes to `Kernel.__call__`.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import lowering
from lowering.bindings import context, ir

from .builder import Builder
from .calls import Convention
from .marshalling import CALL_GENERAL, addresses
from .native_callable import ARRAYS_AT, LAYOUT, available, immortal
from .objects import Objects
from .signature import SCALAR, count

MOST_COLUMNS = 64
"""Kernels of more inputs and results go the general way."""
MOST_WORK = 2_000_000
"""Operations up to which a call keeps Python's lock, for about 0.1 ms, and stays on one thread."""
NEW = 93
"""The place of PyArray_New in NumPy's table of array functions."""

CONTIGUOUS, ALIGNED, WRITEABLE = 0x1, 0x100, 0x400  # NPY_ARRAY_C_CONTIGUOUS and so on
_OUT = sys.intern("out")


@dataclass(frozen=True, slots=True)
class ArrayLayout:
    """Where things are in a PyArrayObject, in bytes from its start."""

    data: int = 16
    dimensions: int = 24
    shape: int = 32
    descr: int = 56
    flags: int = 64

    def holds(self) -> bool:
        """Whether live arrays are so."""
        whole = np.arange(24.0).reshape(4, 6)
        fixed = np.ones(3, np.float32)
        fixed.flags.writeable = False
        return all(map(self._is_true, (whole, whole[1:, 2:5], whole[2], fixed)))

    def _is_true(self, x: npt.NDArray[Any]) -> bool:
        words = (ctypes.c_ssize_t * (np.ndarray.__basicsize__ // 8)).from_address(id(x))
        shape = words[self.shape // 8]
        return (
            words[self.data // 8] == x.__array_interface__["data"][0]
            and words[self.dimensions // 8] & 0xFFFFFFFF == x.ndim
            and tuple((ctypes.c_ssize_t * x.ndim).from_address(shape)) == x.shape
            and words[self.descr // 8] == id(x.dtype)
            and words[self.flags // 8] & 0xFFFFFFFF == x.flags.num
        )


ARRAY = ArrayLayout()

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
def usable() -> bool:
    """Whether NumPy's arrays are as the code here and in entry.py reads them."""
    singletons = all(np.dtype(t) is np.dtype(t) for t in (np.float32, np.float64))
    return available() and ARRAY.holds() and singletons


@functools.cache
def array_entry() -> int:
    """The address of the function; it lives as long as the process."""
    return _compiled().address("call_arrays")


@functools.cache
def _compiled() -> lowering.NativeModule:
    core = np._core if hasattr(np, "_core") else np.core
    capsule = core._multiarray_umath._ARRAY_API
    get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", ctypes.pythonapi)
    )
    table = (ctypes.c_void_p * (NEW + 1)).from_address(get(capsule, None))
    known = {"out_string": id(_OUT), "PyArray_New": table[NEW] or 0}
    with context(), ir.Location.unknown():
        module = ir.Module.create()
        _emit(Objects(Builder(module, 64, exact=True)))
        module.operation.verify()
        symbols = addresses(64) | known
        native = lowering.compile(
            module, symbols=symbols, vectorize=False, unroll=False, isolate=False
        )
        immortal(native)
        return native


def _emit(o: Objects) -> None:
    b = o.b
    start = o.function("call_arrays", [o.ptr, o.ptr, o.i64, o.ptr], o.ptr)
    self_, args, nargsf, kwnames = start.arguments
    other = o.block()
    columns, length = o.allocate(MOST_COLUMNS, o.i64), o.allocate(1, o.i64)
    known = o.pointer(self_, ARRAYS_AT)
    o.require(o.negated(o.is_null(known)), other)
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
    o.branch_if(o.is_null(kwnames), made, given)
    b.enter(given)
    o.require(o.compare("eq", o.word(kwnames, LAYOUT.size), 1), other)
    name = o.pointer(kwnames, LAYOUT.tuple_items)
    o.require(o.compare("eq", name, o.object("out_string")), other)
    out = b.load(o.at(args, n_inputs, o.ptr), o.ptr)
    check_array(o, out, dtype, CONTIGUOUS | ALIGNED | WRITEABLE, other)
    one, several, shaped = o.block(), o.block(), o.block()
    o.branch_if(o.compare("eq", results, 1), one, several)
    b.enter(one)
    o.require(o.compare("eq", points_of(o, out, other), points), other)
    b.branch(shaped)
    b.enter(several)
    o.require(o.compare("eq", _dimensions(o, out), 2), other)
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
        apart = o.both(behind, before)
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
    o.require(o.negated(o.is_null(new)), failed)
    b.branch(run, [new])
    b.enter(failed)
    o.leave(o.null())

    b.enter(run)
    result = run.arguments[0]
    first = o.word(result, ARRAY.data)
    with o.loop(results) as k:
        column = o.integer_op("add", first, o.integer_op("mul", k, bytes_))
        b.store(column, o.at(columns, o.integer_op("add", k, n_inputs), o.i64))
    o.call_pointer(o.pointer(known, 8 * BLOCK), None, columns, points)
    o.leave(result)
    b.enter(other)
    o.leave(o.call(CALL_GENERAL, *start.arguments, last=True))


def check_array(o: Objects, x: Any, dtype: Any, flags: int, other: Any) -> None:
    """Let nothing pass but arrays, no subclass of them, of a dtype and with these flags."""
    o.require(o.is_a(x, np.ndarray), other)
    o.require(o.compare("eq", o.pointer(x, ARRAY.descr), dtype), other)
    has = o.integer_op("and", o.word(x, ARRAY.flags), flags)
    o.require(o.compare("eq", has, flags), other)


def _dimensions(o: Objects, x: Any) -> Any:
    return o.integer_op("and", o.word(x, ARRAY.dimensions), 0xFFFFFFFF)


def points_of(o: Objects, x: Any, other: Any) -> Any:
    """The length of an array of one dimension."""
    o.require(o.is_a(x, np.ndarray), other)
    o.require(o.compare("eq", _dimensions(o, x), 1), other)
    return o.word(o.pointer(x, ARRAY.shape))
