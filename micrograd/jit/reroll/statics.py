"""The tree of loops -> statics: each op as it stands in the loops, with its iteration vectors.

A static op is what a statement will compute: all nodes that one op of a loop's body made. Its
iteration vector is the counters of the loops around it, so they agree among all statics of a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from ..ir.extents import Affine, Entries
from ..ir.nests import Ints, distinct
from ..ir.program import row_major
from .strings import Bools
from .tree import Tree

Map = tuple[Ints, Ints]
"""A matrix and a vector: x -> x @ matrix + vector."""
Rows = list[list[int]]
"""A matrix."""
SAMPLED = 24
"""Points at either end, and as many in between, that a map is guessed from."""


@dataclass(eq=False)
class Level:
    """A loop around statics: how often it runs for each of its iterations further out.

    outer    the loops around it
    points   the indices of these, one row for each time that it begins
    counts   how often it ran then
    """

    outer: tuple[Level, ...]
    points: Ints
    counts: Ints
    extent: Map | None = field(init=False)

    def __post_init__(self) -> None:
        self.extent = affine(self.points, self.counts[:, None])

    @property
    def most(self) -> int:
        """How often it runs at most."""
        return int(self.counts.max(initial=0))

    def trip_count(self, table: Callable[[Ints], str]) -> int:
        """The trip count as programs say it."""
        if self.extent is None:
            counts = tuple(level.most for level in self.outer)
            strides = row_major(counts)
            entries = np.zeros(int(np.prod(counts, dtype=np.int64)), dtype=np.int64)
            entries[self.points @ np.array(strides, dtype=np.int64)] = self.counts
            return Entries(table(entries), 0, strides, self.most)
        matrix, vector = self.extent
        if not matrix.any():
            return int(vector[0])
        return Affine(int(vector[0]), tuple(matrix[:, 0].tolist()), self.most)


@dataclass(eq=False)
class Static:
    """All ops that one op of a loop's body made: ops[k] at the iteration vector points[k]."""

    number: int
    code: int
    path: tuple[Level, ...]
    points: Ints
    ops: Ints


class NoLoops(Exception):
    """The trace has no program of loops in this form.

    prefixes   statics that are no sums, then, but loops in order: it may have one so
    broken     statics whose loops are none: it may have one if they are written out
    """

    def __init__(self, prefixes: Sequence[int] = (), broken: Sequence[Static] = ()) -> None:
        super().__init__()
        self.prefixes = prefixes
        self.broken = broken


def statics_of(tree: Tree) -> list[Static]:
    """The statics, in the order in which they were made."""
    found: list[Static] = []

    def walk(items: Ints, points: Ints, symbol: int, path: tuple[Level, ...]) -> None:
        if not len(items):  # in loops that never run
            return
        if symbol not in tree.bodies:
            code = int(tree.ops.code[items[0]])
            found.append(Static(len(found), code, path, points, items))
            return
        counts = tree.blocks[items]
        level = Level(path, points, counts)
        owner = np.repeat(np.arange(len(items)), counts)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        inner = np.concatenate([points[owner], within[:, None]], axis=1)
        body = tree.bodies[symbol]
        base = tree.first[items][owner] + within * len(body)
        for offset, part in enumerate(body):
            walk(tree.kids[base + offset], inner, part, (*path, level))

    for item in tree.sequence.tolist():
        nothing = np.zeros((1, 0), dtype=np.int64)
        walk(np.array([item]), nothing, int(tree.symbol[item]), ())
    return found


def digest(statics: Sequence[Static]) -> int:
    """A number that is the same for the same statics in the same loops, and else hardly ever."""
    loops: dict[int, int] = {}
    found = []
    for s in statics:
        path = tuple([loops.setdefault(id(level), len(loops)) for level in s.path])
        found.append((path, s.ops.tobytes(), s.points.tobytes()))
    return hash(tuple(found))


def affine(points: Ints, values: Ints) -> Map | None:
    """The map from the rows of `points` to those of `values`, exact for every row, if there is one.

    It does not depend on columns of `points` that do not vary.

    >>> found = affine(np.array([[0, 0], [0, 1], [1, 0]]), np.array([[5], [7], [15]]))
    >>> [x.tolist() for x in found or ()]
    [[[10], [2]], [5]]
    """
    first = values[0]
    if not (values != first).any():
        return np.zeros((points.shape[1], values.shape[1]), dtype=np.int64), first.copy()
    some = _sample(len(points))
    found = _fitted(points[some], values[some])
    if found is None:
        return None
    if len(some) == len(points):
        return found
    matrix, vector = found
    for there, given, first in zip(matrix.T, values.T, vector.tolist(), strict=True):
        mapped = np.full(len(points), first)
        for column, factor in zip(points.T, there.tolist(), strict=True):
            if factor:
                mapped += column if factor == 1 else column * factor
        if not np.array_equal(mapped, given):
            return None
    return found


