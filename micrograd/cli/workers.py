"""`micrograd recommended-workers`: with how many threads networks train fastest, measured."""

from __future__ import annotations

import math
from argparse import Namespace

from ..jit.call.threads import cores
from ..optim import SGD
from ..train import fit
from ..train.history import History
from . import report
from .tasks import Task, shared_task
from .training import DTYPES

LONG = 0.5
"""Seconds that are measured for each number of threads."""
LEAST = 3
"""Epochs that are measured in any case."""
ROUNDS = 2
WORTH = 0.9
"""More threads are recommended if they take at most this part of the time."""


def recommended_workers(arguments: Namespace) -> None:
    """Measure, and print the table and what is recommended."""
    counts = thread_counts(cores())
    rows = []
    for name in arguments.network:
        print(f"{name}: measuring", flush=True)
        task = shared_task(name, arguments.length)
        times = dict.fromkeys(counts, math.inf)
        for n in counts * ROUNDS:  # in turn, as the machine may be busy for a while
            seconds = epoch_seconds(task, arguments.batch_size, arguments.dtype, n)
            times[n] = min(times[n], seconds)
        rows.append([name, *map(report.duration, times.values()), str(recommended(times))])
    titles = [f"{n} thread{'s' * (n != 1)}" for n in counts]
    print(
        f"\nAn epoch of training in {arguments.dtype}, batches of {arguments.batch_size} at most:\n"
    )
    print(report.rows(["", *titles, "recommended"], rows, "---:"))


def thread_counts(most: int) -> list[int]:
    """Numbers of threads to measure: powers of two, and all there are.

    >>> thread_counts(1), thread_counts(2), thread_counts(6)
    ([1], [1, 2], [1, 2, 4, 6])
    """
    powers = [2**k for k in range(most.bit_length())]
    return [*(n for n in powers if n < most), most]


def epoch_seconds(task: Task, batch: int, dtype: str, threads: int) -> float:
    """The seconds of the quickest epoch."""
    model = task.model(0, DTYPES[dtype])
    batch = min(batch, len(task.train[1]))
    times: list[float] = []

    def is_enough(history: History) -> bool:
        times.append(history.seconds - sum(times))
        return len(times) >= LEAST and history.seconds >= LONG

    fit(
        model,
        SGD(model.parameters(), lr=0.01),
        data=task.train,
        loss=task.loss,
        epochs=10**6,
        batch_size=batch,
        shuffle=False,
        threads=threads,
        callback=is_enough,
    )
    return min(times)


def recommended(times: dict[int, float]) -> int:
    """The fewest threads that are not slower than more of them, but for what is no gain.

    >>> recommended({1: 1.0, 2: 0.95, 4: 1.2}), recommended({1: 1.0, 2: 0.6, 4: 0.59})
    (1, 2)
    """
    best = 1
    for n, seconds in times.items():
        if seconds < WORTH * times[best]:
            best = n
    return best
