"""Work, partitions and a client of dask -> losses and gradients of steps, computed by its workers.

A step's rows are those that `fit` takes without a client. Every partition gives the mean of those
that it has, weighed by their share; sums of these are made of FAN neighbours each, of their sums
again, and so on. So what is added to what depends on the partitions, and not on the workers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from typing import Any, TypeVar

import distributed
import numpy as np
import numpy.typing as npt
from distributed.scheduler import KilledWorker

from ..errors import TrainingError, kind
from .ctrl_c import noted
from .dask_data import DaskData, Prepared, some_rows
from .given_code import Orders
from .part_loop import Work

Numbers = npt.NDArray[np.float64]
T = TypeVar("T")
Check = Callable[[], None]
"""What is called while waiting: it raises KeyboardInterrupt after Ctrl-C."""

FAN = 8
"""Sums that a worker adds up."""
ATTEMPTS = 3
"""How often a step is begun whose data went with their workers."""
LISTENING = 0.1
"""Seconds from Ctrl-C to being heard, at most."""
SMALL = 64 * 1024
"""Bytes of parameters that every task is given; more are a result of their own, which workers hand
to each other."""


def checked_client(given: Any) -> distributed.Client:
    """The client, if it is one that waits for its results."""
    if not isinstance(given, distributed.Client):
        raise TrainingError(
            "client should be a dask.distributed.Client, such as "
            f"Client(LocalCluster(n_workers=2)), got {kind(given)}"
        )
    if given.asynchronous:
        raise TrainingError(
            "client should be one that waits for its results, got one with asynchronous=True, "
            "whose results fit cannot wait for"
        )
    return given


class DaskSteps:
    """Losses and gradients of steps over partitions, which the workers keep.

    batch   samples in a step
    seed    of the order of the samples, another one in every epoch; None: as they lie
    """

    def __init__(
        self,
        client: distributed.Client,
        work: Work,
        prepared: Prepared,
        data: DaskData,
        *,
        batch: int,
        seed: int | None,
    ) -> None:
        self._client, self._work, self._prepared, self._data = client, work, prepared, data
        self._batch, self._in_epoch = batch, -(-data.samples // batch)
        self._edges = np.array([*data.starts, data.samples])
        shuffled = seed is not None and batch < data.samples
        self._orders = Orders(data.samples, seed or 0) if shuffled else None
        self._parts: list[Any] = []
        self._lasting(lambda check: None)

    def _lasting(self, compute: Callable[[Check], T]) -> T:
        """What is computed of data that are ready; anew where these went with their workers."""
        with noted() as check:  # futures are let go within, too
            return self._repeated(compute, check)

    def _repeated(self, compute: Callable[[Check], T], check: Check) -> T:
        for left in reversed(range(ATTEMPTS)):
            try:
                if not self._parts:
                    self._parts = self._begin(check)
                return compute(check)
            except (CancelledError, asyncio.CancelledError, KilledWorker) as error:
                self._parts = []
                if not left:
                    raise TrainingError(
                        f"workers were lost {ATTEMPTS} times, with blocks of data that cannot be "
                        f"computed again, or while they worked on the same ones ({error}); "
                        "parameters are as the last whole step left them. Look into the workers' "
                        "logs: they may need more memory, or smaller blocks of rows"
                    ) from error
        raise AssertionError

    def _begin(self, check: Check) -> list[Any]:
        """Hand out the work, and let the workers make their data ready: a future for each part."""
        client, data = self._client, self._data
        self._sent = client.submit(_given, self._work, pure=False)
        prepared = client.submit(_given, self._prepared, pure=False)
        blocks = client.compute([block for row in data.blocks for block in row])
        each = len(data.shapes)
        parts = [
            client.submit(
                _called, prepared, start, n, *blocks[each * k : each * (k + 1)], pure=False
            )
            for k, (start, n) in enumerate(zip(data.starts, data.rows, strict=True))
        ]
        while True:
            try:
                distributed.wait(parts, timeout=LISTENING)
                break
            except TimeoutError:
                check()
        for part in parts:
            if part.status != "finished":
                part.result()  # raises what was wrong
        return parts

    def take(self, step: int) -> Numbers:
        """The loss of a step, counted from the first epoch on, and behind it its gradient."""
        rows = self._rows(step)
        return self._lasting(lambda check: self._sum(rows, check))

    def _rows(self, step: int) -> list[tuple[int, Any, int]]:
        """The partitions that have rows of a step; which rows, and how many."""
        epoch, number = divmod(step, self._in_epoch)
        first = number * self._batch
        last = min(first + self._batch, self._data.samples)
        if self._orders is None:
            low, high = (np.clip(x, self._edges[:-1], self._edges[1:]) for x in (first, last))
            starts = self._edges[:-1]
            return [
                (k, slice(int(a), int(b)), int(b - a))
                for k, (a, b) in enumerate(zip(low - starts, high - starts, strict=True))
                if a < b
            ]
        taken = self._orders.of(epoch)[first:last]
        places = np.searchsorted(self._edges, taken, side="right") - 1
        found = []
        for k in np.unique(places).tolist():
            rows = taken[places == k] - self._edges[k]
            found.append((k, rows, len(rows)))
        return found

    def _sum(self, rows: Sequence[tuple[int, Any, int]], check: Check) -> Numbers:
        client, total = self._client, sum(n for _, _, n in rows)
        numbers: Any = self._work.numbers
        if numbers.nbytes > SMALL:
            numbers = client.submit(_given, numbers, pure=False)
        sums = client.map(
            _part,
            [self._parts[k] for k, _, _ in rows],
            [some for _, some, _ in rows],
            [n / total for _, _, n in rows],
            work=self._sent,
            numbers=numbers,
            pure=False,
        )
        while len(sums) > FAN:
            groups = [sums[k : k + FAN] for k in range(0, len(sums), FAN)]
            sums = [client.submit(_added, *group, pure=False) for group in groups]
        coming = client.gather(sums, asynchronous=True)
        waiting = asyncio.run_coroutine_threadsafe(coming, client.loop.asyncio_loop)
        while True:
            try:
                return _added(*waiting.result(LISTENING))
            except TimeoutError:
                if waiting.done():
                    raise
                try:
                    check()
                except KeyboardInterrupt:
                    waiting.cancel()  # futures that nobody holds are no longer worked on
                    raise


def _given(x: Any) -> Any:
    return x


def _called(function: Any, *arguments: Any) -> Any:
    return function(*arguments)


def _part(
    data: Sequence[npt.NDArray[Any]], rows: Any, share: float, *, work: Work, numbers: Numbers
) -> Numbers:
    """The share of some rows of a partition in the mean loss and its gradient."""
    return share * work.mean(numbers, some_rows(data, rows))


def _added(*parts: Numbers) -> Numbers:
    """The sum, from the first one on."""
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total
