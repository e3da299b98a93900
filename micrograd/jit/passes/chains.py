"""Program -> Program: reductions as the recurrences that they mean, every partial result kept.

The derivative of a maximum, a minimum or a product needs what there was before each operand came.
So `t[i] max= e` becomes a loop in order over what it reduces, `p[k + 1, i] = max(p[k, i], e)`: the
partial results are the rows of a new array, which begins with the start value. What read `t` reads
the row that it means. Then there are no reductions left but sums; and a tie is split, and a product
of zeros derived, as in a chain of the op on two operands.

The same is done with sums that something reads before they are complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ...ops import Op
from ..ir.extents import Affine, Entries
from ..ir.nests import Ints
from ..ir.points import points
from ..ir.program import (
    Access,
    Apply,
    Expr,
    Loop,
    Node,
    Order,
    Part,
    Program,
    Role,
    Statement,
    map_accesses,
    row_major,
)
from .final import changing
from .flows import active
from .reaching import fresh
from .versions import Touched, Versions


def chained(
    program: Program, seeds: set[str], kept: str, through: set[str] | None = None
) -> Program:
    """The program without reductions that derivatives cannot take, among what depends on `seeds`.

    kept      an array that is asked for, beside the outputs
    through   the arrays that derivatives go through (None: all of these)
    """
    if not any(s.accumulate is not None for s in program.statements):
        return program
    depending = active(program, seeds)
    changed = changing(program, depending)
    derived = depending if through is None else depending & through
    for s in program.statements:
        if s.target.array in derived and s.accumulate is not None and not is_sum(s.accumulate):
            changed.add(s.target.array)
    for name in [name for name in program.arrays if name in changed]:
        program = _Chains(program, name).rewritten(name == kept)
    return program


def is_sum(op: Op) -> bool:
    """Whether a reduction by this op sends its cotangent on as it is."""
    return op.coefficients == (1.0, 1.0)


class _Chains:
    """The rewriting of one array: version `k` of its element `e` lies at `k * size + e`."""

    def __init__(self, program: Program, array: str) -> None:
        self.program = program
        self.array = program.arrays[array]
        self.versions = Versions(program, array)
        rows = int(self.versions.last.max(initial=0)) + 1
        self.result = Program(dict(program.arrays))
        self.rows = fresh(program, f"{array}_steps")
        self.result.declare(self.rows, Role.TEMPORARY, (rows, *self.array.shape))

    def rewritten(self, kept: bool) -> Program:
        """The program with the array's partial results in rows."""
        touched = iter(self.versions.touched)
        body, _ = self._body(self.program.body, touched, 0)
        if any(x is not None and x.reads_last for x in self.versions.touched):
            kept = True
        if kept or self.array.role is not Role.TEMPORARY:
            domain = (self.array.size,) if self.array.size > 1 else ()
            element = Access(self.array.name, 0, (1,) * len(domain))
            last = self._row(element, domain, self.versions.last)
            every = self.program.statements
            writer = next(s for s in every if s.target.array == self.array.name)
            body.insert(self.versions.writers, writer.beside(element, last, domain))
        else:
            del self.result.arrays[self.array.name]
        self.result.body = body
        return self.result

    def _body(
        self, body: Sequence[Node], touched: Iterator[Touched | None], depth: int
    ) -> tuple[list[Node], set[int]]:
        """The rewritten body, and which of the loops around it carry partial results."""
        result: list[Node] = []
        carrying: set[int] = set()
        for node in body:
            if isinstance(node, Loop):
                inner, carried = self._body(node.body, touched, depth + 1)
                order = node.order
                if order is Order.FREE and depth in carried:
                    order = Order.FORWARD
                result.append(replace(node, order=order, body=inner))
                carrying |= carried
                continue
            found = next(touched)
            if found is None:
                result.append(node)
                continue
            s = self._statement(node, found)
            if node.accumulate is None or node.target.array != self.array.name:
                result.append(s)
                continue
            loops = _carrying(found, points(found.s.domain, self.program), depth)
            carrying |= {d for d in loops if d < depth}
            result.append(_in_order(s, depth, [d for d in loops if d >= depth]))
        return result, carrying

    def _statement(self, s: Statement, found: Touched) -> Statement:
        """The statement, on rows."""

        def row(a: Access) -> Expr:
            if a not in found.read or a in found.reads_last:
                return a
            return self._row(a, found.s.domain, found.read[a])

        expr = map_accesses(s.expr, row)
        if s.target.array != self.array.name:
            return replace(s, expr=expr)
        target = self._row(s.target, found.s.domain, found.made)
        if s.accumulate is not None:
            before = replace(target, offset=target.offset - self.array.size)
            expr = Apply(s.accumulate, (before, expr))
        return s.beside(target, expr, s.domain)

    def _row(self, a: Access, domain: tuple[int, ...], version: Ints) -> Access:
        """The access to a version of the element, which depends on the point."""
        size = self.array.size
        home = a.of(self.rows)
        if not len(version) or version.min() == version.max():
            return replace(home, offset=a.offset + size * int(version.max(initial=0)))
        columns = points(domain, self.program)
        base, *slopes = _affine(version, columns)
        if np.array_equal(_numbers(columns, slopes) + base, version):
            strides = tuple([d + size * x for d, x in zip(a.strides, slopes, strict=True)])
            return Access(self.rows, a.offset + size * base, strides, a.parts)
        box = tuple(map(int, domain))
        entries = np.zeros(int(np.prod(box)), dtype=np.int64)
        strides = row_major(box)
        entries[_numbers(columns, strides)] = version
        table = self.result.table(fresh(self.result, f"{self.rows}_of"), entries)
        return replace(home, parts=(*a.parts, Part("entry", table, 0, strides, size)))


