"""Data whose samples differ in length -> columns that native code reads, and the lengths.

A column has its numbers packed, one sample after the other. Samples whose columns have the same
lengths are a class: one trace is the trace of all of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import TrainingError, kind
from .data import ColumnLabels, raw_data
from .plain_rows import covering

Ints = npt.NDArray[np.int64]
Sizes = tuple[int, ...]

PADDING = 64
"""Numbers behind the last sample, which vectors may read."""


@dataclass(frozen=True, slots=True)
class Column:
    """The rows of one argument of the loss.

    numbers  packed, with room behind them
    starts   where each row begins
    shape    of a row; None: they differ in length
    integers the same as integers, where all are
    called   what it is, in errors
    given    its rows, as they were
    """

    numbers: npt.NDArray[Any]
    starts: Ints
    lengths: Ints
    shape: tuple[int, ...] | None
    integers: Ints | None
    called: str
    given: Any

    def place(self, row: int, element: int) -> str:
        """An element of a row, for errors."""
        where = (element,) if self.shape is None else np.unravel_index(element, self.shape)
        return f"{self.called}[{row}]" + "".join(f"[{int(k)}]" for k in where)

    def rows(self, which: Ints) -> Ints:
        """The integers of some rows, which have the same length."""
        assert self.integers is not None
        length = int(self.lengths[which[0]])
        found: Ints = self.integers[self.starts[which][:, None] + np.arange(length)]
        return found


class RaggedData:
    """Columns, of which at least one has rows that differ in length.

    varying   the columns of each size, by their numbers: those of a size have the same lengths
    sizes     of each class
    classes   of each sample
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = list(columns)
        groups: dict[bytes, list[int]] = {}
        for k, column in enumerate(columns):
            if column.shape is None:
                groups.setdefault(column.lengths.tobytes(), []).append(k)
        self.varying = list(groups.values())
        table = np.stack([columns[group[0]].lengths for group in self.varying], axis=1)
        found, classes = np.unique(table, axis=0, return_inverse=True)
        self.sizes: list[Sizes] = [tuple(row) for row in found.tolist()]
        self.classes = np.ascontiguousarray(classes.reshape(-1), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.classes)

    def shapes(self, sizes: Sizes) -> list[tuple[int, ...]]:
        """Of a row of each column, at these sizes."""
        found = [column.shape or () for column in self.columns]
        for group, size in zip(self.varying, sizes, strict=True):
            for k in group:
                found[k] = (size,)
        return found

    def row(self, row: int) -> list[list[Any]]:
        """The numbers of a row of each column, integers where all of it are."""
        found = []
        for column in self.columns:
            numbers = column.numbers if column.integers is None else column.integers
            start = int(column.starts[row])
            found.append(numbers[start : start + int(column.lengths[row])].tolist())
        return found

    def numbers(self, row: int) -> int:
        """How many a row has."""
        return int(sum(column.lengths[row] for column in self.columns))

    def covering(self) -> list[int]:
        """Rows that together hold every integer of each column."""
        whole = [column for column in self.columns if column.integers is not None]
        integers = [c.integers[: int(c.starts[-1] + c.lengths[-1])] for c in whole]  # type: ignore[index]
        lengths = np.sum([c.lengths for c in self.columns], axis=0)
        return covering(integers, [c.starts for c in whole], lengths) or [int(np.argmin(lengths))]

    def called(self, sizes: Sizes) -> list[str]:
        """What the rows of the first sample of these sizes are called, in errors."""
        row = ""
        if sizes in self.sizes:
            row = str(int(np.argmax(self.classes == self.sizes.index(sizes))))
        return [f"{column.called}[{row}]" for column in self.columns]

    def check_labels(self, sizes: Sizes, wanted: ColumnLabels) -> None:
        """Raises TrainingError if a sample of a class has a label that the loss does not take."""
        column, element = self.columns[wanted.array], wanted.column
        assert isinstance(element, int)
        rows = np.flatnonzero(self.classes == self.sizes.index(sizes))
        given = column.numbers[column.starts[rows] + element]
        fits = wanted.labels.fit(given)
        if not fits.all():
            at, labels = int(np.argmin(fits)), wanted.labels
            raise TrainingError(
                f"y of {wanted.loss} should be {labels.words}, but "
                f"{column.place(int(rows[at]), element)} is {given[at].item()!r}{labels.hint}"
            )

    def is_like(self, other: RaggedData) -> bool:
        """Whether rows have the same shapes as those of other data, and are integers where they
        are.
        """
        mine, others = (
            [(c.shape, c.integers is None) for c in data.columns] for data in (self, other)
        )
        return mine == others


def is_ragged(data: Any, target: Any) -> bool:
    """Whether samples are given that may differ in length.

    target   the loss: one of a single argument takes a list of lists as samples
    """
    return _columns(data, target) is not None


