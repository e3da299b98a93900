"""What operands read at other places, or in no order -> arrays of their own, written in pieces.

A piece is a task that copies what some of an operand's points read to where it is read, in loops of
its own, or in those of what it copies.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from ..ir.nests import Ints, distinct
from .domains import Domain, loops_of, parts_of
from .homes import UNKNOWN, Home, Leaf, Number, Operand, Read, Task, Use, differ
from .prove import Values
from .statics import Level, NoLoops, Static, affine, turning
from .strings import LITERAL, Ops, keys_of
from .switches import switched


class Pieces(ABC):
    """Tasks, of which some copy what others read.

    static_of, row_of   op -> its static, and its row in there
    task_of             static -> its task
    tasks               in the order in which they came up: statics as they were made
    """

    ops: Ops
    values: Values
    switching: bool
    whole: bool
    narrowed: bool
    most: int
    statics: list[Static]
    static_of: Ints
    row_of: Ints
    homes: list[Home]
    task_of: list[Task]
    tasks: list[Task]

    @abstractmethod
    def _operand(self, use: Use) -> Operand:
        """What is read, as one operand."""

    def _new_home(self, rank: int) -> Home:
        home = Home(len(self.homes), rank)
        self.homes.append(home)
        return home

    def _sources(self, use: Use) -> Ints:
        """Which static, or which kind of leaf, each value comes from."""
        return np.where(
            use.kind >= 0, self.static_of[np.where(use.kind >= 0, use.ref, 0)], use.kind
        )

    def _single(self, use: Use, source: int) -> Operand:
        """What comes from one array, or is literal."""
        if source == LITERAL:
            return Number(use.ref)
        if source < 0:
            found = affine(use.points, use.ref[:, None])
            turned = turning(use.points, use.ref[:, None]) if found is None else None
            if turned is not None:
                return Leaf(source, turned[0], use.ref, turned[1])
            if found is None and self.switching:
                led = switched(use.points, use.ref[:, None])
                if led is not None:
                    return Leaf(source, led[0], use.ref, switches=led[1])
            return Leaf(source, found, use.ref)
        home, points = self._elements(source, use.ref)
        return Read(home, affine(use.points, points), points)

    def _elements(self, source: int, ref: Ints) -> tuple[Home, Ints]:
        """The home of a static, and the points in it of some of its ops."""
        home = self.task_of[source].home
        points = self.statics[source].points[self.row_of[ref]]
        return home, points[:, : home.rank]

    def _apart(self, use: Use) -> Operand:
        """An array of its own for the operand, written in pieces."""
        loops = self._needed(use)
        home, there = self._new_home(len(loops)), use.points[:, loops]
        once = np.arange(len(there))
        if len(loops) < len(use.path):
            once = np.sort(np.unique(keys_of(there), return_index=True)[1])
        sources = self._sources(use)[once]
        for source in distinct(sources).tolist():
            self._parts(use, once[sources == source], home, there)
        keep = np.eye(len(use.path), dtype=np.int64)[:, loops]
        return Read(home, (keep, np.zeros(len(loops), dtype=np.int64)), there)

    def _needed(self, use: Use) -> list[int]:
        """The loops of which it depends what is read."""
        loops, values = list(range(len(use.path))), self.values.of(use.kind, use.ref)
        if self.whole:
            return loops
        for d in reversed(range(len(use.path))):
            rest = [loop for loop in loops if loop != d]
            if not differ(use.points[:, rest], values):
                loops = rest
        self.narrowed |= len(loops) < len(use.path)
        return loops

    def _pieces(self, use: Use, rows: Ints, home: Home, there: Ints) -> None:
        """Tasks that write the values of some of a use's points to where each is to be.

        One for all where they are loops of their own, which is an operand in turn; else one for
        each array that they come from.
        """
        # what is the same for several points is written once
        _, once = np.unique(keys_of(there[rows]), return_index=True)
        rows = rows[np.sort(once)]
        parts = parts_of(use.path, use.points, rows)
        if parts is not None and all(len(levels) < len(use.path) for _, (levels, _) in parts):
            for some, domain in parts:
                self._piece(use, some, home, there, domain)
            return
        sources = self._sources(use)[rows]
        for source in distinct(sources).tolist():
            self._parts(use, rows[sources == source], home, there)

    def _parts(self, use: Use, rows: Ints, home: Home, there: Ints) -> None:
        """The same for what comes from one array: a task for each of the loops that they are."""
        parts = parts_of(use.path, use.points, rows)
        if parts is None:
            self._piece(use, rows, home, there, None)
        for some, domain in parts or ():
            self._piece(use, some, home, there, domain)

    def _piece(self, use: Use, rows: Ints, home: Home, there: Ints, domain: Domain | None) -> None:
        """A task for some of a use's points; if they are no loops, one by one in a loop."""
        points = there[rows]
        if domain is None:
            level = Level((), np.zeros((1, 0), dtype=np.int64), np.array([len(rows)]))
            domain = (level,), np.arange(len(rows))[:, None]
        part = Use(*domain, use.kind[rows], use.ref[rows])
        sources = self._sources(part)
        single = not (sources != sources[0]).any()
        if single and self._ahead(use.path, part, home, points, int(sources[0])):
            return
        if len(part.path) < len(use.path):
            operand = self._operand(part)
        elif single:
            operand = self._single(part, int(sources[0]))
        else:
            raise NoLoops
        last: Ints = use.points[rows].max(axis=0)
        loops = zip(use.path, last.tolist(), strict=True)
        begins = next((loop for loop, later in loops if not later and loop.most > 1), None)
        values = self.values.of(part.kind, part.ref)
        self._copy(part, operand, home, points, values, begins)

    def _copy(
        self,
        part: Use,
        operand: Operand,
        home: Home,
        points: Ints,
        values: Ints,
        begins: Level | None = None,
    ) -> None:
        """A task that writes an operand to these points of a home."""
        task = Task(part.path, part.points, home, affine(part.points, points), operands=[operand])
        task.target_points = points
        task.begins = begins
        self.tasks.append(task)
        if len(self.tasks) > self.most + len(self.statics):
            raise NoLoops
        home.write(points, values, task, part.points)

    def _ahead(
        self, path: tuple[Level, ...], part: Use, home: Home, points: Ints, source: int
    ) -> bool:
        """Whether what all iterations of a loop but the first read of others before is written
        there by these, in the loop: the last one writes what no other reads.
        """
        depth = 0
        while depth < len(part.path) and part.path[depth] is path[depth]:
            depth += 1
        if source < 0 or depth == len(part.path) or depth == len(path):
            return False
        loop = path[depth]
        made = self.statics[source].path
        if made[: depth + 1] != path[: depth + 1] or part.path[depth].most >= loop.most:
            return False
        found = loops_of(part.path, part.points, depth, loop)
        if found is None:
            return False
        steps = len(loop.points), part.path[depth].most, loop.most
        read, made_at = self._elements(source, part.ref)
        if read.rank <= depth:  # a sum over the loop
            return False
        places = _extended(made_at, steps, depth)
        targets = _extended(points, steps, depth, int(made_at[0, depth]))
        if places is None or targets is None:
            return False
        at = read.find(places)
        known = np.concatenate(read.values)[at]
        if (at < 0).any() or (known == UNKNOWN).any():
            return False
        if home.points and (home.find(targets) >= 0).any():
            return False
        levels, inner = found
        use = Use(levels, inner, part.kind[:0], part.ref[:0])
        self._copy(use, Read(read, affine(inner, places), places), home, targets, known)
        return True


def _extended(
    points: Ints, steps: tuple[int, int, int], depth: int, first: int | None = None
) -> Ints | None:
    """Where points that move on evenly through a loop are in all iterations of another one.

    steps   how often the loops run, and how many iterations they have
    depth   the place of the loop's index in the points, which is that of its iterations then
    first   the iteration that they begin in; None if their index says so
    """
    times, count, most = steps
    if count < 2:
        return None
    blocks = points.reshape(times, count, -1, points.shape[1])
    step = blocks[0, 1, 0] - blocks[0, 0, 0]
    if not np.array_equal(blocks, blocks[:, :1] + np.arange(count)[:, None, None] * step):
        return None
    if first is None:
        first = int(points[0, depth])
        if step[depth] != 1 or (blocks[:, 0, :, depth] != first).any():
            return None
    found: Ints = blocks[:, :1] + (np.arange(most) - first)[:, None, None] * step
    return found.reshape(-1, points.shape[1])
