"""What code costs, in operations, as all of the scheduler counts it."""

from __future__ import annotations

from collections.abc import Iterator

from ...ops import Op
from ..ir.program import Apply, Expr

HORIZONTAL = 6
"""Operations to add up the lanes of a vector."""
PACK_LIMIT = 1 << 14
"""Elements of the largest array that is copied."""


def operations(expr: Expr) -> int:
    """The applied ops of an expression."""
    return sum(1 for _ in _applied(expr))


def functions(expr: Expr) -> int:
    """Of these, those that are functions of the C library, or arithmetic in their place."""
    return sum(1 for op in _applied(expr) if op.libm or op.vectormath)


def _applied(expr: Expr) -> Iterator[Op]:
    stack = [expr]
    while stack:
        e = stack.pop()
        if isinstance(e, Apply):
            yield e.op
            stack.extend(e.args)
