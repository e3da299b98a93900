"""What only one operand needs, at the same points, becomes part of its expression."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache

import numpy as np

from ...lookups import ENTRY
from ...opdef import Op
from ..ir.graph import code_of, op_of
from ..ir.nests import Ints
from ..ir.program import Access, Apply
from .homes import Read, Task, Whole
from .statics import Map
from .strings import SLOTS, Ops

LARGEST = 8
"""Operations of an expression, once ops that are given as other ops are written out. Each has all
below it once more in a gradient, and again in the derivative of that.
"""


def inlined(tasks: Sequence[Task], ops: Ops, outputs: Ints) -> tuple[dict[int, Task], list[Task]]:
    """The tasks that become part of others, by the numbers of their statics; and the others.

    outputs   ops whose values are results
    """
    uses = np.zeros(len(ops), dtype=np.int64)
    for slot in range(SLOTS):
        uses += np.bincount(ops.ref[slot][ops.kind[slot] >= 0], minlength=len(ops))
    uses[outputs[outputs >= 0]] += 2
    uses[ops.code == code_of(ENTRY)] += 2  # each by whatever takes of its table
    owner = {task.home.number: task for task in tasks if task.static is not None}
    # an equal value may have been taken from where the trace has no use of it
    readers = Counter(
        operand.home.number
        for task in tasks
        for operand in (*task.operands, task.start)
        if isinstance(operand, Read)
    )
    gone: dict[int, Task] = {}
    sizes: dict[int, int] = {}
    statics = [task for task in tasks if task.static is not None]
    for task in sorted(statics, key=_first):  # what is read by another comes before it
        assert task.static is not None
        sizes[id(task)], copies = _written_out(op_of(task.static.code))
        for k, operand in enumerate(task.operands):
            if not isinstance(operand, Read) or operand.map is None or operand.switches:
                continue
            maker = owner.get(operand.home.number)
            if maker is None or maker is task or maker.depth is not None:
                continue
            if maker.path != task.path or len(operand.home.points) > 1:
                continue
            assert maker.static is not None
            if readers[operand.home.number] > 1 or not _is_identity(operand.map):
                continue
            size = sizes[id(task)] + copies[-len(task.operands) :][k] * sizes[id(maker)]
            if size <= LARGEST and (uses[maker.static.ops] == 1).all():
                sizes[id(task)] = size
                task.operands[k] = Whole(maker.static)
                gone[maker.static.number] = maker
    rest = [t for t in tasks if t.static is None or t.static.number not in gone]
    return gone, rest


def _first(task: Task) -> int:
    assert task.static is not None
    return int(task.static.ops[0])


@cache
def _written_out(op: Op) -> tuple[int, tuple[int, ...]]:
    """Of how many ops an op is made, and how often they have each operand: relu has it twice."""
    seen: Counter[str] = Counter()
    made, stack = 0, [op(*(Access(f"{k}") for k in range(op.arity)))]
    while stack:
        expr = stack.pop()
        if isinstance(expr, Access):
            seen[expr.array] += 1
        elif isinstance(expr, Apply) and expr.op.expand is not None:
            stack.append(expr.op.expand(*expr.args))
        elif isinstance(expr, Apply):
            made += 1
            stack += expr.args
    return made, tuple(seen[f"{k}"] for k in range(op.arity))


def _is_identity(map: Map) -> bool:
    matrix, vector = map
    return (
        matrix.shape[0] == matrix.shape[1]
        and np.array_equal(matrix, np.eye(len(matrix), dtype=np.int64))
        and not vector.any()
    )
