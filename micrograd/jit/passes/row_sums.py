"""Program of rows of data -> the same, whose results are added to what lies there already.

Requires a verified program with the results of a row, or of a block of rows, as its outputs.
Establishes one without outputs, but with state: float64 arrays, to which it adds the results. So it
is run for one block after the other, and what state holds then is the sum over all rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ... import ops
from ...real_types import WIDE
from ..ir.program import (
    Access,
    Apply,
    Program,
    Role,
    Statement,
    accesses,
    map_statements,
)
from ..reroll.outputs import OUTPUT
from ..target import Target
from ..trace.trace import Element
from .dots import dot
from .reverse import GRADIENT, gradient

SUM = "sum_"
"""What the name of a state begins with; the name of the result follows."""
_TOTAL = "total"


def added_up(program: Program, target: Target) -> Program:
    """The program that adds each of its outputs to a state."""
    program = Program(dict(program.arrays), list(program.body), program.found, program.notes)
    for a in program.with_role(Role.OUTPUT):
        if target.dtype == WIDE.dtype and _is_scattered(program, a.name):
            program = _in_place(program, a.name)
            continue
        program.arrays[a.name] = replace(a, role=Role.TEMPORARY)
        state = program.declare(SUM + a.name, Role.STATE, a.size, dtype=WIDE.name).name
        here = Access(state, 0, (1,))
        more = Apply(ops.add, (here, Access(a.name, 0, (1,))))
        program.assign(here, more, (a.size,))
    return program


def _is_scattered(program: Program, name: str) -> bool:
    """Whether an array is set to zeros, and then nothing but added to, some of it where indices
    say: rows touch few of its elements.
    """
    setting = [s for s in program.statements if s.target.array == name]
    others = setting[1:]
    if not any(s.target.parts for s in others):
        return False
    zeros = setting[0].expr == 0.0 and setting[0].accumulate is None
    whole = setting[0].points == program.arrays[name].size
    added = all(s.accumulate is not None and s.accumulate.reduces == "+" for s in others)
    read = any(a.array == name for s in program.statements for a in accesses(s.expr))
    return zeros and whole and added and not read


def _in_place(program: Program, name: str) -> Program:
    """The program that adds what it would add to such an array to its state at once."""
    state = SUM + name
    arrays = {n: a for n, a in program.arrays.items() if n != name}
    arrays[state] = replace(program.arrays[name], name=state, role=Role.STATE, dtype=WIDE.name)

    def moved(s: Statement) -> Statement | None:
        if s.target.array != name:
            return s
        return replace(s, target=s.target.of(state)) if s.accumulate else None

    body = map_statements(program.body, moved)
    return Program(arrays, body, program.found, program.notes)


def last_row_first(
    program: Program, wrt: Sequence[Element | None], target: Target, *, keep_value: bool
) -> Program:
    """The gradient of one row's result, added to the state `sum_grad` as the interpreter adds it.

    Its derivative of a sum of rows takes the rows from the last to the first, and adds up all that
    reaches a number in that order. So the gradient of a row begins with that of the rows behind
    it: it is the derivative of the result plus a dot product with these. The result stays an output
    if the value is kept.
    """
    program = Program(dict(program.arrays), list(program.body))
    state = program.declare(SUM + GRADIENT, Role.STATE, len(wrt), dtype=WIDE.name).name
    total = program.declare(_TOTAL, Role.TEMPORARY).name
    whole = Apply(ops.add, (Access(OUTPUT), dot(program, wrt, state)))
    program.assign(Access(total), whole)
    result = gradient(program, (total, 0), wrt, keep_value=keep_value, target=target)
    result.arrays[GRADIENT] = replace(result.arrays[GRADIENT], role=Role.TEMPORARY)
    result.assign(Access(state, 0, (1,)), Access(GRADIENT, 0, (1,)), (len(wrt),))
    return result
