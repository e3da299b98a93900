"""A network written in scalars, whose loops are found, and in Tensors: the same statements, but for
names and for what has no meaning: in which order factors stand, loops that could be one, a copy of
the result, and that Python's `sum` starts with 0.0, which is no neutral element as -0.0 is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, jit
from micrograd.jit.ir.program import Access, Apply, Expr, Program, Statement, map_accesses

RNG = np.random.default_rng(1)
SHAPES = [(100, 2), (100,), (16, 2), (16, 16), (1, 16)]
ARGUMENTS = [RNG.normal(size=s) for s in SHAPES]

KINDS = [Apply, Access, float]
"""In the order in which they are put as factors."""


def of_scalars(x: list[Any], y: list[Any], w1: list[Any], w2: list[Any], w3: list[Any]) -> Any:
    losses = []
    for point, side in zip(x, y, strict=True):
        first = [sum(a * b for a, b in zip(point, row, strict=True)).relu() for row in w1]
        second = [sum(a * b for a, b in zip(first, row, strict=True)).relu() for row in w2]
        score = sum(a * b for a, b in zip(second, w3[0], strict=True))
        losses.append((1.0 - side * score).relu())
    return sum(losses) * (1.0 / len(y))


def of_tensors(x: Tensor, y: Tensor, w1: Tensor, w2: Tensor, w3: Tensor) -> Tensor:
    scores = ((x @ w1.T).relu() @ w2.T).relu() @ w3.T
    return (1.0 - y * scores[:, 0]).relu().sum() * (1.0 / 100)


def plain(program: Program) -> list[str]:
    """The statements without what has no meaning; arrays by the numbers of their first mention."""
    names: dict[str, str] = {}
    copies = {
        s.expr.array: s.target
        for s in program.statements
        if isinstance(s.expr, Access) and s.target.array == "out" and s.domain == ()
    }

    def named(a: Access) -> Access:
        a = copies.get(a.array, a)
        return a.of(names.setdefault(a.array, f"a{len(names)}"))

    def ordered(e: Expr) -> Expr:
        if isinstance(e, Apply):
            arguments = [ordered(x) for x in e.args]
            if e.op.commutative:
                arguments.sort(key=lambda x: (KINDS.index(type(x)), getattr(x, "strides", ())))
            return Apply(e.op, tuple(arguments))
        return e if isinstance(e, Access) else e + 0.0

    lines = []
    for s in program.statements:
        if isinstance(s.expr, Access) and s.expr.array in copies:
            continue
        s = joined(s)
        target = named(s.target)
        expr = map_accesses(ordered(s.expr), named)
        lines.append(str(Statement(target, expr, s.domain, s.accumulate)))
    return lines


def joined(s: Statement) -> Statement:
    """The statement with neighbouring loops as one, where all accesses are affine in one."""
    for k in range(len(s.domain) - 1):
        n = s.domain[k + 1]
        if all(a.strides[k] == a.strides[k + 1] * n for a in s.accesses):

            def one(a: Access, k: int = k) -> Access:
                return a.with_strides(lambda by: (*by[:k], *by[k + 1 :]))

            domain = (*s.domain[:k], s.domain[k] * n, *s.domain[k + 2 :])
            target = one(s.target)
            return joined(Statement(target, map_accesses(s.expr, one), domain, s.accumulate))
    return s


def test_a_network_of_tensors_is_the_program_of_its_scalars() -> None:
    tensors, scalars = jit(of_tensors), jit(of_scalars)
    found = tensors(*(Tensor(a, "f64") for a in ARGUMENTS))
    expected = scalars(*(a.tolist() for a in ARGUMENTS))
    assert found.item() == pytest.approx(expected, rel=1e-14)
    statements = plain(tensors._latest.code.program)
    assert statements == plain(scalars._latest.program)
    assert len(statements) == 10
    assert (
        "a4[16*i + j] += mul(a5[16*j + k], a3[16*i + k])  for i < 100, j < 16, k < 16" in statements
    )
