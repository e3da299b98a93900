"""The order in which a program's points run, for interpreters.

The points of a statement are numbered in the order of its loops; each iteration of the loops
around it has a range of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .points import Ints, counted, is_box, points
from .program import Node, Order, Program, Statement

Run = Callable[[range], None]


def run_in_order(program: Program, prepare: Callable[[Statement], Run]) -> None:
    """Run all points of all statements, those in loops an iteration at a time.

    prepare   makes of a statement what runs a range of its points
    """
    for node in program.body:
        if isinstance(node, Statement):
            prepare(node)(range(counted(node.domain, program)))
        else:
            _prepared(node, 0, program, prepare)([])


def _prepared(
    node: Node, depth: int, program: Program, prepare: Callable[[Statement], Run]
) -> Callable[[list[int]], None]:
    """What runs a node inside of `depth` loops, given their indices."""
    if isinstance(node, Statement):
        return ranges(node, depth, program, prepare(node))
    body = [_prepared(inner, depth + 1, program, prepare) for inner in node.body]
    order = range(int(node.extent))  # at most: in iterations that there are not, no point runs
    if node.order is Order.REVERSE:
        order = order[::-1]

    def run(at: list[int]) -> None:
        for i in order:
            for inner in body:
                inner([*at, i])

    return run


def ranges(s: Statement, depth: int, program: Program, run: Run) -> Callable[[Sequence[int]], None]:
    """What runs those points of a statement for which the loops around it have these indices."""
    outer = tuple(map(int, s.domain[:depth]))
    numbers: Ints | None = None
    each = int(np.prod(s.domain[depth:], dtype=np.int64))
    if not is_box(s.domain):
        numbers = np.zeros(counted(s.domain, program), dtype=np.int64)
        for column, count in zip(points(s.domain, program)[:depth], outer, strict=True):
            numbers = numbers * count + column

    def iteration(at: Sequence[int]) -> None:
        number = 0
        for i, count in zip(at, outer, strict=True):
            number = number * count + i
        if numbers is None:
            run(range(number * each, (number + 1) * each))
        else:
            first, last = np.searchsorted(numbers, [number, number + 1])
            run(range(int(first), int(last)))

    return iteration
