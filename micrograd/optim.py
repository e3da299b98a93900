"""Optimisers and learning-rate schedules: SGD, Adam, AdamW, by PyTorch's definitions and defaults.

An update rule is written once, for one parameter, in `+ - *` and ops of the table. So the same
code runs on floats, in `step()`, and on compiler expressions, in a compiled training loop: the
same operations in the same order, hence in float64 the same bits. What a step has of its own
(the learning rate, bias corrections) is computed in Python, by `per_step`, and handed in.

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
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .checks import amount, flag, whole
from .engine import Value
from .errors import DataError, TrainingError, kind
from .ops import as_float, div, sqrt

Numbers: TypeAlias = npt.NDArray[np.float64]

Schedule: TypeAlias = Callable[[int], float]
"""The learning rate of a step; the first step is 0."""


# --- schedules ------------------------------------------------------------------------------


class Constant:
    """A schedule that gives the same rate at every step, without being asked."""

    def __init__(self, rate: float) -> None:
        self.rate = amount("rate", rate, TrainingError)

    def __call__(self, step: int) -> float:
        return self.rate


def constant(rate: float) -> Schedule:
    """The same rate at every step."""
    return Constant(rate)


def linear(start: float, end: float, steps: int) -> Schedule:
    """From `start` at step 0 in equal parts to `end` at step `steps`, and `end` from there on.

    >>> linear(1.0, 0.5, 10)(5)
    0.75
    """
    start, end, steps = (
        amount("start", start, TrainingError),
        amount("end", end, TrainingError),
        whole("steps", steps, TrainingError),
    )
    return _Linear(start, end, steps)


@dataclass(frozen=True)
class _Linear:
    start: float
    end: float
    steps: int

    def __call__(self, step: int) -> float:
        if step >= self.steps:
            return self.end
        return self.start + (self.end - self.start) * step / self.steps


def cosine(start: float, end: float, steps: int, warmup: int = 0) -> Schedule:
    """From `start` along half a cosine to `end` at step `steps`, and `end` from there on.

    In the first `warmup` of these steps the rate grows in equal parts to `start`, which it has at
    the last of them. Source: Loshchilov and Hutter 2017, without restarts.

    >>> [round(cosine(1.0, 0.0, 6, warmup=2)(k), 3) for k in range(7)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146, 0.0]
    """
    start, end, steps = (
        amount("start", start, TrainingError),
        amount("end", end, TrainingError),
        whole("steps", steps, TrainingError),
    )
    warmup = whole("warmup", warmup, TrainingError, least=0)
    if warmup >= steps:
        raise TrainingError(f"warmup should be less than the {steps} steps, got {warmup}")

    return _Cosine(start, end, steps, warmup)


@dataclass(frozen=True)
class _Cosine:
    start: float
    end: float
    steps: int
    warmup: int

    def __call__(self, step: int) -> float:
        start, end, warmup = self.start, self.end, self.warmup
        if step < warmup:
            return start * (step + 1) / warmup
        if step >= self.steps:
            return end
        turn = math.pi * (step - warmup) / (self.steps - warmup)
        return end + (start - end) * 0.5 * (1.0 + math.cos(turn))


def rate_at(schedule: Schedule, step: int) -> float:
    """The learning rate of a step.

    Raises TrainingError if the schedule gives anything but a finite number that is not negative.
    """
    step = whole("step", step, TrainingError, least=0)
    return _checked(schedule(step), step)


def _checked(given: Any, step: int) -> float:
    """What a schedule gave for a step, if it is a rate."""
    if given.__class__ is float and 0.0 <= given < math.inf:
        return given
    try:
        rate = as_float(given)
    except DataError:
        rate = math.nan
    if not 0.0 <= rate < math.inf:
        raise TrainingError(
            f"the learning rate should be a finite number, 0 or more; the schedule gave "
            f"{kind(given)} for step {step}"
        )
    return rate


def tabulate(schedule: Schedule, steps: int, first: int = 0) -> Numbers:
    """The learning rates of `steps` steps from step `first` on: f64[steps].

    Raises TrainingError as `rate_at` does.

    >>> tabulate(linear(1.0, 0.0, 4), 5)
    array([1.  , 0.75, 0.5 , 0.25, 0.  ])
    """
    if not callable(schedule):
        raise TrainingError(f"schedule should be a function of the step, got {kind(schedule)}")
    steps = whole("steps", steps, TrainingError, least=0)
    first = whole("first", first, TrainingError, least=0)
    if type(schedule) is Constant:
        return np.full(steps, schedule.rate)
    given = [schedule(k) for k in range(first, first + steps)]
    if all(rate.__class__ is float for rate in given):
        rates = np.array(given, dtype=np.float64)
        if (np.isfinite(rates) & (rates >= 0.0)).all():
            return rates
    return np.array([_checked(rate, first + k) for k, rate in enumerate(given)], dtype=np.float64)


# --- optimisers -----------------------------------------------------------------------------


class Optimizer:
    """What the optimisers have in common; a new one gives `slots`, `rule` and `scalars`.

    parameters   leaf Values, in the order that all state has
    schedule     the learning rate as a function of the step; also in training it may be changed
    lr           the learning rate of the next step; setting it sets the schedule
    slots        the names of the state that each parameter has
    state        name -> f64[parameters], which compiled loops share
    steps        how many steps were taken
    """

    slots: tuple[str, ...] = ()

    def __init__(self, parameters: Iterable[Value], lr: float | Schedule) -> None:
        self.parameters = _leaves(parameters)
        self.lr = lr
        self.state = {name: np.zeros(len(self.parameters)) for name in self.slots}
        self.steps = 0

    def rule(self, p: Any, g: Any, rates: tuple[Any, ...], *state: Any) -> tuple[Any, ...]:
        """The new number of a parameter `p` with gradient `g`, and its new state.

        rates   what `per_step` gives for this step
        state   in the order of `slots`

        All may be floats or expressions of the compiler.
        """
        raise NotImplementedError

    def per_step(self, step: int) -> tuple[float, ...]:
        """The scalars of a step that `rule` takes as `rates`; the first step is 0."""
        return self.scalars(rate_at(self.schedule, step), step)

    def scalars(self, rate: float, step: int) -> tuple[float, ...]:
        """The scalars of a step with this learning rate."""
        return (rate,)

    @property
    def schedule(self) -> Schedule:
        """The learning rate as a function of the step; a number is the same at every step."""
        return self._schedule

    @schedule.setter
    def schedule(self, given: float | Schedule) -> None:
        self._schedule = given if callable(given) else constant(amount("lr", given, TrainingError))

    @property
    def lr(self) -> float:
        """The learning rate of the next step; it may be set to a number or a schedule."""
        return rate_at(self._schedule, self.steps)

    @lr.setter
    def lr(self, given: float | Schedule) -> None:
        self.schedule = given

    def plan(self, first: int, steps: int) -> tuple[Numbers, Numbers]:
        """The learning rates of `steps` steps from step `first` on: f64[steps]; and what `per_step`
        gives for each of them: f64[steps, rates].

        The schedule is asked once for every step, in order.
        """
        rates = tabulate(self._schedule, steps, first)
        if type(self).per_step is not Optimizer.per_step:
            return rates, _as_rows([self.per_step(first + k) for k in range(steps)])
        made_by = next(c for c in type(self).__mro__ if "scalars" in vars(c))
        if "_rows" in vars(made_by):
            return rates, self._rows(rates, first)
        return rates, _as_rows([self.scalars(r, first + k) for k, r in enumerate(rates.tolist())])

    def _rows(self, rates: Numbers, first: int) -> Numbers:
        """`scalars` for many steps at once, the same bits: f64[steps, rates]."""
        return rates[:, None].copy()

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        for p in self.parameters:
            p.grad = 0

    def step(self) -> None:
        """Update every parameter by its gradient: all of them, or none if something fails."""
        rates = self.per_step(self.steps)
        rule = self.rule
        state = [self.state[name] for name in self.slots]
        numbers = [(p.data, float(p.grad)) for p in self.parameters]
        if state:
            columns = zip(*(s.tolist() for s in state), strict=True)
            made = [rule(*pair, rates, *own) for pair, own in zip(numbers, columns, strict=True)]
        else:
            made = [rule(*pair, rates) for pair in numbers]
        new, *new_state = zip(*made, strict=True)
        for p, number in zip(self.parameters, new, strict=True):
            p.data = number
        for s, column in zip(state, new_state, strict=True):
            s[:] = column
        self.steps += 1

    def state_dict(self) -> dict[str, Any]:
        """A copy of the state: `steps`, and the array of every slot. The schedule is not in it."""
        return {"steps": self.steps, **{name: s.copy() for name, s in self.state.items()}}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Take over a state that `state_dict` gave.

        Raises TrainingError if it is another optimiser's, or of other parameters; then nothing has
        changed.
        """
        expected = {"steps", *self.slots}
        if not isinstance(saved, Mapping):
            raise TrainingError(f"a state is what state_dict() gives, got {kind(saved)}")
        if set(saved) != expected:
            got = sorted(map(str, saved))
            raise TrainingError(
                f"{type(self).__name__} has the state {sorted(expected)}, got {got}"
            )
        steps = whole("steps", saved["steps"], TrainingError, least=0)
        columns = [_column(name, saved[name], len(self.parameters)) for name in self.slots]
        for name, column in zip(self.slots, columns, strict=True):
            self.state[name][:] = column
        self.steps = steps

    def __repr__(self) -> str:
        n = len(self.parameters)
        return f"{type(self).__name__} of {n} parameter{'s' * (n != 1)}, {self.steps} steps taken"


