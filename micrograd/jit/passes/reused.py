"""Program -> Program: what derivatives use again of an expression is computed once.

The rules of the op table read the results of parts of an expression: of `1 / (1 + exp(x))` both the
quotient and `exp(x)`. What takes longer to compute than to load becomes an array of its own, over
the points of its statement, which the statement and its derivative read:

    t_exp[i] = exp(x[i])
    t[i] = div(1.0, add(t_exp[i], 1.0))

Where both run in one loop, it stays in registers (jit/schedule). Not a bit changes: if strict, not
where cotangents would flow to one array from several of these lines, and be added in another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..ir.program import (
    Access,
    Apply,
    Expr,
    Loop,
    Node,
    Program,
    Role,
    Statement,
    row_major,
)
from .flows import Flow, differentiable_accesses, flows, replaced
from .reaching import fresh

MOST = 1 << 22
"""Points of a statement, parts of which are kept: arrays of as many numbers as a model may have.
Even where they are in no cache, functions take longer than to store and load what they give.
"""


def reused(program: Program, depending: set[str], *, strict: bool = False) -> Program:
    """The program with arrays of what the derivatives of its statements use again.

    depending   the arrays that derivatives flow through
    """
    made = _Reused(program, depending, strict)
    body = made.body(program.body)
    return replace(program, arrays=made.program.arrays, body=body) if made.new else program


class _Reused:
    """A program with new arrays, and what becomes of its lines."""

    def __init__(self, program: Program, depending: set[str], strict: bool) -> None:
        self.program = replace(program, arrays=dict(program.arrays))
        self.depending = set(depending)
        self.strict = strict
        self.accumulated = {s.target.array for s in program.statements if s.accumulate}
        self.new: set[str] = set()

    def body(self, nodes: Sequence[Node]) -> list[Node]:
        """What lines become."""
        found: list[Node] = []
        for node in nodes:
            if isinstance(node, Loop):
                found.append(replace(node, body=self.body(node.body)))
            else:
                found += self.lines(node)
        return found

    def lines(self, s: Statement) -> list[Statement]:
        """What a statement becomes: itself, behind those of its parts."""
        if not s.domain or s.target.array not in self.depending or s.points > MOST:
            return [s]
        todo, found, new = [s], list[Statement](), set[str]()
        while todo:
            now = todo.pop()
            reads = {part: self._declared(part, s) for part in self._used_again(now)}
            new.update([a.array for a in reads.values()])
            if reads:
                parts = [s.beside(a, part, s.domain) for part, a in reads.items()]
                todo += [replace(now, expr=replaced(now.expr, reads)), *reversed(parts)]
            else:
                found.append(now)
        if self.strict and self._meet(found, new):
            for name in new:
                del self.program.arrays[name]
            return [s]
        self.new |= new
        return found

    def _declared(self, part: Apply, s: Statement) -> Access:
        """An element for each point of a statement, of an array for what a part of it computes."""
        shape = tuple(map(int, s.domain))
        name = fresh(self.program, f"{s.target.array}_{part.op.name}")
        self.program.declare(name, Role.TEMPORARY, shape)
        if any(a.array in self.depending for a in differentiable_accesses(part)):
            self.depending.add(name)
        return Access(name, 0, row_major(shape))

    def _flows(self, s: Statement) -> list[Flow]:
        is_final = s.target.array not in self.accumulated
        return flows(s, s.target, self.depending, self.program, is_final=is_final)

    def _used_again(self, s: Statement) -> list[Apply]:
        """The parts of a statement that what it sends reads, and that take longer to compute than
        to load: not those inside of others, nor of what is chosen.
        """
        if not isinstance(s.expr, Apply):
            return []
        sent = set[Expr]()
        for flow in self._flows(s):
            sent |= _slow_parts(flow.cotangent)
        found: dict[Apply, None] = {}
        whole = s.target.array in self.accumulated  # what it computes is nowhere else
        stack: list[Expr] = [s.expr] if whole or s.expr.op.choice else [*reversed(s.expr.args)]
        while stack and sent:
            e = stack.pop()
            if isinstance(e, Apply) and e in sent:
                found[e] = None
            elif isinstance(e, Apply) and not e.op.choice:
                stack += reversed(e.args)
        return list(found)

    def _meet(self, lines: Sequence[Statement], new: set[str]) -> bool:
        """Whether cotangents flow to one array from several lines: perhaps in another order than
        from the one that they were.
        """
        sent = [{flow.to.array for flow in self._flows(s)} - new for s in lines]
        return sum(map(len, sent)) > len(set().union(*sent))


def is_slow(expr: Expr) -> bool:
    """Whether it takes longer to compute than to load."""
    if not isinstance(expr, Apply) or expr.op.cheap:
        return False
    power = expr.args[-1] if expr.op.repeats is not None else None
    return not (isinstance(power, float) and power.is_integer())  # a product of few


def _slow_parts(expr: Expr) -> set[Expr]:
    found, seen, stack = set[Expr](), set[int](), [expr]
    while stack:
        e = stack.pop()
        if isinstance(e, Apply) and id(e) not in seen:
            seen.add(id(e))
            if is_slow(e):
                found.add(e)
            stack += e.args
    return found
