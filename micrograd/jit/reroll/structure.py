"""The classes of a graph as its program by classes is made of them, and those of its leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ... import ops
from ..ir.classed import Narrow
from ..ir.graph import CONSTANT, FIRST_OP, INPUT, PARAMETER, Graph, op_of
from ..ir.nests import distinct

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

CLASS_BITS = 17
MAX_INLINED = 4
"""Nodes in one inlined expression."""


@dataclass(slots=True)
class Structure:
    """The classes of a graph; columns have one entry per node.

    cls        class; -1 for a `+` that was joined into a sum
    position   index in the class; for a leaf, in the array that it is an element of
    members    class -> its nodes, oldest first, for every class that gets an array
    sums       class of sums -> their numbers in `first`
    first      terms[first[i]:first[i + 1]] are the terms of sum i, ordered by class, then as
               written
    leaves     class of leaves -> its array's name, or None for constants
    order      the classes that get an array, operands before users; others are parts of their
               users' expressions
    """

    graph: Graph
    cls: Ints | Narrow
    position: Ints | Narrow
    members: dict[int, Ints]
    sums: dict[int, Ints]
    terms: Ints | Narrow
    first: Ints | Narrow
    leaves: dict[int, str | None]
    order: list[int]

    def positions(self, nodes: Ints) -> Ints:
        """Those of nodes."""
        return self.position[nodes].astype(np.int64, copy=False)

    def operands(self, op: ops.Op, nodes: Ints) -> list[Ints]:
        """The operands of nodes of one class, those of a commutative op in the order of classes."""
        graph = self.graph
        found = [column[nodes] for column in (graph.x, graph.y, graph.z)[: op.arity]]
        if op.commutative:
            x, y = found[:2]
            turned = self.cls[x] > self.cls[y]
            if turned.any():
                found[:2] = np.where(turned, y, x), np.where(turned, x, y)
        return found


@dataclass(frozen=True, slots=True)
class Facts:
    """Of each code of a graph, whether its op is cheap, commutative, or has its second operand as
    part of it.
    """

    cheap: Bools
    commutative: Bools
    repeats: Bools


def facts_of(codes: Ints) -> Facts:
    """The facts of the ops in a graph."""
    present = [op_of(code) for code in range(FIRST_OP, int(codes.max(initial=0)) + 1)]
    return Facts(
        *(
            np.array([False] * FIRST_OP + facts)
            for facts in (
                [op.cheap for op in present],
                [op.commutative for op in present],
                [op.repeats is not None for op in present],
            )
        )
    )


def leaf_classes(
    graph: Graph, facts: Facts, cls: Ints | Narrow, position: Ints | Narrow
) -> dict[int, str | None]:
    """The classes of leaves, from 0 on, and the names of their arrays, None for constants: one for
    all constants, but one per value for exponents, which are part of the op; one per array. They,
    and places in their arrays, are written into columns.
    """
    leaves: dict[int, str | None] = {0: None}
    codes, payload = graph.codes, graph.x
    constants = np.flatnonzero(codes == CONSTANT)
    cls[constants] = 0
    position[constants] = payload[constants]
    powers = np.flatnonzero(facts.repeats[codes])
    exponents = graph.y[powers]
    exponents = distinct(exponents[codes[exponents] == CONSTANT])
    values = graph.constants[payload[exponents]].view(np.int64)
    for value in distinct(values):
        cls[exponents[values == value]] = len(leaves)
        leaves[len(leaves)] = None
    for code, arrays in ((PARAMETER, graph.parameters), (INPUT, graph.inputs)):
        nodes = np.flatnonzero(codes == code)
        base = 0
        for name, extent in arrays:
            inside = nodes[(payload[nodes] >= base) & (payload[nodes] < base + extent)]
            cls[inside] = len(leaves)
            position[inside] = payload[inside] - base
            leaves[len(leaves)] = name
            base += extent
    return leaves
