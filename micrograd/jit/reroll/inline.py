"""What only one operand needs, at the same points, becomes part of its expression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..ir.nests import Ints
from .homes import Read, Task, Whole
from .statics import Map
from .strings import SLOTS, Ops


def inlined(tasks: Sequence[Task], ops: Ops, outputs: Ints) -> tuple[dict[int, Task], list[Task]]:
    """The tasks that become part of others, by the numbers of their statics; and the others.

    outputs   ops whose values are results
    """
    uses = np.zeros(len(ops), dtype=np.int64)
    for slot in range(SLOTS):
        uses += np.bincount(ops.ref[slot][ops.kind[slot] >= 0], minlength=len(ops))
    uses[outputs[outputs >= 0]] += 2
    owner = {task.home.number: task for task in tasks if task.static is not None}
    gone: dict[int, Task] = {}
    for task in tasks:
        for k, operand in enumerate(task.operands):
            if not isinstance(operand, Read) or operand.map is None or task.static is None:
                continue
            maker = owner.get(operand.home.number)
            if maker is None or maker is task or maker.depth is not None:
                continue
            if maker.path != task.path or len(operand.home.points) > 1:
                continue
            assert maker.static is not None
            if _is_identity(operand.map) and (uses[maker.static.ops] == 1).all():
                task.operands[k] = Whole(maker.static)
                gone[maker.static.number] = maker
    rest = [t for t in tasks if t.static is None or t.static.number not in gone]
    return gone, rest


def _is_identity(map: Map) -> bool:
    matrix, vector = map
    return (
        matrix.shape[0] == matrix.shape[1]
        and np.array_equal(matrix, np.eye(len(matrix), dtype=np.int64))
        and not vector.any()
    )
