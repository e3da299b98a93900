"""NVIDIA's driver, by its API in C: code is loaded, memory copied, and grids are launched.

Source: CUDA Driver API reference. Every function gives a number, 0 if all is well, and the driver
has a name and a sentence for each other.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import GpuError
from ..jit.emit.grid import THREADS
from .code import GridCode

_NAMES = ("nvcuda.dll",) if sys.platform == "win32" else ("libcuda.so.1", "libcuda.so")
_NO_DRIVER = "there is no NVIDIA driver on this machine"
_LOG = 8192
"""Bytes for what the driver says of code."""
_ERROR_LOG, _ERROR_SIZE = 5, 6
"""CU_JIT_ERROR_LOG_BUFFER and CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES."""

_POINTER, _SIZE, _INT, _UNSIGNED = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_uint,
)
_DEVICE_POINTER = ctypes.c_uint64
_TYPES: dict[str, tuple[Any, ...]] = {
    "cuInit": (_UNSIGNED,),
    "cuDeviceGetCount": (_POINTER,),
    "cuDeviceGet": (_POINTER, _INT),
    "cuDeviceGetName": (_POINTER, _INT, _INT),
    "cuDevicePrimaryCtxRetain": (_POINTER, _INT),
    "cuCtxPushCurrent_v2": (_POINTER,),
    "cuCtxPopCurrent_v2": (_POINTER,),
    "cuCtxSynchronize": (),
    "cuModuleLoadDataEx": (_POINTER, _POINTER, _UNSIGNED, _POINTER, _POINTER),
    "cuModuleUnload": (_POINTER,),
    "cuModuleGetFunction": (_POINTER, _POINTER, ctypes.c_char_p),
    "cuModuleGetGlobal_v2": (_POINTER, _POINTER, _POINTER, ctypes.c_char_p),
    "cuMemAlloc_v2": (_POINTER, _SIZE),
    "cuMemFree_v2": (_DEVICE_POINTER,),
    "cuMemcpyHtoD_v2": (_DEVICE_POINTER, _POINTER, _SIZE),
    "cuMemcpyDtoH_v2": (_POINTER, _DEVICE_POINTER, _SIZE),
    "cuLaunchKernel": (_POINTER, *[_UNSIGNED] * 7, _POINTER, _POINTER, _POINTER),
    "cuGetErrorName": (_INT, _POINTER),
    "cuGetErrorString": (_INT, _POINTER),
}


class Driver:
    """The functions of the driver's library, each of which raises GpuError if it fails."""

    def __init__(self, library: Any) -> None:
        self._functions = {}
        for name, types in _TYPES.items():
            try:
                function = getattr(library, name)
            except AttributeError:
                raise GpuError(f"NVIDIA's driver has no {name}; it is too old") from None
            function.argtypes, function.restype = types, _INT
            self._functions[name] = function

    def call(self, name: str, *args: Any, what: str = "") -> None:
        """Call a function; `what` it is for is told if it fails."""
        code = self._functions[name](*args)
        if code:
            doing = f" {what}" if what else ""
            raise GpuError(f"the GPU failed{doing}: {name} gave {self._meaning(code)}")

    def _meaning(self, code: int) -> str:
        texts = []
        for name in ("cuGetErrorName", "cuGetErrorString"):
            text = ctypes.c_char_p()
            failed = self._functions[name](code, ctypes.byref(text))
            texts.append("" if failed or text.value is None else text.value.decode())
        return f"{texts[0] or code}: {texts[1]}" if texts[1] else texts[0] or str(code)


