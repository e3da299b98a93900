"""fit: training as one native loop."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine import Value
from ..errors import TrainingError, kind
from ..optim import Optimizer
from .executable import Executable
from .kernel import Kernel, jit
from .training import Loop, first_not_finite, places_of
from .vectorize import operations

Numbers = npt.NDArray[np.float64]


@dataclass(slots=True)
class History:
    """What `fit` gives back.

    losses      the loss of every step, before its update: f64[steps]
    not_finite  the first step whose loss was nan or infinite; None: all were finite
    seconds     how long the loop ran, without compiling
    """

    losses: Numbers
    not_finite: int | None = None
    seconds: float = 0.0

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return len(self.losses)


def fit(target: Any, optimizer: Optimizer, *, steps: int, dtype: Any = None) -> History:
    """Train in a native loop."""
    if not isinstance(optimizer, Optimizer):
        raise TrainingError(
            f"fit takes an optimizer, such as micrograd.optim.SGD(model.parameters(), lr=0.1), "
            f"got {kind(optimizer)}"
        )
    kernel = _whole_loss(target, optimizer, dtype)
    work = sum(s.points * max(1, operations(s.expr)) for s in kernel.transformed.body)
    loop = Loop(
        optimizer,
        steps,
        kernel=kernel.address,
        bits=kernel.options.bits,
        size=kernel.pointer_outputs[0],
        places=places_of(optimizer.parameters, kernel),
        keep=kernel,
        seconds=1e-9 * work,
    )
    history = History(loop.losses[:0])
    began = time.perf_counter()
    try:
        loop.advance(steps)
    except KeyboardInterrupt as interrupt:
        interrupt.history = history  # type: ignore[attr-defined]
        raise
    finally:
        history.losses = loop.losses[: loop.step]
        history.seconds = time.perf_counter() - began
        history.not_finite = first_not_finite(history.losses)
    if history.not_finite is not None:
        warnings.warn(f"the loss of step {history.not_finite} was not finite", stacklevel=2)
    return history


def _whole_loss(target: Any, optimizer: Optimizer, dtype: Any) -> Executable:
    """Value and gradient of a loss that takes no arguments."""
    if isinstance(target, Value):
        target = jit(target, wrt=optimizer.parameters, dtype=np.float32 if dtype is None else dtype)
    if not isinstance(target, Kernel):
        raise TrainingError(
            f"without data, fit takes the loss as a Value or as jit(loss, wrt=...), got "
            f"{kind(target)}"
        )
    kernel: Executable = target.value_and_grad._compile(())
    return kernel
