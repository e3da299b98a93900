"""`micrograd train-moons`: micrograd's demo, trained native or by the interpreter."""

from __future__ import annotations

import random
import time
from argparse import Namespace
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checkpoint import save
from ..datasets import moons
from ..engine import Value
from ..errors import MicrogradError
from ..jit import jit
from ..losses import l2, max_margin
from ..nn import MLP
from ..optim import SGD, linear
from ..train import fit
from . import pictures
from .progress import Progress
from .report import duration

MOST_WORK = 10**9
"""Samples times parameters; twice as many Values are made, each of some 200 bytes."""

INTERPRETED_MESH = 0.25
"""The grid of the demo's own picture, for the interpreter is slow."""


def total_loss(model: MLP, points: Any, labels: Any) -> tuple[Value, list[Value]]:
    """The demo's loss, max-margin and a penalty on the weights, and the scores it is made of."""
    scores = [model(list(map(Value, row))) for row in points]
    losses = [max_margin(score, y) for score, y in zip(scores, labels, strict=True)]
    return sum(losses) * (1.0 / len(losses)) + l2(model.parameters(), 1e-4), scores


def accuracy(scores: Iterable[Any], labels: Any) -> float:
    """The share of the samples that are on the right side."""
    hits = [(y > 0) == bool(score > 0.0) for score, y in zip(scores, labels, strict=True)]
    return float(sum(hits) / len(hits))


class Training:
    """The demo's model, data and optimiser, as the arguments ask for them."""

    mesh: float
    """The width of the grid that its decision boundary is drawn on."""

    def __init__(self, arguments: Namespace, progress: Progress) -> None:
        self.progress = progress
        sizes = [2, *arguments.hidden, 1]
        parameters = sum((n + 1) * m for n, m in pairwise(sizes))
        if parameters * arguments.samples > MOST_WORK:
            raise MicrogradError(
                f"{arguments.samples} samples through a network of {parameters} parameters are "
                "more scalars than fit into memory; give fewer --samples or smaller --hidden layers"
            )
        self.points, self.labels = moons(arguments.samples, arguments.noise, arguments.seed)
        random.seed(arguments.seed)
        self.model = MLP(2, [*arguments.hidden, 1])
        self.epochs: int = arguments.epochs
        self.optimizer = SGD(self.model.parameters(), lr=linear(1.0, 0.1, self.epochs))
        self.prepared = 0.0
        self.seconds = 0.0

    def steps(self, n: int) -> tuple[float, float]:
        """Take n steps: the loss and the accuracy before the first of them."""
        raise NotImplementedError

    def scores(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The scores of points f64[n, 2] as the model is now."""
        raise NotImplementedError


class Interpreted(Training):
    """The graph is built and walked anew in every step."""

    mesh = INTERPRETED_MESH

    def steps(self, n: int) -> tuple[float, float]:
        before: list[tuple[float, float]] = []
        for _ in range(n):
            began = time.perf_counter()
            loss, scores = total_loss(self.model, self.points, self.labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.seconds += time.perf_counter() - began
            before = before or [(loss.data, accuracy(scores, self.labels))]
            self.progress.advance()
        return before[0]

    def scores(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.array([self.model(row.tolist()).data for row in points])


class Native(Training):
    """The graph is built once and compiled with its gradient; the steps run native."""

    mesh = 0.02

    def __init__(self, arguments: Namespace, progress: Progress) -> None:
        super().__init__(arguments, progress)
        began = time.perf_counter()
        loss, _ = total_loss(self.model, self.points, self.labels)
        self._loss = jit(loss, wrt=self.model.parameters(), dtype=arguments.dtype)
        self._loss.value_and_grad()
        self._predict = jit(self.model, dtype=arguments.dtype)
        self.prepared = time.perf_counter() - began

    def steps(self, n: int) -> tuple[float, float]:
        share = accuracy(self.scores(self.points), self.labels)
        history = fit(self._loss, self.optimizer, steps=n)
        self.seconds += history.seconds
        self.progress.advance(n)
        return float(history.losses[0]), share

    def scores(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        scores: npt.NDArray[np.float64] = self._predict(points)
        return scores


def train_moons(arguments: Namespace) -> None:
    """Train, tell of it, and write what is asked for."""
    if arguments.plot:
        pictures.figure(1, 1)  # better to fail before the training than after it
    with Progress(arguments.epochs, "steps") as progress:
        with progress.busy("tracing and compiling"):
            training = (Interpreted if arguments.interpreter else Native)(arguments, progress)
        every = arguments.every or max(1, training.epochs // 10)
        for k in range(0, training.epochs, every):
            with progress.busy(f"training, step {k} and on"):
                loss, share = training.steps(min(every, training.epochs - k))
            progress.say(f"step {k} loss {loss}, accuracy {share:.1%}")
    share = accuracy(training.scores(training.points), training.labels)
    took = f"{training.epochs} steps in {duration(training.seconds)}"
    if training.prepared:
        took += f", after {duration(training.prepared)} of tracing and compiling"
    print(took)
    print(f"accuracy {share:.1%}")
    if arguments.save:
        save(training.model, arguments.save, {"epochs": str(training.epochs)})
        print(f"the parameters are in {arguments.save}")
    if arguments.plot:
        pictures.decision_boundary(
            arguments.plot,
            training.points,
            training.labels.tolist(),
            training.scores,
            step=training.mesh,
            title=f"{arguments.samples} samples, {training.epochs} steps, accuracy {share:.1%}",
        )
        print(f"the decision boundary is in {arguments.plot}")
