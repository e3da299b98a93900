"""Kernels at points as ops whose functions PyTorch calls without Python, where it can."""

from __future__ import annotations

import ctypes
import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import library
from torch._C._functorch import peek_interpreter_stack
from torch.autograd import forward_ad

from ..bridge.points import Pointwise
from ..jit.call.aten import HANDLER, RUN, Handled, emit_handler, run_address
from ..jit.call.aten_columns import SIGNATURES
from ..locks import Lock
from .dtypes import NUMBERS, WIDE

NAMESPACE = "micrograd_native"
Native: TypeAlias = Callable[..., Any]
PLAIN = torch.Tensor, torch.nn.Parameter
"""The classes of tensors that have no say in what they are called with."""
_LIBRARIES = "libtorch_cpu.so", "libtorch_cpu.dylib", "torch_cpu.dll"
_DTYPES = {dtype: f"aoti_torch_dtype_{number.name}" for dtype, number in NUMBERS.items()}
_DEVICE = "aoti_torch_device_type_cpu"
_TOLD = "aoti_torch_library_init_impl", "aoti_torch_library_impl"
_numbers = itertools.count(1)
_made: list[Any] = []
"""All machine code, which is kept as long as the process lives, for PyTorch may call it."""
_lock = Lock()


@dataclass(frozen=True, slots=True)
class Interface:
    """PyTorch's interface for C.

    run      the address of what handlers call, which calls it
    dtypes   what it calls them
    device   what it calls this process's memory
    enter    enters the function at an address as that of the op of this name
    """

    run: int
    dtypes: dict[torch.dtype, int]
    device: int
    enter: Callable[[str, int], bool]


def native(function: Pointwise, dtype: torch.dtype, name: str, *, kept: bool) -> Native | None:
    """An op that computes a function at points, called with its tensors and with 1 if these have
    the same points, 0 if they broadcast.

    It gives what the handler of `jit/call/aten.py` does. It has no derivatives and no shapes for
    graphs: it is called with tensors that need none. None if there is more to a call than the
    machine code for a block of points, or if PyTorch has no such interface.

    name   what it is of
    kept   whether it gives a second tensor, which is empty
    """
    interface, number = c_interface(), NUMBERS.get(dtype)
    if interface is None or number is None:
        return None
    most = function.most_points(number)
    if most is None or not function.results:
        return None
    handled = Handled(
        function.sizes,
        function.results,
        most,
        2 if kept else 1,
        interface.dtypes[dtype],
        interface.dtypes[WIDE],
        interface.device,
    )
    points = function.executable(number).points
    points.extend(
        lambda module: emit_handler(module, handled, points.target),
        ("torch", handled),
        lambda _: {RUN: interface.run},
    )
    with _lock:
        own = f"{name}_{next(_numbers)}"
        tensors = ", ".join(f"Tensor x{k}" for k in range(len(function.sizes)))
        results = "(Tensor, Tensor)" if kept else "Tensor"
        _library().define(f"{own}({tensors}, int alike) -> {results}")
        none = (None, None) if kept else None
        elsewhere: Native = lambda *_: none  # noqa: E731
        _library().impl(own, elsewhere, "CompositeExplicitAutograd")
        _made.append(points.native)
        if not interface.enter(own, points.native.address(HANDLER)):
            return None
    made: Native = getattr(getattr(torch.ops, NAMESPACE), own).default._op
    return made


def ordinary() -> bool:
    """Whether nothing is under way that sees or changes what tensors are called with."""
    return (
        not torch.compiler.is_compiling()
        and peek_interpreter_stack() is None
        and forward_ad._current_level < 0
        and not torch._C._len_torch_dispatch_stack()
        and not torch._C._len_torch_function_stack()
        and torch._C._get_tracing_state() is None
    )


@functools.cache
def _library() -> library.Library:
    return library.Library(NAMESPACE, "FRAGMENT")


@functools.cache
def c_interface() -> Interface | None:
    """That of this PyTorch; None if it has not all of it."""
    folder = Path(torch.__file__).parent / "lib"
    path = next((folder / name for name in _LIBRARIES if (folder / name).exists()), None)
    if path is None:
        return None
    found: Any = ctypes.CDLL(str(path))
    if not all(hasattr(found, name) for name in (*SIGNATURES, *_DTYPES.values(), _DEVICE, *_TOLD)):
        return None

    def address(name: str) -> int:
        return ctypes.cast(getattr(found, name), ctypes.c_void_p).value or 0

    made = ctypes.c_void_p()
    begun = found.aoti_torch_library_init_impl(
        NAMESPACE.encode(), b"CPU", __name__.encode(), 1, ctypes.byref(made)
    )
    if begun != 0:
        return None

    def enter(name: str, handler: int) -> bool:
        taken = found.aoti_torch_library_impl(made, name.encode(), ctypes.c_void_p(handler))
        return bool(taken == 0)

    return Interface(
        run_address({name: address(name) for name in SIGNATURES}),
        {dtype: getattr(found, name)() for dtype, name in _DTYPES.items()},
        getattr(found, _DEVICE)(),
        enter,
    )
