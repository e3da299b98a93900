"""Combining like terms changes the order of sums and nothing else."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from micrograd import Value, jit, ops
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Apply, Program
from micrograd.jit.ir.verify import verify
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
NUMBERS = [0.0, -0.0, 1.0, -1.0, 2.0, 3.0, -5.0, math.inf, -math.inf, math.nan]
SPECIAL = st.sampled_from(NUMBERS)
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


HEAD = "input a[1]\ninput b[1]\noutput out[1]\n"


def combined(statements: str) -> str:
    """Statements over the inputs a and b that set out, combined."""
    return "\n".join(map(str, combine(verify(parse(HEAD + statements))).body))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("out = add(a, add(a, a))", "out_0 = mul(3.0, a)"),
        ("out = add(a, a)\nout += a", "out_1 = mul(3.0, a)"),
        ("out = sub(mul(2.0, neg(a)), a)", "out_0 = mul(-3.0, a)"),
        ("out = add(div(a, 4.0), div(a, 2.0))", "out_0 = mul(0.75, a)"),
        ("c = mul(a, b)\nd = add(add(c, c), 1.0)\nout = add(d, add(1.0, d))",
         "c = mul(a, b)\nout_0 = add(3.0, mul(4.0, c))"),
        # for a may be inf
        ("out = add(sub(mul(4.0, a), a), b)", "out_0 = sub(add(b, mul(4.0, a)), a)"),
        ("out = sub(a, sub(b, a))", "out_0 = sub(a, sub(b, a))"),
        # coefficients that are not exact
        ("out = add(add(mul(0.1, a), mul(0.2, a)), b)",
         "out_0 = add(add(mul(0.1, a), mul(0.2, a)), b)"),
        ("out = add(div(a, 3.0), div(a, 3.0))", "out_0 = mul(2.0, div(a, 3.0))"),
        # a sum is opened only where that is shorter
        ("t = add(a, b)\nout = mul(tanh(t), t)", "t = add(a, b)\nout_0 = mul(tanh(t), t)"),
        # for a + b may be 0
        ("t = add(a, b)\nout = neg(t)", "t = add(a, b)\nout_0 = neg(t)"),
    ],
)  # fmt: skip
def test_like_terms_become_one(before: str, after: str) -> None:
    assert combined(before) == f"{after}\nout = out_{'1' if 'out_1' in after else '0'}"


def test_infinities_of_two_signs_are_no_number() -> None:
    assert math.isnan(jit(lambda a, b: 4.0 * a - a + b, dtype="f64")(math.inf, 1.0))


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


@pytest.mark.parametrize(
    ("before", "right", "wrong"),
    [
        ("t = add(a, b)\nout = neg(t)", "neg(t)", "sub(neg(a), b)"),  # a zero of another sign
        ("out = sub(a, sub(b, a))", "sub(a, sub(b, a))", "sub(mul(2.0, a), b)"),  # inf - inf
        ("out = add(sub(mul(4.0, a), a), b)", "sub(add(b, mul(4.0, a)), a)", "add(b, mul(3.0, a))"),
        ("out = add(a, add(a, a))", "mul(3.0, a)", "mul(2.0, a)"),
    ],
)
def test_a_wrong_sum_is_noticed(before: str, right: str, wrong: str) -> None:
    """The test of the tests: the output, damaged."""
    program, after = parse(HEAD + before), combined(before)
    assert after.count(right) == 1

    def check(text: str) -> None:
        for a in NUMBERS:
            for b in NUMBERS:
                check_same_outputs(program, parse(HEAD + text), {"a": [a], "b": [b]})

    check(after)
    with pytest.raises(AssertionError):
        check(after.replace(right, wrong))


def test_an_expression_is_one_operation_per_term() -> None:
    a, b = (Apply(ops.neg, (float(k),)) for k in range(2))
    total = Sum({(a, False): 2.0, (b, True): 3.0}, 5.0).expression()
    assert str(total) == "sub(add(5.0, mul(2.0, neg(0.0))), mul(3.0, neg(1.0)))"
