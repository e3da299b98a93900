"""Simplification, text in and text out; and that it keeps what is computed, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import jit
from micrograd.errors import CompilerError
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.passes.simplify import cse, dce, expand, fold, simplify
from micrograd.jit.target import Target

from ...checks import SPECIAL
from ...nests import MATMUL, data, gather_scatter, matmul
from ...programs import check_same_outputs

PASSES: dict[str, Callable[[Program], Program]] = {
    "fold": fold,
    "cse": cse,
    "dce": dce,
    "simplify": simplify,
    "expand": lambda p: expand(p, Target.host(strict=True)),
}


def scalars(statements: str) -> Program:
    """Statements over the inputs x and y that set outputs out[4]; the rest of out is x."""
    rest = [f"out[{k}] = x" for k in range(4) if f"out[{k}] =" not in statements]
    return parse("\n".join(["input x[1]", "input y[1]", "output out[4]", statements, *rest]))


def after(run: Callable[[Program], Program], statements: str) -> list[str]:
    """The statements that a pass makes of some."""
    return [
        str(s) for s in run(scalars(statements)).body if str(s).removeprefix("out[3] = ") != "x"
    ]


NEUTRAL = """
t0 = mul(x, 1.0)
t1 = mul(x, 0.0)
t2 = add(t0, -0.0)
out[0] = add(t1, 0.0)
out[1] = div(sub(t2, 0.0), 1.0)
out[2] = neg(pow(neg(x), 1.0))
out[3] = add(sub(0.0, y), mul(add(2.0, 3.0), 1.0))
"""
COMMON = """
t0 = mul(x, y)
t1 = mul(x, y)
t2 = mul(y, x)
out[0] = add(t0, t1)
out[1] = sub(t1, t2)
out[2] = where(gt(x, 0.0), t0, t1)
out[3] = where(1.0, x, y)
"""
ACCUMULATED = """
t0 = mul(x, y)
t1 = mul(t0, 2.0)
out[0] = t1
t0 += x
t2 = mul(t0, 2.0)
out[1] = t2
out[2] = 1.0
out[2] += y
"""
GIVEN = [{"x": [x], "y": [y]} for x in SPECIAL for y in (0.0, -0.0, 1.5, float("inf"))]


def check_on_special_numbers(before: Program, after: Program) -> None:
    for given in GIVEN:
        check_same_outputs(before, after, given)


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("text", [NEUTRAL, COMMON, ACCUMULATED], ids=["neutral", "cse", "sums"])
def test_pass_keeps_scalars(name: str, text: str) -> None:
    program = verify(scalars(text))
    before = str(program)
    check_on_special_numbers(program, PASSES[name](program))
    assert str(program) == before  # a pass gives a new program


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("make", [matmul, gather_scatter])
def test_pass_keeps_loops(name: str, make: Callable[[], Program]) -> None:
    leaves = [a for a in make().arrays.values() if a.role.value in ("input", "param")]
    wrt = [(a.name, k) for a in leaves for k in range(a.size)]
    for p in (make(), gradient(make(), ("out", 0), wrt, keep_value=True)):
        check_same_outputs(p, PASSES[name](p), data(3))


# --- text in, text out --------------------------------------------------------------------------


def test_fold_folds() -> None:
    """x * 0 stays, for x may be inf; x + 0.0, for x may be -0.0; and 0 - y is not -y."""
    assert [str(s) for s in simplify(scalars(NEUTRAL)).body] == [
        "t1 = mul(x, 0.0)",
        "out = add(t1, 0.0)",
        "out[1] = x",
        "out[2] = x",
        "out[3] = add(sub(0.0, y), 5.0)",
    ]


@pytest.mark.parametrize(
    ("expression", "folded"),
    [
        ("add(x, 0.0)", "add(x, 0.0)"),
        ("add(-0.0, x)", "x"),
        ("add(0.0, x)", "add(0.0, x)"),
        ("sub(x, -0.0)", "sub(x, -0.0)"),
        ("mul(1.0, x)", "x"),
        ("mul(0.0, x)", "mul(0.0, x)"),
        ("div(1.0, x)", "div(1.0, x)"),
        ("pow(x, 0.0)", "1.0"),
        ("pow(x, 1.0)", "x"),
        ("pow(1.0, x)", "pow(1.0, x)"),
        ("where(0.0, x, y)", "y"),
        ("where(nan, x, y)", "x"),
        ("where(y, x, x)", "x"),
        ("where(1.0, 0.0, x)", "0.0"),
        ("mul(where(0.0, x, -0.0), 2.0)", "-0.0"),
        ("gt(relu(x), 0.0)", "gt(x, 0.0)"),
        ("neg(neg(x))", "x"),
        ("add(mul(2.0, 3.0), x)", "add(6.0, x)"),
        ("div(1.0, 0.0)", "inf"),
    ],
)
def test_an_expression_is_folded(expression: str, folded: str) -> None:
    program = scalars(f"out[0] = {expression}")
    assert str(fold(program).body[0]) == f"out = {folded}"
    check_on_special_numbers(program, fold(program))


def test_copies_and_numbers_are_forwarded() -> None:
    text = "t0 = x\nt1 = 2.0\nt2 = t0\nout[0] = mul(t2, t1)\nout[1] = t1\nout[2] = t0"
    assert after(simplify, text) == ["out = mul(x, 2.0)", "out[1] = 2.0", "out[2] = x"]


def test_what_is_accumulated_into_is_not_forwarded() -> None:
    text = "t0 = 1.0\nout[0] = t0\nt0 += x\nout[1] = t0\nout[2] = x"
    assert after(simplify, text) == text.replace("out[0]", "out").split("\n")


def test_cse_shares() -> None:
    assert [str(s) for s in dce(cse(scalars(COMMON))).body] == [
        "t0 = mul(x, y)",
        "t2 = mul(y, x)",
        "out = add(t0, t0)",
        "out[1] = sub(t0, t2)",
        "out[2] = where(gt(x, 0.0), t0, t0)",
        "out[3] = where(1.0, x, y)",
    ]


def test_cse_tells_zeros_apart() -> None:
    p = scalars("t0 = mul(x, 0.0)\nt1 = mul(x, -0.0)\nout[0] = t0\nout[1] = t1")
    assert str(cse(p)) == str(p)
    check_on_special_numbers(p, cse(p))


def test_cse_does_not_look_across_an_accumulation() -> None:
    p = scalars(ACCUMULATED)
    assert str(cse(p)) == str(p)


IDLE = """
input unused[2]
temp idle[2]
temp half[2]
output out[1]
const t[2] i32 = 1 0

