"""Passes over programs keep what is computed, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from micrograd import ops
from micrograd.errors import CompilerError
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.program import Access, Apply, Program, Role, Statement
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes import simplify as simplifying
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.passes.simplify import cse, dce, expand, fold, simplify

from ...checks import SPECIAL
from ...nests import data, gather_scatter, matmul
from ...programs import check_same_outputs, statement

# --- passes ------------------------------------------------------------------------------------

PASSES: dict[str, Callable[[Program], Program]] = {
    "fold": fold,
    "cse": cse,
    "dce": dce,
    "simplify": simplify,
    "expand": lambda p: expand(p, exact=True),
}


def scalar_program(*statements: Statement) -> Program:
    """Statements over inputs x and y, temporaries t0.. and outputs out[4]; the rest of out is x."""
    p = Program()
    p.declare("x", Role.INPUT)
    p.declare("y", Role.INPUT)
    for k in range(6):
        p.declare(f"t{k}", Role.TEMPORARY)
    p.declare("out", Role.OUTPUT, 4)
    p.body += statements
    used = {s.target.offset for s in statements if s.target.array == "out"}
    for k in set(range(4)) - used:
        p.assign(Access("out", k), Access("x"))
    return p


X, Y, T0, T1, T2 = (Access(n) for n in ("x", "y", "t0", "t1", "t2"))
OUT = [Access("out", k) for k in range(4)]

NEUTRAL = scalar_program(
    statement(T0, X * 1.0),
    statement(T1, X * 0.0),
    statement(T2, ops.add(T0, -0.0)),
    statement(OUT[0], ops.add(T1, 0.0)),
    statement(OUT[1], ops.sub(T2, 0.0) / 1.0),
    statement(OUT[2], -((-X) ** 1.0)),
    statement(OUT[3], ops.sub(0.0, Y) + ops.mul(ops.add(2.0, 3.0), 1.0)),
)
COMMON = scalar_program(
    statement(T0, X * Y),
    statement(T1, X * Y),
    statement(T2, Y * X),
    statement(OUT[0], T0 + T1),
    statement(OUT[1], T1 - T2),
    statement(OUT[2], ops.where(ops.gt(X, 0.0), T0, T1)),
    statement(OUT[3], ops.where(1.0, X, Y)),
)
ACCUMULATED = scalar_program(
    statement(T0, X * Y),
    statement(T1, T0 * 2.0),
    statement(OUT[0], T1),
    statement(T0, X, accumulate=True),
    statement(T2, T0 * 2.0),
    statement(OUT[1], T2),
    statement(OUT[2], 1.0),
    statement(OUT[2], Y, accumulate=True),
)
GIVEN = [{"x": [x], "y": [y]} for x in SPECIAL for y in (0.0, -0.0, 1.5, float("inf"))]


def check_on_special_numbers(before: Program, after: Program) -> None:
    for given in GIVEN:
        check_same_outputs(before, after, given)


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("program", [NEUTRAL, COMMON, ACCUMULATED], ids=["neutral", "cse", "sums"])
def test_pass_keeps_scalars(name: str, program: Program) -> None:
    verify(program)
    before = str(program)
    check_on_special_numbers(program, PASSES[name](program))
    assert str(program) == before  # a pass gives a new program


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("make", [matmul, gather_scatter])
def test_pass_keeps_loops(name: str, make: Callable[[], Program]) -> None:
    wrt = [(a.name, k) for a in make().with_role(Role.INPUT, Role.PARAMETER) for k in range(a.size)]
    for p in (make(), gradient(make(), ("out", 0), wrt, keep_value=True)):
        check_same_outputs(p, PASSES[name](p), data(3))


def test_fold_folds() -> None:
    after = simplify(NEUTRAL)
    texts = [str(s) for s in after.body]
    assert "out[2] = neg(neg(x))" not in texts
    assert any("sub(0.0, y)" in t for t in texts)  # 0 - y is not -y: 0 - 0 is 0
    assert not any("1.0)" in t for t in texts)
    assert any("mul(x, 0.0)" in t for t in texts)  # x * 0 is not 0: x may be inf


def test_cse_shares() -> None:
    after = dce(cse(COMMON))
    assert sum("mul(x, y)" in str(s) for s in after.body) == 1


def test_cse_tells_zeros_apart() -> None:
    p = scalar_program(
        statement(T0, X * 0.0),
        statement(T1, X * -0.0),
        statement(OUT[0], T0),
        statement(OUT[1], T1),
    )
    check_on_special_numbers(p, cse(p))


def test_dce_drops() -> None:
    p = matmul()
    p.declare("idle", Role.TEMPORARY, 2)
    p.tables["t"] = np.arange(2)
    p.assign(Access("idle", 0, (1,), "t"), 1.0, (2,))
    after = dce(p)
    assert len(after.body) == 4
    assert "idle" not in after.arrays
    assert "t" not in after.tables
    assert set(after.arrays) >= {"a", "b", "c", "out"}  # the signature stays


def test_expand_leaves_ops_with_an_emission() -> None:
    p = scalar_program(statement(OUT[0], ops.softplus(ops.sigmoid(X.relu()))))  # type: ignore[attr-defined]
    for exact, s in [(e, s) for e in (True, False) for s in expand(p, exact=e).body]:
        stack = [s.expr]
        while stack:
            e = stack.pop()
            if isinstance(e, Apply):
                assert e.op.expand is None or (e.op.whole and not exact)
                stack.extend(e.args)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 16, -1, -2, -7])
def test_expand_writes_small_powers_as_products(n: int) -> None:
    p = scalar_program(statement(OUT[0], X ** float(n)))
    after = expand(p, exact=False)
    assert "pow" not in str(after)
    assert "pow" in str(expand(p, exact=True)) or n == 1
    for x in (1.7, -0.3, 2.0):
        found = interpret(after, {"x": [x], "y": [0.0]})["out"][0]
        # |n| roundings of half an ulp, 1.1e-16 each
        assert found == pytest.approx(x**n, rel=abs(n) * 1.2e-16)


def absorbing(op: ops.Op, args: tuple[Any, ...]) -> Any:
    """A wrong rewrite: x * 0 is 0."""
    return Apply(ops.sub, (1.0, 1.0)) if op is ops.mul and args[1] == 0.0 else None


def plain_zero(op: ops.Op, args: tuple[Any, ...]) -> Any:
    """A wrong rewrite: x + 0 is x, but -0.0 + 0.0 is 0.0."""
    return args[0] if op is ops.add and args[1] == 0.0 else None


@pytest.mark.parametrize("wrong", [absorbing, plain_zero])
def test_a_wrong_fold_is_noticed(wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the test."""
    monkeypatch.setattr(simplifying, "_neutral", wrong)
    after = fold(NEUTRAL)
    with pytest.raises(AssertionError):
        check_on_special_numbers(NEUTRAL, after)


def test_a_cse_across_an_accumulation_is_noticed() -> None:
    p = deepcopy(ACCUMULATED)
    p.body[4] = statement(T2, T1 * 1.0)  # as if t0 were still what it was
    with pytest.raises(AssertionError):
        check_on_special_numbers(ACCUMULATED, p)


def test_a_dropped_statement_is_noticed() -> None:
    p = matmul()
    shorter = Program(p.arrays, p.tables, p.body[:1] + p.body[2:])
    with pytest.raises(AssertionError):
        check_same_outputs(p, shorter, data())
    unset = Program(p.arrays, p.tables, p.body[:2] + p.body[3:])
    with pytest.raises(CompilerError, match="before it is assigned"):
        check_same_outputs(p, unset, data())
