"""A loss of samples that differ in length, data and an optimiser -> a native training loop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np

from ..memory import zeros
from ..optimizer import Optimizer
from .abreast_code import COUNT, Abreast
from .abreast_code import FIELDS as ABREAST_FIELDS
from .batch_code import PART_WORDS, PARTS, thread_words
from .loop import Loop
from .ragged_code import FIELDS, Ragged
from .ragged_data import RaggedData
from .ragged_loss import ClassCode, RaggedLoss

if TYPE_CHECKING:
    from .abreast_loss import AbreastLoss

SECONDS = 2e-5
"""What a sample takes, until it is measured."""
BLOCK = 64
"""Samples between two looks at the budget."""
MANY = 300_000
"""Samples from which on it pays to compile code for several at once."""
MOST_CLASSES = 4096
"""Lengths by which the samples of a step are sorted."""


class RaggedLoop(Loop):
    """A loop over steps of samples that differ in length, one sample after the other.

    batch     samples in a step
    steps     how many will be taken
    ahead     how many steps of such epochs were taken before
    seed      of the order of the samples, another one in every epoch; None: as they lie
    waiting   around what the loop waits for, which is told what that is
    """

    fields: tuple[str, ...] = FIELDS

    def __init__(
        self,
        optimizer: Optimizer,
        kernel: RaggedLoss,
        data: RaggedData,
        *,
        batch: int,
        steps: int,
        ahead: int = 0,
        seed: int | None,
        waiting: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._waiting = waiting
        count, samples = len(optimizer.parameters), len(data)
        shuffled = seed is not None and batch < samples
        self._together = None
        if batch >= COUNT and batch * steps >= MANY and len(data.sizes) <= MOST_CLASSES:
            self._together = kernel.abreast()
        numbers = len(data.columns), len(kernel.indices.names), kernel.extras
        form = Ragged(*numbers, shuffled)
        if self._together is not None:
            made = self._together
            stores = len(made.stores) if made.copied else 0
            sizes = tuple(made.sizes)
            form = Abreast(*numbers, shuffled, COUNT, sizes, tuple(made.given), stores)
            self.fields = ABREAST_FIELDS
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
        if self._together is not None:
            self._allocate_together(self._together, batch)
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
        self._buffers = [zeros(n, self._options.dtype) for n in (1, count, count)]
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

    def _allocate_together(self, made: AbreastLoss, batch: int) -> None:
        """Memory for what several samples are computed from."""
        numbers, classes = self._options.dtype, len(self._data.sizes)
        columns = len(self._data.columns)
        indices = [k >= columns for k in range(len(made.sizes))]
        extents = [g for g in made.given if g.rows]
        live = [g.size * COUNT for g in made.given if g.live]
        wanted = [
            *((n * COUNT, is_index) for n, is_index in zip(made.sizes, indices, strict=True)),
            *((g.size * COUNT, g.is_index or g.is_extent) for g in made.given),
            *((1, True) for _ in extents),
            *((n, False) for n in [*live, COUNT]),
        ]
        self._inputs = [np.zeros(n, np.int64 if whole else numbers) for n, whole in wanted]
        self._copies = [np.zeros(len(s), numbers) for s in made.stores] if made.copied else []
        stores = zip(made.stores, self._copies, strict=False)
        self._tables = {
            "buffers": np.array([a.ctypes.data for a in self._inputs]),
            "lengths": np.ones((classes, len(made.sizes)), dtype=np.int64),
            "known": np.zeros(classes, dtype=np.int64),
            "counts": np.zeros(classes, dtype=np.int64),
            "sorted": np.zeros(batch, dtype=np.int64),
            "copies": np.array([[s.address, c.ctypes.data, len(c)] for s, c in stores] or [[0]]),
        }
        self._set(
            together=made.address,
            class_count=classes,
            **{name: table.ctypes.data for name, table in self._tables.items()},
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
        if self._together is not None:
            lengths = [int(column.lengths[rows[0]]) for column in self._data.columns]
            lengths += [entries.shape[1] for entries in code.indices]
            self._tables["lengths"][number] = lengths
            self._tables["known"][number] = 1 if self._loss.is_shared(code) else 2
