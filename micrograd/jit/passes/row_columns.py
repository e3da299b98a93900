"""Program of a block of samples -> the same program of data that lies in columns.

A vector of samples reads a number of each: of rows with many numbers these are far apart, of
columns they are one load. The program is the same but for where it reads.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ..ir.program import Access, Loop, Program, Statement, map_accesses, map_statements


class _AsRows(Exception):
    """What is read is not one number of each sample."""


def in_columns(program: Program, rows: Collection[str], size: int) -> Program | None:
    """The program with these inputs, the rows of `size` samples one after the other, transposed.

    None if none has more than a number for each sample, or if a statement does not read as many of
    them as samples; loops are left alone.
    """
    widths = {name: program.arrays[name].size // size for name in rows}
    widths = {name: width for name, width in widths.items() if width > 1}
    if not widths or any(isinstance(node, Loop) for node in program.body):
        return None
    try:
        body = map_statements(program.body, lambda s: _statement(s, widths, size))
    except _AsRows:
        return None
    arrays = {
        a.name: replace(a, shape=(widths[a.name], size)) if a.name in widths else a
        for a in program.arrays.values()
    }
    return replace(program, arrays=arrays, body=body)


def _statement(s: Statement, widths: dict[str, int], size: int) -> Statement:
    def change(a: Access) -> Access:
        return _access(a, s, widths[a.array], size) if a.array in widths else a

    return replace(s, expr=map_accesses(s.expr, change))


def _access(a: Access, s: Statement, width: int, size: int) -> Access:
    """The same number in columns."""
    along = [d for d, n in enumerate(s.domain) if int(n) == size and a.strides[d] == width]
    if a.parts or len(along) != 1:
        raise _AsRows
    within = [(0 if d in along else x) for d, x in enumerate(a.strides)]
    reach = [x * (int(n) - 1) for x, n in zip(within, s.domain, strict=True)]
    least = a.offset + sum(x for x in reach if x < 0)
    most = a.offset + sum(x for x in reach if x > 0)
    if not 0 <= least <= most < width:
        raise _AsRows
    strides = tuple([1 if d in along else x * size for d, x in enumerate(within)])
    return Access(a.array, a.offset * size, strides)
