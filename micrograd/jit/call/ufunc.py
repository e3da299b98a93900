"""Native loops -> NumPy ufuncs, through NumPy's C API.

Source: NumPy reference, "UFunc API": PyUFunc_FromFuncAndDataAndSignature, PyUFuncObject.
"""

from __future__ import annotations

import copyreg
import ctypes
import weakref
from typing import Any, Protocol

import numpy as np

from ...errors import TraceError, user_location
from ..trace.compiling import add_gate, is_compiling

FROM_FUNCTION = 31
"""The place of PyUFunc_FromFuncAndDataAndSignature in NumPy's table of ufunc functions."""
OBJECT_OFFSET = 88
"""Where a PyUFuncObject, on 64-bit machines, keeps the object that it was made of."""
MOST_OPERANDS = 32
"""The operands that a ufunc of any NumPy may have (NPY_MAXARGS)."""

_NONE = -1  # PyUFunc_None: no identity


class Compilable(Protocol):
    """What a ufunc can be made of again, in another process."""

    def compiled(self) -> np.ufunc:
        """The ufunc, with code of its own."""


def make_ufunc(
    name: str,
    doc: str,
    loops: list[tuple[np.dtype[Any], int, int]],
    inputs: int,
    outputs: int,
    signature: str | None,
    owner: object,
    *,
    live: bool = False,
    made_of: Compilable | None = None,
) -> np.ufunc:
    """A ufunc whose operands are all of one dtype.

    loops      per dtype: the address of the inner loop, and of its data
    signature  of a generalised ufunc, as NumPy writes it, or None
    owner      what must live as long as the ufunc: the code and the data
    live       whether it reads live parameters, so that its numbers are not final while a function
               that uses them is compiled
    made_of    what its pickle has; None: it cannot be pickled
    """
    n = len(loops)
    kept = _Kept(owner)
    if made_of is not None:
        kept.made_of = made_of
        _pickled[id(kept)] = kept
        copyreg.pickle(np.ufunc, _reduced)
    kept.functions = (ctypes.c_void_p * n)(*(address for _, address, _ in loops))
    if live:
        kept.watch(name)
    kept.data = (ctypes.c_void_p * n)(*(data for _, _, data in loops))
    kept.types = bytes(dtype.num for dtype, _, _ in loops for _ in range(inputs + outputs))
    kept.name, kept.doc = name.encode(), doc.encode()
    make = ctypes.PYFUNCTYPE(
        ctypes.py_object,
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int,
        ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int,
        ctypes.c_char_p,
    )(_table()[FROM_FUNCTION])  # fmt: skip
    ufunc: np.ufunc = make(
        ctypes.addressof(kept.functions),
        ctypes.addressof(kept.data),
        kept.types,
        n,
        inputs,
        outputs,
        _NONE,
        kept.name,
        kept.doc,
        0,
        signature.encode() if signature is not None else None,
    )
    _own(ufunc, kept)
    return ufunc


_Loop = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4)


class _Kept:
    """The memory that a ufunc points to, and the gate of one that reads live parameters: its loops
    are others while a function is compiled.
    """

    functions: Any
    data: Any
    types: bytes
    name: bytes
    doc: bytes
    made_of: Compilable

    def __init__(self, owner: object) -> None:
        self.owner = owner
        self.opened: list[int] = []
        self.watched: list[Any] = []

    def watch(self, name: str) -> None:
        """Let calls from functions that are compiled be known."""
        self.opened = list(self.functions)
        self.watched = [_Loop(_watched(name, _Loop(address))) for address in self.opened]
        add_gate(self)

    def shut(self) -> None:
        """Call the loops that look who calls."""
        for k, loop in enumerate(self.watched):
            self.functions[k] = ctypes.cast(loop, ctypes.c_void_p).value

    def open(self) -> None:
        """Call machine code."""
        self.functions[:] = self.opened


def _watched(name: str, loop: Any) -> Any:
    """The loop, which has no way to raise an error, so that its caller's compilation does."""

    def watched(*arguments: Any) -> None:
        scope = is_compiling()
        if scope is not None and scope.problem is None:
            scope.problem = numbers_of(name)
        loop(*arguments)

    return watched


def numbers_of(name: str) -> TraceError:
    """The error for the ufunc of a kernel in a function that is compiled."""
    return TraceError(
        f"{user_location()}: {name}.ufunc gives numbers, which would be constants of the function "
        "that is compiled; call the kernel itself"
    )


def _own(ufunc: np.ufunc, kept: object) -> None:
    """Let the ufunc hold a reference to `kept`, which it drops when it goes.

    `numpy.frompyfunc` makes ufuncs that do so with their function, which shows where.
    """
    probe = np.frompyfunc(_probe, 1, 1)
    if ctypes.c_void_p.from_address(id(probe) + OBJECT_OFFSET).value != id(_probe):
        _immortal.append(kept)
        return
    slot = ctypes.c_void_p.from_address(id(ufunc) + OBJECT_OFFSET)
    if slot.value is not None:
        _immortal.append(kept)
        return
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))
    slot.value = id(kept)


_immortal: list[object] = []
"""What ufuncs of an unknown layout point to."""


_pickled: weakref.WeakValueDictionary[int, _Kept] = weakref.WeakValueDictionary()
"""What ufuncs that can be pickled point to, by its address."""
_numpys = copyreg.dispatch_table[np.ufunc]


def _reduced(ufunc: np.ufunc) -> Any:
    """How a ufunc is pickled: a kernel's as what it is made of, others as NumPy does it."""
    kept = _pickled.get(ctypes.c_void_p.from_address(id(ufunc) + OBJECT_OFFSET).value or 0)
    return _numpys(ufunc) if kept is None else (_compiled, (kept.made_of,))


def _compiled(made_of: Compilable) -> np.ufunc:
    return made_of.compiled()


def _probe(x: Any) -> Any:
    return x


def _table() -> Any:
    """NumPy's table of ufunc functions."""
    core = np._core if hasattr(np, "_core") else np.core
    capsule = core._multiarray_umath._UFUNC_API
    get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", ctypes.pythonapi)
    )
    return (ctypes.c_void_p * (FROM_FUNCTION + 1)).from_address(get(capsule, None))
