"""Points that are read through loops, where they move on by a step at a face of the loops.

What is updated in place is read as it was in some iterations, and as it has become in the others:
the table before for `j <= k`, the table after for `j > k`. And `if j != i` leaves out an element.
Such a step is a quotient, (j - k + n - 1) div n, which programs can say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..ir.nests import Ints
from .statics import Map, affine, first_of_rows
from .strings import Bools, keys_of

MOST = 2
"""Steps that one operand may take."""


@dataclass(frozen=True)
class Switch:
    """What is added from a face of loops on: `by`, times the quotient of a linear form by `count`,
    which is 0 on one side of it and 1 on the other.

    >>> switch = Switch((1, -1), 3, 4, np.array([1, 0]))
    >>> switch.of(np.array([[0, 0], [1, 0], [3, 3], [3, 2]])).tolist()
    [[0, 0], [1, 0], [0, 0], [1, 0]]
    """

    along: tuple[int, ...]
    shift: int
    count: int
    by: Ints

    def of(self, points: Ints) -> Ints:
        """What is added at these points."""
        found: Ints = ((points @ np.array(self.along) + self.shift) // self.count)[:, None]
        return found * self.by


Switches = tuple[Switch, ...]


def moved(points: Ints, map: Map, switches: Switches) -> Ints:
    """Where a map and its switches lead."""
    found: Ints = points @ map[0] + map[1]
    for switch in switches:
        found = found + switch.of(points)
    return found


def switched(
    points: Ints, values: Ints, most: int = MOST, every: Ints | None = None
) -> tuple[Map, Switches] | None:
    """The map and the switches from the rows of `points` to those of `values`, exact for every row,
    if there are some.

    every   more points, at which the switches are 0 or 1, too

    >>> at = np.array([[k, j] for k in range(4) for j in range(4)])
    >>> map, (switch,) = switched(at, (at[:, :1] - 1 + (at[:, 1:] > at[:, :1]))) or (0, 0)
    >>> switch.along, switch.by.tolist(), [x.tolist() for x in map]
    ((-1, 1), [1], [[[1], [0]], [-1]])
    """
    for along, least, by in _faces(points, values):
        switch = _switch(points if every is None else every, along, least, by)
        if switch is None:
            continue
        rest = values - switch.of(points)
        map = affine(points, rest)
        if map is not None:
            return map, (switch,)
        further = switched(points, rest, most - 1, every) if most > 1 else None
        if further is not None:
            return further[0], (switch, *further[1])
    return None


def switched_inside(points: Ints, usual: Bools, values: Ints) -> tuple[Bools, Map | None, Switches]:
    """The map and the switches from the usual ones of the points; perhaps only from those of them
    that begin no loop, as in what a loop carries on from the last iteration of the one before.
    """
    every = [usual]
    for d in reversed(range(points.shape[1])):
        every.append(usual & (points[:, d] > 0))
    for some in every:
        if some is usual or (some.any() and not np.array_equal(some, usual)):
            led = switched(points[some], values[some[usual]], every=points)
            if led is not None:
                return some, *led
    return usual, None, ()


def _faces(points: Ints, values: Ints) -> Iterator[tuple[Ints, int, Ints]]:
    """Where values grow by something else than they usually do from one iteration of a loop to the
    next, if that is a face: the form, how much it is there, and by how much more.
    """
    depth = points.shape[1]
    for d in reversed(range(depth)):
        others = [k for k in range(depth) if k != d]
        order = (
            np.lexsort((points[:, d], *points[:, others].T)) if others else np.arange(len(points))
        )
        at, there = points[order], values[order]
        follows = ~first_of_rows(at[:, others], len(others))[1:] & (at[1:, d] == at[:-1, d] + 1)
        steps, behind = np.diff(there, axis=0)[follows], at[1:][follows]
        if not len(steps) or not (steps != steps[0]).any():
            continue
        keys = keys_of(steps)
        _, first, times = np.unique(keys, return_index=True, return_counts=True)
        usual = first[np.argmax(times)]
        if len(first) > MOST + 1:
            continue
        for other in first.tolist():
            if other == usual:
                continue
            crossings = behind[keys == keys[other]]
            for along in _forms(depth, d):
                level = crossings @ along
                if (level == level[0]).all():
                    yield along, int(level[0]), steps[other] - steps[usual]
                    break


def _forms(depth: int, d: int) -> Iterator[Ints]:
    """The linear forms of which faces are looked for along a loop: its index, and that less or more
    another one, inner ones first.
    """
    own = np.zeros(depth, dtype=np.int64)
    own[d] = 1
    yield own
    for sign in (-1, 1):
        for k in reversed(range(depth)):
            if k != d:
                form = own.copy()
                form[k] = sign
                yield form


def _switch(points: Ints, along: Ints, least: int, by: Ints) -> Switch | None:
    """The switch that adds `by` where the form is at least so much."""
    level = points @ along
    low, high = int(level.min()), int(level.max())
    if not low < least <= high:
        return None
    count = max(least - low, high - least + 1)
    return Switch(tuple(along.tolist()), count - least, count, by)
