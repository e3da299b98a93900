"""Some of the points of loops -> loops of their own: `i == 0`, `i < 5`, `j >= 1`, corners."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..ir.nests import Ints
from .homes import Use
from .statics import Level, Map, affine, first_of_rows
from .strings import Bools

Domain = tuple[tuple[Level, ...], Ints]
"""Loops, and their points."""

MOST_PARTS = 4
"""Loops that some points may be divided into."""


def domain_of(path: tuple[Level, ...], points: Ints, rows: Ints) -> Domain | None:
    """Loops that run through some rows of the points of other loops, in order: their levels and
    their points. None if there are none.

    Loops that have one index there for each of the iterations outside are left out; the others may
    begin later, and end earlier. Where the first loops are whole, they are the loops of the path
    themselves, so that what runs in them may be part of their iterations.
    """
    some = points[rows]
    levels: list[Level] = []
    columns: list[Ints] = []
    whole = True
    for d in range(points.shape[1]):
        column = some[:, d]
        if not (column != column[0]).any():
            whole = False
            continue
        whole = whole and first_of_rows(some, d + 1).sum() == path[d].counts.sum()
        if whole:
            levels.append(path[d])
            columns.append(column)
            continue
        inner = np.stack([*columns, column], axis=1)
        level = _level(tuple(levels), inner)
        if level is None:
            return None
        if level.most > 1:
            levels.append(level)
            columns.append(inner[:, -1])
    inner = np.stack(columns, axis=1) if columns else some[:, :0]
    if columns and not _each_once(inner):
        return None
    return tuple(levels), inner


def parts_of(path: tuple[Level, ...], points: Ints, rows: Ints) -> list[tuple[Ints, Domain]] | None:
    """Some rows of the points of loops in a few parts that loops run through, in as few as are
    found; None if they come to no such parts.

    Those of an edge, `i == n - 1`, stand beside those of a first iteration, and those before a
    diagonal, `j < i`, beside those behind it.
    """
    parts: list[tuple[Ints, Domain]] = []
    domain = domain_of(path, points, rows)
    while domain is None and len(parts) < MOST_PARTS - 1:
        largest, rest = None, rows
        for face in _faces(points[rows]):
            some = domain_of(path, points, rows[face])
            if some is None:
                continue
            domain = domain_of(path, points, rows[~face])
            if domain is not None or largest is None or len(largest[0]) < face.sum():
                largest, rest = (rows[face], some), rows[~face]
            if domain is not None:
                break
        if largest is None:
            return None
        parts.append(largest)
        rows = rest
    return [*parts, (rows, domain)] if domain is not None else None


def _faces(points: Ints) -> Iterator[Bools]:
    """Which points are at an edge, inner loops first, before a diagonal, or on it."""
    dimensions = points.shape[1]
    for d in reversed(range(dimensions)):
        column = points[:, d]
        low, high = column.min(), column.max()
        if low < high:
            yield column == high
            yield column == low
    for d in reversed(range(dimensions)):
        for e in reversed(range(d)):
            apart = points[:, d] - points[:, e]
            for face in (apart < 0, apart == 0):
                if face.any() and not face.all():
                    yield face


def loops_of(path: tuple[Level, ...], points: Ints, depth: int, loop: Level) -> Domain | None:
    """The same loops with another one in the place of that at a depth; None if they are not the
    same in all of its iterations.
    """
    each = points[points[:, depth] == 0]
    count, times = path[depth].most, len(loop.points)
    if (loop.counts != loop.most).any() or len(each) % times or len(points) != count * len(each):
        return None
    blocks = each.reshape(times, 1, -1, points.shape[1])
    here, there = (np.repeat(blocks, n, axis=1) for n in (count, loop.most))
    for some in (here, there):
        some[:, :, :, depth] = np.arange(some.shape[1])[:, None]
    if not np.array_equal(here.reshape(points.shape), points):
        return None
    inner = there.reshape(-1, points.shape[1])
    levels = [*path[:depth], loop]
    for d in range(depth + 1, len(path)):
        level = _level(tuple(levels), inner[:, : d + 1].copy())
        if level is None:
            return None
        levels.append(level)
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


def _each_once(points: Ints) -> bool:
    """Whether the points are in order, each once."""
    if len(points) < 2:
        return True
    steps = np.diff(points, axis=0)
    at = (steps != 0).argmax(axis=1)
    leading = steps[np.arange(len(steps)), at]
    return bool((leading > 0).all())


def _level(outer: tuple[Level, ...], points: Ints) -> Level | None:
    """The loop that the last column of the points is an index of, counted from where it begins for
    each iteration outside, in equal steps; None if it leaves some out, or begins anywhere.
    """
    d = points.shape[1] - 1
    begins = first_of_rows(points, d)
    steps = first_of_rows(points, d + 1)
    group = np.cumsum(begins) - 1
    counts = np.bincount(group[steps], minlength=int(begins.sum()))
    starts = points[begins][:, d]
    index = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    rise = points[steps][:, d] - np.repeat(starts, counts)
    second = np.flatnonzero(index == 1)[:1]
    step = int(rise[second[0]]) if len(second) else 1
    if step < 1 or not np.array_equal(rise, index * step):
        return None
    around = points[begins][:, :d]
    if affine(around, starts[:, None]) is None:
        return None
    points[:, d] = (points[:, d] - starts[group]) // step
    return Level(outer, around, counts)
