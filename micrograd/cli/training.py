"""`micrograd train-mlp`, `train-digits`, `train-mnist`: networks of Tensors, in one native loop."""

from __future__ import annotations

import time
import warnings
from argparse import Namespace
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from ..checkpoint import save
from ..jit.call.threads import cores
from ..optim import SGD
from ..train import fit
from ..train.history import History
from . import pictures, report
from .progress import Progress
from .tasks import SHARES, Task, digits_task, mnist_task, moons_task, shared_task

LINES = 10
"""How often is reported where nothing else is said."""
DTYPES = {"f32": "float32", "f64": "float64"}


def train_mlp(arguments: Namespace) -> None:
    """Train on moons."""
    _train(arguments, lambda: moons_task(arguments.network, arguments.length, arguments.seed))


def train_digits(arguments: Namespace) -> None:
    """Train on scikit-learn's digits."""
    _train(arguments, lambda: digits_task(arguments.network, arguments.length))


def train_mnist(arguments: Namespace) -> None:
    """Train on MNIST's files."""
    _train(arguments, lambda: mnist_task(arguments.network, arguments.length, arguments.data))


def run_digits_training(arguments: Namespace) -> None:
    """Train the networks of SHARES on digits, one after the other."""
    for name in SHARES:
        given = Namespace(**vars(arguments), network=name, plot=None, save=None)
        print(f"{name}\n")
        _train(given, partial(shared_task, name, arguments.length))


@dataclass(slots=True)
class Course:
    """What was reported, by epoch: the training loss, and of the samples held out, if there are
    any, loss and accuracy.
    """

    epochs: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    held_losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)


class Training:
    """A training as the arguments ask for it, which goes on until it is done or interrupted."""

    def __init__(self, arguments: Namespace, task: Task, progress: Progress) -> None:
        self.task = task
        self.epochs: int = arguments.epochs
        self.batch: int = min(arguments.batch_size, len(task.train[1]))
        self.dtype: str = arguments.dtype
        self.course = Course()
        self.history: History | None = None
        self._evaluating = 0.0
        self._arguments, self._progress = arguments, progress
        self._every: int = arguments.every or max(1, self.epochs // LINES)
        self.threads: int = arguments.threads or cores()
        self.model = task.model(arguments.seed, DTYPES[arguments.dtype])

    @property
    def in_epoch(self) -> int:
        """Steps in an epoch."""
        return -(-len(self.task.train[1]) // self.batch)

    def run(self) -> None:
        """Train. Raises KeyboardInterrupt for Ctrl-C, with what was learnt in the model."""
        given = self._arguments
        began = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # said in the end
                self.history = fit(
                    self.model,
                    SGD(self.model.parameters(), lr=given.lr),
                    data=self.task.train,
                    loss=self.task.loss,
                    epochs=self.epochs,
                    batch_size=self.batch,
                    shuffle=given.shuffle,
                    seed=given.seed,
                    threads=self.threads,
                    every=self._every * self.in_epoch,
                    callback=self._report,
                )
        except KeyboardInterrupt as interrupt:
            self.history = getattr(interrupt, "history", None)
            raise
        finally:
            self.seconds = time.perf_counter() - began

    def _report(self, history: History) -> None:
        epoch = history.steps // self.in_epoch
        loss = self._epoch_loss(history.losses)
        course, line = self.course, f"epoch {epoch} loss {loss:.4f}"
        if self.task.held is not None:
            began = time.perf_counter()
            held, accuracy = self.task.evaluate(self.model, self.task.held)
            self._evaluating += time.perf_counter() - began
            course.held_losses.append(held)
            course.accuracies.append(accuracy)
            line += f", validation loss {held:.4f}, accuracy {accuracy:.1%}"
        self._progress.advance(epoch - (course.epochs or [0])[-1])
        course.epochs.append(epoch)
        course.losses.append(loss)
        self._progress.say(line)

    def _epoch_loss(self, losses: Any) -> float:
        """The mean over the samples of the epoch that has just ended."""
        sizes = np.full(self.in_epoch, self.batch)
        sizes[-1] = len(self.task.train[1]) - self.batch * (self.in_epoch - 1)
        return float(np.average(losses[-self.in_epoch :], weights=sizes))

    def summary(self) -> str:
        """The table at the end."""
        task, history = self.task, self.history
        steps = 0 if history is None else history.steps
        loop = 0.0 if history is None else history.seconds
        compiling = max(0.0, self.seconds - loop - self._evaluating)
        loss, accuracy = task.evaluate(self.model, task.train)
        rows = [
            ("network", _shortened(task.sizes)),
            ("parameters", f"{task.parameters:,} {self.dtype}"),
            ("samples", f"{len(task.train[1]):,}, in batches of {self.batch}"),
            ("epochs", f"{steps / self.in_epoch:.10g}, {steps} steps"),
            ("tracing and compiling", report.duration(compiling)),
            ("training", report.duration(loop)),
            ("training loss at the end, accuracy", f"{loss:.4f}, {accuracy:.1%}"),
        ]
        if task.held is not None:
            loss, accuracy = task.evaluate(self.model, task.held)
            rows.append(("validation loss, accuracy", f"{loss:.4f}, {accuracy:.1%}"))
        if history is not None and history.not_finite is not None:
            rows.append(("not finite", f"the loss of step {history.not_finite}: lower --lr"))
        return report.rows(("", ""), rows)


def _shortened(sizes: tuple[int, ...]) -> str:
    """Sizes, with those that are often repeated counted.

    >>> _shortened((64, 256, 256, 256, 10)), _shortened((2, 16, 16, 1))
    ('64-(256 x 3)-10', '2-16-16-1')
    """
    runs = [(size, len(list(run))) for size, run in groupby(sizes)]
    return "-".join(f"({n} x {k})" if k > 2 else "-".join([str(n)] * k) for n, k in runs)


def _train(arguments: Namespace, task: Any) -> None:
    """Train, tell of it, and write what is asked for; after Ctrl-C too."""
    if arguments.plot:
        pictures.figure(1, 1)  # better to fail before the training than after it
    with Progress(arguments.epochs, "epochs") as progress:
        training = Training(arguments, task(), progress)
        try:
            with progress.busy("training (--every reports more often)"):
                training.run()
        finally:
            if training.history is not None and training.history.steps:
                _finish(arguments, training, progress)


def _finish(arguments: Namespace, training: Training, progress: Progress) -> None:
    progress.say("\n" + training.summary() + "\n")
    if arguments.save:
        assert training.history is not None
        told = {"network": arguments.network, "steps": str(training.history.steps)}
        save(training.model, arguments.save, told)
        progress.say(f"the parameters are in {arguments.save}")
    if arguments.plot:
        course = training.course
        pictures.curves(
            arguments.plot,
            course.epochs,
            {"training": course.losses, "validation": course.held_losses},
            course.accuracies,
        )
        progress.say(f"the curves are in {arguments.plot}")
