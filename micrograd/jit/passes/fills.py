"""Program -> Program: what is set to one number for all iterations that there may be, is set for
those that there were.

Requires a verified program. Behind a loop that goes on as long as a condition holds it is known how
often it has run, so what lies by its iterations begins there with so many rows, and the one in
front of them, if there is one; the others nobody touches. What a gradient costs is then that of the
steps done, not that of the limit:

    ct_h[i] = -0.0  for i < 101    becomes    ct_h = -0.0
                                              ct_h[i + 1] = -0.0  for i < count[0]

Establishes a verified program with the same outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from ..ir.counted import Counted, counted, counts
from ..ir.extents import Entries, is_number
from ..ir.program import Access, Node, Program, Role, Statement, asks, row_major


def by_rows(program: Program) -> Program:
    """The program with fewer rows set; itself if it has none."""
    if not asks(program.body):
        return program
    known = counts(program)
    ready: set[str] = set()  # how often these loops have run is known
    fills: dict[int, Statement] = {}
    for node in program.body:
        if isinstance(node, Statement) and _is_fill(node, program):
            fills[id(node)] = node
    if not fills:
        return program
    rows = counted(program, fills.keys())
    body: list[Node] = []
    for node in program.body:
        fill = fills.get(id(node))
        of = rows.get(fill.target.array) if fill is not None else None
        if fill is not None and of is not None and _counts(of) & known <= ready:
            body += _filled(fill, of)
            continue
        body.append(node)
        ready |= counts(replace(program, body=[node]))
    return replace(program, body=body)


def _is_fill(s: Statement, program: Program) -> bool:
    """Whether a statement sets the whole of an array, which nothing has set, to a number."""
    a = program.arrays[s.target.array]
    dense = s.target == Access(a.name, 0, row_major(s.domain)) and all(map(is_number, s.domain))
    whole = dense and prod(s.domain) == a.size and s.accumulate is None
    return whole and a.role is Role.TEMPORARY and isinstance(s.expr, float)


def _counts(rows: Counted) -> set[str]:
    return {extent.array for extent in rows.domain if isinstance(extent, Entries)}


def _filled(s: Statement, rows: Counted) -> Iterator[Statement]:
    """The same of the rows alone that there are."""
    name, length, outer = s.target.array, rows.strides[-1], len(rows.strides) - 1
    within = (length,) if length > 1 else ()
    strides = (1,) * len(within)
    if rows.before:
        to = Access(name, 0, (*rows.strides[:outer], *strides))
        yield replace(s, target=to, domain=(*rows.domain[:outer], *within))
    to = Access(name, length if rows.before else 0, (*rows.strides, *strides))
    yield replace(s, target=to, domain=(*rows.domain, *within))
