"""Program -> Program: the entries of a sparse Jacobian or Hessian, by directions of many columns.

Requires a verified program, and a colour for each column, such that columns of a colour share no
row that an entry is taken from. The derivatives along the sum of all unit directions of a colour
have the entries of all its columns. Establishes a verified program whose only output has the
entries of a pattern, in its order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..ir.nests import Ints, factor, pieces
from ..ir.program import Access, Program, Role, accesses, entry
from ..trace.trace import Element
from .chains import chained
from .diagonal import along_diagonals
from .forward import UNROLLED
from .tangent_arrays import fresh
from .tangents import Bundle, extend

MOST_LOOPS = 16
"""Loops that write the entries of one colour; more are one, which goes through index tables."""


def compressed(
    program: Program,
    wrt: Sequence[Element | None],
    of: str,
    into: str,
    taken: tuple[Ints, Ints],
    colours: Ints,
) -> Program:
    """The program whose only output is `into[k] = d of[rows[k]] / d wrt[columns[k]]`.

    taken     rows and columns
    colours   of the columns
    """
    rows, columns = taken
    direction = colours[columns]
    program = chained(program, {e[0] for e in wrt if e is not None}, of)
    result = Program()
    for a in program.arrays.values():
        is_output = a.role is Role.OUTPUT
        result.arrays[a.name] = replace(a, role=Role.TEMPORARY) if is_output else a
    numbers: dict[str, Ints] = {}
    for e, colour in zip(wrt, colours.tolist(), strict=True):
        if e is not None:
            if e[0] not in numbers:
                numbers[e[0]] = np.full(program.arrays[e[0]].size, -1, dtype=np.int64)
            numbers[e[0]][e[1]] = colour
    result.declare(into, Role.OUTPUT, len(rows))
    count = int(direction.max()) + 1
    cost = count * sum(1 + len(accesses(s.expr)) for s in program.statements)
    if cost <= UNROLLED:
        bundles = []
        for d in range(count):
            names = {name for name, x in numbers.items() if (x == d).any()}
            bundles.append(Bundle(program, result, names, numbers, number=d))
        extend(program, result, bundles)
        for d, bundle in enumerate(bundles):
            _take(bundle, of, into, np.flatnonzero(direction == d), rows)
        return result
    bundle = Bundle(program, result, set(numbers), numbers, count=count)
    extend(program, result, [bundle])
    bundle.complete(of, np.arange(program.arrays[of].size))
    source = bundle.element(of, rows, direction)
    _copy(result, bundle.declare(of), source, into, np.arange(len(rows)))
    return along_diagonals(result, bundle.names.values(), count)


def _take(bundle: Bundle, of: str, into: str, places: Ints, rows: Ints) -> None:
    """Copy the entries of a colour from its derivatives; those without any are 0."""
    has = bundle.names.get(of)
    reached = bundle.reached[of][rows[places]] if has else np.zeros(len(places), dtype=bool)
    if has:
        _copy(bundle.result, has, rows[places[reached]], into, places[reached])
    _copy(bundle.result, None, rows[places[~reached]], into, places[~reached])


def _copy(result: Program, source: str | None, index: Ints, into: str, places: Ints) -> None:
    """Append copies of elements of an array, or of zeros, to these places of another."""
    if not len(places):
        return
    both = np.stack([index, places])
    parts = pieces(both, MOST_LOOPS)
    if parts is None:
        read: Access | float = 0.0
        if source is not None:
            read = entry(source, result.table(fresh(result, "taken"), index), 0, (1,))
            if np.array_equal(index, np.arange(index[0], index[0] + len(index))):
                read = Access(source, int(index[0]), (1,))
        target = entry(into, result.table(fresh(result, "place"), places), 0, (1,))
        if np.array_equal(places, np.arange(len(places))):
            target = Access(into, 0, (1,))
        result.assign(target, read, (len(places),))
        return
    for low, high in parts:
        nest = factor(both[:, low:high])
        assert nest is not None
        read = Access(source, int(index[low]), nest.strides_of(0)) if source is not None else 0.0
        result.assign(Access(into, int(places[low]), nest.strides_of(1)), read, nest.counts)
