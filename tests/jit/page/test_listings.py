"""Lines of MLIR, LLVM IR and assembly know their statements, and are what they are without that."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lowering.bindings import context
from micrograd import Tensor, Value, exp, jit, tanh
from micrograd.jit.code import Code
from micrograd.jit.emit.function import emit
from micrograd.jit.emit.native import listing
from micrograd.jit.ir.program import Apply
from micrograd.jit.page.listings import Listings, assembly_lines, listings_of, llvm_lines
from micrograd.jit.page.model import Line

_NODE = re.compile(r"!\d+")
POINTS = [(k, 2 * k + (-1) ** k) for k in range(16)]


def fitted(w: Value, b: Value) -> Value:
    return sum(((w * x + b - y) ** 2 for x, y in POINTS), Value(0.0))


def recurrence(a: Value, xs: list[Value]) -> Value:
    h = a * 0.0
    for x in xs:
        h = tanh(a * h + x)
    return h


def formula(x: Value, y: Value) -> Value:
    return exp(x * y) + tanh(x) / (1.0 + y * y)


def contraction(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b).tanh().sum()


def codes() -> dict[str, Code]:
    """Code of every kind: vector loops, nests, loops in order, straight lines, products."""
    found = {}
    for f in (fitted, formula):
        for strict in (False, True):
            kernel = jit(f, strict=strict).value_and_grad
            kernel(0.5, 0.25)
            found[f"{f.__name__}{' strict' * strict}"] = kernel._shown.code
    steps = jit(recurrence).grad
    steps(0.5, [0.1] * 40)
    found["recurrence"] = steps._shown.code
    product = jit(contraction).value_and_grad
    product(Tensor([[0.5] * 96] * 64), Tensor([[0.25] * 48] * 96))
    found["contraction"] = product._shown.code
    return found


@pytest.fixture(scope="module")
def every() -> dict[str, tuple[Code, Listings]]:
    return {name: (code, listings_of(code)) for name, code in codes().items()}


def test_lines_of_statements_change_nothing(every: dict[str, tuple[Code, Listings]]) -> None:
    for name, (code, listings) in every.items():
        with context():
            module = emit(code.schedule, code.interface, code.target, listings.origins)
            mlir = str(module)
            how = {"opt_level": code.schedule.opt_level, "passes": code.schedule.passes}
            texts = listing(module, code.target, **how)
        assert [line.text for line in listings.mlir.lines] == mlir.splitlines(), name
        ours = [_NODE.sub("!", line.text) for line in listings.llvm_ir.lines]
        plain = [_NODE.sub("!", line.text) for line in llvm_lines(texts[0], lambda line: ())]
        assert ours == plain, name
        plain = [line.text for line in assembly_lines(texts[1], lambda line: ())]
        assert [line.text for line in listings.assembly.lines] == plain, name


def test_every_statement_that_computes_is_in_every_stage(
    every: dict[str, tuple[Code, Listings]],
) -> None:
    for name, (_, listings) in every.items():
        statements = listings.origins.statements
        known = set(range(len(statements)))
        wanted = {k for k, s in enumerate(statements) if isinstance(s.expr, Apply)}
        for stage in (listings.mlir, listings.llvm_ir):
            assert wanted <= {k for line in stage.lines for k in line.statements} <= known, name
        assert {k for line in listings.assembly.lines for k in line.statements} <= known, name


def test_instructions_between_the_first_and_the_last_are_of_statements(
    every: dict[str, tuple[Code, Listings]],
) -> None:
    for name, (_, listings) in every.items():
        lines = [x for x in listings.assembly.lines if re.match(r"\t[a-z]|[\w.$]+:", x.text)]
        for block in blocks(lines):
            of_none = [k for k, x in enumerate(block) if not x.statements and x.text[0] == "\t"]
            first = next((k for k, x in enumerate(block) if x.statements), len(block))
            last = max((k for k, x in enumerate(block) if x.statements), default=0)
            assert not [k for k in of_none if first < k < last], name


def blocks(lines: list[Line]) -> Iterator[list[Line]]:
    """Basic blocks of assembly, each with its label."""
    block: list[Line] = []
    for line in lines:
        if not line.text.startswith("\t") and block:
            yield block
            block = []
        block.append(line)
    yield block