idle[t[i]] = 1.0  for i < 2
half[0] = 1.0
half[1] = 2.0
out = half[1]
"""


def test_dce_drops() -> None:
    """Statements, arrays and tables; elements of what is only used by elements; no input."""
    assert str(dce(parse(IDLE))) == (
        "input unused[2]\ntemp half[2]\noutput out[1]\n\nhalf[1] = 2.0\nout = half[1]"
    )
    assert str(dce(matmul())) == str(matmul())


IN_ORDER = """
input x[1]
temp a[4]
temp b[4]
temp c[4]
output out[1]

a = x
b = x
c = x
for i < 3 in order:
  a[i + 1] = b[i]
  b[i + 1] = mul(a[i], 2.0)
  c[i + 1] = a[i]
out = a[3]
"""


def test_dce_keeps_what_the_next_iteration_needs() -> None:
    p = verify(parse(IN_ORDER))
    lines = [
        line for line in IN_ORDER.strip().split("\n") if not line.startswith(("c", "temp c", "  c"))
    ]
    assert str(dce(p)) == "\n".join(lines)
    check_same_outputs(p, dce(p), {"x": [1.5]})


@pytest.mark.parametrize(
    ("expression", "strictly", "else_"),
    [
        ("relu(x)", "where(lt(x, 0.0), 0.0, x)", None),
        ("sigmoid(x)", "div(where(lt(x, 0.0), exp(x), 1.0), add(1.0, exp(neg(abs(x)))))",
         "sigmoid(x)"),
        ("softplus(relu(x))",
         "add(maximum(where(lt(x, 0.0), 0.0, x), 0.0), "
         "log1p(exp(neg(abs(where(lt(x, 0.0), 0.0, x))))))",
         "softplus(where(lt(x, 0.0), 0.0, x))"),
        ("pow(x, 3.0)", "pow(x, 3.0)", "mul(x, mul(x, x))"),
        ("pow(x, -2.0)", "pow(x, -2.0)", "mul(div(1.0, x), div(1.0, x))"),
        ("pow(x, -1.5)", "pow(x, -1.5)",
         "where(eq(x, 0.0), inf, where(eq(x, -inf), 0.0, div(div(1.0, sqrt(x)), x)))"),
        ("pow(x, 2.5)", "pow(x, 2.5)", "pow(x, 2.5)"),
        ("pow(x, 17.0)", "pow(x, 17.0)", "pow(x, 17.0)"),
        ("pow(x, y)", "pow(x, y)", "pow(x, y)"),
    ],
)  # fmt: skip
def test_expand(expression: str, strictly: str, else_: str | None) -> None:
    p = scalars(f"out[0] = {expression}")
    assert str(expand(p, Target.host(strict=True)).body[0]) == f"out = {strictly}"
    assert str(expand(p, Target.host()).body[0]) == f"out = {else_ or strictly}"


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 16, -1, -2, -7])
def test_expand_writes_small_powers_as_products(n: int) -> None:
    after = expand(scalars(f"out[0] = pow(x, {float(n)})"), Target.host())
    assert "pow" not in str(after)
    for x in (1.7, -0.3, 2.0):
        found = interpret(after, {"x": [x], "y": [0.0]})["out"][0]
        # |n| roundings of half an ulp, 1.1e-16 each
        assert found == pytest.approx(x**n, rel=abs(n) * 1.2e-16)


@pytest.mark.parametrize("n", [0.5, 1.5, -0.5, -1.5])
@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_expand_writes_powers_by_roots(n: float, real: type[np.floating[Any]]) -> None:
    """Within 2 ulp, in the dtype that code computes in; powers of what has no root are C's."""
    target = Target.host(real)
    after = expand(scalars(f"out[0] = pow(x, {n})"), target)
    assert "pow" not in str(after)
    info = np.finfo(real)
    few = [0.0, 1.0, 2.0, 3.0, math.inf, float(info.max), float(info.tiny)]
    given = [*few, *(-x for x in few), math.nan, float(info.smallest_subnormal)]
    edge = math.log(float(info.max)) * 0.99
    given += np.exp(np.random.default_rng(0).uniform(-edge, edge, 2000)).tolist()
    x = np.array(given, dtype=real)
    kernel = jit(lambda x: x**n, dtype=real)
    with np.errstate(all="ignore"):
        found = np.array([kernel(float(x)) for x in x], dtype=real)
        expected = (x.astype(np.longdouble) ** np.longdouble(n)).astype(real)
        off = np.abs(found.astype(np.longdouble) - expected.astype(np.longdouble))
        near = off <= 2.0 * np.spacing(np.abs(expected)).astype(np.longdouble)
    same = (found == expected) & (np.signbit(found) == np.signbit(expected))
    assert (near | same | (np.isnan(found) & np.isnan(expected))).all()


