"""What derivatives flow through: the arrays that depend on others, and what a statement sends on.

Nothing flows along a structural zero of a rule, nor to the side of a choice that data of the
program says is not taken: not even a zero, for 0 * inf is nan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...ops import eq
from ..ir.points import Unknown, counted, elements
from ..ir.program import Access, Apply, Expr, Program, Role, Statement, accesses
from .reaching import Bools


def active(program: Program, seeds: set[str]) -> set[str]:
    """The arrays whose values depend on an array of `seeds` by a path that derivatives take."""
    found = set(seeds)
    body = [
        (s.target.array, {a.array for a in differentiable_accesses(s.expr)})
        for s in program.statements
    ]
    before = -1
    while before < len(found):  # in loops, what a later statement gives may be read above it
        before = len(found)
        for target, read in body:
            if not found.isdisjoint(read):
                found.add(target)
    return found


def leading(program: Program, of: str) -> set[str]:
    """The arrays on which an array depends by a path that derivatives take."""
    found = {of}
    body = [(s.target.array, differentiable_accesses(s.expr)) for s in program.statements]
    before = -1
    while before < len(found):
        before = len(found)
        for target, read in reversed(body):
            if target in found:
                found.update(a.array for a in read)
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
            stack += [x for x, rule in zip(e.args, e.op.vjp, strict=True) if rule is not None]
    return found


@dataclass(slots=True)
class Flow:
    """What a statement sends on to something that it reads: a cotangent, if the conditions hold.

    Which is data of the program.
    """

    to: Access
    cotangent: Expr
    conditions: tuple[Expr, ...] = ()


def flows(
    s: Statement, cotangent: Expr, active: set[str], program: Program, *, is_final: bool
) -> list[Flow]:
    """What a statement sends on, given its target's cotangent; in the order of `Value.backward`.

    That goes from what was computed last to what was computed first, and each time to the operands
    left to right.

    is_final   whether the target still has the value of the expression
    """
    found: list[Flow] = []
    # subexpressions, their values and cotangents, and when these flow; the youngest on top
    root: Expr = s.target if is_final else s.expr
    stack: list[tuple[Expr, Expr, Expr, tuple[Expr, ...]]] = [(s.expr, root, cotangent, ())]
    if isinstance(s.expr, Access) and s.expr.array in active:
        return [Flow(s.expr, cotangent)]
    while stack:
        expr, out, ct, conditions = stack.pop()
        if not isinstance(expr, Apply):
            continue
        for x, flow, holds in _operands(expr, out, ct, program):
            if isinstance(x, Access) and x.array in active:
                found.append(Flow(x, flow, (*conditions, *holds)))
            elif isinstance(x, Apply) and any(
                a.array in active for a in differentiable_accesses(x)
            ):
                stack.append((x, x, flow, (*conditions, *holds)))
    if is_final and isinstance(s.expr, Apply) and not s.expr.op.cheap:
        for each in found:  # rules make `div(1.0, y)` of what may be that itself
            each.cotangent = replaced(each.cotangent, {s.expr: s.target})
    return found


def replaced(expr: Expr, reads: Mapping[Apply, Access]) -> Expr:
    """The expression with some of its parts read, in place of computed."""
    if not isinstance(expr, Apply):
        return expr
    read = reads.get(expr)
    return read or Apply(expr.op, tuple([replaced(x, reads) for x in expr.args]))


def _operands(
    expr: Apply, out: Expr, ct: Expr, program: Program
) -> list[tuple[Expr, Expr, tuple[Expr, ...]]]:
    """The operands that cotangents flow to, with these, and under which conditions."""
    if is_known_choice(expr, program):
        # nothing flows to the side that is not taken, not even a zero: 0 * inf is nan
        condition, x, y = expr.args
        return [(x, ct, (condition,)), (y, ct, (eq(condition, 0.0),))]
    rules = zip(expr.args, expr.op.vjp, strict=True)
    return [(x, rule(ct, out, *expr.args), ()) for x, rule in rules if rule is not None]


def paths(expr: Expr, program: Program) -> list[tuple[Access, tuple[Expr, ...]]]:
    """What derivatives flow to or from in an expression, and under which conditions."""
    found: list[tuple[Access, tuple[Expr, ...]]] = []
    stack: list[tuple[Expr, tuple[Expr, ...]]] = [(expr, ())]
    while stack:
        e, conditions = stack.pop()
        if isinstance(e, Access):
            found.append((e, conditions))
        elif isinstance(e, Apply) and is_known_choice(e, program):
            condition, x, y = e.args
            stack += [(y, (*conditions, eq(condition, 0.0))), (x, (*conditions, condition))]
        elif isinstance(e, Apply):
            stack.extend((e.args[i], conditions) for i in reversed(e.op.differentiable))
    return found


def is_known_choice(expr: Apply, program: Program) -> bool:
    """Whether it is a `where` whose condition is data of the program."""
    return expr.op.choice and all(
        program.arrays[a.array].role is Role.CONSTANT for a in accesses(expr.args[0])
    )


def holding(conditions: Sequence[Expr], domain: tuple[int, ...], program: Program) -> Bools | None:
    """At which points conditions hold; None if at all, or if the code alone knows."""
    if not conditions:
        return None
    try:
        found = [_numbers(c, domain, program) != 0.0 for c in conditions]
        return np.broadcast_to(np.logical_and.reduce(found), (counted(domain, program),))
    except Unknown:
        return None


def _numbers(expr: Expr, domain: tuple[int, ...], program: Program) -> npt.NDArray[np.float64]:
    """What an expression of constants is at every point, or everywhere."""
    if isinstance(expr, float):
        return np.array([expr])
    if isinstance(expr, Access):
        data = program.arrays[expr.array].data
        assert data is not None
        return np.asarray(data, dtype=np.float64)[elements(expr, domain, program)]
    columns = np.broadcast_arrays(*[_numbers(x, domain, program) for x in expr.args])
    rows = zip(*[column.tolist() for column in columns], strict=True)
    return np.array([expr.op.eval(*row) for row in rows])
