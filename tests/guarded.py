"""Memory between pages that may not be touched: a byte too far ends the process."""

from __future__ import annotations

import ctypes
import mmap
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

PAGE = mmap.PAGESIZE
_NONE = 0  # PROT_NONE

needs_guards = pytest.mark.skipif(sys.platform == "win32", reason="pages are protected by mprotect")


class Guarded:
    """`size` bytes that end, or begin, at a page that may not be touched."""

    def __init__(self, size: int, *, at_end: bool) -> None:
        pages = -(-size // PAGE)
        self._map = mmap.mmap(-1, (pages + 2) * PAGE)
        first = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        for page in (0, pages + 1):
            if protect(ctypes.c_void_p(first + page * PAGE), ctypes.c_size_t(PAGE), _NONE):
                raise OSError(ctypes.get_errno(), "mprotect")
        self._offset = PAGE + (pages * PAGE - size if at_end else 0)

    def array(self, shape: tuple[int, ...], dtype: Any) -> npt.NDArray[Any]:
        """An array over the first bytes."""
        return np.ndarray(shape, dtype, buffer=self._map, offset=self._offset)


def guarded(values: npt.NDArray[Any], *, at_end: bool) -> npt.NDArray[Any]:
    """A contiguous copy of an array whose memory ends, or begins, at a guarded page.

    The memory stays mapped for the rest of the process; tests make little of it.
    """
    place = Guarded(max(1, values.nbytes), at_end=at_end)
    _kept.append(place)
    copy = place.array(values.shape, values.dtype)
    copy[...] = values
    return copy


_kept: list[Guarded] = []
