"""Where a function that looks up in plain Python is compared with its trace: numbers and integers.

Every integer takes every value for which there are rows, as far as that is not too much work: at
first as many as there are integers are different ones, then all are the same. The numbers are those
of the first call, others near them, and others by turns.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

from ...index_arrays import IndexArray
from ..ir.graph import Graph
from ..trace.trace import Trace
from .replayed import entries_of

WORK = 400_000
"""Operations that a function is compared over."""
MOST_WORK = 500_000
"""Operations that a function may have, to be compared at all: those that are done when it is
called, and those of a trace whose loops may run as often, each, as the one that ran most.
"""
FEW_ITERATIONS, OF_LOOPS = 8, 20
"""As often, at least, a loop is taken to run where other numbers are compared, and how much longer
than others an operation takes where loops have conditions.
"""
MOST_POINTS = 200
FEWEST_POINTS = 2
AROUND, MOST_AROUND = 4, 10_000
"""Times as many integers as there are rows are tried for what rows are computed of them, of so many
at most.
"""
NEAR = 1e-2
"""How far, of its size, a number is changed."""

Array = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Point:
    """Numbers and integers that a function is called with, by the names of arrays.

    entries   the rows that its index arrays say then
    """

    given: dict[str, list[float | int]]
    entries: dict[str, list[int]]


def work(graph: Graph, most: int | None = None) -> int:
    """How many operations a graph is, its loops included.

    most   how often those run at most that go on as long as a condition holds; None: up to their
           limits
    """
    total = [len(graph), *(len(r.nodes) for r in graph.regions)]
    for k in reversed(range(len(graph.regions))):  # those inside are behind those around
        region = graph.regions[k]
        around = [r.number for r in graph.regions]
        into = around.index(region.parent) + 1 if region.parent >= 0 else 0
        often = region.most if most is None or not region.going else min(region.most, most)
        total[into] += (often - 1) * total[k + 1]
    return total[0]


def cost(graph: Graph, most: int) -> int:
    """What it takes to compare a trace, in operations of one without loops.

    most   how often loops with a condition have run
    """
    if not any(r.going for r in graph.regions):
        return work(graph)
    return OF_LOOPS * work(graph, max(most, FEW_ITERATIONS))


def iterations_in(graph: Graph, operations: int) -> int:
    """How many iterations of its loops may be run, whichever these are, in so many operations."""
    own = {r.number: len(r.nodes) for r in graph.regions}
    for r in graph.regions:
        if r.parent >= 0:
            own[r.parent] -= len(r.nodes)
    return operations // max([1, *own.values()])


def points(
    found: Trace,
    sizes: Mapping[str, int],
    integers: Mapping[str, bool],
    near: Mapping[str, Sequence[float]] | None,
    known: Callable[[], int] | None = None,
) -> Iterator[Point]:
    """Where to compare a trace.

    sizes      of its arguments
    integers   which of them are such
    near       what it is called with first, if that is known
    known      gives what it takes, as is known once it was compared at the first
    """
    rng = random.Random(0)
    first = {
        name: list(near[name]) if near is not None else [rng.uniform(0.5, 1.5) for _ in range(size)]
        for name, size in sizes.items()
    }
    others = {name: [rng.uniform(0.5, 1.5) for _ in range(size)] for name, size in sizes.items()}
    moved = {
        name: [x + NEAR * (abs(x) + 0.1) * rng.uniform(0.5, 1.0) for x in numbers]
        for name, numbers in first.items()
    }
    called = {
        n: [int(x) if near is not None else 1 for x in first[n]] for n in sizes if integers[n]
    }
    chosen = _assignments(found, called, known or (lambda: work(found.graph)))
    again = 3 if 10 * work(found.graph) <= WORK else 1
    for k, whole in enumerate([*[called] * again, *chosen]):
        numbers: dict[str, list[Any]] = {**(first, moved, others)[k % 3], **whole}
        entries = entries_of(found.graph.indices, numbers)
        if entries is not None:
            yield Point(numbers, entries)


def _assignments(
    found: Trace, called: Mapping[str, list[int]], known: Callable[[], int]
) -> Iterator[dict[str, list[int]]]:
    """What integers are, one after the other: those that choose no row as they are called."""
    values = _values(found)
    if not values:
        return
    longest = max(map(len, values.values()))
    most = min(MOST_POINTS, max(FEWEST_POINTS, WORK // max(1, known())))
    for apart in (max(1, longest // len(values)), 0):
        count = min(longest, most)
        for k in range(count):
            turn = k if len(values) * count >= longest else _spread(k, count, longest)
            made = {name: list(numbers) for name, numbers in called.items()}
            for place, ((name, element), some) in enumerate(values.items()):
                made[name][element] = some[(turn + place * apart) % len(some)]
            yield made
        most -= count
        if len(values) == 1 or most <= 0:
            return


def _spread(k: int, count: int, among: int) -> int:
    return k * (among - 1) // max(1, count - 1)


def _values(found: Trace) -> dict[Array, list[int]]:
    """The values of each integer for which there are rows, if it says an index alone; if with
    others, those from 0 on.
    """
    kept: dict[Array, range] = {}
    for index in found.graph.indices:
        low, high = (0 if index.counts else -index.below), index.below - 1
        for k, elements in enumerate(index.elements):
            if k in index.unused:
                continue
            if index.formula is not None:
                own = _around(index, k) if len(elements) == 1 else range(index.below)
                for place in zip(index.arrays, elements, strict=True):
                    kept[place] = _both(kept.get(place, own), own)
                continue
            offset = index.offset if index.offsets is None else int(index.offsets[k])
            for place, scale in zip(
                zip(index.arrays, elements, strict=True), index.scales, strict=True
            ):
                ends = sorted(((low - offset) / scale, (high - offset) / scale))
                own = range(ceil(ends[0]), floor(ends[1]) + 1)
                if len(elements) > 1:
                    own = range(index.below)
                kept[place] = _both(kept.get(place, own), own)
    return {place: _ordered(some) for place, some in kept.items() if len(some)}


def _both(x: range, y: range) -> range:
    return range(max(x.start, y.start), min(x.stop, y.stop))


def _around(index: IndexArray, k: int) -> range:
    """The integers around 0, or 1, for which a formula of one says a row."""
    low = high = first = 0 if index.row_of(k, [0]) is not None else 1
    most = min(AROUND * index.below, MOST_AROUND)
    while low > first - most and index.row_of(k, [low - 1]) is not None:
        low -= 1
    while high < first + most and index.row_of(k, [high]) is not None:
        high += 1
    return range(low, high)


def _ordered(some: range) -> list[int]:
    """From 0 on, then the ends of what is below; if there is nothing else, all."""
    below = [k for k in (some.start, -1) if some.start <= k < min(0, some.stop)]
    return [*range(max(0, some.start), some.stop), *dict.fromkeys(below)] or [*some]
