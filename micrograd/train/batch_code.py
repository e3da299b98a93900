"""The form of the data -> MLIR module of a training loop over mini-batches.

Establishes, beside what emit_training does,

    @run(state)          steps of training, or parts of one, until the last is done or the budget
                         of blocks is used up
    @help(state, k)      thread k's share in that, for every k from 1 on, while `run` runs

A step's samples are blocks in a row, and these fall into at most PARTS parts, each with a sum of
gradients of its own. Threads take whole parts, and the parts are added up in order, so the result
does not depend on how many threads there are. Samples are gathered, in the order of the epoch, into
a block in the kernel's element type; where the kernel takes a multiple of samples only, the last
sample is repeated, and each repeat takes half of the weight of the one before it. So nothing has
weight 0, which would make nan of an infinite loss or slope; for the same reason every block has its
share of the penalty.
"""

from __future__ import annotations

from lowering.bindings import ir

from ..jit.dialect.blocks import new_module
from ..jit.target import Target
from .gather_code import Samples
from .rules import Takes
from .step_code import RUN
from .thread_code import ThreadEmitter

PARTS = 16
"""Sums of gradients that a step is divided into, at most."""

LEAVE = -1

PART_WORDS = ("position", "end", "sum", "loss")
"""Of a part: the next sample and the one behind the last, counted within the step; the address of
its sum, f64[parameters]; the sum of its losses, f64."""


def thread_words(columns: int) -> tuple[str, ...]:
    """Of a thread: its budget; the addresses of its block of every data array, of the weights, of
    the block's gradient and of another one; how many samples the block has."""
    return (
        "budget",
        *(f"x{k}" for k in range(columns)),
        "weights",
        "gradient",
        "before",
        "samples",
    )


def emit_batches(takes: Takes, samples: Samples, target: Target) -> ir.Module:
    """The module of a loop around `number kernel(x0*, ..., weights*, share, samples*, gradient*)`.

    target    of the kernel
    """
    with new_module() as module:
        BatchEmitter(module, takes, target, samples).emit()
    return module


