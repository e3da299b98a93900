"""Grids of threads on this machine's processor, one thread after the other.

The threads do what they do on a GPU, written by the same emitter, so what they compute can be
tried everywhere; it is no way to be fast.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import lowering

from ..jit.call.convention import address
from ..jit.emit.making import set_pointer
from .code import GridCode


class Room:
    """Memory of this process."""

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self._array = array
        self.address = address(array)

    def read(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """A copy of what is there, as an array."""
        return self._array.view(dtype).reshape(shape).copy()


class Host:
    """This machine as a device."""

    def load(self, code: GridCode) -> lowering.NativeModule:
        """The code, ready to be launched."""
        return code.native

    def copied(self, array: npt.NDArray[Any]) -> Room:
        """Memory with the elements of a contiguous array, which is not written."""
        return Room(array)

    def room(self, size: int) -> Room:
        """So many bytes of memory."""
        return Room(np.empty(size, np.uint8))

    def point(self, loaded: lowering.NativeModule, name: str, to: Room) -> None:
        """Set a global variable of the code to an address."""
        set_pointer(loaded, name, to.address)

    def launch(
        self,
        loaded: lowering.NativeModule,
        name: str,
        blocks: int,
        pointers: Sequence[int],
        n: int,
    ) -> None:
        """Run a function of the code by so many blocks."""
        types = [ctypes.c_void_p] * len(pointers) + [ctypes.c_int64] * 2
        loaded.function(name, None, *types)(*pointers, n, blocks)

    def wait(self) -> None:
        """Until what was launched is done: it is."""
