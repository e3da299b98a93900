"""A compiled kernel and an optimiser -> a training loop that runs native, in short stretches.

The loop reads and writes the live parameters and the optimiser's state where they are. It comes
back to Python at least every `STRETCH` seconds, always between two calls of the kernel; parameters
change only at the end of a step, all of them at once.
"""

from __future__ import annotations

import ctypes
import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

import lowering

from ..jit.emit.native import native
from ..jit.executable import Executable
from ..jit.ir.program import Loop as OrderedLoop
from ..jit.ir.program import Program, statements
from ..jit.options import Options
from ..jit.schedule.counts import operations
from ..jit.target import Target
from ..memory import zeros
from ..optimizer import Optimizer
from ..real_types import BY_BITS, WIDE
from .places import Unrounded, column_of, places_of, runs_of
from .rules import MOST, Takes, Update, code_of, update_of
from .step_code import FIELDS, RUN, emit_training

Numbers = npt.NDArray[np.float64]
Form = Callable[..., Any]

STRETCH = 0.02
"""Seconds that native code runs before Python looks around, about."""
FIRST_STRETCH = 0.005
"""The same for the first time, when only an estimate says how long a call takes."""
AHEAD = 4096
"""Steps that native code is told of at a time, at most."""
_STEP, _UNTIL, _BUDGET = (FIELDS.index(name) for name in ("step", "until", "budget"))


@functools.lru_cache(maxsize=64)
def _compiled(form: Form, takes: Takes, target: Target) -> lowering.NativeModule:
    """A loop of some form, around kernels for that target."""
    return native(lambda: form(takes, target), target, ("loop", form, takes))


def seconds_of(program: Program) -> float:
    """Roughly what a run of a program takes: operations in vector loops take little."""
    total = 0.0
    for node in program.body:
        for s in statements([node]):
            slow = isinstance(node, OrderedLoop) or not s.domain or any(a.parts for a in s.accesses)
            total += s.points * max(1, operations(s.expr)) * (5e-10 if slow else 5e-12)
    return total


class Loop:
    """A training loop, of which `step` steps are done.

    kernel   what the loop calls; it is kept alive
    form     what emits the loop
    seconds  roughly what a call of the kernel takes
    summed   whether gradients of several calls are added up, in float64

    State and updates are of the kernel's numbers, unless it is strict or gradients are added up:
    where these are not float64, the loop has state in arrays of its own, and the optimiser gets it
    back whenever the loop stops; so do parameters that rounding alone has changed their numbers.

    The loop is told of no more than the next AHEAD steps at a time: their learning rates are asked
    for when they are due, so that what a callback changes takes effect, and training may be long.
    """

    fields: tuple[str, ...]
    _numbers = WIDE
    _own_state: Sequence[tuple[Numbers, npt.NDArray[Any]]] = ()

    def __init__(
        self,
        optimizer: Optimizer,
        kernel: Any,
        *,
        form: Form,
        options: Options,
        places: Sequence[int] | npt.NDArray[np.int64],
        seconds: float,
        summed: bool = False,
    ) -> None:
        self.optimizer = optimizer
        self._summed = summed
        rounded = not options.strict and not summed
        self._numbers = BY_BITS[options.target.bits] if rounded else WIDE
        self._kernel = kernel
        self._form = form
        self._options = options
        self._first = optimizer.steps
        self._losses, self._rates = np.zeros(0), np.zeros(0)
        self._runs = runs_of(optimizer.parameters, places, MOST)
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
        before = None if self._numbers is WIDE else Unrounded(self._runs)
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
            for column, own in self._own_state:
                column[:] = own
            if before is not None:
                before.restore(self._numbers.dtype)

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
        columns: list[npt.NDArray[Any]] = [*self._held]
        if self._numbers is not WIDE:
            columns = [zeros(len(a), self._numbers.dtype) for a in self._held]
            for column, held in zip(columns, self._held, strict=True):
                column[:] = held
            self._own_state = list(zip(self._held, columns, strict=True))
        self._slots = np.array([*(a.ctypes.data for a in columns), 0], dtype=np.int64)
        self._set(slots=self._slots.ctypes.data)
        settings = {k: v for k, v in vars(optimizer).items() if k not in _NO_SETTINGS}
        if self._update is not None and _same(settings, self._settings):
            return
        self._settings = settings
        update = update_of(optimizer)
        if update != self._update:
            self._update = update
            takes = replace(update.takes, numbers=self._numbers)
            self._native = _compiled(self._form, takes, self._options.target)
            self._run = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._native.address(RUN))
            self._link(update)

    def _link(self, update: Update) -> None:
        """Let native code call the update, which is kept alive."""
        self._totals = np.zeros(update.takes.totals)
        self._set(totals=self._totals.ctypes.data)
        self._codes = []
        target = self._options.target
        for wide, bits in (("", target.bits), ("_wide", 64))[: 1 + self._summed]:
            for name in ("sums", "update") if update.sums else ("update",):
                code = code_of(
                    update,
                    sums=name == "sums",
                    gradient=BY_BITS[bits].name,
                    target=target,
                    numbers=self._numbers,
                )
                self._codes.append(code)
                self._set(**{name + wide: code.address})

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
