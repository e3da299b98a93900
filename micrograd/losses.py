"""Losses of one sample, as plain functions of Values or floats.

They are written in ops of the table and nothing else, so they trace, differentiate and compile as
any scalar code does. The loss of many samples is a sum or a mean, which is yours to write:

>>> from micrograd import Value
>>> scores, labels = [Value(0.5), Value(-2.0)], [1, -1]
>>> losses = [max_margin(s, y) for s, y in zip(scores, labels)]
>>> sum(losses) * (1.0 / len(losses))
Value(data=0.25, grad=0)

Of Tensors, whose first axis is a batch, each is the mean over it.

A label is a number or a Value, and is checked: a loss of no class is a number that trains nothing.
An argument of a function that is being compiled has no number yet; where it is data of `fit`, `fit`
checks it before training. What is computed from one is not checked; there, and in a kernel of your
own, a bad index of a class gives nan.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from . import ops
from .engine import Value
from .errors import DataError, TrainingError, kind
from .locks import late
from .named import is_tensor
from .ops import as_float
from .traced import Traced

__all__ = ["binary_cross_entropy", "cross_entropy", "l2", "max_margin", "squared_error"]


def __dir__() -> list[str]:
    return sorted(__all__)


def max_margin(score: Any, y: Any) -> Any:
    """The hinge loss `max(0, 1 - y * score)` for a label `y` of -1 or 1.

    >>> max_margin(0.25, -1)
    1.25
    """
    if is_tensor(score):
        return _of_tensors("max_margin", score, y)
    y = _checked(y, "max_margin", SIGNS)
    score = _numeric("score", "max_margin", score)
    return ops.relu(1.0 + -y * score)


def squared_error(output: Any, y: Any) -> Any:
    """`(output - y) ** 2`; of a list of outputs and one of targets, the sum of them.

    >>> squared_error([1.0, 2.0], [0.5, 4.0])
    4.25
    """
    if is_tensor(output):
        return _of_tensors("squared_error", output, y)
    if not _is_list(output) and not _is_list(y):
        return _squared(
            _numeric("output", "squared_error", output), _numeric("y", "squared_error", y)
        )
    if not _is_list(output) or not _is_list(y) or len(output) != len(y):
        raise TrainingError(
            "squared_error takes two numbers, or as many outputs as targets, got "
            f"{_amount(output)} and {_amount(y)}"
        )
    if not len(output):
        raise TrainingError("squared_error takes one output or more, got an empty list")
    return _sum(squared_error(o, t) for o, t in zip(output, y, strict=True))


def binary_cross_entropy(logit: Any, y: Any) -> Any:
    """Minus the log-likelihood of `y` under the probability `sigmoid(logit)`.

    y   0, 1, or a probability between them

    Neither overflows nor cancels, however large the logit is: only what the label is away from the
    nearer of 0 and 1 multiplies the logit.

    >>> binary_cross_entropy(1000.0, 0), binary_cross_entropy(-50.0, 0)
    (1000.0, 1.9287498479639178e-22)
    """
    if is_tensor(logit):
        return _of_tensors("binary_cross_entropy", logit, y)
    y = _checked(y, "binary_cross_entropy", PROBABILITIES)
    logit = _numeric("logit", "binary_cross_entropy", logit)
    z = (1.0 - 2.0 * ops.gt(y, 0.5)) * logit
    return ops.softplus(z) - ops.minimum(y, 1.0 - y) * z


def cross_entropy(logits: Sequence[Any], y: Any) -> Any:
    """Minus the log-likelihood of `y` under the probabilities `softmax(logits)`.

    y   the index of the class, or a list with the probability of every class (one-hot, say)

    The logits are shifted by their maximum, so that no exponential overflows. An index that is an
    argument of a compiled function cannot index a list, so the logit is chosen by comparing it with
    every class; an index of no class gives nan.

    >>> round(cross_entropy([1.0, 2.0, 3.0], 2), 6)
    0.407606
    >>> cross_entropy([1000.0, 0.0], [0.0, 1.0])
    1000.0
    """
    if is_tensor(logits):
        return _of_tensors("cross_entropy", logits, y)
    if not _is_list(logits) or len(logits) < 2:
        raise TrainingError(
            f"cross_entropy takes a list of two or more logits, got {_amount(logits)}; of a single "
            "logit take binary_cross_entropy"
        )
    logits = [_numeric(f"logits[{k}]", "cross_entropy", x) for k, x in enumerate(logits)]
    largest = logits[0]
    for x in logits[1:]:
        largest = ops.maximum(largest, x)
    # the logarithm of the sum, as seen from the largest
    log_sum = ops.log(_sum(ops.exp(x - largest) for x in logits))
    if _is_list(y):
        if len(y) != len(logits):
            raise TrainingError(
                f"cross_entropy takes a probability per logit, got {len(y)} for {len(logits)}"
            )
        shares = [_checked(p, "cross_entropy", PROBABILITIES) for p in y]
        return _sum(p * (log_sum + (largest - x)) for p, x in zip(shares, logits, strict=True))
    return log_sum + (largest - _chosen(logits, y))


def l2(parameters: Iterable[Any], strength: Any) -> Any:
    """`strength` times the sum of the squares of the parameters.

    >>> l2([3.0, 4.0], 0.5)
    12.5

    Of Tensors, the squares of all their elements.
    """
    if isinstance(parameters, Value | str) or not isinstance(parameters, Iterable):
        raise TrainingError(
            f"parameters of l2 should be a list of Values or numbers, got {kind(parameters)}"
        )
    strength = _numeric("strength", "l2", strength)
    parameters = list(parameters)
    if any(map(is_tensor, parameters)):
        return strength * sum(late("micrograd.layers.losses").squares(p) for p in parameters)
    numbers = (_numeric(f"parameters[{k}]", "l2", p) for k, p in enumerate(parameters))
    return strength * sum(p * p for p in numbers)


def _of_tensors(loss: str, outputs: Any, y: Any) -> Any:
    """The mean loss of a batch."""
    return getattr(late("micrograd.layers.losses"), loss)(outputs, y)


def _chosen(xs: list[Any], index: Any) -> Any:
    """The element at an index that may be traced."""
    are_classes = partial(_are_classes, len(xs))  # not xs: workers are sent what labels should be
    classes = Labels(f"the index of a class, 0 to {len(xs) - 1}", are_classes)
    index = _checked(index, "cross_entropy", classes)
    if not isinstance(index, Traced):
        return xs[int(index.data if isinstance(index, Value) else index)]
    matches = [ops.eq(index, float(k)) for k in range(len(xs))]
    chosen = _sum(ops.where(hit, x, 0.0) for hit, x in zip(matches, xs, strict=True))
    return chosen + ops.where(_sum(matches), 0.0, math.nan)


def _are_classes(count: int, y: Any) -> Any:
    return (y >= 0) & (y < count) & (y == np.floor(y))


# --- labels -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels that a loss takes: in words, and as a test of an array of them."""

    words: str
    fit: Callable[[Any], Any]
    hint: str = ""


