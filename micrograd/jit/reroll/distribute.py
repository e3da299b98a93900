"""Tasks -> a tree of loops: as many loops of their own as the order of values allows.

Loop distribution (Allen and Kennedy): tasks that need each other, across iterations, run together
in a loop in order, at the first loop that carries a value; all others run whole, one after the
other. The distances that values are carried over are exact, for they are those of the trace.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..ir.nests import Ints
from .homes import Home, Operand, Read, Task, Whole
from .operands import Operands
from .statics import Level, NoLoops, Static


@dataclass(eq=False)
class Ordered:
    """A loop in order around what runs in each of its iterations; `free`: in any order."""

    level: Level
    free: bool
    body: list[Step] = field(default_factory=list)


Step = Task | Ordered

Edges = dict[tuple[int, int], set[int]]
"""Writer and reader -> the loops that carry a value from the one to the other, by their depth; as
many as they have in common where it stays within an iteration of all."""


def distribute(operands: Operands) -> list[Step]:
    """The tasks in the loops that they need.

    Raises NoLoops if values go round in a circle.
    """
    tasks = operands.tasks
    edges = edges_of(operands)
    return _Distribution(tasks, edges).steps(list(range(len(tasks))), 0, edges)


def sums_in_order(steps: Sequence[Step], tasks: Sequence[Task]) -> set[int]:
    """The statics that are sums over a loop in order, which stand outside of it."""
    ordered, stack = set[int](), list(steps)
    while stack:
        step = stack.pop()
        if isinstance(step, Ordered):
            stack += step.body
            if not step.free:
                ordered.add(id(step.level))
    return {
        t.static.number
        for t in tasks
        if t.static is not None and t.depth is not None and id(t.path[t.depth]) in ordered
    }


def reads(task: Task, inlined: dict[int, Task]) -> list[tuple[Operand, Ints]]:
    """All that a task reads, and at which of its points; what is inlined is part of it."""
    found: list[tuple[Operand, Ints]] = []
    stack = [task]
    while stack:
        each = stack.pop()
        for operand in each.operands:
            if isinstance(operand, Whole):
                stack.append(inlined[operand.static.number])
            else:
                found.append((operand, task.points))
    if task.start is not None:
        assert task.start_points is not None
        found.append((task.start, task.start_points))
    return found


def edges_of(operands: Operands) -> Edges:
    """What the tasks read of each other. Raises NoLoops where that is not affine or comes later."""
    numbers = {id(task): k for k, task in enumerate(operands.tasks)}
    edges: Edges = defaultdict(set)
    for reader, task in enumerate(operands.tasks):
        for operand, points in reads(task, operands.inlined):
            if isinstance(operand, Read):
                for writer, levels in _carried(operand, points, task):
                    edges[numbers[id(writer)], reader] |= levels
    return edges


def _carried(read: Read, points: Ints, task: Task) -> list[tuple[Task, set[int]]]:
    """Who writes what is read, and which loops carry it."""
    home: Home = read.home
    at = home.find(read.points)
    if (at < 0).any():
        raise NoLoops(broken=_own(task))
    sizes = [len(p) for p in home.points]
    starts = np.cumsum(sizes) - sizes
    found = []
    for (writer, iterations), start, size in zip(home.writers, starts, sizes, strict=True):
        mine = (at >= start) & (at < start + size)
        if not mine.any():
            continue
        rows, here = at - start, points
        if not mine.all():
            rows, here = rows[mine], points[mine]
        common = 0
        depth = min(points.shape[1], iterations.shape[1])
        while common < depth and task.path[common] is writer.path[common]:
            common += 1
        levels = np.full(len(here), common)
        backwards = np.zeros(len(here), dtype=bool)
        for d in reversed(range(common)):
            distance = here[:, d] - iterations[:, d][rows]
            levels[distance != 0] = d
            backwards = (distance < 0) | (backwards & (distance == 0))
        if backwards.any():
            raise NoLoops(broken=_own(task))
        found.append((writer, set(np.flatnonzero(np.bincount(levels)).tolist())))
    return found


def _own(task: Task) -> list[Static]:
    return [task.static] if task.static is not None and task.static.path else []


class _Distribution:
    def __init__(self, tasks: list[Task], edges: Edges) -> None:
        self.tasks = tasks
        self.common = {(a, b): _common(tasks[a].path, tasks[b].path) for a, b in edges}

    def steps(self, some: list[int], depth: int, edges: Edges) -> list[Step]:
        """What tasks become inside of `depth` loops that are there already."""
        inside = set(some)
        after: dict[int, list[int]] = defaultdict(list)
        for a, b in edges:
            if a in inside and b in inside:
                after[a].append(b)
        steps: list[Step] = []
        for component in _in_order(some, after):
            (first, *others) = component
            if not others and first not in after[first]:
                steps.append(self.tasks[first])
                continue
            steps.append(self._loop(component, depth, edges))
        return steps

    def _statics(self, component: list[int]) -> list[Static]:
        """The statics of some tasks that are in loops."""
        found = [self.tasks[k].static for k in component]
        return [s for s in found if s is not None and s.path]

    def _loop(self, component: list[int], depth: int, edges: Edges) -> Step:
        """The loop in order that a circle of tasks needs; free ones around it for those outside."""
        inside = set(component)
        own = {e: levels for e, levels in edges.items() if e[0] in inside and e[1] in inside}
        carrying = [
            level for e, levels in own.items() for level in levels if level < self.common[e]
        ]
        if not carrying:
            raise NoLoops(broken=self._statics(component))
        level = min(carrying)
        path = self.tasks[component[0]].path
        for k in component:
            task = self.tasks[k]
            if task.path[: level + 1] != path[: level + 1]:
                raise NoLoops(broken=self._statics(component))
            if task.depth is not None and task.depth <= level:
                assert task.static is not None
                raise NoLoops([task.static.number])
        left = {e: rest for e, levels in own.items() if (rest := {x for x in levels if x > level})}
        step: Step = Ordered(path[level], free=False, body=self.steps(component, level + 1, left))
        for outer in reversed(path[depth:level]):
            step = Ordered(outer, free=True, body=[step])
        return step


def _common(a: tuple[Level, ...], b: tuple[Level, ...]) -> int:
    """How many loops two paths share."""
    n = 0
    while n < min(len(a), len(b)) and a[n] is b[n]:
        n += 1
    return n


def _in_order(some: list[int], after: dict[int, list[int]]) -> list[list[int]]:
    """The strongly connected components, each before those that follow it; of several that could
    be next, the one that was made first.
    """
    components = _components(some, after)
    home = {v: k for k, component in enumerate(components) for v in component}
    behind: dict[int, set[int]] = defaultdict(set)
    for v in some:
        behind[home[v]].update(home[w] for w in after[v] if home[w] != home[v])
    waits = [0] * len(components)
    for targets in behind.values():
        for k in targets:
            waits[k] += 1
    ready = [(min(c), k) for k, c in enumerate(components) if not waits[k]]
    heapq.heapify(ready)
    found = []
    while ready:
        _, k = heapq.heappop(ready)
        found.append(sorted(components[k]))
        for other in behind[k]:
            waits[other] -= 1
            if not waits[other]:
                heapq.heappush(ready, (min(components[other]), other))
    return found


def _components(some: list[int], after: dict[int, list[int]]) -> list[list[int]]:
    """Tarjan's algorithm, without recursion."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    found: list[list[int]] = []
    for root in some:
        if root in index:
            continue
        work = [(root, iter(after[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            v, rest = work[-1]
            for w in rest:
                if w not in index:
                    index[w] = low[w] = len(index)
                    stack.append(w)
                    on_stack.add(w)
                    work.append((w, iter(after[w])))
                    break
                if w in on_stack:
                    low[v] = min(low[v], index[w])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[v])
                if low[v] == index[v]:
                    component = []
                    while True:
                        w = stack.pop()
                        on_stack.discard(w)
                        component.append(w)
                        if w == v:
                            break
                    found.append(component)
    return found
