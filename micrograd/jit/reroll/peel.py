"""Statics -> statics: iterations of a loop apart from the others: its first one, or each.

What a loop begins with is no copy then, if it is used elsewhere, too: the first iteration reads it
where it is, and the others what the first has made. And a short loop inside of another that is none
after all, because what it makes is needed in an order that is not its own, is written out there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..ir.nests import Ints
from .statics import Level, Static
from .strings import Bools


def peeled(statics: Sequence[Static], level: Level) -> list[Static]:
    """The statics, in their order; as they were, if the loop is none of theirs, or may not run."""
    depth = len(level.outer)
    inside = [k for k, s in enumerate(statics) if len(s.path) > depth and s.path[depth] is level]
    if not inside or int(level.counts.min()) < 1:
        return list(statics)
    return _apart(statics, inside, [_Part(level, 0), _Part(level)])


def unrolled(statics: Sequence[Static], level: Level) -> list[Static]:
    """The statics, in their order, where a loop that always has the same few iterations is none."""
    depth, count = len(level.outer), level.most
    inside = [k for k, s in enumerate(statics) if len(s.path) > depth and s.path[depth] is level]
    return _apart(statics, inside, [_Part(level, k) for k in range(count)])


def _apart(statics: Sequence[Static], inside: list[int], parts: Sequence[_Part]) -> list[Static]:
    """The statics, of which those in a loop come part by part."""
    own = statics[inside[0] : inside[-1] + 1]
    found = [*statics[: inside[0]], *(s for part in parts for s in part.of(own))]
    found += statics[inside[-1] + 1 :]
    return [Static(k, s.code, s.path, s.points, s.ops) for k, s in enumerate(found)]


class _Part:
    """An iteration of a loop, without it, or all others but the first."""

    def __init__(self, level: Level, iteration: int | None = None) -> None:
        self.level = level
        self.depth = len(level.outer)
        self.iteration = iteration
        self.known: dict[int, Level] = {}

    def of(self, statics: Sequence[Static]) -> list[Static]:
        """What of them is in this part."""
        found = []
        for s in statics:
            some = self._some(s.points)
            if some.any():
                points = self._points(s.points[some])
                found.append(Static(s.number, s.code, self._path(s.path), points, s.ops[some]))
        return found

    def _some(self, points: Ints) -> Bools:
        index = points[:, self.depth]
        some: Bools = index > 0 if self.iteration is None else index == self.iteration
        return some

    def _points(self, points: Ints) -> Ints:
        if self.iteration is not None:
            return np.delete(points, self.depth, axis=1)
        moved = points.copy()
        moved[:, self.depth] -= 1
        return moved

    def _path(self, path: tuple[Level, ...]) -> tuple[Level, ...]:
        own = path[self.depth + (self.iteration is not None) :]
        return (*path[: self.depth], *[self._level(inner) for inner in own])

    def _level(self, inner: Level) -> Level:
        """The loop as it is in this part."""
        if id(inner) not in self.known:
            if inner is self.level:
                made = Level(inner.outer, inner.points, inner.counts - 1)
            else:
                some = self._some(inner.points)
                made = Level(
                    self._path(inner.outer), self._points(inner.points[some]), inner.counts[some]
                )
            self.known[id(inner)] = made
        return self.known[id(inner)]
