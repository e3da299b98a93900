"""A program that adds to what it is given -> the program that does so where that lies.

    input before[4]                             state grad[4]
    output grad[4]

    one = 1.0
    grad[i] = mul(one, before[i])  for i < 4
    grad[i] += x[i]  for i < 4                  grad[i] += x[i]  for i < 4

Not a number changes, and nothing is copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..ir.program import Access, Apply, Expr, Program, Role, Statement, accesses, statements


def in_place(program: Program, result: str, before: str) -> Program:
    """The program whose output `result` is a state, which has the numbers of the input `before`
    when it begins, and no such input.

    What begins with something else, or reads the input elsewhere, reads a copy of the state.
    """
    arrays = dict(program.arrays)
    arrays[result] = replace(arrays[result], role=Role.STATE)
    copies = _copies(program, result, before)
    if copies is None:
        arrays[before] = replace(arrays[before], role=Role.TEMPORARY)
        whole = Access(before, 0, (1,)), Access(result, 0, (1,)), (arrays[before].size,)
        return replace(program, arrays=arrays, body=[Statement(*whole), *program.body])
    del arrays[before]
    body = [node for node in program.body if not any(node is s for s in copies)]
    read = {a.array for s in statements(body) for a in accesses(s.expr)}
    unread = [s for s in _ones(program) if s.target.array not in read]
    for s in unread:  # which only the copies were multiplied by
        if arrays[s.target.array].role is Role.TEMPORARY:
            del arrays[s.target.array]
            body.remove(s)
    return replace(program, arrays=arrays, body=body)


def _copies(program: Program, result: str, before: str) -> list[Statement] | None:
    """The statements that read `before`, if they set the same elements of `result` to what they
    read, and nothing has touched these before; else None.
    """
    ones = {s.target for s in _ones(program)}
    found: list[Statement] = []
    reading = [s for s in program.statements if any(a.array == before for a in accesses(s.expr))]
    for node in program.body:
        for s in statements([node]):
            if any(s is one for one in reading):
                copied = _factor(s.expr, ones)
                if s is not node or s.accumulate or not isinstance(copied, Access):
                    return None
                if s.target.of(before) != copied or s.target.array != result:
                    return None
                found.append(s)
            elif len(found) < len(reading) and any(a.array == result for a in s.accesses):
                return None
    return found


def _ones(program: Program) -> Iterator[Statement]:
    """What sets scalars that are 1 whenever they are read."""
    setting = [s.target.array for s in program.statements]
    for node in program.body:
        if isinstance(node, Statement) and node.expr == 1.0 and not node.domain:
            name = node.target.array
            if program.arrays[name].size == setting.count(name) == 1:
                yield node


def _factor(expr: Expr, ones: set[Access]) -> Expr:
    """What is multiplied by 1, or the expression itself."""
    if isinstance(expr, Apply) and expr.op.exponents == (1, 1):
        x, y = expr.args
        if isinstance(x, Access) and replace(x, strides=()) in ones:
            return y
        if isinstance(y, Access) and replace(y, strides=()) in ones:
            return x
    return expr
