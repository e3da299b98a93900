"""Program -> Program: operands of commutative ops in one order: expressions, what is computed, what
is given, constants, literals.

Requires a verified program. No bit changes, but which of two nan it is. What scalars and Tensors
say in two orders is the same then. The derivative by what is computed comes before that by what is
given, which so can be rewritten in place as soon as its own is known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..ir.program import GIVEN, Access, Apply, Expr, Program, Role, map_statements


def ordered(program: Program) -> Program:
    """The program with operands in order."""
    rank = {Role.TEMPORARY: 1, Role.OUTPUT: 1, Role.CONSTANT: 3} | dict.fromkeys(GIVEN, 2)
    place: dict[str, int] = {}
    for s in program.statements:
        place.setdefault(s.target.array, len(place))
    for k, name in enumerate(program.arrays):
        place.setdefault(name, k)

    def key(x: Expr) -> Any:
        if isinstance(x, float):
            return (4, repr(x))
        if isinstance(x, Access):
            return (rank[program.arrays[x.array].role], place[x.array])
        return (0, x.op.name, *map(key, x.args))

    def sorted_(x: Expr) -> Expr:
        if not isinstance(x, Apply):
            return x
        args = tuple(map(sorted_, x.args))
        if x.op.commutative and len(args) == 2 and key(args[0]) > key(args[1]):
            args = args[::-1]
        return x if args == x.args else Apply(x.op, args)

    body = map_statements(program.body, lambda s: replace(s, expr=sorted_(s.expr)))
    return replace(program, body=body)
