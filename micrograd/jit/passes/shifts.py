"""Program -> the program without derivatives through maxima that move nothing.

A log-sum-exp subtracts the maximum of its numbers and adds it again, a softmax divides it out: that
keeps exponentials in range, and whatever were subtracted, the result would be the same. So the
derivative with respect to it is 0, and what flows back through it, and through every comparison
that made it, is rounding. Such a maximum is detached: nothing flows to it.

How what depends on an element of it moves with it is followed (`moved.py`) up to the result; that
this stays where it is holds for all numbers. Rounding is not what it was, so strict programs are
left as they are; and where the result is nan or infinite, derivatives may be 0 that were nan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from ...ops import detach
from ..ir.extents import Extent
from ..ir.points import Ints, Unknown, elements
from ..ir.program import (
    Access,
    Apply,
    Expr,
    Program,
    Role,
    Statement,
    accesses,
    asks,
    map_statements,
)
from .flows import active, leading
from .moved import STAYS, Followed, Moved, each, linear, product, summed

MOST_POINTS = 1 << 22
"""Points of a statement up to which it is followed."""


def detached(program: Program, of: str, seeds: set[str]) -> Program:
    """The program, in which no derivatives of an array flow through maxima and minima that the
    array does not depend on.

    seeds   the arrays that derivatives are with respect to
    """
    every = list(program.statements)
    if not any(map(_selects, every)) or not any(_has_exponentials(s.expr) for s in every):
        return program
    if asks(program.body):
        return program
    leads, depends = leading(program, of), active(program, seeds)
    body = _Body([s for s in every if s.target.array in leads])
    found = {s.target.array for s in body.statements if _selects(s)} & depends - {of}
    still = {x for x in found if _moves_nothing(program, body, x, of)}
    if not still:
        return program

    def cut(s: Statement) -> Statement:
        if s.target.array not in still:
            return s
        return replace(s, expr=Apply(detach, (s.expr,)))

    return replace(program, body=map_statements(program.body, cut))


def _selects(s: Statement) -> bool:
    """Whether what it writes is one of several numbers."""
    root = isinstance(s.expr, Apply) and s.expr.op.selects
    return root or (s.accumulate is not None and s.accumulate.selects)


def _has_exponentials(expr: Expr) -> bool:
    if not isinstance(expr, Apply):
        return False
    return expr.op.exponential or any(map(_has_exponentials, expr.args))


class _Body:
    """Statements in order; by arrays, those that read and those that write them."""

    def __init__(self, body: Sequence[Statement]) -> None:
        self.statements = body
        self.readers: dict[str, list[int]] = {}
        self.writers: dict[str, list[int]] = {}
        for k, s in enumerate(body):
            self.writers.setdefault(s.target.array, []).append(k)
            for name in {a.array for a in accesses(s.expr)}:
                self.readers.setdefault(name, []).append(k)


def _moves_nothing(program: Program, body: _Body, source: str, of: str) -> bool:
    try:
        return _Shift(program, body, source).leaves(of)
    except (Followed, Unknown):
        return False


class _Shift:
    """An array whose elements are moved, and what moves with them."""

    def __init__(self, program: Program, body: _Body, source: str) -> None:
        self.program = program
        self.body = body
        self.source = source
        size = program.arrays[source].size
        self.moved: dict[str, Moved] = {source: Moved(False, Fraction(1), np.arange(size))}

    def leaves(self, of: str) -> bool:
        """Whether the array `of` is what it was."""
        writers = self.body.writers
        todo, reached = self._readers(self.source), set[str]()
        while todo:  # each behind all that it may read
            name = min(todo, key=lambda x: writers[x][-1])
            todo.remove(name)
            reached.add(name)
            self._follow(name, [self.body.statements[k] for k in writers[name]])
            if name in self.moved:
                found = self._readers(name)
                if not found.isdisjoint(reached):
                    raise Followed
                todo |= found
        return of not in self.moved

    def _readers(self, name: str) -> set[str]:
        """The arrays that read one, when it is complete."""
        last, found = self.body.writers[name][-1], set[str]()
        for k in self.body.readers.get(name, ()):
            target = self.body.statements[k].target.array
            if target == self.source:
                continue
            if k <= last:
                raise Followed
            found.add(target)
        return found

    def _follow(self, name: str, writers: Sequence[Statement]) -> None:
        """How an array moves that statements write."""
        array = self.program.arrays[name]
        if array.role not in (Role.TEMPORARY, Role.OUTPUT):
            raise Followed
        parts: list[tuple[Ints, Moved]] = []
        for s in writers:
            if s.points > MOST_POINTS or any(isinstance(c, Extent) for c in s.domain):
                raise Followed
            if s.accumulate is not None and s.accumulate.coefficients != (1.0, 1.0):
                raise Followed
            found = self._expression(s.expr, s.domain)
            if found is not None:
                parts.append((elements(s.target, s.domain, self.program), found))
            elif s.expr not in (0.0, -0.0):
                parts.append((np.zeros(0, np.int64), STAYS))
        sums = any(s.accumulate is not None for s in writers)
        moving = [found for _, found in parts if found is not STAYS]
        if not moving:
            return
        factor = moving[0].factor
        if any(found.factor != factor for found in moving):
            raise Followed
        made: Moved | None
        if factor or not sums:
            made = each(array.size, parts, may_stay=not factor)
        else:
            made = summed(array.size, self.program.arrays[self.source].size, parts)
        if made is not None:
            self.moved[name] = made

    def _expression(self, expr: Expr, domain: tuple[int, ...]) -> Moved | None:
        """How an expression moves at every point; None: not at all."""
        if isinstance(expr, float):
            return None
        if isinstance(expr, Access):
            return self._access(expr, domain)
        args = [self._expression(x, domain) for x in expr.args]
        if all(x is None for x in args):
            return None
        op = expr.op
        if op.coefficients:
            return linear(expr.args, args, op.coefficients)
        if op.exponents:
            return product(expr.args, args, op.exponents)
        (x,) = args if len(args) == 1 else (None,)
        if x is not None and op.exponential and not x.factor:
            return replace(x, factor=True)
        if x is not None and op.logarithmic and x.factor:
            return replace(x, factor=False)
        raise Followed

    def _access(self, a: Access, domain: tuple[int, ...]) -> Moved | None:
        found = self.moved.get(a.array)
        if found is None:
            return None
        index = np.array([a.offset]) if a.is_constant else elements(a, domain, self.program)
        home = found.home[index]
        if (home < 0).any():
            raise Followed
        return replace(found, home=home)
