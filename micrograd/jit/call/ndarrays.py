"""NumPy's arrays as generated code sees them: where their parts are, and how one is made.

What is assumed of them in memory is tried out on live ones before anything relies on it.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...real_types import BY_DTYPE
from .callable import LAYOUT, available
from .cpython import Objects

OUT = sys.intern("out")
"""What the keyword is that says where to write: CPython's own string, which callers pass."""
NEW = 93
"""The place of PyArray_New in NumPy's table of array functions."""

CONTIGUOUS, ALIGNED, WRITEABLE = 0x1, 0x100, 0x400  # NPY_ARRAY_C_CONTIGUOUS and so on


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
        fixed = np.ones(3, np.int32)
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


@functools.cache
def usable() -> bool:
    """Whether NumPy's arrays are as generated code reads them."""
    singletons = all(np.dtype(t.type) is t for t in BY_DTYPE)
    return available() and ARRAY.holds() and singletons


@functools.cache
def array_new() -> int:
    """The address of NumPy's PyArray_New."""
    core = np._core if hasattr(np, "_core") else np.core
    capsule = core._multiarray_umath._ARRAY_API
    get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", ctypes.pythonapi)
    )
    table = (ctypes.c_void_p * (NEW + 1)).from_address(get(capsule, None))
    return table[NEW] or 0


def check_array(o: Objects, x: Any, dtype: Any, flags: int, other: Any) -> None:
    """Let nothing pass but arrays, no subclass of them, of a dtype and with these flags."""
    o.require(o.is_a(x, np.ndarray), other)
    o.require(o.compare("eq", o.pointer(x, ARRAY.descr), dtype), other)
    has = o.integer_op("and", o.word(x, ARRAY.flags), flags)
    o.require(o.compare("eq", has, flags), other)


def dimensions(o: Objects, x: Any) -> Any:
    """How many dimensions an array has."""
    return o.integer_op("and", o.word(x, ARRAY.dimensions), 0xFFFFFFFF)


def points_of(o: Objects, x: Any, other: Any) -> Any:
    """The length of an array of one dimension."""
    o.require(o.is_a(x, np.ndarray), other)
    o.require(o.compare("eq", dimensions(o, x), 1), other)
    return o.word(o.pointer(x, ARRAY.shape))


def given_out(o: Objects, args: Any, n: Any, kwnames: Any, dtype: Any, other: Any) -> Any:
    """The array of `out=`, behind n arguments by place, where that is the only keyword."""
    o.require(o.compare("eq", o.word(kwnames, LAYOUT.size), 1), other)
    name = o.pointer(kwnames, LAYOUT.tuple_items)
    o.require(o.compare("eq", name, o.object("out_string")), other)
    out = o.b.load(o.at(args, n, o.ptr), o.ptr)
    check_array(o, out, dtype, CONTIGUOUS | ALIGNED | WRITEABLE, other)
    return out
