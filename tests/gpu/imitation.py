"""An imitation of NVIDIA's driver, by the prototypes of its C header, that runs the host's code.

Memory of its device is memory of this process, at addresses that are given to no one else, and a
module is that of a kernel for the host, which has the same functions.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint, c_uint64, c_void_p
from typing import Any

import lowering
from micrograd.jit.emit.grid import THREADS

OUT_OF_MEMORY, INVALID_PTX, NOT_FOUND, LAUNCH_FAILED = 2, 218, 500, 719
TEXTS = {
    OUT_OF_MEMORY: (b"CUDA_ERROR_OUT_OF_MEMORY", b"out of memory"),
    INVALID_PTX: (b"CUDA_ERROR_INVALID_PTX", b"a PTX JIT compilation failed"),
    NOT_FOUND: (b"CUDA_ERROR_NOT_FOUND", b"named symbol not found"),
    LAUNCH_FAILED: (b"CUDA_ERROR_LAUNCH_FAILED", b"unspecified launch failure"),
}


class Imitation:
    """The library: functions by name, each of which can be told to fail.

    native     the module that is loaded next
    most       bytes of memory that there are
    fails      what functions of some names give in place of what they do
    """

    def __init__(self, native: lowering.NativeModule | None = None, gpus: int = 1) -> None:
        self.native = native
        self.gpus = gpus
        self.most = 1 << 30
        self.fails: dict[str, int] = {}
        self.memory: dict[int, Any] = {}
        self.launched: list[tuple[str, int]] = []
        self.copied = 0
        self.depth = 0
        self.loaded = ""
        self._names: dict[int, str] = {}
        for name, types, function in self._functions():
            setattr(self, name, self._as_c(name, types, function))

    def _as_c(self, name: str, types: list[Any], function: Callable[..., int]) -> Any:
        def call(*args: Any) -> int:
            if name in self.fails:
                return self.fails[name]
            if name.startswith(("cuMem", "cuModule", "cuLaunch", "cuCtxSync")):
                assert self.depth == 1, f"{name} without a context"
            return function(*args)

        return ctypes.CFUNCTYPE(c_int, *types)(call)

    def _functions(self) -> list[tuple[str, list[Any], Callable[..., int]]]:
        handle, device = POINTER(c_void_p), POINTER(c_int)
        return [
            ("cuInit", [c_uint], lambda flags: 0),
            ("cuDeviceGetCount", [device], self._count),
            ("cuDeviceGet", [device, c_int], lambda found, k: 0),
            ("cuDeviceGetName", [c_void_p, c_int, c_int], self._name),
            ("cuDevicePrimaryCtxRetain", [handle, c_int], self._retain),
            ("cuCtxPushCurrent_v2", [c_void_p], self._push),
            ("cuCtxPopCurrent_v2", [handle], self._pop),
            ("cuCtxSynchronize", [], lambda: 0),
            ("cuModuleLoadDataEx", [handle, c_char_p, c_uint, POINTER(c_int), handle], self._load),
            ("cuModuleUnload", [c_void_p], lambda module: 0),
            ("cuModuleGetFunction", [handle, c_void_p, c_char_p], self._function),
            (
                "cuModuleGetGlobal_v2",
                [POINTER(c_uint64), POINTER(c_size_t), c_void_p, c_char_p],
                self._global,
            ),
            ("cuMemAlloc_v2", [POINTER(c_uint64), c_size_t], self._allocate),
            ("cuMemFree_v2", [c_uint64], self._free),
            ("cuMemcpyHtoD_v2", [c_uint64, c_void_p, c_size_t], self._to_device),
            ("cuMemcpyDtoH_v2", [c_void_p, c_uint64, c_size_t], self._to_host),
            ("cuLaunchKernel", [c_void_p, *[c_uint] * 7, c_void_p, handle, handle], self._launch),
            ("cuGetErrorName", [c_int, POINTER(c_char_p)], lambda *a: self._text(0, *a)),
            ("cuGetErrorString", [c_int, POINTER(c_char_p)], lambda *a: self._text(1, *a)),
        ]

    def _count(self, found: Any) -> int:
        found[0] = self.gpus
        return 0

    def _name(self, name: int, size: int, device: int) -> int:
        ctypes.memmove(name, b"an imitation\0", min(size, 13))
        return 0

    def _retain(self, context: Any, device: int) -> int:
        context[0] = 77
        return 0

    def _push(self, context: int) -> int:
        assert context == 77
        self.depth += 1
        return 0

    def _pop(self, context: Any) -> int:
        context[0] = 77
        self.depth -= 1
        return 0

    def _load(self, module: Any, image: bytes, count: int, options: Any, values: Any) -> int:
        self.loaded = image.decode()
        given = dict(zip(options[:count], values[:count], strict=True))
        assert given.keys() == {5, 6}  # the buffer for errors, and its size
        if ".entry" not in self.loaded:
            said = b"ptxas fatal: no kernel\0"
            assert given[6] > len(said)
            ctypes.memmove(given[5], said, len(said))
            return INVALID_PTX
        module[0] = 5
        return 0

    def _function(self, function: Any, module: int, name: bytes) -> int:
        assert module == 5
        if f".visible .entry {name.decode()}(" not in self.loaded:
            return NOT_FOUND
        function[0] = 100 + len(self._names)
        self._names[100 + len(self._names)] = name.decode()
        return 0

    def _global(self, address: Any, size: Any, module: int, name: bytes) -> int:
        assert self.native is not None
        if f".visible .global .align 8 .u64 {name.decode()}" not in self.loaded:
            return NOT_FOUND
        address[0], size[0] = self.native.address(name.decode()), 8
        return 0

    def _allocate(self, address: Any, size: int) -> int:
        assert size > 0
        if size > self.most:
            return OUT_OF_MEMORY
        room = ctypes.create_string_buffer(b"\xff" * size, size)
        address[0] = ctypes.addressof(room)
        self.memory[address[0]] = room
        return 0

    def _free(self, address: int) -> int:
        del self.memory[address]
        return 0

    def _to_device(self, to: int, source: int, size: int) -> int:
        ctypes.memmove(to, source, size)
        self.copied += size
        return 0

    def _to_host(self, to: int, source: int, size: int) -> int:
        ctypes.memmove(to, source, size)
        return 0

    def _launch(self, function: int, *given: Any) -> int:
        blocks, *one, shared, stream, parameters, extra = given
        assert one == [1, 1, THREADS, 1, 1]
        assert (shared, bool(stream), bool(extra)) == (0, False, False)
        name = self._names[function]
        count = len({x.strip(",") for x in self.loaded.split() if x.startswith(f"{name}_param_")})
        words = [c_uint64.from_address(parameters[k]).value for k in range(count)]
        assert words[-1] == blocks
        self.launched.append((name, blocks))
        assert self.native is not None
        self.native.function(name, None, *[c_uint64] * count)(*words)
        return 0

    def _text(self, which: int, code: int, text: Any) -> int:
        if code not in TEXTS:
            return 1
        text[0] = TEXTS[code][which]
        return 0
