"""dask arrays -> the partitions of training: blocks of rows, which lie with the workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from ..errors import TrainingError, kind
from ..index_arrays import IndexArray
from .data import (
    Arrays,
    ColumnLabels,
    check_labels,
    check_lengths,
    checked_data,
    indices,
    raw_data,
)


@dataclass(slots=True)
class DaskData:
    """Arrays with a row per sample, all cut into the same blocks of rows, whole rows each.

    name     what they are called, in errors
    rows     of each partition, those without rows left out
    blocks   of each partition and array: what computes it
    """

    name: str
    shapes: list[tuple[int, ...]]
    dtypes: list[np.dtype[Any]]
    rows: list[int]
    blocks: list[list[Any]]

    @property
    def samples(self) -> int:
        """Rows of all partitions."""
        return sum(self.rows)

    @property
    def starts(self) -> list[int]:
        """The number of the first row of each partition."""
        return [0, *accumulate(self.rows)][:-1]

    @property
    def integers(self) -> list[bool]:
        """Which arrays have integers, that may be indices."""
        return [dtype.kind in "iu" for dtype in self.dtypes]


def are_dask(given: Any) -> bool:
    """Whether there is a dask array among them."""
    several = given if isinstance(given, (tuple, list)) else (given,)
    return any(isinstance(a, da.Array) for a in several)


def dask_data(given: Any, name: str) -> DaskData:
    """The data as `fit` is given them, with a client: dask arrays, and others beside them.

    Raises TrainingError for what is no tuple of arrays of numbers with as many rows.
    """
    if not are_dask(given):
        raise TrainingError(
            f"with client=, {name} should be dask arrays, such as (X, y), whose rows are the "
            f"samples and whose blocks of rows the workers share; got {kind(given)}; "
            "dask.array.from_array(X, chunks=(10_000, -1)) makes one of an array"
        )
    several = given if isinstance(given, (tuple, list)) else (given,)
    arrays = [_checked(a, f"{name}[{k}]") for k, a in enumerate(several)]
    check_lengths([a.shape[0] for a in arrays], name)
    rows = next(a for a in arrays if isinstance(a, da.Array)).chunks[0]
    arrays = [_whole_rows(a, rows) for a in arrays]
    columns = [a.to_delayed().reshape(len(rows)).tolist() for a in arrays]
    filled = [k for k, n in enumerate(rows) if n]
    return DaskData(
        name,
        [a.shape[1:] for a in arrays],
        [a.dtype for a in arrays],
        [int(rows[k]) for k in filled],
        [[column[k] for column in columns] for k in filled],
    )


def _checked(given: Any, name: str) -> Any:
    """An array of numbers, a dask array or another."""
    if not isinstance(given, da.Array):
        return raw_data((given,), name)[0]
    if any(n != n for n in given.shape):
        raise TrainingError(
            f"{name} should be a dask array whose chunks have known sizes, got one of shape "
            f"{given.shape}; call {name}.compute_chunk_sizes() before, or "
            "frame.to_dask_array(lengths=True)"
        )
    if given.dtype.kind not in "biuf" or not given.ndim or 0 in given.shape[1:]:
        raise TrainingError(
            f"{name} should be an array of real numbers with a row per sample, got a dask array of "
            f"shape {given.shape} and dtype {given.dtype}"
        )
    return given


def _whole_rows(array: Any, rows: Sequence[int]) -> Any:
    """The array in blocks of so many rows, that are cut nowhere else."""
    chunks = (tuple(rows), *((n,) for n in array.shape[1:]))
    if isinstance(array, da.Array):
        return array.rechunk(chunks)
    return da.from_array(array, chunks=chunks)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a worker makes of a block of rows: arrays that native code reads.

    Raises TrainingError for what is not as the arrays have said.
    """

    name: str
    shapes: list[tuple[int, ...]]
    integers: list[bool]
    dtype: np.dtype[Any]
    expected: Sequence[ColumnLabels]
    indices: Sequence[IndexArray]

    def __call__(self, first: int, rows: int, *blocks: Any) -> Arrays:
        """The arrays of rows from `first` on, those of indices behind them."""
        said = [(rows, *shape) for shape in self.shapes]
        found = [np.shape(block) for block in blocks]
        kinds = [np.asarray(block).dtype.kind in "iu" for block in blocks]
        if said != found or kinds != self.integers:
            raise TrainingError(
                f"the blocks of {self.name} from row {first} on are not what their dask arrays "
                f"have said: of shapes {found} for {said}, integers {kinds} for {self.integers}; "
                "give map_blocks their dtype= and chunks="
            )
        raw = raw_data(blocks, self.name)
        arrays = checked_data(raw, self.name, self.dtype)
        for labels in self.expected:
            check_labels(arrays, self.name, labels, first)
        return [*arrays, *indices(self.indices, raw, self.name, first)]


def some_rows(arrays: Sequence[npt.NDArray[Any]], rows: Any) -> Arrays:
    """These rows of the arrays, one behind the other in memory."""
    return [np.ascontiguousarray(a[rows]) for a in arrays]
