"""What the reroller says of its programs: how it found them, and what it did not find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ...errors import counted
from ..ir.graph import FIRST_OP, Graph
from ..ir.program import Found, Program, Role

SMALL = 64
"""A graph of at most so many nodes stays as written: it is the better code, and readable."""


def straight(graph: Graph, *, strict: bool) -> Found:
    """A statement for every operation."""
    text = f"straight line, {_operations(graph)}: "
    if len(graph) <= SMALL:
        text += f"the graph is small ({len(graph)} nodes; to {SMALL} it is the better code)"
    elif strict:
        text += "there are no loops that keep the order of every sum, also in derivatives"
    else:
        text += "no pattern is shared by enough nodes"
    return Found("straight", [text])


def table(graph: Graph) -> Found:
    """One loop over all nodes."""
    text = (
        f"no loops are shared by enough of the {_operations(graph)}, which are deep and narrow, so "
        "one loop runs them from a table, each node in turn"
    )
    return Found("table", [text])


def batches(graph: Graph, program: Program) -> Found:
    """A loop for each op of each level."""
    text = (
        f"no loops are shared by enough of the {_operations(graph)}, so they are batched: "
        f"{counted(len(program.body) + 1, 'loop')} over what has the same depth and op"
    )
    return Found("batches", [text])


def classes(program: Program) -> Found:
    """Statements for classes of nodes; where patterns break, in pieces or through index arrays."""
    left = []
    outputs = {a.name for a in program.with_role(Role.OUTPUT)}
    body = program.statements
    pieces = Counter(
        s.target.array for s in body if not s.accumulate and s.target.array not in outputs
    )
    for name, n in pieces.items():
        if n > 1:
            left.append(f"{name} as a whole: its pattern breaks, it is computed in {n} pieces")
    return Found("classes", [*left, *_through_tables(program)])


def loops(program: Program) -> Found:
    """Statements in a tree of loops; what is read in no affine order, through index arrays."""
    return Found("loops", list(_through_tables(program)))


def _through_tables(program: Program) -> Iterator[str]:
    for s in program.statements:
        names = sorted({a.array for a in s.accesses if a.parts})
        if names:
            yield (
                f"the order in which {s.target.array} reads {', '.join(names)}: it is not affine, "
                "so it is an index table"
            )


def _operations(graph: Graph) -> str:
    return counted(int((graph.codes >= FIRST_OP).sum()), "operation")
