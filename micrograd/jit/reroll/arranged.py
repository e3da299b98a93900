"""Tree -> tasks in their loops, where what is no loop after all is written out.

That is seen when its values go round in a circle: then a short loop inside of others is written out
iteration by iteration, or the outermost one that it is in.
"""

from __future__ import annotations

from collections.abc import Callable

from .distribute import Step
from .operands import Operands
from .peel import unrolled
from .statics import Level, NoLoops, Static, statics_of
from .tree import Tree

ATTEMPTS = 24
"""How often what is no loop after all is written out, or no sum after all a loop in order."""
WORK, LEAST = 8, 1000
"""Ops of loop bodies that all attempts look at: so many times the statements that there may be, or
so many.
"""
WITHIN = 8
"""How often loops inside of others are written out."""
SHORT = 16
"""Iterations of an inner loop that may be written out one by one."""

Arrange = Callable[[Operands], list[Step]]
"""Tasks -> loops: `distribute`, or `as_traced`."""


def arranged(
    tree: Tree, most: int, arrange: Arrange, *, inline: bool
) -> tuple[Operands, list[Step]] | None:
    """The tasks of the loops that are recognised, and in which loops they run; None if there are
    none, or too many. Of both ways to write out what is no loop after all the shorter one.
    """
    few, left = 2 * tree.statics, [max(LEAST, WORK * most)]
    found, tried = _arranged(tree, most, left, arrange, inline=inline, within=True)
    if not tried or (found is not None and len(found[0].tasks) <= few):
        return found
    tree.restore()
    other, _ = _arranged(tree, most, left, arrange, inline=inline, within=False)
    return min((x for x in (found, other) if x is not None), key=_tasks, default=None)


def _tasks(found: tuple[Operands, list[Step]]) -> int:
    return len(found[0].tasks)


def _arranged(
    tree: Tree, most: int, left: list[int], arrange: Arrange, *, inline: bool, within: bool
) -> tuple[tuple[Operands, list[Step]] | None, int]:
    """The same in one way, and how many loops within others were written out.

    left     the work that may be done yet, which is counted down
    within   that is what is written out, where it can be
    """
    ops, tried = tree.ops, 0
    outputs = ops.outputs
    prefixes: set[int] = set()
    statics: list[Static] = []
    for _ in range(ATTEMPTS):
        if len(tree.sequence) > most:
            break
        statics = statics or statics_of(tree)
        if left[0] < 0:
            break
        left[0] -= len(statics)
        try:
            operands = Operands(ops, statics, outputs, most, prefixes, switching=tree.switching)
            if inline:
                operands.inline()
            return (operands, arrange(operands)), tried
        except NoLoops as failed:
            if not prefixes.issuperset(failed.prefixes):
                prefixes.update(failed.prefixes)
            elif failed.broken:
                fewest = min(failed.broken, key=lambda s: len(s.ops))
                short = _short_inside(fewest) if within and tried < WITHIN else None
                tried += short is not None
                more = [] if short is None else unrolled(statics, short)
                statics = more if len(more) <= 2 * most else []
                if not statics:
                    tree.write_out(fewest.ops[:1])
                prefixes = set()
            else:
                break
    return None, tried


def _short_inside(s: Static) -> Level | None:
    """The innermost loop around a static that always has the same few iterations, if it is inside
    of another one.
    """
    for level in reversed(s.path[1:]):
        if level.most <= SHORT and (level.counts == level.most).all():
            return level
    return None
