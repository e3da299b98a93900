"""pycrograd's and mocrograd's runs whole: a process that imports, compiles and trains, timed from
outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from micrograd.cli import network_peers
from micrograd.cli.tasks import Task, shared_task

from ..experiment import Bar, Contestant, Experiment
from ..peers.networks import batches
from ..peers.networks.numpy import train

LENGTH, EPOCHS, BATCH, RATE, SEED = 1000, 10, 32, 0.01, 1337
COMPARED = 2
"""Epochs whose losses are compared: later, a ReLU of a deep network may be on the other side of 0
in float32.
"""
ACCURACY = 1e-2
"""Of losses that are read off what the command prints, to four places."""
LIMITS = {"normal": (2.0, 121.291), "longer": (4.0, 4610.141), "bigger": (20.0, 13484.485)}
"""Seconds that a run may take, and those that pycrograd published."""
DIVIDED = {"normal": 1, "longer": 10, "bigger": 100}
"""By what the length is divided for a network."""


def _answer(task: Task) -> Callable[[], list[float]]:
    """The mean losses of the epochs that are compared, in float64."""

    def losses() -> list[float]:
        x, y = task.train
        drawn = {"sizes": task.sizes, "seed": SEED, "dtype": "f64"}
        start = [np.asarray(a) for pair in network_peers.weights(drawn) for a in pair]
        given = {"samples": len(y), "batch": BATCH, "rate": RATE, "epochs": COMPARED}
        steps = train(given, start, x.astype("f8"), y)(start)
        sizes = [s.stop - s.start for s in batches(given)]
        by_epoch = np.reshape(steps, (COMPARED, len(sizes)))
        return [float(np.average(losses, weights=sizes)) for losses in by_epoch]

    return losses


def experiments(small: bool) -> Iterator[Experiment]:
    """The three networks, with their shares of the samples."""
    for name, (seconds, published) in LIMITS.items():
        if small and name != "normal":
            continue
        length, epochs = (50, COMPARED) if small else (LENGTH // DIVIDED[name], EPOCHS)
        given: dict[str, Any] = {"network": name, "length": length, "epochs": epochs}
        task = shared_task(name, length * DIVIDED[name])
        yield Experiment(
            "seeds",
            name.capitalize(),
            f"micrograd train-digits --network {name} --epochs {epochs} --length {length}, from "
            f"the start of its process to its end; pycrograd published {published:g} s",
            "f32",
            _answer(task),
            (Contestant("ours", "ours", "networks.whole", {"compared": COMPARED}),),
            lambda given=given: given,  # type: ignore[misc]
            accuracy=ACCURACY,
            bars=(Bar("evaluation", seconds, "ours"),),
        )
