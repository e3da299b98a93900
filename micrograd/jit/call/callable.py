"""Objects that are called through a C function of their own: CPython's vectorcall (PEP 590).

A `NativeCallable` has a slot for the address of a function `(self, args, nargsf, kwnames)`. While
the slot is 0, calls go to `__call__`, written in Python. The type is made with CPython's C API, and
what the generated functions assume of its objects in memory (`LAYOUT`) is tried out on live ones
when this module is imported. Where anything is not as expected, on another implementation, or
without a GIL, `NativeCallable` is an ordinary class whose slot nobody reads; `reason()` says why.
"""

from __future__ import annotations

import ctypes
import struct
import sys
import sysconfig
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ...real_types import BY_DTYPE

NEWEST = (3, 14)
"""The last version of CPython that this was tried with."""

HAVE_VECTORCALL = 1 << 11  # Py_TPFLAGS_HAVE_VECTORCALL
BASETYPE = 1 << 10  # Py_TPFLAGS_BASETYPE
DEFAULT = 1 << 18  # Py_TPFLAGS_DEFAULT
SSIZE, READONLY = 19, 1  # T_PYSSIZET, READONLY
CALL_SLOT, MEMBERS_SLOT = 50, 72  # Py_tp_call, Py_tp_members

T = TypeVar("T", bound=type)


class Unexpected(Exception):
    """This interpreter is not laid out as the generated code would assume."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are in CPython's objects, in bytes from their start.

    int_tagged   an int has a word of sign and number of digits (3.12), else a signed number of them
    """

    type: int = 8
    float_value: int = 16
    size: int = 16
    list_items: int = 24
    tuple_items: int = 24
    int_size: int = 16
    int_digit: int = 24
    int_tagged: bool = False
    type_flags: int = 168

    def check(self) -> None:
        """Raises Unexpected where live objects are otherwise."""
        for x in (1.5, -0.0, 7, (1,), [1], "", type):
            _expect(_word(x, self.type) == id(type(x)), "ob_type")
        for x in (0.0, 1.5, -2.25e300):
            for same in (x, np.float64(x)):
                _expect(_bytes(same, self.float_value, 8) == struct.pack("d", x), "ob_fval")
        for n in (0, 1, 5):
            objects = [object() for _ in range(n)]
            items = tuple(objects)
            _expect(_word(items, self.size) == _word(objects, self.size) == n, "ob_size")
            first = _word(objects, self.list_items)
            _expect(not n or (first > 1 << 16 and first % 8 == 0), "a list's items")
            for k, item in enumerate(objects):
                _expect(_word(items, self.tuple_items + 8 * k) == id(item), "a tuple's items")
                found = ctypes.c_size_t.from_address(first + 8 * k).value
                _expect(found == id(item), "a list's items")
        for k in (0, 1, 2, 15, 29):
            for x in (1 << k, -1 << k, (2 << k) - 1, (1 << k) - 1, -((1 << k) - 1)):
                _expect(self._small(x) == x, "a small int")
        for x in (1 << 30, -1 << 30, (1 << 60) + 1, -1 << 100):
            _expect(self._small(x) is None, "a large int")
        for kind in (type, int, Unexpected):
            _expect(_word(kind, self.type_flags) == kind.__flags__, "tp_flags")

    def _small(self, x: int) -> int | None:
        """The value of an int of at most one digit, read as the generated code reads it."""
        size = ctypes.c_ssize_t.from_address(id(x) + self.int_size).value
        digit = ctypes.c_uint32.from_address(id(x) + self.int_digit).value
        if self.int_tagged:
            return (1 - (size & 3)) * digit if 0 <= size < 16 else None
        return size * digit if -1 <= size <= 1 else None


LAYOUT = Layout(tuple_items=tuple.__basicsize__, int_tagged=sys.version_info >= (3, 12))


def _word(x: object, offset: int) -> int:
    return ctypes.c_size_t.from_address(id(x) + offset).value


