"""Functions in machine code for this machine that the compiler itself calls, made when they are
first asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

import lowering
from lowering.bindings import ir

from ...locks import Lock
from ..dialect.blocks import new_module
from ..target import Target
from .builder import Builder
from .native import native

T = TypeVar("T")


class HostCode(Generic[T]):
    """What `emit` appends to the module of a builder, compiled once.

    name    under which it is cached
    found   what is wanted of the module, which it has to keep alive
    """

    def __init__(
        self,
        name: str,
        emit: Callable[[Builder], None],
        found: Callable[[lowering.NativeModule], T],
        *,
        opt_level: int = 2,
    ) -> None:
        self._name, self._emit, self._found, self._opt_level = name, emit, found, opt_level
        self._made: list[T | None] = []
        self._lock = Lock()

    def get(self) -> T | None:
        """It; None if no machine code can be made."""
        with self._lock:
            if not self._made:
                try:
                    self._made.append(self._compiled())
                except lowering.LoweringError:
                    self._made.append(None)
            return self._made[0]

    def _compiled(self) -> T:
        target = Target.host(np.float64, strict=True)

        def module() -> ir.Module:
            with new_module() as module:
                self._emit(Builder(module, target))
            return module

        level = self._opt_level
        return self._found(native(module, target, (self._name,), opt_level=level, passes=False))
