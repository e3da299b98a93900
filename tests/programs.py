"""Random programs for the tests: scalar DAGs over the op table, and loop nests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from micrograd import Value, ops
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.points import elements
from micrograd.jit.ir.program import (
    Access,
    Apply,
    Expr,
    Loop,
    Node,
    Program,
    Role,
    accesses,
    entry,
    row_major,
)
from micrograd.jit.ir.verify import verify
from micrograd.ops import OPS, Op

from .checks import all_same

NUMBERS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, math.inf, -math.inf, math.nan, 5e-324, 1e300]),
    st.floats(-4.0, 4.0),
    st.floats(),
)

Ref = int | float
"""An operand: the number of an earlier row, or a literal."""


@dataclass
class Scalars:
    """A random scalar program: leaves, then one row per op, and the rows that it gives."""

    leaves: list[float]
    rows: list[tuple[Op, tuple[Ref, ...]]]
    outputs: list[int]

    def __str__(self) -> str:
        n = len(self.leaves)
        lines = [f"%{k} = {x!r}" for k, x in enumerate(self.leaves)]
        for k, (op, refs) in enumerate(self.rows):
            shown = (f"%{r}" if isinstance(r, int) else repr(r) for r in refs)
            lines.append(f"%{n + k} = {op.name} {' '.join(shown)}")
        return "\n".join([*lines, "return " + " ".join(f"%{k}" for k in self.outputs)])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """How Hypothesis shows an example."""
        printer.text(str(self))

    def run(self, leaves: Sequence[Any]) -> list[Any]:
        """The outputs, computed on Values or floats."""
        values = list(leaves)
        for op, refs in self.rows:
            values.append(op(*[values[r] if isinstance(r, int) else r for r in refs]))
        return [values[k] for k in self.outputs]


@st.composite
def scalars(
    draw: st.DrawFn,
    numbers: st.SearchStrategy[float] = NUMBERS,
    table: Sequence[Op] = tuple(OPS.values()),
    outputs: int = 1,
    size: int = 25,
) -> Scalars:
    """A program of up to `size` ops of the table; its last rows are its outputs."""
    leaves = draw(st.lists(numbers, min_size=1, max_size=4))
    rows: list[tuple[Op, tuple[Ref, ...]]] = []
    for _ in range(draw(st.integers(outputs, size))):
        op = draw(st.sampled_from(table))
        n = len(leaves) + len(rows)
        refs: list[Ref] = [draw(st.integers(max(0, n - 6), n - 1))]
        for _ in range(op.arity - 1):
            refs.append(draw(st.one_of(st.integers(0, n - 1), numbers)))
        rows.append((op, tuple(draw(st.permutations(refs)))))
    n = len(leaves) + len(rows)
    return Scalars(leaves, rows, list(range(n - outputs, n)))


WHOLE = tuple(OPS[name] for name in ("add", "sub", "mul", "neg", "relu", "maximum", "abs"))
"""Ops that take whole numbers to whole numbers: sums of them are exact in every order."""


@st.composite
def loops(draw: st.DrawFn) -> Program:
    """A verified program of loop nests over two inputs of twelve elements, giving one number.

    Accesses are affine with any strides, or go through a table; statements map or reduce.
    """
    program = Program()
    readable = {"x": 12, "y": 12}
    for name, size in readable.items():
        program.declare(name, Role.INPUT, size)

    def access(domain: tuple[int, ...]) -> Access:
        array = draw(st.sampled_from(sorted(readable)))
        size = readable[array]
        if draw(st.integers(0, 3)) == 0:
            count = math.prod(domain)
            entries = draw(st.lists(st.integers(0, size - 1), min_size=count, max_size=count))
            table = program.table(f"index{len(program.arrays)}", entries)
            return entry(array, table, 0, row_major(domain))
        low = high = 0
        strides = []
        for count in domain:
            reach = (size - 1 - (high - low)) // max(1, count - 1)
            stride = draw(st.integers(-reach, reach))
            strides.append(stride)
            low, high = (
                low + min(0, stride * (count - 1)),
                high + max(0, stride * (count - 1)),
            )
        return Access(array, draw(st.integers(-low, size - 1 - high)), tuple(strides))

    def expression(domain: tuple[int, ...]) -> Expr:
        op = draw(st.sampled_from(WHOLE))
        args: list[Expr] = [access(domain)]
        if op.arity == 2:
            literal = st.sampled_from([2.0, -1.0, 0.0, 1.0])
            args.append(draw(literal) if draw(st.integers(0, 4)) == 0 else access(domain))
        return Apply(op, tuple(args))

    for k in range(draw(st.integers(1, 4))):
        domain = tuple(draw(st.lists(st.integers(1, 4), max_size=3)))
        kept = [draw(st.booleans()) for _ in domain]
        target = tuple(c for c, keep in zip(domain, kept, strict=True) if keep)
        name = f"a{k}"
        program.declare(name, Role.TEMPORARY, math.prod(target))
        if all(kept):
            program.assign(Access(name, 0, row_major(target)), expression(domain), domain)
        else:
            begin = draw(st.one_of(st.just(-0.0), st.just(0.0), st.just(3.0)))
            program.assign(Access(name, 0, row_major(target)), begin, target)
            inner = iter(row_major(target))
            strides = tuple(next(inner) if keep else 0 for keep in kept)
            program.assign(Access(name, 0, strides), expression(domain), domain, accumulate=ops.add)
        readable[name] = math.prod(target)
    program.declare("out", Role.OUTPUT)
    program.assign(Access("out"), 0.0)
    for name, size in readable.items():
        if name.startswith("a"):
            program.assign(
                Access("out", 0, (0,)), Access(name, 0, (1,)), (size,), accumulate=ops.add
            )
    return verify(program, "its drawing")


def run_on_values(program: Program, given: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """What a program computes on Values, which can then be differentiated or compiled."""
    memory: dict[str, list[Any]] = {}
    for a in program.arrays.values():
        memory[a.name] = list(given[a.name]) if a.role is Role.INPUT else [None] * a.size
        if a.data is not None:
            memory[a.name] = a.data.tolist()
    for s in program.body:
        reads = {a: elements(a, s.domain, program) for a in accesses(s.expr)}
        for point, element in enumerate(elements(s.target, s.domain, program)):
            v = _evaluate(s.expr, reads, point, memory)
            before = memory[s.target.array]
            before[element] = before[element] + v if s.accumulate else v
    return {a.name: memory[a.name] for a in program.with_role(Role.OUTPUT)}


def _evaluate(expr: Expr, reads: Any, point: int, memory: Mapping[str, list[Any]]) -> Any:
    if isinstance(expr, Access):
        return memory[expr.array][reads[expr][point]]
    if isinstance(expr, Apply):
        return expr.op(*[_evaluate(x, reads, point, memory) for x in expr.args])
    return Value(expr)


def check_same_outputs(before: Program, after: Program, given: Mapping[str, Any]) -> None:
    """Assert that a pass kept a program's outputs, bit for bit, and left it well formed."""
    verify(after, "the pass")
    expected, found = interpret(before, given), interpret(after, given)
    assert expected.keys() == found.keys()
    for name in expected:
        assert all_same(found[name].tolist(), expected[name].tolist()), f"{before}\n\n{after}"


def identical(p: Program, q: Program) -> bool:
    """Whether two programs are the same in everything, every bit of a number and order included."""
    return bool(_facts(p) == _facts(q))


def _facts(p: Program) -> Any:
    """A program as tuples of strings and numbers that compare."""

    def expression(e: Expr) -> Any:
        if isinstance(e, float):
            return "nan" if math.isnan(e) else e.hex()
        return e if isinstance(e, Access) else (e.op.name, *map(expression, e.args))

    def nodes(body: Sequence[Node]) -> Any:
        return [
            (n.extent, n.order, nodes(n.body))
            if isinstance(n, Loop)
            else (n.target, expression(n.expr), n.domain, n.accumulate)
            for n in body
        ]

    return (
        [(a.name, a.role, a.shape, a.dtype, a.below, None if a.data is None else _hex(a.data))
         for a in p.arrays.values()],
        nodes(p.body),
    )  # fmt: skip


def _hex(numbers: Any) -> list[str]:
    return ["nan" if math.isnan(x) else float(x).hex() for x in numbers]