def _bytes(x: object, offset: int, size: int) -> bytes:
    return ctypes.string_at(id(x) + offset, size)


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise Unexpected(f"{what} is not where CPython up to 3.{NEWEST[1]} has it")


def check_interpreter() -> None:
    """Raises Unexpected for another implementation than those that LAYOUT describes."""
    if sys.implementation.name != "cpython":
        raise Unexpected(f"this is {sys.implementation.name}, not CPython")
    if sys.version_info[:2] > NEWEST:
        version = ".".join(map(str, sys.version_info[:2]))
        raise Unexpected(f"CPython {version} is newer than 3.{NEWEST[1]}")
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise Unexpected("this CPython has no GIL")
    if struct.calcsize("P") != 8 or sys.byteorder != "little" or object.__basicsize__ != 16:
        raise Unexpected("this is not a 64-bit little-endian release build of CPython")
    if (sys.int_info.bits_per_digit, sys.int_info.sizeof_digit) != (30, 4):
        raise Unexpected("the ints of this CPython do not have digits of 30 bits")


FUNCTIONS = (
    "PyErr_Clear",
    "PyEval_RestoreThread",
    "PyEval_SaveThread",
    "PyFloat_FromDouble",
    "PyList_New",
    "PyLong_AsDouble",
    "PyLong_FromSsize_t",
    "PyMem_RawFree",
    "PyMem_RawMalloc",
    "PyMem_RawRealloc",
    "PyMethod_New",
    "PyObject_Call",
    "PyObject_Vectorcall",
    "PyThreadState_Get",
    "PyTuple_New",
    "PyType_GenericAlloc",
    "Py_DecRef",
    "Py_IncRef",
)
"""The functions of CPython's C API that generated code calls."""

TYPES: dict[type, str] = {
    float: "PyFloat_Type",
    int: "PyLong_Type",
    list: "PyList_Type",
    tuple: "PyTuple_Type",
    np.ndarray: "PyArray_Type",
    np.float64: "PyDoubleArrType_Type",
}
"""The types that it knows, by their names in the C API."""

GENERAL = "general_call"
"""The symbol of the `__call__` that takes every call."""

_symbols: dict[str, int] = {}


# -- the type --------------------------------------------------------------------------------


class Member(ctypes.Structure):
    """A word of an object as Python sees it: CPython's PyMemberDef."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("offset", ctypes.c_ssize_t),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    ]


class _Slot(ctypes.Structure):  # PyType_Slot
    _fields_ = [("slot", ctypes.c_int), ("pointer", ctypes.c_void_p)]


class _Spec(ctypes.Structure):  # PyType_Spec
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("basicsize", ctypes.c_int),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("slots", ctypes.POINTER(_Slot)),
    ]


ENTRY_AT = object.__basicsize__
ARRAYS_AT = ENTRY_AT + 8
_MEMBERS = (Member * 4)(
    Member(b"__vectorcalloffset__", SSIZE, ENTRY_AT, READONLY, None),
    Member(b"_entry", SSIZE, ENTRY_AT, 0, b"The address of the function that a call runs, or 0."),
    Member(b"_arrays", SSIZE, ARRAYS_AT, 0, b"What array_entry.py must know, or 0."),
)
_NAME = f"{__name__}.NativeCallable"


def heap_type(name: str, size: int, flags: int, members: Any, call: int = 0) -> Any:
    """A type of Python's whose objects have so many bytes, which `members` describes; `call`: the
    address of what calls them.
    """
    slots = [_Slot(MEMBERS_SLOT, ctypes.addressof(members))]
    if call:
        slots.append(_Slot(CALL_SLOT, call))
    spec = _Spec(name.encode(), size, 0, flags, (_Slot * 3)(*slots))
    make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.POINTER(_Spec))(
        ("PyType_FromSpec", ctypes.pythonapi)
    )
    return make(ctypes.byref(spec))


def _make_type() -> Any:
    """A heap type with a vectorcall slot behind the object's head, seen as `_entry`."""
    call = ctypes.cast(ctypes.pythonapi.PyVectorcall_Call, ctypes.c_void_p).value or 0
    return heap_type(_NAME, ARRAYS_AT + 8, DEFAULT | BASETYPE | HAVE_VECTORCALL, _MEMBERS, call)


