"""Which statics are sums, maxima or minima: what accumulates, and is only needed when whole."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from ..ir.graph import op_of
from ..ir.nests import Ints, distinct
from .statics import Static, begins, first_of_rows
from .strings import Ops


def sum_depths(
    ops: Ops,
    statics: Sequence[Static],
    static_of: Ints,
    row_of: Ints,
    outputs: Ints,
    prefixes: Collection[int],
) -> list[int | None]:
    """For each static the number of loops outside of the sum that it is; None if it is none.

    static_of, row_of   op -> its static, and its row in there
    outputs             ops whose values are results
    prefixes            statics that are no sums in any case
    """
    depths = [_accumulates(ops, s, static_of, row_of) for s in statics]
    for number in prefixes:
        depths[number] = None
    last = np.ones(len(ops), dtype=bool)
    for s, depth in zip(statics, depths, strict=True):
        if depth is not None:
            last[s.ops] = np.append(first_of_rows(s.points, depth)[1:], True)
    needed = [outputs[outputs >= 0]]
    for s, depth in zip(statics, depths, strict=True):
        for slot in range(op_of(s.code).arity):
            ref = ops.ref[slot, s.ops][ops.kind[slot, s.ops] >= 0]
            if slot == 0 and depth is not None:
                ref = ref[static_of[ref] != s.number]
            needed.append(ref)
    every = np.concatenate(needed)
    # of what more than the last value is needed, is no sum, but a loop in order
    for number in distinct(static_of[every[~last[every]]]).tolist():
        depths[number] = None
    return depths


def _accumulates(ops: Ops, s: Static, static_of: Ints, row_of: Ints) -> int | None:
    """The loops outside, if the first operand is the value of the point before, but where all
    further loops begin.
    """
    if not s.path or not ops.chain[s.ops[0]]:
        return None
    kind, ref = ops.kind[0, s.ops], ops.ref[0, s.ops]
    own = (kind >= 0) & (static_of[np.where(kind >= 0, ref, 0)] == s.number)
    rows = np.flatnonzero(own)
    if not len(rows) or not np.array_equal(row_of[ref[rows]], rows - 1):
        return None
    for depth in range(len(s.path)):
        if np.array_equal(~own, begins(s.points[:, depth:])):
            while depth + 1 < len(s.path) and s.path[depth].most == 1:
                depth += 1  # what runs once is no loop to sum over
            return depth
    return None
