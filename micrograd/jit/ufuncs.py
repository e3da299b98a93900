"""Executables -> a NumPy ufunc that can be pickled: as programs, and the numbers that they read.

A kernel's pickle has its function, by name, which reads its own leaves where it comes out; a ufunc
is of numbers as they are, so its pickle is what computes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..store import Store
from .call.array_code import BatchCode, ufunc_of
from .call.convention import Convention
from .code import compile_program
from .emit.interface import Interface
from .executable import Executable, emit_points
from .ir.program import Program
from .options import Options


@dataclass(frozen=True, slots=True)
class _Source:
    """What the code for a dtype is made of."""

    convention: Convention
    program: Program
    interface: Interface
    options: Options
    stores: Sequence[Store]

    def __reduce__(self) -> Any:
        convention = replace(self.convention, prototype=None)  # a class that ctypes has made
        return _Source, (convention, self.program, self.interface, self.options, self.stores)

    def compiled(self) -> BatchCode:
        """The code, for this machine."""
        points = compile_program(
            self.program,
            self.options.target,
            self.interface,
            stores=self.stores,
            emit=emit_points,
            points=True,
        )
        memory = self.stores, points.data
        return BatchCode(self.convention, points.native, memory, points.target)


class Ufunc:
    """What a kernel's ufunc is made of; pickles of that are of this."""

    def __init__(self, executables: Sequence[Executable], doc: str) -> None:
        self._sources = [
            _Source(e.convention, e.transformed, e.interface, e.options, e.stores)
            for e in executables
        ]
        self._doc = doc
        self._live = any(e.graph.parameters for e in executables)

    def of(self, codes: Sequence[BatchCode]) -> np.ufunc:
        """The ufunc with this code for the dtypes."""
        convention = self._sources[0].convention
        return ufunc_of(convention, codes, self._doc, live=self._live, made_of=self)

    def compiled(self) -> np.ufunc:
        """The ufunc with code of its own."""
        return self.of([source.compiled() for source in self._sources])
