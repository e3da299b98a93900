"""What training loops over samples have in common: their state, the order of the samples, and how
samples are gathered into a block in the kernel's element type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lowering.bindings import ir

from ..jit.dialect.operations import float_type, vector_of
from ..jit.emit.builder import Builder
from ..jit.target import Target
from .rules import Takes
from .step_code import FIELDS as COMMON
from .step_code import TrainingEmitter

FIELDS = (
    *COMMON,
    "data",  # addresses of the data arrays
    "samples",  # in an epoch
    "batch",  # samples in a step; the last of an epoch may have fewer
    "steps",  # in an epoch
    "order",  # i64[samples]: the samples of the epoch, in order; unless they are not shuffled
    "seed",  # of the orders
    "epoch",  # the epoch that `order` is of; -1: none
    "ahead",  # how many steps into its first epoch the loop begins, epochs before it included
    "block",  # samples in a block
    "multiple",  # what the kernel wants a multiple of
    "count",  # parameters: numbers in a gradient
    "begun",  # 1: a step is under way
    "first",  # its first sample, in the order
    "taken",  # its samples
    "blocks",  # its blocks
    "parts",  # its parts
    "weight",  # f64: of every sample, 1 / taken
    "share",  # f64: of the penalty, in every block: 1 / blocks
    "part_table",  # i64[PARTS, 4], see PART_WORDS
    "threads",
    "thread_table",  # i64[threads, ...], see thread_words
    "penalty",  # the address of the penalty's value and gradient, or 0; for emit_singles
    "penalty_value",  # f64
    "values",  # f64[batch]: the loss of every sample
    "ticket",  # the number of the work that threads shall do; LEAVE: none any more
    "done",  # how many threads have done it
)
"""The words of a state, in order."""


GOLDEN = 0x9E3779B97F4A7C15
"""What splitmix64's state grows by with every number."""


@dataclass(frozen=True, slots=True)
class Column:
    """A data array: its rows have `size` numbers of `bits` bits each, one row after the other, or
    entries of an index array.
    """

    size: int
    bits: int
    is_index: bool = False


@dataclass(frozen=True, slots=True)
class Samples:
    """The form of the data; `shuffled`: every epoch has an order of its own."""

    columns: tuple[Column, ...]
    shuffled: bool


