"""MLIR module -> machine code: the one way in which the compiler's own modules are compiled."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

import lowering
from lowering.bindings import ir

from ...locks import importing
from ..target import Target
from .making import Making, Module, Symbols, manner

LOOP = "numpy."
HEARD = "python.heard"
_KERNEL = re.compile(r"product\.f\d+\.\d+\.r\w+|numpy\.\w+\.f\d+(?:\.data)?|python\.heard")
"""As product_library.py, numpy_loops.py and interrupts.py name them."""


def native(
    make: Callable[[], Module],
    target: Target,
    made_from: tuple[Any, ...] | None,
    *,
    symbols: Symbols | None = None,
    **how: Any,
) -> lowering.NativeModule:
    """The machine code of a module for a target."""
    return making(make, target, made_from, symbols=symbols, **how).native()


def making(
    make: Callable[[], Module],
    target: Target,
    made_from: tuple[Any, ...] | None,
    *,
    symbols: Symbols | None = None,
    **how: Any,
) -> Making:
    """The same, to be made when it is asked for. Micro-kernels of products, loops of NumPy, and
    `heard`, that the module declares, are linked by their names.
    """

    def found(names: Collection[str]) -> dict[str, int]:
        given = symbols(names) if callable(symbols) else symbols
        return {**linked_by_name(names, target), **(given or {})}

    return Making(make, target, made_from, symbols=found, **how)


def linked_by_name(names: Collection[str], target: Target) -> dict[str, int]:
    """The addresses of those of these names that say what they are of."""
    known: dict[str, int] = {}
    ours = {name for name in names if _KERNEL.fullmatch(name)}
    if HEARD in ours:
        with importing:
            from .interrupts import heard_address
        known[HEARD] = heard_address()
    if loops := {name for name in ours if name.startswith(LOOP)}:
        with importing:
            from .numpy_loops import addresses as addresses_of_loops
        known |= addresses_of_loops(loops)
    if products := ours - loops - {HEARD}:
        with importing:
            from .product_library import addresses
        known |= addresses(products, target)
    return known


def listing(
    module: ir.Module,
    target: Target,
    *,
    opt_level: int = 2,
    passes: bool | str = True,
    lines: str = "",
) -> tuple[str, str]:
    """The LLVM IR and the assembly of what `native` would make of a module; with the lines of a
    file that it is of, if that is named.
    """
    return lowering.listing(
        module, lines=lines, opt_level=opt_level, passes=passes, **manner(target)
    )
