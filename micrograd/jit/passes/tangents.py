"""The tangents of a program along some directions, statement by statement.

The tangent of `T[f] = e(A[g])` is `dT[f] = sum of rule_i(dA_i)`: a derivative rule of the op table
is linear in its cotangent and ops are scalar, so the rule applied to the tangent of an operand is
what that operand contributes.

A *bundle* is the tangents along one direction that is given as data, along one unit direction, or
along all unit directions, in a loop around every statement; a tangent array has a number for each
of them then.

What is structurally zero is left out or masked, and not multiplied out, for 0 * inf is nan. In a
bundle of all directions this holds for what reads an element that is differentiated by; further on
an element that a direction does not reach has the number 0 there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...errors import CompilerError
from ...ops import eq, where
from ..ir.interpret import elements, repeats
from ..ir.nests import Ints, distinct, nests
from ..ir.program import (
    Access,
    Apply,
    Expr,
    Program,
    Role,
    Statement,
    accesses,
    map_accesses,
    row_major,
    runs,
)
from ..trace.trace import Element
from .linear import is_costly, tangent_of
from .reverse import active, differentiable_accesses
from .simplify import fold_expr

MOST_FILLS = 4
"""Statements that set some elements of an array to zero; more set them all."""
TABLE_ENTRIES = 1 << 27
"""The largest index table that is made for all directions."""

Bools = npt.NDArray[np.bool_]


def extend(program: Program, result: Program, bundles: Sequence[Bundle]) -> None:
    """Append the statements of the program to the result, with their tangents beside them."""
    for run in runs(program.body):
        if run[0].turn:
            for bundle in bundles:
                bundle.begin_turns(run)
        for s in run:
            if not s.accumulate:
                result.body.append(s)
            for bundle in bundles:  # `+=` may change what its own tangent reads
                bundle.statement(s)
            if s.accumulate:
                result.body.append(s)


def fresh(program: Program, name: str) -> str:
    """The name, with underscores behind it if the program has it already."""
    while name in program.arrays or name in program.tables:
        name += "_"
    return name


class Bundle:
    """The tangents of a program along some directions.

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

    # -- seeds ---------------------------------------------------------------------------------

    def seed(self, pairs: Sequence[tuple[Element, Element]]) -> None:
        """Take the tangents of elements of the program from elements of arrays of the result.

        An element that comes again has the sum for its tangent.
        """
        again: Counter[Element] = Counter()
        groups: dict[tuple[str, str, int], list[tuple[int, int]]] = {}
        for e, (home, at) in pairs:
            groups.setdefault((e[0], home, again[e]), []).append((e[1], at))
            again[e] += 1
        alone = all(count == 1 for count in again.values())
        for (name, home, time), places in sorted(groups.items(), key=lambda g: g[0][2]):
            size = self.program.arrays[name].size
            index = np.array(places, dtype=np.int64).T
            whole = places == [(k, k) for k in range(size)]
            if whole and alone and self.result.arrays[home].size == size:
                self.names[name] = home
                self.set[name] = np.zeros(size, dtype=bool)
                self.reached[name] = np.zeros(size, dtype=bool)
            else:
                self._declare(name)
                for counts, (element, given) in nests(index):
                    target, source = self.tangent(Access(name, *element)), Access(home, *given)
                    self.result.assign(target, source, counts, accumulate=time > 0)
            self.set[name][index[0]] = self.reached[name][index[0]] = True

    # -- statements ----------------------------------------------------------------------------

    def begin_turns(self, run: Sequence[Statement]) -> None:
        """Give a tangent to what statements in turn read before it is assigned among them.

        What they read depends on the iteration, so in all that is active a direction is said to
        reach every element.
        """
        assigned: dict[str, Bools] = {}
        touched: dict[str, Bools] = {}
        for s in run:
            for a in s.accesses:
                if a.array in self.active and a.array not in self.numbers:
                    self._declare(a.array)
                    size = self.program.arrays[a.array].size
                    marks = assigned if a is s.target and not s.accumulate else touched
                    mask = marks.setdefault(a.array, np.zeros(size, dtype=bool))
                    mask[elements(a, s.domain, self.program)] = True
        for name, mask in assigned.items():
            self.set[name] |= mask
            self.reached[name] |= mask
        for name, mask in touched.items():
            self.complete(name, np.flatnonzero(mask))
            self.reached[name] |= mask

    def statement(self, s: Statement) -> None:
        """Append the tangent of a statement, if it has one."""
        expr = self._beside(s.expr, s)
        out = expr if s.accumulate or isinstance(expr, float) else self._beside(s.target, s)
        plain: dict[Access, Expr] = {}
        masked: list[tuple[Expr, Access, Expr]] = []
        live = np.zeros(s.points, dtype=bool)
        for a in dict.fromkeys(differentiable_accesses(s.expr)):
            found = self._flow(a, s)
            if found is not None:
                condition, tangent, where_ = found
                live |= where_
                key = self._beside_access(a, s)
                if condition is None:
                    plain[key] = tangent
                else:
                    masked.append((condition, key, tangent))
        total = tangent_of(expr, out, plain)
        for condition, key, tangent in masked:
            flow = tangent_of(expr, out, {key: tangent})
            if flow is not None:
                # what is added where nothing flows is the zero of addition
                nothing = 0.0 if total is None and not s.accumulate else -0.0
                flow = where(condition, flow, nothing)
                total = flow if total is None else total + flow
        if total is None and s.turn and s.target.array in self.active and not s.accumulate:
            total = 0.0  # it is read in other iterations
        if total is not None:
            self._append(s, self._hoisted(fold_expr(total, {}), s, {}), live)

    def _append(self, s: Statement, total: Expr, live: Bools) -> None:
        name = s.target.array
        self._declare(name)
        index = elements(s.target, s.domain, self.program)
        done = self.set[name]
        first = not s.accumulate
        if s.accumulate and not s.turn and not repeats(index, len(done)):
            first = not done[index].any()
        if not first:
            self.complete(name, index)
        target = self.tangent(s.target, s)
        domain = s.domain
        if self.count is not None:
            at = self._at(s)
            domain = (*domain[:at], self.count, *domain[at:])
        self.result.body.append(Statement(target, total, domain, not first, s.turn))
        done[index] = True
        self.reached[name][index[live]] = True

    def _hoisted(self, expr: Expr, s: Statement, known: dict[Expr, Expr]) -> Expr:
        """The expression with what is costly and the same along all directions computed before.

        It is stored, one number for each point of the statement.
        """
        if self.count is None or not isinstance(expr, Apply) or not is_costly(expr):
            return expr
        at = self._at(s)
        if any(a.strides[at] for a in accesses(expr)):
            return Apply(expr.op, tuple(self._hoisted(x, s, known) for x in expr.args))
        if expr not in known:
            own = map_accesses(
                expr, lambda a: replace(a, strides=a.strides[:at] + a.strides[at + 1 :])
            )
            count = sum(name.startswith("slope") for name in self.result.arrays)
            name = fresh(self.result, f"slope{count}")
            self.result.declare(name, Role.TEMPORARY, s.points)
            access = Access(name, 0, row_major(s.domain))
            self.result.body.append(Statement(access, own, s.domain, turn=s.turn))
            known[expr] = self._beside_access(access, s)
        return known[expr]

    def _flow(self, a: Access, s: Statement) -> tuple[Expr | None, Expr, Bools] | None:
        """What flows from an access: under which condition, the tangent, and at which points.

        None if nothing does.
        """
        if a.array not in self.active:
            return None
        index = elements(a, s.domain, self.program)
        numbers = self.numbers.get(a.array)
        if numbers is not None and self.count is not None:
            live = numbers[index] >= 0
            return (self._is_unit(a, s), 1.0, live) if live.any() else None
        if numbers is not None:
            live = numbers[index] == self.number
        elif a.array in self.reached:
            live = self.reached[a.array][index]
        else:
            return None
        if not live.any():
            return None
        tangent: Expr = 1.0
        if numbers is None:
            self.complete(a.array, index)
            tangent = self.tangent(a, s)
        return None if live.all() else self._mask(live, s), tangent, live

    def _is_unit(self, a: Access, s: Statement) -> Expr:
        """Whether the element that is read has the tangent 1, along the loop of directions."""
        numbers, ramp = self.numbers[a.array], np.arange(self.count or 0)
        at = self._at(s)
        strides = tuple(int(d == at) for d in range(len(s.domain) + 1))
        direction = Access(self._constant("direction", ramp), 0, strides)
        if a.is_constant:
            return Apply(eq, (direction, float(numbers[a.offset])))
        name = self._constant("direction", ramp) if np.array_equal(numbers, ramp) else None
        name = name or self._constant(f"direction_{a.array}", numbers)
        return Apply(eq, (direction, self._beside_access(replace(a, array=name), s)))

    # -- elements ------------------------------------------------------------------------------

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
        name = self._declare(a.array)
        if self.count is None:
            return replace(a, array=name)
        size = self.program.arrays[a.array].size
        if s is None and not a.strides:
            return Access(name, int(self.element(a.array, np.array(a.offset), np.array(0))))
        at = self._at(s)
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
        self._declare(array)
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

    def _declare(self, array: str) -> str:
        """The name of the array of tangents; it is declared when new."""
        if array not in self.names:
            size = self.program.arrays[array].size
            prefix = "d" if self.number < 0 else f"d{self.number}"
            name = self.names[array] = fresh(self.result, f"{prefix}_{array}")
            self.result.declare(name, Role.TEMPORARY, size * (self.count or 1))
            self.set[array] = np.zeros(size, dtype=bool)
            self.reached[array] = np.zeros(size, dtype=bool)
        return self.names[array]

    def _at(self, s: Statement | None) -> int:
        """Which loop is the one of directions: the first, or the second of a statement in turn."""
        return 1 if s is not None and s.turn else 0

    def _beside_access(self, a: Access, s: Statement) -> Access:
        """The access as a statement's tangent has it, which may have one more loop."""
        if self.count is None:
            return a
        at = self._at(s)
        return replace(a, strides=(*a.strides[:at], 0, *a.strides[at:]))

    def _beside(self, expr: Expr, s: Statement) -> Expr:
        return map_accesses(expr, lambda a: self._beside_access(a, s))

    # -- data ----------------------------------------------------------------------------------

    def _mask(self, live: Bools, s: Statement) -> Access:
        """Constant data that is 1 at the points that are live, and 0 at the others."""
        count = sum(name.startswith("live") for name in self.result.arrays)
        name = fresh(self.result, f"live{count}")
        self.result.declare(name, Role.CONSTANT, len(live), live.astype(np.float64))
        return self._beside_access(Access(name, 0, row_major(s.domain)), s)

    def _constant(self, name: str, numbers: Ints) -> str:
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
