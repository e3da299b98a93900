"""Program -> Program: a sum whose first terms are one for each element begins with them.

    g[i] = -0.0  for i < 9
    g[i] += x[i]  for i < 9         becomes    g[i] = x[i]  for i < 9
    g[j] += mul(a[i], b[j])  ...               g[j] += mul(a[i], b[j])  ...

Requires a verified program. What it computes remains, bit for bit: a sum of -0.0 and a number is
that number, and so for all that reduces. Arrays are written once less, and not read for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..ir.program import Loop, Node, Program, Role, Statement, accesses, statements


def first_terms(program: Program) -> Program:
    """The program with fewer statements; itself if it has no such sums."""
    body = _body(program.body, program)
    return program if body is None else replace(program, body=body)


def _body(body: Sequence[Node], program: Program) -> list[Node] | None:
    """The nodes with fewer statements; None if they have no such sums."""
    found: list[Node | None] = []
    begun: dict[str, int] = {}  # where a sum has begun with nothing, which nothing has touched
    changed = False
    for node in body:
        if isinstance(node, Loop):
            inner = _body(node.body, program)
            if inner is not None:
                node, changed = replace(node, body=inner), True
        elif (at := begun.get(node.target.array)) is not None:
            start = found[at]
            assert isinstance(start, Statement)
            if _fits(start, node):
                found[at] = None
                node, changed = replace(node, accumulate=None).taking([start]), True
        for s in statements([node]):
            for a in s.accesses:
                begun.pop(a.array, None)
        if isinstance(node, Statement) and _is_empty(node, program):
            begun[node.target.array] = len(found)
        found.append(node)
    return [node for node in found if node is not None] if changed else None


def _is_empty(s: Statement, program: Program) -> bool:
    """Whether a statement sets elements, each once, to what may be nothing."""
    plain = s.accumulate is None and isinstance(s.expr, float) and not s.target.parts
    role = program.arrays[s.target.array].role
    return plain and role in (Role.TEMPORARY, Role.OUTPUT)


def _fits(start: Statement, first: Statement) -> bool:
    """Whether the one sets to nothing what the other reduces one number into, for each element."""
    op, same = first.accumulate, first.target == start.target and first.domain == start.domain
    is_nothing = op is not None and repr(start.expr) == repr(op.identity)
    read = [name for a in accesses(first.expr) for name in (a.array, *a.index_arrays)]
    return same and is_nothing and first.target.array not in read
