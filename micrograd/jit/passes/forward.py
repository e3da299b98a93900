"""Program -> Program: forward-mode differentiation (Jacobian-vector products).

Requires a verified program. Establishes a verified one with another output, which holds tangents:
along one direction, which is an input, or along all unit directions, as a matrix. Over a gradient
that matrix is the Hessian. Tangents stand beside the statements that they belong to.

Few unit directions of a short program get statements of their own: most of what they compute folds
away, is shared, or is zero by structure. Otherwise a loop of directions goes around every
statement, so that the code does not grow with their number; or along a diagonal (`diagonal.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...ops import add, mul
from ..ir.nests import Ints, nests
from ..ir.program import Access, Expr, Program, Role, accesses
from ..reroll.outputs import write_outputs
from ..trace.trace import Element
from .chains import chained
from .diagonal import along_diagonals
from .tangent_arrays import fresh
from .tangents import Bundle, extend

FEW = 16
"""Results that are copied one by one, so that nothing needs an address."""
UNROLLED = 2000
"""Operands, times directions, up to which every direction gets statements of its own."""


def jvp(
    program: Program,
    wrt: Sequence[Element | None],
    direction: Sequence[tuple[str, int]],
    of: str,
    into: str,
) -> Program:
    """The program with another output, `into`: the derivative of the array `of` along a direction.

    direction   the arrays that it is given in, with their sizes: one after the other they have a
                number for every element of `wrt`. They become inputs.
    """
    program = chained(program, {e[0] for e in wrt if e is not None}, of)
    result = Program(dict(program.arrays))
    places: list[Element] = []
    for name, size in direction:
        result.declare(name, Role.INPUT, size)
        places += [(name, k) for k in range(size)]
    pairs = [(e, at) for e, at in zip(wrt, places, strict=True) if e is not None]
    bundle = Bundle(program, result, {name for (name, _), _ in pairs})
    bundle.seed(pairs)
    extend(program, result, [bundle])
    size = program.arrays[of].size
    bundle.complete(of, np.arange(size))
    result.declare(into, Role.OUTPUT, size)
    copy(result, bundle.tangent(Access(of)), Access(into), size)
    return result


def tangents(
    program: Program, wrt: Sequence[str], of: Sequence[str]
) -> tuple[Program, dict[str, str], dict[str, str]]:
    """The program with the derivatives of the arrays `of` along a direction, by whole arrays.

    Beside it, by those of `wrt`, the inputs of their shapes that the direction is given in; and by
    those of `of`, the temporaries that their tangents are in.
    """
    program = chained(program, set(wrt), next(iter(of)))
    result = Program(dict(program.arrays))
    bundle = Bundle(program, result, set(wrt))
    given: dict[str, str] = {}
    for name in wrt:
        shape = program.arrays[name].shape
        given[name] = result.declare(fresh(result, f"d_{name}"), Role.INPUT, shape).name
        bundle.take(name, given[name])
    extend(program, result, [bundle])
    for name in of:
        bundle.complete(name, np.arange(program.arrays[name].size))
    return result, given, {name: bundle.names[name] for name in of}


def jacobian(
    program: Program,
    wrt: Sequence[Element | None],
    of: str,
    into: str,
    places: Ints,
    *,
    symmetric: bool = False,
) -> Program:
    """The program whose only output is `into[k] = d of[places[0, k]] / d wrt[places[1, k]]`.

    symmetric   `of` is the gradient with respect to `wrt`: `into` is made exactly symmetric
    """
    program = chained(program, {e[0] for e in wrt if e is not None}, of)
    result = Program()
    for a in program.arrays.values():
        is_output = a.role is Role.OUTPUT
        result.arrays[a.name] = replace(a, role=Role.TEMPORARY) if is_output else a
    number = {e: d for d, e in enumerate(dict.fromkeys(e for e in wrt if e is not None))}
    numbers: dict[str, Ints] = {}
    for (name, k), d in number.items():
        if name not in numbers:
            numbers[name] = np.full(program.arrays[name].size, -1, dtype=np.int64)
        numbers[name][k] = d
    columns = np.array([-1 if e is None else number[e] for e in wrt], dtype=np.int64)
    result.declare(into, Role.OUTPUT, places.shape[1])
    cost = len(number) * sum(1 + len(list(accesses(s.expr))) for s in program.statements)
    if cost <= UNROLLED:
        bundles = [
            Bundle(program, result, {name}, numbers, number=d) for d, (name, _) in enumerate(number)
        ]
        extend(program, result, bundles)
        _gather(result, bundles, of, into, places, columns, symmetric)
    else:
        bundle = Bundle(program, result, set(numbers), numbers, count=len(number))
        extend(program, result, [bundle])
        _spread(bundle, of, into, places, columns, symmetric)
        return along_diagonals(result, bundle.names.values(), len(number))
    return result


def copy(program: Program, source: Access, target: Access, size: int) -> None:
    """Append a copy of `size` elements, those at the accesses first; of few, one by one."""
    if size <= FEW:
        for k in range(size):
            element = Access(source.array, source.offset + k)
            program.assign(Access(target.array, target.offset + k), element)
    else:
        row = Access(source.array, source.offset, (1,))
        program.assign(Access(target.array, target.offset, (1,)), row, (size,))


def _gather(
    result: Program,
    bundles: Sequence[Bundle],
    of: str,
    into: str,
    places: Ints,
    columns: Ints,
    symmetric: bool,
) -> None:
    """Collect a Jacobian from a bundle per direction; of a symmetric one, half is computed.

    Directions take turns in it, so what many of them have is copied by loops, direction by
    direction.
    """
    rows, across = (places.max(axis=0), places.min(axis=0)) if symmetric else places
    directions = columns[across]
    for d, bundle in enumerate(bundles):
        here = np.flatnonzero(directions == d)
        directions[here[~bundle.reached_of(of)[rows[here]]]] = -1  # a structural zero
    counts = np.bincount(directions + 1)
    if counts.max(initial=0) <= FEW:
        values: list[Expr] = [
            bundles[d].tangent(Access(of, row)) if d >= 0 else 0.0
            for d, row in zip(directions.tolist(), rows.tolist(), strict=True)
        ]
        write_outputs(result, into, values)
        return
    for d in (np.flatnonzero(counts) - 1).tolist():
        index = np.flatnonzero(directions == d)
        read = rows[index] if d >= 0 else np.zeros_like(index)
        for trips, (target, source) in nests(np.stack([index, read])):
            value = bundles[d].tangent(Access(of, *source)) if d >= 0 else 0.0
            result.assign(Access(into, *target), value, trips)


def _spread(
    bundle: Bundle, of: str, into: str, places: Ints, columns: Ints, symmetric: bool
) -> None:
    """Copy a Jacobian out of the bundle of all directions; a symmetric one is averaged."""
    result, size = bundle.result, bundle.program.arrays[of].size
    bundle.complete(of, np.arange(size))
    rows, places_ = places
    directions = columns[places_]
    known = directions >= 0
    sources = [bundle.element(of, rows, directions)]
    if symmetric:
        known &= columns[rows] >= 0
        sources.append(bundle.element(of, places_, columns[rows]))
    for only in (known, ~known):
        index = np.flatnonzero(only)
        name = bundle.declare(of)
        for counts, (target, *reads) in nests(np.stack([index, *(x[index] for x in sources)])):
            value: Expr = 0.0
            if only is known:
                read = [Access(name, *place) for place in reads]
                value = mul(0.5, add(*read)) if symmetric else read[0]
            result.assign(Access(into, *target), value, counts)
