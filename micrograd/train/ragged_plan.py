"""What `fit` was given, with data whose samples differ in length -> Plan."""

from __future__ import annotations

from typing import Any

from ..checks import function_or_none
from ..errors import TrainingError
from .float_indices import floats_named
from .given import function_and_options, of_sample, penalty_of
from .plan import Asked, Batches, Plan
from .ragged_data import ragged_data
from .ragged_loop import RaggedLoop
from .ragged_loss import RaggedLoss
from .ragged_mean import ragged_mean
from .watch import Watch


def of_ragged(asked: Asked, batches: Batches, watch: Watch, given: Any) -> Plan:
    """The plan: every step takes the mean loss of a mini-batch, one sample after the other."""
    target, options = function_and_options(asked.target, asked.dtype, asked.strict)
    data = ragged_data(given, "data", options.dtype, None if asked.loss else asked.target)
    batch = batches.of(len(data))
    if batches.threads > 1:
        raise TrainingError(
            "samples that differ in length are computed on one thread; leave out threads, got "
            f"{batches.threads}"
        )
    steps, ahead = asked.span(-(-len(data) // batch))
    function = of_sample(target, asked.loss)
    penalty = penalty_of(asked.regularization)
    with floats_named({c.called: c.given for c in data.columns}):
        loss = RaggedLoss(function, data, asked.optimizer.parameters, options, penalty)
    loop = RaggedLoop(
        asked.optimizer,
        loss,
        data,
        batch=batch,
        steps=steps,
        ahead=ahead,
        seed=batches.seed if batches.shuffle else None,
        waiting=watch.waiting,
    )
    parameters, held = asked.optimizer.parameters, data
    if asked.validation is not None:
        one = None if asked.loss else asked.target
        held = ragged_data(asked.validation, "validation", options.dtype, one, data)
        if not held.is_like(data):
            raise TrainingError("validation should have columns of the same kinds as data")
        watch.validation = ragged_mean(function, held, parameters, options)
    if asked.metric is not None:
        metric = function_or_none("metric", asked.metric, TrainingError)
        watched = metric if asked.loss is None else of_sample(target, metric)
        watch.metric = ragged_mean(watched, held, parameters, options)
    return Plan(loop, steps, len(data), batch, ahead, loss.has_limits)
