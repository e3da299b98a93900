"""Graph -> Program: find the loops in a scalar trace, by the strategy that finds most.

Requires a verified graph; establishes a verified program with the same outputs: the array `out`
has the graph's outputs in order, and inputs and parameters keep their names.
"""

from __future__ import annotations

from collections.abc import Collection

from ...locks import importing
from ...lookups import Lookup
from ..ir.graph import CONSTANT, FIRST_OP, Graph, op_of
from ..ir.program import Access, Apply, Expr, Program, Role, Statement
from .classes import analyse, declare_leaves
from .found import SMALL, straight
from .gathers import taken
from .outputs import OUTPUT, write_outputs

GAIN = 4
"""Rerolling must make the program this much shorter."""
FEW = 20
"""A program of so few statements is not looked at for loops that carry values."""
SHORT = 60
"""A program of so few statements may be that of classes, before loops are looked for."""
LARGE = 3000
"""A graph of more operations is batched where it does not reroll: code would take too long."""
LOOP_GAIN = 2
"""The same for loops that carry values: what is between them is the trace's own."""
MOST_STATEMENTS = 2000
"""A program of more statements is not worth the search for its loops."""
SEARCHED, SEARCHED_GAIN = 300, 32
"""Nor, for loops that carry values, one of more than the first, unless it is this much shorter: the
search takes some 10 ms for each statement, more than once."""


def reroll(graph: Graph, small: int = SMALL) -> Program:
    """The program of a graph, rerolled if it has more nodes and there is something to reroll."""
    operations = int((graph.codes >= FIRST_OP).sum())
    budget = min(operations // GAIN, MOST_STATEMENTS)
    if len(graph) > small:
        found = _rerolled(graph, budget, longest_searched(operations))
        if found is not None:
            return found
    if operations > LARGE and not graph.indices:
        with importing:
            from .batch import batched
            from .table import table_driven
        return batched(graph, OUTPUT, budget) or table_driven(graph, OUTPUT)
    return straight_line(graph)


def _rerolled(graph: Graph, budget: int, most: int) -> Program | None:
    """The shorter program of those by classes, of `budget` statements, and by loops that carry
    values, of `most`; None if there is neither.

    Long programs by classes are looked for last, as most graphs that have one have a shorter one.
    """
    with importing:
        from .beginning import are_few
        from .loops import DEPTHS, looped
    short = min(budget, SHORT)
    classes = _of_classes(graph, short)
    if classes is not None:
        if len(classes.body) <= FEW or are_few(graph, DEPTHS[0]):
            return classes
        return looped(graph, OUTPUT, min(most, len(classes.statements) - 1)) or classes
    loops = looped(graph, OUTPUT, most)
    if loops is not None:
        budget = min(budget, len(loops.statements))
    return (_of_classes(graph, budget) if budget > short else None) or loops


def longest_searched(operations: int) -> int:
    """Statements of the longest program that is looked for among loops that carry values."""
    most = min(operations // LOOP_GAIN, MOST_STATEMENTS)
    return min(most, max(SEARCHED, operations // SEARCHED_GAIN))


def _of_classes(graph: Graph, most: int) -> Program | None:
    """The program of at most so many statements by classes, if there is one."""
    with importing:
        from .by_class import by_class
    structure = analyse(graph, most)
    return by_class(graph, structure, most) if structure is not None else None


def reroll_strictly(graph: Graph, behind: Collection[str] = ()) -> Program:
    """The program of a graph, rerolled if no sum is in another order then, in its derivatives
    neither; a large one that is not, from a table.

    behind   arrays of leaves whose derivatives are added to others, which come first
    """
    found, operations = None, int((graph.codes >= FIRST_OP).sum())
    if len(graph) > SMALL:
        with importing:
            from .loops import looped
        most = longest_searched(operations)
        found = looped(graph, OUTPUT, most, in_order=True, behind=behind)
    if found is None and operations > LARGE and not graph.indices:
        with importing:
            from .table import table_driven
        return table_driven(graph, OUTPUT, strict=True)
    return found or straight_line(graph, strict=True)


def straight_line(graph: Graph, *, strict: bool = False) -> Program:
    """The program with one statement per node: what nothing repeats in comes out as.

    strict   what is taken of a table has no cotangent of its own, as it has none in the interpreter
    """
    program = declare_leaves(graph)
    program.found = straight(graph, strict=strict)
    home = {first + k: Access(f"t{first}", k) for first, n in graph.tables for k in range(n)}
    if strict:  # entries are where they are computed, so that all their uses add to one cotangent
        for entry, access in list(home.items()):
            home.setdefault(int(graph.x[entry]), access)
    for first, count in graph.tables:
        program.declare(f"t{first}", Role.TEMPORARY, count)
    values: list[Expr] = []
    for node, (code, x, y, z) in enumerate(graph.rows()):
        if code == CONSTANT:
            values.append(float(graph.constants[x]))
        elif code < FIRST_OP:
            values.append(Access(*graph.element(code, x)))
        else:
            op = op_of(code)
            args = tuple(values[i] for i in (x, y, z)[: op.arity])
            expr = taken(op, args) if isinstance(op, Lookup) else Apply(op, args)
            if strict and isinstance(op, Lookup) and op.rows:
                values.append(expr)
                continue
            target = home.get(node)
            if target is not None and expr == target:
                values.append(target)  # it is there already
                continue
            if target is None:
                target = Access(program.declare(f"t{node}", Role.TEMPORARY).name)
            program.body.append(Statement(target, expr, origin=range(node, node + 1)))
            values.append(target)
    program.declare(OUTPUT, Role.OUTPUT, len(graph.outputs))
    write_outputs(program, OUTPUT, [values[node] for node in graph.outputs], graph.outputs)
    return program
