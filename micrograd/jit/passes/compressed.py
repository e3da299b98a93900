"""Program -> Program: the entries of a sparse Jacobian or Hessian, by directions of many columns.

Requires a verified program, and a colour for each column, such that columns of a colour share no
row that an entry is taken from. The derivatives along the sum of all unit directions of a colour
have the entries of all its columns. Establishes a verified program whose only output has the
entries of a pattern, in its order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..ir.nests import Ints, factor, pieces
from ..ir.program import Access, Program, Role, accesses, entry
from ..trace.trace import Element
from .chains import chained
from .colouring import number
from .diagonal import along_diagonals
from .forward import UNROLLED
from .tangent_arrays import fresh
from .tangents import Bundle, extend

MOST_LOOPS = 16
"""Loops that write the entries of one colour; more are one, which goes through index tables."""


@dataclass(frozen=True, slots=True)
class Part:
    """Entries that are computed along directions of one kind.

    wrt       what they are derivatives by, each element once
    of        the array that they are derivatives of
    places    where they stand among all entries
    rows      elements of that array, for each entry
    columns   elements of `wrt`, for each entry
    colours   of all columns; -1: none is used
    """

    wrt: Sequence[Element | None]
    of: str
    places: Ints
    rows: Ints
    columns: Ints
    colours: Ints

    @property
    def count(self) -> int:
        """How many directions there are."""
        return number(self.colours)

    @property
    def seeds(self) -> set[str]:
        """The arrays that they are derivatives by."""
        return {e[0] for e in self.wrt if e is not None}

    @property
    def directions(self) -> Ints:
        """The direction of each entry."""
        found: Ints = self.colours[self.columns]
        return found

    def numbers(self, program: Program) -> dict[str, Ints]:
        """The direction that each element of an array has the tangent 1 in, or -1."""
        found: dict[str, Ints] = {}
        for e, colour in zip(self.wrt, self.colours.tolist(), strict=True):
            if e is not None:
                if e[0] not in found:
                    found[e[0]] = np.full(program.arrays[e[0]].size, -1, dtype=np.int64)
                found[e[0]][e[1]] = colour
        return found


def compressed(program: Program, parts: Sequence[Part], into: str) -> Program:
    """The program whose only output is `into[places[k]] = d of[rows[k]] / d wrt[columns[k]]`, of
    all parts, which have each place once.
    """
    parts = [part for part in parts if len(part.places)]
    for part in parts:
        program = chained(program, part.seeds, part.of)
    result = Program()
    for a in program.arrays.values():
        is_output = a.role is Role.OUTPUT
        result.arrays[a.name] = replace(a, role=Role.TEMPORARY) if is_output else a
    result.declare(into, Role.OUTPUT, sum(len(part.places) for part in parts))
    reads = sum(1 + len(accesses(s.expr)) for s in program.statements)
    if reads * sum(part.count for part in parts) <= UNROLLED:
        _one_by_one(program, result, parts, into)
        return result
    bundles = []
    for part in parts:
        numbers = part.numbers(program)
        bundles.append(Bundle(program, result, set(numbers), numbers, count=part.count))
    extend(program, result, bundles)
    for part, bundle in zip(parts, bundles, strict=True):
        bundle.complete(part.of, np.arange(program.arrays[part.of].size))
        source = bundle.element(part.of, part.rows, part.directions)
        _copy(result, bundle.declare(part.of), source, into, part.places)
    for part, bundle in zip(parts, bundles, strict=True):
        result = along_diagonals(result, bundle.names.values(), part.count)
    return result


def _one_by_one(program: Program, result: Program, parts: Sequence[Part], into: str) -> None:
    """Let each direction have statements of its own."""
    bundles = []
    for part in parts:
        numbers = part.numbers(program)
        for d in range(part.count):
            names = {name for name, x in numbers.items() if (x == d).any()}
            bundles.append(Bundle(program, result, names, numbers, number=d))
    extend(program, result, bundles)
    left = iter(bundles)
    for part in parts:
        directions = part.directions
        for d in range(part.count):
            own = np.flatnonzero(directions == d)
            _take(next(left), part.of, into, part.places[own], part.rows[own])


def _take(bundle: Bundle, of: str, into: str, places: Ints, rows: Ints) -> None:
    """Copy the entries of a direction from its derivatives; those without any are 0."""
    has = bundle.names.get(of)
    reached = bundle.reached[of][rows] if has else np.zeros(len(places), dtype=bool)
    if has:
        _copy(bundle.result, has, rows[reached], into, places[reached])
    _copy(bundle.result, None, rows[~reached], into, places[~reached])


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
