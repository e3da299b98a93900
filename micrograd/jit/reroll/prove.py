"""That a program computes what a graph does, operation for operation.

The loops of a trace are found by guesses, and this is what makes guessing safe: every element of
the program's arrays is said to be a value of the graph, and for every point of every statement the
op, and the values that it reads, are compared with the graph's. Nothing is taken from how the
loops were found, but which value each point is said to compute.

What is compared are all points at once. That values are there before they are read is the
verifier's to say; here, that sums are whole before they are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ...errors import CompilerError
from ..ir.graph import CONSTANT, FIRST_OP, INPUT, op_of
from ..ir.nests import Ints
from ..ir.points import elements, points
from ..ir.program import (
    Access,
    Apply,
    Expr,
    Loop,
    Node,
    Program,
    Role,
    Statement,
    accesses,
)
from ..ir.verify import verify
from .strings import LITERAL, Ops

NOTHING = np.iinfo(np.int64).max
"""The value of an element that nothing has written."""

Claims = Mapping[int, Ints]
"""id of a statement -> the value that it is said to compute at each of its points."""


class Values:
    """A number for every value of a graph: the ops, then leaves and constants below 0."""

    def __init__(self, ops: Ops) -> None:
        self.ops = ops
        graph = ops.graph
        self._bits, numbers = np.unique(graph.constants.view(np.int64), return_inverse=True)
        self._numbers = numbers.reshape(-1)
        sizes = [size for _, size in (*graph.parameters, *graph.inputs)]
        self._bases = np.concatenate([[0], np.cumsum(np.array(sizes, dtype=np.int64))])
        self._leaves = {name: k for k, name in enumerate(ops.leaves.values())}

    def of(self, kind: Ints, ref: Ints) -> Ints:
        """The values that operands are, which Ops describes by kind and ref."""
        place = np.clip(-2 - kind, 0, len(self._bases) - 1)
        found = np.where(kind >= 0, ref, -2 - (self._bases[place] + ref))
        literal = kind == LITERAL
        if literal.any():
            numbers = self._numbers[np.where(literal, ref, 0)]
            found = np.where(literal, -2 - int(self._bases[-1]) - numbers, found)
        return found

    def is_leaf(self, name: str) -> bool:
        """Whether it is an array of leaves."""
        return name in self._leaves

    def leaf(self, name: str, size: int) -> Ints:
        """The elements of an input or parameter array."""
        first = int(self._bases[self._leaves[name]])
        return -2 - (first + np.arange(size))

    def numbers(self, data: Ints) -> Ints:
        """Numbers, given by their bits; NOTHING for those that the graph does not have."""
        at = np.minimum(np.searchsorted(self._bits, data), max(0, len(self._bits) - 1))
        known = self._bits[at] == data if len(self._bits) else np.zeros(len(data), dtype=bool)
        return np.where(known, -2 - int(self._bases[-1]) - at, NOTHING)

    def of_nodes(self, nodes: Ints) -> Ints:
        """The values that nodes of the graph are."""
        graph = self.ops.graph
        code, payload = graph.codes[nodes], graph.x[nodes]
        parameters = sum(size for _, size in graph.parameters)
        leaf = np.where(code == INPUT, parameters + payload, payload)
        found = np.where(code >= FIRST_OP, self.ops.number[nodes], -2 - leaf)
        literal = code == CONSTANT
        if literal.any():
            numbers = self._numbers[np.where(literal, payload, 0)]
            found = np.where(literal, -2 - int(self._bases[-1]) - numbers, found)
        return found

    def operand(self, slot: int, ops: Ints) -> Ints:
        """What ops have for an operand."""
        return self.of(self.ops.kind[slot, ops], self.ops.ref[slot, ops])


def mismatch(program: Program, values: Values, claims: Claims, output: str) -> str | None:
    """The first statement that does not compute what it is said to, and why; None if all do.

    A statement of which nothing is said copies.
    """
    proof = _Proof(program, values, claims)
    wrong = proof.run()
    if wrong is not None:
        return wrong
    nodes = np.array(values.ops.graph.outputs, dtype=np.int64)
    if not np.array_equal(proof.final[output], values.of_nodes(nodes)):
        return f"{output} has other values"
    return _read_too_early(program)


def computed(program: Program, values: Values, claims: Claims) -> dict[str, Ints]:
    """The node of the graph that each element is said to be of arrays that a program computes; -1
    for what is no op.
    """
    proof = _Proof(program, values, claims)
    proof.say()
    node = np.append(values.ops.node, -1)
    return {
        name: node[np.where((final >= 0) & (final != NOTHING), final, -1)]
        for name, final in proof.final.items()
        if name in proof.begun
    }


class _Proof:
    def __init__(self, program: Program, values: Values, claims: Claims) -> None:
        self.program = program
        self.values = values
        self.claims = dict(claims)
        self.begun: dict[str, Ints] = {}
        self.final: dict[str, Ints] = {}
        self.statements = program.statements
        for a in program.arrays.values():
            if a.role in (Role.INPUT, Role.PARAMETER) or values.is_leaf(a.name):
                self.final[a.name] = values.leaf(a.name, a.size)
            elif a.role is Role.CONSTANT and not a.is_index:
                assert a.data is not None
                self.final[a.name] = values.numbers(np.asarray(a.data, np.float64).view(np.int64))
            else:
                self.begun[a.name] = np.full(a.size, NOTHING, dtype=np.int64)
                self.final[a.name] = self.begun[a.name]

    def run(self) -> str | None:
        """What is wrong, if anything is."""
        self.say()
        for s in self.statements:
            wrong = self._check(s)
            if wrong is not None:
                return f"{s}: {wrong}"
        return None

    def say(self) -> None:
        """Say what all elements are."""
        for s in self.statements:
            self._write(s)

    def _write(self, s: Statement) -> None:
        """Say what the elements are that a statement writes."""
        name, at = s.target.array, self._elements(s.target, s)
        if id(s) not in self.claims:
            self.claims[id(s)] = self._copied(s)
        claim = self.claims[id(s)]
        if len(claim) != len(at):
            return  # which is what is wrong
        if s.accumulate is None:
            self.begun[name][at] = self.final[name][at] = claim
            return
        if self.final[name] is self.begun[name]:
            self.final[name] = self.begun[name].copy()
        self.final[name][at] = claim  # the last point's stays

    def _copied(self, s: Statement) -> Ints:
        """The values that a statement copies, of which nothing is said."""
        at = self._elements(s.target, s)
        if isinstance(s.expr, Access):
            return self.final[s.expr.array][self._elements(s.expr, s)]
        if isinstance(s.expr, float):
            return np.repeat(self.values.numbers(np.array([s.expr]).view(np.int64)), len(at))
        return np.full(len(at), NOTHING, dtype=np.int64)

    def _elements(self, a: Access, s: Statement) -> Ints:
        return elements(a, s.domain, self.program)

    def _check(self, s: Statement) -> str | None:
        claim = self.claims[id(s)]
        if len(claim) != len(self._elements(s.target, s)):
            return f"it has {len(self._elements(s.target, s))} points, for {len(claim)} values"
        if s.accumulate is None:
            return self._compare(s.expr, claim, s)
        if (claim < 0).any():
            return "it sums what is no op"
        at = self._elements(s.target, s)
        order = np.argsort(at, kind="stable")
        before = np.empty(len(at), dtype=np.int64)
        first = np.concatenate([[True], at[order][1:] != at[order][:-1]])
        before[order] = np.where(
            first, self.begun[s.target.array][at[order]], np.roll(claim[order], 1)
        )
        if not np.array_equal(self.values.operand(0, claim), before):
            return "it adds to other values"
        if (self.values.ops.code[claim] != self.values.ops.code[claim[0]]).any():
            return "it sums by several ops"
        term = operand_of(s, self.values, claim)
        if term is None:
            code = op_of(int(self.values.ops.code[claim[0]]))
            return f"it sums by {s.accumulate.name}, for {code.name}"
        return self._compare(term, self.values.operand(1, claim), s)

    def _compare(self, expr: Expr, claim: Ints, s: Statement) -> str | None:
        """Whether an expression is these values."""
        if isinstance(expr, float):
            found = self.values.numbers(np.array([expr]).view(np.int64))[0]
            return None if (claim == found).all() else f"{expr} stands for another value"
        if isinstance(expr, Access):
            values = self.final[expr.array][self._elements(expr, s)]
            if np.array_equal(values, claim):
                return None
            at = int(np.argmax(values != claim))
            return f"{expr} reads another value at point {at}"
        if (claim < 0).any():
            return f"{expr} stands for what is no op"
        codes = self.values.ops.code[claim]
        if (codes != codes[0]).any() or op_of(int(codes[0])) is not expr.op:
            return f"{expr} stands for other ops"
        for slot, arg in enumerate(expr.args):
            wrong = self._compare(arg, self.values.operand(slot, claim), s)
            if wrong is not None:
                return wrong
        return None


def operand_of(s: Statement, values: Values, claim: Ints) -> Expr | None:
    """What a sum adds of the operands of ops of the graph, which may be differences: a sum of what
    they take away. None if it is a sum of something else.
    """
    op, term = s.accumulate, s.expr
    code = op_of(int(values.ops.code[claim[0]]))
    if code is op:
        return term
    if isinstance(term, Apply) and term.op.coefficients == (-1.0,) and op is not None:
        return term.args[0] if code.coefficients == (1.0, -1.0) and op.coefficients else None
    return None


def illegal(program: Program) -> str | None:
    """What the verifier says against a program, if anything."""
    try:
        verify(program, "reroll", stage="rerolled")
    except CompilerError as error:
        return str(error)
    return None


# --- sums are whole before they are read -------------------------------------------------------


Place = tuple[tuple[int, "Loop | None"], ...]
"""Where a statement stands: the number of each loop around it, and its own, in what is around."""


def placed(body: Sequence[Node], above: Place = ()) -> Iterator[tuple[Statement, Place]]:
    """Statements with where they stand."""
    for k, node in enumerate(body):
        if isinstance(node, Loop):
            yield from placed(node.body, (*above, (k, node)))
        else:
            yield node, (*above, (k, None))


def _read_too_early(program: Program) -> str | None:
    """A statement that reads what is added to later, if there is one."""
    every = list(placed(program.body))
    adding = [(s, where) for s, where in every if s.accumulate is not None]
    names = {s.target.array for s, _ in adding}
    for reader, here in every:
        for a in accesses(reader.expr):
            if a.array not in names:
                continue
            for adder, there in adding:
                if adder.target.array == a.array and _too_early(
                    program, (reader, a, here), (adder, adder.target, there)
                ):
                    return f"{reader}: it reads {a}, which is added to later"
    return None


_Touch = tuple[Statement, Access, Place]


def _too_early(
    program: Program,
    reader: tuple[Statement, Access, Place],
    adder: tuple[Statement, Access, Place],
) -> bool:
    (s, a, here), (t, b, there) = reader, adder
    common = 0
    while (
        common < min(len(here), len(there)) - 1
        and here[common][1] is there[common][1]
        and here[common][1] is not None
    ):
        common += 1
    behind = here[common][0] > there[common][0]
    size = program.arrays[a.array].size
    last = np.full(size, -1, dtype=np.int64)
    np.maximum.at(last, elements(b, t.domain, program), _iteration(t, common, program))
    when = _iteration(s, common, program)
    added = last[elements(a, s.domain, program)]
    return bool((added > when).any() if behind else ((added >= when) & (added >= 0)).any())


def _iteration(s: Statement, depth: int, program: Program) -> Ints:
    """The number of the iteration of the first loops that each point belongs to."""
    columns = points(s.domain, program)
    number = np.zeros(len(columns[0]) if columns else 1, dtype=np.int64)
    for column, count in zip(columns[:depth], s.domain, strict=False):
        number = number * int(count) + column
    return number
