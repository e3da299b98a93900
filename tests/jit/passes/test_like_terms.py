"""Combining like terms changes the order of sums and nothing else."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from micrograd import Value, jit, ops
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.program import Apply, Program
from micrograd.jit.passes import like_terms as combining
from micrograd.jit.passes.like_terms import Sum, combine
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.passes.simplify import simplify
from micrograd.jit.reroll.reroll import reroll, straight_line
from micrograd.jit.trace.trace import trace
from micrograd.ops import OPS

from ...nests import matmul
from ...programs import Scalars, check_same_outputs, scalars
from ...test_random_programs import bounded

SUMS = [OPS[name] for name in ("add", "sub", "neg", "add", "mul", "relu", "abs", "maximum")]
LITERALS = st.sampled_from([1.0, 2.0, 3.0, -1.0, -2.0, 0.0, -0.0, 0.5])
SPECIAL = st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, 3.0, -5.0, math.inf, -math.inf, math.nan])
BIG = 2.0**24


def program_of(scalar: Scalars) -> Program:
    leaves = [Value(x) for x in scalar.leaves]
    return straight_line(trace(scalar.run(leaves), {"x": leaves}, ()).graph)


@bounded(400)
@given(scalars(st.one_of(LITERALS, SPECIAL), SUMS, outputs=2, size=14))
def test_exact_numbers_stay_bit_for_bit(scalar: Scalars) -> None:
    program = program_of(scalar)
    wrt = [("x", k) for k in range(len(scalar.leaves))]
    for p in (program, gradient(program, ("out", 1), wrt, keep_value=True)):
        outputs = interpret(p, {"x": scalar.leaves})["out"].tolist()
        assume(all(not math.isfinite(v) or abs(v) < BIG for v in outputs))
        check_same_outputs(p, simplify(combine(simplify(p))), {"x": scalar.leaves})


def combined(function: Any, n: int = 2) -> list[str]:
    leaves = [Value(1.0, label=name) for name in "abcd"[:n]]
    graph = trace([function(*leaves)], {v.label: [v] for v in leaves}, ()).graph
    return [str(s) for s in simplify(combine(simplify(straight_line(graph)))).body]


def test_like_terms_become_one() -> None:
    def f(a: Any, b: Any) -> Any:
        c = a * b
        d = c + c + 1.0
        return d + (1.0 + d)

    assert any("add(3.0, mul(4.0, " in line for line in combined(f)), combined(f)


def test_terms_of_two_signs_stay() -> None:
    def f(a: Any, b: Any) -> Any:
        return 4.0 * a - a + b

    program = "\n".join(combined(f))
    assert "mul(4.0, a)" in program
    assert math.isnan(jit(f, dtype="f64")(math.inf, 1.0))  # inf - inf


def test_coefficients_that_are_not_exact_stay() -> None:
    program = "\n".join(combined(lambda a, b: 0.1 * a + 0.2 * a + b))
    assert "mul(0.1, a)" in program
    assert "mul(0.2, a)" in program


def test_a_sum_is_opened_only_where_that_is_shorter() -> None:
    lines = combined(lambda a, b: ops.tanh(a + b) * (a + b), 2)
    assert sum("add(" in line for line in lines) == 1


def test_loops_are_left_alone() -> None:
    p = matmul()
    assert combine(p) is p
    graph = trace([Value(1.0) + 2.0], {}, ()).graph
    assert combine(reroll(graph)).body


def test_a_long_chain_needs_no_stack() -> None:
    a = Value(1.0)
    x = a * a
    for k in range(3000):
        x = (x + ops.relu(x)) if k % 2 else (x + a)
    graph = trace([x], {"a": [a]}, ()).graph
    p = straight_line(graph)
    check_same_outputs(p, combine(p), {"a": [2.0**-1000]})


def test_strict_kernels_are_not_combined() -> None:
    def f(a: Any) -> Any:
        return a + a + a + 0.1

    assert "mul(3.0, a)" in jit(f).stages()["simplified"]
    assert "mul(3.0, a)" not in jit(f, strict=True, dtype="f64").stages()["simplified"]


def test_a_wrong_sign_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the tests: -(a + b) is not -a - b, whose zero has another sign."""

    def negated(self: Sum) -> Sum:
        return Sum(
            {(x, not minus): c for (x, minus), c in self.terms.items()},
            None if self.constant is None else -self.constant,
        )

    monkeypatch.setattr(combining.Sum, "negated", negated)

    @bounded(400)
    @given(scalars(SPECIAL, SUMS, outputs=2, size=8))
    def check(scalar: Scalars) -> None:
        p = program_of(scalar)
        check_same_outputs(p, combine(p), {"x": scalar.leaves})

    with pytest.raises(AssertionError):
        check()


def test_an_expression_is_one_operation_per_term() -> None:
    a, b = (Apply(ops.neg, (float(k),)) for k in range(2))
    total = Sum({(a, False): 2.0, (b, True): 3.0}, 5.0).expression()
    assert str(total) == "sub(add(5.0, mul(2.0, neg(0.0))), mul(3.0, neg(1.0)))"
