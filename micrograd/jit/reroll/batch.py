"""Graph -> Program, for large graphs that do not repeat: batches by level and op.

All values lie in one array `t`: first the leaves, then level by level the nodes of each op in a
row. A batch is one statement whose operands are read through constant index tables, so a million
nodes cost a handful of loops and two tables, and no code per node. Long sums are joined and run
as a loop each; sums of equal length on one level share a statement.

Requires a verified graph; establishes a verified program with the same outputs. The operations
and their order are the graph's own, but for the grouping of long sums.
"""

from __future__ import annotations

import numpy as np

from ... import ops
from ..ir.graph import CONSTANT, FIRST_OP, INPUT, PARAMETER, Graph, op_of
from ..ir.program import Access, Apply, Program, Role, Statement, entry
from . import found
from .classes import Ints, declare_leaves, join_sums, uses
from .depths import depths

LONG_SUM = 16
"""Sums of fewer terms stay binary additions."""


def batched(graph: Graph, output: str, most: int) -> Program | None:
    """The batched program; None if it would have more than `most` statements."""
    codes, columns = graph.codes, [graph.x, graph.y, graph.z]
    joined, root, terms, owner = join_sums(codes, columns, uses(codes, columns, graph.outputs))
    roots, lengths = np.unique(owner, return_counts=True)
    is_long = np.zeros(len(codes), dtype=bool)
    is_long[roots[lengths >= LONG_SUM]] = True
    in_long = is_long[owner]
    terms, owner = terms[in_long], owner[in_long]
    joined &= is_long[root]
    depth = depths(codes, columns, joined)
    if depth is None:
        return None
    length = np.bincount(owner, minlength=len(codes))
    # nodes in the order of their places: leaves by array, then batches
    kind = np.where(is_long, 1000 + length, codes)
    is_op = (codes >= FIRST_OP) & ~joined
    nodes = np.flatnonzero(is_op)
    nodes = nodes[np.lexsort((nodes, kind[nodes], depth[nodes]))]
    changes = np.flatnonzero(np.diff(depth[nodes]) | np.diff(kind[nodes])) + 1
    if len(changes) + 1 > most:
        return None
    return _Batches(graph, output, nodes, changes, terms, owner, length).program


class _Batches:
    """Builds the program, batch by batch."""

    def __init__(
        self,
        graph: Graph,
        output: str,
        nodes: Ints,
        changes: Ints,
        terms: Ints,
        owner: Ints,
        length: Ints,
    ) -> None:
        self.graph = graph
        leaves, self.place = places_of_leaves(graph)
        self.place[nodes] = len(leaves) + np.arange(len(nodes))
        self.program = declare_leaves(graph)
        self.program.declare("t", Role.TEMPORARY, len(leaves) + len(nodes))
        copy_leaves(self.program, graph, leaves)
        columns = [self.place[c] for c in (graph.x, graph.y, graph.z)]
        tables = [columns[k][nodes] for k in range(3)]
        at = 0
        for batch in np.split(nodes, changes):
            first = int(batch[0])
            base = len(leaves) + at
            if length[first]:
                self._sums(batch, base, terms, owner, int(length[first]))
            else:
                op = op_of(int(graph.codes[first]))
                args = tuple(self._read(tables[k][at : at + len(batch)]) for k in range(op.arity))
                self._assign(base, batch, Apply(op, args))
            at += len(batch)
        self.program.declare(output, Role.OUTPUT, len(graph.outputs))
        self.program.found = found.batches(graph, self.program)
        wanted = self.place[np.array(graph.outputs, dtype=np.int64)]
        if len(wanted) == 1:
            self.program.assign(Access(output), Access("t", int(wanted[0])))
        else:
            self.program.assign(Access(output, 0, (1,)), self._read(wanted), (len(wanted),))

    def _sums(self, batch: Ints, base: int, terms: Ints, owner: Ints, length: int) -> None:
        """Sums of `length` terms each."""
        where = np.searchsorted(owner, batch)[:, None] + np.arange(length)[None, :]
        places = self.place[terms[where.reshape(-1)]]
        self._assign(base, batch, -0.0)
        term = entry("t", add_table(self.program, places), 0, (length, 1))
        target, domain = Access("t", base, (1, 0)), (len(batch), length)
        self.program.body.append(Statement(target, term, domain, ops.add, batch))

    def _assign(self, base: int, nodes: Ints, expr: Access | Apply | float) -> None:
        target = Access("t", base, (1,))
        self.program.body.append(Statement(target, expr, (len(nodes),), origin=nodes))

    def _read(self, places: Ints) -> Access:
        return entry("t", add_table(self.program, places), 0, (1,))


def places_of_leaves(graph: Graph) -> tuple[Ints, Ints]:
    """The leaf nodes that have places, in order: constants, then parameters, then inputs, each by
    their place; and the place of every node. Equal constants share the first one's.

    What is no leaf has place 0, and so has no node, -1.
    """
    same = np.arange(len(graph) + 1)
    constants = np.flatnonzero(graph.codes == CONSTANT)
    bits = graph.constants[graph.x[constants]].view(np.int64)
    _, first, which = np.unique(bits, return_index=True, return_inverse=True)
    same[constants] = constants[first][which]
    every = np.flatnonzero(graph.codes < FIRST_OP)
    leaves = np.unique(same[every])
    leaves = leaves[np.lexsort((graph.x[leaves], graph.codes[leaves]))]
    place = np.zeros(len(graph) + 1, dtype=np.int64)
    place[leaves] = np.arange(len(leaves))
    place[every] = place[same[every]]
    return leaves, place


def copy_leaves(program: Program, graph: Graph, leaves: Ints) -> None:
    """Copy constants, parameters and inputs to the front of `t`."""
    payload = graph.x[leaves]
    codes = graph.codes[leaves]
    constants = graph.constants[payload[codes == CONSTANT]]
    if len(constants):
        program.declare("c0", Role.CONSTANT, len(constants), constants)
        program.assign(Access("t", 0, (1,)), Access("c0", 0, (1,)), (len(constants),))
    at = len(constants)
    for code, arrays in ((PARAMETER, graph.parameters), (INPUT, graph.inputs)):
        wanted = payload[codes == code]
        base = 0
        for name, size in arrays:
            inside = wanted[(wanted >= base) & (wanted < base + size)] - base
            first, count = int(inside[0]) if len(inside) else 0, len(inside)
            if count == 1:
                program.assign(Access("t", at), Access(name, first))
            elif count:
                whole = np.array_equal(inside, np.arange(first, first + count))
                source = Access(name, first, (1,))
                if not whole:
                    source = entry(name, add_table(program, inside), 0, (1,))
                program.assign(Access("t", at, (1,)), source, (count,))
            at += count
            base += size


def add_table(program: Program, places: Ints) -> str:
    """Enter an index table and return its name."""
    return program.table(f"index{len(program.index_arrays)}", places)
