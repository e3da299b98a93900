"""Optimizer: parameters, their state, and steps of an update rule, for all optimisers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from .checks import amount, whole
from .engine import Value
from .errors import TrainingError, kind
from .ops import div, minimum, sqrt
from .schedules import Numbers, Schedule, constant, rate_at, tabulate


class Optimizer:
    """What the optimisers have in common; a new one gives `slots`, `rule` and `scalars`, and
    `totals` if its rule asks for sums over all parameters.

    parameters   leaf Values, or leaf Tensors, in the order that all state has
    schedule     the learning rate as a function of the step; also in training it may be changed
    lr           the learning rate of the next step; setting it sets the schedule
    slots        the names of the state that each parameter has
    state        name -> f64[parameters], which compiled loops share; of Tensors, the numbers of
                 all of them, one after the other, in their dtype
    steps        how many steps were taken
    clip_norm    what the norm of the whole gradient is at most: where it is more, all partials are
                 scaled down alike, before anything else is done with them; None: they stay
    """

    slots: tuple[str, ...] = ()
    clip_norm: float | None = None

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float | Schedule,
        *,
        clip_norm: float | None = None,
    ) -> None:
        self.parameters: list[Any] = _leaves(parameters)
        if clip_norm is not None:
            self.clip_norm = _positive("clip_norm", clip_norm)
        self.lr = lr
        self.of_tensors = _tensors(self.parameters[0]) is not None
        self.state = {name: self._zeros() for name in self.slots}
        self.steps = 0

    def _zeros(self) -> Any:
        """The state that a slot begins with."""
        tensors = _tensors(self.parameters[0])
        return np.zeros(len(self.parameters)) if tensors is None else tensors.zeros(self.parameters)

    def rule(self, p: Any, g: Any, rates: tuple[Any, ...], *state: Any) -> tuple[Any, ...]:
        """The new number of a parameter `p` with gradient `g`, and its new state.

        rates   what `per_step` gives for this step
        state   in the order of `slots`; and behind it the sums of what `totals` gives

        All may be floats or expressions of the compiler.
        """
        raise NotImplementedError

    def totals(self, p: Any, g: Any, rates: tuple[Any, ...], *state: Any) -> tuple[Any, ...]:
        """A parameter's terms of the sums over all parameters that `rule` takes: none.

        A sum begins with 0 and goes in the order of the parameters. The gradient is as it is before
        its norm is clipped.
        """
        return ()

    def _terms(
        self, p: Any, g: Any, rates: tuple[Any, ...], state: Sequence[Any]
    ) -> tuple[Any, ...]:
        """A parameter's terms of all sums: the square that clipping asks for, and `totals`."""
        own = self.totals(p, g, rates, *state)
        if not isinstance(own, (tuple, list)):
            raise TrainingError(
                f"totals of {type(self).__name__} should give a tuple of numbers, one for each "
                f"sum, got {kind(own)}"
            )
        return (*own,) if self.clip_norm is None else (g * g, *own)

    def _shared(self, sums: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        """What all partials are multiplied by, if they are clipped, and the sums that `rule` takes.

        The factor is PyTorch's, of `clip_grad_norm_`.
        """
        if self.clip_norm is None:
            return None, sums
        square, *own = sums
        return minimum(1.0, div(self.clip_norm, sqrt(square) + 1e-6)), own

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
            p.grad = None if self.of_tensors else 0

    def step(self) -> None:
        """Update every parameter by its gradient: all of them, or none if something fails."""
        tensors = _tensors(self.parameters[0])
        if tensors is not None:
            tensors.step(self)
            return
        rates = self.per_step(self.steps)
        state = [self.state[name] for name in self.slots]
        numbers = [(p.data, float(p.grad)) for p in self.parameters]
        columns: list[tuple[float, ...]] = [()] * len(numbers)
        if state:
            columns = list(zip(*(s.tolist() for s in state), strict=True))
        sums: Sequence[float] = ()
        if self.clip_norm is not None or type(self).totals is not Optimizer.totals:
            terms = [
                self._terms(p, g, rates, own) for (p, g), own in zip(numbers, columns, strict=True)
            ]
            scale, sums = self._shared([_sum(column) for column in zip(*terms, strict=True)])
            if scale is not None:
                numbers = [(p, g * scale) for p, g in numbers]
        rule = self.rule
        made = [rule(*pair, rates, *own, *sums) for pair, own in zip(numbers, columns, strict=True)]
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
        columns = [_column(name, saved[name], self.state[name]) for name in self.slots]
        for name, column in zip(self.slots, columns, strict=True):
            self.state[name][:] = column
        self.steps = steps

    def __repr__(self) -> str:
        n = len(self.parameters)
        return f"{type(self).__name__} of {n} parameter{'s' * (n != 1)}, {self.steps} steps taken"


def _sum(terms: Iterable[float]) -> float:
    """One after the other, as compiled code adds up; Python's `sum` may round less often."""
    total = 0.0
    for term in terms:
        total += term
    return total


def _positive(name: str, given: Any) -> float:
    number = amount(name, given, TrainingError)
    if not number:
        raise TrainingError(f"{name} should be more than 0; None leaves gradients as they are")
    return number


def _as_rows(rows: list[tuple[float, ...]]) -> Numbers:
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(rows[0]) if rows else 0)


def _tensors(x: Any) -> Any:
    """How Tensors are optimised (tensor/steps.py), if it is one; else None."""
    return getattr(type(x), "__steps__", None)


def _leaves(parameters: Iterable[Any]) -> list[Any]:
    """The parameters as a list, if they can be trained."""
    if (
        isinstance(parameters, Value)
        or _tensors(parameters) is not None
        or not isinstance(parameters, Iterable)
    ):
        raise TrainingError(
            f"parameters should be a list of Values, as model.parameters() gives, got "
            f"{kind(parameters)}"
        )
    leaves = list(parameters)
    if not leaves:
        raise TrainingError("there are no parameters to train; give model.parameters()")
    for tensors in filter(None, map(_tensors, leaves)):
        return tensors.checked_leaves(leaves)  # type: ignore[no-any-return]
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


def _column(name: str, given: Any, present: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The numbers of a slot, if they are as many as at present."""
    count = len(present)
    shape: Any = ()
    with suppress(ValueError, TypeError):
        array = np.asarray(given)
        shape = array.shape
        if shape == (count,) and array.dtype.kind in "fiub":
            return array.astype(present.dtype)
    if shape != (count,):
        raise TrainingError(
            f"{name} should have shape {(count,)}, a number per parameter, got {shape}"
        )
    raise TrainingError(f"{name} should hold real numbers, got {kind(given)}")
