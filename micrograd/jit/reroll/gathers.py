"""Program with lookups -> Program: what is taken of a table is an access through an index array.

Rerolling sees an op on the entry of the first row and an index. That all rows lie as far from each
other as an access needs is looked up here, at every point: nothing is taken from how the program
was found. Entries are copies, and these are written where they are computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...lookups import Lookup
from ..ir.nests import Ints
from ..ir.points import elements
from ..ir.program import Access, Apply, Expr, Loop, Node, Part, Program, Statement

Nodes = Mapping[str, Ints]
"""Arrays that a program computes -> the node of the graph that each element is; below 0: none."""


class NoGather(Exception):
    """Rows do not lie in an array as an access needs it."""


def gathered(program: Program, nodes: Nodes) -> Program | None:
    """The program without lookups; None if rows of a table do not lie as far from each other at
    every point.
    """

    def body(every: list[Node]) -> list[Node]:
        return [
            replace(n, body=body(n.body))
            if isinstance(n, Loop)
            else replace(n, expr=_written(n.expr, n, program, nodes))
            if has_lookups(n.expr)
            else n
            for n in every
        ]

    try:
        return replace(program, body=body(program.body))
    except NoGather:
        return None


def has_lookups(expr: Expr) -> bool:
    """Whether there are lookups in an expression."""
    return isinstance(expr, Apply) and (
        isinstance(expr.op, Lookup) or any(map(has_lookups, expr.args))
    )


def _written(expr: Expr, s: Statement, program: Program, nodes: Nodes) -> Expr:
    if not isinstance(expr, Apply):
        return expr
    args = tuple([_written(x, s, program, nodes) for x in expr.args])
    if not isinstance(expr.op, Lookup):
        return Apply(expr.op, args)
    distance = None
    if expr.op.rows and isinstance(args[0], Access) and args[0].array in nodes:
        distance = _distance(args[0], expr.op, s, program, nodes[args[0].array])
    return taken(expr.op, args, distance)


def taken(op: Lookup, args: Sequence[Expr], distance: int | None = None) -> Expr:
    """What an op reads: a copy, or the row that an index says, given the entry of the first one.

    distance   from one row to the next, if it is not what the op says

    Raises NoGather where it is no access.
    """
    if not op.rows:
        return args[0]
    first, index = args
    if not isinstance(first, Access) or not isinstance(index, Access) or index.parts:
        raise NoGather
    distance = op.distance if distance is None else distance
    if not distance:  # all rows are the same
        return first
    part = Part("entry", index.array, index.offset, index.strides, distance)
    return replace(first, parts=(*first.parts, part))


def _distance(first: Access, op: Lookup, s: Statement, program: Program, known: Ints) -> int:
    """How far it is from one row to the next, in the array, at every point. Raises NoGather."""
    at = np.unique(elements(first, s.domain, program))
    if op.rows == 1 or not len(at):
        return 0
    wanted = known[at][:, None] + op.distance * np.arange(op.rows)
    for second in np.flatnonzero(known == wanted[0, 1]).tolist():
        distance = second - int(at[0])
        there = at[:, None] + distance * np.arange(op.rows)
        if there.min() >= 0 and there.max() < len(known) and np.array_equal(known[there], wanted):
            return distance
    raise NoGather
