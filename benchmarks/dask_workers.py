"""How much faster two workers train than one: `python -m benchmarks.dask_workers [results.json]`.

A network is trained on full batches by clusters of one and of two processes with a thread each, in
turns; only one of them is there at a time, as its scheduler takes time of this process even while
it has nothing to do. Beside the seconds of a step, which want a quiet machine, stand those that
processors worked: the busiest worker's are what a step takes at least where each has a processor of
its own. Those of this process, with the scheduler, grow with the time that passes, too.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from statistics import median
from typing import Any

import dask.array as da
from distributed import Client, LocalCluster

from micrograd import fit
from micrograd.losses import squared_error
from micrograd.nn import MLP
from micrograd.optim import SGD

from .environment import write_down

BAR = 1.8
"""The throughput at two workers over that at one."""
ROWS, BLOCKS, STEPS, ROUNDS, HIDDEN = 4_000_000, 8, 3, 5, 32


def _worked() -> float:
    return time.process_time()


class Marks:
    """When so many steps were done, and how long processors had worked by then."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._marks: list[tuple[float, float, float, dict[str, float]]] = []

    def __call__(self, history: Any) -> None:
        reached, own = time.perf_counter(), time.process_time()
        workers = self._client.run(_worked)
        self._marks.append((reached, time.perf_counter(), own, workers))

    def between(self, steps: int) -> dict[str, float]:
        """Seconds of a step of those between the two marks."""
        (_, left, own, busy), (reached, _, own_then, busy_then) = self._marks
        worked = [busy_then[name] - busy[name] for name in busy]
        seconds = {
            "step": reached - left,
            "busiest worker": max(worked),
            "all workers": sum(worked),
            "this process": own_then - own,
        }
        return {name: x / steps for name, x in seconds.items()}


@contextmanager
def cluster(workers: int) -> Iterator[Client]:
    """A client of processes with a thread each."""
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as processes,
        Client(processes) as client,
    ):
        yield client


def measured(
    opened: Callable[[int], AbstractContextManager[Client]] = cluster,
    rows: int = ROWS,
    steps: int = STEPS,
    rounds: int = ROUNDS,
    hidden: int = HIDDEN,
) -> dict[int, dict[str, float]]:
    """Medians over rounds of the seconds of a step, by the number of workers."""
    X = da.random.default_rng(0).normal(size=(rows, 8), chunks=(rows // BLOCKS, -1)).astype("f4")
    found: dict[int, list[dict[str, float]]] = {1: [], 2: []}
    losses = set()
    for _ in range(rounds):
        for workers, runs in found.items():
            random.seed(0)
            model = MLP(8, [hidden, hidden, 1])
            with opened(workers) as client:
                marks = Marks(client)
                history = fit(
                    model,
                    SGD(model.parameters(), lr=0.01),
                    data=(X, X[:, 0] * X[:, 1]),
                    loss=squared_error,
                    batch_size=rows,
                    steps=2 * steps,  # the first ones to begin with
                    every=steps,
                    callback=marks,
                    client=client,
                )
            losses.add(history.losses.tobytes())
            runs.append(marks.between(steps))
    assert len(losses) == 1, "the numbers depend on the workers"
    return {
        workers: {name: median([run[name] for run in runs]) for name in runs[0]}
        for workers, runs in found.items()
    }


def report(found: Mapping[int, Mapping[str, float]]) -> dict[str, Any]:
    """The ratios: of the seconds of a step, and of those that the busiest worker worked."""
    one, two = found[1], found[2]
    return {
        "bar": BAR,
        "throughput": round(one["step"] / two["step"], 3),
        "of the busiest worker's seconds": round(one["busiest worker"] / two["busiest worker"], 3),
        "milliseconds of a step": {
            str(workers): {name: round(1e3 * x, 2) for name, x in seconds.items()}
            for workers, seconds in found.items()
        },
        "rows": ROWS,
        "blocks": BLOCKS,
    }


def main() -> None:
    """Measure, print, and write the results down if a file is named."""
    write_down(report(measured()), "".join(sys.argv[1:2]))


if __name__ == "__main__":
    main()
