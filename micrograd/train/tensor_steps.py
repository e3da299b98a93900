"""A loss of Tensors and sizes of batches -> compiled steps: one for all sizes, or one for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..jit.options import Options
from ..optimizer import Optimizer
from .tensor_step import TensorLoss, TensorStep, traced_loss


class TensorSteps:
    """The steps of a training, made again whenever settings of the optimizer have changed.

    rows    of each data array, the shape and dtype of a row
    sizes   of batches: of all, and perhaps of the last of an epoch, which is smaller

    Where there are two sizes, the loss is traced for any number of samples. If that fails, as the
    function does something else for every number, or one of its parts cannot be compiled so, there
    is a step for each size.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        rows: Sequence[tuple[tuple[int, ...], Any]],
        sizes: Sequence[int],
        optimizer: Optimizer,
        options: Options,
    ) -> None:
        self._function = function
        self._rows, self.sizes = rows, sizes
        self._optimizer, self._options = optimizer, options
        self._any = len(sizes) > 1
        self.losses: list[TensorLoss] = []

    def made(self) -> list[TensorStep]:
        """The step of each size, or the one of all, for the optimizer as it is now."""
        if self._any:
            try:
                loss = self.losses[0] if self.losses else self._traced(self.sizes[0])
                if loss.apart.isdisjoint(self.sizes):
                    step = self._made(loss)
                    step.code.native  # noqa: B018
                    self.losses = [loss]
                    return [step]
            except Exception:  # whatever it is, a trace for each size shows it
                pass
            self._any, self.losses = False, []
        self.losses = self.losses or [self._traced(n) for n in self.sizes]
        return [self._made(loss) for loss in self.losses]

    def _traced(self, size: int) -> TensorLoss:
        shapes = [((size, *shape), dtype) for shape, dtype in self._rows]
        parameters, any_size = self._optimizer.parameters, self._any
        return traced_loss(self._function, shapes, parameters, self._options, any_size=any_size)

    def _made(self, loss: TensorLoss) -> TensorStep:
        shapes = [p.shape for p in self._optimizer.parameters]
        return TensorStep(loss, shapes, self._optimizer, self._options)
