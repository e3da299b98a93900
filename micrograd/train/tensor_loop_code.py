"""MLIR module of a training loop around a compiled step of Tensors.

Establishes

    @run(state)     steps of training, until the last is done or the budget is used up

A step is one call: it takes its arguments from a table of addresses, in which the loop sets those
of the data and of the rates. Rows of data are gathered in the order of the epoch; where that is the
order in which they lie, and nothing is converted, they are read where they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from lowering.bindings import ir

from ..jit.dialect.blocks import new_module
from ..jit.target import Target
from .gather_code import FIELDS as BATCH_FIELDS
from .gather_code import Column, GatherEmitter, Samples
from .rules import Takes
from .step_code import RUN

FIELDS = (
    *BATCH_FIELDS,
    "rest",  # the address of the step of the last batch of an epoch, if that has fewer samples
    "arguments",  # the table
    "buffers",  # addresses of the memory that each column is gathered in
)


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a loop.

    columns    of the data, each an argument of the step
    places     of each, where in the table it is
    counts     where in the table is a number of samples, and how often each of them counts
    rates      where in the table the rates are; -1: the step takes none
    count      how many arguments there are
    shuffled   whether epochs have an order of their own
    """

    columns: tuple[Column, ...]
    places: tuple[int, ...]
    counts: tuple[tuple[int, int], ...]
    rates: int
    count: int
    shuffled: bool

    def __call__(self, takes: Takes, target: Target) -> ir.Module:
        with new_module() as module:
            _TensorLoopEmitter(module, takes, target, self).emit()
        return module


class _TensorLoopEmitter(GatherEmitter):
    fields = FIELDS

    def __init__(self, module: ir.Module, takes: Takes, target: Target, form: Form) -> None:
        super().__init__(module, takes, target, Samples(form.columns, form.shuffled))
        self.form = form

    def emit(self) -> None:
        """Both functions."""
        if self.shuffled:
            self.shuffle()
        b = self.b
        (self.state,) = self.function(RUN, [b.ptr], internal=False)
        with self._while(
            lambda: self.b.both(self._less("step", "until"), self._positive("budget"))
        ):
            self._step()
            self._add("budget", -1)
        b.leave()

    def _step(self) -> None:
        b = self.b
        place = b.integer_op("llvm.add", self._field("step"), self._field("ahead"))
        number = b.integer_op("llvm.urem", place, self._field("steps"))
        if self.shuffled:
            epoch = b.integer_op("llvm.udiv", place, self._field("steps"))
            with b.when(b.compare_integers("ne", epoch, self._field("epoch"))):
                self.b.call("shuffle", [self.state, epoch])
        size = self._field("batch")
        first = b.integer_op("llvm.mul", number, size)
        taken = self._least(size, b.integer_op("llvm.sub", self._field("samples"), first))
        table = self._pointer("arguments")
        for k, at in enumerate(self.form.places):
            b.store(self._batch_of(k, first, taken), b.element(table, at, b.i64))
        self._set("taken", taken)
        for at, times in self.form.counts:
            number = b.build(
                "llvm.sitofp",
                [self.kernel_type],
                [b.integer_op("llvm.mul", taken, b.integer(times))],
            )
            b.store(number, b.load(b.element(table, at, b.i64), b.ptr))
        if self.form.rates >= 0:
            row = b.integer_op("llvm.mul", self._field("step"), b.integer(self.takes.rates))
            rates = b.element(self._pointer("rates"), row, self.kernel_type)
            b.store(rates, b.element(table, self.form.rates, b.i64))
        arguments = [b.load(b.element(table, k, b.i64), b.ptr) for k in range(self.form.count)]
        whole = b.compare_integers("eq", taken, size)
        step = b.build(
            "llvm.select", [b.ptr], [whole, self._pointer("kernel"), self._pointer("rest")]
        )
        self._note(b.converted(b.call(step, arguments, self.kernel_type)))

    def _batch_of(self, k: int, first: ir.Value, taken: ir.Value) -> ir.Value:
        """The address of a batch of a column."""
        b, column = self.b, self.columns[k]
        source_type = self._type(column)
        source = b.load(b.element(self._pointer("data"), k, b.i64), b.ptr)
        if not self.shuffled and source_type in (b.i64, self.kernel_type):
            start = b.integer_op("llvm.mul", first, b.integer(column.size))
            return b.element(source, start, source_type)
        buffer = b.load(b.element(self._pointer("buffers"), k, b.i64), b.ptr)
        order = self._pointer("order") if self.shuffled else None
        with b.loop(taken) as i:
            place = b.integer_op("llvm.add", first, i)
            row = b.load(b.element(order, place, b.i64), b.i64) if order is not None else place
            self._copy_row(column.size, source_type, source, row, buffer, i)
        return buffer
