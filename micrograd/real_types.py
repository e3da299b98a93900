"""The types of real numbers that are computed in: all that is true of one stands in its entry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

DType: TypeAlias = np.dtype[Any]


@dataclass(frozen=True, slots=True)
class RealType:
    """A type of IEEE 754.

    name      what MLIR and the text of programs call it
    dtype     NumPy's
    c         what C calls it; LLVM too
    suffix    what the names of its functions in the C library end with
    fraction  how many binary places it has
    exponent  its largest exponent
    """

    name: str
    dtype: DType
    c: str
    suffix: str
    fraction: int
    exponent: int

    @property
    def bits(self) -> int:
        """How wide it is."""
        return self.dtype.itemsize * 8

    @property
    def whole(self) -> int:
        """Whole numbers up to this are numbers of the type."""
        return int(2 ** (self.fraction + 1))


F32: Final = RealType("f32", np.dtype(np.float32), "float", "f", 23, 127)
F64: Final = RealType("f64", np.dtype(np.float64), "double", "", 52, 1023)

REAL_TYPES: Final = {t.name: t for t in (F32, F64)}
"""All, by name; narrow ones first."""
BY_BITS: Final = {t.bits: t for t in REAL_TYPES.values()}
BY_DTYPE: Final = {t.dtype: t for t in REAL_TYPES.values()}
BY_ANY_NAME: Final = {name: t for t in REAL_TYPES.values() for name in (t.name, str(t.dtype))}

TENSORS: Final = F32
"""What Tensors hold, and models compute in, where nothing else is said."""
WIDE: Final = F64
"""What Python's numbers are, live parameters are stored in, functions of numbers computed in."""

NAMES: Final = " or ".join(str(t.dtype) for t in REAL_TYPES.values())
"""For errors: "float32 or float64"."""


def widest(dtypes: Iterable[DType], default: DType = TENSORS.dtype) -> DType:
    """The widest of some dtypes of real numbers; the default if there are none.

    >>> widest([F32.dtype, F64.dtype]), widest([])
    (dtype('float64'), dtype('float32'))
    """
    return max(dtypes, key=lambda dtype: dtype.itemsize, default=default)
