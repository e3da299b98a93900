"""Program -> Program: reverse-mode differentiation (vector-Jacobian product).

Requires a verified program whose statements do not read their own target. Establishes a verified
program with one more output, `grad`: the derivative of one output element with respect to chosen
elements of inputs and parameters, in the order asked for.

The derivative of an access is the access, written to: `T[f] = e(A[g])` gives
`ct_A[g] += rule(ct_T[f])` over the same domain, so dimensions that A did not have become
reductions, and reads through an index table become scatter-adds. Statements are visited last to
first and operands left to right, as `Value.backward` does, so in exact order both add the same
numbers in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import repeat
from operator import eq as is_equal

import numpy as np
import numpy.typing as npt

from ...ops import eq, where
from ..ir.interpret import distinct, elements, touched
from ..ir.nests import Ints, factor, pieces
from ..ir.program import (
    Access,
    Apply,
    Array,
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

GRADIENT = "grad"

Bools = npt.NDArray[np.bool_]


def gradient(
    program: Program, of: Element, wrt: Sequence[Element | None], *, keep_value: bool = False
) -> Program:
    """The program that computes `grad[k] = d of / d wrt[k]`.

    With `keep_value` the outputs of `program` stay outputs; else they become temporaries.
    An element that `of` does not depend on, or that is None, has the gradient 0.
    """
    result = Program(dict(program.arrays), dict(program.tables), list(program.body))
    if not keep_value:
        for a in program.with_role(Role.OUTPUT):
            result.arrays[a.name] = Array(a.name, Role.TEMPORARY, a.size)
    depending = active(program, {element[0] for element in wrt if element})
    whole = _whole_array(program, wrt)
    backward = _Backward(result, depending, {whole: GRADIENT} if whole else {})
    if of[0] in depending:
        backward.accumulate(Access(*of), 1.0, ())
        for run in reversed(list(runs(program.body))):
            backward.run([s for s in reversed(run) if s.target.array in depending])
    if whole:
        backward.finish(whole)
    else:
        backward.gather(wrt)
    return result


def _whole_array(program: Program, wrt: Sequence[Element | None]) -> str | None:
    """The array that `wrt` lists element by element, if it does: its cotangent is the gradient."""
    if not wrt or wrt[0] is None:
        return None
    name = wrt[0][0]
    size = program.arrays[name].size
    whole = len(wrt) == size and all(
        map(is_equal, wrt, zip(repeat(name), range(size), strict=False))
    )
    return name if whole else None


def active(program: Program, seeds: set[str]) -> set[str]:
    """The arrays whose values depend on an array of `seeds` by a path that derivatives take."""
    found = set(seeds)
    for run in runs(program.body):
        before = -1
        while before < len(found):  # in turn, what a later statement gives may be read above it
            before = len(found)
            for s in run:
                if any(a.array in found for a in differentiable_accesses(s.expr)):
                    found.add(s.target.array)
            if not run[0].turn:
                break
    return found


def differentiable_accesses(expr: Expr) -> list[Access]:
    """The accesses of an expression that derivatives flow to."""
    found: list[Access] = []
    stack = [expr]
    while stack:
        e = stack.pop()
        if isinstance(e, Access):
            found.append(e)
        elif isinstance(e, Apply):
            stack.extend(e.args[i] for i in e.op.differentiable)
    return found


def _backwards(a: Access, count: int) -> Access:
    """The access with its first loop run from the last iteration to the first."""
    stride = a.strides[0]
    return Access(a.array, a.offset + stride * (count - 1), (-stride, *a.strides[1:]), a.table)


class _Backward:
    """The backward half, built statement by statement onto the end of a program."""

    def __init__(self, program: Program, active: set[str], names: dict[str, str]) -> None:
        self.program = program
        self.active = active
        self.names = names  # array -> its cotangent array, where that is not ct_<array>
        self.set: dict[str, bytearray] = {}  # cotangent array -> which elements have a number
        self.reached: dict[str, Bools] = {}  # the same -> which of them something flowed to
        self.turns = [s.turn for s in program.body if s.turn]
        self.scattered = {a.array for s in program.body for a in s.accesses if a.table is not None}

    def cotangent(self, a: Access) -> Access:
        """The access to the cotangent of what `a` reads."""
        name = self.names.get(a.array, f"ct_{a.array}")
        return Access(name, a.offset, a.strides, a.table)

    def is_reached(self, a: Access) -> bool:
        """Whether anything flowed to this element."""
        name = self.cotangent(a).array
        return name in self.reached and bool(self.reached[name][a.offset])

    def run(self, statements: list[Statement]) -> None:
        """Statements that ran together, last first: in turn, from the last iteration to the first.

        Their cotangents are read and added to across iterations, so all have a number before.
        """
        turns = {s.turn for s in statements} - {0}
        if not turns:
            for s in statements:
                self.statement(s)
            return
        for s in statements:
            for a in s.accesses:
                if a.array in self.active:
                    size = self.program.arrays[a.array].size
                    target = self.cotangent(a)
                    self._declare(a.array, target.array)
                    self._complete(target, np.arange(size))
        start = len(self.program.body)
        for s in statements:
            back = partial(_backwards, count=s.domain[0])
            self.statement(replace(s, target=back(s.target), expr=map_accesses(s.expr, back)))
        for s in self.program.body[start:]:
            s.turn = max(self.turns, default=0) + 1
        self.turns.append(max(self.turns, default=0) + 1)

    def statement(self, s: Statement) -> None:
        """Send the cotangent of a statement's target on to what it read."""
        target = self.cotangent(s.target)
        live: Bools | None = None
        if s.domain == () and s.target.table is None:
            if not s.turn and not self.is_reached(s.target):
                return
        else:
            self._declare(s.target.array, target.array)
            index, _ = distinct(target, s.domain, self.program)
            if not s.turn:
                reached = self.reached[target.array]
                if not reached[index].any():
                    return
                if not reached[index].all():
                    live = reached[elements(target, s.domain, self.program)]
            self._complete(target, np.flatnonzero(touched(index, len(self.set[target.array]))))
        # pairs of a subexpression that needs a cotangent and that cotangent, leftmost on top
        root = s.expr if s.accumulate or isinstance(s.expr, float) else s.target
        stack: list[tuple[Expr, Expr, Expr, tuple[Expr, ...]]] = [(s.expr, root, target, ())]
        while stack:
            expr, out, ct, conditions = stack.pop()
            if isinstance(expr, Access):
                if expr.array in self.active:
                    for condition in conditions:
                        ct = where(condition, ct, -0.0)
                    self.accumulate(expr, ct, s.domain, live)
            elif isinstance(expr, Apply) and self._is_known_choice(expr):
                # nothing flows to the side that is not taken, not even a zero: 0 * inf is nan
                condition, x, y = expr.args
                other = eq(condition, 0.0)
                stack.append((y, out, ct, (*conditions, other)))
                stack.append((x, out, ct, (*conditions, condition)))
            elif isinstance(expr, Apply):
                flows = [
                    (x, x, rule(ct, out, *expr.args), conditions)
                    for x, rule in zip(expr.args, expr.op.vjp, strict=True)
                    if rule is not None and self._is_active(x)
                ]
                stack.extend(reversed(flows))

    def _is_known_choice(self, expr: Apply) -> bool:
        """Whether it is a `where` whose condition is data of the program."""
        return expr.op.choice and all(
            self.program.arrays[a.array].role is Role.CONSTANT for a in accesses(expr.args[0])
        )

    def _is_active(self, expr: Expr) -> bool:
        return any(a.array in self.active for a in differentiable_accesses(expr))

    def accumulate(
        self, a: Access, ct: Expr, domain: tuple[int, ...], live: Bools | None = None
    ) -> None:
        """Add `ct` to the cotangent of what `a` reads; the first to arrive is assigned.

        live   the points of the domain where there is a cotangent, if not all of them. At the
               others nothing flows, not even a zero: 0 * inf is nan.
        """
        target = self.cotangent(a)
        done = self._declare(a.array, target.array)
        if domain == () and a.table is None:
            self.program.assign(target, ct, accumulate=bool(done[a.offset]))
            done[a.offset] = 1
            self.reached[target.array][a.offset] = True
            return
        if live is not None:
            ct = where(self._mask(live, domain), ct, -0.0)
        index, again = distinct(a, domain, self.program)
        mask = np.frombuffer(done, dtype=np.uint8)
        first = not again and not mask[index].any()
        if not first:
            self._complete(target, np.flatnonzero(touched(index, len(mask))))
        self.program.assign(target, ct, domain, accumulate=not first)
        mask[index] = 1
        if live is not None:
            index = elements(a, domain, self.program)[live]
        self.reached[target.array][index] = True

    def _mask(self, live: Bools, domain: tuple[int, ...]) -> Access:
        """Constant data that is 1 at the points that are live, and 0 at the others."""
        name = f"live{sum(n.startswith('live') for n in self.program.arrays)}"
        self.program.declare(name, Role.CONSTANT, len(live), live.astype(np.float64))
        return Access(name, 0, row_major(domain))

    def finish(self, array: str) -> None:
        """Complete the cotangent of an array that is the gradient itself."""
        target = self.cotangent(Access(array))
        self._declare(array, target.array)
        self._complete(target, np.arange(self.program.arrays[array].size), 0.0)

    def gather(self, wrt: Sequence[Element | None]) -> None:
        """Collect the cotangents of elements of several arrays into the gradient."""
        self.program.declare(GRADIENT, Role.OUTPUT, len(wrt))
        k = 0
        while k < len(wrt):
            run = self._run(wrt, k)
            element = wrt[k]
            value: Expr = 0.0
            strides = (1,) if run > 1 else ()
            if element is not None and self.is_reached(Access(*element)):
                value = self.cotangent(Access(*element, strides))
            domain = (run,) if run > 1 else ()
            self.program.assign(Access(GRADIENT, k, strides), value, domain)
            k += run

    def _run(self, wrt: Sequence[Element | None], start: int) -> int:
        """How many elements from `start` on lie in a row in one array, all reached or all not."""
        first = wrt[start]
        if first is None:
            return 1
        reached = self.is_reached(Access(*first))
        run = 1
        while (
            start + run < len(wrt)
            and wrt[start + run] == (first[0], first[1] + run)
            and self.is_reached(Access(first[0], first[1] + run)) == reached
        ):
            run += 1
        return run

    def _declare(self, array: str, cotangent: str) -> bytearray:
        """Which elements of the cotangent array have a number; the array is declared when new."""
        if cotangent not in self.set:
            size = self.program.arrays[array].size
            role = Role.OUTPUT if cotangent == GRADIENT else Role.TEMPORARY
            self.program.declare(cotangent, role, size)
            self.set[cotangent] = bytearray(size)
            self.reached[cotangent] = np.zeros(size, dtype=bool)
            if array in self.scattered:  # elements are reached in no order: all begin with zero
                self._complete(Access(cotangent), np.arange(size))
        return self.set[cotangent]

    def _complete(self, target: Access, touched: Ints, zero: float = -0.0) -> None:
        """Give the elements of `target` that are touched next, and have no number, a zero.

        The zero of addition by default. An array that has none at all is filled as a whole.
        """
        mask = np.frombuffer(self.set[target.array], dtype=np.uint8)
        missing = touched[mask[touched] == 0] if mask.any() else np.arange(len(mask))
        for start, end in pieces(missing[None, :], len(missing)) or []:
            nest = factor(missing[None, start:end])
            assert nest is not None
            access = Access(target.array, int(missing[start]), nest.strides_of(0))
            self.program.assign(access, zero, nest.counts)
        mask[missing] = 1
