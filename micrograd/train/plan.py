"""What `fit` was given -> Plan: a loop, how long it runs, and how its steps make epochs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import MOST, flag, function_or_none, whole
from ..errors import TrainingError, kind
from ..jit.ir.statements import asks
from ..optimizer import Optimizer
from .batch_loop import BatchLoop
from .data import check_columns, check_labels, checked_data, indices, raw_data, same_rows
from .float_indices import floats_named
from .given import function_and_options, mean, of_sample, penalty_of, whole_loss, whole_number
from .loop import Loop, WholeLoop
from .sample_loss import SampleLoss, sample_loss
from .watch import Watch

Numbers = npt.NDArray[np.float64]
"""`f64[n]`."""
BATCH = 32
"""Samples in a batch where nothing else is said."""


@dataclass(slots=True)
class Asked:
    """What shall be trained, how it is compiled, for how long, and what is to be watched.

    Raises TrainingError for what is wrong whatever the data are.
    """

    target: Any
    optimizer: Optimizer
    loss: Callable[..., Any] | None
    regularization: Any
    dtype: Any
    strict: bool | None
    steps: int | None
    epochs: int | None
    validation: Any
    metric: Any

    def __post_init__(self) -> None:
        if not isinstance(self.optimizer, Optimizer):
            raise TrainingError(
                "fit takes an optimizer, such as micrograd.optim.SGD(model.parameters(), lr=0.1); "
                f"got {kind(self.optimizer)}"
            )
        self.loss = function_or_none("loss", self.loss, TrainingError)
        if self.strict is not None:
            self.strict = flag("strict", self.strict, TrainingError)

    def span(self, in_epoch: int) -> tuple[int, int]:
        """How many steps to train, and how many of such epochs were taken before."""
        ahead = self.optimizer.steps
        if self.epochs is not None:  # whole ones
            ahead = -(-ahead // in_epoch) * in_epoch
        return self.length(in_epoch), ahead

    def length(self, in_epoch: int) -> int:
        """How many steps to train, where an epoch has so many."""
        steps, epochs = self.steps, self.epochs
        if steps is not None and epochs is None:
            return whole("steps", steps, TrainingError, least=0)
        if epochs is not None and steps is None:
            most = MOST // in_epoch - 1
            return whole("epochs", epochs, TrainingError, least=0, most=most) * in_epoch
        raise TrainingError("fit takes either steps or epochs, to know how long to train")


@dataclass(slots=True)
class Batches:
    """How samples are divided into steps, ordered, and shared among threads."""

    size: int | None
    accumulate: int
    shuffle: bool
    seed: int
    threads: int

    def __post_init__(self) -> None:
        self.seed = whole("seed", self.seed, TrainingError, least=0, most=2**64 - 1)
        self.threads = whole("threads", self.threads, TrainingError)
        self.accumulate = whole("accumulate", self.accumulate, TrainingError)
        self.shuffle = flag("shuffle", self.shuffle, TrainingError)

    def of(self, samples: int) -> int:
        """Samples in a step: of fewer samples than that, all."""
        size = self.size
        size = BATCH if size is None else whole("batch_size", size, TrainingError)
        return min(samples, size * self.accumulate)


@dataclass(slots=True)
class Plan:
    """A training.

    steps            how many to take
    samples, batch   there are so many samples, and so many of them in a step
    ahead            steps of such epochs that were taken before
    has_limits       whether the loss has loops that run as often as it takes, up to a limit
    """

    loop: Loop
    steps: int
    samples: int = 1
    batch: int = 1
    ahead: int = 0
    has_limits: bool = False

    @property
    def in_epoch(self) -> int:
        """Steps in an epoch."""
        return -(-self.samples // self.batch)

    def by_epoch(self, losses: Numbers) -> Numbers:
        """The means over whole epochs of the losses of all steps."""
        steps, samples, batch = self.in_epoch, self.samples, self.batch
        losses = losses[-self.ahead % steps :]
        whole = losses[: len(losses) // steps * steps].reshape(-1, steps)
        sizes = np.full(steps, float(batch))
        sizes[-1] = samples - batch * (steps - 1)
        means: Numbers = (whole * (sizes / samples)).sum(axis=1)
        return means


def of_whole_loss(asked: Asked, batches: Batches, watch: Watch) -> Plan:
    """The plan without data: every step computes the loss as a whole."""
    for name, given in (("loss", asked.loss), ("regularization", asked.regularization)):
        if given is not None:
            raise TrainingError(f"{name} needs data; without data, put it into the loss")
    for name, is_given in (
        ("batch_size", batches.size is not None),
        ("accumulate", batches.accumulate != 1),
    ):
        if is_given:
            raise TrainingError(f"{name} needs data; without data a step takes it all")
    kernel = whole_loss(asked.target, asked.optimizer, asked.dtype, asked.strict)
    steps = asked.length(1)
    loop = WholeLoop(asked.optimizer, kernel)
    watch.validation = whole_number(asked.validation, "validation", kernel.options)
    watch.metric = whole_number(asked.metric, "metric", kernel.options)
    return Plan(loop, steps, has_limits=asks(kernel.program.body))


def of_samples(asked: Asked, batches: Batches, watch: Watch, data: Any) -> Plan:
    """The plan with data: every step takes the mean loss of a mini-batch."""
    target, options = function_and_options(asked.target, asked.dtype, asked.strict)
    function = of_sample(target, asked.loss)
    check_columns(data, asked.loss or target)
    raw = raw_data(data, "data")
    integers = [a.dtype.kind in "iu" for a in raw]
    arrays = checked_data(raw, "data", options.dtype)
    samples = len(arrays[0])
    shapes = [a.shape[1:] for a in arrays]
    batch = batches.of(samples)
    steps, ahead = asked.span(-(-samples // batch))
    penalty = penalty_of(asked.regularization)
    parameters = asked.optimizer.parameters
    given = {} if isinstance(data, np.ndarray) else {f"data[{k}]": x for k, x in enumerate(data)}
    with floats_named(given):
        compiled = sample_loss(function, shapes, parameters, options, penalty, integers, raw)
    for labels in compiled.expected:
        check_labels(arrays, "data", labels)
    loop = BatchLoop(
        asked.optimizer,
        compiled,
        [*arrays, *indices(compiled.indices, raw, "data")],
        batch=batch,
        ahead=ahead,
        seed=batches.seed if batches.shuffle else None,
        threads=batches.threads,
    )
    held = raw
    if asked.validation is not None:
        held = validation_data(asked.validation, compiled, shapes)
        watch.validation = mean(function, held, options)
    if asked.metric is not None:
        watch.metric = mean(metric_of(asked, target), held, options)
    return Plan(loop, steps, samples, batch, ahead, asks(compiled.program.body))


def validation_data(
    given: Any, loss: SampleLoss, shapes: Sequence[tuple[int, ...]]
) -> list[npt.NDArray[Any]]:
    """The arrays that `validation` is, if the loss takes their rows."""
    held = raw_data(given, "validation")
    same_rows(held, shapes)
    for labels in loss.expected:
        check_labels(held, "validation", labels)
    indices(loss.indices, held, "validation")
    return held


def metric_of(asked: Asked, target: Any) -> Callable[..., Any]:
    """The function of a sample whose mean is the metric."""
    metric: Callable[..., Any] = function_or_none("metric", asked.metric, TrainingError)
    return metric if asked.loss is None else of_sample(target, metric)
