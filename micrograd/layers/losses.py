"""Losses of a batch of Tensors: means over its first axis. `micrograd.losses` has their names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..errors import DataError, ShapeError, TrainingError, user_location
from ..losses import PROBABILITIES, SIGNS, Labels, note
from ..named import is_tensor
from ..tensor.casting import is_float
from ..tensor.core import Tensor


def max_margin(scores: Any, y: Any) -> Any:
    """Of scores [n, ...] and labels -1 and 1."""
    scores, y = _alike("max_margin", scores, y, SIGNS)
    return _mean(ops.relu(1.0 - y * scores))


def squared_error(outputs: Any, y: Any) -> Any:
    """Of outputs [n, ...] and targets: the squares of a sample are added up."""
    outputs, y = _alike("squared_error", outputs, y)
    off = outputs - y
    return _mean(off * off)


def binary_cross_entropy(logits: Any, y: Any) -> Any:
    """Of logits [n, ...] and probabilities."""
    logits, y = _alike("binary_cross_entropy", logits, y, PROBABILITIES)
    z = ops.where(y > 0.5, -1.0, 1.0) * logits
    return _mean(ops.softplus(z) - ops.minimum(y, 1.0 - y) * z)


def cross_entropy(logits: Any, y: Any) -> Any:
    """Of logits [n, ..., classes] and the indices of classes [n, ...], or probabilities of all."""
    logits = _floats("cross_entropy", "logits", logits)
    if not logits.ndim or logits.shape[-1] < 2:
        raise ShapeError(
            f"{user_location()}: cross_entropy takes two or more logits along the last axis, got "
            f"shape {logits.shape}; of a single logit take binary_cross_entropy"
        )
    count = logits.shape[-1]
    y = _labels(y, logits.dtype)
    if y.dtype.kind in "iu" and y.shape == logits.shape[:-1]:
        y = _chances(y, count, logits.dtype)
        return -_mean(ops.where(y > 0.5, logits.log_softmax(-1), y).sum(-1))
    if y.shape != logits.shape:
        raise ShapeError(
            f"{user_location()}: cross_entropy takes the whole numbers of classes, shape "
            f"{logits.shape[:-1]}, or probabilities, shape {logits.shape}, beside its logits; got "
            f"{y.dtype} of shape {y.shape}"
        )
    _check("cross_entropy", y, PROBABILITIES)
    y = _or_nan(y if is_float(y.dtype) else y.astype(logits.dtype), PROBABILITIES)
    return -_mean(ops.where(y > 0.0, y * logits.log_softmax(-1), y * 0.0).sum(-1))


def _chances(y: Any, count: int, dtype: Any) -> Any:
    """1.0 at the class, else 0.0. An index of no class, where it is not known yet, gives nan: from
    the end of the table, where the negative ones are, on.
    """
    of_classes = Labels(f"the index of a class, 0 to {count - 1}", lambda a: (a >= 0) & (a < count))
    _check("cross_entropy", y, of_classes)
    table = np.concatenate([np.eye(count), np.full((count, count), np.nan)])
    return Tensor(table, dtype)[y]


def _mean(of_samples: Any) -> Any:
    """The mean over the first axis of the sums over the others."""
    if not of_samples.ndim:
        return of_samples
    return of_samples.sum() * (1.0 / (of_samples.shape[0] or 1))


def _alike(loss: str, outputs: Any, y: Any, labels: Labels | None = None) -> tuple[Any, Any]:
    """Both as floats of one shape; one output of a sample may stand in an axis of its own."""
    outputs = _floats(loss, "outputs", outputs)
    given = y = _labels(y, outputs.dtype)
    y = y if is_float(y.dtype) else y.astype(outputs.dtype)
    if outputs.shape == (*y.shape, 1):
        outputs = outputs.reshape(y.shape)
    if outputs.shape != y.shape:
        raise ShapeError(
            f"{user_location()}: {loss} takes as many outputs as labels, got shapes "
            f"{outputs.shape} and {y.shape}"
        )
    if labels is not None:
        _check(loss, given, labels)
        y = _or_nan(y, labels)
    return outputs, y


def _labels(y: Any, dtype: Any) -> Any:
    """As a Tensor; floats of an array are of the outputs' dtype."""
    if is_tensor(y):
        return y
    array = np.asarray(y)
    return Tensor(array, dtype if array.dtype.kind == "f" else None)


def _floats(loss: str, name: str, x: Any) -> Any:
    if not is_tensor(x) or not is_float(x.dtype):
        raise DataError(f"{user_location()}: {name} of {loss} should be a Tensor of floats")
    return x


def _check(loss: str, y: Any, labels: Labels) -> None:
    """Raises TrainingError for labels of another kind; such that are not known yet are noted."""
    if y._scope is not None:
        note(y, loss, labels)
    elif not np.all(labels.fit(y._data)):
        raise TrainingError(
            f"{user_location()}: y of {loss} should be {labels.words}{labels.hint}, got {y!r}"
        )


def _or_nan(y: Any, labels: Labels) -> Any:
    """The labels; nan where one is not known yet, and turns out to be of another kind."""
    return y if y._scope is None else ops.where(labels.fit(y), y, math.nan)


def squares(x: Any) -> Any:
    """The sum of the squares of all elements of a Tensor, or of a number."""
    return (x * x).sum() if is_tensor(x) else x * x
