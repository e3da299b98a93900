"""Graph -> Program.

Requires a verified graph; establishes a verified program with the same outputs: the array `out`
has the graph's outputs in order, and inputs and parameters keep their names.
"""

from __future__ import annotations

from .graph import CONSTANT, FIRST_OP, Graph, op_of
from .program import Access, Apply, Expr, Program, Role

OUTPUT = "out"


def straight_line(graph: Graph) -> Program:
    """The program with one statement per node: what nothing repeats in comes out as."""
    program = Program()
    for name, size in graph.inputs:
        program.declare(name, Role.INPUT, size)
    for name, size in graph.parameters:
        program.declare(name, Role.PARAMETER, size)
    values: list[Expr] = []
    for node, (code, x, y, z) in enumerate(
        zip(graph.codes, graph.x, graph.y, graph.z, strict=True)
    ):
        if code == CONSTANT:
            values.append(graph.constants[x])
        elif code < FIRST_OP:
            values.append(Access(*graph.element(code, x)))
        else:
            op = op_of(code)
            args = tuple(values[i] for i in (x, y, z)[: op.arity])
            target = Access(program.declare(f"t{node}", Role.TEMPORARY).name)
            program.assign(target, Apply(op, args))
            values.append(target)
    program.declare(OUTPUT, Role.OUTPUT, len(graph.outputs))
    for k, node in enumerate(graph.outputs):
        program.assign(Access(OUTPUT, k), values[node])
    return program
