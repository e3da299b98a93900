"""Loops in order around a loop over many things -> the loop over things around those in order.

What the loops carry lies thing by thing then: arrays that had the things innermost are turned.
"""

from __future__ import annotations

from dataclasses import replace

from ..ir.extents import is_number
from ..ir.program import (
    Access,
    Loop,
    Node,
    Order,
    Program,
    Role,
    Statement,
    asks,
    map_accesses,
    map_statements,
    statements,
)


def inward(node: Loop, count: int) -> list[Node] | None:
    """A loop as it is inside of a loop over so many things; None if none is in it or around."""
    if node.order is Order.FREE:
        return list(node.body) if node.extent == count else None
    if asks([node]) or not is_number(node.extent) or not all(map(is_number, _counts(node))):
        return None
    body: list[Node] = []
    for s in node.body:
        if isinstance(s, Loop) or len(s.domain) < 2 or s.domain[1] != count:
            return None
        body.append(_swapped(s))
    return [Loop(node.extent, node.order, body)]


def _counts(node: Loop) -> list[int]:
    return [c for s in node.body if isinstance(s, Statement) for c in s.domain]


def _swapped(s: Statement) -> Statement:
    """The statement with its first two loops in the other order."""

    def swap(a: Access) -> Access:
        return a.with_strides(lambda strides: (strides[1], strides[0], *strides[2:]))

    domain = (s.domain[1], s.domain[0], *s.domain[2:])
    return replace(s, target=swap(s.target), expr=map_accesses(s.expr, swap), domain=domain)


def things_first(program: Program, count: int) -> tuple[Program, list[Node]]:
    """The program with arrays turned that loops in order carry things in, and its body then."""
    sizes = {name: program.arrays[name].size // count for name in _carried(program, count)}
    if not sizes:
        return program, list(program.body)

    def turn(a: Access) -> Access:
        rows = sizes.get(a.array)
        if rows is None:
            return a
        strides = tuple([d * rows if d % count else d // count for d in a.strides])
        return Access(a.array, a.offset // count + a.offset % count * rows, strides)

    def change(s: Statement) -> Statement:
        return replace(s, target=turn(s.target), expr=map_accesses(s.expr, turn))

    arrays = dict(program.arrays)
    for name, rows in sizes.items():
        arrays[name] = replace(arrays[name], shape=(count, rows))
    return replace(program, arrays=arrays), map_statements(program.body, change)


def _carried(program: Program, count: int) -> set[str]:
    """The arrays that lie in rows of so many things, as loops in order go on by rows."""
    found = set()
    for node in program.body:
        if isinstance(node, Loop) and node.order is not Order.FREE and inward(node, count):
            for s in statements([node]):
                found |= {a.array for a in s.accesses if a.strides[1] == 1}
    for s in program.statements:
        for a in s.accesses:
            array = program.arrays[a.array]
            whole = array.role is Role.TEMPORARY and array.size % count == 0
            if a.array in found and not (whole and _rows(a, s, count)):
                found.discard(a.array)
    return found


def _rows(a: Access, s: Statement, count: int) -> bool:
    """Whether an access stays in one row of so many elements wherever it does not go on by rows."""
    if a.parts or any(d < 0 and d % count for d in a.strides):
        return False
    along = [(d, int(c)) for d, c in zip(a.strides, s.domain, strict=True) if d % count]
    return a.offset % count + sum(d * max(0, c - 1) for d, c in along) < count
