"""What code costs, in operations, as all of the scheduler counts it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from ...ops import Op
from ..ir.counted import counts
from ..ir.extents import Entries
from ..ir.program import Apply, Expr, Loop, Node, Program

HORIZONTAL = 6
"""Operations to add up the lanes of a vector."""
PACK_LIMIT = 1 << 14
"""Elements of the largest array that is copied."""
STEPS = 32
"""Iterations that a loop is thought to take at most that goes on as long as a condition holds: its
limit is there for what goes wrong.
"""


def operations(expr: Expr) -> int:
    """The applied ops of an expression."""
    return sum(1 for _ in _applied(expr))


def expected_work(program: Program) -> int:
    """How many operations a program takes, as far as that is known."""
    return _work(program.body, counts(program), ())


def _work(body: Sequence[Node], unknown: set[str], around: tuple[int, ...]) -> int:
    """The same of statements in loops that take so many iterations."""
    found = 0
    for node in body:
        if isinstance(node, Loop):
            steps = _expected(node.extent, unknown)
            if node.going is not None:
                steps = min(steps, STEPS)
            found += _work(node.body, unknown, (*around, steps))
        else:
            inner = [_expected(count, unknown) for count in node.domain[len(around) :]]
            found += prod([*around, *inner]) * max(1, operations(node.expr))
    return found


def _expected(count: int, unknown: set[str]) -> int:
    asked = isinstance(count, Entries) and count.array in unknown
    return min(int(count), STEPS) if asked else int(count)


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
