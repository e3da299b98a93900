"""Program -> Program: a loop over many things around loops in order, as loops in order around those
over things.

    for i < 8:                                    for i < 300 in order:
      for j < 300 in order:                         h[i + 1, j] = f(h[i, j])  for j < 8
        h[i, j + 1] = f(h[i, j])

So that what is known of long loops in order, above all how they are cut into segments
(segments.py), holds for both. What the steps hand on lies step by step then. Not a number changes,
but sums over things and steps have another order: it is not for strict programs.
"""

from __future__ import annotations

from collections.abc import Sequence
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

Shape = tuple[int, int, int]
"""How many things an array has numbers of, how many steps, and how many numbers for each."""


def steps_first(program: Program, at: int) -> Program | None:
    """The program whose loop at a place of its body, which runs in any order, is inside of the
    loops in order that it was around; None if there are none, or no array would lie step by step.
    """
    loop = program.body[at]
    assert isinstance(loop, Loop)
    steps = {x.extent for x in loop.body if isinstance(x, Loop) and x.order is not Order.FREE}
    if not steps or asks([loop]) or not _is_plain(loop, program):
        return None
    lines: list[Node] = []
    for k, node in enumerate(program.body):
        lines += _apart(loop) if k == at else [node]
    shapes = _shapes(lines, loop, program)
    if not shapes:
        return None

    def change(s: Statement) -> Statement:
        def moved(a: Access) -> Access:
            return (a.array in shapes and transposed(a, s.domain, *shapes[a.array])) or a

        return replace(s, target=moved(s.target), expr=map_accesses(s.expr, moved))

    def first(node: Node) -> Node:
        """A line that has an iteration for each thing and step, step by step."""
        if not isinstance(node, Statement) or not all(map(is_number, node.domain)):
            return node
        joins = node.domain[:1] == (loop.extent,) and not steps.isdisjoint(node.domain[1:2])
        return swapped(node) if joins and any(a.array in shapes for a in node.accesses) else node

    arrays = dict(program.arrays)
    for name, (things, count, unit) in shapes.items():
        shape = (count, things, unit) if unit > 1 else (count, things)
        arrays[name] = replace(arrays[name], shape=shape)
    body = [first(node) for node in map_statements(lines, change)]
    return replace(program, arrays=arrays, body=body)


def _is_plain(loop: Loop, program: Program) -> bool:
    """Whether iterations have nothing in common but what they add to: nothing is rewritten."""
    return all(
        program.arrays[s.target.array].role not in (Role.STATE, Role.SCRATCH)
        and all(map(is_number, s.domain))
        for s in statements([loop])
    )


def _apart(loop: Loop) -> list[Node]:
    """The lines of a loop over things, one after the other, each for all things."""
    found: list[Node] = []
    for node in loop.body:
        if isinstance(node, Statement):
            found.append(node)
        elif node.order is Order.FREE:
            found.append(replace(loop, body=[node]))
        else:
            body: list[Node] = [
                swapped(inner)
                if isinstance(inner, Statement)
                else replace(loop, body=map_statements([inner], swapped))
                for inner in node.body
            ]
            found.append(replace(node, body=body))
    return found


def _shapes(lines: Sequence[Node], loop: Loop, program: Program) -> dict[str, Shape]:
    """The arrays that have a row for each thing, and a part of it for each step."""
    found: dict[str, Shape] = {}
    for s in statements([loop]):
        for a in s.accesses:
            array = program.arrays[a.array]
            if array.role is Role.TEMPORARY and len(a.strides) > 1:
                row, unit = map(abs, a.strides[:2])
                whole = array.size == row * loop.extent
                if whole and 0 < unit < row and row % unit == 0:
                    found.setdefault(a.array, (int(loop.extent), row // unit, unit))
    for s in statements(list(lines)):
        for a in s.accesses:
            if a.array in found and transposed(a, s.domain, *found[a.array]) is None:
                del found[a.array]
    return found
