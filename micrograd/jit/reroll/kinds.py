"""Graph -> kinds of its operations, for the loop over a table of nodes (table.py).

A kind is what nodes have in common that are run by one statement: mostly their op. Sums,
differences and products are one kind, `z + x*y`: as the operands that they lack, numbers are read
which change no bit of the result, 1, -1 or -0.0. So most nodes of most graphs are not told apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ... import ops
from ...ops import Op
from ..ir.graph import CONSTANT, Graph, op_of
from ..ir.program import Apply, Expr
from .classes import Ints

NEUTRAL = (1.0, -1.0, -0.0)
"""What stands in the places of operands that sums, differences and products do not have."""
COPIES = 8
"""Of each so many, which take turns: what flows back to one waits for what flowed there before."""
MOST_EXPONENTS = 8
"""Exponents of powers for each of which there is a kind."""

COMBINED = -1
"""The kind of sums, differences and products; powers with a constant exponent are those below."""


@dataclass(slots=True)
class Kinds:
    """The kinds of nodes.

    numbers     of every node, the number of its kind
    columns     the places of its operands
    exponents   of kinds that are powers with a constant exponent
    """

    numbers: Ints
    columns: tuple[Ints, Ints, Ints]
    exponents: dict[int, float]

    def expression(self, kind: int, x: Expr, y: Expr, z: Expr) -> Expr:
        """What nodes of a kind compute of their operands."""
        if kind == COMBINED:
            return Apply(ops.add, (z, Apply(ops.mul, (x, y))))
        if kind in self.exponents:
            return Apply(ops.pow, (x, self.exponents[kind]))
        op = op_of(kind)
        return Apply(op, (x, y, z)[: op.arity])


def kinds_of(graph: Graph, nodes: Ints, place: Ints, neutral: int, *, strict: bool) -> Kinds:
    """The kinds of the graph's operations.

    place     where the values of nodes lie; the last is that of no node
    neutral   where the numbers of NEUTRAL lie, COPIES of each
    strict    squares are no products, which may round differently
    """
    numbers = graph.codes[nodes]
    x, y, z = (place[column[nodes]] for column in (graph.x, graph.y, graph.z))
    turn = np.arange(len(nodes)) % COPIES
    one, minus_one, zero = (neutral + k * COPIES + turn for k in range(len(NEUTRAL)))
    exponents: dict[int, float] = {}
    for code in np.unique(numbers):
        op, which = op_of(int(code)), np.flatnonzero(numbers == code)
        if op.repeats is not None:
            _by_exponent(graph, nodes, which, numbers, exponents)
            squares = [kind for kind, n in exponents.items() if n == 2.0 and not strict]
            which = np.flatnonzero(np.isin(numbers, squares))
            y[which], z[which], numbers[which] = x[which], zero[which], COMBINED
        elif op.product:
            z[which] = zero[which]
        elif op.coefficients == (-1.0,):
            y[which], z[which] = minus_one[which], zero[which]
        elif is_combination(op):  # operands are read, and get their cotangents, in their order
            factor = one if op.coefficients[1] == 1.0 else minus_one
            z[which], x[which], y[which] = x[which], y[which], factor[which]
        else:
            continue
        if op.repeats is None:
            numbers[which] = COMBINED
    return Kinds(numbers, (x, y, z), exponents)


def is_combination(op: Op) -> bool:
    """Whether it is x + y or x - y."""
    return op.coefficients in ((1.0, 1.0), (1.0, -1.0))


def _by_exponent(
    graph: Graph, nodes: Ints, which: Ints, numbers: Ints, exponents: dict[int, float]
) -> None:
    """Give the powers among the nodes whose exponent is a constant a kind for each, if these are
    few: then code is made for that exponent.
    """
    leaf = graph.y[nodes[which]]
    which, leaf = which[graph.codes[leaf] == CONSTANT], leaf[graph.codes[leaf] == CONSTANT]
    values = graph.constants[graph.x[leaf]]
    found = np.unique(values)
    if len(found) > MOST_EXPONENTS:
        return
    for value in found:
        kind = COMBINED - 1 - len(exponents)
        exponents[kind] = float(value)
        numbers[which[values == value]] = kind
