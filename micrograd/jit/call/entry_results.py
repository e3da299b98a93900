"""What `main` has computed -> the objects that a call returns."""

from __future__ import annotations

import numpy as np

from lowering.bindings import ir

from ..trace.signature import Container, Structure, count
from .callable import LAYOUT
from .entry_frame import Frame
from .entry_structures import MOST_INLINE, MOST_PARTS, is_flat, parts
from .ndarrays import ARRAY


class Results(Frame):
    """Makes the result, each object as soon as it has a container.

    whole   the array that has all that `main` writes, which is made before `main` runs, if there
            is one; `array`: the object, `output` where its numbers are
    """

    whole: Container | None
    array: ir.Value

    def _whole_array(self) -> Container | None:
        """The array of the result that has all that `main` writes, in numbers as arrays have."""
        c = self.convention
        s, before = c.result, c.returns
        while isinstance(s, Container) and s.type is not np.ndarray:
            if s.is_flat or parts(s) > MOST_PARTS:
                return None
            items = [item for item in s.items if count(item)]
            if before and items and not isinstance(items[0], Container):
                before, items = False, items[1:]
            if len(items) != 1:
                return None
            (s,) = items
        if not isinstance(s, Container) or before or not c.written or c.written != s.leaves:
            return None
        return s if self.o.number == self.o.f64 else None

    def _make_array(self, s: Container) -> None:
        """Make that array, unless one is given: `main` writes to either."""
        o, b = self.o, self.b
        known, made, failed = o.block(o.ptr, o.ptr), o.block(), o.block()
        if self.out is None:
            b.branch(made)
        else:
            b.branch_if(o.is_null(self.out), made, known, passed_otherwise=[self.out, self.given])
        b.enter(made)
        shape = o.int32(len(s.keys)), o.b.address(self._table_name(s))
        array = o.call("empty_array", *shape)
        o.require(b.negated(o.is_null(array)), failed)
        b.branch(known, [array, o.pointer(array, ARRAY.data)])
        b.enter(failed)
        self._leave(o.null())
        b.enter(known)
        self.array, self.output = known.arguments

    def _let_go_of_array(self) -> None:
        """Drop the reference to it that the containers around it do not have."""
        if self.whole is not None and self.whole is not self.convention.result:
            self.o.call("Py_DecRef", self.array)

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
        self._let_go_of_array()
        self._leave(root)

    def _make(self, s: Structure, root: ir.Value | None, slot: ir.Value | None = None) -> ir.Value:
        """A new object for the leaves from `leaf` on, stored in `slot`; it may be null."""
        o = self.o
        first = self.leaf - self.convention.returns
        if not isinstance(s, Container):
            self.leaf += 1
            return self._noted(o.call("PyFloat_FromDouble", self._number(first)), slot)
        n = o.integer(len(s.items))
        if s is self.whole:
            self.leaf += s.leaves
            if slot is not None:
                o.call("Py_IncRef", self.array)
                self.b.store(self.array, slot)
            return self.array
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
