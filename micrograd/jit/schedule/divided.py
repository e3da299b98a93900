"""Group -> passes over vectors of iterations, each short enough that several of them are under way.

A processor works on a limited number of operations at a time. Where an iteration has more than
these and a long chain in it, functions of results of functions, it waits for the chain, for the
next iteration cannot begin yet. Divided into loops over a block of iterations, each with a part of
the chain, the iterations of each overlap. What one hands to another lies in the cache meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from math import inf, prod

from ..ir.program import Access, Apply, Expr, Statement, accesses
from .counts import functions, operations

UNDER_WAY = 100
"""Operations that a processor has under way: it counts what they load, store and move as well."""
AT_ONCE = 2
"""Operations that it begins in a cycle."""
FUNCTION, FUNCTION_WAIT = 25, 60
"""Operations of a function written out as arithmetic, about, and cycles from operand to result."""
SLOW_WAIT, WAIT = 14, 4
"""Cycles from operand to result of divisions and roots, and of other operations."""
GAIN = 0.9
"""Of the time of one pass, what passes may take."""
MOST_STATEMENTS = 64
"""Statements of a loop up to which it is looked for: the time is quadratic in them."""
LEAST_VECTORS = 16
"""Vectors of iterations from which on a loop is divided."""


def divided(
    statements: Sequence[Statement],
    scratch: Collection[str],
    count: int,
    width: int,
    *,
    passes: bool = False,
) -> list[int]:
    """The pass of each statement, counted from 0: consecutive ones share a pass.

    scratch   arrays of which each iteration has a stretch of its own, that nothing else needs
    passes    whether there are other passes in any case; else only functions are worth some
    """
    n = len(statements)
    alone = [0] * n
    calls = any(functions(s.expr) for s in statements)
    if not (calls or passes) or n > MOST_STATEMENTS or count < LEAST_VECTORS * width:
        return alone
    costs = _Costs(statements, scratch)
    if sum(costs.work) <= UNDER_WAY:
        return alone
    best, begins = [0.0] + [inf] * n, [0] * (n + 1)
    for first in range(n):  # the passes before it are the best ones by now
        for end, cost in enumerate(costs.from_(first), first + 1):
            if best[first] + cost < best[end]:
                best[end], begins[end] = best[first] + cost, first
    *_, whole = costs.from_(0)
    if best[n] > GAIN * whole:
        return alone
    numbers, end = alone, n
    while end:
        end = begins[end]
        for k in range(end, n if end else 0):
            numbers[k] += 1
    return numbers


class _Costs:
    """Cycles that passes take for a vector of iterations."""

    def __init__(self, statements: Sequence[Statement], scratch: Collection[str]) -> None:
        self.statements = statements
        self.work = list(map(_work, statements))
        self.chains = [_chain(s.expr) + _inner_sums(s) for s in statements]
        self.read = [{a.array for a in accesses(s.expr)} for s in statements]
        self.held: list[dict[str, int]] = []
        self.first: dict[str, int] = {}
        self.last: dict[str, int] = {}
        for k, s in enumerate(statements):
            touched = [a for a in s.accesses if a.array in scratch]
            self.held.append({})
            for a in touched:
                self.first.setdefault(a.array, k)
                self.last[a.array] = k
                most = self.held[k].get(a.array, 0)
                self.held[k][a.array] = max(most, _numbers(a, s))

    def from_(self, first: int) -> Iterator[float]:
        """Of the pass from one statement on, up to each of those behind it."""
        work = longest = 0
        ready: dict[str, int] = {}
        held: dict[str, int] = {}
        for k in range(first, len(self.statements)):
            target = self.statements[k].target.array
            began = max([ready.get(name, 0) for name in self.read[k]], default=0)
            ready[target] = max(ready.get(target, 0), began + self.chains[k])
            longest = max(longest, ready[target])
            work += self.work[k]
            for name, numbers in self.held[k].items():
                held[name] = max(held.get(name, 0), numbers)
            handed = sum(
                numbers * ((self.first[name] < first) + (self.last[name] > k))
                for name, numbers in held.items()
            )
            yield max(work / AT_ONCE, longest * work / UNDER_WAY) + handed / AT_ONCE


def _work(s: Statement) -> int:
    """Operations for a vector of iterations."""
    each = max(1, operations(s.expr)) + (s.accumulate is not None)
    return prod(map(int, s.domain[1:])) * (each + FUNCTION * functions(s.expr))


def _inner_sums(s: Statement) -> int:
    """Cycles in which what one iteration adds up for itself is added, one number after another."""
    if s.accumulate is None or not s.target.strides[0]:
        return 0
    inner = zip(s.domain[1:], s.target.strides[1:], strict=True)
    return WAIT * prod(int(c) for c, d in inner if not d)


def _chain(expr: Expr) -> int:
    """Cycles from operands to the result."""
    if not isinstance(expr, Apply):
        return 0
    op = expr.op
    if op.libm or op.vectormath:
        own = FUNCTION_WAIT
    else:
        own = WAIT if op.cheap and not (op.exponents and not op.product) else SLOW_WAIT
    return own + max(map(_chain, expr.args))


def _numbers(a: Access, s: Statement) -> int:
    """Elements that an access touches in an iteration."""
    return prod(int(c) for c, d in zip(s.domain[1:], a.strides[1:], strict=True) if d)
