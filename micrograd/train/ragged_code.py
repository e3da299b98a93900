"""The form of the data -> MLIR module of a training loop over samples that differ in length.

The order of steps, samples and sums is that of single_code.py. What it calls for a sample is what
the table of classes has for its class, at

    number kernel(x0*, ..., extras*, weight*, gradient*)

where each x lies in the data. When there is nothing yet, `run` returns with `missing` set.
"""

from __future__ import annotations

from dataclasses import dataclass

from lowering.bindings import ir

from ..jit.dialect.blocks import new_module
from ..jit.target import Target
from .batch_code import PART_WORDS
from .gather_code import FIELDS as BATCH_FIELDS
from .gather_code import Samples
from .rules import Takes
from .single_code import SingleEmitter

FIELDS = (
    *BATCH_FIELDS,
    "starts",  # addresses of i64[samples] for each column: where a row begins
    "classes",  # i64[samples]
    "class_table",  # i64[classes, words]: addresses of code, or 0, and of what it is given
    "missing",  # the class that code is needed for, and 1; 0: none
)
"""The words of a state, in order."""


@dataclass(frozen=True, slots=True)
class Ragged:
    """The form of ragged data: how many columns it has, of numbers of the kernel, and of entries of
    index arrays, and how many more arguments its code.
    """

    columns: int
    indices: int
    extras: int
    shuffled: bool

    @property
    def words(self) -> int:
        """Of a class, in the table."""
        return 1 + self.extras

    def __call__(self, takes: Takes, target: Target) -> ir.Module:
        """The module of a loop."""
        with new_module() as module:
            RaggedEmitter(module, takes, target, self).emit()
        return module


class RaggedEmitter(SingleEmitter):
    """Emits the functions of a loop over samples that differ in length."""

    fields: tuple[str, ...] = FIELDS

    def __init__(self, module: ir.Module, takes: Takes, target: Target, form: Ragged) -> None:
        super().__init__(module, takes, target, Samples((), form.shuffled))
        self.form = form

    def block(self) -> None:
        """`block(state, thread, part)`: the next samples, from the last one of the step on, as far
        as there is code.
        """
        b = self.b
        self.state, thread, part = self.function("block", [b.ptr, b.ptr, b.ptr])
        position, end = (self._get(part, PART_WORDS, n) for n in ("position", "end"))
        some = self._least(b.integer_op("llvm.sub", end, position), self._field("block"))
        stop = b.integer_op("llvm.add", position, some)

        def more() -> ir.Value:
            there = self._get(part, PART_WORDS, "position")
            found = b.compare_integers("eq", self._field("missing"), b.integer(0))
            return b.both(self._below(there, stop), found)

        with self._while(more):
            self._next(thread, part)
        b.leave()

    def _next(self, thread: ir.Value, part: ir.Value) -> None:
        """The next sample, by the code of its class."""
        b = self.b
        position = self._get(part, PART_WORDS, "position")
        weight = self._get(thread, self.words, "weights", b.ptr)
        number, row = self._sample(position)
        its_class = b.load(b.element(self._pointer("classes"), row, b.i64), b.i64)
        words = self._words_of(its_class)
        absent = b.compare_integers("eq", b.load(words, b.i64), b.integer(0))
        with b.when(absent):
            self._miss(thread, its_class)
        with b.when(b.negated(absent)):
            code, *extras = (
                b.load(b.element(words, k, b.i64), b.ptr) for k in range(self.form.words)
            )
            rows = self._where(self._pointer("data"), self._pointer("starts"), row)
            gradient = self._get(thread, self.words, "gradient", b.ptr)
            passed = [*rows, *extras, weight, gradient]
            loss = b.converted(b.call(code, passed, self.kernel_type))
            b.store(loss, b.element(self._pointer("values"), number, b.f64))
            self._put(part, PART_WORDS, position=b.integer_op("llvm.add", position, b.integer(1)))

    def _sample(self, position: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Which sample of the step comes so manyth, and its row: the last one is first."""
        b = self.b
        last = b.integer_op("llvm.sub", self._field("taken"), b.integer(1))
        number = b.integer_op("llvm.sub", last, position)
        return number, self._row(number)

    def _row(self, number: ir.Value) -> ir.Value:
        """The row of a sample of the step."""
        b = self.b
        place = b.integer_op("llvm.add", self._field("first"), number)
        if not self.shuffled:
            return place
        return b.load(b.element(self._pointer("order"), place, b.i64), b.i64)

    def _words_of(self, its_class: ir.Value) -> ir.Value:
        """The address of a class's row of the table."""
        b = self.b
        at = b.integer_op("llvm.mul", its_class, b.integer(self.form.words))
        return b.element(self._pointer("class_table"), at, b.i64)

    def _miss(self, thread: ir.Value, its_class: ir.Value) -> None:
        """Stop: there is no code for a class."""
        b = self.b
        self._set("missing", b.integer_op("llvm.add", its_class, b.integer(1)))
        self._put(thread, self.words, budget=b.integer(1))

    def _where(self, data: ir.Value, starts: ir.Value, row: ir.Value) -> list[ir.Value]:
        """The addresses of a row in every column, and of its entries in every index array."""
        b = self.b
        found = []
        for k in range(self.form.columns + self.form.indices):
            type = self.kernel_type if k < self.form.columns else b.i64
            column = b.load(b.element(starts, k, b.ptr), b.ptr)
            start = b.load(b.element(column, row, b.i64), b.i64)
            found.append(b.element(b.load(b.element(data, k, b.ptr), b.ptr), start, type))
        return found
