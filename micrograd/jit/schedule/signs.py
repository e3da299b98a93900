"""Arrays in which there is no -0.0, so that adding 0.0 to one of their numbers changes nothing.

Of a sum it is enough that it begins with another number: x + y is -0.0 only where both are. A
product that is fused with a sum is not rounded by itself, and may be less than 0 by so little that
the sum is -0.0: so what is added must be no product.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from math import copysign

from ..ir.program import Apply, Expr, Program, Role, Statement


def without_negative_zero(program: Program) -> set[str]:
    """The arrays, temporary ones and results, that never hold a -0.0; nan is no zero."""
    positive = _kept(program, _stays_positive)
    plain = _kept(program, _stays_plain)

    def stays(s: Statement, found: Collection[str]) -> bool:
        if s.accumulate is None:
            return _is_without(s.expr, found, positive)
        return bool(s.accumulate.coefficients) and _is_plain(s.expr, plain)

    return _kept(program, stays)


def adds_nothing(s: Statement, without: Collection[str]) -> bool:
    """Whether a statement leaves numbers as they are, for it adds zeros to them.

    without   arrays that have no -0.0
    """
    if s.accumulate is None or not s.accumulate.coefficients or not isinstance(s.expr, float):
        return False
    return s.expr == 0.0 and (s.target.array in without or copysign(1.0, s.expr) < 0.0)


def _kept(program: Program, stays: Callable[[Statement, Collection[str]], bool]) -> set[str]:
    """The most arrays whose statements leave them what they are, if those that they read are."""
    found = {a.name for a in program.with_role(Role.TEMPORARY, Role.OUTPUT)}
    writes = list(program.statements)
    while True:
        wrong = {s.target.array for s in writes if not stays(s, found)} & found
        if not wrong:
            return found
        found -= wrong


def _stays_positive(s: Statement, found: Collection[str]) -> bool:
    """Whether it leaves numbers that are neither less than 0 nor -0.0."""
    op = s.accumulate
    kept = op is None or op.coefficients or op.product or op.selects
    return bool(kept) and _is_positive(s.expr, found)


def _is_positive(expr: Expr, positive: Collection[str]) -> bool:
    if isinstance(expr, float):
        return copysign(1.0, expr) > 0.0 or expr != expr
    if not isinstance(expr, Apply):
        return expr.array in positive
    op, args = expr.op, expr.args
    if op.positive:
        return True
    if op.choice:
        args = args[1:]
    elif not (op.exponents or op.selects or (op.coefficients and min(op.coefficients) > 0.0)):
        return False
    return all(_is_positive(x, positive) for x in args)


def _stays_plain(s: Statement, found: Collection[str]) -> bool:
    """Whether what it leaves was chosen or added up, and is no product."""
    if s.accumulate is None:
        return _is_plain(s.expr, found)
    return bool(s.accumulate.coefficients)


def _is_plain(expr: Expr, plain: Collection[str]) -> bool:
    if isinstance(expr, Apply):
        return expr.op.choice
    return isinstance(expr, float) or expr.array in plain


def _is_without(expr: Expr, found: Collection[str], positive: Collection[str]) -> bool:
    if _is_positive(expr, positive):
        return True
    if isinstance(expr, float):
        return expr != 0.0
    if not isinstance(expr, Apply):
        return expr.array in found
    chosen = expr.args[1:] if expr.op.choice else expr.args if expr.op.selects else ()
    return bool(chosen) and all(_is_without(x, found, positive) for x in chosen)
