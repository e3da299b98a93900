"""Data arrays as training steps of Tensors read them: numbers, or indices that were looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError, TrainingError
from ..real_types import BY_DTYPE, TENSORS
from .data import check_labels, raw_data
from .tensor_step import TensorLoss

Array = npt.NDArray[Any]


@dataclass(slots=True)
class Prepared:
    """An array of rows, and the argument of the step that batches of it are; `dtype`: there."""

    name: str
    array: Array
    dtype: np.dtype[Any]
    is_index: bool

    @property
    def size(self) -> int:
        """Numbers in a row."""
        return int(np.prod(self.array.shape[1:], dtype=np.int64))


def tensor_data(data: Any, name: str) -> list[Array]:
    """The arrays of `data`: of float32, float64, int64 or bool.

    Raises TrainingError for what is no tuple of arrays of numbers with as many rows.
    """
    found = []
    for a in raw_data(data, name):
        dtype = a.dtype if a.dtype in BY_DTYPE or a.dtype == np.bool_ else None
        if dtype is None:
            dtype = TENSORS.dtype if a.dtype.kind == "f" else np.dtype(np.int64)
        found.append(np.ascontiguousarray(a, dtype))
    return found


def prepared(loss: TensorLoss, data: Sequence[Array], dtype: np.dtype[Any]) -> list[Prepared]:
    """What the program of a loss reads of the data.

    Raises TrainingError for an index that is out of range, before anything is trained.
    """
    for labels in loss.expected:
        check_labels(data, "data", labels)
    found = []
    for k, (array, given) in enumerate(zip(data, loss.data, strict=True)):
        for g in given:
            if g.below:
                entries = np.where(array < 0, array + g.below, array)
                wrong = (entries < 0) | (entries >= g.below)
                if wrong.any():
                    at = int(np.argmax(wrong.reshape(len(array), -1).any(axis=1)))
                    bad = array[at : at + 1][wrong[at : at + 1]].flat[0]
                    raise TrainingError(
                        f"row {at} of data[{k}] has the index {bad}, of an axis of {g.below} "
                        f"elements: indices are from 0 to {g.below - 1}"
                    )
                index = np.dtype(np.int64)
                found.append(Prepared(g.name, np.ascontiguousarray(entries, index), index, True))
            else:
                found.append(Prepared(g.name, _numbers(array, k, dtype), dtype, False))
    return found


def _numbers(array: Array, k: int, dtype: np.dtype[Any]) -> Array:
    """Numbers that native code reads: floats of either size, where they are."""
    if array.dtype.kind == "f":
        return array
    if array.dtype.kind == "i" and (abs(array) > BY_DTYPE[dtype].whole).any():
        raise DataError(
            f"data[{k}] has whole numbers above {BY_DTYPE[dtype].whole}, "
            f"which are no numbers of {dtype}"
        )
    return array.astype(dtype)
