"""Losses of one sample, as plain functions of Values or floats.

They are written in ops of the table and nothing else, so they trace, differentiate and compile as
any scalar code does. The loss of many samples is a sum or a mean, which is yours to write:

>>> from micrograd import Value
>>> scores, labels = [Value(0.5), Value(-2.0)], [1, -1]
>>> losses = [max_margin(s, y) for s, y in zip(scores, labels)]
>>> sum(losses) * (1.0 / len(losses))
Value(data=0.25, grad=0)

A label is a number, which is checked, or a Value: then it is data that the loss reads, for instance
an input of a compiled loss of one sample.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from . import ops
from .engine import Value
from .errors import TrainingError, kind
from .ops import as_float


def max_margin(score: Any, y: Any) -> Any:
    """The hinge loss `max(0, 1 - y * score)` for a label `y` of -1 or 1.

    >>> max_margin(0.25, -1)
    1.25
    """
    if not isinstance(y, Value):
        y = as_float(y)
        if abs(y) != 1.0:
            raise TrainingError(
                f"y of max_margin should be -1 or 1, got {y}; 2 * y - 1 makes them of 0 and 1"
            )
    return ops.relu(1.0 + -y * score)


def squared_error(output: Any, y: Any) -> Any:
    """`(output - y) ** 2`; of a list of outputs and one of targets, the sum of them.

    >>> squared_error([1.0, 2.0], [0.5, 4.0])
    4.25
    """
    if not _is_list(output) and not _is_list(y):
        return _squared(output, y)
    if not _is_list(output) or not _is_list(y) or len(output) != len(y):
        raise TrainingError(
            "squared_error takes two numbers, or as many outputs as targets, got "
            f"{_amount(output)} and {_amount(y)}"
        )
    return _sum(_squared(o, t) for o, t in zip(output, y, strict=True))


def binary_cross_entropy(logit: Any, y: Any) -> Any:
    """Minus the log-likelihood of `y` under the probability `sigmoid(logit)`.

    y   0, 1, or a probability between them

    Neither overflows nor cancels, however large the logit is: only what the label is away from the
    nearer of 0 and 1 multiplies the logit.

    >>> binary_cross_entropy(1000.0, 0), binary_cross_entropy(-50.0, 0)
    (1000.0, 1.9287498479639178e-22)
    """
    if not isinstance(y, Value):
        y = as_float(y)
        if not 0.0 <= y <= 1.0:
            raise TrainingError(f"y of binary_cross_entropy should be from 0 to 1, got {y}")
    z = (1.0 - 2.0 * ops.gt(y, 0.5)) * logit
    return ops.softplus(z) - ops.minimum(y, 1.0 - y) * z


def cross_entropy(logits: Sequence[Any], y: Any) -> Any:
    """Minus the log-likelihood of `y` under the probabilities `softmax(logits)`.

    y   the index of the class, or a list with the probability of every class (one-hot, say)

    The logits are shifted by their maximum, so that no exponential overflows. An index that is a
    Value cannot index a list of Values, so the logit is chosen by comparing it with every class;
    an index out of range gives nan.

    >>> round(cross_entropy([1.0, 2.0, 3.0], 2), 6)
    0.407606
    >>> cross_entropy([1000.0, 0.0], [0.0, 1.0])
    1000.0
    """
    if not _is_list(logits) or len(logits) < 2:
        raise TrainingError(
            f"cross_entropy takes a list of two or more logits, got {_amount(logits)}; of a single "
            "logit take binary_cross_entropy"
        )
    logits = list(logits)
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
        return _sum(p * (log_sum + (largest - x)) for p, x in zip(y, logits, strict=True))
    return log_sum + (largest - _chosen(logits, y))


def l2(parameters: Iterable[Any], strength: Any) -> Any:
    """`strength` times the sum of the squares of the parameters.

    >>> l2([3.0, 4.0], 0.5)
    12.5
    """
    return strength * sum(p * p for p in parameters)


def _chosen(xs: list[Any], index: Any) -> Any:
    """The element at an index that may be a Value."""
    if isinstance(index, Value):
        chosen = _sum(ops.where(ops.eq(index, float(k)), x, 0.0) for k, x in enumerate(xs))
        inside = ops.ge(index, 0.0) * ops.le(index, len(xs) - 1.0)
        return chosen + ops.where(inside, 0.0, math.nan)
    number = as_float(index)
    if not 0.0 <= number < len(xs) or not number.is_integer():
        raise TrainingError(
            f"y of cross_entropy should be the index of a class, 0 to {len(xs) - 1}, "
            f"got {kind(index)}"
        )
    return xs[int(number)]


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
