"""Values at points of loops that follow no map -> tables over as few loops as they need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..ir.nests import Ints
from ..ir.program import row_major
from .statics import Level, first_of_rows
from .strings import in_order

FEW = 64
"""Points that are looked at before all are."""


def layout(values: Ints, points: Ints, path: Sequence[Level]) -> tuple[tuple[int, ...], int, Ints]:
    """Strides over the loops that the values depend on, the size of an array for these, and where
    in it each point's value lies.
    """
    counts = [level.most for level in path]
    kept = _needed(values, points, counts)
    dense = row_major(tuple(counts[k] for k in kept))
    strides = np.zeros(len(path), dtype=np.int64)
    strides[kept] = dense
    size = int(np.prod([counts[k] for k in kept], dtype=np.int64))
    return tuple(strides.tolist()), size, points @ strides


def _needed(values: Ints, points: Ints, counts: list[int]) -> list[int]:
    """The columns of the points that the values depend on."""
    kept = list(range(len(counts)))
    each_in_order = np.array_equal(points @ np.array(row_major(counts), np.int64), _box(counts))
    if counts and each_in_order:
        whole = values.reshape(counts)
        for d in range(len(counts)):
            first = whole.take([0], axis=d)
            if (whole == first).all():
                kept.remove(d)
                whole = first
        return kept
    for d in range(len(counts)):
        fewer = [k for k in kept if k != d]
        if _depend_on(values, points[:, fewer]):
            kept = fewer
    return kept


def _box(counts: list[int]) -> Ints:
    """The numbers of all points of loops that run so often."""
    return np.arange(int(np.prod(counts, dtype=np.int64)))


def _depend_on(values: Ints, points: Ints) -> bool:
    """Whether values follow from the points: they are the same wherever these are."""
    if not points.shape[1]:
        return bool((values == values[0]).all())
    order = in_order(points.T)
    same = ~first_of_rows(points[order], points.shape[1])[1:]
    return not bool((same & (values[order][1:] != values[order][:-1])).any())


def step_of(values: Ints, points: Ints) -> int:
    """By how much values grow with the last index, if that is the same everywhere, and else 0."""
    for some in (slice(0, FEW), slice(None)):
        there = points[some]
        order = in_order(there.T)
        steps = np.diff(values[some][order])[there[order][1:, -1] > 0]
        if not len(steps) or (steps != steps[0]).any():
            return 0
    return int(steps[0])
