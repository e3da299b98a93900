"""A loss of samples that was pickled -> its mean over rows of a part of the data, and the gradient.

That is a step of a native loop, as of any training, with an update that leaves the parameters as
they are and keeps the gradient as its state.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..locks import Lock
from ..memory import keep_freed
from ..optimizer import Optimizer
from ..store import Store, living
from .batch_loop import BatchLoop
from .sample_loss import SampleLoss, SingleLoss

Numbers = npt.NDArray[np.float64]
Home = tuple[Store, int]
"""Where a parameter's number is."""


class _Gradient(Optimizer):
    """Keeps the gradient."""

    slots = ("gradient",)

    def rule(self, p: Any, g: Any, rates: tuple[Any, ...], *state: Any) -> tuple[Any, ...]:
        return p, g


class PartLoop(BatchLoop):
    """A loop whose every step takes data of its own.

    stores   what has the numbers that the loss reads
    rows     in a step, at most
    """

    def __init__(
        self,
        loss: SampleLoss,
        homes: Sequence[Home],
        stores: Sequence[Store],
        data: Sequence[npt.NDArray[Any]],
        *,
        rows: int,
        threads: int,
    ) -> None:
        self._stores = stores
        gradient = _Gradient([living(*home) for home in homes], lr=0.0)
        super().__init__(gradient, loss, data, batch=rows, seed=None, threads=threads)

    def mean(self, numbers: Numbers, data: Sequence[npt.NDArray[Any]]) -> Numbers:
        """The mean loss of all rows, and behind it its gradient, at these numbers of the stores."""
        first = 0
        for store in self._stores:
            store.array[:] = numbers[first : first + len(store)]
            first += len(store)
        self._data, rows = list(data), len(data[0])
        self._pointers[:] = [a.ctypes.data for a in data]
        self._set(samples=rows, batch=rows, steps=1)
        self.advance(self.step + 1)
        return np.append(self.losses[-1:], self.optimizer.state["gradient"])


class Work:
    """What is done for every part of a step, in any process: the loss is compiled where that is
    first asked for. Threads that ask at the same time each have code and numbers of their own.

    stores    what has the numbers that the loss reads, all of which are given at every step
    rows      that a part takes, at most
    threads   that share a part
    """

    def __init__(
        self, loss: SampleLoss, parameters: Sequence[Any], *, rows: int, threads: int
    ) -> None:
        homes = [p._home for p in parameters]
        penalty = loss.penalty if isinstance(loss, SingleLoss) else None
        read = [*loss.stores, *(penalty.stores if penalty else ()), *(store for store, _ in homes)]
        self.stores = list(dict.fromkeys(read))
        self._made_from = pickle.dumps((loss, homes, self.stores))
        self._rows, self._threads = rows, threads
        self._begin()

    def _begin(self) -> None:
        self._lock = Lock()
        self._idle: list[PartLoop] = []

    def __getstate__(self) -> tuple[Any, ...]:
        return self._made_from, self._rows, self._threads

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._made_from, self._rows, self._threads = state
        self.stores = []
        self._begin()

    @property
    def numbers(self) -> Numbers:
        """The numbers of all stores, one after the other."""
        return np.concatenate([store.array for store in self.stores])

    def mean(self, numbers: Numbers, data: Sequence[npt.NDArray[Any]]) -> Numbers:
        """The mean loss of rows of data, and its gradient: f64[1 + parameters]."""
        with self._lock:
            loop = self._idle.pop() if self._idle else self._loop(data)
        try:
            return loop.mean(numbers, data)
        finally:
            self._idle.append(loop)

    def _loop(self, data: Sequence[npt.NDArray[Any]]) -> PartLoop:
        keep_freed()
        loss, homes, stores = pickle.loads(self._made_from)
        return PartLoop(loss, homes, stores, data, rows=self._rows, threads=self._threads)
