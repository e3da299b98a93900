"""What `main` has computed -> the objects that a call returns."""

from __future__ import annotations

import numpy as np

from lowering.bindings import ir

from ..trace.signature import Container, Structure
from .callable import LAYOUT
from .entry_frame import Frame
from .entry_structures import MOST_INLINE, is_flat


class Results(Frame):
    """Makes the result, each object as soon as it has a container."""

    def _make_result(self) -> None:
        """Make the result and return it, or free it if CPython has no memory for all of it.

        Each object goes into its container as soon as there is one, made or not, so that freeing
        the outermost frees all.
        """
        o = self.o
        if not isinstance(self.convention.result, Container):
            first = 0 - self.convention.returns
            alone = self.allocated is None
            self._leave(o.call("PyFloat_FromDouble", self._number(first), last=alone))
            return
        self.leaf = 0
        self.made: list[ir.Value] = []
        root = self._make(self.convention.result, None)
        if self.made:
            o.require(o.all(self.made), self.undo, root)
        self._leave(root)

    def _make(self, s: Structure, root: ir.Value | None, slot: ir.Value | None = None) -> ir.Value:
        """A new object for the leaves from `leaf` on, stored in `slot`; it may be null."""
        o = self.o
        first = self.leaf - self.convention.returns
        if not isinstance(s, Container):
            self.leaf += 1
            return self._noted(o.call("PyFloat_FromDouble", self._number(first)), slot)
        n = o.integer(len(s.items))
        if s in self.places:
            table = o.b.address(self._table_name(s))
            self.leaf += s.leaves
            if s.type is np.ndarray:
                shape = o.int32(len(s.keys)), table
                return self._noted(o.call("new_array", self._place(first), n, *shape), slot)
            place = o.integer(self.places[s])
            return self._noted(o.call("new_object", table, place, self._place(first)), slot)
        kind = "list" if s.type is list else "tuple"
        run = len(s.items) > MOST_INLINE and is_flat(s)
        if run and first >= 0 and self.output is not None:
            self.leaf += len(s.items)
            return self._noted(o.call(f"new_{kind}", self._place(first), n), slot)
        made = o.call("PyList_New" if s.type is list else "PyTuple_New", n)
        if slot is not None:
            self.b.store(made, slot)
        root = made if root is None else root
        exists = o.b.negated(o.is_null(made))
        o.require(exists, self.undo, root)
        items = o.at(made, LAYOUT.tuple_items)
        if s.type is list and s.items:
            items = o.pointer(made, LAYOUT.list_items)
        for k, item in enumerate(s.items):
            self._make(item, root, o.at(items, 8 * k))
        return made

    def _noted(self, made: ir.Value, slot: ir.Value | None) -> ir.Value:
        """An object that is looked at in the end."""
        if slot is not None:
            self.b.store(made, slot)
        self.made.append(self.o.b.negated(self.o.is_null(made)))
        return made

    def _place(self, k: int) -> ir.Value:
        if self.output is None:
            return self.o.null()  # there are no numbers to read
        return self.o.at(self.output, k * self.o.number_size)

    def _number(self, k: int) -> ir.Value:
        """A number of the output, or for -1 what `main` returned, as a double."""
        o = self.o
        return o.widened(self.value if k < 0 else self.b.load(self._place(k), o.number))
