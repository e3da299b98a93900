"""When a number that is carried certainly stays what it is, and what is computed then."""

from __future__ import annotations

from ...ops import OPS
from ..ir.program import Access, Apply, Expr

GREATER, LESS = OPS["gt"], OPS["lt"]
KEEPS = {"max": GREATER, "min": LESS}
"""When a reduction of two numbers is certainly the first, by what it is."""


def condition_of(expr: Expr, before: Access) -> Expr | None:
    """When an expression is certainly what it was."""
    if not isinstance(expr, Apply):
        return None
    if expr.op.reduces in KEEPS and before in expr.args:
        others = [x for x in expr.args if x != before]
        return Apply(KEEPS[expr.op.reduces], (before, *others)) if len(others) == 1 else None
    if expr.op.choice and expr.args[1] == before:
        test = expr.args[0]
        if isinstance(test, Apply) and test.op in (GREATER, LESS):
            return test
    return None


def under(expr: Expr, condition: Expr) -> Expr:
    """What an expression is where the condition holds."""
    assert isinstance(condition, Apply)
    if not isinstance(expr, Apply):
        return expr
    both = (condition.args, condition.args[::-1])
    if KEEPS.get(expr.op.reduces) is condition.op and expr.args in both:
        return condition.args[0]
    if expr.op.choice:
        test = expr.args[0]
        if test == condition or _is_mirrored(test, condition):
            return under(expr.args[1], condition)
        if _is_against(test, condition):
            return under(expr.args[2], condition)
    return Apply(expr.op, tuple([under(x, condition) for x in expr.args]))


def _is_mirrored(test: Expr, condition: Apply) -> bool:
    """Whether it says the same, of operands in the other order."""
    other = LESS if condition.op is GREATER else GREATER
    return isinstance(test, Apply) and test.op is other and test.args == condition.args[::-1]


def _is_against(test: Expr, condition: Apply) -> bool:
    """Whether it says the opposite."""
    other = LESS if condition.op is GREATER else GREATER
    return isinstance(test, Apply) and (
        (test.op is other and test.args == condition.args)
        or (test.op is condition.op and test.args == condition.args[::-1])
    )
