"""Program -> Program: a sum begins with what would be added to it behind.

    t[i] = -0.0                              t[i] = b[i]
    t[i] += mul(x[i, k], w[k])    becomes    t[i] += mul(x[i, k], w[k])
    y[i] = tanh(add(t[i], b[i]))             y[i] = tanh(t[i])

Requires a verified program. What remains is the same up to the order of sums, so strict targets go
without it. Rerolling writes sums of scalars so; this brings those of Tensors to the same form: an
operation less for each element, and a sum of sums is one sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ..ir.program import (
    Access,
    Apply,
    Expr,
    Program,
    Role,
    Statement,
    accesses,
    map_accesses,
)


def begin(program: Program) -> Program:
    """The program with sums that begin with what is added to them, where they can.

    Programs with loops around statements are given back as they are.
    """
    body = [s for s in program.body if isinstance(s, Statement)]
    if len(body) < len(program.body) or not any(s.accumulate for s in body):
        return program
    sums = _Sums(program, body)
    for k in range(len(body)):
        waiting = [k]
        while waiting:
            started = sums.improve(waiting[-1])
            if started is None:
                waiting.pop()
            else:
                waiting.append(started)
    left = [s for s in sums.body if s is not None]
    written = {s.target.array for s in left}
    arrays = {
        n: a for n, a in program.arrays.items() if a.role is not Role.TEMPORARY or n in written
    }
    return replace(program, arrays=arrays, body=list(left))


@dataclass
class _Sums:
    """Statements, None for those that are gone; where arrays are written, and how often read."""

    program: Program
    body: list[Statement | None]
    writers: dict[str, list[int]] = field(default_factory=dict)
    readers: dict[str, Counter[int]] = field(default_factory=dict)

    def __init__(self, program: Program, body: list[Statement]) -> None:
        self.program, self.body = program, list(body)
        self.writers, self.readers = {}, {}
        for k, s in enumerate(body):
            self.writers.setdefault(s.target.array, []).append(k)
            self._count(s.expr, k, 1)

    def improve(self, k: int) -> int | None:
        """Change what a sum that a statement reads begins with: the number of the statement that
        starts it; None if there is no such sum.
        """
        s = self.body[k]
        if s is None:
            return None
        if isinstance(s.expr, Access) and s.accumulate is None and self._is_copy(s, s.expr, k):
            self._rename(s.expr.array, s.target.array, k)
            return self.writers[s.target.array][0]
        found = [
            (start, node, total, x)
            for node in _applied(s.expr)
            for total, x in (node.args, node.args[::-1])
            if (start := self._start(node, total, x, k)) is not None
        ]
        if not found:
            return None
        start, node, total, x = max(found, key=lambda f: f[0])
        first = self.body[start]
        assert isinstance(total, Access)
        assert first is not None
        order = _order(first, total, s)
        assert order is not None
        moved = map_accesses(x, lambda a: a.with_strides(lambda by: tuple(by[d] for d in order)))
        self._count(x, k, -1)
        self._count(moved, start, 1)
        self.body[start] = replace(first, expr=moved).taking([s])
        self.body[k] = replace(s, expr=_replaced(s.expr, node, total))
        return start

    def _start(self, node: Apply, total: Expr, x: Expr, k: int) -> int | None:
        """Where the sum of a node is started, if it can begin with the node's other operand."""
        if not isinstance(total, Access) or not self._is_read_once(total, k):
            return None
        start, *rest = self.writers[total.array]
        first, reader = self.body[start], self.body[k]
        assert first is not None
        assert reader is not None
        is_sum = rest and all(
            s is not None and s.accumulate is node.op for s in map(self.body.__getitem__, rest)
        )
        is_empty = isinstance(first.expr, float) and repr(first.expr) == repr(node.op.identity)
        if not is_sum or not is_empty or _order(first, total, reader) is None:
            return None
        return start if all(self._is_there(a.array, start) for a in accesses(x)) else None

    def _is_copy(self, s: Statement, a: Access, k: int) -> bool:
        """Whether a statement copies all of an array that nothing else reads to the same places."""
        if not self._is_read_once(a, k) or s.target.of(a.array) != a or s.target.parts:
            return False
        first = self.body[self.writers[a.array][0]]
        target = s.target.array
        role = self.program.arrays[target].role
        return (
            first is not None
            and _order(first, a, s) is not None
            and role in (Role.TEMPORARY, Role.OUTPUT)
            and self.writers[target][0] == k
            and not any(n < k for n in self.readers.get(target, ()))
        )

    def _is_read_once(self, a: Access, k: int) -> bool:
        """Whether it is of a temporary array that only this statement reads, when it is done."""
        if a.parts or self.program.arrays[a.array].role is not Role.TEMPORARY:
            return False
        written = self.writers[a.array]
        first = self.body[written[0]]
        return (
            self.readers[a.array] == {k: 1}
            and written[-1] < k
            and first is not None
            and first.accumulate is None
        )

    def _is_there(self, array: str, k: int) -> bool:
        """Whether all of an array has its numbers before a statement, for good."""
        if self.program.arrays[array].role is Role.STATE:
            return False
        return all(n < k for n in self.writers.get(array, ()))

    def _rename(self, old: str, new: str, k: int) -> None:
        """Write one array where another was, of which statement `k` is a copy."""
        for n in self.writers[old]:
            s = self.body[n]
            assert s is not None
            self.body[n] = replace(s, target=s.target.of(new))
        self.body[k] = None
        self.writers[new] = self.writers.pop(old) + [n for n in self.writers[new] if n != k]
        del self.readers[old]

    def _count(self, expr: Expr, k: int, by: int) -> None:
        for a in accesses(expr):
            for array in (a.array, *a.index_arrays):
                seen = self.readers.setdefault(array, Counter())
                seen[k] += by
                if not seen[k]:
                    del seen[k]


def _order(first: Statement, total: Access, reader: Statement) -> list[int] | None:
    """For each loop that starts a sum, the loop in which it is read; None if these are not the
    same: one element each, and all of them.
    """
    target = first.target
    if target.parts or target.offset != total.offset or len(first.domain) != len(reader.domain):
        return None
    loops = {by: d for d, by in enumerate(total.strides)}
    order = [loops.get(by, -1) for by in target.strides]
    if 0 in loops or len(loops) < len(order) or -1 in order:
        return None
    same = all(reader.domain[d] == n for d, n in zip(order, first.domain, strict=True))
    return order if same else None


def _applied(expr: Expr) -> Iterator[Apply]:
    """The linear ops of two operands in an expression, inner ones first."""
    if isinstance(expr, Apply):
        for x in expr.args:
            yield from _applied(x)
        if expr.op.coefficients and expr.op.commutative and len(expr.args) == 2:
            yield expr


def _replaced(expr: Expr, node: Apply, by: Expr) -> Expr:
    if expr is node:
        return by
    if not isinstance(expr, Apply):
        return expr
    return Apply(expr.op, tuple(_replaced(x, node, by) for x in expr.args))