# --- the tests of the tests: damaged output -----------------------------------------------------


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        (NEUTRAL, "mul(x, 0.0)", "0.0"),  # x may be inf
        (NEUTRAL, "add(t1, 0.0)", "t1"),  # t1 may be -0.0
        ("out[0] = sub(0.0, y)", "sub(0.0, y)", "neg(y)"),  # y may be 0
        ("out[0] = mul(-1.0, y)", "mul(-1.0, y)", "y"),
    ],
)
def test_a_wrong_fold_is_noticed(text: str, right: str, wrong: str) -> None:
    before = scalars(text)
    folded = str(fold(before))
    check_on_special_numbers(before, parse(folded))
    assert folded.count(right) == 1
    with pytest.raises(AssertionError):
        check_on_special_numbers(before, parse(folded.replace(right, wrong)))


def test_a_cse_across_an_accumulation_is_noticed() -> None:
    wrong = ACCUMULATED.replace("t2 = mul(t0, 2.0)", "t2 = t1")
    with pytest.raises(AssertionError):
        check_on_special_numbers(scalars(ACCUMULATED), scalars(wrong))


def test_a_dropped_statement_is_noticed() -> None:
    head, sets, sums, starts, adds = MATMUL.strip().rsplit("\n", 4)
    assert str(dce(matmul())) == "\n".join([head, sets, sums, starts, adds])
    with pytest.raises(AssertionError):
        check_same_outputs(matmul(), parse("\n".join([head, sets, starts, adds])), data())
    with pytest.raises(CompilerError, match="before it is assigned"):
        check_same_outputs(matmul(), parse("\n".join([head, sets, sums, adds])), data())