@lru_cache(maxsize=256)
def _sample(n: int) -> Ints:
    """Some of so many rows: those at both ends, and others between."""
    if n <= 2 * SAMPLED:
        return np.arange(n)
    between = np.linspace(0, n - 1, min(n, 2 * SAMPLED)).astype(np.int64)
    ends = np.arange(min(n, SAMPLED)), np.arange(max(0, n - SAMPLED), n)
    return distinct(np.concatenate([ends[0], between, ends[1]]))


def _fitted(points: Ints, values: Ints) -> Map | None:
    """The map of a sample, if it is exact there."""
    rows = (points != points[0]).argmax(axis=0).tolist()
    varying = [d for d, row in enumerate(rows) if row]
    matrix = np.zeros((points.shape[1], values.shape[1]), dtype=np.int64)
    if varying:
        matrix[varying] = _steps(points, values, varying, [rows[d] for d in varying])
    vector = values[0] - points[0] @ matrix
    return (matrix, vector) if np.array_equal(points @ matrix + vector, values) else None


def _steps(points: Ints, values: Ints, varying: list[int], rows: list[int]) -> Rows:
    """By how much values rise with each index that varies, if there is a map; any numbers else.

    rows   where these indices first differ from what they are first
    """
    if len(set(rows)) < len(rows):
        rises = (points[:, varying] - points[0, varying]).astype(float)
        found = np.linalg.lstsq(rises, (values - values[0]).astype(float), rcond=None)[0]
        steps: Rows = np.rint(found).astype(np.int64).tolist()
        return steps
    # where one index first differs, those that differ later on do not yet
    few, base = values[[0, *rows]].tolist(), points[0].tolist()
    steps = [[] for _ in varying]
    known: list[tuple[int, list[int]]] = []
    for k in sorted(range(len(rows)), key=rows.__getitem__):
        index, rise = points[rows[k]].tolist(), []
        for column, (value, start) in enumerate(zip(few[k + 1], few[0], strict=True)):
            for d, step in known:
                value -= (index[d] - base[d]) * step[column]
            rise.append((value - start) // (index[varying[k]] - base[varying[k]]))
        steps[k] = rise
        known.append((varying[k], rise))
    return steps


LONGEST_TURN = 8
"""The largest number whose remainders are looked for in indices."""


@dataclass(frozen=True)
class Turn:
    """Of an index x its remainder, (x + shift) mod count."""

    loop: int
    count: int
    shift: int

    def of(self, points: Ints) -> Ints:
        """The points with that remainder for the index."""
        turned = points.copy()
        turned[:, self.loop] = (points[:, self.loop] + self.shift) % self.count
        return turned


def turning(points: Ints, values: Ints) -> tuple[Map, Turn] | None:
    """The map to values that come again and again along a loop, as in `x[(i + 1) % 3]`.

    >>> map, turn = turning(np.arange(6)[:, None], np.array([1, 2, 0, 1, 2, 0])[:, None]) or (0, 0)
    >>> turn
    Turn(loop=0, count=3, shift=1)
    """
    some = _sample(len(points))
    few, wanted = points[some], values[some]
    for loop in reversed(range(points.shape[1])):
        most = min(LONGEST_TURN, int(points[:, loop].max(initial=0)))
        for count in range(2, most + 1):
            for shift in range(count):
                turn = Turn(loop, count, shift)
                if _fitted(turn.of(few), wanted) is None:
                    continue
                found = affine(turn.of(points), values)
                if found is not None:
                    return found, turn
    return None


def first_of_rows(points: Ints, depth: int) -> Bools:
    """Which rows are the first with their first `depth` numbers."""
    if not len(points):
        return np.zeros(0, dtype=bool)
    first = np.zeros(len(points), dtype=bool)
    first[0] = True
    for column in points.T[:depth]:  # a row of few numbers takes longer than a column of many
        first[1:] |= column[1:] != column[:-1]
    return first


def begins(points: Ints) -> Bools:
    """Which rows are of zeros only."""
    found = np.ones(len(points), dtype=bool)
    for column in points.T:
        found &= column == 0
    return found
