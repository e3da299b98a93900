"""Tree -> tasks in their loops, where what is no loop after all is written out.

That is seen when its values go round in a circle: then a short loop inside of others is written out
iteration by iteration, or else the outermost one that it is in.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .distribute import Step
from .operands import Operands
from .peel import unrolled
from .statics import Level, NoLoops, Static, statics_of
from .tree import Tree

ATTEMPTS = 24
"""How often what is no loop after all is written out, or no sum after all a loop in order."""
SHORT = 16
"""Iterations of an inner loop that may be written out one by one."""

Arrange = Callable[[Operands], list[Step]]
"""Tasks -> loops: `distribute`, or `as_traced`."""


def arranged(
    tree: Tree, most: int, arrange: Arrange, *, inline: bool
) -> tuple[Operands, list[Step]] | None:
    """The tasks of the loops that are recognised, and in which loops they run; None if there are
    none, or too many.
    """
    ops = tree.ops
    outputs = ops.number[np.array(ops.graph.outputs, dtype=np.int64)]
    prefixes: set[int] = set()
    statics: list[Static] = []
    for _ in range(ATTEMPTS):
        if len(tree.sequence) > most:
            return None
        statics = statics or statics_of(tree)
        try:
            operands = Operands(ops, statics, outputs, most, prefixes, switching=tree.switching)
            if inline:
                operands.inline()
            return operands, arrange(operands)
        except NoLoops as failed:
            if not prefixes.issuperset(failed.prefixes):
                prefixes.update(failed.prefixes)
            elif failed.broken:
                fewest = min(failed.broken, key=lambda s: len(s.ops))
                short = _short_inside(fewest)
                more = [] if short is None else unrolled(statics, short)
                statics = more if len(more) <= 2 * most else []
                if not statics:
                    tree.write_out(fewest.ops[:1])
                prefixes = set()
            else:
                return None
    return None


def _short_inside(s: Static) -> Level | None:
    """The innermost loop around a static that always has the same few iterations, if it is inside
    of another one.
    """
    for level in reversed(s.path[1:]):
        if level.most <= SHORT and (level.counts == level.most).all():
            return level
    return None
