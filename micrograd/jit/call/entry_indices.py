"""The integers among the arguments of a call -> the index arrays that `main` takes, in `entry`.

An index that is of no row goes on to the next function, as a number that is no int does: what is
wrong is said there (index_arguments.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from lowering.bindings import ir

from ...index_arrays import IndexArray
from .entry_frame import Frame
from .entry_structures import offsets_of


class IndexEntries(Frame):
    """Computes index arrays; what is of no row, and no int, goes to `other`."""

    def _room_for_indices(self) -> ir.Value | None:
        """Room on the stack, in the function's first block."""
        indices = self.convention.indices
        if indices is None:
            return None
        return self.o.allocate(sum(len(a.elements) for a in indices.arrays), self.o.i64)

    def _indices(self, args: ir.Value, room: ir.Value | None) -> list[ir.Value]:
        """The addresses of the index arrays, if there are any."""
        o, indices = self.o, self.convention.indices
        if indices is None or room is None:
            return []
        places = {indices.places[array] for a in indices.arrays for array in a.arrays}
        given = {k: o.read_small(o.pointer(args, 8 * k), self.other) for k in sorted(places)}
        passed, at = [], 0
        for a in indices.arrays:
            passed.append(o.at(room, 8 * at))
            terms = [
                (scale, given[indices.places[array]])
                for scale, array in zip(a.scales, a.arrays, strict=True)
            ]
            for k, offset in enumerate(offsets_of(a)):
                index = o.integer(0) if k in a.unused else self._row(a, offset, terms)
                self.b.store(index, o.at(room, 8 * at))
                at += 1
        return passed

    def _row(self, a: IndexArray, offset: int, terms: Sequence[tuple[int, ir.Value]]) -> ir.Value:
        """The number of the row that an index says."""
        o = self.o
        index = o.integer(offset)
        for scale, x in terms:
            index = o.integer_op("add", index, o.integer_op("mul", x, scale))
        if not a.counts:
            from_end = o.integer_op("add", index, a.below)
            index = self.b.select(o.compare("slt", index, 0), from_end, index)
        o.require(o.compare("ult", index, a.below), self.other)
        return index
