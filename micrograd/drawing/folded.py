"""Value -> the statements that the compiler finds in the graph under it, as a picture.

A large graph repeats: the Values of one statement are the same op on the same kinds of operands
(jit/reroll). Statements are drawn as nodes, with how many Values each stands for and between which
numbers these lie; what they read, leaves and constants, as nodes too. What is in a statement is a
picture of its first Value, and of what that is computed from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from textwrap import wrap
from typing import Any

import numpy as np

from ..copies import serial
from ..engine import Value
from ..errors import GraphError
from ..jit.ir.graph import Graph
from ..jit.ir.program import Node, Order, Program, Role, Statement, accesses, statements
from ..jit.reroll.reroll import reroll
from ..jit.trace.trace import trace as traced
from .nodes import (
    COLOURS,
    Parameters,
    draw,
    escaped,
    is_parameter,
    limit_effort,
    new_picture,
    plain,
)

MOST_INSIDE = 24
"""Values of a statement that are drawn when it is unfolded."""
MOST_PIECES = 8
"""Statements that write an array, and are drawn as what is read of it."""
WIDEST = 48
"""Characters of a statement in a line."""

_PLURALS = {"leaf": "leaves"}

PARAMETERS, LEAVES = "p", "x"
"""The arrays that leaves lie in."""


@dataclass(slots=True)
class Folding:
    """A graph and its program.

    arrays   name -> the Values that lie in an array: leaves, or those that statements stand for
    users    of each Value, by its id
    """

    root: Value
    program: Program
    arrays: dict[str, list[Value]]
    users: dict[int, list[Value]]


def draw_folded(drawing: Any, root: Value, parameters: Parameters, most: int) -> None:
    """Draw the statements of the graph under `root` into a picture with parts.

    Raises GraphError if even they are more than `most`.
    """
    folding = fold(root, parameters)
    program = folding.program
    given = program.with_role(Role.INPUT, Role.CONSTANT)
    drawn = len(given) + len(program.statements)
    if drawn > most:
        raise GraphError(
            f"the graph does not repeat: it would be drawn as {drawn - len(given)} statements "
            f"that read {len(given)} arrays, and {most} nodes could be read; draw a part of it "
            "(any Value inside), or pass a larger max_nodes"
        )
    limit_effort(drawing, drawn)
    rankdir = drawing.graph_attr["rankdir"]
    for a in given:
        kind = {PARAMETERS: "parameter", LEAVES: "leaf"}.get(a.name, "literal")
        fields = [f"{a.name}: {_count(a.size, kind)}", *_ranges(folding.arrays.get(a.name, ()))]
        drawing.node(a.name, _stacked(fields, rankdir), fillcolor=COLOURS[kind])
    placed = list(_placed(program.body))
    last = {s.target.array: k for k, (s, _, _) in enumerate(placed)}
    for k, (s, order, _) in enumerate(placed):
        whole = _whole(folding, s.target.array) if last[s.target.array] == k else []
        label = _stacked([_text(s, order), *whole], rankdir)
        drawing.node(f"s{k}", label, fillcolor=COLOURS["result"], tooltip=plain(f"{s}{order}"))
    _connect(drawing, placed, [a.name for a in given])
    drawing.parts = dict(_parts(folding, parameters, rankdir))


Placed = tuple[Statement, str, Sequence[Statement]]
"""A statement, what is said of the order of its iterations, and the statements it takes turns with
in it, itself included.
"""


def _placed(body: Sequence[Node], order: str = "", turns: Sequence[Statement] = ()) -> Any:
    """All statements, in the order in which they stand: Placed."""
    for node in body:
        if isinstance(node, Statement):
            yield node, order, turns
        elif order or node.order is Order.FREE:
            yield from _placed(node.body, order, turns)
        else:
            yield from _placed(node.body, node.order.value, list(statements([node])))


def _connect(drawing: Any, placed: Sequence[Placed], given: Sequence[str]) -> None:
    """Draw an edge from what writes an array to what reads it; dashed to the next iteration."""
    writers = {name: [name] for name in given}
    number = {id(s): k for k, (s, _, _) in enumerate(placed)}
    for k, (s, _, turns) in enumerate(placed):
        name, array = f"s{k}", s.target.array
        read = [array, *_read(s)] if s.accumulate else _read(s)
        for writer in dict.fromkeys(w for a in read for w in writers.get(a, ())):
            drawing.edge(writer, name)
        for other in turns:
            if number[id(other)] >= k and other.target.array in read:
                drawing.edge(f"s{number[id(other)]}", name, style="dashed", constraint="false")
        before = writers.get(array, []) if not s.accumulate else []
        if len(before) == MOST_PIECES:  # of an array that is written bit by bit, as it is read
            drawing.edge(before[0], name)
            before = []
        writers[array] = [name, *before]


def _read(s: Statement) -> list[str]:
    return [a.array for a in accesses(s.expr)]


def fold(root: Value, parameters: Parameters = ()) -> Folding:
    """The program of the graph under `root`, and which Values are in which of its arrays."""
    values, users = _under(root)
    trained = is_parameter(parameters)
    leaves: dict[str, list[Value]] = {}
    for v in values:
        if not v._operands:
            leaves.setdefault(PARAMETERS if trained(v) else LEAVES, []).append(v)
    graph = traced([root], leaves, ()).graph
    program = reroll(graph)
    arrays = leaves | _computed(values, users, program, graph)
    return Folding(root, program, arrays, users)


def _under(root: Value) -> tuple[list[Value], dict[int, list[Value]]]:
    """The Values under `root` but literals, oldest first, and the users of each by its id."""
    users: dict[int, list[Value]] = {id(root): []}
    found, stack = [root], [root]
    while stack:
        v = stack.pop()
        for x in v._operands:
            if x.__class__ is float:
                continue
            if id(x) not in users:
                users[id(x)] = []
                found.append(x)
                stack.append(x)
            users[id(x)].append(v)
    return sorted(found, key=serial), users


def _computed(
    values: list[Value], users: dict[int, list[Value]], program: Program, graph: Graph
) -> dict[str, list[Value]]:
    """Array -> the Values that its statements stand for, those inside of their expressions too.

    A node of the graph is a Value or, right before the one that uses it, a literal.
    """
    literals = [sum(x.__class__ is float for x in v._operands) for v in values]
    node = np.arange(len(values)) + np.cumsum(literals)
    if len(graph) != len(values) + sum(literals):
        raise GraphError("the graph cannot be folded: it changed while it was drawn")
    value = dict(zip(node.tolist(), values, strict=True))
    owner: dict[int, str] = {}
    for s in program.statements:
        for n in map(int, s.origin):
            owner.setdefault(id(value[n]), s.target.array)
    arrays: dict[str, list[Value]] = {}
    for v in reversed(values):
        # a sum is one statement, its partial sums are of no other
        if v._operands and id(v) not in owner and users[id(v)]:
            owner[id(v)] = owner.get(id(users[id(v)][0]), "")
        if v._operands:
            arrays.setdefault(owner.get(id(v), ""), []).append(v)
    return {name: found[::-1] for name, found in arrays.items() if name}


# -- what is drawn ---------------------------------------------------------------------------


def _stacked(fields: list[str], rankdir: str) -> str:
    """Fields of a record, one below the other: braces turn them, and so does a drawing that is
    turned itself.
    """
    text = " | ".join(fields)
    return text if rankdir in ("LR", "RL") else f"{{ {text} }}"


def _text(s: Statement, order: str) -> str:
    """A statement as a field of a record, in lines that are not too long."""
    text, _, loops = str(s).partition("  for ")
    lines = wrap(text, WIDEST, subsequent_indent="    ") + (
        [f"for {loops}{order}"] if loops else []
    )
    return "".join(escaped(line.replace(" ", "\u00a0")) + "\\l" for line in lines)


def _whole(folding: Folding, array: str) -> list[str]:
    """What there is of an array when all its statements are done, as fields of a record."""
    found = folding.arrays.get(array, [])
    return [_count(len(found), "Value"), *_ranges(_results(folding, found))] if found else []


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {_PLURALS.get(what, what + 's')}"


def _ranges(values: Sequence[Value]) -> Iterator[str]:
    """Between which numbers data and gradients lie."""
    for name in ("data", "grad") if values else ():
        numbers = list(map(attrgetter(name), values))
        low, high = min(numbers), max(numbers)
        yield f"{name} {low:.4f}" if low == high else f"{name} {low:.4f} to {high:.4f}"


def _results(folding: Folding, found: Sequence[Value]) -> list[Value]:
    """Those Values of an array that others use, or nobody; the rest are on the way to them."""
    inside = set(map(id, found))
    return [
        v
        for v in found
        if v is folding.root or any(id(user) not in inside for user in folding.users[id(v)])
    ]


def _parts(folding: Folding, parameters: Parameters, rankdir: str) -> Iterator[tuple[str, Any]]:
    """What can be unfolded: the arrays that statements compute, a result being the root."""
    from .picture import Part

    texts: dict[str, list[str]] = {}
    for s in folding.program.statements:
        texts.setdefault(s.target.array, []).append(str(s))
    for name, lines in texts.items():
        found = folding.arrays.get(name, ())
        title = "; ".join([*([_count(len(found), "Value")] if found else []), *lines])
        yield name, Part(title, partial(_inside, folding, name, parameters, rankdir))


def _inside(folding: Folding, name: str, parameters: Parameters, rankdir: str) -> Any:
    """The first result of an array, and the Values of it that this is computed from."""
    drawing = new_picture("svg", rankdir)
    place = {id(v): array for array, found in folding.arrays.items() for v in found}
    found = folding.arrays.get(name, [folding.root])
    nodes: dict[int, Value] = {}
    outside: dict[int, str] = {}
    edges: list[tuple[Value, Value]] = []
    queue = _results(folding, found)[:1]
    nodes[id(queue[0])] = queue[0]
    for v in queue:
        for x in v._prev:
            edges.append((x, v))
            if id(x) in nodes:
                continue
            nodes[id(x)] = x
            here = place.get(id(x)) == name
            if here and len(queue) < MOST_INSIDE:
                queue.append(x)
            elif x._operands:
                outside[id(x)] = "..." if here else f"of {place.get(id(x), 'others')}"
    draw(drawing, list(nodes.values())[::-1], edges, parameters, outside)
    return drawing
