"""What `fit` was given, where parameters are Tensors -> Plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..checks import function_or_none
from ..errors import TrainingError, kind
from ..jit.call.arguments import dtype_of
from ..jit.options import Options
from ..jit.tensors.kernel import TensorKernel
from ..nn import Module
from ..tensor.core import Tensor
from .data import check_labels, same_rows
from .masks import Masks, MasksNeeded, without
from .plan import Asked, Batches, Plan
from .tensor_data import tensor_data
from .tensor_loop import TensorLoop
from .tensor_step import number_dtype_of
from .watch import Watch


def of_tensors(asked: Asked, batches: Batches, watch: Watch, data: Any) -> Plan:
    """The plan: every step takes the loss of a mini-batch, or without data the whole loss."""
    options = replace(_options(asked), threads=batches.threads)
    if data is None:
        return _whole(asked, batches, watch, options)
    arrays = tensor_data(data, "data")
    samples = len(arrays[0])
    batch = batches.of(samples)
    steps, ahead = asked.span(-(-samples // batch))
    of_batch = _of_batch(asked.target, asked.loss)
    loss = _with_penalty(of_batch, asked.regularization)

    def looped(function: Callable[..., Any], columns: Sequence[Any], masks: Any = None) -> Any:
        return TensorLoop(
            asked.optimizer,
            function,
            columns,
            options,
            batch=batch,
            ahead=ahead,
            seed=batches.seed if batches.shuffle else None,
            threads=batches.threads,
            masks=masks,
        )

    try:
        loop = looped(loss, arrays)
    except MasksNeeded:
        masks = Masks(loss, arrays, options.dtype)
        loop = looped(masks.function, [*arrays, *masks.arrays], masks)
        of_batch = without(of_batch)
    held = arrays
    if asked.validation is not None:
        held = tensor_data(asked.validation, "validation")
        same_rows(held, [a.shape[1:] for a in arrays])
        for labels in loop.expected:
            check_labels(held, "validation", labels)
        watch.validation = _mean(of_batch, held, options)
    if asked.metric is not None:
        metric = function_or_none("metric", asked.metric, TrainingError)
        watched = metric if asked.loss is None else without(_of_batch(asked.target, metric))
        watch.metric = _mean(watched, held, options)
    return Plan(loop, steps, samples, batch, ahead)


def _options(asked: Asked) -> Options:
    """How to compile: in the dtype of the parameters."""
    dtype = number_dtype_of(asked.optimizer.parameters)
    if isinstance(asked.target, TensorKernel):
        if asked.dtype is not None or asked.strict is not None:
            raise TrainingError("a kernel has its dtype and strict already; give them to jit")
        options = asked.target._options
        wanted = options.dtype if options.fixed else dtype
    else:
        wanted = dtype if asked.dtype is None else dtype_of(asked.dtype)
        options = Options.given(dtype, bool(asked.strict), None, None)
    if wanted != dtype:
        raise TrainingError(
            f"parameters are {dtype}, and are trained in that; for {wanted} make them so: "
            f'Tensor(..., dtype="{wanted}")'
        )
    return options.with_dtype(dtype)


def _whole(asked: Asked, batches: Batches, watch: Watch, options: Options) -> Plan:
    for name, is_given in (
        ("loss", asked.loss is not None),
        ("regularization", asked.regularization is not None),
        ("batch_size", batches.size is not None),
        ("accumulate", batches.accumulate != 1),
    ):
        if is_given:
            raise TrainingError(f"{name} needs data; without data a step takes the whole loss")
    steps = asked.length(1)
    loss = _number(asked.target, "the loss")
    loop = TensorLoop(asked.optimizer, loss, [], options, threads=batches.threads)
    for name in ("validation", "metric"):
        given = getattr(asked, name)
        if given is not None:
            setattr(watch, name, _mean(_number(given, name), [], options))
    return Plan(loop, steps)


def _number(given: Any, name: str) -> Callable[[], Any]:
    """A function without arguments that gives a Tensor."""
    if isinstance(given, Tensor):
        return lambda: given
    if isinstance(given, TensorKernel):
        given = given.function
    if not callable(given) or isinstance(given, Module):
        raise TrainingError(
            f"without data, {name} should be a Tensor, or a function without arguments that gives "
            f"one, got {kind(given)}; a function of a batch needs data=(X, y)"
        )
    return given  # type: ignore[no-any-return]


def _of_batch(target: Any, last: Callable[..., Any] | None) -> Callable[..., Any]:
    """The function of a batch of each data array."""
    target, last = (x.function if isinstance(x, TensorKernel) else x for x in (target, last))
    if isinstance(target, Tensor) or not callable(target):
        raise TrainingError(
            "with data, fit takes a loss of a batch as a function, or a model and loss=; got "
            f"{kind(target)}"
        )
    if last is not None:
        return lambda x, *rest: last(target(x), *rest)
    if isinstance(target, Module):
        raise TrainingError(
            "a model needs the loss of its output: loss=micrograd.losses.cross_entropy, for "
            "instance"
        )
    return target  # type: ignore[no-any-return]


def _with_penalty(function: Callable[..., Any], regularization: Any) -> Callable[..., Any]:
    """The function, and a term of parameters added to it."""
    if regularization is None:
        return function

    def both(*rows: Any) -> Any:
        term = regularization() if callable(regularization) else regularization
        if not isinstance(term, Tensor):
            raise TrainingError(
                "regularization should be a Tensor, or a function without arguments that gives "
                f"one, got {kind(regularization)}"
            )
        return function(*rows) + term

    return both


def _mean(
    function: Callable[..., Any], arrays: Sequence[Any], options: Options
) -> Callable[[], float]:
    """What a function gives for all data at once: a number, or the mean of one for each sample."""

    def of_rows(*rows: Tensor) -> Any:
        return function(*rows)

    kernel = TensorKernel(of_rows, options)
    rows = [Tensor(a, options.dtype if a.dtype.kind == "f" else a.dtype) for a in arrays]
    return lambda: float(np.mean(kernel(*rows).numpy(), dtype=np.float64))
