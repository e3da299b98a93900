"""Program -> the same, in which a loop over a run-time extent and one inside of it, which together
move everything as one loop would, are one over rows, as many as both run in all.

Requires a verified program: of one with rows, a verifier could not know that they are as many. Such
programs go to the scheduler, to which long loops are better than short ones in short ones.
"""

from __future__ import annotations

from dataclasses import replace

from ..ir.extents import Affine, Extent, is_number
from ..ir.program import (
    Access,
    Loop,
    Node,
    Part,
    Program,
    Role,
    Statement,
    map_accesses,
)

ROWS = "_rows_of_"


def joined_rows(program: Program, count: int) -> Program:
    """The program with loops over extents and so many iterations as one; its new extents, which are
    so many times the others, are called `rows_of` these.
    """
    result = replace(program, arrays=dict(program.arrays))

    def through(node: Node, depth: int) -> Node:
        if isinstance(node, Loop):
            return replace(node, body=[through(n, depth + 1) for n in node.body])
        return _joined(node, depth, count, result)

    result.body = [through(node, 0) for node in program.body]
    return result


def rows_of(extent: str, count: int) -> str:
    """What the extent of so many rows for each of another one is called."""
    return f"{extent}{ROWS}{count}"


def _joined(s: Statement, depth: int, count: int, program: Program) -> Statement:
    pairs = zip(s.domain, s.domain[1:], strict=False)
    at = next(
        (
            d
            for d, (c, inner) in enumerate(pairs)
            if d >= depth and isinstance(c, Extent) and is_number(inner) and inner == count
        ),
        None,
    )
    if at is None:
        return s
    moves: list[Access | Part] = [*s.accesses, *(p for a in s.accesses for p in a.parts)]
    if any(x.strides[at] != count * x.strides[at + 1] for x in moves):
        return s
    if any(isinstance(c, Affine) and any(c.strides[at : at + 2]) for c in s.domain):
        return s
    outer = s.domain[at]
    assert isinstance(outer, Extent)
    name, most = rows_of(outer.name, count), int(outer) * count
    if name not in program.arrays:
        program.declare(name, Role.EXTENT, most)

    def without(strides: tuple[int, ...]) -> tuple[int, ...]:
        return (*strides[:at], *strides[at + 1 :])

    def moved(a: Access) -> Access:
        parts = tuple(replace(p, strides=without(p.strides)) for p in a.parts)
        return Access(a.array, a.offset, without(a.strides), parts)

    domain = [
        Affine(c.offset, without(c.strides), int(c)) if isinstance(c, Affine) else c
        for c in (*s.domain[:at], Extent(name, most), *s.domain[at + 2 :])
    ]
    expr = map_accesses(s.expr, moved)
    return replace(s, target=moved(s.target), expr=expr, domain=tuple(domain))
