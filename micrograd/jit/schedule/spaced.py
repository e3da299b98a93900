"""Program -> Program whose rows of run-time length begin on the boundaries of vectors.

    temp w[13, 13]                                  temp w[13, 16]
    w[i, j] = mul(x[i], y[j])  for i < 13, j < i + 1

Vectors of such rows end where a mask says. A processor that looks at addresses alone takes a masked
store for one of the whole vector, so loads of the next row, which would begin inside of it, wait
until it is done; beyond the row's room there is nobody who waits.

Requires a verified program; what it computes remains, bit for bit. Arrays that something reads or
writes across the ends of rows stay as they are, but for what sets all elements to one number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import gcd

from ..ir.extents import is_number
from ..ir.program import (
    Access,
    Array,
    Node,
    Program,
    Role,
    Statement,
    loops,
    map_accesses,
    map_statements,
)
from ..ir.stretches import stays
from ..target import Target

MORE = 1.25
"""How much more room an array may take so."""
SMALL = 16 * 1024
"""Bytes; an array that is no longer then may take any."""


def spaced(program: Program, target: Target) -> Program:
    """The program with longer rows where vectors end in them."""
    asked = {x.going.array for x in loops(program.body) if x.going is not None}
    rows = {
        name: length
        for name, length in _masked(program.statements, program.arrays)
        if name not in asked
    }
    room = {name: _room(program.arrays[name], rows[name], target) for name in rows}
    touched: dict[str, list[tuple[Access, Statement]]] = {name: [] for name in rows if room[name]}
    for s in program.statements:
        for a in s.accesses:
            if a.array in touched:
                touched[a.array].append((a, s))
    moved = {
        name: (rows[name], room[name])
        for name, found in touched.items()
        if all(
            stays(a, s.domain, rows[name], program.arrays) or _fills(s, program.arrays)
            for a, s in found
        )
    }
    if not moved:
        return program
    arrays = {
        name: replace(a, shape=_shape(a, *moved[name])) if name in moved else a
        for name, a in program.arrays.items()
    }
    return replace(program, arrays=arrays, body=_body(program, moved))


def _masked(body: list[Statement], arrays: Mapping[str, Array]) -> Iterator[tuple[str, int]]:
    """The temporary arrays of whose rows a loop of run-time length writes a part; how long they
    are: as far apart as other loops go.
    """
    for s in body:
        array = arrays[s.target.array]
        if array.role is not Role.TEMPORARY or array.is_index or array.size == 1:
            continue
        ends = zip(s.target.strides, s.domain, strict=True)
        if any(stride == 1 and not is_number(count) for stride, count in ends):
            row = gcd(array.size, *(stride for stride in s.target.strides if stride != 1))
            if row < array.size:
                yield array.name, row


def _room(array: Array, row: int, target: Target) -> int:
    """How long rows become: whole vectors; 0 if they are, or take too much more room."""
    room = -(-row // target.lanes) * target.lanes
    size = array.size // row * room
    fits = room <= MORE * row or size * target.bits // 8 <= SMALL
    return room if room > row and 2 * row > target.lanes and fits else 0


def _shape(array: Array, row: int, room: int) -> tuple[int, ...]:
    """The shape of an array whose rows become longer."""
    *outer, last = array.shape
    return (array.size // row, room) if last % row else (*outer, last // row * room)


def _fills(s: Statement, arrays: Mapping[str, Array]) -> bool:
    """Whether a statement sets all elements of an array, in a row, to a number."""
    is_all = s.domain == (arrays[s.target.array].size,) and is_number(s.domain[0])
    return is_all and s.target.strides == (1,) and isinstance(s.expr, float)


def _body(program: Program, moved: Mapping[str, tuple[int, int]]) -> list[Node]:
    def change(a: Access) -> Access:
        if a.array not in moved:
            return a
        row, room = moved[a.array]
        whole, inside = divmod(a.offset, row)

        def longer(stride: int) -> int:
            return stride if stride % row else stride // row * room

        parts = tuple([replace(p, scale=longer(p.scale)) for p in a.parts])
        strides = tuple([longer(stride) for stride in a.strides])
        return Access(a.array, whole * room + inside, strides, parts)

    def longer(s: Statement) -> Statement:
        name = s.target.array
        if name in moved and not stays(s.target, s.domain, moved[name][0], program.arrays):
            row, room = moved[name]
            return replace(s, domain=(s.domain[0] // row * room,))
        return replace(s, target=change(s.target), expr=map_accesses(s.expr, change))

    return map_statements(program.body, longer)
