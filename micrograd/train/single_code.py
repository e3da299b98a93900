"""The form of the data -> MLIR module of a training loop over mini-batches, whose
kernel takes one sample at a time.

It adds numbers in the order in which the interpreter does when the loss is written as

    sum(losses of the samples, in order) * (1 / samples) + penalty

that is, gradients from the last sample to the first, the penalty's before them, and losses from the
first to the last; so a strict float64 loop is the interpreter's, bit for bit. The kernel adds to
the gradient that it gets.
"""

from __future__ import annotations

from lowering.bindings import ir

from ..jit.dialect.blocks import new_module
from ..jit.target import Target
from .batch_code import PART_WORDS, BatchEmitter
from .gather_code import Samples
from .rules import Takes


def emit_singles(takes: Takes, samples: Samples, target: Target) -> ir.Module:
    """The module of a loop around `number kernel(x0*, ..., weight*, gradient*)`.

    target    of the kernel
    """
    with new_module() as module:
        SingleEmitter(module, takes, target, samples).emit()
    return module


class SingleEmitter(BatchEmitter):
    """Emits the functions of a loop over samples one by one."""

    most_parts = 1

    def _start(self, part: ir.Value) -> None:
        """Begin with the penalty's gradient, or with zero."""
        b = self.b
        thread = self._pointer("thread_table")
        gradient = self._get(thread, self.words, "gradient", b.ptr)
        penalty = self._field("penalty")
        self._set("penalty_value", b.constant(0.0))
        with b.when(b.compare_integers("eq", penalty, b.integer(0))):
            self._clear(gradient, self.kernel_type)
        with b.when(b.compare_integers("ne", penalty, b.integer(0))):
            self._set("penalty_value", self._call_kernel([gradient], "penalty"))
        weights = self._get(thread, self.words, "weights", b.ptr)
        b.store_row(b.load(self._word("weight"), b.f64), weights, self.kernel_type)

    def block(self) -> None:
        """`block(state, thread, part)`: the next samples, from the last one of the step on."""
        b = self.b
        self.state, thread, part = self.function("block", [b.ptr, b.ptr, b.ptr])
        position, end = (self._get(part, PART_WORDS, n) for n in ("position", "end"))
        some = self._least(b.integer_op("llvm.sub", end, position), self._field("block"))
        buffers = [self._get(thread, self.words, f"x{k}", b.ptr) for k in range(len(self.columns))]
        weight, gradient = (
            self._get(thread, self.words, n, b.ptr) for n in ("weights", "gradient")
        )
        order, data, first = self._pointer("order"), self._data(), self._field("first")
        values = self._pointer("values")
        last = b.integer_op("llvm.sub", self._field("taken"), b.integer(1))
        with b.loop(some) as k:
            number = b.integer_op("llvm.sub", last, b.integer_op("llvm.add", position, k))
            place = b.integer_op("llvm.add", first, number)
            self._fetch(order, data, place, buffers, b.integer(0))
            loss = self._call_kernel([*buffers, weight, gradient])
            b.store(loss, b.element(values, number, b.f64))
        self._put(part, PART_WORDS, position=b.integer_op("llvm.add", position, some))
        b.leave()

    def finish(self) -> None:
        """`finish(state)`: the end of a step, if all its samples are done."""
        b = self.b
        (self.state,) = self.function("finish", [b.ptr])
        part = self._part(b.integer(0))
        position, end = (self._get(part, PART_WORDS, n) for n in ("position", "end"))
        with b.when(b.compare_integers("eq", position, end)):
            values = self._pointer("values")

            def add(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
                value = b.load(b.element(values, k, b.f64), b.f64)
                return [b.build("llvm.fadd", [b.f64], [carried[0], value])]

            (total,) = b.loop_carried(self._field("taken"), [b.constant(0.0)], add)
            weight = b.load(self._word("weight"), b.f64)
            mean = b.build("llvm.fmul", [b.f64], [total, weight])
            penalty = b.load(self._word("penalty_value"), b.f64)
            thread = self._pointer("thread_table")
            gradient = self._get(thread, self.words, "gradient", b.ptr)
            self._update_all(gradient, self.kernel_type)
            self._note(b.build("llvm.fadd", [b.f64], [mean, penalty]))
            self._set("begun", b.integer(0))
        b.leave()
