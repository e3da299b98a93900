"""What `fit` was given, with data whose samples differ in length -> Plan."""

from __future__ import annotations

from typing import Any

from ..errors import TrainingError
from .given import function_and_options, of_sample, penalty_of
from .plan import Asked, Batches, Plan
from .ragged_data import ragged_data
from .ragged_loop import RaggedLoop
from .ragged_loss import RaggedLoss
from .watch import Watch


def of_ragged(asked: Asked, batches: Batches, watch: Watch, given: Any) -> Plan:
    """The plan: every step takes the mean loss of a mini-batch, one sample after the other."""
    target, options = function_and_options(asked.target, asked.dtype, asked.strict)
    data = ragged_data(given, "data", options.dtype, None if asked.loss else asked.target)
    batch = batches.of(len(data))
    steps, ahead = asked.span(-(-len(data) // batch))
    function = of_sample(target, asked.loss)
    penalty = penalty_of(asked.regularization)
    for name, wanted in (("validation", asked.validation), ("metric", asked.metric)):
        if wanted is not None:
            raise TrainingError(f"{name} takes data whose samples have one length")
    loss = RaggedLoss(function, data, asked.optimizer.parameters, options, penalty)
    loop = RaggedLoop(
        asked.optimizer,
        loss,
        data,
        batch=batch,
        ahead=ahead,
        seed=batches.seed if batches.shuffle else None,
    )
    return Plan(loop, steps, len(data), batch, ahead)
