"""Program -> Program: a long loop in reverse order as a loop in order, in which its steps come as
they came, over arrays whose rows lie the other way round.

So that what is known of loops in order, above all how they are cut into segments (segments.py),
holds for both. Not a number changes; unless strict, sums over as many steps may be in the order in
which the loop runs.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    map_accesses,
    map_statements,
    statements,
)
from .cuts import extent_from


def turned(program: Program, at: int, *, strict: bool) -> Program | None:
    """The program whose loop at a place of its body, which runs in reverse order, runs in order.

    None if what it writes has no rows that could lie the other way round.
    """
    loop = program.body[at]
    assert isinstance(loop, Loop)
    steps = int(loop.extent)
    units = _units(program, loop)
    if units is None:
        return None

    def flipped(s: Statement) -> Statement:
        def change(a: Access) -> Access:
            unit = units.get(a.array)
            found = a if unit is None else _flipped(a, s.domain, unit, program)
            assert found is not None
            return found

        return replace(s, target=change(s.target), expr=map_accesses(s.expr, change))

    def joins(node: Node) -> bool:
        """Whether a line has an iteration for each step, which may run in any order."""
        if strict or not isinstance(node, Statement) or not node.domain:
            return False
        count = node.domain[0]
        return is_number(count) and count == steps and any(a.array in units for a in node.accesses)

    body: list[Node] = []
    for k, node in enumerate(map_statements(program.body, flipped)):
        if k == at:
            assert isinstance(node, Loop)
            inside = [from_last(each, steps) for each in node.body]
            body.append(Loop(node.extent, Order.FORWARD, inside))
        else:
            body.append(from_last(node, steps) if joins(node) else node)
    return Program(dict(program.arrays), body, program.found)


def _units(program: Program, loop: Loop) -> dict[str, int] | None:
    """The size of a row of every array that the loop goes through upwards, for which the loop in
    order would go downwards; None if one that it writes has no rows.
    """
    touched: dict[str, set[int]] = {}
    for s in statements([loop]):
        for a in s.accesses:
            touched.setdefault(a.array, set()).add(a.strides[0])
    written = {s.target.array for s in statements([loop])}
    units = {}
    for name, strides in touched.items():
        array = program.arrays[name]
        unit = max(strides)
        if array.role is not Role.TEMPORARY or unit <= 0:
            continue
        if array.size % unit == 0 and _has_rows(program.statements, name, unit, program):
            units[name] = unit
        elif name in written:
            return None
    return units


def _has_rows(found: Iterable[Statement], name: str, unit: int, program: Program) -> bool:
    return all(
        _flipped(a, s.domain, unit, program) is not None
        for s in found
        for a in s.accesses
        if a.array == name
    )


def _flipped(a: Access, domain: tuple[int, ...], unit: int, program: Program) -> Access | None:
    """The access where the last row of an array is the first; None if it does not keep to rows.

    unit   how many elements are in a row
    """
    if a.parts:
        return None
    row, place = divmod(a.offset, unit)
    spans = [
        stride * max(0, int(count) - 1)
        for stride, count in zip(a.strides, domain, strict=True)
        if stride % unit
    ]
    low, high = (place + sum(end(0, x) for x in spans) for end in (min, max))
    if low < 0 or high >= unit:
        return None
    last = program.arrays[a.array].size // unit - 1
    strides = tuple([stride if stride % unit else -stride for stride in a.strides])
    return Access(a.array, (last - row) * unit + place, strides)


def from_last(node: Node, steps: int) -> Node:
    """A statement, or what is inside of a loop, with the index `steps - 1 - i` of the outermost
    loop in place of i.
    """
    if isinstance(node, Loop):
        inside = [from_last(each, steps) for each in node.body]
        return Loop(extent_from(node.extent, steps - 1, _turned), node.order, inside)

    def change(a: Access) -> Access:
        parts = tuple(
            [
                replace(p, offset=p.offset + p.strides[0] * (steps - 1), strides=_turned(p.strides))
                for p in a.parts
            ]
        )
        offset = a.offset + a.strides[0] * (steps - 1)
        return Access(a.array, offset, _turned(a.strides), parts)

    domain = (
        node.domain[0],
        *[extent_from(count, steps - 1, _turned) for count in node.domain[1:]],
    )
    expr = map_accesses(node.expr, change)
    return replace(node, target=change(node.target), expr=expr, domain=domain)


def _turned(strides: tuple[int, ...]) -> tuple[int, ...]:
    return (-strides[0], *strides[1:]) if strides else strides
