"""Statics -> tasks: what every op reads as one access, start values included.

Where an op reads another value in its first iterations, it is given a place in the array that it
reads in the others, before its first element: a virtual point, to which a task of its own writes.
Where that place is taken by another value, the operand has an array of its own.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ..ir.graph import op_of
from ..ir.nests import Ints
from .domains import inside
from .homes import (
    UNKNOWN,
    Home,
    Leaf,
    Number,
    Operand,
    Read,
    Task,
    Use,
    Whole,
    counted,
    differ,
)
from .inline import inlined
from .merge import merged
from .pieces import Pieces
from .prove import Values
from .statics import Map, Static, first_of_rows
from .strings import LITERAL, Bools, Ops
from .sums import sum_depths
from .switches import Switches, moved, switched_inside

MOST_CANDIDATES = 3
"""Arrays that are tried as the one that an operand is read from."""


class Operands(Pieces):
    """The tasks of statics.

    tasks      in the order in which they came up: statics as they were made
    whole      copies are made in all loops of what reads them
    narrowed   some are not
    """

    def __init__(
        self,
        ops: Ops,
        statics: list[Static],
        outputs: Ints,
        most: int,
        prefixes: Collection[int] = (),
        *,
        switching: bool = False,
        whole: bool = False,
    ) -> None:
        self.ops = ops
        self.switching = switching
        self.whole = whole
        self.narrowed = False
        self.most = most
        self.statics = statics
        n = len(ops)
        self.static_of = np.full(n, -1, dtype=np.int64)
        self.row_of = np.full(n, -1, dtype=np.int64)
        for s in statics:
            self.static_of[s.ops] = s.number
            self.row_of[s.ops] = np.arange(len(s.ops))
        self.values = Values(ops)
        self.depths = sum_depths(ops, statics, self.static_of, self.row_of, outputs, prefixes)
        self.homes: list[Home] = []
        self.task_of = [self._task(s) for s in statics]
        self.tasks: list[Task] = list(self.task_of)
        for task in self.task_of:
            self._resolve(task)
        self.outputs = outputs
        self.inlined: dict[int, Task] = {}
        self._before: list[tuple[Task, list[Operand]]] = []

    def inline(self) -> None:
        """Make what only one operand needs a part of its expression."""
        self._before = [(task, list(task.operands)) for task in self.tasks]
        self.inlined, self.tasks = inlined(self.tasks, self.ops, self.outputs)

    def write_out(self) -> None:
        """Take that back."""
        for task, operands in self._before:
            task.operands = operands
        self.tasks = [task for task, _ in self._before]
        self.inlined = {}

    def merge(self) -> None:
        """Let values be written at once where they would be copied to."""
        self.tasks = merged(self.tasks)

    # -- tasks -----------------------------------------------------------------------------------

    def _task(self, s: Static) -> Task:
        depth = self.depths[s.number]
        rank = len(s.path) if depth is None else depth
        home = self._new_home(rank)
        keep = np.eye(len(s.path), dtype=np.int64)[:, :rank]
        target = keep, np.zeros(rank, dtype=np.int64)
        task = Task(s.path, s.points, home, target, s, depth=depth)
        if depth is None:
            home.write(s.points, s.ops, task, s.points)
            return task
        outer = s.path[depth].points
        values = np.full(len(outer), UNKNOWN, dtype=np.int64)
        ends = np.append(first_of_rows(s.points, depth)[1:], True)
        home.write(outer, values, task, outer)
        values[home.find(s.points[ends][:, :depth])] = s.ops[ends]
        return task

    def _resolve(self, task: Task) -> None:
        """Find what a static's op reads."""
        s = task.static
        assert s is not None
        for slot in range(op_of(s.code).arity):
            kind, ref = self.ops.kind[slot, s.ops], self.ops.ref[slot, s.ops]
            if slot == 0 and task.depth is not None:
                first = first_of_rows(s.points, task.depth)
                outer = s.points[first][:, : task.depth]
                use = Use(s.path[: task.depth], outer, kind[first], ref[first])
                task.start, task.start_points = self._operand(use), outer
                # a sum over no terms is its start value
                continue
            task.operands.append(self._operand(Use(s.path, s.points, kind, ref)))

    # -- operands --------------------------------------------------------------------------------

    def _operand(self, use: Use) -> Operand:
        sources = self._sources(use)
        every, counts = counted(sources)
        if len(every) == 1:
            operand = self._single(use, int(every[0]))
            if not isinstance(operand, Read) or operand.map is not None:
                return operand
        order = np.argsort(-counts, kind="stable")
        candidates = [int(every[k]) for k in order if every[k] >= 0][:MOST_CANDIDATES]
        for source in candidates:
            found = self._with_virtual(use, sources == source, source)
            if found is not None:
                return found
        for source in candidates if self.switching else ():
            found = self._with_virtual(use, sources == source, source, switching=True)
            if found is not None:
                return found
        if len(every) == 1:
            return operand
        return self._apart(use)

    def _with_virtual(
        self, use: Use, usual: Bools, source: int, *, switching: bool = False
    ) -> Operand | None:
        """All values as read from where most are, the others from virtual points of that array."""
        _, points = self._elements(source, use.ref[usual])
        map: Map | None
        switches: Switches = ()
        if switching:
            usual, map, switches = switched_inside(use.points, usual, points)
        else:
            usual, map = inside(use, usual, points)
        if map is None:
            return None
        found = self._beside(use, usual, source, map, switches)
        if found is None and not switches:
            carried = self._carried(use, usual, source, map)
            if carried is not None:
                found = self._beside(use, usual, source, carried, ())
        return found

    def _carried(self, use: Use, usual: Bools, source: int, map: Map) -> Map | None:
        """The map from the iteration before, where a loop of two has only one that reads what it
        makes; None if there is no such loop.
        """
        matrix, vector = map[0].copy(), map[1].copy()
        made, changed = self.statics[source].path, False
        for d in range(min(len(use.path), len(made), len(vector))):
            if use.path[d] is not made[d]:
                break
            second = use.path[d].most == 2 and (use.points[usual, d] == 1).all()
            if second and not matrix[:, d].any() and vector[d] == 0:
                matrix[d, d], vector[d], changed = 1, -1, True
        return (matrix, vector) if changed else None

    def _beside(
        self, use: Use, usual: Bools, source: int, map: Map, switches: Switches
    ) -> Operand | None:
        """All values by a map; None where those beside the usual ones have no room."""
        home = self.task_of[source].home
        other, there = ~usual, moved(use.points, map, switches)
        virtual = there[other]
        wanted = self.values.of(use.kind[other], use.ref[other])
        at = home.find(virtual)
        known = np.concatenate(home.values)[np.maximum(at, 0)]
        empty = (at >= 0) & (known == UNKNOWN)
        if empty.any():
            known = known.copy()
            known[empty] = self._begun(source, virtual[empty])
        if ((at >= 0) & (known != wanted)).any() or differ(virtual, wanted):
            return None
        new = np.flatnonzero(other)[at < 0]
        if len(new):
            self._pieces(use, new, home, there)
        return Read(home, map, there, switches)

    def _begun(self, source: int, points: Ints) -> Ints:
        """What sums over no terms are: the values that they begin with."""
        start = self.task_of[source].start
        unknown = np.full(len(points), UNKNOWN, dtype=np.int64)
        if isinstance(start, Number):
            numbers = self.values.of(np.full(len(start.values), LITERAL), start.values)
            alike = (numbers == numbers[0]).all()
            return np.full(len(points), numbers[0]) if alike else unknown
        if start is None or isinstance(start, Whole) or start.map is None:
            return unknown
        turned = start.turn.of(points) if isinstance(start, Leaf) and start.turn else points
        there = moved(turned, start.map, start.switches)
        if isinstance(start, Leaf):
            return self.values.of(np.full(len(points), start.kind), there[:, 0])
        at = start.home.find(there)
        return np.where(at >= 0, np.concatenate(start.home.values)[np.maximum(at, 0)], UNKNOWN)

    def values_of(self, task: Task) -> Ints:
        """The values that a task computes, or copies, at its points."""
        if task.static is not None:
            return task.static.ops
        numbers = [k for k, (writer, _) in enumerate(task.home.writers) if writer is task]
        return task.home.values[numbers[0]]

    def starts_of(self, task: Task) -> Ints:
        """The values that the sums of a task begin with, for every iteration outside of them."""
        assert task.static is not None
        assert task.depth is not None
        s, outer = task.static, task.path[task.depth].points
        first = first_of_rows(s.points, task.depth)
        assert task.target is not None
        matrix, vector = task.target
        known = task.home.find(s.points[first] @ matrix + vector) - task.home.first_of(task)
        values = np.full(len(outer), UNKNOWN, dtype=np.int64)
        rest = np.ones(len(outer), dtype=bool)
        rest[known] = False
        if rest.any():
            values[rest] = self._begun(s.number, outer[rest])
        ops = s.ops[first]
        values[known] = self.values.of(self.ops.kind[0, ops], self.ops.ref[0, ops])
        return values