class Memory:
    """Memory of the device, freed when it is dropped."""

    def __init__(self, cuda: Cuda, size: int) -> None:
        found = _DEVICE_POINTER()
        with cuda:
            told = f"to give {size} bytes of memory"
            cuda.driver.call("cuMemAlloc_v2", ctypes.byref(found), max(size, 1), what=told)
        self._cuda = cuda
        self.address = int(found.value)

    def read(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """A copy of what is there, as an array; what was launched before is waited for."""
        found = np.empty(shape, dtype)
        self._cuda.wait()
        with self._cuda as cuda:
            cuda.driver.call("cuMemcpyDtoH_v2", found.ctypes.data, self.address, found.nbytes)
        return found

    def write(self, array: npt.NDArray[Any]) -> None:
        """Copy a contiguous array to it."""
        with self._cuda as cuda:
            cuda.driver.call("cuMemcpyHtoD_v2", self.address, array.ctypes.data, array.nbytes)

    def __del__(self) -> None:
        address, cuda = getattr(self, "address", 0), getattr(self, "_cuda", None)
        if address and cuda is not None and sys is not None and not sys.is_finalizing():
            cuda.free(address)


class Loaded:
    """Code on the device, with its functions by name."""

    def __init__(self, cuda: Cuda, code: str) -> None:
        self._cuda = cuda
        self.module = ctypes.c_void_p()
        log = ctypes.create_string_buffer(_LOG)
        options = (ctypes.c_int * 2)(_ERROR_LOG, _ERROR_SIZE)
        values = (ctypes.c_void_p * 2)(ctypes.addressof(log), _LOG)
        text = code.encode() + b"\0"
        with cuda:
            try:
                cuda.driver.call(
                    "cuModuleLoadDataEx", ctypes.byref(self.module), text, 2, options, values
                )
            except GpuError as error:
                said = log.value.decode(errors="replace").strip()
                raise GpuError(f"{error}\n{said}" if said else str(error)) from None
        self._functions: dict[str, Any] = {}

    def function(self, name: str) -> Any:
        """The function of this name."""
        if name not in self._functions:
            found = ctypes.c_void_p()
            with self._cuda as cuda:
                named = name.encode()
                cuda.driver.call("cuModuleGetFunction", ctypes.byref(found), self.module, named)
            self._functions[name] = found
        return self._functions[name]

    def __del__(self) -> None:
        if getattr(self, "module", None) and sys is not None and not sys.is_finalizing():
            self._cuda.unload(self.module)


class Cuda:
    """The first of NVIDIA's GPUs here. As a context manager, it is the one that calls are for.

    Raises GpuError where there is none.
    """

    def __init__(self, library: Any = None) -> None:
        self.driver = driver = Driver(_library() if library is None else library)
        driver.call("cuInit", 0, what="to start")
        count = ctypes.c_int()
        driver.call("cuDeviceGetCount", ctypes.byref(count))
        if not count.value:
            raise GpuError("NVIDIA's driver finds no GPU on this machine")
        device = ctypes.c_int()
        driver.call("cuDeviceGet", ctypes.byref(device), 0)
        name = ctypes.create_string_buffer(256)
        driver.call("cuDeviceGetName", name, len(name), device)
        self.name = name.value.decode(errors="replace")
        self._context = ctypes.c_void_p()
        driver.call("cuDevicePrimaryCtxRetain", ctypes.byref(self._context), device)

    def __enter__(self) -> Cuda:
        self.driver.call("cuCtxPushCurrent_v2", self._context)
        return self

    def __exit__(self, *_: Any) -> None:
        self.driver.call("cuCtxPopCurrent_v2", ctypes.byref(ctypes.c_void_p()))

    def load(self, code: GridCode) -> Loaded:
        """The code, ready to be launched."""
        return Loaded(self, code.assembly)

    def copied(self, array: npt.NDArray[Any]) -> Memory:
        """Memory with the elements of a contiguous array."""
        memory = self.room(array.nbytes)
        if array.nbytes:
            memory.write(array)
        return memory

    def room(self, size: int) -> Memory:
        """So many bytes of memory."""
        return Memory(self, size)

    def wait(self) -> None:
        """Until what was launched is done, or has failed."""
        with self:
            self.driver.call("cuCtxSynchronize", what="while it computed")

    def free(self, address: int) -> None:
        """Give memory back; what was launched before is waited for. A GPU that has failed fails
        here once more, which was told.
        """
        with suppress(GpuError), self:
            self.driver.call("cuMemFree_v2", address)

    def unload(self, module: Any) -> None:
        """Give the memory of code back, likewise."""
        with suppress(GpuError), self:
            self.driver.call("cuModuleUnload", module)

    def point(self, loaded: Loaded, name: str, to: Memory) -> None:
        """Set a global variable of the code to an address."""
        place, size = _DEVICE_POINTER(), ctypes.c_size_t()
        word = ctypes.c_uint64(to.address)
        with self:
            found = ctypes.byref(place), ctypes.byref(size)
            self.driver.call("cuModuleGetGlobal_v2", *found, loaded.module, name.encode())
            self.driver.call("cuMemcpyHtoD_v2", place, ctypes.byref(word), 8)

    def launch(
        self, loaded: Loaded, name: str, blocks: int, pointers: Sequence[int], n: int
    ) -> None:
        """Run a function of the code by so many blocks, behind what was launched before."""
        function = loaded.function(name)
        words = [ctypes.c_uint64(x) for x in (*pointers, n, blocks)]
        addresses = (ctypes.c_void_p * len(words))(*map(ctypes.addressof, words))
        grid = (blocks, 1, 1, THREADS, 1, 1, 0)
        with self:
            self.driver.call(
                "cuLaunchKernel", function, *grid, None, addresses, None, what=f"to launch {name}"
            )


def _library() -> Any:
    for name in _NAMES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise GpuError(
        f"{_NO_DRIVER} ({_NAMES[0]} cannot be loaded): look at the code by assembly(...), or take "
        "target='host', to see what the threads do"
    )
