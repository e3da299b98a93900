"""Program -> Program: sums over rows of an array that statements write piece by piece add up what
these pieces are.

Requires a verified program. The gradient of a row stands in one array, of which each part has a
statement of its own, and is summed over the rows as a whole:

    each[4*i + j] = mul(a[i], x[2*i + j])  for i < 9, j < 2
    each[4*i + j + 2] = a[i]  for i < 9, j < 2
    out[i] = 0.0  for i < 4
    out[j] += each[4*i + j]  for i < 9, j < 4

becomes sums of the expressions, without the array between; and where elements of the sum are added
up of the same numbers, one of them is:

    out[j] += mul(a[i], x[2*i + j])  for i < 9, j < 2
    same = 0.0
    same += a[i]  for i < 9
    out[i + 2] += same  for i < 2

Establishes a verified program that adds the same numbers in the same order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

from ..ir.extents import is_number
from ..ir.program import (
    Access,
    Expr,
    Node,
    Program,
    Role,
    Statement,
    accesses,
    map_accesses,
    row_major,
    statements,
)
from .reaching import fresh


def by_pieces(program: Program) -> Program:
    """The program with such sums; itself if it has none."""
    sums = list(_sums(program))
    if not sums:
        return program
    result = replace(program, arrays=dict(program.arrays))
    instead: dict[int, list[Node]] = {}
    gone: set[int] = set()
    for found in sums:
        instead[id(found.whole)] = list(_pieces(found, result))
        gone.update(id(s) for s in found.parts)
        del result.arrays[found.array]
    body: list[Node] = []
    for node in program.body:
        body += instead.get(id(node), [] if id(node) in gone else [node])
    result.body = body
    return result


@dataclass(frozen=True, slots=True)
class _Sum:
    """A sum of all of an array over its rows.

    whole   the statement that adds it up
    parts   those that write the array, which nothing else reads
    start   what the sum begins with, if nothing else is added to it before
    """

    whole: Statement
    parts: list[Statement]
    start: float | None

    @property
    def array(self) -> str:
        """What is summed."""
        return accesses(self.whole.expr)[0].array


def _sums(program: Program) -> Iterator[_Sum]:
    """Those of a program, whose statements stand in no loop."""
    readers = Counter(a.array for s in program.statements for a in accesses(s.expr))
    written: dict[str, list[tuple[int, Statement]]] = {}
    for at, node in enumerate(program.body):
        for each in statements([node]):
            written.setdefault(each.target.array, []).append((at, each))

    def changes(name: str, first: int, last: int) -> bool:
        """Whether an array is written between two places of the body."""
        return any(first < at < last for at, _ in written.get(name, ()))

    for last, s in enumerate(program.body):
        if not isinstance(s, Statement) or s.accumulate is None or not isinstance(s.expr, Access):
            continue
        name = s.expr.array
        parts = written.get(name, [])
        if program.arrays[name].role is not Role.TEMPORARY or readers[name] != 1:
            continue
        if not parts or not all(p is program.body[at] and p.accumulate is None for at, p in parts):
            continue
        if any(changes(a.array, at, last) for at, p in parts for a in accesses(p.expr)):
            continue
        pieces = [p for _, p in parts]
        if parts[-1][0] < last and _is_whole(s, pieces):
            yield _Sum(s, pieces, _start([x for _, x in written[s.target.array]], s))


def _is_whole(s: Statement, parts: Sequence[Statement]) -> bool:
    """Whether each part is rows of the sum's columns, and all of them are all that is summed."""
    if len(s.domain) < 1 or s.target.parts or not isinstance(s.expr, Access) or s.expr.parts:
        return False
    rows, columns = s.domain[:-1], int(s.domain[-1])
    if not rows or not all(map(is_number, s.domain)) or s.expr.strides[-1] != 1:
        return False
    if any(s.target.strides[:-1]) or not s.target.strides[-1]:
        return False
    points = 0
    for p in parts:
        depth = len(rows)
        if p.domain[:depth] != rows or not all(map(is_number, p.domain)) or p.target.parts:
            return False
        if p.target.strides[:depth] != s.expr.strides[:depth]:
            return False
        inner = zip(p.target.strides[depth:], p.domain[depth:], strict=True)
        ends = [stride * (int(count) - 1) for stride, count in inner]
        first = p.target.offset - s.expr.offset
        low = first + sum(e for e in ends if e < 0)
        high = first + sum(e for e in ends if e > 0)
        if low < 0 or high >= columns:
            return False
        points += p.points
    # elements are written once, and rows do not overlap: then these are all
    steps = [abs(stride) for stride in s.expr.strides[:-1]]
    return points == s.points and min(steps) >= columns


def _start(written: Sequence[Statement], s: Statement) -> float | None:
    """The zero that the sum begins with; None if it begins with another, or has more terms."""
    if len(written) != 2 or written[1] is not s or written[0].accumulate is not None:
        return None
    expr = written[0].expr
    return expr if expr == 0.0 and isinstance(expr, float) else None


def _pieces(found: _Sum, program: Program) -> Iterator[Statement]:
    """The statements instead of the sum."""
    s, depth = found.whole, len(found.whole.domain) - 1
    assert isinstance(s.expr, Access)
    step = s.target.strides[-1]
    for p in found.parts:
        offset = s.target.offset + step * (p.target.offset - s.expr.offset)
        inner = tuple(step * stride for stride in p.target.strides[depth:])
        part = p.beside(
            Access(s.target.array, offset, (0,) * depth + inner),
            p.expr,
            p.domain,
            s.accumulate,
        )
        moving = _moving(p.expr)
        same = [d for d in range(depth, len(p.domain)) if d not in moving]
        if same and found.start is not None:
            yield from _once(part, depth, same, found.start, program)
        else:
            yield part


def _once(
    s: Statement, depth: int, same: Sequence[int], start: float, program: Program
) -> Iterator[Statement]:
    """A sum over its first loops, computed once for elements to which it adds the same.

    same    the loops over these
    start   what the sum begins with
    """
    left = [d for d in range(len(s.domain)) if d not in same]
    counts = [s.domain[d] for d in left[depth:]]
    name = program.declare(fresh(program, "same"), Role.TEMPORARY, prod(map(int, counts))).name
    inner = row_major(counts)
    to = dict(zip(left, (*(0,) * depth, *inner), strict=True))

    def of_left(strides: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(strides[d] for d in left)

    expr = map_accesses(s.expr, lambda a: a.with_strides(of_left))
    yield s.beside(Access(name, 0, inner), start, tuple(counts))
    sums = Access(name, 0, (*(0,) * depth, *inner))
    yield s.beside(sums, expr, of_left(s.domain), s.accumulate)
    read = tuple(to.get(d, 0) for d in range(depth, len(s.domain)))
    target = replace(s.target, strides=s.target.strides[depth:])
    yield s.beside(target, Access(name, 0, read), s.domain[depth:], s.accumulate)


def _moving(expr: Expr) -> set[int]:
    """The loops that an expression depends on."""
    return {
        d
        for a in accesses(expr)
        for strides in (a.strides, *(part.strides for part in a.parts))
        for d, stride in enumerate(strides)
        if stride
    }