class _Ordinary:
    """NativeCallable where the interpreter is not known: the slot is there, and nobody reads it."""

    _entry = 0
    _arrays = 0


def immortal(x: Any) -> Any:
    """The same object, which now outlives all others: also what runs while the process ends."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(x))
    return x


def slot_offset(holder: Any, x: Any) -> int:
    """Where an object has another in a slot, in bytes. Raises Unexpected if that is not found."""
    size = type(holder).__basicsize__ // 8
    words = list((ctypes.c_size_t * size).from_address(id(holder)))
    if words[2:].count(id(x)) != 1:
        raise Unexpected(f"the slots of {type(holder).__name__} are not in its memory")
    return 8 * (2 + words[2:].index(id(x)))


def native(kind: T) -> T:
    """Let calls of this subclass of NativeCallable, a decorator, go through the slot.

    What the function in the slot cannot take, it hands to the `__call__` of the class decorated
    last.

    CPython does not inherit Py_TPFLAGS_HAVE_VECTORCALL where `__call__` is defined anew, since it
    must then agree with the slot. Here it does: `__call__` takes every call.
    """
    if _reason is None:
        flags = ctypes.c_size_t.from_address(id(kind) + LAYOUT.type_flags)
        _expect(flags.value == kind.__flags__, "tp_flags")
        flags.value |= HAVE_VECTORCALL
        ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))
        _symbols[GENERAL] = id(immortal(kind.__dict__["__call__"]))
    return kind


def _try_out(base: Any) -> None:
    """Raises Unexpected unless a call of a subclass of `base` goes where its slot says."""

    def called(self: Any, _arguments: int, nargsf: int, _names: int | None) -> Any:
        return self, nargsf & (2**63 - 1)

    entry = ctypes.PYFUNCTYPE(
        ctypes.py_object, ctypes.py_object, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p
    )(called)
    probe: Any = native(type("Probe", (base,), {"__call__": lambda self, *args: None}))()
    answers = [probe(1, 2)]
    probe._entry = ctypes.cast(entry, ctypes.c_void_p).value
    _expect(_word(probe, ENTRY_AT) == probe._entry, "the slot")
    answers += [probe(), probe(1, 2), probe(*[1, 2, 3])]
    probe._entry = 0
    answers.append(probe(1))
    _expect(answers == [None, (probe, 0), (probe, 2), (probe, 3), None], "the vectorcall protocol")


_reason: str | None = None

if TYPE_CHECKING:

    class NativeCallable:
        """An object with a slot for the address of the function that a call runs, or 0."""

        _entry: int
        _arrays: int

        def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

else:
    try:
        check_interpreter()
        LAYOUT.check()
        NativeCallable = _make_type()
        _try_out(NativeCallable)
    except (Unexpected, AttributeError, TypeError) as error:
        _reason = str(error)
        NativeCallable = _Ordinary


def available() -> bool:
    """Whether calls of a NativeCallable run the function that its slot says."""
    return _reason is None


def reason() -> str:
    """Why not; empty where they do."""
    return _reason or ""


def symbols() -> dict[str, int]:
    """The addresses of everything that generated code refers to, by symbol."""
    return _symbols


if available():
    _found = {name: getattr(ctypes.pythonapi, name) for name in FUNCTIONS}
    _symbols |= {name: ctypes.cast(f, ctypes.c_void_p).value or 0 for name, f in _found.items()}
    _symbols |= {name: id(kind) for kind, name in TYPES.items()}
    _symbols |= {str(dtype): id(dtype) for dtype in BY_DTYPE}
