"""A compiled kernel and an optimiser -> a training loop that runs native, in short stretches.

The loop reads and writes the live parameters and the optimiser's state where they are. It comes
back to Python at least every `STRETCH` seconds, always between two calls of the kernel; parameters
change only at the end of a step, all of them at once.
"""

from __future__ import annotations

import ctypes
import functools
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import lowering
from lowering.bindings import context

from ..engine import Value
from ..errors import TrainingError
from ..optim import Optimizer
from ..store import Live
from .emit_training import FIELDS, RUN, RUN_WORDS, Update, emit_training
from .executable import Executable
from .program import Access, Program, Statement
from .simplify import expand

Numbers = npt.NDArray[np.float64]

STRETCH = 0.02
"""Seconds that native code runs before Python looks around, about."""
FIRST_STRETCH = 0.002
"""The same for the first time, when only an estimate says how long a call takes."""


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
def _compiled(update: Update, bits: int) -> lowering.NativeModule:
    with context():
        module = emit_training(update, bits=bits, width=lowering.vector_bits() // 64)
        return lowering.compile(module, vectorize=False, unroll=True)


def runs_of(parameters: Sequence[Value], places: Sequence[int]) -> npt.NDArray[np.int64]:
    """Parameters that lie in a row in memory, in the gradient and in the state: i64[runs, 4].

    places   where each parameter's partial is in the gradient

    They must be live.
    """
    rows: list[list[int]] = []
    for k, (p, place) in enumerate(zip(parameters, places, strict=True)):
        store, index = p._home
        row = [store.address + 8 * index, place, k]
        if rows:
            *last, count = rows[-1]
            if row == [last[0] + 8 * count, last[1] + count, last[2] + count]:
                rows[-1][-1] += 1
                continue
        rows.append([*row, 1])
    return np.array(rows, dtype=np.int64).reshape(-1, len(RUN_WORDS))


class Loop:
    """A training loop of `steps` steps, of which `step` are done.

    kernel   the address of a function that writes a gradient and returns the loss
    size     numbers in that gradient
    places   where the partial of each parameter of the optimiser is in it
    keep     what must live as long as the loop
    seconds  roughly what a call of the kernel takes
    """

    def __init__(
        self,
        optimizer: Optimizer,
        steps: int,
        *,
        kernel: int,
        bits: int,
        size: int,
        places: Sequence[int],
        keep: Any,
        seconds: float,
    ) -> None:
        self.optimizer = optimizer
        self.losses: Numbers = np.full(steps, np.nan)
        self._keep = keep
        self._first = optimizer.steps
        update = update_of(optimizer)
        self._native = _compiled(update, bits)
        self._run = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._native.address(RUN))
        self._gradient = np.zeros(size, dtype=f"f{bits // 8}")
        self._rates = optimizer.table(min(steps, 1) if update.constant else steps)
        self._runs = runs_of(optimizer.parameters, places)
        columns = [optimizer.state[name].ctypes.data for name in optimizer.slots]
        self._slots = np.array([*columns, 0], dtype=np.int64)
        self._state = np.zeros(len(FIELDS), dtype=np.int64)
        self._set(
            kernel=kernel,
            gradient=self._gradient.ctypes.data,
            losses=self.losses.ctypes.data,
            rates=self._rates.ctypes.data,
            runs=self._runs.ctypes.data,
            run_count=len(self._runs),
            slots=self._slots.ctypes.data,
        )
        self._calls = max(1, int(FIRST_STRETCH / seconds))

    def _set(self, **words: int) -> None:
        for name, word in words.items():
            self._state[FIELDS.index(name)] = word

    @property
    def step(self) -> int:
        """How many steps are done."""
        return int(self._state[FIELDS.index("step")])

    def advance(self, until: int) -> None:
        """Train until so many steps are done in all.

        A KeyboardInterrupt comes out of here between two calls of the kernel, with the optimiser
        and the parameters as the last whole step left them.
        """
        address = self._state.ctypes.data
        self._set(until=until)
        try:
            while self.step < until:
                self._set(budget=self._calls)
                began = time.perf_counter()
                self._run(address)
                took = time.perf_counter() - began
                if self.step < until:  # else it may have been too short to tell
                    fit = int(self._calls * STRETCH / max(took, 1e-6))
                    self._calls = max(1, min(fit, 8 * self._calls))
        finally:
            self.optimizer.steps = self._first + self.step


def first_not_finite(losses: Numbers) -> int | None:
    """The first step whose loss is nan or infinite."""
    bad = np.flatnonzero(~np.isfinite(losses))
    return int(bad[0]) if len(bad) else None


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
