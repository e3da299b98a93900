"""Which way statements go: whether vector loops take them, and if not, why.

Vector loops take statements over numbers of iterations whose accesses are affine or go through one
index array, and loops in order around such statements; the rest are nests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..ir.extents import INDEX_NAMES, Extent, is_number
from ..ir.program import Access, Node, Order, Part, Statement, map_accesses


def moves(a: Access) -> tuple[int, ...]:
    """The strides of what is affine in an access: the element's number, or that of the entry."""
    return a.parts[0].strides if a.parts else a.strides


def refusal(s: Statement) -> str:
    """Why vector loops do not take a statement, as in "reduced by max"; "" if they do."""
    op = s.accumulate
    if op is not None and op.reduces != "+":
        return f"reduced by {op.name}"
    for d, count in enumerate(s.domain):
        if not is_number(count) and (d or not isinstance(count, Extent)):
            return f"{INDEX_NAMES[d]} < {count!s}"
    for a in s.accesses:
        if a.parts and not _through_one(a):
            return str(a)
    return ""


def _through_one(a: Access) -> bool:
    (part, *others) = a.parts
    alone = not (others or a.offset or any(a.strides))
    return alone and part.is_entry and part.scale == 1


def flat(body: Sequence[Node], strict: bool) -> list[Statement] | None:
    """The statements of a body with free loops around some of them as loops of their own.

    None if there are other loops, or if strict sums would be added up in another order. Statements
    over no points are left out.
    """
    found: list[Statement] = []
    for node in body:
        if isinstance(node, Statement):
            inner: list[Statement] | None = [node]
        elif node.order is Order.FREE:
            inner = flat(node.body, strict)
            targets = {s.target.array for s in inner or ()}
            if strict and len(targets) < len(inner or ()):
                return None
        else:
            return None
        if inner is None:
            return None
        found += [s for s in inner if not any(is_number(c) and c == 0 for c in s.domain)]
    return found


def forward(s: Statement) -> Statement:
    """The statement with its first loop run from the last iteration to the first."""
    last = s.domain[0] - 1

    def back(a: Access) -> Access:
        offset, strides = _back(a, last)
        parts = []
        for part in a.parts:
            at, along = _back(part, last)
            parts.append(replace(part, offset=at, strides=along))
        return Access(a.array, offset, strides, tuple(parts))

    return replace(s, target=back(s.target), expr=map_accesses(s.expr, back))


def _back(a: Access | Part, last: int) -> tuple[int, tuple[int, ...]]:
    stride = a.strides[0]
    return a.offset + stride * last, (-stride, *a.strides[1:])
