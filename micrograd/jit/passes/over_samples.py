"""Program of one sample -> Program of a block of samples: every array that depends on the data
gets a leading dimension.

Requires a verified program whose inputs are the numbers of one sample, but for those that all
samples share, and whose output `out` are the results of that sample. Establishes a verified program
with these inputs, `size` samples long, one after the other, and the extent `count`, how many
samples there are. Its one output is

    out = sum(results of sample i)                                           `summed_over`
    out = sum(weights[i] * loss of sample i) + share * penalty               `over_samples`

where the second is for a loss, and perhaps a penalty behind it that depends on parameters only. It
has the inputs `weights`, a number per sample, and `share`, a number.

Parameters, and what is computed from parameters alone, have no dimension of samples: they are
broadcast by a stride of 0.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial

from ... import ops
from ..ir.extents import Affine, Entries, Extent, Varying
from ..ir.program import (
    Access,
    Apply,
    Expr,
    Loop,
    Node,
    Order,
    Program,
    Role,
    Statement,
    accesses,
    map_accesses,
    statements,
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
    """The program of the weighted loss of a block of at most SIZE samples.

    None for a program that has no such form here: the data is read through index tables that are
    part of the program, or goes into statements that run in turn; and for a large one with
    triangles.
    """
    inputs = {a.name for a in program.with_role(Role.INPUT)}
    if any(isinstance(node, Loop) for node in program.body):
        return None
    if _has_triangles(program) and sum(s.points for s in program.statements) >= LARGE:
        return None
    varying = _varying(program, inputs)
    if any(_is_irregular(s, varying) for s in program.statements):
        return None
    result, count = _along(program, inputs, of_loss=True)
    total = Access(result.declare(_TOTAL, Role.TEMPORARY).name)
    result.assign(total, -0.0)
    weighted = Apply(ops.mul, (Access(_EACH, 0, (1,)), Access(WEIGHTS, 0, (1,))))
    result.assign(Access(_TOTAL, 0, (0,)), weighted, (count,), accumulate=ops.add)
    result.declare(OUTPUT, Role.OUTPUT)
    whole: Expr = total
    if _PENALTY in result.arrays:
        shared = Apply(ops.mul, (Access(SHARE), Access(_PENALTY)))
        whole = Apply(ops.add, (total, shared))
    result.assign(Access(OUTPUT), whole)
    return result


def summed_over(program: Program, rows: Collection[str]) -> Program | None:
    """The program of the sums of the results of a block of at most SIZE samples.

    rows   the inputs that are of one sample

    None where a loop runs as often as a sample says: how often that was is one number.
    """
    if any(_ends_itself(node) for node in program.body):
        return None
    results = program.arrays[OUTPUT].size
    result, count = _along(program, rows, of_loss=False)
    result.declare(OUTPUT, Role.OUTPUT, results)
    result.assign(Access(OUTPUT, 0, (1,)), -0.0, (results,))
    result.assign(
        Access(OUTPUT, 0, (0, 1)),
        Access(_EACH, 0, (results, 1)),
        (count, results),
        accumulate=ops.add,
    )
    return result


def _along(program: Program, rows: Collection[str], *, of_loss: bool) -> tuple[Program, Extent]:
    """The program without its output, for whose results there is the array `each`, and for the
    second of them, if it is one, `penalty`; and the extent of samples.
    """
    varying = _varying(program, rows)
    result = Program()
    for a in program.arrays.values():
        if a.role is not Role.OUTPUT:
            shape = a.shape
            if a.name in varying:
                shape = (SIZE,) if a.shape == (1,) else (SIZE, *a.shape)
            result.arrays[a.name] = replace(a, shape=shape)
    if of_loss:
        result.declare(WEIGHTS, Role.INPUT, SIZE)
        result.declare(SHARE, Role.INPUT)
    count = result.extent(COUNT, SIZE)
    results = program.arrays[OUTPUT].size
    has_penalty = of_loss and results > 1
    each = 1 if has_penalty else results
    result.declare(_EACH, Role.TEMPORARY, (SIZE, each) if each > 1 else SIZE)
    if has_penalty:
        result.declare(_PENALTY, Role.TEMPORARY)
    stretch = {name: program.arrays[name].size for name in varying} | {_EACH: each}

    def along(a: Access) -> Access:
        parts = tuple(replace(p, strides=(stretch.get(str(p.by), 0), *p.strides)) for p in a.parts)
        return Access(a.array, a.offset, (stretch.get(a.array, 0), *a.strides), parts)

    def moved(s: Statement) -> Statement:
        domain = (count, *(c.around(0) if isinstance(c, Varying) else c for c in s.domain))
        expr = map_accesses(s.expr, along)
        return replace(s, target=along(s.target), expr=expr, domain=domain)

    def inside(node: Node) -> Node:
        if isinstance(node, Statement):
            return moved(node)
        extent = node.extent
        extent = extent.around(0) if isinstance(extent, Varying) else extent
        return Loop(extent, node.order, [inside(n) for n in node.body])

    for node in program.body:
        if isinstance(node, Loop):
            varies = any(s.target.array in stretch for s in statements([node]))
            result.body.append(Loop(count, Order.FREE, [inside(node)]) if varies else node)
            continue
        for s in _single_outputs(node):
            if s.target.array == OUTPUT:
                shared = has_penalty and s.target.offset
                penalty = Access(_PENALTY, 0, s.target.strides)
                s = replace(s, target=penalty if shared else s.target.of(_EACH))
            result.body.append(moved(s) if s.target.array in stretch else s)
    return result, count


def _varying(program: Program, rows: Collection[str]) -> set[str]:
    """The arrays that depend on the data, and what is written in loops together with such."""
    found = set(rows)
    size = 0
    while len(found) > size:
        size = len(found)
        for node in program.body:
            written = {s.target.array for s in statements([node])} - {OUTPUT}
            read = {
                name
                for s in statements([node])
                for a in accesses(s.expr)
                for name in (a.array, *a.index_arrays)
            }
            if not (read | written).isdisjoint(found):
                found |= written
    return found


def _single_outputs(s: Statement) -> Sequence[Statement]:
    """The statement; a loop over outputs as one for each."""
    if s.target.array != OUTPUT or not any(s.target.strides):
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


def _ends_itself(node: Node) -> bool:
    return isinstance(node, Loop) and (node.going is not None or any(map(_ends_itself, node.body)))


def _has_triangles(program: Program) -> bool:
    return any(isinstance(c, Affine | Entries) for s in program.statements for c in s.domain)
