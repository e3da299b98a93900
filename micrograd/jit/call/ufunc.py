"""Native loops -> NumPy ufuncs, through NumPy's C API.

Source: NumPy reference, "UFunc API": PyUFunc_FromFuncAndDataAndSignature, PyUFuncObject.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

FROM_FUNCTION = 31
"""The place of PyUFunc_FromFuncAndDataAndSignature in NumPy's table of ufunc functions."""
OBJECT_OFFSET = 88
"""Where a PyUFuncObject, on 64-bit machines, keeps the object that it was made of."""
MOST_OPERANDS = 32
"""The operands that a ufunc of any NumPy may have (NPY_MAXARGS)."""

_NONE = -1  # PyUFunc_None: no identity


def make_ufunc(
    name: str,
    doc: str,
    loops: list[tuple[np.dtype[Any], int, int]],
    inputs: int,
    outputs: int,
    signature: str | None,
    owner: object,
) -> np.ufunc:
    """A ufunc whose operands are all of one dtype.

    loops      per dtype: the address of the inner loop, and of its data
    signature  of a generalised ufunc, as NumPy writes it, or None
    owner      what must live as long as the ufunc: the code and the data
    """
    n = len(loops)
    kept = _Kept(owner)
    kept.functions = (ctypes.c_void_p * n)(*(address for _, address, _ in loops))
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


class _Kept:
    """The memory that a ufunc points to."""

    functions: Any
    data: Any
    types: bytes
    name: bytes
    doc: bytes

    def __init__(self, owner: object) -> None:
        self.owner = owner


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