class BatchEmitter(ThreadEmitter):
    """Emits the functions of a loop over mini-batches."""

    most_parts = PARTS

    def __init__(self, module: ir.Module, takes: Takes, target: Target, samples: Samples) -> None:
        super().__init__(module, takes, target, samples)
        self.words = thread_words(len(self.columns))

    def emit(self) -> None:
        """All of them."""
        self.b.declare("sched_yield", "() -> i32")
        if self.shuffled:
            self.shuffle()
        self.begin()
        self.block()
        self.work()
        self.finish()
        self.help()
        self.run()

    def run(self) -> None:
        """Steps, each begun, worked on until all its parts are done, and finished."""
        b = self.b
        (self.state,) = self.function(RUN, [b.ptr], internal=False)
        thread = self._pointer("thread_table")
        budget = b.element(thread, self.words.index("budget"), b.i64)
        threads = self._field("threads")
        helpers = b.integer_op("llvm.sub", threads, b.integer(1))

        def more() -> ir.Value:
            return self.b.both(
                self._less("step", "until"), self._below(b.integer(0), b.load(budget, b.i64))
            )

        with self._while(more):
            with b.when(self._below(self._field("begun"), b.integer(1))):
                self.b.call("begin", [self.state])
            with b.when(self._below(b.integer(0), helpers)):
                self._set("done", b.integer(0))
                self._atomic_add("ticket", 1)
            self.b.call("work", [self.state, b.integer(0)])
            with b.when(self._below(b.integer(0), helpers)):
                self._wait(lambda: self._below(self._atomic("done"), helpers))
            self.b.call("finish", [self.state])
            with b.when(self._below(b.integer(0), self._field("begun"))):  # a budget is used up
                b.store(b.integer(0), budget)
        self._store_atomic("ticket", b.integer(LEAVE))
        b.leave()

    def help(self) -> None:
        """`help(state, k)`: does what `run` hands out, until it ends."""
        b = self.b
        self.state, k = self.function("help", [b.ptr, b.i64], internal=False)
        seen, stays = self._local(0), self._local(1)
        with self._while(lambda: self._below(b.integer(0), b.load(stays, b.i64))):
            last = b.load(seen, b.i64)
            self._wait(lambda: b.compare_integers("eq", self._atomic("ticket"), last))
            ticket = self._atomic("ticket")
            b.store(ticket, seen)
            leaves = self._below(ticket, b.integer(0))
            with b.when(leaves):
                b.store(b.integer(0), stays)
            with b.when(self._below(b.integer(0), ticket)):
                self.b.call("work", [self.state, k])
                self._atomic_add("done", 1)
        b.leave()

    # -- a step ----------------------------------------------------------------------------------

    def begin(self) -> None:
        """`begin(state)`: which samples the next step takes, and how they fall into parts."""
        b = self.b
        (self.state,) = self.function("begin", [b.ptr])
        place = b.integer_op("llvm.add", self._field("step"), self._field("ahead"))
        number = b.integer_op("llvm.urem", place, self._field("steps"))
        if self.shuffled:
            epoch = b.integer_op("llvm.udiv", place, self._field("steps"))
            with b.when(b.compare_integers("ne", epoch, self._field("epoch"))):
                self.b.call("shuffle", [self.state, epoch])
        first = b.integer_op("llvm.mul", number, self._field("batch"))
        rest = b.integer_op("llvm.sub", self._field("samples"), first)
        taken = self._least(rest, self._field("batch"))
        size = self._field("block")
        above = b.integer_op("llvm.add", taken, b.integer_op("llvm.sub", size, b.integer(1)))
        blocks = b.integer_op("llvm.udiv", above, size)
        parts = self._least(blocks, b.integer(self.most_parts))
        for name, x in (("first", first), ("taken", taken), ("blocks", blocks), ("parts", parts)):
            self._set(name, x)
        real = b.build("llvm.sitofp", [b.f64], [taken])
        self._set("weight", b.build("llvm.fdiv", [b.f64], [b.constant(1.0), real]))
        real = b.build("llvm.sitofp", [b.f64], [blocks])
        self._set("share", b.build("llvm.fdiv", [b.f64], [b.constant(1.0), real]))
        with b.loop(parts) as k:
            part = self._part(k)
            edges = []
            for j in (k, b.integer_op("llvm.add", k, b.integer(1))):
                edge = b.integer_op("llvm.udiv", b.integer_op("llvm.mul", blocks, j), parts)
                edges.append(self._least(b.integer_op("llvm.mul", edge, size), taken))
            self._put(part, PART_WORDS, position=edges[0], end=edges[1])
            self._put(part, PART_WORDS, loss=b.constant(0.0))
            self._start(part)
        self._set("begun", b.integer(1))
        b.leave()

    def _start(self, part: ir.Value) -> None:
        """Let a part's sum be zero, if it will be used."""
        b = self.b
        with b.when(self._below(b.integer(1), self._field("blocks"))):
            self._clear(self._get(part, PART_WORDS, "sum", b.ptr), b.f64)

    def _clear(self, column: ir.Value, type: ir.Type) -> None:
        """Let a gradient be zero."""
        b = self.b

        def clear(at: ir.Value, width: int) -> None:
            b.store_row(b.splat(b.constant(0.0), width), b.element(column, at, type), type)

        self._elementwise(self._field("count"), clear)

    def work(self) -> None:
        """`work(state, k)`: blocks of every part that thread k has, while its budget lasts."""
        b = self.b
        self.state, k = self.function("work", [b.ptr, b.i64])
        row = b.integer_op("llvm.mul", k, b.integer(len(self.words)))
        thread = b.element(self._pointer("thread_table"), row, b.i64)
        budget = b.element(thread, self.words.index("budget"), b.i64)
        parts, threads = self._field("parts"), self._field("threads")
        # rounded up: the first part is the first thread's, whose gradient `finish` reads
        most = b.integer_op("llvm.sub", threads, b.integer(1))
        low, high = (
            b.integer_op(
                "llvm.udiv",
                b.integer_op("llvm.add", b.integer_op("llvm.mul", parts, x), most),
                threads,
            )
            for x in (k, b.integer_op("llvm.add", k, b.integer(1)))
        )
        mine = b.integer_op("llvm.sub", high, low)
        with b.when(self._below(b.integer(0), mine)), b.loop(mine) as j:
            number = b.integer_op("llvm.add", low, j)
            part = self._part(number)

            def more() -> ir.Value:
                position, end = (self._get(part, PART_WORDS, n) for n in ("position", "end"))
                return self.b.both(
                    self._below(position, end), self._below(b.integer(0), b.load(budget, b.i64))
                )

            with self._while(more):
                self.b.call("block", [self.state, thread, part])
                left = b.build("llvm.add", [b.i64], [b.load(budget, b.i64), b.integer(-1)])
                b.store(left, budget)
        b.leave()

    def block(self) -> None:
        """`block(state, thread, part)`: loss and gradient of the part's next block of samples."""
        b = self.b
        self.state, thread, part = self.function("block", [b.ptr, b.ptr, b.ptr])
        position, end = (self._get(part, PART_WORDS, n) for n in ("position", "end"))
        some = self._least(b.integer_op("llvm.sub", end, position), self._field("block"))
        multiple = self._field("multiple")
        above = b.integer_op("llvm.add", some, b.integer_op("llvm.sub", multiple, b.integer(1)))
        filled = b.integer_op("llvm.mul", b.integer_op("llvm.udiv", above, multiple), multiple)
        self._put(thread, self.words, samples=filled)
        buffers = [self._get(thread, self.words, f"x{k}", b.ptr) for k in range(len(self.columns))]
        weights = self._get(thread, self.words, "weights", b.ptr)
        gradient = self._get(thread, self.words, "gradient", b.ptr)
        first = b.integer_op("llvm.add", self._field("first"), position)
        passed = self._rows(first, some, b.compare_integers("eq", filled, some), buffers)
        weight = b.load(self._word("weight"), b.f64)

        def weigh(at: ir.Value, width: int) -> None:
            address = b.element(weights, at, self.kernel_type)
            b.store_row(b.splat(weight, width), address, self.kernel_type)

        self._elementwise(some, weigh)
        padding = b.integer_op("llvm.sub", filled, some)
        with b.when(self._below(b.integer(0), padding)), b.loop(padding) as k:
            at = b.integer_op("llvm.add", some, k)
            last = b.integer_op("llvm.sub", some, b.integer(1))
            for column, buffer in zip(self.columns, buffers, strict=True):
                type = b.i64 if column.is_index else self.kernel_type
                self._copy_row(column.size, type, buffer, last, buffer, at)
            halved = b.element(
                weights, b.integer_op("llvm.sub", at, b.integer(1)), self.kernel_type
            )
            half = b.build(
                "llvm.fmul", [b.f64], [b.load_row(halved, self.kernel_type), b.constant(0.5)]
            )
            for address in (halved, b.element(weights, at, self.kernel_type)):
                b.store_row(half, address, self.kernel_type)
        share = b.converted(b.load(self._word("share"), b.f64), self.kernel_type)
        samples = b.element(thread, self.words.index("samples"), b.i64)
        loss = self._call_kernel([*passed, weights, share, samples, gradient])
        before = self._get(part, PART_WORDS, "loss", b.f64)
        self._put(part, PART_WORDS, loss=b.build("llvm.fadd", [b.f64], [before, loss]))
        with b.when(self._below(b.integer(1), self._field("blocks"))):
            total = self._get(part, PART_WORDS, "sum", b.ptr)
            self._add_column(total, gradient, self.kernel_type, self._field("count"))
        self._put(part, PART_WORDS, position=b.integer_op("llvm.add", position, some))
        b.leave()

    def finish(self) -> None:
        """`finish(state)`: the end of a step, if all its parts are done."""
        b = self.b
        (self.state,) = self.function("finish", [b.ptr])
        parts = self._field("parts")

        def count(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            part = self._part(k)
            left = b.build(
                "llvm.sub",
                [b.i64],
                [self._get(part, PART_WORDS, n) for n in ("end", "position")],
            )
            return [b.build("llvm.add", [b.i64], [carried[0], left])]

        (left,) = b.loop_carried(parts, [b.integer(0)], count)
        with b.when(self._below(left, b.integer(1))):
            part = self._part(b.integer(0))
            whole = self._get(part, PART_WORDS, "sum", b.ptr)
            others = b.integer_op("llvm.sub", parts, b.integer(1))
            with b.when(self._below(b.integer(0), others)), b.loop(others) as k:
                other = self._part(b.integer_op("llvm.add", k, b.integer(1)))
                total = self._get(other, PART_WORDS, "sum", b.ptr)
                self._add_column(whole, total, b.f64, self._field("count"))
                losses = [self._get(p, PART_WORDS, "loss", b.f64) for p in (part, other)]
                self._put(part, PART_WORDS, loss=b.build("llvm.fadd", [b.f64], losses))
            thread = self._pointer("thread_table")
            loss = self._get(part, PART_WORDS, "loss", b.f64)
            several = self._below(b.integer(1), self._field("blocks"))
            with b.when(several):
                self._update_all(whole, b.f64)
            with b.when(self._below(self._field("blocks"), b.integer(2))):
                gradient = self._get(thread, self.words, "gradient", b.ptr)
                self._update_all(gradient, self.kernel_type)
            self._note(loss)
            self._set("begun", b.integer(0))
        b.leave()

    def _part(self, k: ir.Value) -> ir.Value:
        """The address of a part's words."""
        b = self.b
        row = b.integer_op("llvm.mul", k, b.integer(len(PART_WORDS)))
        return b.element(self._pointer("part_table"), row, b.i64)
