"""Homes -> fewer homes: what is copied from one array to another is written there at once.

So a value is kept at one place, and all that reads it reads it there: what a loop begins with is
the element before its own first one. The cotangents of copies would be added up by themselves,
before they are the original's; in strict kernels that would be another order than the trace's.

Requires tasks with all their operands, none inlined; establishes the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..ir.nests import Ints
from .homes import Home, Leaf, Operand, Read, Task
from .statics import Map, affine
from .strings import Bools, keys_of
from .switches import Switches

LARGEST = 4
"""How many elements an array may have for each value in it."""


def merged(tasks: list[Task]) -> list[Task]:
    """The tasks that are left where copies are written at once, and if not, read in place of what
    they are of.
    """
    left = {id(task): task for task in tasks}
    merging = True
    while merging:
        merging = False
        for copy in [t for t in left.values() if t.static is None]:
            if id(copy) in left:
                for gone in _written_there(left, copy):
                    del left[id(gone)]
                    merging = True
    tasks = _read_there(list(left.values()))
    readers = _Readers(tasks)
    for copy in [t for t in tasks if t.static is None]:
        readers.redirect(copy)
    return tasks


def _read_there(tasks: list[Task]) -> list[Task]:
    """The tasks without the copies of which whole arrays are made, by one map from another one:
    what reads them reads what they are of.
    """
    writers: dict[int, list[Task]] = defaultdict(list)
    for task in tasks:
        writers[id(task.home)].append(task)
    gone = set[int]()
    for own in writers.values():
        found = _copied(own)
        if found is not None:
            gone |= {id(task) for task in own}
            tasks = [task for task in tasks if id(task) not in gone]
            _redirect(tasks, own[0].home, *found)
    return tasks


def _copied(writers: list[Task]) -> tuple[Home, Map] | None:
    """The array that all elements of another one are copies of, and where they are in it; None if
    there is none.
    """
    home = writers[0].home
    reads = [x for task in writers for x in task.operands if isinstance(x, Read)]
    if any(task.static is not None for task in writers) or len(reads) < len(writers):
        return None
    source = reads[0].home
    if source is home or any(read.home is not source for read in reads):
        return None
    made = [task.target_points for task in writers if task.target_points is not None]
    to = affine(np.concatenate(made), np.concatenate([read.points for read in reads]))
    return None if to is None else (source, to)


def _written_there(tasks: Mapping[int, Task], copy: Task) -> list[Task]:
    """The copies that are none once all that is in the array that one reads is in its own; none, if
    that cannot be.
    """
    (read,) = copy.operands
    if not isinstance(read, Read) or read.home is copy.home:
        return []
    source, home = read.home, copy.home
    assert copy.target_points is not None
    to = affine(read.points, copy.target_points)
    if to is None:
        return []
    points = _moved(np.concatenate(source.points), to)
    at = home.find(points)
    there = at >= 0
    known, wanted = np.concatenate(home.values), np.concatenate(source.values)
    if len(np.unique(keys_of(points))) < len(points) or (known[at] != wanted)[there].any():
        return []
    if _room(home, points) > LARGEST * (len(points) + len(known)):
        return []
    twice = np.zeros(len(known), dtype=bool)
    twice[at[there]] = True
    gone = _copies(home, twice)
    twice = there & ~np.isin(at, np.flatnonzero(_written_by(home, gone)))
    more = _copies(source, twice)
    if (twice & ~_written_by(source, more)).any():
        return []
    for task in gone:
        home.forget(task)
    for task in more:
        source.forget(task)
    _move(tasks.values(), source, home, to)
    return [*gone, *more]


def _copies(home: Home, some: Bools) -> list[Task]:
    """The copies all of whose elements are some of those of a home, as they are counted."""
    sizes = [len(points) for points in home.points]
    parts = np.split(some, np.cumsum(sizes)[:-1])
    return [
        writer
        for (writer, _), part in zip(home.writers, parts, strict=True)
        if writer.static is None and part.all()
    ]


def _written_by(home: Home, tasks: list[Task]) -> Bools:
    """Which elements of a home these tasks write."""
    found = [
        np.full(len(points), any(t is writer for t in tasks))
        for points, (writer, _) in zip(home.points, home.writers, strict=True)
    ]
    return np.concatenate(found)


def _move(tasks: Iterable[Task], source: Home, home: Home, to: Map) -> None:
    """Let what is written to a home be written to another, and read there."""
    for points, values, (writer, iterations) in zip(
        source.points, source.values, source.writers, strict=True
    ):
        home.write(_moved(points, to), values, writer, iterations)
        writer.home = home
        writer.target = _then(writer.target, to)
        if writer.target_points is not None:
            writer.target_points = _moved(writer.target_points, to)

    _redirect(tasks, source, home, to)


def _redirect(tasks: Iterable[Task], source: Home, home: Home, to: Map) -> None:
    """Let what is read in an array be read in another."""

    def change(operand: Operand) -> Operand:
        if not isinstance(operand, Read) or operand.home is not source:
            return operand
        points = _moved(operand.points, to)
        return Read(home, _then(operand.map, to), points, _turned(operand.switches, to))

    for task in tasks:
        task.operands = [change(x) for x in task.operands]
        if task.start is not None:
            task.start = change(task.start)


def _room(home: Home, points: Ints) -> int:
    """The size of the array, were these points in it, too."""
    low, high = home.bounds()
    low, high = np.minimum(low, points.min(axis=0)), np.maximum(high, points.max(axis=0))
    return int(np.prod((high - low + 1).astype(float)))


class _Readers:
    """What reads what, by the array that is read: which operand of which task."""

    def __init__(self, tasks: list[Task]) -> None:
        self.found: dict[int, list[_Reader]] = defaultdict(list)
        for task in tasks:
            for slot, operand in enumerate((task.start, *task.operands), -1):
                if not isinstance(operand, Read | Leaf) or operand.map is None:
                    continue
                if isinstance(operand, Read) or operand.turn is None:
                    places = _places(operand)
                    bounds = places.min(axis=0), places.max(axis=0)
                    reader = _Reader(task, slot, operand, *bounds)
                    self.found[_origin(operand)].append(reader)

    def redirect(self, copy: Task) -> None:
        """Let what reads only what is copied read the copies."""
        (source,) = copy.operands
        if not isinstance(source, Read | Leaf):
            return
        places = _places(source)
        assert copy.target_points is not None
        to = affine(places, copy.target_points)
        if to is None:
            return
        known = np.unique(keys_of(places))
        low, high = places.min(axis=0), places.max(axis=0)
        rest = []
        for r in self.found[_origin(source)]:
            if r.task is copy or (r.low < low).any() or (r.high > high).any():
                rest.append(r)
                continue
            here = _places(r.operand)
            if len(known) < len(places) or not np.isin(keys_of(here), known).all():
                rest.append(r)
                continue
            map, switches = _then(r.operand.map, to), _turned(r.operand.switches, to)
            there = Read(copy.home, map, _moved(here, to), switches)
            if r.slot < 0:
                r.task.start = there
            else:
                r.task.operands[r.slot] = there
        self.found[_origin(source)] = rest


@dataclass(frozen=True)
class _Reader:
    """An operand of a task, -1 for the start, and between which points it reads."""

    task: Task
    slot: int
    operand: Read | Leaf
    low: Ints
    high: Ints


def _places(operand: Read | Leaf) -> Ints:
    return operand.points if isinstance(operand, Read) else operand.elements[:, None]


def _origin(operand: Read | Leaf) -> int:
    """A number for the array that is read."""
    return operand.home.number if isinstance(operand, Read) else operand.kind


def _moved(points: Ints, to: Map) -> Ints:
    moved: Ints = points @ to[0] + to[1]
    return moved


def _then(map: Map | None, to: Map) -> Map | None:
    return None if map is None else (map[0] @ to[0], map[1] @ to[0] + to[1])


def _turned(switches: Switches, to: Map) -> Switches:
    return tuple([replace(switch, by=switch.by @ to[0]) for switch in switches])
