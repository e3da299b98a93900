"""Graph -> Program, for large graphs that are deep and narrow: one loop over a table of nodes.

Batches would have one node each, and straight-line code would have an instruction for each. So
the nodes become data: their op's number and the places of their operands. A single statement, in a
loop in order, computes for every node all ops that occur and takes the one that its number says.

Requires a verified graph; establishes a verified program with the same outputs, every operation
and its order the graph's own. Its cost is that of all ops that occur, for every node.
"""

from __future__ import annotations

import numpy as np

from ...ops import eq, where
from ..ir.graph import FIRST_OP, Graph, op_of
from ..ir.program import Access, Apply, Expr, Loop, Order, Program, Role, Statement, entry
from . import found
from .batch import add_table, copy_leaves, leaves_in_order
from .classes import declare_leaves


def table_driven(graph: Graph, output: str) -> Program:
    """The program with one statement for all ops of the graph."""
    program = declare_leaves(graph)
    leaves = leaves_in_order(graph)
    nodes = np.flatnonzero(graph.codes >= FIRST_OP)
    place = np.full(len(graph) + 1, 0, dtype=np.int64)  # the last stands for an absent operand
    place[leaves] = np.arange(len(leaves))
    place[nodes] = len(leaves) + np.arange(len(nodes))
    program.declare("t", Role.TEMPORARY, len(graph))
    copy_leaves(program, graph, leaves)
    kinds, numbers = np.unique(graph.codes[nodes], return_inverse=True)
    ops = [op_of(int(code)) for code in kinds]
    count = len(nodes)
    program.declare("c1", Role.CONSTANT, count, numbers.astype(np.float64))
    operands = [
        entry("t", add_table(program, place[column[nodes]]), 0, (1,))
        for column in (graph.x, graph.y, graph.z)[: max(op.arity for op in ops)]
    ]
    value: Expr = Apply(ops[-1], tuple(operands[: ops[-1].arity]))
    for number, op in list(enumerate(ops[:-1]))[::-1]:
        chosen = Apply(eq, (Access("c1", 0, (1,)), float(number)))
        value = Apply(where, (chosen, Apply(op, tuple(operands[: op.arity])), value))
    target = Access("t", len(leaves), (1,))
    step = Statement(target, value, (count,))
    program.body.append(Loop(count, Order.FORWARD, [step]))
    program.declare(output, Role.OUTPUT, len(graph.outputs))
    program.found = found.table(graph)
    wanted = place[np.array(graph.outputs, dtype=np.int64)]
    if len(wanted) == 1:
        program.assign(Access(output), Access("t", int(wanted[0])))
    else:
        table = add_table(program, wanted)
        program.assign(Access(output, 0, (1,)), entry("t", table, 0, (1,)), (len(wanted),))
    return program
