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
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...ops import eq, where
from ..ir.interpret import elements, repeats
from ..ir.nests import nests
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
from .reverse import differentiable_accesses
from .simplify import fold_expr
from .tangent_arrays import Bools, TangentArrays, fresh


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


class Bundle(TangentArrays):
    """The tangents of a program along some directions.

    program   what is differentiated
    result    the program that the tangents are appended to
    numbers   array -> for each of its elements, the unit direction that it has the tangent 1 in,
              or -1; without it, the direction is data (`seed`)
    number    the unit direction of this bundle
    count     the number of directions, if it has all of them
    """

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
                self.declare(name)
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
                    self.declare(a.array)
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
        expr = self.beside(s.expr, s)
        out = expr if s.accumulate or isinstance(expr, float) else self.beside(s.target, s)
        plain: dict[Access, Expr] = {}
        masked: list[tuple[Expr, Access, Expr]] = []
        live = np.zeros(s.points, dtype=bool)
        for a in dict.fromkeys(differentiable_accesses(s.expr)):
            found = self._flow(a, s)
            if found is not None:
                condition, tangent, where_ = found
                live |= where_
                key = self.beside_access(a, s)
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
        self.declare(name)
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
            at = self.loop_of_directions(s)
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
        at = self.loop_of_directions(s)
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
            known[expr] = self.beside_access(access, s)
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
        return None if live.all() else self.mask(live, s), tangent, live

    def _is_unit(self, a: Access, s: Statement) -> Expr:
        """Whether the element that is read has the tangent 1, along the loop of directions."""
        numbers, ramp = self.numbers[a.array], np.arange(self.count or 0)
        at = self.loop_of_directions(s)
        strides = tuple(int(d == at) for d in range(len(s.domain) + 1))
        direction = Access(self.constant("direction", ramp), 0, strides)
        if a.is_constant:
            return Apply(eq, (direction, float(numbers[a.offset])))
        name = self.constant("direction", ramp) if np.array_equal(numbers, ramp) else None
        name = name or self.constant(f"direction_{a.array}", numbers)
        return Apply(eq, (direction, self.beside_access(replace(a, array=name), s)))
