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
from ..ir.transposed import swapped, transposed


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
        body.append(swapped(s))
    return [Loop(node.extent, node.order, body)]


def _counts(node: Loop) -> list[int]:
    return [c for s in node.body if isinstance(s, Statement) for c in s.domain]


def things_first(program: Program, count: int) -> tuple[Program, list[Node]]:
    """The program with arrays turned that loops in order carry things in, and its body then."""
    sizes = {name: program.arrays[name].size // count for name in _carried(program, count)}
    if not sizes:
        return program, list(program.body)

    def change(s: Statement) -> Statement:
        def turn(a: Access) -> Access:
            return (a.array in sizes and transposed(a, s.domain, sizes[a.array], count)) or a

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
            if a.array in found and not (
                whole and transposed(a, s.domain, array.size // count, count)
            ):
                found.discard(a.array)
    return found
