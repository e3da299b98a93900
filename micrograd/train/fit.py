"""fit: training, its data and what is to be watched -> one native loop, and its history."""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import MOST, flag, function_or_none, whole
from ..engine import Value
from ..errors import TrainingError, kind
from ..jit.derivatives import Wanted
from ..jit.executable import Executable
from ..jit.functions import jit
from ..jit.ir.graph import PARAMETER
from ..jit.kernel import Kernel
from ..jit.options import Options
from ..jit.trace.compiling import compiling
from ..jit.trace.signature import build, count
from ..jit.trace.source import FunctionSource
from ..nn import Module
from ..optimizer import Optimizer
from ..traced import Scope
from .data import Arrays, check_labels, checked_data, same_rows
from .history import History
from .loop import BatchLoop, Loop, WholeLoop
from .sample_loss import row_structure, sample_loss
from .watch import Bar, Watch

Numbers = npt.NDArray[np.float64]
"""`f64[n]`."""
BATCH = 32
"""Samples in a batch where nothing else is said."""


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
) -> History:
    """Train: losses, gradients and updates in one native loop. Parameters change in place.

    Without `data`, the loss is a Value, or `jit(loss, wrt=model.parameters())`: every step computes
    it as a whole. With `data`, it is a function of one sample, traced once; a step takes the mean
    over a mini-batch, whose size is not compiled in.

    target          the loss: a Value, a kernel of one, or a function of one row of each data array.
                    With `loss`, a model or function of a row of the first data array
    optimizer       of `micrograd.optim`; it is advanced, so a second `fit` goes on
    data            arrays of n rows, such as (X, y), X: [n, d], y: [n]. Rows are given as numbers
                    or lists. float32 and float64 arrays are read where they are
    loss            loss(output, y) of one sample, for a `target` that gives the output
    steps, epochs   how long to train; one of them. Without data an epoch is a step
    batch_size      samples in a mini-batch, by default 32 or all there are; the last one of an
                    epoch may have fewer
    accumulate      mini-batches in a step: their gradients are added up
    shuffle, seed   whether every epoch has another order of samples, which `seed` and the number of
                    the epoch determine: a second `fit` with the optimizer goes on with the next
                    ones, and with `steps` within an epoch where the first has stopped
    regularization  a term of parameters only, a Value or a function without arguments, which is
                    added to the loss of every step
    validation      data like `data`, or, without data, a Value or kernel: its loss
    metric          metric(output, y) or metric(x, y) of one sample, as the loss is; its mean over
                    the validation data, or else the training data. Without data a Value or kernel
    patience        stop when the validation loss (without validation: the loss) has not fallen for
                    so many looks in a row; `restore`: in the end go back to the best parameters
    every           steps between looks at validation, metric and callback: by default an epoch,
                    or a step without data
    callback        called with the history so far; training ends if it gives what is true
    progress        show a bar, with tqdm
    dtype, strict   as of `jit`, but float32 and False; a kernel has its own. Strict losses of
                    samples are computed one by one, in the interpreter's order of sums
    threads         threads that share a step, if it has several blocks of about a thousand samples;
                    the result does not depend on it

    Ctrl-C raises KeyboardInterrupt within about 20 ms, or the time of one evaluation of the loss if
    that is longer; parameters are as the last whole step left them, and the exception has the
    `history` so far. A loss that is not finite is a RuntimeWarning, and training goes on.

    Raises TrainingError for what cannot be trained, saying what to do.

    >>> from micrograd import Value
    >>> from micrograd.optim import SGD
    >>> w, b = Value(0.0), Value(0.0)
    >>> x = np.linspace(-1, 1, 64)
    >>> history = fit(
    ...     lambda x, y: (w * x + b - y) ** 2,
    ...     SGD([w, b], lr=0.1),
    ...     data=(x, 3 * x + 1),
    ...     epochs=100,
    ... )
    >>> round(w.data, 3), round(b.data, 3), history.steps
    (3.0, 1.0, 200)
    """
    if not isinstance(optimizer, Optimizer):
        raise TrainingError(
            "fit takes an optimizer, such as micrograd.optim.SGD(model.parameters(), lr=0.1); "
            f"got {kind(optimizer)}"
        )
    loss = function_or_none("loss", loss, TrainingError)
    strict = None if strict is None else flag("strict", strict, TrainingError)
    progress = flag("progress", progress, TrainingError)
    seed = whole("seed", seed, TrainingError, least=0, most=2**64 - 1)
    threads = whole("threads", threads, TrainingError)
    accumulate = whole("accumulate", accumulate, TrainingError)
    every = None if every is None else whole("every", every, TrainingError)
    order = seed if flag("shuffle", shuffle, TrainingError) else None
    watch = Watch(optimizer, patience, restore, callback)
    history = watch.begin()
    with _kept_by_interrupts(history):
        loop: Loop
        if data is None:
            for name, given in (("loss", loss), ("regularization", regularization)):
                if given is not None:
                    raise TrainingError(f"{name} needs data; without data, put it into the loss")
            for name, is_given in (
                ("batch_size", batch_size is not None),
                ("accumulate", accumulate != 1),
            ):
                if is_given:
                    raise TrainingError(f"{name} needs data; without data a step takes it all")
            kernel = _whole_loss(target, optimizer, dtype, strict)
            total = _length(steps, epochs, 1)
            loop = WholeLoop(optimizer, kernel)
            options = kernel.options
            watch.validation, watch.metric = (
                _whole_number(x, name, options)
                for x, name in ((validation, "validation"), (metric, "metric"))
            )
            samples, batch, ahead = 1, 1, 0
        else:
            target, options = _options(target, dtype, strict)
            arrays = checked_data(data, "data", options.dtype)
            samples = len(arrays[0])
            shapes = [a.shape[1:] for a in arrays]
            batch = _batch(batch_size, accumulate, samples)
            in_epoch = -(-samples // batch)
            total = _length(steps, epochs, in_epoch)
            ahead = optimizer.steps
            if epochs is not None:  # whole ones
                ahead = -(-ahead // in_epoch) * in_epoch
            function = _of_sample(target, loss)
            penalty = _penalty(regularization)
            compiled = sample_loss(function, shapes, optimizer.parameters, options, penalty)
            for labels in compiled.expected:
                check_labels(arrays, "data", labels)
            loop = BatchLoop(
                optimizer,
                compiled,
                arrays,
                batch=batch,
                ahead=ahead,
                seed=order,
                threads=threads,
            )
            held = arrays
            if validation is not None:
                held = checked_data(validation, "validation", options.dtype)
                same_rows(held, shapes)
                for labels in compiled.expected:
                    check_labels(held, "validation", labels)
                watch.validation = _mean(function, held, options)
            if metric is not None:
                metric = function_or_none("metric", metric, TrainingError)
                watch.metric = _mean(
                    metric if loss is None else _of_sample(target, metric), held, options
                )
        each = every or -(-samples // batch)
        by_epoch = functools.partial(_by_epoch, samples=samples, batch=batch, ahead=ahead)
        _train(loop, watch, history, total, each, progress, by_epoch)
    if history.not_finite is not None:
        warnings.warn(
            f"the loss of step {history.not_finite} was not finite (nan or inf): look for such "
            "numbers in the data, or lower the learning rate",
            RuntimeWarning,
            stacklevel=2,
        )
    return history


@contextmanager
def _kept_by_interrupts(history: History) -> Iterator[None]:
    """Whenever Ctrl-C comes, while compiling too, the exception has the history so far."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        history.stopped = "interrupt"
        interrupt.history = history  # type: ignore[attr-defined]
        raise


def _train(
    loop: Loop,
    watch: Watch,
    history: History,
    total: int,
    every: int,
    progress: bool,
    by_epoch: Callable[[Numbers], Numbers],
) -> None:
    """Run the loop, look at it every so many steps, and note what happens."""
    looks = watch.looks
    loop.prepare(min(total, every) if looks else total)
    bar = Bar(total) if progress else None
    show = None if bar is None else bar.show
    began = time.perf_counter()
    try:
        while loop.step < total and history.stopped == "error":
            done = loop.step
            loop.advance(min(total, done + every) if looks else total, show)
            history.seconds = time.perf_counter() - began - watch.seconds
            if looks:
                history.losses, history.rates = loop.losses, loop.rates
                history.stopped = watch.look(history, done) or "error"
        if history.stopped == "error":
            history.stopped = "done"
    finally:
        if bar is not None:
            bar.close()
        history.losses, history.rates = loop.losses, loop.rates
        watch.finish(history)
        history.epoch_losses = by_epoch(history.losses)
        bad = np.flatnonzero(~np.isfinite(history.losses))
        history.not_finite = int(bad[0]) if len(bad) else None


def _by_epoch(losses: Numbers, *, samples: int, batch: int, ahead: int) -> Numbers:
    """The means over whole epochs, of losses that begin `ahead` steps into an epoch."""
    steps = -(-samples // batch)
    losses = losses[-ahead % steps :]
    whole = losses[: len(losses) // steps * steps].reshape(-1, steps)
    sizes = np.full(steps, float(batch))
    sizes[-1] = samples - batch * (steps - 1)
    means: Numbers = (whole * (sizes / samples)).sum(axis=1)
    return means


# --- what is given ----------------------------------------------------------------------------


def _whole_loss(target: Any, optimizer: Optimizer, dtype: Any, strict: bool | None) -> Executable:
    """Value and gradient of a loss that takes no arguments."""
    if isinstance(target, Value):
        chosen = np.float32 if dtype is None else dtype
        kernel = jit(target, wrt=optimizer.parameters, dtype=chosen, strict=bool(strict))
        loss: Executable = kernel.value_and_grad._compile(())
        if not (loss.graph.codes == PARAMETER).any():
            raise TrainingError(
                "the loss does not depend on any parameter of the optimizer; compute it from the "
                "model whose parameters() the optimizer has"
            )
        return loss
    if not isinstance(target, Kernel):
        raise TrainingError(
            "without data, fit takes the loss as a Value or as jit(loss, wrt=model.parameters()); "
            f"got {kind(target)}; a function of one sample needs data=(X, y)"
        )
    if dtype is not None or strict is not None:
        raise TrainingError("a kernel has its dtype and strict already; give them to jit")
    if isinstance(target._source, FunctionSource) and target._source.parameters:
        raise TrainingError(
            f"{target.name} takes arguments, so it cannot be trained without data; give data=(X, y)"
        )
    return target.value_and_grad._compile(())


def _whole_number(given: Any, name: str, options: Options) -> Callable[[], float] | None:
    """Validation and metric without data: kernels without arguments."""
    if given is None:
        return None
    if isinstance(given, Value):
        return jit(lambda: given, dtype=options.dtype, strict=options.strict)  # type: ignore[no-any-return]
    if isinstance(given, Kernel):
        return given
    raise TrainingError(f"without data, {name} should be a Value or a kernel, got {kind(given)}")


def _penalty(regularization: Any) -> Value | None:
    """The term of parameters."""
    given = regularization
    if given is None or isinstance(given, Value):
        return given
    made = given
    if callable(given):
        with compiling(Scope("the regularization")):
            made = given()
    if not isinstance(made, Value):
        raise TrainingError(
            "regularization should be a Value, or a function without arguments that gives one, got "
            f"{kind(regularization)}"
        )
    return made


def _options(target: Any, dtype: Any, strict: bool | None) -> tuple[Any, Options]:
    """The Python function of a target, and how to compile it."""
    whole_function = isinstance(target, Kernel) and target._wanted is Wanted.VALUE
    if whole_function and isinstance(target._source, FunctionSource):
        if dtype is not None or strict is not None:
            raise TrainingError("a kernel has its dtype and strict already; give them to jit")
        return target._source.function, target._options
    if isinstance(target, (Value, Kernel)) or not callable(target):
        raise TrainingError(
            "with data, fit takes a loss of one sample as a function, or a model and loss=; "
            f"got {kind(target)}"
        )
    model = jit(target, dtype=np.float32 if dtype is None else dtype, strict=bool(strict))
    return target, model._options


def _traceable(given: Any) -> Any:
    """What a kernel was made from, so that a loss that is one is told what its labels are."""
    while (
        isinstance(given, Kernel)
        and given._wanted is Wanted.VALUE
        and isinstance(given._source, FunctionSource)
        and not given._source.freeze
    ):
        given = given._source.function
    return given


def _of_sample(target: Any, last: Callable[..., Any] | None) -> Callable[..., Any]:
    """The function of a row of each data array."""
    target, last = _traceable(target), _traceable(last)
    if last is not None:
        return lambda x, *rest: last(target(x), *rest)
    if isinstance(target, Module):
        raise TrainingError(
            "a model needs the loss of its output: loss=micrograd.losses.max_margin, for instance"
        )
    return target  # type: ignore[no-any-return]


def _mean(function: Callable[..., Any], arrays: Arrays, options: Options) -> Callable[[], float]:
    """The mean of a function of one sample over data."""
    structures = [row_structure(a.shape[1:]) for a in arrays]

    def of_row(row: Any) -> Any:
        numbers = iter(row)
        return function(*(build(s, numbers) for s in structures))

    kernel = jit(of_row, dtype=options.dtype, strict=options.strict)
    columns = [
        a.reshape(len(a), -1)[:, k]
        for a, s in zip(arrays, structures, strict=True)
        for k in range(count(s))
    ]

    def mean() -> float:
        return float(np.mean(kernel(columns), dtype=np.float64))

    return mean


def _length(steps: int | None, epochs: int | None, each: int) -> int:
    """How many steps to train."""
    if steps is not None and epochs is None:
        return whole("steps", steps, TrainingError, least=0)
    if epochs is not None and steps is None:
        return whole("epochs", epochs, TrainingError, least=0, most=MOST // each - 1) * each
    raise TrainingError("fit takes either steps or epochs, to know how long to train")


def _batch(size: int | None, accumulate: int, samples: int) -> int:
    """Samples in a step."""
    size = min(BATCH, samples) if size is None else whole("batch_size", size, TrainingError)
    if size > samples:
        raise TrainingError(
            f"batch_size is {size}, but there are {samples} samples; give at most that"
        )
    return min(samples, size * accumulate)
