"""The beginning of a long trace -> whether more time for the whole is well spent.

What repeats has begun to within the first ops; the whole would say the same, for seconds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..ir.graph import FIRST_OP, Graph
from .recognise import Look, recognise
from .strings import Ops
from .tree import Tree

MANY = 200_000
"""Ops of a trace that is long."""
LARGE = 8
"""One part in so many of all ops is a large loop."""


def beginning(graph: Graph) -> Ops | None:
    """The first ops of a long trace, half as many as make it long; None if it is short."""
    ops = np.flatnonzero(graph.codes >= FIRST_OP)
    if len(ops) <= MANY:
        return None
    some = slice(int(ops[MANY // 2]))
    return Ops(
        replace(graph, codes=graph.codes[some], x=graph.x[some], y=graph.y[some], z=graph.z[some])
    )


def are_few(graph: Graph, depth: int) -> bool:
    """Whether a long trace begins with what is in no loop, for the most part."""
    some = beginning(graph)
    return some is not None and is_outside(recognise(some, Look(depth)))


def settled_statics(tree: Tree) -> int:
    """Ops that statements are made of, up to the last large loop: behind it are the remains of an
    iteration that the beginning ends in.
    """
    items, _ = tree.top(np.arange(len(tree.ops)))
    large = np.flatnonzero(LARGE * np.bincount(items)[tree.sequence] >= len(tree.ops))
    return tree.statics_of(tree.sequence[: large[-1] + 1] if len(large) else tree.sequence)


def is_outside(tree: Tree) -> bool:
    """Whether most ops stand outside of all loops: then no other look finds many."""
    return 2 * len(tree.sequence) > len(tree.ops)
