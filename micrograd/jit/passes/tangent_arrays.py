"""The arrays of a bundle of tangents: which there are, where their elements lie, what is known.

Every array that is active may have one of tangents, and with all directions together a number for
each of them. Some elements have a number already, some a direction reaches; masks say which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...errors import CompilerError
from ..ir.interpret import elements
from ..ir.nests import Ints, distinct, nests
from ..ir.program import (
    Access,
    Expr,
    Program,
    Role,
    Statement,
    map_accesses,
    row_major,
)
from .reverse import active, differentiable_accesses

MOST_FILLS = 4
"""Statements that set some elements of an array to zero; more set them all."""
TABLE_ENTRIES = 1 << 27
"""The largest index table that is made for all directions."""

Bools = npt.NDArray[np.bool_]


def fresh(program: Program, name: str) -> str:
    """The name, with underscores behind it if the program has it already."""
    while name in program.arrays or name in program.tables:
        name += "_"
    return name


class TangentArrays:
    """Where the tangents of a program along some directions lie.

    program   what is differentiated
    result    the program that the tangents are appended to
    numbers   array -> for each of its elements, the unit direction that it has the tangent 1 in,
              or -1; without it, the direction is data (`seed`)
    number    the unit direction of this bundle
    count     the number of directions, if it has all of them
    """

    def __init__(
        self,
        program: Program,
        result: Program,
        seeds: set[str],
        numbers: Mapping[str, Ints] | None = None,
        *,
        number: int = -1,
        count: int | None = None,
    ) -> None:
        self.program = program
        self.result = result
        self.numbers = numbers or {}
        self.number = number
        self.count = count
        self.active = active(program, seeds)
        self.names: dict[str, str] = {}  # array -> its tangents
        self.set: dict[str, Bools] = {}  # array -> which elements have a number for a tangent
        self.reached: dict[str, Bools] = {}  # array -> which elements a direction reaches
        self.data: dict[str, str] = {}  # array -> the directions of its elements, as data
        self.tables: dict[tuple[str, int], str] = {}
        # the loop of directions is outermost and so are its rows; but inside of steps in turn
        self.inside = any(s.turn for s in program.body)

    def reaches(self, array: str, element: int) -> bool:
        """Whether the direction reaches this element."""
        return array in self.reached and bool(self.reached[array][element])

    def element(self, array: str, index: Ints, direction: Ints) -> Ints:
        """Where the tangents of elements lie, along these of all the directions."""
        if self.inside:
            return index * (self.count or 1) + direction
        return direction * self.program.arrays[array].size + index

    def tangent(self, a: Access, s: Statement | None = None) -> Access:
        """The access to the tangent of what `a` reads, in the domain of a statement's tangent."""
        name = self.declare(a.array)
        if self.count is None:
            return replace(a, array=name)
        size = self.program.arrays[a.array].size
        if s is None and not a.strides:
            return Access(name, int(self.element(a.array, np.array(a.offset), np.array(0))))
        at = self.loop_of_directions(s)
        scale = self.count if self.inside else 1
        step = 1 if self.inside else size
        table = a.table
        if table is not None:
            table = self._table(table, size)
            step = 1 if self.inside else len(self.program.tables[a.table or ""])
        strides = [d * scale for d in a.strides]
        strides.insert(at, step)
        return Access(name, a.offset * scale, tuple(strides), table)

    def complete(self, array: str, index: Ints) -> None:
        """Give the elements that have no tangent the number 0.

        If they lie scattered, all that nothing is going to be assigned to.
        """
        self.declare(array)
        done = self.set[array]
        missing = distinct(index[~done[index]])
        fills = list(nests(missing[None, :]))
        if len(fills) > MOST_FILLS:
            needed = np.zeros(len(done), dtype=bool)
            needed[missing] = True
            missing = np.flatnonzero(needed | ~(done | self._assigned(array)))
            fills = list(nests(missing[None, :]))
        for counts, ((offset, strides),) in fills:
            fill = Statement(Access(array, offset, strides), 0.0, counts)
            domain = counts if self.count is None else (self.count, *counts)
            self.result.assign(self.tangent(fill.target, fill), 0.0, domain)
        done[missing] = True

    def _assigned(self, array: str) -> Bools:
        """The elements whose tangents may be assigned, and not only added to."""
        mask = np.zeros(self.program.arrays[array].size, dtype=bool)
        for s in self.program.body:
            reads = differentiable_accesses(s.expr)
            depends = any(a.array in self.active for a in reads)
            if s.target.array == array and not s.accumulate and depends:
                mask[elements(s.target, s.domain, self.program)] = True
        return mask

    def declare(self, array: str) -> str:
        """The name of the array of tangents; it is declared when new."""
        if array not in self.names:
            size = self.program.arrays[array].size
            prefix = "d" if self.number < 0 else f"d{self.number}"
            name = self.names[array] = fresh(self.result, f"{prefix}_{array}")
            self.result.declare(name, Role.TEMPORARY, size * (self.count or 1))
            self.set[array] = np.zeros(size, dtype=bool)
            self.reached[array] = np.zeros(size, dtype=bool)
        return self.names[array]

    def loop_of_directions(self, s: Statement | None) -> int:
        """Which loop is the one of directions: the first, or the second of a statement in turn."""
        return 1 if s is not None and s.turn else 0

    def beside_access(self, a: Access, s: Statement) -> Access:
        """The access as a statement's tangent has it, which may have one more loop."""
        if self.count is None:
            return a
        at = self.loop_of_directions(s)
        return replace(a, strides=(*a.strides[:at], 0, *a.strides[at:]))

    def beside(self, expr: Expr, s: Statement) -> Expr:
        return map_accesses(expr, lambda a: self.beside_access(a, s))

    # -- data ----------------------------------------------------------------------------------

    def mask(self, live: Bools, s: Statement) -> Access:
        """Constant data that is 1 at the points that are live, and 0 at the others."""
        count = sum(name.startswith("live") for name in self.result.arrays)
        name = fresh(self.result, f"live{count}")
        self.result.declare(name, Role.CONSTANT, len(live), live.astype(np.float64))
        return self.beside_access(Access(name, 0, row_major(s.domain)), s)

    def constant(self, name: str, numbers: Ints) -> str:
        if name not in self.data:
            self.data[name] = fresh(self.result, name)
            data = numbers.astype(np.float64)
            self.result.declare(self.data[name], Role.CONSTANT, len(data), data)
        return self.data[name]

    def _table(self, name: str, size: int) -> str:
        """The index table for the tangents, along all directions, of an array of this size."""
        if (name, size) not in self.tables:
            table, count = self.program.tables[name], self.count or 1
            if len(table) * count > TABLE_ENTRIES:
                raise CompilerError(
                    f"forward: {count} directions of a program with an index table of {len(table)} "
                    "entries are too many; take derivatives along single directions (jvp, hvp)"
                )
            directions = np.arange(count)
            if self.inside:
                entries = (table[:, None] * count + directions).reshape(-1)
            else:
                entries = (directions[:, None] * size + table).reshape(-1)
            self.tables[name, size] = fresh(self.result, f"{name}_{size}")
            self.result.tables[self.tables[name, size]] = entries
        return self.tables[name, size]
