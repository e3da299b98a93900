"""A loss of samples, data and an optimiser -> a native training loop over mini-batches."""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..jit.target import Target
from ..memory import zeros
from ..optimizer import Optimizer
from .batch_code import LEAVE, PART_WORDS, PARTS, emit_batches, thread_words
from .check_loss import check_loss
from .gather_code import FIELDS as BATCH_FIELDS
from .gather_code import Column, Samples
from .loop import Loop, seconds_of
from .rules import Takes
from .sample_loss import BlockLoss, SampleLoss, SingleLoss
from .single_code import emit_singles

_checked: weakref.WeakSet[SampleLoss] = weakref.WeakSet()
"""The losses that were compared with the interpreter."""


@dataclass(frozen=True)
class _Batches:
    """The form of a loop over mini-batches; `blocks`: the kernel takes blocks of samples."""

    samples: Samples
    blocks: bool

    def __call__(self, takes: Takes, target: Target) -> Any:
        emit = emit_batches if self.blocks else emit_singles
        return emit(takes, self.samples, target)


class BatchLoop(Loop):
    """A loop over mini-batches of data, with a kernel for blocks of samples.

    data      arrays of as many rows, contiguous, of float32 or float64, as the kernel takes them;
              those of its indices are of int64
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
        columns = tuple(Column(a[0].size, a.itemsize * 8, a.dtype.kind == "i") for a in data)
        count, samples = len(optimizer.parameters), len(data[0])
        shuffled = seed is not None and batch < samples
        super().__init__(
            optimizer,
            kernel,
            form=_Batches(Samples(columns, shuffled), isinstance(kernel, BlockLoss)),
            options=kernel.options,
            places=range(count),
            seconds=seconds_of(kernel.program) * min(batch, kernel.size) / kernel.samples,
            summed=isinstance(kernel, BlockLoss) and batch > kernel.size,
        )
        self._order = np.arange(samples if shuffled else 0)
        self._allocate(kernel, columns, batch, threads)
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
            penalty=penalty.address if penalty else 0,
        )

    def _allocate(
        self, kernel: SampleLoss, columns: Sequence[Column], batch: int, threads: int
    ) -> None:
        """Memory for the parts of a step, and for each thread's block of samples."""
        single = isinstance(kernel, SingleLoss)
        blocks = -(-batch // kernel.size)
        count, dtype = len(self.optimizer.parameters), kernel.options.dtype
        self._threads = 1 if single else min(threads, blocks, PARTS)
        self._sums = np.zeros((min(blocks, PARTS) if blocks > 1 else 0, count))
        self._part_table = np.zeros((PARTS, len(PART_WORDS)), dtype=np.int64)
        for row, part in zip(self._part_table, self._sums, strict=False):
            row[PART_WORDS.index("sum")] = part.ctypes.data
        self._words = thread_words(len(columns))
        rows = 1 if single else min(batch, kernel.size) + kernel.multiple
        self._buffers = [
            [np.zeros((rows, c.size), np.int64 if c.is_index else dtype) for c in columns]
            + [zeros(n, dtype) for n in (rows, count, count)]
            for _ in range(self._threads)
        ]
        self._thread_table = np.array(
            [[0, *(a.ctypes.data for a in buffers), 0] for buffers in self._buffers]
        )
        self._values = np.zeros(batch if single else 0)
        self._set(
            part_table=self._part_table.ctypes.data,
            threads=self._threads,
            thread_table=self._thread_table.ctypes.data,
            values=self._values.ctypes.data,
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
