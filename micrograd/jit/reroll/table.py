"""Graph -> Program, for large graphs that are deep and narrow: one loop over a table of nodes.

Batches would have one node each, and straight-line code would have an instruction for each. So
the nodes become data: the places of their operands, and flags that say of which kind they are
(kinds.py). A loop in order has a statement for every kind, in loops that run once or not at all,
as the flags of the node say. Which kinds are told apart first, their frequencies decide: that of
half of the nodes is known by one flag, what is rare by several (a Huffman code).

Requires a verified graph; establishes a verified program with the same outputs, every operation
and its order the graph's own, also in derivatives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

import numpy as np

from ..ir.extents import Entries
from ..ir.graph import FIRST_OP, Graph
from ..ir.program import Access, Loop, Node, Order, Program, Role, Statement, entry
from . import found
from .batch import add_table, copy_leaves, places_of_leaves
from .classes import Ints, declare_leaves
from .kinds import COPIES, NEUTRAL, Kinds, kinds_of


def table_driven(graph: Graph, output: str, *, strict: bool = False) -> Program:
    """The program with one loop over all operations of the graph; `strict`: to the last bit."""
    program = declare_leaves(graph)
    leaves, place = places_of_leaves(graph)
    nodes = np.flatnonzero(graph.codes >= FIRST_OP)
    neutral = len(leaves)
    first = neutral + COPIES * len(NEUTRAL)
    place[nodes] = first + np.arange(len(nodes))
    program.declare("t", Role.TEMPORARY, first + len(nodes))
    copy_leaves(program, graph, leaves)
    numbers = np.repeat(NEUTRAL, COPIES)
    program.declare("c1", Role.CONSTANT, len(numbers), numbers)
    program.assign(Access("t", neutral, (1,)), Access("c1", 0, (1,)), (len(numbers),))
    kinds = kinds_of(graph, nodes, place, neutral, strict=strict)
    program.body.append(_Loop(program, kinds, nodes, first).loop())
    program.declare(output, Role.OUTPUT, len(graph.outputs))
    program.found = found.table(graph)
    wanted = place[np.array(graph.outputs, dtype=np.int64)]
    if len(wanted) == 1:
        program.assign(Access(output), Access("t", int(wanted[0])))
    else:
        table = add_table(program, wanted)
        program.assign(Access(output, 0, (1,)), entry("t", table, 0, (1,)), (len(wanted),))
    return program


@dataclass(order=True, slots=True)
class _Group:
    """Kinds that are told from others together, `count` nodes: a kind, or two groups."""

    count: int
    kind: int  # of several, the least
    members: Ints = field(compare=False)
    parts: tuple[_Group, ...] = field(default=(), compare=False)


def _groups(numbers: Ints) -> _Group:
    """All kinds, the two rarest groups always in one."""
    kinds, counts = np.unique(numbers, return_counts=True)
    heap = [
        _Group(int(n), int(kind), np.flatnonzero(numbers == kind))
        for kind, n in zip(kinds, counts, strict=True)
    ]
    heapify(heap)
    while len(heap) > 1:
        x, y = heappop(heap), heappop(heap)
        members = np.concatenate([x.members, y.members])
        heappush(heap, _Group(x.count + y.count, min(x.kind, y.kind), members, (y, x)))
    return heap[0]


class _Loop:
    """The loop over the operations, whose values lie from place `first` on."""

    def __init__(self, program: Program, kinds: Kinds, nodes: Ints, first: int) -> None:
        self.program = program
        self.kinds = kinds
        self.nodes = nodes
        self.first = first
        self.tables = [add_table(program, column) for column in kinds.columns]

    def loop(self) -> Loop:
        """The whole."""
        count = len(self.nodes)
        return Loop(count, Order.FORWARD, self._body(_groups(self.kinds.numbers), (count,)))

    def _body(self, group: _Group, domain: Sequence[int]) -> list[Node]:
        """What runs nodes of a group, inside of the loops of a domain."""
        if not group.parts:
            return [self._statement(group, tuple(domain))]
        body: list[Node] = []
        for part in group.parts:
            count = self._flag(part, len(domain))
            body.append(Loop(count, Order.FREE, self._body(part, (*domain, count))))
        return body

    def _flag(self, group: _Group, depth: int) -> Entries:
        """How often a loop inside of `depth` runs that is there for a group: once, or not."""
        flags = np.zeros(len(self.nodes), dtype=np.int64)
        flags[group.members] = 1
        number = sum(name.startswith("is") for name in self.program.arrays)
        name = self.program.table(f"is{number}", flags)
        return Entries(name, 0, (1, *[0] * (depth - 1)), 1)

    def _statement(self, group: _Group, domain: tuple[int, ...]) -> Statement:
        """What runs the nodes of one kind."""
        strides = (1, *[0] * (len(domain) - 1))
        x, y, z = (entry("t", table, 0, strides) for table in self.tables)
        value = self.kinds.expression(group.kind, x, y, z)
        target = Access("t", self.first, strides)
        return Statement(target, value, domain, origin=self.nodes[group.members])
