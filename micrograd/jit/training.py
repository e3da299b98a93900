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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import lowering
from lowering.bindings import context

from ..engine import Value
from ..errors import TrainingError
from ..optim import Optimizer
from ..store import Live, addresses
from .emit_batches import LEAVE, PART_WORDS, PARTS, emit_batches, thread_words
from .emit_gather import FIELDS as BATCH_FIELDS
from .emit_gather import Column, Samples
from .emit_singles import emit_singles
from .emit_training import FIELDS, RUN, Update, emit_training
from .executable import Executable, Options
from .loss import BlockLoss, SampleLoss, SingleLoss
from .program import Access, Program, Statement, accesses
from .simplify import expand
from .vectorize import operations

Numbers = npt.NDArray[np.float64]
Form = Callable[..., Any]

STRETCH = 0.02
"""Seconds that native code runs before Python looks around, about."""
FIRST_STRETCH = 0.005
"""The same for the first time, when only an estimate says how long a call takes."""
_STEP, _UNTIL, _BUDGET = (FIELDS.index(name) for name in ("step", "until", "budget"))


def update_of(optimizer: Optimizer) -> Update:
    """The optimiser's rule, as expressions."""
    step = optimizer.per_step(optimizer.steps)
    rates = tuple(Access(f"r{k}") for k in range(len(step)))
    state = [Access(f"s{k}") for k in range(len(optimizer.slots))]
    results = optimizer.rule(Access("p"), Access("g"), rates, *state)
    program = Program(body=[Statement(Access(f"x{k}"), x) for k, x in enumerate(results)])
    program = expand(program, exact=True)
    made = tuple(s.expr for s in program.body)
    return Update(str(program), made, len(step), optimizer.is_constant)


@functools.lru_cache(maxsize=64)
def _compiled(form: Form, update: Update, bits: int, width: int) -> lowering.NativeModule:
    """A loop of some form, whose vectors have so many numbers of 64 bits."""
    with context():
        module = form(update, bits=bits, width=width)
        return lowering.compile(module, vectorize=False, unroll=False)


@dataclass(frozen=True)
class _Batches:
    """The form of a loop over mini-batches; `blocks`: the kernel takes blocks of samples."""

    samples: Samples
    blocks: bool

    def __call__(self, update: Update, *, bits: int, width: int) -> Any:
        emit = emit_batches if self.blocks else emit_singles
        return emit(update, self.samples, bits=bits, width=width)


def runs_of(parameters: Sequence[Value], places: Sequence[int]) -> npt.NDArray[np.int64]:
    """Parameters that lie in a row in memory, in the gradient and in the state: i64[runs, 4].

    places   where each parameter's partial is in the gradient

    They must be live.
    """
    columns = np.stack([addresses(parameters), np.array(places), np.arange(len(parameters))])
    next_to = (np.diff(columns) == np.array([[8], [1], [1]])).all(axis=0)
    first = np.concatenate([[0], np.flatnonzero(~next_to) + 1])
    counts = np.diff(first, append=len(parameters))
    return np.ascontiguousarray(np.vstack([columns[:, first], counts]).T)


def seconds_of(program: Program) -> float:
    """Roughly what a run of a program takes: operations in vector loops take little."""
    total = 0.0
    for s in program.body:
        indirect = any(a.table is not None for a in [s.target, *accesses(s.expr)])
        slow = s.turn or indirect or not s.domain
        total += s.points * max(1, operations(s.expr)) * (5e-10 if slow else 5e-12)
    return total


