"""The verifier of programs: every pass's output goes through it.

The rules, and which of them hold at which stage, stand in `rules` (docs/ir.md shows them).
"""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import CompilerError
from .program import Program, Statement, runs
from .progress import Broken, Progress
from .rules import RULES, STAGES, Each, Rule


def verify(program: Program, after: str = "", *, stage: str = "program") -> Program:
    """The program itself, if it is legal at a stage: by default, what every pass takes and gives.

    Raises CompilerError that names the pass `after` which it was checked, shows the offending
    statement, and says which rule it breaks; KeyError if there is no such stage. Cost: a few
    operations per point of every domain.
    """
    rules = [RULES[name] for name in STAGES[stage]]
    each = [rule.each for rule in rules if rule.each is not None]
    alone = each + [rule.alone for rule in rules if rule.alone is not None]
    progress = Progress(program)
    number = 0
    for run in runs(program.body):
        try:
            if run[0].turn:
                _check_in_turn(run, progress, each, rules)
            else:
                _check(run[0], progress, alone)
        except Broken as broken:
            raise _error(program, after, broken, number + (broken.at or 0)) from None
        number += len(run)
    for rule in rules:
        if rule.program is not None:
            try:
                rule.program(progress)
            except Broken as broken:
                raise _error(program, after, broken, broken.at) from None
    return program


def _check(s: Statement, progress: Progress, rules: Sequence[Each]) -> None:
    progress.begin(s)
    for check in rules:
        check(s, progress)


def _check_in_turn(
    run: list[Statement], progress: Progress, each: Sequence[Each], rules: Sequence[Rule]
) -> None:
    for k, s in enumerate(run):
        try:
            _check(s, progress, each)
        except Broken as broken:
            raise Broken(str(broken), k) from None
    for rule in rules:
        if rule.together is not None:
            rule.together(run, progress)


def _error(program: Program, after: str, broken: Broken, number: int | None) -> CompilerError:
    """The error, with the statement among its neighbours."""
    place = f"program{f' after {after}' if after else ''}"
    if number is None:
        return CompilerError(f"{place}: {broken}")
    lo, hi = max(0, number - 2), min(number + 3, len(program.body))
    context = "\n".join(f"{'>' if k == number else ' '} {program.body[k]}" for k in range(lo, hi))
    return CompilerError(f"{place}, statement {number}: {broken}\n{context}")
