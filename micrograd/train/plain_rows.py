"""A loss that looks up in plain Python, called with rows of data -> its traces are what it does.

Rows are chosen so that together they hold every integer of the data, as far as that is not too much
work.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine import Value
from ..jit.kernels.plain_check import Comparison
from ..jit.kernels.plain_points import NEAR, Point, points
from ..jit.kernels.replayed import entries_of
from ..jit.kernels.rows import row_structure
from ..jit.trace.signature import build, count
from ..jit.trace.trace import Trace

WORK = 1_000_000
"""Operations of traces that are compared with a loss."""
MOST_ROWS = 64
FIRST_ROWS = 4096
"""Rows that are chosen from, beside those in which an integer is for the first time."""
Ints = npt.NDArray[np.int64]


class LossComparison:
    """A loss of one sample, to be compared with its traces.

    left   how many operations there is time for
    """

    def __init__(self, function: Callable[..., Any], parameters: Sequence[Value]) -> None:
        self._function = function
        self._parameters = list(parameters)
        self._wrt = frozenset(parameters)
        self.left = WORK

    def row(
        self,
        found: Trace,
        shapes: Sequence[Sequence[int]],
        row: Sequence[Any],
        called: str,
        *,
        partials: bool,
    ) -> None:
        """Compare a row, unless one of its indices is out of range.

        row      its numbers, of each data array in one list
        called   what it is, in errors

        Raises TraceError if the loss is not what its trace gives.
        """
        given = {f"x{k}": list(numbers) for k, numbers in enumerate(row)}
        entries = entries_of(found.graph.indices, given)
        if entries is not None:
            self.left -= len(found.graph)
            comparison = self._comparison(found, shapes, given)
            comparison.at(Point(given, entries), called, partials=partials)

    def anywhere(
        self, found: Trace, shapes: Sequence[Sequence[int]], integers: Sequence[bool]
    ) -> None:
        """Compare where data are not here: with numbers of no sample, and all integers that there
        are rows for.
        """
        sizes = {f"x{k}": count(row_structure(shape)) for k, shape in enumerate(shapes)}
        whole = {f"x{k}": is_whole for k, is_whole in enumerate(integers)}
        for at in points(found, sizes, whole, None):
            said = ", ".join(f"data[{k}][i] = {at.given[f'x{k}']}" for k in range(len(shapes)))
            self._comparison(found, shapes, at.given).at(at, f"called with {said}")

    def rows(self, rows: Sequence[int], compare: Callable[..., None]) -> None:
        """Compare the first row, and its partials; then all, where parameters have other numbers,
        so that results say which they were computed of, and partials of the first again.
        """
        compare(rows[0], partials=True)
        with self._elsewhere():
            for row in rows:
                compare(row, partials=row == rows[0])
                if self.left < 0:
                    break

    @contextmanager
    def _elsewhere(self) -> Iterator[None]:
        """Inside, parameters have other numbers, near those that they have."""
        rng, before = random.Random(0), [p.data for p in self._parameters]
        try:
            for p, x in zip(self._parameters, before, strict=True):
                p.data = x + NEAR * (abs(x) + 0.1) * rng.uniform(-1.0, 1.0)
            yield
        finally:
            for p, x in zip(self._parameters, before, strict=True):
                p.data = x

    def _comparison(
        self, found: Trace, shapes: Sequence[Sequence[int]], given: Mapping[str, Sequence[Any]]
    ) -> Comparison:
        def call(given: Mapping[str, list[Any]]) -> list[Any]:
            rows = [build(row_structure(s), iter(given[f"x{k}"])) for k, s in enumerate(shapes)]
            return [self._function(*rows)]

        integers = {name: all(isinstance(x, int) for x in some) for name, some in given.items()}
        return Comparison(found, call, integers, "the loss of one sample", self._wrt, outputs=1)


def covering(integers: Sequence[Ints], starts: Sequence[Ints], lengths: Ints) -> list[int]:
    """Rows that together hold every integer of each array, as far as MOST_ROWS do: one after the
    other that which has most new ones for its length.

    integers   of each array, one row after the other
    starts     where each row begins in it
    lengths    what a row costs
    """
    rows, values, first = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], 0
    is_tried = np.arange(len(lengths)) < FIRST_ROWS
    for numbers, begin in zip(integers, starts, strict=True):
        _, at = np.unique(numbers, return_index=True)
        is_tried[np.searchsorted(begin, at, side="right") - 1] = True
    for numbers, begin in zip(integers, starts, strict=True):
        of_row = np.repeat(np.arange(len(begin)), np.diff(np.append(begin, len(numbers))))
        some = is_tried[of_row]
        of_row, numbers = of_row[some], numbers[some]
        found, place = np.unique(numbers, return_inverse=True)
        pairs = np.unique(of_row * len(found) + place.reshape(-1))
        rows.append(pairs // len(found))
        values.append(pairs % len(found) + first)
        first += len(found)
    row, value = np.concatenate(rows), np.concatenate(values)
    chosen: list[int] = []
    while len(row) and len(chosen) < MOST_ROWS:
        news = np.bincount(row, minlength=len(lengths)) / lengths
        best = int(np.argmax(news))
        chosen.append(best)
        is_there = np.zeros(first, dtype=bool)
        is_there[value[row == best]] = True
        left = ~is_there[value]
        row, value = row[left], value[left]
    return chosen


def compare_rows(
    function: Callable[..., Any],
    parameters: Sequence[Value],
    found: Trace,
    shapes: Sequence[Sequence[int]],
    integers: Sequence[bool],
    data: Sequence[npt.NDArray[Any]] | None,
) -> None:
    """Compare a loss with its trace, by rows of arrays of data, or where these are not here."""
    comparison = LossComparison(function, parameters)
    if data is None:
        comparison.anywhere(found, shapes, integers)
        return
    flat = [x.reshape(len(x), -1) for x in data]
    whole = [x.astype(np.int64) for x, is_whole in zip(flat, integers, strict=True) if is_whole]
    starts = [np.arange(len(x)) * x.shape[1] for x in whole]
    lengths = np.ones(len(flat[0]), dtype=np.int64)
    chosen = covering([x.reshape(-1) for x in whole], starts, lengths) or [0]

    def compare(k: int, *, partials: bool) -> None:
        row = [x[k].tolist() for x in flat]
        comparison.row(found, shapes, row, f"called with row {k} of data", partials=partials)

    comparison.rows(chosen, compare)
