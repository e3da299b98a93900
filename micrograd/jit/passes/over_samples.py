"""Program of one sample -> Program of a block of samples: every array that depends on the data
gets a leading dimension.

Requires a verified program whose inputs are the numbers of one sample, and whose output `out` is a
loss, and perhaps a penalty behind it that depends on parameters only. Establishes a verified
program with these inputs, `size` samples long, one after the other; `weights`, a number per
sample; `share`, a number; and the extent `count`, how many samples there are. Its one output is

    out = sum(weights[i] * loss of sample i) + share * penalty

Parameters, and what is computed from parameters alone, have no dimension of samples: they are
broadcast by a stride of 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ... import ops
from ..ir.extents import Affine, Entries, Extent, Varying
from ..ir.program import (
    Access,
    Apply,
    Expr,
    Loop,
    Program,
    Role,
    Statement,
    accesses,
    map_accesses,
)
from ..reroll.outputs import OUTPUT

WEIGHTS, SHARE, COUNT = "weights", "share", "count"
_EACH, _PENALTY, _TOTAL = "each", "penalty", "total"
SIZE = 976
"""Samples in a block, at most: enough to make little of what a block costs by itself, a multiple of
every vector's width, and no power of two: columns would begin at one offset within their pages.
"""


LARGE = 4096
"""Points of a sample with triangles from which on it is done by itself: lanes are inside of it."""


def over_samples(program: Program) -> Program | None:
    """The program of a block of at most SIZE samples.

    None for a program that has no such form here: the data is read through index tables that are
    part of the program, or goes into statements that run in turn; and for a large one with
    triangles.
    """
    varying = _varying(program)
    if any(isinstance(node, Loop) for node in program.body):
        return None
    if _has_triangles(program) and sum(s.points for s in program.statements) >= LARGE:
        return None
    body = [one for s in program.statements for one in _single_outputs(s)]
    if any(_is_irregular(s, varying) for s in body):
        return None
    size = SIZE
    result = Program()
    for a in program.arrays.values():
        if a.role is not Role.OUTPUT:
            shape = a.shape
            if a.name in varying:
                shape = (size,) if a.shape == (1,) else (size, *a.shape)
            result.arrays[a.name] = replace(a, shape=shape)
    result.declare(WEIGHTS, Role.INPUT, size)
    result.declare(SHARE, Role.INPUT)
    count = result.extent(COUNT, size)
    result.declare(_EACH, Role.TEMPORARY, size)
    has_penalty = program.arrays[OUTPUT].size > 1
    if has_penalty:
        result.declare(_PENALTY, Role.TEMPORARY)
    stretch = {name: program.arrays[name].size for name in varying} | {_EACH: 1}

    def along(a: Access) -> Access:
        parts = tuple(replace(p, strides=(stretch.get(str(p.by), 0), *p.strides)) for p in a.parts)
        return Access(a.array, a.offset, (stretch.get(a.array, 0), *a.strides), parts)

    for s in body:
        if s.target.array == OUTPUT:
            s = replace(s, target=Access(_PENALTY if s.target.offset else _EACH))
        if s.target.array in stretch:
            expr = map_accesses(s.expr, along)
            domain = [c.around(0) if isinstance(c, Varying) else c for c in s.domain]
            s = replace(s, target=along(s.target), expr=expr, domain=(count, *domain))
        result.body.append(s)
    _sum(result, count, penalty=has_penalty)
    return result


def _has_triangles(program: Program) -> bool:
    return any(isinstance(c, Affine | Entries) for s in program.statements for c in s.domain)


def _sum(program: Program, count: Extent, *, penalty: bool) -> None:
    total = Access(program.declare(_TOTAL, Role.TEMPORARY).name)
    program.assign(total, -0.0)
    weighted = Apply(ops.mul, (Access(_EACH, 0, (1,)), Access(WEIGHTS, 0, (1,))))
    program.assign(Access(_TOTAL, 0, (0,)), weighted, (count,), accumulate=ops.add)
    program.declare(OUTPUT, Role.OUTPUT)
    whole: Expr = total
    if penalty:
        shared = Apply(ops.mul, (Access(SHARE), Access(_PENALTY)))
        whole = Apply(ops.add, (total, shared))
    program.assign(Access(OUTPUT), whole)


def _varying(program: Program) -> set[str]:
    """The arrays that depend on the data."""
    found = {a.name for a in program.with_role(Role.INPUT)}
    for s in program.statements:
        read = {name for a in accesses(s.expr) for name in (a.array, *a.index_arrays)}
        if s.target.array != OUTPUT and read & found:
            found.add(s.target.array)
    return found


def _single_outputs(s: Statement) -> Sequence[Statement]:
    """The statement; a loop over outputs as one for each."""
    if s.target.array != OUTPUT or s.domain == ():
        return [s]
    (count,) = s.domain

    def at(a: Access, k: int) -> Access:
        return a.within(k)

    found = []
    for k in range(count):
        expr = map_accesses(s.expr, partial(at, k=k))
        found.append(replace(s, target=at(s.target, k), expr=expr, domain=()))
    return found


def _is_irregular(s: Statement, varying: set[str]) -> bool:
    touched = s.accesses
    varies = any(name in varying for a in touched for name in (a.array, *a.index_arrays))
    given = all(str(p.by) in varying for a in touched for p in a.parts)
    return varies and not given
