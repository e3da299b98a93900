"""Expressions and their tangents: the derivative rules of the op table, run forwards.

A rule is linear in its cotangent, and ops are scalar: applied to the tangent of an operand, it
gives what that operand contributes.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.program import Access, Apply, Expr


def tangent_of(expr: Expr, out: Expr, leaves: Mapping[Access, Expr]) -> Expr | None:
    """The tangent of an expression whose value is also `out`, given those of what it reads."""
    if isinstance(expr, float):
        return None
    if isinstance(expr, Access):
        return leaves.get(expr)
    if expr.op.choice:
        condition, x, y = expr.args
        dx, dy = tangent_of(x, x, leaves), tangent_of(y, y, leaves)
        if dx is None and dy is None:
            return None
        chosen: Expr = expr.op(condition, 0.0 if dx is None else dx, 0.0 if dy is None else dy)
        return chosen
    total: Expr | None = None
    for x, rule in zip(expr.args, expr.op.vjp, strict=True):
        tangent = None if rule is None else tangent_of(x, x, leaves)
        if rule is not None and tangent is not None:
            term = rule(tangent, out, *expr.args)
            total = term if total is None else total + term
    return total


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
