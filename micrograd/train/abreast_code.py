"""The form of ragged data -> MLIR module of a training loop that computes several samples at once.

Samples of a step are sorted by their lengths, and `count` in a row go to one kernel, at

    number kernel(x0*, ..., given*, ..., rows*, ..., live*, ..., weights*, before*, gradient*,
                  parameters*, ...)

which is told what each has (jit/passes/abreast.py): arrays have a row for each of the samples, and
`given` what a class of samples is given. What samples have less than others of them is filled with
their last element. Where there are too few for it, some have weight 0. The number is nan if
anything in the gradient is not finite: then the samples are computed again, one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from lowering.bindings import ir

from .. import ops
from ..jit.dialect.blocks import new_module
from ..jit.target import Target
from .batch_code import PART_WORDS
from .ragged_code import Ragged
from .rules import Takes
from .sorted_code import FIELDS as SORTED_FIELDS
from .sorted_code import SortedEmitter

FIELDS = (
    *SORTED_FIELDS,
    "together",  # the address of the kernel of several samples
    "buffers",  # addresses of what it takes, in order, up to the weights
    "lengths",  # i64[classes, columns + indices]: of the rows of each
    "known",  # i64[classes]: 1 if the kernel is for such samples, 2 if not, 0 if that is not known
    "alone",  # how many of the next samples are computed one by one
    "copies",  # i64[stores, 3]: addresses of parameters and of their copies, and how many they are
)
"""The words of a state, in order."""

COUNT = 8
"""Samples of a call. Their rows together fill the tiles of products, and what they are computed in
fits into the second cache.
"""


@dataclass(frozen=True, slots=True)
class Given:
    """What a class is given: an extent, or so many numbers or entries of an index array.

    live, rows   whether the kernel takes which positions samples have, and how many rows there are
    """

    size: int
    is_extent: bool = False
    is_index: bool = False
    live: bool = False
    rows: bool = False


@dataclass(frozen=True, slots=True)
class Abreast(Ragged):
    """The form of data for a kernel of several samples.

    count    how many
    sizes    of a sample's row in the buffer of each column and each index array
    given    what classes are given
    stores   arrays of parameters of which the kernel takes copies
    """

    count: int
    sizes: tuple[int, ...]
    given: tuple[Given, ...]
    stores: int

    def __call__(self, takes: Takes, target: Target) -> ir.Module:
        """The module of a loop."""
        with new_module() as module:
            _AbreastEmitter(module, takes, target, self).emit()
        return module


@dataclass(frozen=True, slots=True)
class _Buffers:
    """The addresses of what the kernel takes: of all in order; of columns and index arrays; of what
    classes are given; of their rows and positions, by their places in that; and of the weights.
    """

    every: list[ir.Value]
    own: list[ir.Value]
    given: list[ir.Value]
    rows: dict[int, ir.Value]
    live: dict[int, ir.Value]
    weights: ir.Value


class _AbreastEmitter(SortedEmitter):
    fields: tuple[str, ...] = FIELDS
    form: Abreast

    def _start(self, part: ir.Value) -> None:
        super()._start(part)
        b = self.b
        self._set("alone", b.integer(0))
        for k in range(self.form.stores):
            parameters, copy, count = (
                b.load(b.element(self._pointer("copies"), 3 * k + j, b.i64), type)
                for j, type in enumerate((b.ptr, b.ptr, b.i64))
            )

            def convert(
                at: ir.Value, width: int, parameters: ir.Value = parameters, copy: ir.Value = copy
            ) -> None:
                numbers = b.load_row(b.element(parameters, at, b.f64), b.f64, width)
                b.store_row(numbers, b.element(copy, at, self.kernel_type), self.kernel_type)

            self._elementwise(count, convert)

    def _next(self, thread: ir.Value, part: ir.Value) -> None:
        """The next samples together, or the next one alone."""
        b = self.b
        position, end = (self._get(part, PART_WORDS, n) for n in ("position", "end"))
        some = self._least(b.integer_op("llvm.sub", end, position), b.integer(self.form.count))

        def look(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            missing, others = carried
            its_class = self._class(b.integer_op("llvm.add", position, k))
            known = b.load(b.element(self._pointer("known"), its_class, b.i64), b.i64)
            after = b.integer_op("llvm.add", its_class, b.integer(1))
            is_missing = b.compare_integers("eq", known, b.integer(0))
            is_other = b.compare_integers("ne", known, b.integer(1))
            return [
                b.build("llvm.select", [b.i64], [is_missing, after, missing]),
                b.build("llvm.select", [b.i64], [is_other, b.integer(1), others]),
            ]

        missing, others = b.loop_carried(some, [b.integer(0), b.integer(0)], look)
        is_missing = self._below(b.integer(0), missing)
        with b.when(is_missing):
            self._miss(thread, b.integer_op("llvm.sub", missing, b.integer(1)))
        many = self._below(b.integer(self.form.count), b.integer_op("llvm.mul", some, b.integer(2)))
        waits = b.integer_op("llvm.add", self._field("alone"), others)
        together = b.both(many, self._below(waits, b.integer(1)))

        def alone() -> None:
            left = b.integer_op("llvm.sub", self._field("alone"), b.integer(1))
            self._set("alone", b.build("llvm.intr.smax", [b.i64], [left, b.integer(0)]))
            super(_AbreastEmitter, self)._next(thread, part)

        with b.when(b.negated(is_missing)):
            b.either(together, lambda: self._together(thread, part, position, some), alone)

    def _together(
        self, thread: ir.Value, part: ir.Value, position: ir.Value, some: ir.Value
    ) -> None:
        """So many samples by one call."""
        b = self.b
        buffers = self._buffers()
        lengths, extents = self._sizes(position, some, buffers)
        with b.loop(b.integer(self.form.count)) as d:
            last = b.integer_op("llvm.sub", some, b.integer(1))
            number = b.integer_op("llvm.add", position, self._least(d, last))
            self._fill_rows(d, number, buffers.own, lengths)
            self._fill_given(d, self._class(number), buffers, extents)
            weight = b.load(self._word("weight"), b.f64)
            weight = b.select(self._below(d, some), weight, b.constant(0.0))
            at = b.element(buffers.weights, d, self.kernel_type)
            b.store_row(weight, at, self.kernel_type)
        before = self._get(thread, self.words, "gradient", b.ptr)
        gradient = self._get(thread, self.words, "before", b.ptr)
        copies = [
            b.load(b.element(self._pointer("copies"), 3 * k + 1, b.ptr), b.ptr)
            for k in range(self.form.stores)
        ]
        passed = [*buffers.every, before, gradient, *copies]
        loss = b.converted(b.call(self._pointer("together"), passed, self.kernel_type))
        nothing = b.build("llvm.fsub", [b.f64], [loss, loss])
        is_finite = b.compare(ops.eq, [nothing, b.constant(0.0)])

        def note() -> None:
            values = self._pointer("values")
            with b.loop(some) as k:
                at = b.integer_op("llvm.add", position, k)
                b.store(b.constant(0.0), b.element(values, at, b.f64))
            whole = b.build("llvm.sitofp", [b.f64], [self._field("taken")])
            sum_of = b.build("llvm.fmul", [b.f64], [loss, whole])
            b.store(sum_of, b.element(values, position, b.f64))
            self._put(thread, self.words, gradient=gradient, before=before)
            self._put(part, PART_WORDS, position=b.integer_op("llvm.add", position, some))

        b.either(is_finite, note, lambda: self._set("alone", some))

    def _buffers(self) -> _Buffers:
        b, form = self.b, self.form
        own, given = form.columns + form.indices, len(form.given)
        rows = [k for k, g in enumerate(form.given) if g.rows]
        live = [k for k, g in enumerate(form.given) if g.live]
        counts = own, given, len(rows), len(live), 1
        table = self._pointer("buffers")
        every = [b.load(b.element(table, k, b.ptr), b.ptr) for k in range(sum(counts))]
        rest = iter(every[own + given :])
        of_rows = {k: next(rest) for k in rows}
        of_live = {k: next(rest) for k in live}
        return _Buffers(every, every[:own], every[own : own + given], of_rows, of_live, every[-1])

    def _sizes(
        self, position: ir.Value, some: ir.Value, buffers: _Buffers
    ) -> tuple[list[ir.Value], list[ir.Value]]:
        """How long the longest rows are, in columns and index arrays; and the largest extents,
        which the kernel is told.
        """
        b, form = self.b, self.form
        lengths = [
            self._least(self._most(position, some, partial(self._length, k)), b.integer(size))
            for k, size in enumerate(form.sizes)
        ]
        extents = [
            self._most(position, some, partial(self._extent, k)) if g.is_extent else b.integer(0)
            for k, g in enumerate(form.given)
        ]
        for k, g in enumerate(form.given):
            if g.is_extent:
                b.store(extents[k], buffers.given[k])
        for k, there in buffers.rows.items():
            b.store(b.integer_op("llvm.mul", extents[k], b.integer(form.count)), there)
        return lengths, extents

    def _fill_rows(
        self, d: ir.Value, number: ir.Value, own: Sequence[ir.Value], lengths: Sequence[ir.Value]
    ) -> None:
        """Copy the data of a sample of the step to the place of sample `d`."""
        b, form = self.b, self.form
        _, row = self._sample(number)
        its_class = self._class(number)
        rows = self._where(self._pointer("data"), self._pointer("starts"), row)
        for k, (source, buffer) in enumerate(zip(rows, own, strict=True)):
            type = self.kernel_type if k < form.columns else b.i64
            to = b.element(buffer, b.integer_op("llvm.mul", d, b.integer(form.sizes[k])), type)
            self._fill(source, self._length(k, its_class), to, lengths[k], type)

    def _fill_given(
        self, d: ir.Value, its_class: ir.Value, buffers: _Buffers, extents: Sequence[ir.Value]
    ) -> None:
        """Copy what a class is given, and say which positions its samples have."""
        b, form = self.b, self.form
        for k, (g, buffer) in enumerate(zip(form.given, buffers.given, strict=True)):
            if not g.is_extent:
                type = b.i64 if g.is_index else self.kernel_type
                to = b.element(buffer, b.integer_op("llvm.mul", d, b.integer(g.size)), type)
                size = b.integer(g.size)
                self._fill(self._given(k, its_class), size, to, size, type)
        for k, there in buffers.live.items():
            length = self._extent(k, its_class)
            with b.when(self._below(b.integer(0), extents[k])), b.loop(extents[k]) as i:
                place = b.integer_op("llvm.mul", i, b.integer(form.count))
                at = b.element(there, b.integer_op("llvm.add", place, d), self.kernel_type)
                number = b.select(self._below(i, length), b.constant(1.0), b.constant(0.0))
                b.store_row(number, at, self.kernel_type)

    def _most(
        self, position: ir.Value, some: ir.Value, number: Callable[[ir.Value], ir.Value]
    ) -> ir.Value:
        """The largest of what is said of the classes of samples."""
        b = self.b

        def larger(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            found = number(self._class(b.integer_op("llvm.add", position, k)))
            return [b.build("llvm.intr.umax", [b.i64], [carried[0], found])]

        (most,) = b.loop_carried(some, [b.integer(0)], larger)
        return most

    def _length(self, k: int, its_class: ir.Value) -> ir.Value:
        """How long rows of a column or index array are in a class."""
        b = self.b
        columns = self.form.columns + self.form.indices
        at = b.integer_op("llvm.mul", its_class, b.integer(columns))
        at = b.integer_op("llvm.add", at, b.integer(k))
        return b.load(b.element(self._pointer("lengths"), at, b.i64), b.i64)

    def _given(self, k: int, its_class: ir.Value) -> ir.Value:
        """The address of what a class is given."""
        b = self.b
        return b.load(b.element(self._words_of(its_class), 1 + k, b.i64), b.ptr)

    def _extent(self, k: int, its_class: ir.Value) -> ir.Value:
        """An extent that a class is given."""
        return self.b.load(self._given(k, its_class), self.b.i64)

    def _fill(
        self, source: ir.Value, own: ir.Value, to: ir.Value, size: ir.Value, type: ir.Type
    ) -> None:
        """Copy elements, and the last of them for those that there are not."""
        b = self.b
        last = b.integer_op("llvm.sub", own, b.integer(1))
        with b.loop(size) as k:
            there = b.element(source, self._least(k, last), type)
            b.store(b.load(there, type), b.element(to, k, type))
