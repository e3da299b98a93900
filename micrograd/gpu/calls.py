"""`on_gpu`: a kernel that threads of a GPU run, a point or some rows each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import lowering

from ..errors import GpuError, SignatureError, kind
from ..jit.call.convention import made
from ..jit.emit.grid import THREADS
from ..jit.emit.grid_kernel import EACH, ROWS, TOTAL
from ..jit.executable import Executable
from ..jit.kernels.kernel import Kernel
from ..jit.kernels.totals import Total
from ..jit.target import Target
from ..jit.trace.signature import SCALAR, Structure, build
from ..locks import Lock
from .arguments import Given, of_points, of_rows
from .code import GridCode
from .cuda import Cuda
from .host import Host

TARGETS = ("nvptx64", "amdgcn", "host")
MOST_BLOCKS = 1 << 16
"""Blocks of a grid over points, at most; of more points threads take several."""
MOST_SUMMED = 1 << 10
"""The same of a grid over rows: each block has its sums."""
MOST_PARTIAL = 1 << 28
"""Bytes for the sums of all threads, from which on there are fewer blocks; they depend on the
number of rows and results alone, and so does the order of additions.
"""


def on_gpu(kernel: Any, target: str = "nvptx64", processor: str | None = None) -> OnGpu:
    """A kernel that threads of a GPU run.

    kernel     what `jit` gives, or a derivative of that: every point of the arrays that it is
               called with is a thread's. What `total` gives, or a derivative of that: every thread
               has the sum over some rows, and the order in which these are added depends on their
               number alone.
    target     "nvptx64": PTX, which runs where there is NVIDIA's driver. "amdgcn": assembly and an
               object for AMD's, which are not launched. "host": what the threads do, done one after
               the other by this machine, to compare with.
    processor  as LLVM names it, "sm_80" or "gfx942"; None: "sm_75", whose code newer ones run, or
               "gfx90a"

    Functions of the C library are written out, as in vectors (docs/math.md). Results differ from
    the kernel's in rounding; a strict kernel's do not, but it can have no such functions, and no
    sums over rows.

    >>> import numpy as np
    >>> from micrograd import exp, jit
    >>> from micrograd.gpu import on_gpu
    >>> f = on_gpu(jit(lambda x: x * exp(x)), target="host")
    >>> f(np.array([0.0, 1.0]))
    array([0.        , 2.71828183])
    >>> ".entry each" in on_gpu(jit(lambda x: x * exp(x))).assembly(np.ones(3))
    True

    Raises SignatureError for what is no kernel, and for other targets and processors.
    """
    if not isinstance(kernel, (Kernel, Total)):
        raise SignatureError(
            f"on_gpu takes what jit or total gives, or a derivative of that; got {kind(kernel)}"
        )
    if not isinstance(target, str) or target not in TARGETS:
        raise SignatureError(
            f"on_gpu: target should be one of {', '.join(map(repr, TARGETS))}, got {kind(target)}"
        )
    if isinstance(kernel, Total) and kernel._options.strict:
        raise SignatureError(
            f"{kernel.name} is strict, so its rows are added in order, which the threads of a GPU "
            "do not do; leave strict=True out"
        )
    if target == "host":
        if processor is not None:
            raise SignatureError("on_gpu: the host has one processor, which has no name here")
        return OnGpu(kernel, target, None)
    try:
        return OnGpu(kernel, target, lowering.grid_processor(target, processor))
    except lowering.CompileError as error:
        raise SignatureError(f"on_gpu: {error}") from None


class OnGpu:
    """What `on_gpu` gives: called as the kernel is, it gives what that gives."""

    def __init__(
        self, kernel: Kernel | Total, target: str, processor: lowering.Processor | None
    ) -> None:
        self.name = kernel.name
        self._kernel = kernel
        self._kind = target
        options = kernel._options
        self._target = Target.of_threads(options.dtype, strict=options.strict, processor=processor)
        self._summed = isinstance(kernel, Total)
        self._stacked = (
            kernel._stacked if isinstance(kernel, Kernel) and kernel._stacks else lambda x: x
        )
        self._recorded: dict[tuple[Structure, ...], Executable] = {}
        self._codes: dict[Any, GridCode] = {}
        self._loaded: dict[GridCode, Any] = {}
        self._constants: dict[GridCode, list[Any]] = {}
        self._rows: dict[tuple[GridCode, int], Any] = {}
        self.device: Any = None
        """Where it runs: found by the first call."""
        self._lock = Lock()

    def __reduce__(self) -> Any:
        """Without code, which the copy makes when it is called."""
        processor = None if self._kind == "host" else self._target.processor
        return OnGpu, (self._kernel, self._kind, processor)

    def __repr__(self) -> str:
        processor = self._target.processor.cpu
        return f"<{self.name} for {self._kind}, {processor}>"

    def assembly(self, *args: Any, **kwargs: Any) -> str:
        """What the threads run for such arguments, as text: of NVIDIA's processors PTX.

        Raises GraphError for what threads cannot do.
        """
        return self._code_for(*args, **kwargs).assembly

    def object(self, *args: Any, **kwargs: Any) -> bytes:
        """The same as an ELF object, for AMD's processors."""
        if self._kind != "amdgcn":
            raise GpuError(
                f"{self.name}: an object is made for 'amdgcn', not for {self._kind!r}; see assembly"
            )
        return self._code_for(*args, **kwargs).object_code

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The results, computed there.

        Raises GpuError where there is no driver, no GPU, or too little memory.
        """
        with self._lock:
            given = self._given(args, kwargs)
            return self._run(self._code(given), given)

    # -- code ----------------------------------------------------------------------------------

    def _given(self, args: Any, kwargs: Any) -> Given:
        if isinstance(self._kernel, Total):
            return of_rows(self._kernel, args, kwargs, self._recorded)
        return of_points(self._kernel, args, kwargs)

    def _code_for(self, *args: Any, **kwargs: Any) -> GridCode:
        with self._lock:
            return self._code(self._given(args, kwargs))

    def _code(self, given: Given) -> GridCode:
        key = given.executable, given.moving
        if key not in self._codes:
            self._codes[key] = GridCode(*key, self._target, summed=self._summed)
        return self._codes[key]

    # -- running -------------------------------------------------------------------------------

    def _run(self, code: GridCode, given: Given) -> Any:
        dtype, n = self._target.dtype, given.count
        shape = (code.results,) if self._summed else (code.results, n)
        found = np.zeros(shape, dtype)
        if n and code.results:
            if self.device is None:
                self.device = _DEVICES[self._kind]()
            found = self._launch(code, given, shape)
        result = given.executable.convention.result
        if self._summed or given.shape == ():
            return made(result, found.reshape(-1))
        rows = found.reshape(code.results, *given.shape)
        if result is SCALAR:
            return rows[0]
        return self._stacked(build(result, iter(rows)))

    def _launch(self, code: GridCode, given: Given, shape: tuple[int, ...]) -> Any:
        device, dtype, n = self.device, self._target.dtype, given.count
        if code not in self._loaded:
            self._loaded[code] = device.load(code)
            kept = [(name, device.copied(x)) for name, x in code.constants.items()]
            for name, room in kept:
                device.point(self._loaded[code], name, room)
            self._constants[code] = [room for _, room in kept]
        loaded = self._loaded[code]
        live = {name: device.copied(x) for name, x in code.live.items()}
        for name, room in live.items():
            device.point(loaded, name, room)
        inputs = [self._input(code, given, k) for k in range(len(code.inputs))]
        pointers = [x.address for x in inputs]
        size = dtype.itemsize
        result = device.room(int(np.prod(shape)) * size)
        blocks = -(-n // THREADS)
        if not self._summed:
            outputs, at = [], result.address
            for a in code.outputs:
                outputs.append(at)
                at += a.size * n * size
            blocks = min(blocks, MOST_BLOCKS)
            device.launch(loaded, EACH, blocks, [*pointers, *outputs], n)
        else:
            row = THREADS * code.results * size
            blocks = min(blocks, MOST_SUMMED, max(1, MOST_PARTIAL // row))
            partial, sums = device.room(row * blocks), device.room(row // THREADS * blocks)
            some = [partial.address, sums.address]
            device.launch(loaded, ROWS, blocks, [*pointers, *some], n)
            device.launch(loaded, TOTAL, code.results, [*some, result.address], blocks)
        return result.read(shape, dtype)

    def _input(self, code: GridCode, given: Given, k: int) -> Any:
        """An input where the code reads it; rows that are given for good are copied there once."""
        if not given.is_fixed(k):
            return self.device.copied(given.numbers(k))
        if (code, k) not in self._rows:
            self._rows[code, k] = self.device.copied(given.numbers(k))
        return self._rows[code, k]


def _of_amd() -> Any:
    raise GpuError(
        "code for 'amdgcn' is not launched here; take object(...), which AMD's runtime loads, or "
        "target='host', to see what the threads do"
    )


_DEVICES: dict[str, Callable[[], Any]] = {"nvptx64": Cuda, "amdgcn": _of_amd, "host": Host}
