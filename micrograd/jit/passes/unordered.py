"""Program -> Program: short loops in order inside of others, whose iterations have nothing to do
with each other, as statements for all of their iterations.

    for i < 100 in order:                         for i < 100 in order:
      for j < 4 in order:                           a[i, j, k] = f(x[i, j, k])  for j < 4, k < 8
        a[i, j, k] = f(x[i, j, k])  for k < 8       b[i, j] = 0.0  for j < 4
        b[i, j] = 0.0                               b[i, j] += a[i, j, k]  for j < 4, k < 8
        b[i, j] += a[i, j, k]  for k < 8

So that what one iteration waits for does not hold up the others. Not a number changes: each element
that is written belongs to one iteration, in which all that is done to it is done in the same order.

Requires a verified program. Establishes a verified program with the same outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..ir.program import Access, Loop, Node, Order, Program, Statement
from ..ir.stretches import stretch

MOST = 4096
"""Elements that such a loop may write, at most: they stay in the L1 cache from one statement to the
next, as those of one iteration do."""
Own = tuple[tuple[int, ...], tuple[int, int] | None]
"""How an access moves with the loops around a loop, and the stretch of its iterations, if any."""


def unordered(program: Program) -> Program:
    """The program with fewer loops in order; itself if it has none of these."""
    body = [_without(node, 0) for node in program.body]
    return program if _same(body, program.body) else replace(program, body=body)


def _without(node: Node, depth: int) -> Node:
    """A loop, inside of so many others, without such loops inside of it."""
    if not isinstance(node, Loop):
        return node
    body = list(_nodes(node.body, depth + 1))
    return node if _same(body, node.body) else replace(node, body=body)


def _nodes(body: Sequence[Node], depth: int) -> Iterator[Node]:
    for node in body:
        after = _without(node, depth)
        if isinstance(after, Loop) and _is_free(after, depth):
            yield from after.body
        else:
            yield after


def _same(body: Sequence[Node], other: Sequence[Node]) -> bool:
    return len(body) == len(other) and all(a is b for a, b in zip(body, other, strict=True))


def _is_free(loop: Loop, depth: int) -> bool:
    """Whether statements are all that is in it, and iterations write what no other one touches."""
    inside = [node for node in loop.body if isinstance(node, Statement)]
    if len(inside) < len(loop.body) or loop.order is Order.FREE or loop.going is not None:
        return False
    touched: dict[str, set[Own]] = {s.target.array: set() for s in inside}
    for s in inside:
        for a in s.accesses:
            if a.array in touched:
                touched[a.array].add(_own(a, s, depth))
    written = 0
    for only, *others in touched.values():
        _, own = only
        if others or own is None:
            return False
        written += abs(own[0]) * int(loop.extent)
    return written <= MOST


def _own(a: Access, s: Statement, depth: int) -> Own:
    around = a.strides[:depth]
    alone = replace(a, strides=(*(0 for _ in around), *a.strides[depth:]))
    return around, stretch(alone, s.domain, depth)
