"""fit: training, its data and what is to be watched -> one native loop, and its history."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..locks import importing
from ..optimizer import Optimizer
from .history import History
from .plan import Asked, Batches, Plan, of_samples, of_whole_loss
from .ragged_data import is_ragged
from .watch import Watch


def fit(
    target: Any,
    optimizer: Optimizer,
    *,
    data: Any = None,
    loss: Callable[..., Any] | None = None,
    steps: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    accumulate: int = 1,
    shuffle: bool = True,
    seed: int = 0,
    regularization: Any = None,
    validation: Any = None,
    metric: Any = None,
    patience: int | None = None,
    restore: bool = True,
    every: int | None = None,
    callback: Callable[[History], Any] | None = None,
    progress: bool = False,
    dtype: Any = None,
    strict: bool | None = None,
    threads: int = 1,
    client: Any = None,
) -> History:
    """Train: losses, gradients and updates in one native loop. Parameters change in place.

    Without `data` the target is a loss, a Value or a kernel. With arrays of n rows, such as (X, y),
    X: [n, d], y: [n], it is the loss of a row of each, or with loss(output, y) a model. Rows may be
    lists of different lengths, such as documents. `steps` or `epochs` say how long. Where the
    optimizer has Tensors, the loss is of a batch: Tensors of rows. With dask arrays and a `client`,
    workers compute the gradients of their blocks of rows (docs/dask.md).
    docs/training.md has all options.

    Raises TrainingError for what cannot be trained, and TraceError for a loss that cannot be
    compiled, saying what to do; KeyboardInterrupt, with the `history` so far, for Ctrl-C. Warns of
    a loss that is not finite.

    >>> from micrograd import Value
    >>> from micrograd.optim import SGD
    >>> w, b, x = Value(0.0), Value(0.0), np.linspace(-1, 1, 64)
    >>> line = SGD([w, b], lr=0.1)
    >>> history = fit(lambda x, y: (w * x + b - y) ** 2, line, data=(x, 3 * x + 1), epochs=100)
    >>> round(w.data, 3), round(b.data, 3), history.steps
    (3.0, 1.0, 200)
    """
    asked = Asked(
        target, optimizer, loss, regularization, dtype, strict, steps, epochs, validation, metric
    )
    batches = Batches(batch_size, accumulate, shuffle, seed, threads)
    watch = Watch(optimizer, patience, restore, callback, every, progress)
    return _trained(asked, batches, watch, data, client)


def _trained(asked: Asked, batches: Batches, watch: Watch, data: Any, client: Any) -> History:
    history = watch.begin()
    try:
        with _kept_by_interrupts(history):
            with watch.waiting("compiling"):
                plan = _planned(asked, batches, watch, data, client)
            _run(plan, watch, history)
    finally:
        if watch.bar is not None:
            watch.bar.close()
        history.tracing, history.compiling = watch.tracing, watch.compiling
    if history.not_finite is not None:
        ways = ["look for such numbers in the data", "lower the learning rate"]
        if plan.has_limits:
            ways.append("raise the limit= of its loops, which give nan where they would go on")
        warnings.warn(
            f"the loss of step {history.not_finite} was not finite (nan or inf): "
            f"{', '.join(ways[:-1])}, or {ways[-1]}",
            RuntimeWarning,
            stacklevel=3,
        )
    return history


def _planned(asked: Asked, batches: Batches, watch: Watch, data: Any, client: Any) -> Plan:
    if client is not None:
        with importing:
            from .dask_plan import of_dask
        return of_dask(asked, batches, watch, data, client)
    if asked.optimizer.of_tensors:
        with importing:
            from .tensor_plan import of_tensors
        return of_tensors(asked, batches, watch, data)
    if data is None:
        return of_whole_loss(asked, batches, watch)
    if is_ragged(data, None if asked.loss else asked.target):
        with importing:
            from .ragged_plan import of_ragged
        return of_ragged(asked, batches, watch, data)
    return of_samples(asked, batches, watch, data)


@contextmanager
def _kept_by_interrupts(history: History) -> Iterator[None]:
    """Whenever Ctrl-C comes, while compiling too, the exception has the history so far."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        history.stopped = "interrupt"
        interrupt.history = history  # type: ignore[attr-defined]
        raise


def _run(plan: Plan, watch: Watch, history: History) -> None:
    """Run the loop, look at it every so many steps, and note what happens."""
    loop, total = plan.loop, plan.steps
    looks, every = watch.looks, watch.every or plan.in_epoch
    loop.prepare(min(total, every) if looks else total)
    bar = watch.bar
    if bar is not None:
        bar.start(total)
    show = None if bar is None else bar.show
    began, waited = time.perf_counter(), watch.tracing + watch.compiling
    try:
        while loop.step < total and history.stopped == "error":
            done = loop.step
            loop.advance(min(total, done + every) if looks else total, show)
            here = watch.tracing + watch.compiling - waited
            history.seconds = time.perf_counter() - began - watch.seconds - here
            if looks:
                history.losses, history.rates = loop.losses, loop.rates
                history.epoch_losses = plan.by_epoch(history.losses)
                history.stopped = watch.look(history, done) or "error"
        if history.stopped == "error":
            history.stopped = "done"
    finally:
        history.losses, history.rates = loop.losses, loop.rates
        watch.finish(history)
        history.epoch_losses = plan.by_epoch(history.losses)
        bad = np.flatnonzero(~np.isfinite(history.losses))
        history.not_finite = int(bad[0]) if len(bad) else None
