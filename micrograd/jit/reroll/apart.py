"""Program -> the same program, where uses of a value have copies of it, made in the trace's order.

The derivatives of what statements read come in the order of these, and in the trace they may come
in another one, or in one for inner elements and in another for those at an edge:

    t[i + 1] = g(...)  for i < 7
    t2[i] = f(t[i], t[i + 1])  for i < 7

Then each use has elements of its own, and each value is copied to these in the order in which the
trace uses it, as soon as it is there. In reverse the copies' derivatives are added in that order.

    t[i + 1] = g(...)  for i < 7
    u[i + 1 + 8*j] = t[i + 1]  for i < 7, j < 2
    t2[i] = f(u[i + 8], u[i + 1])  for i < 7

Requires a program that is proved to compute what a graph does (`prove`). What an iteration uses
again and again is left as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..ir.points import elements
from ..ir.program import (
    Access,
    Apply,
    Expr,
    Loop,
    Node,
    Program,
    Role,
    Statement,
    map_accesses,
    map_statements,
)
from .copied import Copies
from .in_order import Order, in_creation_order
from .prove import Claims, Values, illegal, mismatch
from .uses import Left, Uses

TRIED = 6
"""Programs that are tried, the shortest first."""
MOST = 32
"""Uses that may have copies."""
ROOM = 1 << 24
"""Elements times uses that are looked at."""


class Claimed(NamedTuple):
    """A program, and which values of a graph it is said, and proved, to compute."""

    program: Program
    values: Values
    claims: Claims


def with_copies(
    programs: Sequence[Claimed],
    best: Program | None,
    behind: Collection[str],
    output: str,
    most: int,
) -> Program | None:
    """The shortest of some programs, of at most `most` statements with copies for its uses, if its
    derivatives are the trace's with these, in the order of every sum; or else the best one.

    best   that needs no copies, if there is one
    """
    most = most if best is None else len(best.statements) - 1
    for each in sorted(programs, key=lambda p: len(p.program.statements))[:TRIED]:
        if len(each.program.statements) < most and not each.values.ops.graph.indices:
            found = _apart(*each, behind, output, most)
            if found is not None:
                return found
    return best


def _apart(
    program: Program,
    values: Values,
    claims: Claims,
    behind: Collection[str],
    output: str,
    most: int,
) -> Program | None:
    """A program with copies, if it is in order then."""
    order = Order(program, values, claims, program)
    wrong = order.wrong(behind)
    if wrong is None:
        return None
    try:
        uses = Uses(program, values, claims, order)
        arrays, chosen = uses.chosen(wrong)
        if not 0 < len(chosen) <= min(MOST, ROOM // uses.size):
            return None
        copies = Copies(uses, chosen)
        for name in arrays:
            copies.of(name)
        found, claims = _written(uses, copies)
    except Left:
        return None
    if len(found.statements) > most or mismatch(found, values, claims, output) or illegal(found):
        return None
    return found if in_creation_order(found, values, claims, found, behind) else None


def _written(uses: Uses, copies: Copies) -> tuple[Program, Claims]:
    """The program with the copies, without those that nothing reads then, and what its statements
    claim.
    """
    program, claims = uses.program, dict(uses.claims)
    name, size, behind = copies.written()
    changed: dict[int, dict[int, tuple[str, int]]] = {}
    for use, first in zip(copies.uses, copies.firsts, strict=True):
        changed.setdefault(id(use.statement), {})[use.number] = name, first
    new: dict[int, Statement] = {}
    for s in program.statements:
        if id(s) in changed:
            made = new[id(s)] = replace(s, expr=_renamed(s.expr, changed[id(s)]))
            if id(s) in claims:
                claims[id(made)] = claims[id(s)]

    def nodes(body: Sequence[Node]) -> list[Node]:
        found: list[Node] = []
        for node in body:
            if isinstance(node, Loop):
                found.append(replace(node, body=nodes(node.body)))
            else:
                found += [new.get(id(node), node), *behind.get(id(node), ())]
        return found

    result = Program(dict(program.arrays), [*behind.get(0, ()), *nodes(program.body)])
    result.found = program.found
    result.declare(name, Role.TEMPORARY, size)
    _drop_unread(result)
    return result, claims


def _renamed(expr: Expr, names: dict[int, tuple[str, int]]) -> Expr:
    """An expression whose accesses of these numbers are of another array, from an element on."""
    number = iter(range(len(names) + 1 << 16))

    def renamed(a: Access) -> Access:
        name, first = names.get(next(number), (a.array, 0))
        return replace(a, array=name, offset=a.offset + first)

    return map_accesses(expr, renamed)


def _drop_unread(program: Program) -> None:
    """Leave out copies that nothing reads."""
    added = {s.target.array for s in program.statements if s.accumulate is not None}

    def is_kept(s: Statement) -> bool:
        name = s.target.array
        copies = s.accumulate is None and not isinstance(s.expr, Apply) and name not in added
        if not copies or program.arrays[name].role is not Role.TEMPORARY:
            return True
        return name in read and bool(read[name][elements(s.target, s.domain, program)].any())

    before = -1
    while before != len(program.statements):
        before = len(program.statements)
        read: dict[str, np.ndarray] = {}
        for s in program.statements:
            for a in s.accesses[1:]:
                mask = np.zeros(program.arrays[a.array].size, dtype=bool)
                mask = read.setdefault(a.array, mask)
                mask[elements(a, s.domain, program)] = True
        program.body = map_statements(program.body, lambda s: s if is_kept(s) else None)
    used = {a.array for s in program.statements for a in s.accesses}
    program.arrays = {
        name: array
        for name, array in program.arrays.items()
        if array.role is not Role.TEMPORARY or name in used
    }
