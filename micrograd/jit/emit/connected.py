"""The columns of a large graph from those of its nodes, by machine code: one pass, which touches no
memory but theirs.

    void connect(i64 n, void *const *columns)

The columns: codes, operands and literals of nodes; of the graph, the place of each node, codes,
operands, and constants.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np

import lowering
from lowering.bindings import ir

from ..ir.graph import CONSTANT, Graph
from ..trace.nodes import LITERAL, Narrow, Nodes
from .host_code import HostCode
from .memory import Memory

SLOTS = 3


def connected(graph: Graph, found: Nodes) -> Narrow | None:
    """Fill the codes and operands of a graph; the place of each of the nodes. None if no machine
    code can be made.
    """
    code = _CODE.get()
    if code is None:
        return None
    numbers = sum(int(np.count_nonzero(column == LITERAL)) for column in found.operands)
    position = np.empty(len(found), dtype=np.int32)
    graph.constants = np.empty(numbers)
    columns = np.empty((1 + SLOTS, len(found) + numbers), dtype=np.int64)
    of_nodes = found.codes, *found.operands, *found.literals
    given = [np.ascontiguousarray(column) for column in of_nodes]  # some are rows of a transpose
    every = [*given, position, *columns, graph.constants]
    addresses = np.array([column.ctypes.data for column in every], dtype=np.int64)
    _, connect = code
    connect(len(found), addresses.ctypes.data)
    graph.codes, graph.x, graph.y, graph.z = columns
    return position


class _Connect(Memory):
    """Appends the function to the module of a builder."""

    def emit(self) -> None:
        """Do so."""
        b = self.b
        n, columns = b.function("connect", [b.i64, b.ptr]).arguments
        count = 3 + 3 * SLOTS + 1
        every = [b.load(b.element(columns, k, b.ptr), b.ptr) for k in range(count)]
        widths = [*[32] * (1 + SLOTS), *[64] * SLOTS, 32, *[64] * (2 + SLOTS)]
        codes, *given = map(self.column, every, widths)
        operands, literals = given[:SLOTS], given[SLOTS : 2 * SLOTS]
        position, to, *slots, constants = given[2 * SLOTS :]
        at, number = self.variable(0), self.variable(0)

        def write(code: ir.Value, operands: list[ir.Value]) -> ir.Value:
            """A node; its place."""
            place = at.add(0, 1)
            for column, x in zip((to, *slots), (code, *operands), strict=True):
                column[place] = x
            return place

        values = [self.variable(0) for _ in range(SLOTS)]
        with b.each(n) as node:
            for value, operand, literal in zip(values, operands, literals, strict=True):
                here = operand[node]
                value[0] = b.integer(-1)
                with b.when(self.less(-1, here)):
                    value[0] = position[here]
                with b.when(self.equal(here, LITERAL)):
                    constant = number.add(0, 1)
                    constants[constant] = literal[node]
                    nothing = b.integer(-1)
                    value[0] = write(b.integer(CONSTANT), [constant, nothing, nothing])
            position[node] = write(codes[node], [value[0] for value in values])
        b.leave()


def _function(
    made: lowering.NativeModule,
) -> tuple[lowering.NativeModule, Callable[[int, int], None]]:
    return made, ctypes.CFUNCTYPE(None, *[ctypes.c_size_t] * 2)(made.address("connect"))


_CODE = HostCode("connected", lambda b: _Connect(b).emit(), _function)
