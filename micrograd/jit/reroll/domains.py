"""Some of the points of loops -> loops of their own: `i == 0`, `i < 5`, `j >= 1`, corners."""

from __future__ import annotations

import numpy as np

from ..ir.nests import Ints
from .homes import Use
from .statics import Level, Map, affine, first_of_rows
from .strings import Bools


def domain_of(
    path: tuple[Level, ...], points: Ints, rows: Ints
) -> tuple[tuple[Level, ...], Ints] | None:
    """Loops that run through some rows of the points of other loops, in order: their levels and
    their points. None if there are none.

    Loops that have one index there are left out; the others may begin later, and end earlier. Where
    the first loops are whole, they are the loops of the path themselves, so that what runs in them
    may be part of their iterations.
    """
    some = points[rows]
    low, high = some.min(axis=0), some.max(axis=0)
    kept = np.flatnonzero(low != high)
    inner = some[:, kept] - low[kept]
    levels: list[Level] = []
    whole = True
    for k, d in enumerate(kept.tolist()):
        whole = whole and d == k and _covers(points, some, d + 1)
        if whole:
            levels.append(path[d])
            continue
        level = _level(tuple(levels), inner, k)
        if level is None:
            return None
        levels.append(level)
    if len(kept) and not _each_once(inner):
        return None
    return tuple(levels), inner


def inside(use: Use, usual: Bools, points: Ints) -> tuple[Bools, Map | None]:
    """The map to these points; perhaps only from those of the usual rows that begin no loop.

    What a loop carries on from the last iteration of the one before comes from somewhere else.
    """
    map = affine(use.points[usual], points)
    if map is not None:
        return usual, map
    for d in reversed(range(len(use.path))):
        inner = usual & (use.points[:, d] > 0)
        if inner.any() and not np.array_equal(inner, usual):
            map = affine(use.points[inner], points[inner[usual]])
            if map is not None:
                return inner, map
    return usual, None


def _covers(points: Ints, some: Ints, depth: int) -> bool:
    """Whether the first loops' iterations are all there."""
    every = points[first_of_rows(points, depth)][:, :depth]
    there = some[first_of_rows(some, depth)][:, :depth]
    return np.array_equal(every, there)


def _each_once(points: Ints) -> bool:
    """Whether the points are in order, each once."""
    if len(points) < 2:
        return True
    steps = np.diff(points, axis=0)
    at = (steps != 0).argmax(axis=1)
    leading = steps[np.arange(len(steps)), at]
    return bool((leading > 0).all())


def _level(outer: tuple[Level, ...], points: Ints, d: int) -> Level | None:
    """The loop that column d of the points is an index of; None if it leaves some out."""
    begins = first_of_rows(points, d)
    steps = first_of_rows(points, d + 1)
    group = np.cumsum(begins) - 1
    counts = np.bincount(group[steps], minlength=int(begins.sum()))
    values = points[steps][:, d]
    starts = np.cumsum(counts) - counts
    if not np.array_equal(values, np.arange(len(values)) - np.repeat(starts, counts)):
        return None
    return Level(outer, points[begins][:, :d], counts)
