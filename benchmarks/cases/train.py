"""Training the moons classifier, the whole loop."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import reference, workloads
from ..experiment import F32, Bar, Contestant, Experiment, both_collectors
from ..peers.train import shuffled

SIZE, RATE, SEED = 32, 0.01, 1
"""An order in which no sample lies so near a kink of the loss that float32 takes the other side."""
LOSSES = {(100, 100): (0.8958441028683222, 0.0109783701354927)}
"""Of N samples and so many steps: the first and the last loss by PyPI's micrograd."""

Setting = Callable[[], dict[str, Any]]


@functools.cache
def _data(n: int) -> tuple[list[list[float]], list[float]]:
    return reference.moons_data(n)


def whole(n: int, steps: int) -> Setting:
    """All samples in every step."""

    def setting() -> dict[str, Any]:
        points, labels = _data(n)
        return {"form": "whole", "steps": steps, "points": points, "labels": labels}

    return setting


def epoch(n: int) -> Setting:
    """Once through the samples, a few at a time, in a random order."""

    def setting() -> dict[str, Any]:
        points, labels = _data(n)
        data = {"points": points, "labels": labels, "seed": SEED, "order": shuffled(n, SEED)}
        return {"form": "epoch", "steps": n // SIZE, "size": SIZE, "rate": RATE, **data}

    return setting


def answer(setting: Setting) -> Callable[[], list[float]]:
    """The losses and the sum of the squared parameters, in float64."""

    def train() -> list[float]:
        given = setting()
        steps, size = given["steps"], given.get("size", 0)
        points, labels = np.array(given["points"]), np.array(given["labels"])
        p = np.array(workloads.parameters_of(*workloads.MOONS, seed=1337))
        losses = []
        for k in range(steps):
            rows: Any = given["order"][k * size : (k + 1) * size] if size else slice(None)
            loss, *grad = reference.moons(points[rows], labels[rows], p)
            p -= (given["rate"] if size else 1.0 - 0.9 * k / steps) * np.array(grad)
            losses.append(loss)
        known = LOSSES.get((len(labels), steps))
        if known and not size and max(abs(losses[0] - known[0]), abs(losses[-1] - known[1])) > 1e-9:
            raise ValueError(f"the demo's losses go from {known[0]} to {known[1]}, not {losses}")
        return [*losses, float(p @ p)]

    return train


def _experiment(name: str, what: str, dtype: str, setting: Setting, **more: Any) -> Experiment:
    d = {"dtype": dtype}
    contestants = [
        Contestant("ours", "ours", "train.moons", d),
        Contestant("C", "c", "train.moons", d),
        Contestant("C, plain loops", "c", "train.moons", {**d, "plain": True}),
        Contestant("numba", "numba", "train.moons", d),
        Contestant("JAX", "jax", "train.moons", d),
        Contestant("NumPy", "numpy", "train.moons", d),
        Contestant("PyTorch", "torch", "train.moons", d),
        *more.pop("others", ()),
    ]
    right = answer(setting)
    return Experiment("train", name, what, dtype, right, tuple(contestants), setting, **more)


def experiments(small: bool) -> Iterator[Experiment]:
    """The demo with 20, 100 and 200 samples; one epoch of many; all of many, on two threads."""
    steps = 4 if small else 100
    limits = {20: 1.2, 100: 1.1, 200: 1.2}
    for n in (4,) if small else limits:
        for dtype, accuracy in (("f32", F32), ("f64", 1e-9)):
            bars = (Bar("evaluation", limits.get(n, 1.1), "ours", "C"),) if dtype == "f32" else ()
            interpreters = both_collectors("train.moons") if dtype == "f64" and n <= 100 else ()
            yield _experiment(
                f"N={n}, {dtype}",
                f"the demo's {steps} steps, all samples in each; the loop alone",
                dtype,
                whole(n, steps),
                accuracy=accuracy,
                bars=bars,
                others=interpreters,
            )
    many = 2 * SIZE if small else 100_000
    for dtype, accuracy in (("f32", 2e-3), ("f64", 1e-9)):
        yield _experiment(
            f"epoch of {many}, {dtype}",
            f"one epoch, {SIZE} samples a step, shuffled; ours and C shuffle themselves",
            dtype,
            epoch(many),
            accuracy=accuracy,
            bars=(Bar("evaluation", 1.2, "ours", "C"),),
        )
    few, two = 2 if small else 5, {"dtype": "f32", "threads": 2}
    yield _experiment(
        f"all of {many}, two threads",
        f"{few} steps, all samples in each; on one thread unless the row says two",
        "f32",
        whole(many, few),
        accuracy=F32,
        bars=(Bar("evaluation", 1 / 1.8, "ours, 2 threads", "ours"),),
        others=(
            Contestant("ours, 2 threads", "ours", "train.moons", two),
            Contestant("JAX, 2 threads", "jax", "train.moons", two),
        ),
    )