class Loop:
    """A training loop of `steps` steps, of which `step` are done.

    kernel   what the loop calls; it is kept alive
    form     what emits the loop
    seconds  roughly what a call of the kernel takes
    """

    fields: tuple[str, ...]

    def __init__(
        self,
        optimizer: Optimizer,
        steps: int,
        kernel: Any,
        *,
        form: Form,
        options: Options,
        places: Sequence[int],
        seconds: float,
    ) -> None:
        self.optimizer = optimizer
        self.losses: Numbers = np.full(steps, np.nan)
        self._kernel = kernel
        self._first = optimizer.steps
        update = update_of(optimizer)
        self._native = _compiled(form, update, options.bits, options.lanes * options.bits // 64)
        self._run = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._native.address(RUN))
        self._rates = optimizer.table(min(steps, 1) if update.constant else steps)
        self._runs = runs_of(optimizer.parameters, places)
        state = [optimizer.state[name].ctypes.data for name in optimizer.slots]
        self._slots = np.array([*state, 0], dtype=np.int64)
        self._state = (ctypes.c_int64 * len(self.fields))()
        self._address = ctypes.addressof(self._state)
        self._set(
            kernel=kernel.address,
            losses=self.losses.ctypes.data,
            rates=self._rates.ctypes.data,
            runs=self._runs.ctypes.data,
            run_count=len(self._runs),
            slots=self._slots.ctypes.data,
        )
        self._calls = max(1, int(FIRST_STRETCH / seconds))

    def _set(self, **words: int) -> None:
        for name, word in words.items():
            self._state[self.fields.index(name)] = word

    @property
    def step(self) -> int:
        """How many steps are done."""
        return self._state[_STEP]

    def advance(self, until: int, show: Callable[[int, float], Any] | None = None) -> None:
        """Train until so many steps are done in all; `show` is told each stretch's last loss.

        A KeyboardInterrupt comes out of here between two calls of the kernel, with the optimiser
        and the parameters as the last whole step left them.
        """
        state = self._state
        state[_UNTIL] = until
        try:
            while state[_STEP] < until:
                began = time.perf_counter()
                self._stretch(self._calls)
                took = time.perf_counter() - began
                if show is not None and self.step:
                    show(self.step, float(self.losses[self.step - 1]))
                if state[_STEP] < until:  # else it may have been too short to tell
                    fit = int(self._calls * STRETCH / max(took, 1e-6))
                    self._calls = max(1, min(fit, 8 * self._calls))
        finally:
            self.optimizer.steps = self._first + self.step

    def _stretch(self, calls: int) -> None:
        """Run so many calls of the kernel."""
        self._state[_BUDGET] = calls
        self._run(self._address)


class WholeLoop(Loop):
    """A loop around a kernel of a whole loss, which takes no data."""

    fields = FIELDS

    def __init__(self, optimizer: Optimizer, steps: int, kernel: Executable) -> None:
        super().__init__(
            optimizer,
            steps,
            kernel,
            form=emit_training,
            options=kernel.options,
            places=places_of(optimizer.parameters, kernel),
            seconds=seconds_of(kernel.transformed),
        )
        self._gradient = np.zeros(kernel.pointer_outputs[0], dtype=kernel.options.dtype)
        self._set(gradient=self._gradient.ctypes.data)


class BatchLoop(Loop):
    """A loop over mini-batches of data, with a kernel for blocks of samples.

    data      arrays of as many rows, contiguous, of float32 or float64
    batch     samples in a step
    seed      of the order of the samples, another one in every epoch; None: as they lie
    threads   that share the samples of a step
    """

    fields = BATCH_FIELDS

    def __init__(
        self,
        optimizer: Optimizer,
        steps: int,
        kernel: SampleLoss,
        data: Sequence[npt.NDArray[Any]],
        *,
        batch: int,
        seed: int | None,
        threads: int = 1,
    ) -> None:
        columns = tuple(Column(a[0].size, a.itemsize * 8) for a in data)
        count, samples = len(optimizer.parameters), len(data[0])
        shuffled = seed is not None and batch < samples
        super().__init__(
            optimizer,
            steps,
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
            random=seed or 0,
            block=kernel.size,
            multiple=kernel.multiple,
            count=count,
            part_table=self._part_table.ctypes.data,
            threads=self._threads,
            thread_table=self._thread_table.ctypes.data,
            values=self._values.ctypes.data,
            penalty=penalty.address if penalty else 0,
        )
        help = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
        self._help = help(self._native.address("help"))

    def _stretch(self, calls: int) -> None:
        each = max(1, calls // self._threads)
        self._thread_table[:, self._words.index("budget")] = each
        self._set(ticket=0)
        helpers = [
            threading.Thread(target=self._help, args=(self._address, k))
            for k in range(1, self._threads)
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


def places_of(parameters: Sequence[Value], kernel: Executable) -> list[int]:
    """Where the partial of each parameter is in the gradient that a kernel writes.

    Raises TrainingError for a parameter that is not there.
    """
    where = {}
    for k, element in enumerate(kernel.wrt):
        if element is not None and element[0].startswith("p"):
            where[kernel.stores[int(element[0][1:])], element[1]] = k
    places = []
    for k, p in enumerate(parameters):
        place = where.get(p._home) if isinstance(p, Live) else None
        if place is None:
            label = f" ({p.label})" if p.label else ""
            raise TrainingError(
                f"parameter {k}{label} of the optimizer is not one that the kernel has a gradient "
                "for; give both the same: jit(loss, wrt=model.parameters()), and an optimizer of "
                "model.parameters()"
            )
        places.append(place)
    return places
