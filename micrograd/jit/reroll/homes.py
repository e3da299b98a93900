"""Where values are kept: the arrays of a rerolled program, and which of its tasks writes what.

A home is the array of a static: an element for each of its points, and beside these *virtual*
points, for the values that the first iterations of loops begin with. What reads `h[i - 1]` and, in
iteration 0, a start value, reads one array then. A sum has one element for all of its terms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np

from ..ir.nests import Ints
from ..ir.program import row_major
from .statics import Level, Map, Static, Turn
from .strings import Hashes, keys_of
from .switches import Switches

UNKNOWN = np.iinfo(np.int64).min
"""The identity of a value that the trace does not have: that of a sum over no terms."""


@dataclass(eq=False)
class Use:
    """What reads operands: at each of its points, the values of these identities.

    kind, ref   as in Ops, for each point
    """

    path: tuple[Level, ...]
    points: Ints
    kind: Ints
    ref: Ints


@dataclass(eq=False)
class Home:
    """An array; its points as rows, and for each of them the value, the task that writes it, and
    the iteration in which it does.
    """

    number: int
    rank: int
    points: list[Ints] = field(default_factory=list)
    values: list[Ints] = field(default_factory=list)
    writers: list[tuple[Task, Ints]] = field(default_factory=list)
    _index: Box | Hashed | None = None
    _bounds: tuple[Ints, Ints] | None = None

    def write(self, points: Ints, values: Ints, task: Task, iterations: Ints) -> None:
        """Note that a task writes these values there, in these iterations."""
        self.points.append(points)
        self.values.append(values)
        self.writers.append((task, iterations))
        self._index = self._bounds = None

    def forget(self, task: Task) -> None:
        """Take back what a task writes."""
        rest = [k for k, (writer, _) in enumerate(self.writers) if writer is not task]
        self.points = [self.points[k] for k in rest]
        self.values = [self.values[k] for k in rest]
        self.writers = [self.writers[k] for k in rest]
        self._index = self._bounds = None

    def first_of(self, task: Task) -> int:
        """The number of the first point that a task writes."""
        own = next(k for k, (writer, _) in enumerate(self.writers) if writer is task)
        return sum(len(points) for points in self.points[:own])

    def find(self, points: Ints) -> Ints:
        """The number of each point, counted through all that are written; -1 if it is none."""
        if self._index is None:
            self._index = _index_of(np.concatenate(self.points))
        return self._index.find(points)

    def bounds(self) -> tuple[Ints, Ints]:
        """The least and the greatest point in every dimension; 0 is one of them."""
        if self._bounds is None:
            every = np.concatenate(self.points)
            zero = np.zeros((1, self.rank), dtype=np.int64)
            every = np.concatenate([every, zero])
            self._bounds = every.min(axis=0), every.max(axis=0)
        return self._bounds

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        low, high = self.bounds()
        return tuple((high - low + 1).tolist())

    def elements(self, points: Ints) -> Ints:
        """The numbers of points in the array."""
        found: Ints = (points - self.bounds()[0]) @ np.array(row_major(self.shape), dtype=np.int64)
        return found

    def flat(self, map: Map) -> tuple[int, tuple[int, ...]]:
        """The offset and strides of an access to the points of a map."""
        matrix, vector = map
        strides = np.array(row_major(self.shape), dtype=np.int64)
        return int(self.elements(vector)), tuple((matrix @ strides).tolist())


@dataclass(frozen=True)
class Box:
    """The numbers of points that lie densely in a box, from `low` on."""

    low: list[int]
    shape: list[int]
    numbers: Ints

    def find(self, points: Ints) -> Ints:
        """The number of each point, -1 if it is none."""
        flat = np.zeros(len(points), dtype=np.int64)
        outside = np.zeros(len(points), dtype=bool)
        for column, low, size in zip(points.T, self.low, self.shape, strict=True):
            x = column - low
            outside |= (x < 0) | (x >= size)
            flat *= size
            flat += x
        if not outside.any():
            return self.numbers[flat]
        flat[outside] = 0
        return np.where(outside, -1, self.numbers[flat])


@dataclass(frozen=True)
class Hashed:
    """The numbers of points that lie anywhere, by their keys in order."""

    keys: Hashes
    numbers: Ints

    def find(self, points: Ints) -> Ints:
        """The number of each point, -1 if it is none."""
        wanted = keys_of(points)
        at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[at] == wanted, self.numbers[at], -1)


def _index_of(points: Ints) -> Box | Hashed:
    """Finds the first of each of these points."""
    low, high = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    shape = [last - first + 1 for first, last in zip(low, high, strict=True)]
    size = prod(shape)
    if size > DENSE * len(points):
        keys = keys_of(points)
        order = np.argsort(keys, kind="stable")
        return Hashed(keys[order], order)
    box = Box(low, shape, np.arange(size))  # which says where in the box points are
    at = box.find(points)
    box.numbers[:] = -1
    box.numbers[at[::-1]] = np.arange(len(points))[::-1]
    return box


def counted(sources: Ints) -> tuple[Ints, Ints]:
    """The numbers there, in order, and how often each is; they are small."""
    if not (sources != sources[0]).any():
        return sources[:1], np.array([len(sources)])
    low = int(sources.min())
    counts = np.bincount(sources - low)
    every = np.flatnonzero(counts)
    return every + low, counts[every]


DENSE = 8
"""A box may have so many places for each point."""


def differ(points: Ints, values: Ints) -> bool:
    """Whether one point is to have two values."""
    keys = keys_of(points)
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    return bool(((keys[1:] == keys[:-1]) & (values[1:] != values[:-1])).any())


@dataclass(frozen=True)
class Number:
    """An operand that is the same number everywhere, or has one for every point."""

    values: Ints


@dataclass(frozen=True)
class Leaf:
    """Elements of an input or parameter array; by a map, or one for every point.

    turn   of one index, the remainder that the map is of
    """

    kind: int
    map: Map | None
    elements: Ints
    turn: Turn | None = None
    switches: Switches = ()


@dataclass(frozen=True)
class Read:
    """Elements of a home; by a map, from which switches may lead on, or one for every point."""

    home: Home
    map: Map | None
    points: Ints
    switches: Switches = ()


@dataclass(frozen=True)
class Whole:
    """The expression of a static that only this operand needs, at the same points."""

    static: Static


Operand = Number | Leaf | Read | Whole


@dataclass(eq=False)
class Task:
    """What will be statements: a static, or values that are written to virtual points.

    target     the map to the points that it writes; None where they follow none
    operands   of the static's op; of virtual values the one
    start      of a sum: its start value, over the loops outside of those that it sums over
    depth      of a sum, the loops outside
    begins     of virtual values, the loop in whose first iterations they are read
    """

    path: tuple[Level, ...]
    points: Ints
    home: Home
    target: Map | None
    static: Static | None = None
    operands: list[Operand] = field(default_factory=list)
    start: Operand | None = None
    start_points: Ints | None = None
    depth: int | None = None
    target_points: Ints | None = None
    begins: Level | None = None
