"""The tangents of a program along some directions, statement by statement.

The tangent of `T[f] = e(A[g])` is `dT[f] = sum of rule_i(dA_i)`: a derivative rule of the op table
is linear in its cotangent and ops are scalar, so the rule applied to the tangent of an operand is
what that operand contributes.

A *bundle* is the tangents along one direction that is given as data, along one unit direction, or
along all unit directions, in a loop around every statement; a tangent array has a number for each
of them then.

What is structurally zero is left out or masked, and not multiplied out, for 0 * inf is nan. In a
bundle of all directions this holds for what reads an element that is differentiated by; further on
an element that a direction does not reach has the number 0 there, which `direction_reach.py` then
keeps from being multiplied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...ops import add, eq
from ..ir.nests import nests
from ..ir.points import repeats
from ..ir.program import (
    Access,
    Apply,
    Expr,
    Loop,
    Node,
    Program,
    Role,
    Statement,
    accesses,
    asks,
    map_accesses,
    row_major,
    statements,
)
from ..trace.trace import Element
from .final import require_kept
from .flows import holding, paths
from .linear import Tangents, is_costly, tangents_of, total_of
from .reaching import Bools, Step, Touch, is_certain, spread
from .simplify import fold_expr
from .tangent_arrays import TangentArrays, fresh


def extend(program: Program, result: Program, bundles: Sequence[Bundle]) -> None:
    """Append the statements of the program to the result, with their tangents beside them."""
    for bundle in bundles:
        require_kept(program, bundle.active)
    _extend(program.body, result.body, bundles, 0)
    for bundle in bundles:
        bundle.stand(result.body, 0)


def _extend(body: Sequence[Node], into: list[Node], bundles: Sequence[Bundle], depth: int) -> None:
    for node in body:
        for bundle in bundles:
            bundle.stand(into, depth)
        if isinstance(node, Loop):
            if depth == 0:
                for bundle in bundles:
                    bundle.begin(node)
            inner: list[Node] = []
            _extend(node.body, inner, bundles, depth + 1)
            into.append(replace(node, body=inner))
            continue
        if node.accumulate is None:
            into.append(node)
        for bundle in bundles:  # `+=` may change what its own tangent reads
            bundle.statement(node)
        if node.accumulate is not None:
            into.append(node)


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
                self.take(name, home)
            else:
                self.declare(name)
                for counts, (element, given) in nests(index):
                    target, source = self.tangent(Access(name, *element)), Access(home, *given)
                    self.result.assign(target, source, counts, accumulate=add if time else None)
            self.set[name][index[0]] = self.reached[name][index[0]] = True

    def take(self, name: str, home: str) -> None:
        """Take the tangents of an array from one of the result, which has as many elements."""
        self.names[name] = home
        self.set[name] = np.ones(self.program.arrays[name].size, dtype=bool)
        self.reached[name] = self.set[name].copy()

    # -- statements ----------------------------------------------------------------------------

    def begin(self, loop: Loop) -> None:
        """Find out where a direction reaches in a loop, and give a tangent to what is read or
        added to before it is assigned there.
        """
        steps: list[Step] = []
        for s in statements([loop]):
            if s.target.array in self.active:
                reads = [
                    Touch.of(a, s.domain, self.program, taken) for a, taken in self._read(s).items()
                ]
                steps.append(Step(Touch.of(s.target, s.domain, self.program), reads))
        reached = {
            touch.array: self._reached(touch.array)
            for step in steps
            for touch in (step.target, *step.reads)
        }
        if not steps or not any(mask.any() for mask in reached.values()):
            return
        spread(steps, reached, backwards=False)
        some = {name for name, mask in reached.items() if mask.any() and name not in self.numbers}
        for name in some:
            self.declare(name)
            self.reached[name] |= reached[name]
        touched = dict.fromkeys(some, np.zeros(0, dtype=np.int64))
        for step in steps:
            for touch in (step.target, *step.reads):
                if touch.array in some:
                    touched[touch.array] = np.append(touched[touch.array], touch.index)
        for s in statements([loop]):
            name = s.target.array
            if name in some and s.accumulate is None:
                self.set[name][Touch.of(s.target, s.domain, self.program).index] = True
        for name, index in touched.items():
            self.complete(name, index)
        if asks([loop]):  # what it begins with is gone behind it, where one row is kept
            body = self.program.body
            behind = body[next(k for k, node in enumerate(body) if node is loop) + 1 :]
            later = {s.target.array for s in statements(behind)}
            for name in sorted({s.target.array for s in statements([loop])} & some - later):
                self.complete(name, np.flatnonzero(~self.set[name]))

    def _reached(self, array: str) -> Bools:
        """Which elements a direction reaches; of those that are differentiated by, too."""
        if array in self.numbers:
            numbers = self.numbers[array]
            return numbers >= 0 if self.count is not None else numbers == self.number
        return self.reached_of(array).copy()

    def statement(self, s: Statement) -> None:
        """Append the tangent of a statement, if it has one."""
        expr = self.beside(s.expr)
        out = expr if s.accumulate or isinstance(expr, float) else self.beside(s.target)
        leaves: dict[Access, Tangents] = {}
        live: Bools | None = np.zeros(1, dtype=bool)
        for a, taken in self._read(s).items():
            found = self._flow(a, s, taken)
            if found is not None:
                condition, tangent, where_ = found
                live = None if live is None or where_ is None else live | where_
                leaves[self.beside_access(a)] = {() if condition is None else (condition,): tangent}
        total = tangents_of(expr, out, leaves, self.result)
        if total:
            flow = total_of(total, 0.0 if s.accumulate is None else -0.0)
            self._append(s, self._hoisted(fold_expr(flow, {}), s, {}), live)
        elif self.depth and s.target.array in self.reached and s.accumulate is None:
            self._append(s, 0.0, live)  # it is read in other iterations

    def _append(self, s: Statement, total: Expr, live: Bools | None) -> None:
        name = s.target.array
        self.declare(name)
        touch = Touch.of(s.target, s.domain, self.program)
        done = self.set[name]
        first = s.accumulate is None
        if not first and not self.depth and touch.exact and is_certain(s.domain, self.program):
            first = not repeats(touch.index, len(done)) and not done[touch.index].any()
        if not first:
            self.complete(name, touch.index)
        target = self.tangent(s.target)
        domain = self.with_directions(s.domain)
        how = None if first else add
        self.body.append(s.beside(target, total, domain, how, derivative="tangent"))
        done[touch.index] = True
        if not self.depth:
            index = touch.index
            if touch.exact and live is not None:
                index = index[np.broadcast_to(live, index.shape)]
            self.reached[name][index] = True

    def _hoisted(self, expr: Expr, s: Statement, known: dict[Expr, Expr]) -> Expr:
        """The expression with what is costly and the same along all directions computed before.

        It is stored, one number for each point of the statement.
        """
        if self.count is None or not isinstance(expr, Apply) or not is_costly(expr):
            return expr
        at = self.depth
        if any(a.strides[at] for a in accesses(expr)):
            return Apply(expr.op, tuple(self._hoisted(x, s, known) for x in expr.args))
        if expr not in known:
            own = map_accesses(
                expr, lambda a: a.with_strides(lambda strides: strides[:at] + strides[at + 1 :])
            )
            count = sum(name.startswith("slope") for name in self.result.arrays)
            name = fresh(self.result, f"slope{count}")
            self.result.declare(name, Role.TEMPORARY, tuple(map(int, s.domain)) or 1)
            access = Access(name, 0, row_major(s.domain))
            self.body.append(s.beside(access, own, s.domain))
            known[expr] = self.beside_access(access)
        return known[expr]

    def _read(self, s: Statement) -> dict[Access, Bools | None]:
        """What an active statement reads that is active, and at which points; None for all."""
        found: dict[Access, Bools | None] = {}
        for a, conditions in paths(s.expr, self.program):
            if a.array in self.active:
                held = holding(conditions, s.domain, self.program)
                if a in found:
                    before = found[a]
                    held = None if held is None or before is None else held | before
                found[a] = held
        return found

    def _flow(
        self, a: Access, s: Statement, taken: Bools | None
    ) -> tuple[Expr | None, Expr, Bools | None] | None:
        """What flows from an access: under which condition, the tangent, and at which points.

        None if nothing does. At all points, if which ones is known only when the code runs.
        """
        reached = self._reached(a.array)
        touch = Touch.of(a, s.domain, self.program)
        if not reached[touch.index].any():
            return None
        if not touch.exact:
            if a.array in self.numbers:
                return self._is_unit(a), 1.0, None
            self.complete(a.array, touch.index)
            return None, self.tangent(a), None
        live = reached[touch.index]
        flowing = live if taken is None else live & taken
        if not flowing.any():
            return None
        if a.array in self.numbers and self.count is not None:
            return self._is_unit(a), 1.0, flowing
        tangent: Expr = 1.0
        if a.array not in self.numbers:
            self.complete(a.array, touch.index)
            tangent = self.tangent(a)
        return None if live.all() else self.mask(live, s.domain), tangent, flowing

    def _is_unit(self, a: Access) -> Expr:
        """Whether the element that is read has the tangent 1, along the loop of directions."""
        numbers, ramp = self.numbers[a.array], np.arange(self.count or 0)
        at = self.depth
        direction: Expr = float(self.number)
        if self.count is not None:
            around = len(a.strides) + 1
            strides = tuple([int(d == at) for d in range(around)])
            direction = Access(self.constant("direction", ramp), 0, strides)
        if a.is_constant:
            return Apply(eq, (direction, float(numbers[a.offset])))
        name = self.constant("direction", ramp) if np.array_equal(numbers, ramp) else None
        name = name or self.constant(f"direction_{a.array}", numbers)
        return Apply(eq, (direction, self.beside_access(a.of(name))))
