"""What derivatives take for granted: an element that is read has the value that it keeps.

Rules read the numbers that a program has left when it is through. What is added to after it was
read is rewritten first (`chains`), and state that is rewritten has no derivative here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...errors import CompilerError
from ..ir.points import Ints, distinct
from ..ir.program import (
    Access,
    Loop,
    Program,
    Role,
    Statement,
    accesses,
    map_statements,
    statements,
)
from ..ir.progress import at_most
from ..ir.running import Run, run_in_order
from ..ir.touches import touches
from .reaching import Bools


def require_kept(program: Program, needed: set[str]) -> None:
    """Raise CompilerError if state that derivatives need is rewritten."""
    rewritten = {a.name for a in program.with_role(Role.STATE)} & needed
    for s in program.statements if rewritten else ():
        if s.target.array in rewritten:
            raise CompilerError(
                f"derivatives: state {s.target.array} is rewritten by {s}; differentiate what is "
                "computed of it before"
            )


def changing(program: Program, active: set[str]) -> set[str]:
    """The arrays of which an element changes after it was read.

    Cost: a look at every element; in loops that read what they accumulate, at every iteration.
    """
    found: set[str] = set()
    changed = {s.target.array for s in program.statements if s.accumulate is not None}
    read = {name: np.zeros(program.arrays[name].size, dtype=bool) for name in changed}
    for node in program.body:
        inside = list(statements([node]))
        within = {s.target.array for s in inside if s.accumulate is not None}
        within &= {a.array for s in inside for a in accesses(s.expr)}
        if within and isinstance(node, Loop):
            _run(node, within, program, read, found)
        for s in inside:
            if s.accumulate is not None and s.target.array not in within:
                index = distinct(s.target, s.domain, program)[0]
                if read[s.target.array][index].any():
                    found.add(s.target.array)
        for s in inside:
            for a in accesses(s.expr):
                if a.array in changed:
                    read[a.array][distinct(a, s.domain, program)[0]] = True
    return found & active


def _run(
    loop: Loop, within: set[str], program: Program, read: dict[str, Bools], found: set[str]
) -> None:
    """The same in a loop, iteration by iteration."""

    def touched(a: Access, s: Statement) -> Callable[[range], Ints]:
        found = touches(a, s.domain, len(s.domain), program)
        index = found.index.reshape(-1, found.choices)
        return lambda points: index[points.start : points.stop]

    def prepare(s: Statement) -> Run:
        reads = [(a.array, touched(a, s)) for a in accesses(s.expr) if a.array in within]
        target = None
        if s.accumulate is not None and s.target.array in within:
            target = touched(s.target, s)

        def run(points: range) -> None:
            for name, index in reads:
                read[name][index(points)] = True
            if target is not None and read[s.target.array][target(points)].any():
                found.add(s.target.array)

        return run

    def kept(s: Statement) -> Statement | None:
        if not any(a.array in within for a in s.accesses):
            return None
        return replace(s, domain=at_most(s.domain, program))

    run_in_order(Program(program.arrays, map_statements([loop], kept)), prepare)
