"""What code costs, in operations, as all of the scheduler counts it."""

from __future__ import annotations

from ..ir.program import Apply, Expr

HORIZONTAL = 6
"""Operations to add up the lanes of a vector."""
PACK_LIMIT = 1 << 14
"""Elements of the largest array that is copied."""


def operations(expr: Expr) -> int:
    """The applied ops of an expression."""
    count, stack = 0, [expr]
    while stack:
        e = stack.pop()
        if isinstance(e, Apply):
            count += 1
            stack.extend(e.args)
    return count
