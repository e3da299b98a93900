"""Tasks -> a tree of loops: the loops that the trace has, in its order; nothing is distributed.

So all that is added up is added up in the order of the trace, cotangents too, where distributed
loops may have another order.
"""

from __future__ import annotations

from .distribute import Ordered, Step, edges_of
from .homes import Leaf, Read, Task
from .operands import Operands
from .statics import NoLoops


def as_traced(operands: Operands) -> list[Step]:
    """The tasks in the loops of the trace. Raises NoLoops as `distribute` does."""
    tasks = operands.tasks
    edges = edges_of(operands)
    made = {k: t.static.number for k, t in enumerate(tasks) if t.static is not None}
    top: list[Step] = []
    loops: dict[int, Ordered] = {}
    for k in sorted(made, key=made.__getitem__):
        task, body = tasks[k], top
        for level in task.path[: task.depth]:
            if id(level) not in loops:
                loops[id(level)] = Ordered(level, free=False)
                body.append(loops[id(level)])
            body = loops[id(level)].body
        body.append(task)
    for k, task in enumerate(tasks):
        if task.static is None:
            readers = {id(tasks[b]): levels for (a, b), levels in edges.items() if a == k}
            sources = {id(tasks[a]): levels for (a, b), levels in edges.items() if b == k}
            _before(top, task, readers, sources, 0)
    again = {id(tasks[a]): levels for (a, b), levels in edges.items() if a == b}
    return [_whole(step, again, 0) for step in top]


def _whole(step: Step, again: dict[int, set[int]], depth: int) -> Step:
    """A step, the loops of which are a task's own where that stands alone in them, needs no value
    of its own, and reads no array twice.
    """
    if not isinstance(step, Ordered):
        return step
    step.body = [_whole(s, again, depth + 1) for s in step.body]
    (task, *others) = step.body
    if others or isinstance(task, Ordered) or depth in again.get(id(task), ()):
        return step
    read = [
        x.home if isinstance(x, Read) else x.kind
        for x in task.operands
        if isinstance(x, Read | Leaf)
    ]
    return step if len(set(read)) < len(read) else task


Others = dict[int, set[int]]
"""Tasks, and which loops carry what one has of another, as in `Edges`."""


def _before(body: list[Step], task: Task, readers: Others, sources: Others, depth: int) -> None:
    """Put a task before what reads it, and behind what it reads, in the iteration itself."""
    at = next((at for at, step in enumerate(body) if _holds(step, readers)), len(body))
    if at < len(body):
        step = body[at]
        if isinstance(step, Ordered) and len(task.path) > depth and task.path[depth] is step.level:
            readers, sources = (_inside(others, depth) for others in (readers, sources))
            _before(step.body, task, readers, sources, depth + 1)
            return
    if any(_holds(step, sources) for step in body[at:]):
        raise NoLoops
    body.insert(at, task)


def _inside(others: Others, depth: int) -> Others:
    """Those that a loop does not carry all of it for."""
    return {k: rest for k, levels in others.items() if (rest := levels - {depth})}


def _holds(step: Step, readers: Others) -> bool:
    if isinstance(step, Ordered):
        return any(_holds(s, readers) for s in step.body)
    return id(step) in readers
