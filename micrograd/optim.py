"""Optimisers: SGD, Adam, AdamW, by PyTorch's definitions and defaults; and learning rates.

`optimizer.py` has what they have in common, `schedules.py` the learning rates.

An update rule is written once, for one parameter, in `+ - *` and ops of the table. So the same
code runs on floats, in `step()`, and on compiler expressions, in a compiled training loop: the
same operations in the same order, hence in float64 the same bits. What a step has of its own
(the learning rate, bias corrections) is computed in Python, by `per_step`, and handed in; so are
sums over all parameters, such as the norm of the gradient, of terms that `totals` gives.

Source of Adam: Kingma and Ba 2015, the efficient form at the end of section 2; of AdamW:
Loshchilov and Hutter 2019; of Nesterov's momentum as used here: Sutskever et al. 2013.

>>> from micrograd import Value
>>> w = Value(1.0)
>>> optimizer = SGD([w], lr=0.25)
>>> for _ in range(3):
...     loss = w * w
...     optimizer.zero_grad()
...     loss.backward()
...     optimizer.step()
>>> w.data
0.125
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .checks import amount, flag
from .errors import TrainingError, kind
from .ops import div, sqrt
from .optimizer import Optimizer
from .schedules import Numbers, Schedule, constant, cosine, linear, rate_at, tabulate

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Optimizer",
    "Schedule",
    "constant",
    "cosine",
    "linear",
    "rate_at",
    "tabulate",
]


def __dir__() -> list[str]:
    return sorted(__all__)


class SGD(Optimizer):
    """Stochastic gradient descent, plain as in micrograd's demo or with momentum.

    lr             a number, or a schedule
    momentum       the share of the velocity that is kept at each step
    nesterov       look ahead along the velocity
    weight_decay   L2 penalty: adds `weight_decay * p` to the gradient
    clip_norm      what the norm of the whole gradient is at most, before all else; None: any
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float | Schedule = 1e-3,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        *,
        clip_norm: float | None = None,
    ) -> None:
        self.momentum = amount("momentum", momentum, TrainingError)
        self.nesterov = flag("nesterov", nesterov, TrainingError)
        self.weight_decay = amount("weight_decay", weight_decay, TrainingError)
        if self.nesterov and not self.momentum:
            raise TrainingError("nesterov=True needs a momentum; give momentum=0.9, say")
        if self.momentum:
            self.slots = ("momentum",)
        super().__init__(parameters, lr, clip_norm=clip_norm)

    def rule(self, p: Any, g: Any, rates: tuple[Any, ...], *state: Any) -> tuple[Any, ...]:
        (lr,) = rates
        if self.weight_decay:
            g = g + self.weight_decay * p
        if not state:
            return (p - lr * g,)
        velocity = self.momentum * state[0] + g
        g = g + self.momentum * velocity if self.nesterov else velocity
        return p - lr * g, velocity


class Adam(Optimizer):
    """Adam: steps by the mean of the gradients over the root of the mean of their squares.

    lr             a number, or a schedule
    betas          the decay of the two means, each 0 or more and less than 1
    eps            what is added to the root, so that nothing is divided by 0
    weight_decay   L2 penalty: adds `weight_decay * p` to the gradient
    clip_norm      what the norm of the whole gradient is at most, before all else; None: any
    """

    slots = ("m", "v")

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float | Schedule = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        clip_norm: float | None = None,
    ) -> None:
        self.betas = _betas(betas)
        self.eps = amount("eps", eps, TrainingError)
        self.weight_decay = amount("weight_decay", weight_decay, TrainingError)
        super().__init__(parameters, lr, clip_norm=clip_norm)

    def rule(self, p: Any, g: Any, rates: tuple[Any, ...], *state: Any) -> tuple[Any, ...]:
        if self.weight_decay:
            g = g + self.weight_decay * p
        return self._move(p, g, rates, *state)

    def _move(self, p: Any, g: Any, rates: tuple[Any, ...], m: Any, v: Any) -> tuple[Any, Any, Any]:
        rate, eps = rates[:2]
        beta1, beta2 = self.betas
        m = beta1 * m + (1.0 - beta1) * g
        v = beta2 * v + (1.0 - beta2) * (g * g)
        return p - div(rate * m, sqrt(v) + eps), m, v

    def scalars(self, rate: float, step: int) -> tuple[float, ...]:
        """The learning rate and eps, both with the bias corrections in them."""
        beta1, beta2 = self.betas
        root = math.sqrt(1.0 - beta2 ** (step + 1))
        return rate * root / (1.0 - beta1 ** (step + 1)), self.eps * root

    def _rows(self, rates: Numbers, first: int) -> Numbers:
        # NumPy's powers may differ from Python's in the last place, its roots and quotients do not
        power1, power2 = (_powers(beta, first + 1, len(rates)) for beta in self.betas)
        root = np.sqrt(1.0 - power2)
        return np.stack([rates * root / (1.0 - power1), self.eps * root], axis=1)


def _powers(beta: float, first: int, count: int) -> Numbers:
    """Powers of a number from 0 to 1, from the `first` on; 0 where they are nothing beside 1."""
    most = math.ceil(-56.0 / math.log2(beta)) if beta else 1
    powers = np.zeros(count)
    seen = range(first, min(first + count, most + 1))
    powers[: len(seen)] = [beta**n for n in seen]
    return powers


class AdamW(Adam):
    """Adam with decoupled weight decay: each step first scales `p` by `1 - lr * weight_decay`."""

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float | Schedule = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        *,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay, clip_norm=clip_norm)

    def rule(self, p: Any, g: Any, rates: tuple[Any, ...], *state: Any) -> tuple[Any, ...]:
        if self.weight_decay:
            p = rates[2] * p
        return self._move(p, g, rates, *state)

    def scalars(self, rate: float, step: int) -> tuple[float, ...]:
        """As of Adam; with weight decay also the factor of the parameters."""
        rates = super().scalars(rate, step)
        return (*rates, 1.0 - rate * self.weight_decay) if self.weight_decay else rates

    def _rows(self, rates: Numbers, first: int) -> Numbers:
        rows = super()._rows(rates, first)
        return (
            np.column_stack([rows, 1.0 - rates * self.weight_decay]) if self.weight_decay else rows
        )


def _betas(given: Any) -> tuple[float, float]:
    try:
        beta1, beta2 = (amount("betas", x, TrainingError) for x in given)
        fits = beta1 < 1.0 and beta2 < 1.0
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise TrainingError(
            f"betas should be two numbers, each 0 or more and less than 1, got {kind(given)}"
        )
    return beta1, beta2