class SGD(Optimizer):
    """Stochastic gradient descent, plain as in micrograd's demo or with momentum.

    lr             a number, or a schedule
    momentum       the share of the velocity that is kept at each step
    nesterov       look ahead along the velocity
    weight_decay   L2 penalty: adds `weight_decay * p` to the gradient
    """

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float | Schedule = 1e-3,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        self.momentum = amount("momentum", momentum, TrainingError)
        self.nesterov = flag("nesterov", nesterov, TrainingError)
        self.weight_decay = amount("weight_decay", weight_decay, TrainingError)
        if self.nesterov and not self.momentum:
            raise TrainingError("nesterov=True needs a momentum; give momentum=0.9, say")
        if self.momentum:
            self.slots = ("momentum",)
        super().__init__(parameters, lr)

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
    """

    slots = ("m", "v")

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float | Schedule = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.betas = _betas(betas)
        self.eps = amount("eps", eps, TrainingError)
        self.weight_decay = amount("weight_decay", weight_decay, TrainingError)
        super().__init__(parameters, lr)

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
        steps = range(first + 1, first + 1 + len(rates))
        power1, power2 = (
            np.array([beta**n for n in steps], dtype=np.float64) for beta in self.betas
        )
        root = np.sqrt(1.0 - power2)
        return np.stack([rates * root / (1.0 - power1), self.eps * root], axis=1)


class AdamW(Adam):
    """Adam with decoupled weight decay: each step first scales `p` by `1 - lr * weight_decay`."""

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float | Schedule = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)

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


def _as_rows(rows: list[tuple[float, ...]]) -> Numbers:
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(rows[0]) if rows else 0)


# --- checks ---------------------------------------------------------------------------------


def _leaves(parameters: Iterable[Value]) -> list[Value]:
    """The parameters as a list, if they can be trained."""
    if isinstance(parameters, Value) or not isinstance(parameters, Iterable):
        raise TrainingError(
            f"parameters should be a list of Values, as model.parameters() gives, got "
            f"{kind(parameters)}"
        )
    leaves = list(parameters)
    if not leaves:
        raise TrainingError("there are no parameters to train; give model.parameters()")
    seen: dict[Value, int] = {}
    for k, p in enumerate(leaves):
        if not isinstance(p, Value):
            raise TrainingError(f"parameter {k} should be a Value, got {kind(p)}")
        if p._entry is not None:
            raise TrainingError(
                f"parameter {k}, {p!r}, is computed (op {p._op!r}); only leaves, Values made from "
                "a number, can be trained"
            )
        if p in seen:
            raise TrainingError(f"parameter {k} is parameter {seen[p]} again; give each once")
        seen[p] = k
    return leaves


def _column(name: str, given: Any, count: int) -> Numbers:
    """The numbers of a slot, if they are so many."""
    shape: Any = ()
    with suppress(ValueError, TypeError):
        array = np.asarray(given)
        shape = array.shape
        if shape == (count,) and array.dtype.kind in "fiub":
            return array.astype(np.float64)
    if shape != (count,):
        raise TrainingError(
            f"{name} should have shape {(count,)}, a number per parameter, got {shape}"
        )
    raise TrainingError(f"{name} should hold real numbers, got {kind(given)}")


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
