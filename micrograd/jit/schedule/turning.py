"""Triangles by columns -> the same on arrays that are turned, so that columns lie in a row.

Only what nobody outside sees is turned; that all that reads and writes it finds the same numbers
then is looked at for every point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from ..ir.points import Unknown, counted, elements, is_box
from ..ir.program import (
    Access,
    Program,
    Role,
    Statement,
    map_accesses,
    map_statements,
)

MOST_POINTS = 1 << 22
"""Points of a triangle that is looked at, or of what touches its arrays."""
LARGEST_BOX = 8 * MOST_POINTS
"""Points of the box around them: a triangle of three loops fills a sixth of its own."""


def turned(program: Program, columns: Sequence[list[Statement]]) -> Program:
    """The program with arrays turned that columns go through by rows."""
    along: dict[str, set[int]] = {}
    for s in [s for each in columns for s in each]:
        for a in s.accesses:
            if a.strides[1] and not a.parts:
                along.setdefault(a.array, set()).add(abs(a.strides[1]))
    rows = {
        name: next(iter(strides))
        for name, strides in along.items()
        if program.arrays[name].role is Role.TEMPORARY and len(strides) == 1
    }
    rows = {
        name: row for name, row in rows.items() if row > 1 and not program.arrays[name].size % row
    }

    def turn(a: Access) -> Access:
        if a.array not in rows:
            return a
        row = rows[a.array]
        count = program.arrays[a.array].size // row
        whole = [round(d / row) for d in a.strides]
        strides = tuple([(d - q * row) * count + q for d, q in zip(a.strides, whole, strict=True)])
        return Access(a.array, a.offset % row * count + a.offset // row, strides)

    def fills(s: Statement) -> bool:
        size = program.arrays[s.target.array].size
        return isinstance(s.expr, float) and s.domain == (size,) and s.accumulate is None

    for s in program.statements:
        for a in s.accesses:
            row = rows.get(a.array)
            if row is None or fills(s):
                continue
            if not _goes_along(a, turn(a), s.domain, row, program):
                del rows[a.array]
    if not rows:
        return program
    arrays = dict(program.arrays)
    for name, row in rows.items():
        arrays[name] = replace(arrays[name], shape=(row, arrays[name].size // row))

    def change(s: Statement) -> Statement:
        if fills(s):
            return s
        return replace(s, target=turn(s.target), expr=map_accesses(s.expr, turn))

    return replace(program, arrays=arrays, body=map_statements(program.body, change))


def _goes_along(
    a: Access, new: Access, domain: tuple[int, ...], row: int, program: Program
) -> bool:
    """Whether an access to an array of such rows touches the same numbers when it is turned; False
    where that is known only when the code runs, or takes too long to see.
    """
    if a.parts:
        return False
    moving = [d for d in range(len(domain)) if a.strides[d] or not is_box(domain)]
    counts = tuple(domain[d] for d in moving)
    try:
        if prod(map(int, counts)) > LARGEST_BOX or counted(counts, program) > MOST_POINTS:
            return False
        before, after = (
            elements(x.with_strides(lambda y: tuple([y[d] for d in moving])), counts, program)
            for x in (a, new)
        )
    except Unknown:
        return False
    count = program.arrays[a.array].size // row
    return np.array_equal(before % row * count + before // row, after)