def _affine(numbers: Ints, columns: list[Ints]) -> list[int]:
    """What may be the offset and the strides by which numbers depend on indices."""
    matrix = np.stack([np.ones(len(numbers)), *columns], axis=1)
    found = np.linalg.lstsq(matrix, numbers.astype(np.float64), rcond=None)[0]
    return [int(x) for x in np.rint(found)]


def _numbers(columns: list[Ints], strides: Sequence[int]) -> Ints:
    """The sum of indices times strides, at every point."""
    return np.array(columns).T @ np.array(strides, dtype=np.int64)


def _carrying(found: Touched, columns: list[Ints], depth: int) -> list[int]:
    """The loops in whose iterations one element is accumulated into more than once: of those around
    the statement, at all; of its own, in one iteration of these.
    """
    outer = np.zeros(len(found.target), dtype=np.int64)
    for column in columns[:depth]:
        outer = outer * (int(column.max(initial=0)) + 1) + column
    carrying = []
    for d, column in enumerate(columns):
        keys = (
            found.target if d < depth else found.target + outer * (found.target.max(initial=0) + 1)
        )
        order = np.lexsort((column, keys))
        again = (np.diff(keys[order]) == 0) & (np.diff(column[order]) != 0)
        if again.any():
            carrying.append(d)
    return carrying


def _in_order(s: Statement, depth: int, carrying: list[int]) -> Node:
    """The statement in loops in order: those of its own that carry partial results.

    They are put around its others, unless how often they run depends on these.
    """
    if not carrying:
        return s
    own = range(depth, len(s.domain))
    others = [d for d in own if d not in carrying]
    if any(_depends(s.domain[d], others) for d in carrying):
        wrapped = list(range(depth, carrying[-1] + 1))
    else:
        wrapped = list(range(depth, depth + len(carrying)))
        s = _permuted(s, [*range(depth), *carrying, *others])
        carrying = wrapped
    node: Node = s
    for d in reversed(wrapped):
        order = Order.FORWARD if d in carrying else Order.FREE
        node = Loop(s.domain[d], order, [node])
    return node


def _depends(count: int, loops: list[int]) -> bool:
    strides = count.strides if isinstance(count, Affine | Entries) else ()
    return any(d < len(strides) and strides[d] for d in loops)


def _permuted(s: Statement, order: list[int]) -> Statement:
    """The statement with its loops in this order."""

    def moved(strides: tuple[int, ...]) -> tuple[int, ...]:
        strides = (*strides, *[0] * (len(order) - len(strides)))
        return tuple([strides[d] for d in order])

    def extent(count: int, at: int) -> int:
        if isinstance(count, Affine):
            return Affine(count.offset, moved(count.strides)[:at], int(count))
        if isinstance(count, Entries):
            return Entries(count.array, count.offset, moved(count.strides)[:at], int(count))
        return count

    domain = tuple([extent(s.domain[d], at) for at, d in enumerate(order)])
    expr = map_accesses(s.expr, lambda a: a.with_strides(moved))
    return s.beside(s.target.with_strides(moved), expr, domain, s.accumulate)