def ragged_data(
    data: Any, name: str, dtype: np.dtype[Any], target: Any, like: RaggedData | None = None
) -> RaggedData:
    """The columns of data whose samples may differ in length, in numbers of `dtype`.

    target   the loss: one of a single argument takes a list of lists as samples
    like     data of which the same columns have rows that differ in length

    Raises TrainingError for what is no number, and for a sample without any.
    """
    given = _columns(data, target)
    if given is None:  # of one length, as validation data may be
        given = data if isinstance(data, tuple) else [data]
    columns = []
    for k, rows in enumerate(given):
        called = f"{name}[{k}]" if given is data else name
        lengths = _lengths(rows)
        if like is not None and k < len(like.columns):
            differs = like.columns[k].shape is None
        else:
            differs = len(given) == 1 or _differ(rows)
        if lengths is None or not differs:
            (array,) = raw_data((rows,), name)
            columns.append(_packed_array(array, rows, called, dtype))
        else:
            columns.append(_packed(rows, lengths, called, dtype))
    counts = [len(c.starts) for c in columns]
    if len(set(counts)) > 1:
        raise TrainingError(
            f"the columns of {name} should have a row per sample each, got "
            + ", ".join(f"{n} rows" for n in counts)
        )
    return RaggedData(columns)


def _columns(data: Any, target: Any) -> Sequence[Any] | None:
    """What holds the rows of each argument, if some may differ in length."""
    if not isinstance(data, (tuple, list)) or not data:
        return None
    if all(map(_is_row, data)):
        if isinstance(data, list) and _takes_one(target):
            alone = len(data) == 1 and isinstance(data[0], np.ndarray)
            return None if alone else [data]
        return None
    return data if any(map(_differ, data)) else None


def _differ(rows: Any) -> bool:
    """Whether they are rows of several lengths."""
    lengths = _lengths(rows)
    return lengths is not None and bool((lengths != lengths[0]).any())


def _is_row(x: Any) -> bool:
    """Whether it may be a sample: numbers in a row."""
    if isinstance(x, np.ndarray):
        return x.ndim == 1
    return isinstance(x, (list, tuple)) and not (x and isinstance(x[0], (list, tuple, np.ndarray)))


def _takes_one(function: Any) -> bool:
    """Whether a function is called with one argument."""
    if not callable(function):
        return False
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    by_place = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in by_place if p.default is p.empty]
    return len(needed) == 1 and not any(p.kind is p.VAR_POSITIONAL for p in parameters)


def _lengths(rows: Any) -> Ints | None:
    """The lengths of lists of numbers; None for other things."""
    if not isinstance(rows, (list, tuple)) or not rows or not all(map(_is_row, rows)):
        return None
    return np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))


def _packed(rows: Sequence[Any], lengths: Ints, name: str, dtype: np.dtype[Any]) -> Column:
    empty = np.flatnonzero(lengths == 0)
    if len(empty):
        raise TrainingError(
            f"{name}[{int(empty[0])}] is empty; every sample should have at least one number, so "
            "leave it out"
        )
    flat = np.array([0.0])
    try:
        flat = np.asarray(list(chain.from_iterable(rows)))
    except ValueError:
        flat = np.array(None)
    if flat.dtype.kind not in "biuf" or flat.ndim != 1:
        raise _no_numbers(rows, name)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    _check_integers(flat, starts, rows, name)
    return Column(_with_room(flat, dtype), starts, lengths, None, _integers(flat), name, rows)


def _no_numbers(rows: Sequence[Any], name: str) -> TrainingError:
    for i, row in enumerate(rows):
        for k, x in enumerate(row):
            if _is_too_large(x):
                return _too_large(x, f"{name}[{i}][{k}]")
            if not isinstance(x, (int, float, np.number, np.bool_)) or isinstance(
                x, np.complexfloating
            ):
                return TrainingError(f"{name}[{i}][{k}] should be a real number, got {kind(x)}")
    return TrainingError(f"{name} should be lists of real numbers, got {kind(rows)}")


def _is_too_large(x: Any) -> bool:
    return isinstance(x, (int, np.integer)) and not -(2**63) <= x < 2**63


def _too_large(x: Any, place: str) -> TrainingError:
    return TrainingError(f"{place} is {x}, which is no integer of 64 bits; give smaller ones")


def _check_integers(flat: npt.NDArray[Any], starts: Ints, rows: Any, name: str) -> None:
    """Raises TrainingError for integers of more bits than those that say rows have, which NumPy has
    as unsigned ones, or as floats beside others.
    """
    if flat.dtype.kind not in "uf" or flat.dtype.itemsize < 8:
        return
    for at in np.flatnonzero(np.abs(flat.astype(np.float64)) >= 2.0**63).tolist():
        row = int(np.searchsorted(starts, at, side="right")) - 1
        x = rows[row][at - int(starts[row])]
        if _is_too_large(x):
            raise _too_large(x, f"{name}[{row}][{at - int(starts[row])}]")


def _packed_array(array: npt.NDArray[Any], rows: Any, name: str, dtype: np.dtype[Any]) -> Column:
    """A column whose rows have one shape."""
    size = array[0].size
    starts = np.arange(len(array), dtype=np.int64) * size
    lengths = np.full(len(array), size, dtype=np.int64)
    flat = array.reshape(-1)
    shape = array.shape[1:]
    _check_integers(flat, starts, array.reshape(len(array), -1), name)
    return Column(_with_room(flat, dtype), starts, lengths, shape, _integers(flat), name, rows)


def _integers(flat: npt.NDArray[Any]) -> Ints | None:
    return flat.astype(np.int64) if flat.dtype.kind in "iu" else None


def _with_room(flat: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    packed = np.zeros(len(flat) + PADDING, dtype)
    with np.errstate(all="ignore"):  # what float32 does not hold is inf or 0
        packed[: len(flat)] = flat
    return packed
