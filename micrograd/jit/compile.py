"""The order of the passes: Graph -> Program. The only place that knows it.

A pass is added in two files: its own, and PASSES here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from ..checking import is_checking
from ..locks import importing
from .ir.graph import Graph
from .ir.program import Program
from .ir.verify import verify
from .passes.carried import carried
from .passes.conditions import without_repeats
from .passes.fills import by_rows
from .passes.first_terms import first_terms
from .passes.like_terms import combine
from .passes.pieces import by_pieces
from .passes.simplify import expand, simplify
from .passes.unordered import unordered
from .reroll.found import SMALL
from .reroll.reroll import reroll, reroll_strictly
from .target import Target


class Pass(NamedTuple):
    """A step from a program to a program.

    gives    the stage, of ir/rules.py, whose rules hold behind it
    rounds   whether it may change how results are rounded: then strict targets go without it
    """

    name: str
    run: Callable[[Program, Target], Program]
    gives: str
    rounds: bool = False


PASSES = (
    Pass("simplify", lambda program, target: simplify(program), "simplified"),
    Pass("expand", expand, "expanded"),
    Pass("simplify", lambda program, target: simplify(program), "simplified"),
    Pass("like_terms", lambda program, target: combine(program), "expanded", rounds=True),
    Pass("simplify", lambda program, target: simplify(program), "simplified", rounds=True),
    Pass("pieces", lambda program, target: by_pieces(program), "simplified"),
    Pass("first_terms", lambda program, target: first_terms(program), "simplified"),
    Pass("fills", lambda program, target: by_rows(program), "simplified"),
    Pass("unordered", lambda program, target: unordered(program), "simplified"),
    Pass("carried", lambda program, target: carried(program), "schedulable"),
    Pass("conditions", lambda program, target: without_repeats(program), "schedulable"),
)
"""What every program goes through, differentiated or not, before it is scheduled."""


def program_of(
    graph: Graph, target: Target, small: int = SMALL, behind: Collection[str] = ()
) -> Program:
    """The loops in a graph; for a strict target those that keep the order of every sum.

    small    nodes up to which a graph stays as it was written
    behind   arrays of leaves whose derivatives are added to others, which come first
    """
    strictly = partial(reroll_strictly, behind=behind)
    roll = strictly if target.strict else partial(reroll, small=small)
    if graph.regions:
        with importing:
            from .reroll.regions import with_regions
        program = with_regions(
            graph, lambda part: _normal(roll(part), target), strict=target.strict
        )
    else:
        program = roll(graph)
    proved = program.found.strategy == "loops" and not graph.regions
    if not proved:  # which is what is verified before it is used
        verify(program, "reroll", stage="rerolled")
    return _normal(program, target)


def _normal(program: Program, target: Target) -> Program:
    return program if program.found.strategy == "straight" else normal(program, target)


def normal(program: Program, target: Target) -> Program:
    """A program as it is differentiated: what scalars and Tensors say alike is one program. Sums
    begin with what is added to them, so strict targets take it as it is.
    """
    if target.strict:
        return program
    with importing:
        from .passes.accumulators import accumulated
        from .passes.operands import ordered
        from .passes.starts import begin
    program = ordered(begin(accumulated(program)))
    return verify(program, "starts") if is_checking() else program


VERIFIED, VERIFIED_SIZE = 200, 4 << 20
"""Statements, and elements of arrays and points together, up to which a program is verified behind
every pass where that is asked for, and not at the end only.
"""


def passes(program: Program, target: Target) -> Iterator[tuple[str, Program]]:
    """The program after each pass that changes it, with the pass's name; verified, unless it is
    long or its arrays are large.
    """
    for name, run, stage, _ in _steps(target):
        after = run(program, target)
        if after is not program:
            size = sum([a.size for a in after.arrays.values()])
            size += sum([s.points for s in after.statements])
            small = len(after.body) <= VERIFIED and size <= VERIFIED_SIZE
            yield name, verify(after, name, stage=stage) if small else after
        program = after


def passes_text(before: Sequence[tuple[str, Program]], target: Target) -> str:
    """Programs, by the names of what gave them, and the last of them after each of its passes."""
    done = [*before, *passes(before[-1][1], target)]
    return "\n\n".join(f"; after {name}\n{program}" for name, program in done)


def optimized(program: Program, target: Target) -> Program:
    """The program after all passes, as the scheduler takes it.

    It is verified at the end, as verifying takes longer than the passes do; behind each of them
    where the compiler checks itself, and where something is wrong, to say which of them it was.
    """
    if not is_checking():
        try:
            after = program
            for step in _steps(target):
                after = step.run(after, target)
            return _schedulable(after, target, step.name)
        except Exception:  # a pass may trip over what one before it has made
            pass
    last = ""
    for name, after in passes(program, target):
        program, last = after, name
    return _schedulable(program, target, last)


def _steps(target: Target) -> list[Pass]:
    return [step for step in PASSES if not (step.rounds and target.strict)]


def _schedulable(program: Program, target: Target, last: str) -> Program:
    return verify(program, last, stage="schedulable strictly" if target.strict else "schedulable")
