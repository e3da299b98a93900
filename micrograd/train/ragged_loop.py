"""A loss of samples that differ in length, data and an optimiser -> a native training loop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np

from ..optimizer import Optimizer
from .batch_code import PART_WORDS, PARTS, thread_words
from .loop import Loop
from .ragged_code import FIELDS, Ragged
from .ragged_data import RaggedData
from .ragged_loss import ClassCode, RaggedLoss

SECONDS = 2e-5
"""What a sample takes, until it is measured."""
BLOCK = 64
"""Samples between two looks at the budget."""


class RaggedLoop(Loop):
    """A loop over steps of samples that differ in length, one sample after the other.

    batch     samples in a step
    ahead     how many steps of such epochs were taken before
    seed      of the order of the samples, another one in every epoch; None: as they lie
    waiting   around what the loop waits for, which is told what that is
    """

    fields = FIELDS

    def __init__(
        self,
        optimizer: Optimizer,
        kernel: RaggedLoss,
        data: RaggedData,
        *,
        batch: int,
        ahead: int = 0,
        seed: int | None,
        waiting: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._waiting = waiting
        count, samples = len(optimizer.parameters), len(data)
        shuffled = seed is not None and batch < samples
        form = Ragged(len(data.columns), len(kernel.indices.names), kernel.extras, shuffled)
        super().__init__(
            optimizer,
            kernel,
            form=form,
            options=kernel.options,
            places=range(count),
            seconds=SECONDS * min(batch, BLOCK),
        )
        self._loss, self._data, self._words = kernel, data, form.words
        self._codes_of_classes: dict[int, ClassCode] = {}
        self._order = np.arange(samples if shuffled else 0)
        self._allocate(batch)
        penalty = kernel.penalty
        self._set(
            classes=data.classes.ctypes.data,
            samples=samples,
            batch=batch,
            steps=-(-samples // batch),
            order=self._order.ctypes.data,
            seed=seed or 0,
            epoch=-1,
            ahead=ahead,
            block=BLOCK,
            multiple=1,
            count=count,
            penalty=penalty.address if penalty else 0,
            threads=1,
        )

    def _allocate(self, batch: int) -> None:
        """Tables, and memory for a gradient, which is added to another one."""
        columns, count = self._data.columns, len(self.optimizer.parameters)
        indices = self._loss.indices.names
        self._part_table = np.zeros((PARTS, len(PART_WORDS)), dtype=np.int64)
        self._buffers = [np.zeros(n, self._options.dtype) for n in (1, count, count)]
        addresses = [a.ctypes.data for a in self._buffers]
        self._thread_table = np.array([0, *addresses, 0], dtype=np.int64)
        self._budget = thread_words(0).index("budget")
        self._values = np.zeros(batch)
        # where entries lie is said for each sample, counted from address 0
        numbers = [column.numbers.ctypes.data for column in columns]
        self._pointers = np.array([*numbers, *[0] * len(indices)])
        self._entries = [np.zeros(len(self._data), dtype=np.int64) for _ in indices]
        starts = [*(column.starts for column in columns), *self._entries]
        self._starts = np.array([a.ctypes.data for a in starts])
        self._class_table = np.zeros((len(self._data.sizes), self._words), dtype=np.int64)
        self._set(
            data=self._pointers.ctypes.data,
            starts=self._starts.ctypes.data,
            class_table=self._class_table.ctypes.data,
            part_table=self._part_table.ctypes.data,
            thread_table=self._thread_table.ctypes.data,
            values=self._values.ctypes.data,
        )

    def _stretch(self, calls: int) -> None:
        missing = self.fields.index("missing")
        while True:
            self._thread_table[self._budget] = calls
            super()._stretch(calls)
            if not self._state[missing]:
                return
            self._compile(self._state[missing] - 1)
            self._state[missing] = 0

    def _compile(self, number: int) -> None:
        """Let there be code for a class."""
        sizes = self._data.sizes[number]
        shown = " and ".join(map(str, sizes))
        with self._waiting(f"compiling, length {shown}"):
            code = self._loss.code(sizes)
        self._codes_of_classes[number] = code
        rows = np.flatnonzero(self._data.classes == number)
        for starts, entries in zip(self._entries, code.indices, strict=True):
            starts[rows] = entries.ctypes.data // 8 + np.arange(len(rows)) * entries.shape[1]
        self._class_table[number] = code.words
