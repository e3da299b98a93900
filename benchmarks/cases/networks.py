"""Training networks of Tensors on images of digits: the loop alone; and first results."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from ..experiment import F32, Bar, Contestant, Experiment
from ..peers.networks import images, squares, weights
from ..peers.networks.numpy import train

NORMAL = (64, 64, 32, 10)
LONGER = (64, *[256] * 29, 10)
BIGGER = (64, 8192, 4096, 2048, 10)
MNIST = (784, 50, 10)
DIGITS = {
    "Normal": (NORMAL, {100: (100, 10), 32: (100, 10), 1: (100, 10)}),
    "Longer": (LONGER, {100: (100, 1), 32: (100, 1), 1: (20, 1)}),
    "Bigger": (BIGGER, {100: (100, 1), 32: (100, 1), 1: (2, 1)}),
}
"""By network, its sizes, and by batch the samples and epochs of an evaluation."""

PEERS = ("NumPy", "JAX, a step", "JAX, scan", "PyTorch")
LIMITS = {
    "Normal": {
        batch: (1 / numpy, 1 / jax, 1 / jax, 1 / 12)
        for batch, numpy, jax in ((100, 5, 3), (32, 6, 4), (1, 40, 3))
    },
    "Longer": {100: (0.75,) * 4, 32: (0.7,) * 4, 1: (0.4,) * 4},
    "Bigger": {100: (0.8,) * 4, 32: (0.6,) * 4, 1: (0.3,) * 4},
}
"""What part of the times of PEERS ours may take."""

Setting = Callable[[], dict[str, Any]]


@functools.cache
def _digits() -> dict[str, Any]:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return {"pixels": pixels.astype(int).tolist(), "labels": labels.tolist()}


def _setting(sizes: tuple[int, ...], **more: Any) -> Setting:
    return lambda: {"sizes": list(sizes), "side": 8, "rate": 0.01, **_digits(), **more}


def _descended(setting: Setting) -> Callable[[], list[float]]:
    """The losses and the sum of squares, in float64."""

    def answer() -> list[float]:
        given = {**setting(), "dtype": "f32"}
        start = [w.astype("f8") for w in weights(given)]
        losses = train(given, start, *images({**given, "dtype": "f64"}))(start)
        return [*losses, squares(start)]

    return answer


def _experiment(name: str, setting: Setting, **more: Any) -> Experiment:
    d = {"dtype": "f32"}
    contestants = [
        Contestant("ours", "ours", "networks.digits", d),
        Contestant("NumPy", "numpy", "networks.digits", d),
        Contestant("JAX, a step", "jax", "networks.digits", {**d, "scan": False}),
        Contestant("JAX, scan", "jax", "networks.digits", {**d, "scan": True}),
        Contestant("PyTorch", "torch", "networks.digits", d),
        *more.pop("others", ()),
    ]
    given = setting()
    epochs, samples = given["epochs"], given["samples"]
    times = f"{epochs} epochs" if epochs > 1 else "an epoch"
    what = f"{times} of {samples} samples, gradient descent, the loop alone"
    right = _descended(setting)
    return Experiment("networks", name, what, "f32", right, tuple(contestants), setting, **more)


def _trained(small: bool) -> Iterator[Experiment]:
    for network, (sizes, batches) in DIGITS.items():
        for batch, (samples, epochs) in batches.items():
            limits = LIMITS[network][batch]
            if small:
                if (network, batch) not in (("Normal", 32), ("Bigger", 1)):
                    continue
                samples, epochs, batch = 5, 2, min(batch, 4)
                sizes = (64, 16, 12, 10)
            bars = [
                Bar("evaluation", limit, "ours", peer)
                for peer, limit in zip(PEERS, limits, strict=True)
            ]
            if network == "Longer":
                bars += [Bar("first", 0.6, "ours"), Bar("first", 1.0, "ours", "JAX, scan")]
            others = []
            if network != "Normal" and batch == 1:
                for name, forward in (("one pass", False), ("read, and one pass", True)):
                    name, more = f"memory, {name} a sample", {"dtype": "f32", "forward": forward}
                    others.append(Contestant(name, "c", "networks.memory", more, yardstick=True))
                    bars.append(Bar("evaluation", 1.25, "ours", name))
            if network != "Normal" and batch == 100:
                two = {"dtype": "f32", "threads": 2}
                others = [
                    Contestant("ours, 2 threads", "ours", "networks.digits", two),
                    Contestant("NumPy, 2 threads", "numpy", "networks.digits", two),
                ]
                bars += [
                    Bar("evaluation", 1 / 1.8, "ours, 2 threads", "ours"),
                    Bar("evaluation", 1.0, "ours, 2 threads", "NumPy, 2 threads"),
                ]
            rate = 0.01 if batch > 1 or network == "Normal" else 0.001  # else they would overflow
            yield _experiment(
                f"{network}, batch {batch}",
                _setting(sizes, samples=samples, batch=batch, epochs=epochs, rate=rate),
                accuracy=2e-3,
                bars=tuple(bars),
                others=others,
            )


def _mnist(small: bool) -> Experiment:
    sizes, samples = ((64, 6, 10), 20) if small else (MNIST, 60_000)
    return _experiment(
        "MNIST 784-50-10, batch 20",
        _setting(
            sizes,
            samples=samples,
            batch=4 if small else 20,
            epochs=1,
            rate=0.1,
            uniform=True,
            side=8 if small else 28,
        ),
        accuracy=2e-3,
        bars=(Bar("evaluation", 1.1, "ours", "C"), Bar("first", 1.0, "ours")),
        others=(Contestant("C", "c", "networks.digits", {"dtype": "f32"}),),
    )


def _function(small: bool) -> Experiment:
    sizes = (64, 6, 10) if small else NORMAL
    setting = _setting(sizes, samples=4 if small else 32, batch=32, epochs=1)
    d = {"dtype": "f32"}
    return Experiment(
        "networks",
        "a new function",
        "the loss of Normal, 32 samples, and its gradient, from Python",
        "f32",
        _gradient(setting),
        (
            Contestant("ours", "ours", "networks.function", d),
            Contestant("JAX", "jax", "networks.function", d),
        ),
        setting,
        accuracy=F32,
        bars=(Bar("first", 1.0, "ours", "JAX"),),
    )


def _gradient(setting: Setting) -> Callable[[], list[float]]:
    """The loss and the sum of the squares of each gradient: what a step of rate 1 changes."""

    def answer() -> list[float]:
        given = {**setting(), "dtype": "f32", "rate": 1.0}
        before = [w.astype("f8") for w in weights(given)]
        after = [w.copy() for w in before]
        losses = train(given, after, *images({**given, "dtype": "f64"}))(after)
        return [losses[0], *(squares([x - y]) for x, y in zip(before, after, strict=True))]

    return answer


def experiments(small: bool) -> Iterator[Experiment]:
    """The digits' networks by batch; MNIST; the first result of a new function."""
    yield from _trained(small)
    yield _mnist(small)
    yield _function(small)
