"""MLIR module -> machine code: the one way in which the compiler's own modules are compiled."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Mapping
from typing import Any

import lowering
from lowering.bindings import ir

from ...locks import importing
from ..target import Target

LOOP = "numpy."
HEARD = "python.heard"
_KERNEL = re.compile(r"\bproduct\.f\d+\.\d+\.r\w+|\bnumpy\.\w+\.f\d+|\bpython\.heard\b")
"""As product_library.py, numpy_loops.py and interrupts.py name them."""


def native(
    module: ir.Module | str,
    target: Target,
    *,
    opt_level: int = 2,
    symbols: Mapping[str, int] | None = None,
    passes: bool = True,
) -> lowering.NativeModule:
    """The machine code of a module, or of LLVM IR as text, for a target.

    The schedule has chosen the lanes and how far to unroll, so LLVM does not look for either. What
    we emit does not end LLVM, so it needs no process of its own. Micro-kernels of products, loops
    of NumPy, and `heard`, that the module declares are linked by their names.
    """
    kernels: Mapping[str, int] = {}
    names = needed(module)
    if HEARD in names:
        names -= {HEARD}
        with importing:
            from .interrupts import heard_address
        symbols = {**(symbols or {}), HEARD: heard_address()}
    if loops := {name for name in names if name.startswith(LOOP)}:
        with importing:
            from .numpy_loops import addresses as addresses_of_loops
        kernels = addresses_of_loops(loops)
    if products := names - loops:
        with importing:
            from .product_library import addresses
        kernels = {**kernels, **addresses(products, target)}
    compile = lowering.compile_ir if isinstance(module, str) else lowering.compile
    return compile(
        module,
        opt_level=opt_level,
        symbols={**kernels, **(symbols or {})},
        passes=passes,
        **_manner(target),
    )


def listing(
    module: ir.Module, target: Target, *, opt_level: int = 2, lines: str = ""
) -> tuple[str, str]:
    """The LLVM IR and the assembly of what `native` would make of a module; with the lines of a
    file that it is of, if that is named.
    """
    return lowering.listing(module, lines=lines, opt_level=opt_level, **_manner(target))


def _manner(target: Target) -> dict[str, Any]:
    """How modules are compiled for a target."""
    return {
        "vectorize": False,
        "unroll": False,
        "isolate": False,
        "cpu": target.processor.cpu,
        "features": target.processor.features,
    }


def needed(module: ir.Module | str) -> set[str]:
    """The names of such kernels and functions that a module, or LLVM IR, declares."""
    if isinstance(module, str):
        return set(_KERNEL.findall(module))
    names = (op.attributes["sym_name"].value for op in module.body if "sym_name" in op.attributes)
    return {name for name in names if _KERNEL.fullmatch(name)}


def set_pointer(code: lowering.NativeModule, name: str, address: int) -> None:
    """Set a global variable of linked code, which is null until then."""
    ctypes.c_void_p.from_address(code.address(name)).value = address
