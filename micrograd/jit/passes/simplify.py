"""Program -> Program: fold constants, share equal scalars, drop what nothing needs.

Each pass takes a verified program and gives a verified program with the same outputs, bit for
bit: only rewrites that IEEE arithmetic allows (x * 1 is x, but x * 0 is not 0, for x may be inf).
They run after differentiation, because sharing before it would change the order of sums.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from ... import ops
from ..ir.extents import Entries
from ..ir.program import (
    GIVEN,
    Access,
    Apply,
    Expr,
    Node,
    Program,
    Role,
    Statement,
    accesses,
    loops,
    map_statements,
    statements,
)
from ..target import Target


def simplify(program: Program) -> Program:
    """Fold, share and drop."""
    return dce(cse(fold(program)))


def fold(program: Program) -> Program:
    """Evaluate ops on constants, drop neutral operands, and forward copies of scalars."""
    known: dict[Access, Expr] = {}  # scalars that are a literal or a copy
    changing = _changing(program)

    def folded(s: Statement) -> Statement:
        expr = fold_expr(s.expr, known)
        if (
            s.domain == ()
            and not s.target.parts
            and s.target.array not in changing
            and (isinstance(expr, float) or (isinstance(expr, Access) and not expr.parts))
            and not (isinstance(expr, Access) and expr.array in changing)
        ):
            known[s.target] = expr
        return replace(s, expr=expr)

    return Program(program.arrays, map_statements(program.body, folded))


def _changing(program: Program) -> set[str]:
    """The arrays whose elements are set more than once."""
    found = {s.target.array for s in program.statements if s.accumulate}
    return found.union(a.name for a in program.with_role(Role.STATE, Role.SCRATCH))


def _indexed(program: Program) -> set[str]:
    """The arrays that are touched in loops, or through index arrays."""
    return {a.array for s in program.statements for a in s.accesses if a.strides or a.parts}


def fold_expr(expr: Expr, known: dict[Access, Expr]) -> Expr:
    """The expression with known scalars replaced and constant parts evaluated."""
    if isinstance(expr, float):
        return expr
    if isinstance(expr, Access):
        return known.get(expr, expr) if not expr.strides else expr
    args = tuple([fold_expr(x, known) for x in expr.args])
    if all(isinstance(x, float) for x in args):
        return expr.op.eval(*args)
    simpler = _neutral(expr.op, args)
    if simpler is not None:
        return simpler
    return expr if args == expr.args else Apply(expr.op, args)


def _neutral(op: ops.Op, args: tuple[Expr, ...]) -> Expr | None:
    """A simpler expression that equals the result whatever the operands are, if there is one."""
    if len(args) == 2:
        x, y = args
        if isinstance(y, float):
            if op.is_neutral(1, y):
                return x
            if y == 0.0 and op.repeats is not None:
                return op.repeats.identity  # of nothing; whatever x is, nan too
            if y == 0.0 and op.predicate == "ogt" and isinstance(x, Apply) and x.op.keeps_positive:
                return Apply(op, (x.args[0], 0.0))
        elif isinstance(x, float) and op.is_neutral(0, x):
            return y
    elif op.choice:
        c, x, y = args
        if isinstance(c, float):
            return x if c != 0.0 else y
        if x == y and isinstance(x, Access):
            return x
    elif op.coefficients:
        (x,) = args
        if isinstance(x, Apply) and x.op is op:  # the other sign, twice
            return x.args[0]
    return None


def cse(program: Program) -> Program:
    """Compute equal scalars once: a later one becomes the earlier one wherever it is read."""
    changing, indexed = _changing(program), _indexed(program)
    seen: dict[Any, Access] = {}
    known: dict[Access, Expr] = {}
    gone: dict[Access, list[Statement]] = {}  # what is there once, by where it is

    def shared(s: Statement) -> Statement | None:
        expr = _replace(s.expr, known)
        role = program.arrays[s.target.array].role
        if s.domain == () and not s.target.parts and isinstance(expr, Apply):
            stable = not any(a.array in changing for a in accesses(expr))
            own = s.target.array not in changing and s.target.array not in indexed
            if stable and own and role is Role.TEMPORARY:
                key = _key(expr)
                if key in seen:
                    known[s.target] = seen[key]
                    gone.setdefault(seen[key], []).append(s)
                    return None
                seen[key] = s.target
        return replace(s, expr=expr)

    body = map_statements(program.body, shared)
    if gone:
        body = map_statements(body, lambda s: s.taking(gone[s.target]) if s.target in gone else s)
    return Program(program.arrays, body)


def _key(expr: Expr) -> Any:
    """What identifies an expression; as floats, 0.0 and -0.0 would be equal."""
    if isinstance(expr, Apply):
        return (expr.op, *map(_key, expr.args))
    return repr(expr) if isinstance(expr, float) else expr


def _replace(expr: Expr, known: dict[Access, Expr]) -> Expr:
    if isinstance(expr, float) or not known:
        return expr
    if isinstance(expr, Access):
        return known.get(expr, expr) if not expr.strides else expr
    args = tuple([_replace(x, known) for x in expr.args])
    return expr if args == expr.args else Apply(expr.op, args)


def dce(program: Program) -> Program:
    """Drop statements and arrays that no output needs.

    An array that is only read and written element by element is dropped element by element.
    """
    indexed = _indexed(program)
    given = {a.name for a in program.with_role(*GIVEN, Role.EXTENT)}
    results = {a.name for a in program.with_role(Role.OUTPUT, Role.STATE)}
    needed: set[str | Access] = set()
    names = set(results)
    kept: set[int] = set()
    asked = {
        loop.extent.array: loop.going
        for loop in loops(program.body)
        if loop.going is not None and isinstance(loop.extent, Entries)
    }

    def keep(s: Statement) -> None:
        kept.add(id(s))
        names.add(s.target.array)
        indices = {count.array for count in s.domain if isinstance(count, Entries)}
        indices.update(name for a in s.accesses for name in a.index_arrays)
        names.update(indices)
        for name in indices & asked.keys():
            needed.add(asked[name].array)
            names.add(asked[name].array)
        for a in accesses(s.expr):
            needed.add(a.array if a.array in indexed else a)
            names.add(a.array)

    def look(node: Node) -> None:
        before = -1
        while before < len(kept):  # in a loop, an iteration may need what stands further down
            before = len(kept)
            for s in reversed(list(statements([node]))):
                place = s.target.array if s.target.array in indexed else s.target
                if id(s) not in kept and (place in needed or s.target.array in results):
                    keep(s)
            if isinstance(node, Statement):
                break

    for node in reversed(program.body):
        look(node)
    arrays = {n: a for n, a in program.arrays.items() if n in names or n in given}
    body = map_statements(program.body, lambda s: s if id(s) in kept else None)
    return Program(arrays, body)


def expand(program: Program, target: Target) -> Program:
    """Rewrite ops that are given as other ops, until only ops with an emission are left.

    Unless strict, those that vector math writes are left whole, a power with a small integer
    exponent becomes products, and one with half of 1 or 3 a root.
    """
    body = map_statements(program.body, lambda s: replace(s, expr=_expand(s.expr, target.strict)))
    return Program(program.arrays, body)


def _expand(expr: Expr, exact: bool) -> Expr:
    if not isinstance(expr, Apply):
        return expr
    args = tuple([_expand(x, exact) for x in expr.args])
    if expr.op.expand is not None and (exact or not expr.op.whole):
        return _expand(expr.op.expand(*args), exact)
    if expr.op.repeats is not None and not exact and isinstance(args[1], float):
        written = _repeated(expr.op.repeats, args[0], args[1])
        if written is None:
            written = _by_root(args[0], args[1])
        if written is not None:
            return written
    return Apply(expr.op, args)


LARGEST_POWER = 16


def _repeated(op: ops.Op, x: Expr, times: float) -> Expr | None:
    """x**n as products, for 0 < |n| <= LARGEST_POWER; the reciprocal is taken first, so that
    x**-n does not overflow before its result does.
    """
    if not times.is_integer() or not 0.0 < abs(times) <= LARGEST_POWER:
        return None
    base = x if times > 0.0 else ops.div(1.0, x)
    n = int(abs(times))
    result: Expr | None = None
    while n:
        if n & 1:
            result = base if result is None else op(result, base)
        n >>= 1
        if n:
            base = op(base, base)
    return result


def _by_root(x: Expr, times: float) -> Expr | None:
    """x**n by a root, for n of 0.5, 1.5, -0.5 and -1.5, within 2 ulp. Powers of 0 have no sign, and
    -inf has powers, but no root.
    """
    if abs(times) not in (0.5, 1.5):
        return None
    result = ops.sqrt(x)
    if times < 0.0:
        result = ops.div(1.0, result)
    if abs(times) == 1.5:
        result = ops.mul(result, x) if times > 0.0 else ops.div(result, x)
    of_zero, of_infinity = (0.0, math.inf) if times > 0.0 else (math.inf, 0.0)
    result = ops.where(ops.eq(x, -math.inf), of_infinity, result)
    powers: Expr = ops.where(ops.eq(x, 0.0), of_zero, result)
    return powers
