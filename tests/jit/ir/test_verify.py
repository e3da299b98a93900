"""The verifier, tested by breaking each of its rules."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from micrograd import ops
from micrograd.errors import CompilerError
from micrograd.jit.ir.interpret import interpret, is_recurrence
from micrograd.jit.ir.program import Access, Apply, Program, Role, Statement
from micrograd.jit.ir.verify import verify

from ...nests import gather_scatter, matmul

# --- verifier ----------------------------------------------------------------------------------


def test_well_formed_programs_pass() -> None:
    for make in (matmul, gather_scatter):
        p = make()
        assert verify(p) is p


def at(p: Program, k: int, **changes: Any) -> None:
    for name, value in changes.items():
        setattr(p.body[k], name, value)


BROKEN: dict[str, tuple[Callable[[Program], Any], str, int]] = {
    "undeclared array": (
        lambda p: at(p, 1, expr=Access("nowhere", 0, (0, 0, 1))),
        "array nowhere is not declared", 1),
    "undeclared target": (
        lambda p: at(p, 0, target=Access("nowhere", 0, (1,))),
        "array nowhere is not declared", 0),
    "undeclared table": (
        lambda p: at(p, 1, expr=Access("a", 0, (4, 0, 1), "t")), "table t is not declared", 1),
    "rank": (
        lambda p: at(p, 1, expr=Access("a", 0, (4, 1))), "has 2 strides for 3 loops", 1),
    "rank of the target": (
        lambda p: at(p, 0, target=Access("c")), "c has 0 strides for 1 loops", 0),
    "above bounds": (
        lambda p: at(p, 1, expr=Access("a", 1, (4, 0, 1))),
        "reaches from 1 to 12, outside 0..11", 1),
    "below bounds": (
        lambda p: at(p, 1, expr=Access("a", 0, (4, -1, 0))), "reaches from -1 to 8, outside", 1),
    "target out of bounds": (
        lambda p: at(p, 0, domain=(7,)), "reaches from 0 to 6, outside 0..5", 0),
    "position outside the table": (
        lambda p: (p.tables.update(t=np.arange(2)), at(p, 3, expr=Access("c", 0, (1,), "t"))),
        "reaches from 0 to 5, outside 0..1", 3),
    "entry outside the array": (
        lambda p: (p.tables.update(t=np.full(6, 6)), at(p, 3, expr=Access("c", 0, (1,), "t"))),
        "reaches outside 0..5 through its table", 3),
    "negative entry": (
        lambda p: (p.tables.update(t=np.full(6, -1)), at(p, 3, expr=Access("c", 0, (1,), "t"))),
        "reaches outside 0..5 through its table", 3),
    "arity": (
        lambda p: at(p, 3, expr=Apply(ops.tanh, (1.0, 2.0))), "tanh takes 1 operands, has 2", 3),
    "arity inside": (
        lambda p: at(p, 3, expr=ops.neg(Apply(ops.add, (Access("c", 0, (1,)),)))),
        "add takes 2 operands, has 1", 3),
    "literal": (
        lambda p: at(p, 3, expr=Apply(ops.tanh, (1,))),
        "1 is no expression; literals are floats", 3),
    "trip count": (
        lambda p: at(p, 0, domain=(0,)), r"a trip count of (0,) is below 1", 0),
    "writes an input": (
        lambda p: at(p, 0, target=Access("a", 0, (1,))), "a is read-only", 0),
    "writes a parameter": (
        lambda p: at(p, 0, target=Access("b", 0, (1,))), "b is read-only", 0),
    "writes a constant": (
        lambda p: (p.declare("k", Role.CONSTANT, 6, np.ones(6)),
                   at(p, 0, target=Access("k", 0, (1,)))), "k is read-only", 0),
    "assigned twice": (
        lambda p: p.body.insert(1, deepcopy(p.body[0])), "c[0] is assigned twice", 1),
    "read before it is assigned": (
        lambda p: p.body.insert(0, Statement(Access("out"), Access("c", 5))),
        "c[5] is read before it is assigned", 0),
    "partly read before it is assigned": (
        lambda p: (p.body.pop(1), at(p, 0, domain=(5,))), "c[5] is read before it is assigned", 2),
    "accumulates before it is assigned": (
        lambda p: p.body.pop(0), "c[0] is accumulated into before it is assigned", 0),
    "partly assigned": (
        lambda p: at(p, 0, domain=(5,)), "c[5] is accumulated into before it is assigned", 1),
    "`=` that reduces": (
        lambda p: at(p, 3, accumulate=False), "`=` writes one element more than once", 3),
}  # fmt: skip


@pytest.mark.parametrize("rule", BROKEN)
def test_verifier_notices(rule: str) -> None:
    break_it, message, number = BROKEN[rule]
    p = matmul()
    break_it(p)
    with pytest.raises(CompilerError) as caught:
        verify(p, "sabotage")
    text = str(caught.value)
    assert message in text
    assert f"program after sabotage, statement {number}: " in text  # the pass, and where
    assert f"\n> {p.body[number]}" in text  # the statement, marked


def test_verifier_notices_an_output_that_is_not_set() -> None:
    p = matmul()
    p.declare("more", Role.OUTPUT, 2)
    p.assign(Access("more", 0), 1.0)
    with pytest.raises(CompilerError, match=r"output element more\[1\] is never set"):
        verify(p)


@pytest.mark.parametrize("numbers", [None, np.ones(3)])
def test_verifier_notices_a_constant_without_its_numbers(numbers: Any) -> None:
    p = matmul()
    p.declare("k", Role.CONSTANT, 2, numbers)
    with pytest.raises(CompilerError, match="constant k does not have 2 numbers"):
        verify(p)


def recurrence(offset: int, turn: int = 1) -> Program:
    """out[0] = x; out[i + 1] = 2 out[i + offset], in turn: good for offset 0 only."""
    p = Program()
    p.declare("x", Role.INPUT)
    p.declare("out", Role.OUTPUT, 5)
    p.assign(Access("out"), Access("x"))
    step = Access("out", offset, (1,)) * 2.0
    p.body.append(Statement(Access("out", 1, (1,)), step, (4,), turn=turn))
    return p


def test_recurrence_is_verified_iteration_by_iteration() -> None:
    p = verify(recurrence(0))
    assert is_recurrence(p.body[1], p)
    assert interpret(p, {"x": [3.0]})["out"].tolist() == [3.0, 6.0, 12.0, 24.0, 48.0]
    with pytest.raises(CompilerError, match=r"out\[1\] is read too early"):
        verify(recurrence(1))
    with pytest.raises(CompilerError, match="reads elements of out that it writes"):
        verify(recurrence(0, turn=0))


def test_error_shows_the_neighbourhood_only() -> None:
    p = Program()
    p.declare("x", Role.INPUT)
    p.declare("out", Role.OUTPUT, 100)
    for k in range(100):
        p.assign(Access("out", k), Access("x"))
    p.body[50] = Statement(Access("out", 50), Access("x", 1))
    with pytest.raises(CompilerError) as caught:
        verify(p, "sabotage")
    assert len(str(caught.value).splitlines()) <= 6
