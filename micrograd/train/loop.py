"""A compiled kernel and an optimiser -> a training loop that runs native, in short stretches.

The loop reads and writes the live parameters and the optimiser's state where they are. It comes
back to Python at least every `STRETCH` seconds, always between two calls of the kernel; parameters
change only at the end of a step, all of them at once.
"""

from __future__ import annotations

import ctypes
import functools
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import lowering
from lowering.bindings import context

from ..jit.emit.native import native
from ..jit.executable import Executable
from ..jit.ir.program import Program
from ..jit.options import Options
from ..jit.schedule.lane_costs import operations
from ..jit.target import Target
from ..optimizer import Optimizer
from .batch_code import LEAVE, PART_WORDS, PARTS, emit_batches, thread_words
from .check_loss import check_loss
from .gather_code import FIELDS as BATCH_FIELDS
from .gather_code import Column, Samples
from .places import column_of, places_of, runs_of
from .rules import update_of
from .sample_loss import BlockLoss, SampleLoss, SingleLoss
from .single_code import emit_singles
from .step_code import FIELDS, RUN, Update, emit_training

Numbers = npt.NDArray[np.float64]
Form = Callable[..., Any]

STRETCH = 0.02
"""Seconds that native code runs before Python looks around, about."""
FIRST_STRETCH = 0.005
"""The same for the first time, when only an estimate says how long a call takes."""
AHEAD = 4096
"""Steps that native code is told of at a time, at most."""
_STEP, _UNTIL, _BUDGET = (FIELDS.index(name) for name in ("step", "until", "budget"))

_checked: weakref.WeakSet[SampleLoss] = weakref.WeakSet()
"""The losses that were compared with the interpreter."""


@functools.lru_cache(maxsize=64)
def _compiled(form: Form, update: Update, target: Target) -> lowering.NativeModule:
    """A loop of some form, around kernels for that target."""
    with context():
        return native(form(update, target), target)


@dataclass(frozen=True)
class _Batches:
    """The form of a loop over mini-batches; `blocks`: the kernel takes blocks of samples."""

    samples: Samples
    blocks: bool

    def __call__(self, update: Update, target: Target) -> Any:
        emit = emit_batches if self.blocks else emit_singles
        return emit(update, self.samples, target)


def seconds_of(program: Program) -> float:
    """Roughly what a run of a program takes: operations in vector loops take little."""
    total = 0.0
    for s in program.body:
        indirect = any(a.table is not None for a in s.accesses)
        slow = s.turn or indirect or not s.domain
        total += s.points * max(1, operations(s.expr)) * (5e-10 if slow else 5e-12)
    return total