SIGNS = Labels("-1 or 1", lambda y: abs(y) == 1.0, "; 2 * y - 1 makes them of 0 and 1")
PROBABILITIES = Labels("from 0 to 1", lambda y: (y >= 0.0) & (y <= 1.0))


@dataclass(frozen=True, slots=True)
class Expectation:
    """A label that has no number yet, Traced or a Tensor, and what it should be for which loss."""

    label: Any
    loss: str
    labels: Labels


_noted: ContextVar[list[Expectation] | None] = ContextVar("noted", default=None)


@contextmanager
def expectations() -> Iterator[list[Expectation]]:
    """What the losses that are traced in this block expect of their labels, as it becomes known."""
    found: list[Expectation] = []
    token = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(token)


def note(y: Any, loss: str, labels: Labels) -> None:
    """Tell who traces what a label should be."""
    noted = _noted.get()
    if noted is not None:
        noted.append(Expectation(y, loss, labels))


def _checked(y: Any, loss: str, labels: Labels) -> Any:
    """The label; a number as a float. Raises TrainingError if it is none of these labels."""
    if isinstance(y, Traced):
        note(y, loss, labels)
        return y
    if isinstance(y, np.ndarray) and y.ndim:
        raise DataError(f"y of {loss} should be a number or a Value, got {kind(y)}")
    number = y.data if isinstance(y, Value) else as_float(_numeric("y", loss, y))
    if not labels.fit(np.float64(number)):
        raise TrainingError(f"y of {loss} should be {labels.words}, got {kind(y)}{labels.hint}")
    return y if isinstance(y, Value) else number


def _numeric(name: str, loss: str, x: Any) -> Any:
    """What a loss computes with: a Value, a number, or an array of them."""
    if isinstance(x, (Value, float, int)) or (
        isinstance(x, np.ndarray) and x.dtype.kind in "biufO"
    ):
        return x
    try:
        return as_float(x)
    except DataError:
        raise DataError(f"{name} of {loss} should be a number or a Value, got {kind(x)}") from None


# --- sums and lists -----------------------------------------------------------------------------


def _squared(output: Any, y: Any) -> Any:
    difference = output - y
    return difference * difference


def _sum(terms: Iterable[Any]) -> Any:
    """The sum, without the 0 that Python's begins with."""
    terms = iter(terms)
    return sum(terms, next(terms))


def _is_list(x: Any) -> bool:
    return isinstance(x, (list, tuple)) or (isinstance(x, np.ndarray) and x.ndim == 1)


def _amount(x: Any) -> str:
    return f"a list of {len(x)}" if _is_list(x) else kind(x)
