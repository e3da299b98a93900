"""What `fit` was given with a client of dask -> Plan: steps whose gradients its workers compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import TrainingError

try:
    import dask.array  # noqa: F401
    import distributed  # noqa: F401
except ImportError as error:
    raise TrainingError(
        "client= is for training with the workers of dask.distributed, which is not installed; it "
        "comes with the extra 'dask': pip install 'micrograd-mlir[dask]'"
    ) from error

from ..jit.ir.statements import asks
from ..jit.options import Options
from ..optimizer import Optimizer
from ..real_types import WIDE
from .dask_data import DaskData, Prepared, are_dask, dask_data
from .dask_steps import DaskSteps, checked_client
from .data import check_columns, check_shapes
from .given import function_and_options, mean, of_sample, penalty_of
from .given_code import emit_given
from .loop import FIRST_STRETCH, Loop
from .part_loop import Work
from .plan import Asked, Batches, Plan, metric_of, validation_data
from .sample_loss import SampleLoss, sample_loss
from .step_code import FIELDS
from .watch import Watch


class _InMemory:
    """Loss and gradient of a step, where a loop finds them: f64[1 + parameters]."""

    def __init__(self, parameters: int) -> None:
        self.found = np.zeros(1 + parameters)
        self.address = self.found.ctypes.data


class DaskLoop(Loop):
    """A loop whose losses and gradients come from elsewhere, step by step.

    take   gives those of a step
    """

    fields = FIELDS

    def __init__(
        self,
        optimizer: Optimizer,
        take: Callable[[int], npt.NDArray[np.float64]],
        options: Options,
        *,
        ahead: int,
    ) -> None:
        self._take, self._ahead = take, ahead
        self._memory = _InMemory(len(optimizer.parameters))
        super().__init__(
            optimizer,
            self._memory,
            form=emit_given,
            options=options.with_dtype(WIDE.dtype),
            places=range(len(optimizer.parameters)),
            seconds=FIRST_STRETCH,
        )
        self._set(gradient=self._memory.address + self._memory.found.itemsize)

    def _stretch(self, calls: int) -> None:
        self._memory.found[:] = self._take(self.step + self._ahead)
        super()._stretch(1)


def of_dask(asked: Asked, batches: Batches, watch: Watch, data: Any, client: Any) -> Plan:
    """The plan with dask arrays: every step takes the mean loss of rows of their blocks."""
    client = checked_client(client)
    if asked.optimizer.of_tensors:
        raise TrainingError(
            "with client=, parameters should be Values, got an optimizer of Tensors, whose loss is "
            "of a whole batch; train them without client="
        )
    target, options = function_and_options(asked.target, asked.dtype, asked.strict)
    function = of_sample(target, asked.loss)
    arrays = dask_data(data, "data")
    check_columns(data if isinstance(data, (tuple, list)) else (data,), asked.loss or target)
    batch = batches.of(arrays.samples)
    steps, ahead = asked.span(-(-arrays.samples // batch))
    penalty = penalty_of(asked.regularization)
    parameters = asked.optimizer.parameters
    loss = sample_loss(function, arrays.shapes, parameters, options, penalty, arrays.integers)
    seed = batches.seed if batches.shuffle else None

    def handed_out(loss: SampleLoss, data: DaskData, batch: int, seed: int | None) -> DaskSteps:
        work = Work(loss, parameters, rows=min(batch, max(data.rows)), threads=batches.threads)
        prepared = Prepared(
            data.name, data.shapes, data.integers, options.dtype, loss.expected, loss.indices
        )
        return DaskSteps(client, work, prepared, data, batch=batch, seed=seed)

    def mean_over(function: Callable[..., Any], data: DaskData) -> Callable[[], float]:
        """The mean over dask arrays, by the workers."""
        loss = sample_loss(function, data.shapes, parameters, options, None, data.integers)
        whole = handed_out(loss, data, data.samples, None)
        return lambda: float(whole.take(0)[0])

    gradients = handed_out(loss, arrays, batch, seed)
    loop = DaskLoop(asked.optimizer, gradients.take, options, ahead=ahead)
    _watch(asked, watch, target, loss, arrays, options, mean_over)
    return Plan(loop, steps, arrays.samples, batch, ahead, asks(loss.program.body))


def _watch(
    asked: Asked,
    watch: Watch,
    target: Any,
    loss: SampleLoss,
    data: DaskData,
    options: Options,
    mean_over: Callable[[Callable[..., Any], DaskData], Callable[[], float]],
) -> None:
    """Say how validation and metric are computed: of dask arrays by the workers, of others here."""
    held: Any = data
    if asked.validation is not None:
        if are_dask(asked.validation):
            held = dask_data(asked.validation, "validation")
            check_shapes(held.shapes, data.shapes)
        else:
            held = validation_data(asked.validation, loss, data.shapes)

    def mean_of(function: Callable[..., Any]) -> Callable[[], float]:
        if isinstance(held, DaskData):
            return mean_over(function, held)
        return mean(function, held, options)

    if asked.validation is not None:
        watch.validation = mean_of(of_sample(target, asked.loss))
    if asked.metric is not None:
        watch.metric = mean_of(metric_of(asked, target))