class Loop:
    """A training loop, of which `step` steps are done.

    kernel   what the loop calls; it is kept alive
    form     what emits the loop
    seconds  roughly what a call of the kernel takes

    The loop is told of no more than the next AHEAD steps at a time: their learning rates are asked
    for when they are due, so that what a callback changes takes effect, and training may be long.
    """

    fields: tuple[str, ...]

    def __init__(
        self,
        optimizer: Optimizer,
        kernel: Any,
        *,
        form: Form,
        options: Options,
        places: Sequence[int] | npt.NDArray[np.int64],
        seconds: float,
    ) -> None:
        self.optimizer = optimizer
        self._kernel = kernel
        self._form = form
        self._options = options
        self._first = optimizer.steps
        self._losses, self._rates = np.zeros(0), np.zeros(0)
        self._runs = runs_of(optimizer.parameters, places)
        self._state = (ctypes.c_int64 * len(self.fields))()
        self._address = ctypes.addressof(self._state)
        self._set(
            kernel=kernel.address,
            runs=self._runs.ctypes.data,
            run_count=len(self._runs),
        )
        self._ready = False
        self._settings: dict[str, Any] = {}
        self._update: Update | None = None
        self._take_up()
        self._calls = max(1, int(FIRST_STRETCH / seconds))

    def _set(self, **words: int) -> None:
        for name, word in words.items():
            self._state[self.fields.index(name)] = word

    @property
    def step(self) -> int:
        """How many steps are done."""
        return self._state[_STEP]

    @property
    def losses(self) -> Numbers:
        """The loss of every step that is done."""
        return self._losses[: self.step]

    @property
    def rates(self) -> Numbers:
        """The learning rate that every step was taken with."""
        return self._rates[: self.step]

    def advance(self, until: int, show: Callable[[int, float], Any] | None = None) -> None:
        """Train until so many steps are done in all; `show` is told each stretch's last loss.

        A KeyboardInterrupt comes out of here between two calls of the kernel, with the optimiser
        and the parameters as the last whole step left them.
        """
        state = self._state
        if not self._ready:
            self._take_up()
        self._ready = False
        try:
            while state[_STEP] < until:
                if state[_STEP] >= state[_UNTIL]:
                    self._open(until)
                began = time.perf_counter()
                self._stretch(self._calls)
                took = time.perf_counter() - began
                if show is not None and self.step:
                    show(self.step, float(self._losses[self.step - 1]))
                if state[_STEP] < state[_UNTIL]:  # else it may have been too short to tell
                    fit = int(self._calls * STRETCH / max(took, 1e-6))
                    self._calls = max(1, min(fit, 8 * self._calls))
        finally:
            self.optimizer.steps = self._first + self.step

    def prepare(self, until: int) -> None:
        """Do what the next `advance` would begin with, as long as nothing is changed meanwhile."""
        self._take_up()
        if self.step < until:
            self._open(until)
        self._ready = True

    def _take_up(self) -> None:
        """Take the optimiser as it is now: a callback may have changed it."""
        optimizer = self.optimizer
        self._first = optimizer.steps - self.step
        self._state[_UNTIL] = self.step
        self._held = [column_of(optimizer, name) for name in optimizer.slots]
        self._slots = np.array([*(a.ctypes.data for a in self._held), 0], dtype=np.int64)
        self._set(slots=self._slots.ctypes.data)
        settings = {k: v for k, v in vars(optimizer).items() if k not in _NO_SETTINGS}
        if self._update is not None and _same(settings, self._settings):
            return
        self._settings = settings
        update = update_of(optimizer)
        if update != self._update:
            self._update = update
            self._native = _compiled(self._form, update, self._options.target)
            self._run = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._native.address(RUN))

    def _open(self, until: int) -> None:
        """Let native code go on, by AHEAD steps at most."""
        step = self.step
        end = min(until, step + AHEAD)
        rates, rows = self.optimizer.plan(self._first + step, end - step)
        if end > len(self._losses):
            room = np.full((2, max(end, 2 * len(self._losses))), np.nan)
            room[:, :step] = self._losses[:step], self._rates[:step]
            self._losses, self._rates = room
        self._rates[step:end] = rates
        self._rows = np.ascontiguousarray(rows, dtype=np.float64)
        self._set(
            losses=self._losses.ctypes.data,
            rates=self._rows.ctypes.data - 8 * self._rows.shape[1] * step,
            until=end,
        )

    def _stretch(self, calls: int) -> None:
        """Run so many calls of the kernel."""
        self._state[_BUDGET] = calls
        self._run(self._address)


