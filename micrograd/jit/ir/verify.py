"""The verifier of programs: every pass's output goes through it.

The rules, and which of them hold at which stage, stand in `rules` (docs/ir.md shows them).
"""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import CompilerError
from .points import points_kept
from .program import Loop, Node, Program, Statement
from .progress import Broken, Progress
from .rules import RULES, STAGES, Each, Whole


def verify(program: Program, after: str = "", *, stage: str = "program") -> Program:
    """The program itself, if it is legal at a stage: by default, what every pass takes and gives.

    Raises CompilerError that names the pass `after` which it was checked, shows the offending
    statement, and says which rule it breaks; KeyError if there is no such stage. Cost: a few
    operations per point of every domain; of a long loop that moves what it touches by one stride,
    of an iteration (`distances`), and a look at whether each element is written.
    """
    with points_kept(program):
        _verify(program, after, stage)
    return program


def _verify(program: Program, after: str, stage: str) -> None:
    rules = [RULES[name] for name in STAGES[stage]]
    each = [rule.each for rule in rules if rule.each is not None]
    alone = each + [rule.alone for rule in rules if rule.alone is not None]
    progress = Progress(program)
    _whole(program, after, progress, [rule.arrays for rule in rules])
    progress.start()
    number = 0
    for node in program.body:
        try:
            if isinstance(node, Statement):
                progress.begin(node)
                for check in alone:
                    check(node, progress)
                number += 1
                continue
            inside = _check_loop([node], (), progress, each)
            for rule in rules:
                if rule.together is not None:
                    rule.together(node, progress)
            number += inside
        except Broken as broken:
            raise _error(program, after, broken, number + (broken.at or 0)) from None
    _whole(program, after, progress, [rule.program for rule in rules])


def _whole(program: Program, after: str, progress: Progress, rules: Sequence[Whole | None]) -> None:
    for rule in rules:
        if rule is not None:
            try:
                rule(progress)
            except Broken as broken:
                raise _error(program, after, broken, broken.at) from None


def _check_loop(
    body: Sequence[Node], loops: tuple[Loop, ...], progress: Progress, rules: Sequence[Each]
) -> int:
    """Check every statement of a tree of loops; how many there are."""
    number = 0
    for node in body:
        if isinstance(node, Statement):
            progress.begin(node, loops)
            try:
                for check in rules:
                    check(node, progress)
            except Broken as broken:
                raise Broken(str(broken), number) from None
            number += 1
            continue
        try:
            number += _check_loop(node.body, (*loops, node), progress, rules)
        except Broken as broken:
            raise Broken(str(broken), number + (broken.at or 0)) from None
    return number


def _error(program: Program, after: str, broken: Broken, number: int | None) -> CompilerError:
    """The error, with the statement among its neighbours."""
    place = f"program{f' after {after}' if after else ''}"
    if number is None:
        return CompilerError(f"{place}: {broken}")
    found = program.statements
    lo, hi = max(0, number - 2), min(number + 3, len(found))
    context = "\n".join(
        f"{'>' if k == number else ' '} {found[k].text(0, program.arrays)}" for k in range(lo, hi)
    )
    return CompilerError(f"{place}, statement {number}: {broken}\n{context}")
