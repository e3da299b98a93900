"""Expressions and their tangents: the derivative rules of the op table, run forwards.

A rule is linear in its cotangent, and ops are scalar: applied to the tangent of an operand, it
gives what that operand contributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from ...ops import add, eq, where
from ..ir.program import Access, Apply, Expr, Program
from .flows import is_known_choice

Tangents: TypeAlias = dict[tuple[Expr, ...], Expr]
"""Terms of a tangent by the conditions under which there is one: data of the program says that."""


def tangents_of(
    expr: Expr, out: Expr, leaves: Mapping[Access, Tangents], program: Program
) -> Tangents:
    """The tangents of an expression whose value is also `out`, given those of what it reads."""
    if isinstance(expr, float):
        return {}
    if isinstance(expr, Access):
        return leaves.get(expr, {})
    if expr.op.choice:
        condition, x, y = expr.args
        dx, dy = (tangents_of(e, e, leaves, program) for e in (x, y))
        if not is_known_choice(expr, program):
            return {c: expr.op(condition, dx.get(c, 0.0), dy.get(c, 0.0)) for c in dx | dy}
        if list(dx) == list(dy) == [()]:
            return {(): expr.op(condition, dx[()], dy[()])}
        other = eq(condition, 0.0)
        found = {(condition, *conditions): t for conditions, t in dx.items()}
        return found | {(other, *conditions): t for conditions, t in dy.items()}
    total: Tangents = {}
    for x, rule in zip(expr.args, expr.op.vjp, strict=True):
        if rule is not None:
            for conditions, tangent in tangents_of(x, x, leaves, program).items():
                term = rule(tangent, out, *expr.args)
                before = total.get(conditions)
                total[conditions] = term if before is None else add(before, term)
    return total


def total_of(tangents: Tangents, nothing: float = 0.0) -> Expr:
    """The sum of tangents, unconditional ones first; `nothing` where there are none."""
    total = tangents.get(())
    for conditions, flow in tangents.items():
        if conditions:
            # what is added where nothing flows is the zero of addition
            zero = nothing if total is None else -0.0
            for condition in reversed(conditions):
                flow = where(condition, flow, zero)
            total = flow if total is None else add(total, flow)
    return nothing if total is None else total


def is_costly(expr: Expr) -> bool:
    """Whether an expression calls a function of the C library, or expands to one that does."""
    stack = [expr]
    while stack:
        e = stack.pop()
        if isinstance(e, Apply):
            if e.op.libm is not None:
                return True
            stack.extend(e.args)
            if e.op.expand is not None:
                stack.append(e.op.expand(*e.args))
    return False
