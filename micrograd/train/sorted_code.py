"""Samples of a step that differ in length, sorted by their lengths -> what a loop does with them,
the shortest first.
"""

from __future__ import annotations

from lowering.bindings import ir

from .ragged_code import FIELDS as RAGGED_FIELDS
from .ragged_code import RaggedEmitter

FIELDS = (
    *RAGGED_FIELDS,
    "class_count",
    "counts",  # i64[classes]
    "sorted",  # i64[batch]: the samples of a step, by their classes
)
"""The words of a state, in order."""


class SortedEmitter(RaggedEmitter):
    """Emits the functions of a loop that sorts the samples of each step."""

    fields: tuple[str, ...] = FIELDS

    def _start(self, part: ir.Value) -> None:
        super()._start(part)
        self._sort()

    def _sort(self) -> None:
        """Sort the samples of the step by their classes, of which the largest are last."""
        b = self.b
        counts, classes, taken = (
            self._pointer("counts"),
            self._field("class_count"),
            self._field("taken"),
        )

        def place(row: ir.Value) -> ir.Value:
            its_class = b.load(b.element(self._pointer("classes"), row, b.i64), b.i64)
            return b.element(counts, its_class, b.i64)

        with b.loop(classes) as k:
            b.store(b.integer(0), b.element(counts, k, b.i64))
        with b.loop(taken) as k:
            at = place(self._row(k))
            b.store(b.integer_op("llvm.add", b.load(at, b.i64), b.integer(1)), at)

        def begin(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            at = b.element(counts, k, b.i64)
            count = b.load(at, b.i64)
            b.store(carried[0], at)
            return [b.integer_op("llvm.add", carried[0], count)]

        b.loop_carried(classes, [b.integer(0)], begin)
        with b.loop(taken) as k:
            row = self._row(k)
            at = place(row)
            to = b.load(at, b.i64)
            b.store(row, b.element(self._pointer("sorted"), to, b.i64))
            b.store(b.integer_op("llvm.add", to, b.integer(1)), at)

    def _sample(self, position: ir.Value) -> tuple[ir.Value, ir.Value]:
        b = self.b
        return position, b.load(b.element(self._pointer("sorted"), position, b.i64), b.i64)

    def _class(self, position: ir.Value) -> ir.Value:
        b = self.b
        _, row = self._sample(position)
        return b.load(b.element(self._pointer("classes"), row, b.i64), b.i64)
