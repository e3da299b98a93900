"""What all of an `entry` shares: tables of its structures, its blocks, and memory for a call."""

from __future__ import annotations

import numpy as np

from lowering.bindings import ir

from ..trace.signature import Container, Structure
from .convention import Convention
from .cpython import Objects
from .entry_structures import MOST_PARTS, is_plain, parts
from .walk import table_of

LINE = 64
"""Bytes of a cache line, at which large blocks begin."""


class Frame:
    """The frame of an entry that is being emitted.

    other   where arguments go that do not fit
    undo    where a result goes that CPython has no memory for
    output  where `main` writes, if it does; `value`: what it returned
    out     the array of `out=` and where its numbers are, `given`, both null where there is none;
            None if that keyword is for others
    """

    other: ir.Block
    undo: ir.Block
    output: ir.Value | None
    value: ir.Value
    out: ir.Value | None
    given: ir.Value
    allocated: ir.Value | None
    places: dict[Structure, int]

    def __init__(self, objects: Objects, convention: Convention) -> None:
        self.o = objects
        self.b = objects.b
        self.convention = convention
        self.parameters = [s for _, s in convention.parameters]

    def _emit_tables(self) -> None:
        """Constants about structures: tables to walk through them, shapes of arrays."""
        self.places: dict[Structure, int] = {}
        stack = [*self.parameters, self.convention.result]
        while stack:
            s = stack.pop()
            if not isinstance(s, Container) or s in self.places:
                continue
            if s.type is np.ndarray:
                self.places[s] = 0
                self.b.data(self._table_name(s), np.array(s.keys, dtype=np.int64), self.b.i64)
            elif parts(s) > MOST_PARTS and is_plain(s):
                words, self.places[s] = table_of(s)
                self.b.data(self._table_name(s), words, self.b.i64)
            elif not s.is_flat:
                stack += s.items

    def _table_name(self, s: Structure) -> str:
        return f"structure{list(self.places).index(s)}"

    def _allocate(self, n: int, failed: ir.Block) -> ir.Value:
        """Room for n numbers, less what it takes to begin at a cache line, until `_free`."""
        o, b = self.o, self.b
        self.allocated = o.call("PyMem_RawMalloc", o.integer(n * o.number_size))
        o.require(o.b.negated(o.is_null(self.allocated)), failed)
        address = b.build("llvm.ptrtoint", [o.i64], [self.allocated])
        ahead = o.integer_op("and", o.integer_op("sub", o.integer(0), address), LINE - 1)
        return o.at(self.allocated, ahead)

    def _free(self) -> None:
        if self.allocated is not None:
            self.o.call("PyMem_RawFree", self.allocated)

    def _leave(self, x: ir.Value) -> None:
        self._free()
        self.o.b.leave(x)
