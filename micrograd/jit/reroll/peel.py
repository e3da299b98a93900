"""Statics -> statics: the first iteration of a loop apart from the others, before it.

What a loop begins with is no copy then, if it is used elsewhere, too: the first iteration reads it
where it is, and the others what the first has made.
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
    own = statics[inside[0] : inside[-1] + 1]
    found = [
        *statics[: inside[0]],
        *_Part(level, first=True).of(own),
        *_Part(level, first=False).of(own),
        *statics[inside[-1] + 1 :],
    ]
    return [Static(k, s.code, s.path, s.points, s.ops) for k, s in enumerate(found)]


class _Part:
    """The first iteration of a loop, without it, or all others."""

    def __init__(self, level: Level, *, first: bool) -> None:
        self.level = level
        self.depth = len(level.outer)
        self.first = first
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
        some: Bools = (points[:, self.depth] == 0) == self.first
        return some

    def _points(self, points: Ints) -> Ints:
        if self.first:
            return np.delete(points, self.depth, axis=1)
        moved = points.copy()
        moved[:, self.depth] -= 1
        return moved

    def _path(self, path: tuple[Level, ...]) -> tuple[Level, ...]:
        own = path[self.depth + 1 :] if self.first else path[self.depth :]
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
