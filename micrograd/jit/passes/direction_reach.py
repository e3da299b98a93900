"""Which directions reach which elements, and expressions in which nothing flows along the others.

In a loop of directions every direction goes through every point. What does not reach an element has
the tangent 0 there, and 0 * nan is nan: so where a tangent is multiplied, and some directions do
not reach it, a condition leaves them out, as the interpreter has no path for them:

    d_b[i, j] = where(eq(direction_of_row[i], direction_of_column[j]), mul(d_a[i, j], c[j]), 0.0)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from math import isfinite, prod

import numpy as np

from ...ops import Op, eq, maximum, where
from ..ir.extents import is_number
from ..ir.nests import Ints
from ..ir.points import Unknown, elements
from ..ir.program import (
    Access,
    Apply,
    Expr,
    Node,
    Order,
    Program,
    Role,
    Statement,
    accesses,
    map_statements,
    row_major,
    statements,
)
from .flows import holding
from .reaching import Bools, declare_mask, fresh

MOST_TURNS = 1 << 15
"""Statements in turns of loops in order, up to which they are followed one after the other."""


class DirectionReach:
    """Where the tangents of a program along all directions may be other than zero.

    Raises Unknown if statements have domains, or loops so many turns, that this is not found out.

    program   statements that set tangents have the loop of directions inside of the loops in order
              around them, and around all others
    points    a statement that sets tangents, by its id -> the points where something may flow
    """

    def __init__(self, program: Program, tangents: Collection[str]) -> None:
        self.program = program
        self.points: dict[int, Bools] = {}
        self.conditions: dict[tuple[bytes, bytes, tuple[int, ...], int], Expr] = {}
        self._reached: dict[str, Bools] = {
            name: np.zeros(program.arrays[name].size, dtype=bool) for name in tangents
        }
        self._depths: dict[int, int] = {}
        self._places: dict[tuple[Access, tuple[int, ...]], Ints] = {}
        self._leaves: dict[tuple[int, Access], Bools] = {}  # which of a tangent's points are zero
        self._conditions_held: dict[tuple[Expr, tuple[int, ...]], Bools | None] = {}
        self._turns = 0
        self._follow(program.body, ())

    def sets_tangents(self, s: Statement) -> bool:
        """Whether a statement sets tangents."""
        return s.target.array in self._reached

    def elements(self, a: Access, domain: tuple[int, ...]) -> Ints:
        """The element at every point. Raises Unknown if only the code knows."""
        key = a, domain
        if key not in self._places:
            found = elements(a, domain, self.program)
            self._places[key] = np.broadcast_to(found, (prod(domain),))
        return self._places[key]

    # -- what flows --------------------------------------------------------------------------------

    def _follow(self, body: Sequence[Node], turn: tuple[int, ...]) -> None:
        """Go through statements as they run, in this turn of the loops around them."""
        for node in body:
            if isinstance(node, Statement):
                if self.sets_tangents(node):
                    self._take(node, turn)
            elif any(self.sets_tangents(s) for s in statements([node])):
                if node.going is not None or not is_number(node.extent):
                    raise Unknown
                turns = range(int(node.extent))
                for k in turns[::-1] if node.order is Order.REVERSE else turns:
                    self._follow(node.body, (*turn, k))

    def _take(self, s: Statement, turn: tuple[int, ...]) -> None:
        """Find out where something flows in a statement, and what it reaches."""
        self._turns += 1
        if self._turns > MOST_TURNS or not all(map(is_number, s.domain)):
            raise Unknown
        number, points = 0, prod(s.domain)
        for k, count in zip(turn, s.domain, strict=False):
            number = number * count + k
        each = prod(s.domain[len(turn) :])
        now = slice(number * each, (number + 1) * each)
        self._depths[id(s)] = len(turn)
        for a in accesses(s.expr):
            if a.array in self._reached:
                if (id(s), a) not in self._leaves:
                    self._leaves[id(s), a] = np.ones(points, dtype=bool)
                with suppress(Unknown):
                    places = self.elements(a, s.domain)[now]
                    self._leaves[id(s), a][now] = self._reached[a.array][places]
        live = self._live(s, s.expr, now)
        self.points.setdefault(id(s), np.zeros(points, dtype=bool))[now] = live
        mask = self._reached[s.target.array]
        try:
            places = self.elements(s.target, s.domain)[now]
        except Unknown:
            mask[:] |= live.any()
        else:
            if s.accumulate is None:
                mask[places] = False
            mask[places[live]] = True

    def _live(self, s: Statement, expr: Expr, now: slice = slice(None)) -> Bools:
        """At which points of a statement an expression in it may be other than zero."""
        points = prod(s.domain)
        if isinstance(expr, Access):
            leaf = self._leaves.get((id(s), expr))
            return np.ones(points, dtype=bool)[now] if leaf is None else leaf[now]
        if isinstance(expr, float):
            return np.full(points, expr != 0.0)[now]
        op = expr.op
        if op.choice:
            first, second = (self._live(s, x, now) for x in expr.args[1:])
            held = self._held(expr.args[0], s.domain)
            return first | second if held is None else np.where(held[now], first, second)
        powers = op.exponents or op.coefficients
        live = [self._live(s, x, now) for x, power in zip(expr.args, powers, strict=False) if power]
        if op.exponents:
            above = [x for x, power in zip(live, powers, strict=True) if power > 0]
            return np.logical_and.reduce(above) if above else np.ones(points, dtype=bool)[now]
        return np.logical_or.reduce(live) if live else np.ones(points, dtype=bool)[now]

    def _held(self, condition: Expr, domain: tuple[int, ...]) -> Bools | None:
        """Where a condition holds; None if only the code knows."""
        if (condition, domain) not in self._conditions_held:
            known = all(self.program.arrays[a.array].data is not None for a in accesses(condition))
            held = holding([condition], domain, self.program) if known else None
            self._conditions_held[condition, domain] = held
        return self._conditions_held[condition, domain]

    # -- what must not be multiplied ---------------------------------------------------------------

    def guarded(self, s: Statement, inside: Bools, into: Program) -> Expr:
        """What a statement computes, in which nothing flows along directions that do not reach.

        inside   the points where it runs
        into     the program that conditions are declared in
        """
        nothing = 0.0 if s.accumulate is None else -0.0
        return self._guarded(s, s.expr, inside, nothing, into)

    def _guarded(self, s: Statement, expr: Expr, at: Bools, nothing: float, into: Program) -> Expr:
        if not self._is_tangent(expr):
            return expr
        assert isinstance(expr, Apply)
        live = self._live(s, expr)
        left = at & live
        if self._is_unsafe(s, expr, at & ~live):
            if not left.any():
                return nothing
            inner = self._guarded(s, expr, left, nothing, into)
            return Apply(where, (self._condition(s, live, at, into), inner, nothing))
        op, args = expr.op, list(expr.args)
        if op.choice:
            held = self._held(args[0], s.domain)
            sides = (at, at) if held is None else (at & held, at & ~held)
            args[1:] = [
                self._guarded(s, x, side, nothing, into)
                for x, side in zip(args[1:], sides, strict=True)
            ]
        elif op.coefficients:
            # what is added where nothing flows is the zero of addition
            zeros = [nothing, *[-x * 0.0 for x in op.coefficients[1:]]]
            args = [
                self._guarded(s, x, at, zero, into) for x, zero in zip(args, zeros, strict=True)
            ]
        elif op.exponents:
            args = [self._guarded(s, x, at, nothing, into) for x in args]
        return expr if tuple(args) == expr.args else Apply(op, tuple(args))

    def _is_tangent(self, expr: Expr) -> bool:
        """Whether something is computed of tangents."""
        return isinstance(expr, Apply) and any(a.array in self._reached for a in accesses(expr))

    def _is_unsafe(self, s: Statement, expr: Expr, at: Bools) -> bool:
        """Whether an expression may be computed as other than zero at points where it is zero."""
        if not isinstance(expr, Apply) or not at.any():
            return False
        op, args = expr.op, expr.args
        if op.choice:
            held = self._held(args[0], s.domain)
            sides = (at, at) if held is None else (at & held, at & ~held)
            pairs = zip(args[1:], sides, strict=True)
            return any(self._is_unsafe(s, x, side) for x, side in pairs)
        if op.exponents:
            others = [x for x in args if not _is_harmless(op, x, args)]
            return len(others) != 1 or self._is_unsafe(s, others[0], at)
        return any(self._is_unsafe(s, x, at) for x in args)

    def _condition(self, s: Statement, live: Bools, at: Bools, into: Program) -> Expr:
        """Data of the program that says at which of the points `at` something flows."""
        depth = self._depths[id(s)]
        key = (live & at).tobytes(), at.tobytes(), s.domain, depth
        if key not in self.conditions:
            count = s.domain[depth]
            grid, cared = (
                np.moveaxis(x.reshape(s.domain), depth, 0).reshape(count, -1) for x in (live, at)
            )
            found = _classes(grid, cared)
            if found is None:
                name = fresh(into, f"flowing{len(self.conditions)}")
                self.conditions[key] = declare_mask(into, name, live, s.domain)
            else:
                self.conditions[key] = self._same_class(s, *found, into)
        return self.conditions[key]

    def _same_class(
        self, s: Statement, everywhere: Bools, rows: Ints, columns: Ints, into: Program
    ) -> Expr:
        """Whether a direction and a point are of one class, or the direction reaches all points."""
        depth, number = self._depths[id(s)], len(self.conditions)
        others = (*s.domain[:depth], *s.domain[depth + 1 :])
        steps = row_major(others)

        def declared(
            name: str, shape: tuple[int, ...], data: Ints, strides: tuple[int, ...]
        ) -> Access:
            name = fresh(into, f"{name}{number}_")
            into.declare(name, Role.CONSTANT, shape or 1, data.astype(np.float64))
            return Access(name, 0, strides)

        along = tuple([int(k == depth) for k in range(len(s.domain))])
        condition: Expr = eq(
            declared("direction", (len(rows),), rows, along),
            declared("reached", others, columns, (*steps[:depth], 0, *steps[depth:])),
        )
        if everywhere.any():
            everything = declared("everywhere", (len(rows),), everywhere.astype(np.int64), along)
            condition = maximum(condition, everything)
        return condition


def guarded(program: Program, reach: DirectionReach) -> Program:
    """The program in which nothing flows along directions that do not reach."""
    result = Program(dict(program.arrays))

    def changed(s: Statement) -> Statement:
        if id(s) not in reach.points:
            return s
        everywhere = np.ones(prod(s.domain), dtype=bool)
        return replace(s, expr=reach.guarded(s, everywhere, result))

    result.body.extend(map_statements(program.body, changed))
    return result


def _is_harmless(op: Op, x: Expr, args: tuple[Expr, ...]) -> bool:
    """Whether zero times, or divided by, this operand of a product is zero for certain."""
    if not isinstance(x, float) or not isfinite(x):
        return False
    return op.exponents[args.index(x)] > 0 or x != 0.0


def _classes(live: Bools, cared: Bools) -> tuple[Bools, Ints, Ints] | None:
    """Rows that are live in all columns, and for the others the classes of rows and of columns
    that are live where these are the same; None if it is not so, where that is cared about.
    """
    everywhere: Bools = np.logical_and(
        (live | ~cared).all(axis=1), (live & cared).any(axis=1), dtype=bool
    )
    others = live & cared & ~everywhere[:, None]
    rows = np.where(others.any(axis=1), others.argmax(axis=1), -2)
    columns = np.where(others.any(axis=0), rows[others.argmax(axis=0)], -1)
    same = (rows[:, None] == columns[None, :]) | everywhere[:, None]
    return (everywhere, rows, columns) if np.array_equal(same & cared, live & cared) else None
