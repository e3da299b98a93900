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

import numpy as np

from ..errors import CompilerError
from .interpret import elements, reads_own_target
from .program import Access, Apply, Array, Expr, Program, Role, Statement
from .trace import Element

GRADIENT = "grad"


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
    active = _active(program, {element[0] for element in wrt if element})
    backward = _Backward(result, active)
    if of[0] in active:
        backward.accumulate(Access(*of), 1.0, ())
        for s in reversed(program.body):
            if s.target.array in active:
                backward.statement(s)
    result.declare(GRADIENT, Role.OUTPUT, len(wrt))
    for k, element in enumerate(wrt):
        source = Access(*element) if element else None
        reached = source is not None and backward.is_reached(source)
        result.assign(Access(GRADIENT, k), backward.cotangent(source) if reached else 0.0)
    return result


def _active(program: Program, seeds: set[str]) -> set[str]:
    """The arrays whose values depend on an array of `seeds` by a path that derivatives take."""
    active = set(seeds)
    for s in program.body:
        if any(a.array in active for a in _differentiable_accesses(s.expr)):
            active.add(s.target.array)
    return active


def _differentiable_accesses(expr: Expr) -> list[Access]:
    found: list[Access] = []
    stack = [expr]
    while stack:
        e = stack.pop()
        if isinstance(e, Access):
            found.append(e)
        elif isinstance(e, Apply):
            stack.extend(e.args[i] for i in e.op.differentiable)
    return found


class _Backward:
    """The backward half, built statement by statement onto the end of a program."""

    def __init__(self, program: Program, active: set[str]) -> None:
        self.program = program
        self.active = active
        self.set: dict[str, bytearray] = {}  # cotangent array -> which elements have a number

    def cotangent(self, a: Access) -> Access:
        """The access to the cotangent of what `a` reads."""
        return Access(f"ct_{a.array}", a.offset, a.strides, a.table)

    def is_reached(self, a: Access) -> bool:
        """Whether anything flowed to this element."""
        name = self.cotangent(a).array
        return name in self.set and bool(self.set[name][a.offset])

    def statement(self, s: Statement) -> None:
        """Send the cotangent of a statement's target on to what it read."""
        if reads_own_target(s):
            raise CompilerError(f"differentiate: a recurrence cannot be reversed here: {s}")
        if s.domain == () and s.target.table is None:
            if not self.is_reached(s.target):
                return
        else:
            self._complete(self.cotangent(s.target), s.domain)
        # pairs of a subexpression that needs a cotangent and that cotangent, leftmost on top
        root = s.expr if s.accumulate or isinstance(s.expr, float) else s.target
        stack: list[tuple[Expr, Expr, Expr]] = [(s.expr, root, self.cotangent(s.target))]
        while stack:
            expr, out, ct = stack.pop()
            if isinstance(expr, Access):
                if expr.array in self.active:
                    self.accumulate(expr, ct, s.domain)
            elif isinstance(expr, Apply):
                flows = [
                    (x, x, rule(ct, out, *expr.args))
                    for x, rule in zip(expr.args, expr.op.vjp, strict=True)
                    if rule is not None and self._is_active(x)
                ]
                stack.extend(reversed(flows))

    def _is_active(self, expr: Expr) -> bool:
        return any(a.array in self.active for a in _differentiable_accesses(expr))

    def accumulate(self, a: Access, ct: Expr, domain: tuple[int, ...]) -> None:
        """Add `ct` to the cotangent of what `a` reads; the first to arrive is assigned."""
        target = self.cotangent(a)
        done = self._declare(target)
        if domain == () and a.table is None:
            self.program.assign(target, ct, accumulate=bool(done[a.offset]))
            done[a.offset] = 1
            return
        index = elements(a, domain, self.program)
        mask = np.frombuffer(done, dtype=np.uint8)
        first = not mask[index].any() and len(np.unique(index)) == len(index)
        if not first:
            self._complete(target, domain)
        self.program.assign(target, ct, domain, accumulate=not first)
        mask[index] = 1

    def _declare(self, target: Access) -> bytearray:
        if target.array not in self.set:
            size = self.program.arrays[target.array.removeprefix("ct_")].size
            self.program.declare(target.array, Role.TEMPORARY, size)
            self.set[target.array] = bytearray(size)
        return self.set[target.array]

    def _complete(self, target: Access, domain: tuple[int, ...]) -> None:
        """Give the elements of `target` that nothing has reached yet the zero of addition."""
        done = self._declare(target)
        mask = np.frombuffer(done, dtype=np.uint8)
        touched = np.unique(elements(target, domain, self.program))
        missing = touched[mask[touched] == 0]
        if not len(missing):
            return
        steps = np.unique(np.diff(missing)) if len(missing) > 1 else np.array([1])
        if len(steps) == 1:
            zeros = Access(target.array, int(missing[0]), (int(steps[0]),))
        else:
            table = f"zero{len(self.program.tables)}"
            self.program.tables[table] = missing
            zeros = Access(target.array, 0, (1,), table)
        self.program.assign(zeros, -0.0, (len(missing),))
        mask[missing] = 1
