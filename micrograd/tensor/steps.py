"""Steps of an optimiser whose parameters are Tensors, uncompiled: its rule on whole arrays.

The rule is the one that runs on floats and on compiler expressions; here it runs on Tensors, of
which nothing is recorded. Sums over all parameters are added up in order, in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import TrainingError, kind
from .casting import is_float
from .core import Tensor
from .recording import no_grad

BLOCK = 1 << 16
"""Terms that are added up at a time."""


class Steps:
    """What an optimiser asks Tensors for, so that it need not know of them."""

    @staticmethod
    def checked_leaves(given: Sequence[Any]) -> list[Any]:
        """The parameters, if all are Tensors that can be trained, each of them once."""
        return checked_leaves(given)

    @staticmethod
    def zeros(parameters: Sequence[Tensor]) -> npt.NDArray[Any]:
        """The state that a slot begins with: a number for each number of the parameters."""
        return zeros(parameters)

    @staticmethod
    def step(optimizer: Any) -> None:
        """Update every parameter by its gradient: all of them, or none if something fails."""
        step(optimizer)


Tensor.__steps__ = Steps


def checked_leaves(given: Sequence[Any]) -> list[Any]:
    """The parameters, if all are Tensors that can be trained, each of them once."""
    seen: dict[int, int] = {}
    for k, p in enumerate(given):
        if not isinstance(p, Tensor):
            raise TrainingError(
                f"parameters should be all Tensors or all Values, but parameter {k} is {kind(p)}"
            )
        if p._primitive is not None:
            raise TrainingError(
                f"parameter {k}, of shape {p.shape}, is computed (op {p._op!r}); only leaves, "
                "Tensors made from numbers, can be trained"
            )
        if not is_float(p.dtype):
            raise TrainingError(f"parameter {k} should be a Tensor of floats, got {p.dtype}")
        if not p.size:
            raise TrainingError(f"parameter {k} has no elements, shape {p.shape}")
        if id(p) in seen:
            raise TrainingError(f"parameter {k} is parameter {seen[id(p)]} again; give each once")
        seen[id(p)] = k
    return list(given)


def zeros(parameters: Sequence[Tensor]) -> npt.NDArray[Any]:
    """The state that a slot begins with: a number for each number of all parameters, in order."""
    dtype = np.result_type(*(p.dtype for p in parameters))
    return np.zeros(sum(p.size for p in parameters), dtype)


def parts(column: npt.NDArray[Any], parameters: Sequence[Tensor]) -> list[npt.NDArray[Any]]:
    """The part of a slot's state that each parameter has, in its shape: views."""
    found, start = [], 0
    for p in parameters:
        found.append(column[start : start + p.size].reshape(p.shape))
        start += p.size
    return found


def step(optimizer: Any) -> None:
    """Update every parameter by its gradient: all of them, or none if something fails."""
    parameters = optimizer.parameters
    rates = optimizer.per_step(optimizer.steps)
    columns = [parts(optimizer.state[name], parameters) for name in optimizer.slots]
    with no_grad():
        gradients = [_gradient(k, p) for k, p in enumerate(parameters)]
        states = [[Tensor(c[k], p.dtype) for c in columns] for k, p in enumerate(parameters)]
        sums: Sequence[float] = ()
        numbers = [p.detach() for p in parameters]
        rows = list(zip(numbers, gradients, states, strict=True))
        terms = [optimizer._terms(p, g, rates, state) for p, g, state in rows]
        scale, sums = optimizer._shared([_sum(column) for column in zip(*terms, strict=True)])
        made = []
        for p, g, state in rows:
            scaled = g if scale is None else g * scale
            made.append(optimizer.rule(p, scaled, rates, *state, *sums))
    for k, (p, (number, *state)) in enumerate(zip(parameters, made, strict=True)):
        p.data = number
        for column, new in zip(columns, state, strict=True):
            column[k][...] = _array(new)
    optimizer.steps += 1


def _gradient(k: int, p: Tensor) -> Tensor:
    """What `backward` has left; zeros, if nothing came."""
    g = p.grad
    if g is None:
        return Tensor(np.zeros(p.shape), p.dtype)
    if not isinstance(g, Tensor) or g.shape != p.shape:
        got = f"one of shape {g.shape}" if isinstance(g, Tensor) else kind(g)
        raise TrainingError(
            f"the gradient of parameter {k} should be a Tensor of shape {p.shape}, got {got}"
        )
    return g.astype(p.dtype)


def _array(x: Any) -> Any:
    return x._data if isinstance(x, Tensor) else x


def _sum(terms: Sequence[Any]) -> float:
    """The sum of all elements, from 0, one after the other."""
    total = np.zeros(1)
    for term in terms:
        flat = np.ravel(_array(term)).astype(np.float64)
        for start in range(0, len(flat), BLOCK):
            total = np.cumsum(np.concatenate([total, flat[start : start + BLOCK]]))[-1:]
    return float(total[0])
