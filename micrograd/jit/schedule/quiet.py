"""Loops in order that carry a maximum, or what flows back to one: blocks in which nothing happens.

    for i < 9999 in order:                          32 times i at once, if all(gt(m[0], x[i])):
      m[i + 1] = maximum(m[i], x[i])                  m[i + 1] = m[0]

Where the number carried stays what it is for all iterations of a block, which one comparison of
vectors tells, they are done at once; else one after the other. Results are the same, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...ops import OPS
from ..ir.extents import is_number
from ..ir.program import (
    Access,
    Apply,
    Array,
    Expr,
    Loop,
    Node,
    Order,
    Statement,
    accesses,
    map_accesses,
)
from .fuse import Group
from .repeat import Repeat, repeated
from .routes import forward

BLOCK = 32
"""Iterations that are done at once."""
FEWEST = 8 * BLOCK
"""Iterations of a loop, at least."""

GREATER, LESS = OPS["gt"], OPS["lt"]
KEEPS = {"max": GREATER, "min": LESS}
"""When a reduction of two numbers is certainly the first, by what it is."""


@dataclass(slots=True)
class Blocks(Repeat):
    """A loop in blocks: one as it stands, what does the same at once, and what is left of it."""

    quick: list[Node] = field(default_factory=list)
    rest: Group | None = None


def blocks(group: Group, arrays: Mapping[str, Array]) -> Blocks | None:
    """The loop in blocks, without its steps; None if it carries something else."""
    body, count = group.statements, group.count
    if not is_number(count) or count < FEWEST or not all(_is_plain(s, count) for s in body):
        return None
    found = _carried(body)
    if found is None:
        return None
    s, condition = found
    (stride,) = s.target.strides
    backwards = stride < 0
    rest = count % BLOCK
    order = Order.REVERSE if backwards else Order.FORWARD
    rows = [forward(x) if backwards else x for x in body]
    start = rest if backwards else 0

    def in_blocks(a: Access) -> Access:
        (step,) = a.strides
        return Access(a.array, a.offset + step * start, (step * BLOCK, step))

    whole = count // BLOCK
    inner = [_changed(x, in_blocks, (whole, BLOCK)) for x in rows]
    one = Statement(s.target, condition, s.domain)
    (turned,) = [forward(one)] if backwards else [one]

    def first(a: Access) -> Access:
        """In a block as it is seen by one: what is carried is what the block begins with."""
        (step,) = a.strides
        a = replace(a, offset=a.offset + step * start)
        same = a.array == s.target.array
        at = step * (BLOCK - 1) if backwards else 0
        return replace(a, offset=a.offset + at, strides=(0,)) if same else a

    def at_once(x: Statement) -> Statement:
        target = replace(x.target, offset=x.target.offset + x.target.strides[0] * start)
        expr = map_accesses(_under(x.expr, turned.expr), first)
        return replace(x, target=target, expr=expr, domain=(BLOCK,))

    quick: list[Node] = [at_once(x) for x in rows]
    left = [_later(x, whole * BLOCK, rest) for x in body]
    repeat = repeated([Loop(whole, order, [Loop(BLOCK, order, [*inner])])], arrays, {})
    if repeat is None:
        return None
    return Blocks(
        repeat.count,
        repeat.backwards,
        repeat.program,
        repeat.moves,
        repeat.tiles,
        [],
        map_accesses(turned.expr, first),
        BLOCK,
        [],
        quick,
        Group(rest, left, in_turn=True) if rest else None,
    )


def _carried(body: Sequence[Statement]) -> tuple[Statement, Expr] | None:
    """The statement of the number that is carried, all that is, and when it stays what it is."""
    written = {s.target.array for s in body}
    carried = [s for s in body if any(a.array == s.target.array for a in accesses(s.expr))]
    if len(carried) != 1 or carried[0].accumulate is not None or len(written) < len(body):
        return None
    (s,) = carried
    before = replace(s.target, offset=s.target.offset - s.target.strides[0])
    inside = {a for x in body for a in accesses(x.expr) if a.array in written}
    condition = _condition(s.expr, before)
    if inside != {before} or condition is None or _under(s.expr, condition) != before:
        return None
    return s, condition


def _is_plain(s: Statement, count: int) -> bool:
    """Whether it is over numbers of iterations, each of which writes an element of its own."""
    own = s.domain == (count,) and bool(s.target.strides[0])
    return own and not any(a.parts for a in s.accesses)


def _changed(
    s: Statement, change: Callable[[Access], Access], domain: tuple[int, ...]
) -> Statement:
    return replace(s, target=change(s.target), expr=map_accesses(s.expr, change), domain=domain)


def _later(s: Statement, first: int, count: int) -> Statement:
    """The statement from an iteration on."""
    return _changed(s, lambda a: replace(a, offset=a.offset + a.strides[0] * first), (count,))


def _condition(expr: Expr, before: Access) -> Expr | None:
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


def _under(expr: Expr, condition: Expr) -> Expr:
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
            return _under(expr.args[1], condition)
        if _is_against(test, condition):
            return _under(expr.args[2], condition)
    return Apply(expr.op, tuple([_under(x, condition) for x in expr.args]))


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
