"""Code that all entries share: rows of numbers between Python's objects and arrays.

    bool read_numbers(PyObject **items, size_t n, number *to)
    void convert(other *from, size_t n, number *to)
    PyObject *new_tuple(number *from, size_t n)
    PyObject *new_list(number *from, size_t n)
    PyObject *empty_array(int dimensions, size_t *shape)
    PyObject *new_array(number *from, size_t n, int dimensions, size_t *shape)
    PyObject *call_general(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)

and what walk.py adds. `number` is the element type and `other` the other one; arrays are of
float64. This is emitted and compiled once for each element type, when a kernel first refers to it,
so that a kernel's own entry stays short: compiling all of it with every kernel took longer than the
rest of a small one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from operator import or_
from types import MappingProxyType
from typing import Any

import numpy as np

import lowering
from lowering.bindings import ir

from ...real_types import REAL_TYPES, RealType
from ..dialect.blocks import new_module
from ..dialect.operations import float_type
from ..emit.builder import Builder
from ..emit.native import native
from ..target import Target
from .callable import GENERAL, LAYOUT, immortal, symbols
from .cpython import Objects
from .ndarrays import ARRAY, OUT, array_new, usable
from .walk import emit_walk

CALL_GENERAL = "call_general"
ROWS = ("new_tuple", "new_list")
ARRAYS = ("convert", "empty_array", "new_array")
WALK = ("read_object", "new_object")
"""What is compiled when a kernel first refers to one of the three."""


@functools.cache
def _first(dtype: np.dtype[Any]) -> lowering.NativeModule:
    """The machine code that kernels of numbers need; it lives as long as the process."""

    def emit(o: Objects) -> None:
        _read_numbers(o)
        _call_general(o)

    return _compiled("marshalling", emit, dtype)


@functools.cache
def _rows(dtype: np.dtype[Any]) -> lowering.NativeModule:
    """That of kernels which give numbers in a row, as gradients are."""

    def emit(o: Objects) -> None:
        for name in ROWS:
            _new_container(o, name)

    return _compiled("marshalling, rows", emit, dtype)


@functools.cache
def _arrays(dtype: np.dtype[Any]) -> lowering.NativeModule:
    """That of kernels which take or give arrays."""

    def emit(o: Objects) -> None:
        _convert(o)
        if usable():
            _empty_array(o)
            _new_array(o)

    return _compiled("marshalling, arrays", emit, dtype)


@functools.cache
def _walk(dtype: np.dtype[Any]) -> lowering.NativeModule:
    """That of containers of containers, which takes as long to compile as the others together."""
    known = [_addresses(code(dtype)) for code in (_first, _rows, _arrays)]
    return _compiled("marshalling, the rest", emit_walk, dtype, functools.reduce(or_, known))


def _addresses(code: lowering.NativeModule) -> dict[str, int]:
    return {name: code.address(name) for name in code.symbols}


def call_general(dtype: np.dtype[Any]) -> int:
    """The address of `call_general`."""
    return _first(dtype).address(CALL_GENERAL)


def _compiled(
    kind: str,
    emit: Callable[[Objects], None],
    dtype: np.dtype[Any],
    known: Mapping[str, int] = MappingProxyType({}),
) -> lowering.NativeModule:
    target = Target.host(dtype, strict=True)

    def module() -> ir.Module:
        with new_module() as module:
            emit(Objects(Builder(module, target)))
        return module

    arrays = {"PyArray_New": array_new()} if usable() else {}
    given = symbols() | arrays | dict(known)
    made_from = kind, LAYOUT, usable(), ARRAY
    # as it is written: LLVM's passes find next to nothing, and take longer than all the rest
    code = native(module, target, made_from, symbols=given, opt_level=1, passes=False)
    immortal(code)
    return code


def addresses(dtype: np.dtype[Any], names: Collection[str]) -> dict[str, int]:
    """The symbols of the code that a module refers to, given all its names, and all that it refers
    to itself.
    """
    known = symbols() | {"out_string": id(OUT)} | _addresses(_first(dtype))
    for some, code in ((ROWS, _rows), (ARRAYS, _arrays), (WALK, _walk)):
        if not set(names).isdisjoint(some):
            known |= _addresses(code(dtype))
    return known


def _read_numbers(o: Objects) -> None:
    """Whether all items are exact floats and ints; if so, they are in `to`."""
    b = o.b
    start = o.function("read_numbers", [o.ptr, o.i64, o.ptr], o.i1)
    items, n, to = start.arguments
    other = o.block()
    with o.loop(n) as k:
        item = b.load(o.at(items, k, o.ptr), o.ptr)
        b.store(o.read_number(item, other), o.at(to, k, o.number))
    o.b.leave(b.constant_op(ir.BoolAttr.get(True), o.i1))
    b.enter(other)
    o.b.leave(b.constant_op(ir.BoolAttr.get(False), o.i1))


def converted_from(bits: int) -> RealType:
    """The type of the arrays that code converts to numbers so wide; those of others Python does."""
    return next(t for t in REAL_TYPES.values() if t.bits != bits)


def _convert(o: Objects) -> None:
    """The numbers of an array of that type."""
    b = o.b
    start = o.function("convert", [o.ptr, o.i64, o.ptr], None)
    source, n, to = start.arguments
    given = converted_from(b.bits)
    wide, other = b.bits > given.bits, float_type(given.bits)
    with o.loop(n) as k:
        x = b.load(o.at(source, k, other), other)
        x = b.build("llvm.fpext" if wide else "llvm.fptrunc", [o.number], [x])
        b.store(x, o.at(to, k, o.number))
    b.leave()


def _new_container(o: Objects, name: str) -> None:
    """A new tuple or list of floats; null, and an error, if there is no memory."""
    b = o.b
    start = o.function(name, [o.ptr, o.i64], o.ptr)
    source, n = start.arguments
    failed, undo = o.block(), o.block()
    made = o.call("PyTuple_New" if name == "new_tuple" else "PyList_New", n)
    o.require(o.b.negated(o.is_null(made)), failed)
    with o.loop(n) as k:
        number = o.widened(b.load(o.at(source, k, o.number), o.number))
        item = o.call("PyFloat_FromDouble", number)
        o.require(o.b.negated(o.is_null(item)), undo)
        if name == "new_tuple":
            items = o.at(made, LAYOUT.tuple_items)
        else:
            items = o.pointer(made, LAYOUT.list_items)
        b.store(item, o.at(items, k, o.ptr))
    o.b.leave(made)
    b.enter(undo)
    o.call("Py_DecRef", made)
    o.b.leave(o.null())
    b.enter(failed)
    o.b.leave(o.null())


def _empty_array(o: Objects) -> None:
    """A new array of float64, of any numbers; null, and an error, if there is no memory."""
    start = o.function("empty_array", [o.i32, o.ptr], o.ptr)
    kind, null, nothing = o.object("PyArray_Type"), o.null(), o.int32(0)
    number = o.int32(np.dtype(np.float64).num)
    shape = start.arguments
    made = o.call("PyArray_New", kind, *shape, number, null, null, nothing, nothing, null)
    o.b.leave(made)


def _new_array(o: Objects) -> None:
    """A new array of these numbers; null, and an error, if there is no memory."""
    b = o.b
    start = o.function("new_array", [o.ptr, o.i64, o.i32, o.ptr], o.ptr)
    source, n, dimensions, shape = start.arguments
    failed = o.block()
    made = o.call("empty_array", dimensions, shape)
    o.require(o.b.negated(o.is_null(made)), failed)
    data = o.pointer(made, ARRAY.data)
    with o.loop(n) as k:
        number = o.widened(b.load(o.at(source, k, o.number), o.number))
        b.store(number, o.at(data, k, o.f64))
    o.b.leave(made)
    b.enter(failed)
    o.b.leave(o.null())


def _call_general(o: Objects) -> None:
    """Call `Kernel.__call__`, as a method of `self`."""
    b = o.b
    start = o.function(CALL_GENERAL, [o.ptr, o.ptr, o.i64, o.ptr], o.ptr)
    self_, args, nargsf, kwnames = start.arguments
    failed = o.block()
    method = o.call("PyMethod_New", o.object(GENERAL), self_)
    o.require(o.b.negated(o.is_null(method)), failed)
    result = o.call("PyObject_Vectorcall", method, args, nargsf, kwnames)
    o.call("Py_DecRef", method)
    o.b.leave(result)
    b.enter(failed)
    o.b.leave(o.null())
