"""The arrays of a bundle of tangents: which there are, where their elements lie, what is known.

Every array that is active may have one of tangents, and with all directions together a number for
each of them. Some elements have a number already, some a direction reaches; masks say which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..ir.extents import Varying, one_more
from ..ir.nests import Ints, distinct, nests
from ..ir.points import elements
from ..ir.program import (
    Access,
    Expr,
    Loop,
    Node,
    Program,
    Role,
    Statement,
    map_accesses,
)
from .flows import active, differentiable_accesses
from .reaching import Bools, declare_mask
from .reaching import fresh as fresh

MOST_FILLS = 4
"""Statements that set some elements of an array to zero; more set them all."""


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
        self.masks: dict[tuple[bytes, tuple[int, ...]], Access] = {}
        self.data: dict[str, str] = {}  # array -> the directions of its elements, as data
        self.body: list[Node] = result.body  # where statements are appended
        self.depth = 0  # how many loops there are around them
        # the loop of directions is outermost and so are its rows; but inside of other loops
        self.inside = any(isinstance(node, Loop) for node in program.body)

    def stand(self, body: list[Node], depth: int) -> None:
        """Append statements here from now on, inside of so many loops."""
        self.body, self.depth = body, depth

    def reached_of(self, array: str) -> Bools:
        """Which elements of an array the direction reaches."""
        if array in self.reached:
            return self.reached[array]
        return np.zeros(self.program.arrays[array].size, dtype=bool)

    def element(self, array: str, index: Ints, direction: Ints) -> Ints:
        """Where the tangents of elements lie, along these of all the directions."""
        if self.inside:
            return index * (self.count or 1) + direction
        return direction * self.program.arrays[array].size + index

    def tangent(self, a: Access) -> Access:
        """The access to the tangent of what `a` reads; with the loop of directions around it."""
        name = self.declare(a.array)
        if self.count is None:
            return a.of(name)
        scale = self.count if self.inside else 1
        step = 1 if self.inside else self.program.arrays[a.array].size
        at = self.depth
        strides = tuple([d * scale for d in a.strides])
        parts = [
            replace(p, strides=one_more(p.strides, at), scale=p.scale * scale) for p in a.parts
        ]
        around = (*strides[:at], step, *strides[at:])
        return Access(name, a.offset * scale, around, tuple(parts))

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
            target = self.tangent(Access(array, offset, strides))
            domain = self.with_directions(counts)
            self.body.append(Statement(target, 0.0, domain, derivative="tangent"))
        done[missing] = True

    def _assigned(self, array: str) -> Bools:
        """The elements whose tangents may be assigned, and not only added to."""
        mask = np.zeros(self.program.arrays[array].size, dtype=bool)
        for s in self.program.statements:
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

    def with_directions(self, domain: tuple[int, ...]) -> tuple[int, ...]:
        """The domain with the loop of directions in it, inside of the loops around."""
        if self.count is None:
            return domain
        at = self.depth
        inner = [c.around(at) if isinstance(c, Varying) else c for c in domain[at:]]
        return (*domain[:at], self.count, *inner)

    def beside_access(self, a: Access) -> Access:
        """The access as a statement's tangent has it, which may have one more loop."""
        return a if self.count is None else a.around(self.depth)

    def beside(self, expr: Expr) -> Expr:
        """The expression as a statement's tangent has it."""
        return map_accesses(expr, self.beside_access)

    # -- data ----------------------------------------------------------------------------------

    def mask(self, live: Bools, domain: tuple[int, ...]) -> Access:
        """Constant data that is 1 at the points that are live, and 0 at the others."""
        key = live.tobytes(), domain
        if key not in self.masks:
            count = sum(name.startswith("live") for name in self.result.arrays)
            name = fresh(self.result, f"live{count}")
            self.masks[key] = declare_mask(self.result, name, live, domain)
        return self.beside_access(self.masks[key])

    def constant(self, name: str, numbers: Ints) -> str:
        """The name of an array with these numbers, which is declared when new."""
        if name not in self.data:
            self.data[name] = fresh(self.result, name)
            data = numbers.astype(np.float64)
            self.result.declare(self.data[name], Role.CONSTANT, len(data), data)
        return self.data[name]