_NO_SETTINGS = frozenset({"parameters", "state", "steps", "_schedule"})
"""What an optimiser has that its compiled rule does not depend on."""


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether nothing was set to anything else; only plain settings are compared by value."""
    return one.keys() == other.keys() and all(
        x is other[k] or (isinstance(x, (int, float, str, tuple)) and x == other[k])
        for k, x in one.items()
    )


class WholeLoop(Loop):
    """A loop around a kernel of a whole loss, which takes no data."""

    fields = FIELDS

    def __init__(self, optimizer: Optimizer, kernel: Executable) -> None:
        super().__init__(
            optimizer,
            kernel,
            form=emit_training,
            options=kernel.options,
            places=places_of(optimizer.parameters, kernel),
            seconds=seconds_of(kernel.transformed),
        )
        if kernel.options.check:
            kernel.caller.call(())  # what the loop calls itself is not compared
        self._gradient = np.zeros(kernel.pointer_outputs[0], dtype=kernel.options.dtype)
        self._set(gradient=self._gradient.ctypes.data)


class BatchLoop(Loop):
    """A loop over mini-batches of data, with a kernel for blocks of samples.

    data      arrays of as many rows, contiguous, of float32 or float64
    batch     samples in a step
    ahead     how many steps of such epochs were taken before
    seed      of the order of the samples, another one in every epoch; None: as they lie
    threads   that share the samples of a step
    """

    fields = BATCH_FIELDS

    def __init__(
        self,
        optimizer: Optimizer,
        kernel: SampleLoss,
        data: Sequence[npt.NDArray[Any]],
        *,
        batch: int,
        ahead: int = 0,
        seed: int | None,
        threads: int = 1,
    ) -> None:
        if kernel.options.check and kernel not in _checked:
            check_loss(kernel, data, batch)
            _checked.add(kernel)
        columns = tuple(Column(a[0].size, a.itemsize * 8) for a in data)
        count, samples = len(optimizer.parameters), len(data[0])
        shuffled = seed is not None and batch < samples
        super().__init__(
            optimizer,
            kernel,
            form=_Batches(Samples(columns, shuffled), isinstance(kernel, BlockLoss)),
            options=kernel.options,
            places=range(count),
            seconds=seconds_of(kernel.program) * min(batch, kernel.size) / kernel.samples,
        )
        single = isinstance(kernel, SingleLoss)
        blocks = -(-batch // kernel.size)
        self._threads = 1 if single else min(threads, blocks, PARTS)
        dtype = kernel.options.dtype
        self._order = np.arange(samples if shuffled else 0)
        self._sums = np.zeros((min(blocks, PARTS) if blocks > 1 else 0, count))
        self._part_table = np.zeros((PARTS, len(PART_WORDS)), dtype=np.int64)
        for row, part in zip(self._part_table, self._sums, strict=False):
            row[PART_WORDS.index("sum")] = part.ctypes.data
        self._words = thread_words(len(columns))
        rows = 1 if single else min(batch, kernel.size) + kernel.multiple
        self._buffers = [
            [np.zeros((rows, c.size), dtype) for c in columns]
            + [np.zeros(n, dtype) for n in (rows, count, count)]
            for _ in range(self._threads)
        ]
        self._thread_table = np.array(
            [[0, *(a.ctypes.data for a in buffers), 0] for buffers in self._buffers]
        )
        self._values = np.zeros(batch if single else 0)
        penalty = kernel.penalty if isinstance(kernel, SingleLoss) else None
        self._data = list(data)
        self._pointers = np.array([a.ctypes.data for a in data])
        self._set(
            data=self._pointers.ctypes.data,
            samples=samples,
            batch=batch,
            steps=-(-samples // batch),
            order=self._order.ctypes.data,
            seed=seed or 0,
            epoch=-1,
            ahead=ahead,
            block=kernel.size,
            multiple=kernel.multiple,
            count=count,
            part_table=self._part_table.ctypes.data,
            threads=self._threads,
            thread_table=self._thread_table.ctypes.data,
            values=self._values.ctypes.data,
            penalty=penalty.address if penalty else 0,
        )

    def _stretch(self, calls: int) -> None:
        each = max(1, calls // self._threads)
        self._thread_table[:, self._words.index("budget")] = each
        self._set(ticket=0)
        help = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(self._native.address("help"))
        helpers = [
            threading.Thread(target=help, args=(self._address, k)) for k in range(1, self._threads)
        ]
        try:
            for thread in helpers:
                thread.start()
            super()._stretch(each)
        finally:
            self._set(ticket=LEAVE)
            for thread in helpers:
                if thread.ident is not None:
                    thread.join()