class GatherEmitter(TrainingEmitter):
    """Emits functions that read samples."""

    fields: tuple[str, ...] = FIELDS

    def __init__(self, module: ir.Module, takes: Takes, target: Target, samples: Samples) -> None:
        super().__init__(module, takes, target)
        self.columns = samples.columns
        self.shuffled = samples.shuffled

    def _gather(self, first: ir.Value, some: ir.Value, buffers: Sequence[ir.Value]) -> None:
        """Rows of every data array, `some` from place `first` of the order on, into the buffers."""
        b = self.b
        order, data = self._pointer("order"), self._data()
        with b.loop(some) as k:
            self._fetch(order, data, b.integer_op("llvm.add", first, k), buffers, k)

    def _rows(
        self, first: ir.Value, some: ir.Value, fits: ir.Value, buffers: Sequence[ir.Value]
    ) -> Sequence[ir.Value]:
        """Where a block's rows are: in the buffers, or, as they lie, in the data, if it `fits`."""
        b = self.b
        types = [self._type(column) for column in self.columns]
        if self.shuffled or any(type not in (self.kernel_type, b.i64) for type in types):
            self._gather(first, some, buffers)
            return buffers
        with b.when(b.negated(fits)):
            self._gather(first, some, buffers)
        found = []
        rows = zip(self.columns, types, self._data(), buffers, strict=True)
        for column, type, source, buffer in rows:
            start = b.integer_op("llvm.mul", first, b.integer(column.size))
            there = b.element(source, start, type)
            found.append(b.build("llvm.select", [b.ptr], [fits, there, buffer]))
        return found

    def _data(self) -> list[ir.Value]:
        """The addresses of the data arrays."""
        b = self.b
        table = self._pointer("data")
        return [b.load(b.element(table, k, b.ptr), b.ptr) for k in range(len(self.columns))]

    def _fetch(
        self,
        order: ir.Value,
        data: Sequence[ir.Value],
        place: ir.Value,
        buffers: Sequence[ir.Value],
        to: ir.Value,
    ) -> None:
        """Copy the sample at a place of the order to row `to` of the buffers."""
        b = self.b
        row = b.load(b.element(order, place, b.i64), b.i64) if self.shuffled else place
        for column, source, buffer in zip(self.columns, data, buffers, strict=True):
            self._copy_row(column.size, self._type(column), source, row, buffer, to)

    def _type(self, column: Column) -> ir.Type:
        """Of its numbers, as they lie in the data."""
        return self.b.i64 if column.is_index else float_type(column.bits)

    def _copy_row(
        self,
        size: int,
        type: ir.Type,
        source: ir.Value,
        row: ir.Value,
        buffer: ir.Value,
        to: ir.Value,
    ) -> None:
        """Copy one row: numbers converted to the kernel's element type, entries as they are."""
        b = self.b
        if type == b.i64:
            self._copy_entries(size, source, row, buffer, to)
            return
        source = b.element(source, b.integer_op("llvm.mul", row, b.integer(size)), type)
        buffer = b.element(buffer, b.integer_op("llvm.mul", to, b.integer(size)), self.kernel_type)

        def copy(at: ir.Value | int, width: int) -> None:
            there = b.element(buffer, at, self.kernel_type)
            row = b.load(b.element(source, at, type), vector_of(type, width), type.width // 8)
            b.store_row(row, there, self.kernel_type)

        if size <= 4:
            for k in range(size):
                copy(k, 1)
        else:
            self._elementwise(b.integer(size), copy)

    def _copy_entries(
        self, size: int, source: ir.Value, row: ir.Value, buffer: ir.Value, to: ir.Value
    ) -> None:
        """Copy the indices of one row."""
        b = self.b
        there = b.element(source, b.integer_op("llvm.mul", row, b.integer(size)), b.i64)
        here = b.element(buffer, b.integer_op("llvm.mul", to, b.integer(size)), b.i64)
        with b.loop(b.integer(size)) as k:
            b.store(b.load(b.element(there, k, b.i64), b.i64), b.element(here, k, b.i64))

    def shuffle(self) -> None:
        """`shuffle(state, epoch)`: the order of an epoch, each equally likely.

        It depends on the seed and the epoch alone: the generator goes on from epoch to epoch, a
        number for each sample, and every order begins with the samples as they lie.

        Source: R. Durstenfeld, Algorithm 235, 1964; numbers by S. Vigna's splitmix64, reduced to
        a range by the upper half of a product (D. Lemire, 2019, without its rejection: the bias
        is below samples / 2**64).
        """
        b = self.b
        self.state, epoch = self.function("shuffle", [b.ptr, b.i64])
        order, n = self._pointer("order"), self._field("samples")
        with b.loop(n) as k:
            b.store(k, b.element(order, k, b.i64))
        drawn = b.integer_op("llvm.mul", b.integer_op("llvm.mul", epoch, n), _word(GOLDEN, b))
        start = b.integer_op("llvm.add", self._field("seed"), drawn)
        wide = ir.IntegerType.get_signless(128)
        shift = b.constant_integer(64, wide)

        def swap(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            last = b.integer_op("llvm.sub", n, k)  # how many are still to be placed
            random, z = self._random(carried[0])
            product = b.build(
                "llvm.mul",
                [wide],
                [b.build("llvm.zext", [wide], [x]) for x in (z, last)],
            )
            j = b.build("llvm.trunc", [b.i64], [b.build("llvm.lshr", [wide], [product, shift])])
            i = b.integer_op("llvm.sub", last, b.integer(1))
            here, there = (b.element(order, x, b.i64) for x in (i, j))
            x, y = b.load(here, b.i64), b.load(there, b.i64)
            b.store(y, here)
            b.store(x, there)
            return [random]

        b.loop_carried(n, [start], swap)
        self._set("epoch", epoch)
        b.leave()

    def _random(self, state: ir.Value) -> tuple[ir.Value, ir.Value]:
        """The next state of splitmix64, and the number that it gives."""
        b = self.b

        def mixed(z: ir.Value, shift: int) -> ir.Value:
            return b.integer_op("llvm.xor", z, b.integer_op("llvm.lshr", z, b.integer(shift)))

        state = b.integer_op("llvm.add", state, _word(GOLDEN, b))
        z = b.integer_op("llvm.mul", mixed(state, 30), _word(0xBF58476D1CE4E5B9, b))
        z = b.integer_op("llvm.mul", mixed(z, 27), _word(0x94D049BB133111EB, b))
        return state, mixed(z, 31)

    # -- tables ----------------------------------------------------------------------------------

    def _get(
        self, row: ir.Value, words: Sequence[str], name: str, type: ir.Type | None = None
    ) -> ir.Value:
        b = self.b
        return b.load(b.element(row, words.index(name), b.i64), type or b.i64)

    def _put(self, row: ir.Value, words: Sequence[str], **values: ir.Value) -> None:
        b = self.b
        for name, x in values.items():
            b.store(x, b.element(row, words.index(name), b.i64))


def _word(x: int, b: Builder) -> ir.Value:
    """An unsigned integer of 64 bits."""
    return b.integer(x - (1 << 64) if x >> 63 else x)
