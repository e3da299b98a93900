"""Rows of data that a kernel holds: as they are, or each number of them in a column.

What of a loss is done to vectors of samples reads columns; what has lanes within a sample reads
rows. The schedules of both tell which are fewer operations.
"""

from __future__ import annotations

from collections.abc import Collection

from ...cache.remembered import remembered
from ...locks import importing
from ..ir.program import Program, Statement
from ..passes.row_columns import in_columns
from ..target import Target

GAIN = 1.1
"""Columns are taken where the operations of rows are so many times theirs."""


def laid_out(program: Program, rows: Collection[str], size: int, target: Target) -> Program:
    """The program itself, or that of the same inputs in columns, `size` of each at a time."""

    if size == 1 or not rows:
        return program

    def chosen() -> bool:
        columns = in_columns(program, rows, size)
        if columns is None:
            return False
        few, many = (_operations(p, target) for p in (columns, program))
        return few is not None and many is not None and GAIN * few < many

    made_from = program, sorted(rows), size, target, GAIN
    if not remembered("layout of rows", made_from, chosen):
        return program
    return in_columns(program, rows, size) or program


def _operations(program: Program, target: Target) -> float | None:
    """Vector operations of its loops; None if it has other loops than those over samples."""
    with importing:
        from ..schedule.lanes import VectorLoop
        from ..schedule.schedule import schedule
    total = 0.0
    for step in schedule(program, target).steps:
        if isinstance(step, VectorLoop):
            total += step.cost * int(step.group.count)
        elif not isinstance(step, Statement):
            return None
    return total
