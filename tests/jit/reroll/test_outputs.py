"""Many results that are the same, or lie in a row: loops, whatever their number."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lowering.bindings import context
from micrograd import jit
from micrograd.jit.emit.function import Interface, emit
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.program import Access, Program, Role
from micrograd.jit.ir.verify import verify
from micrograd.jit.reroll.outputs import FEW, write_outputs
from micrograd.jit.schedule.schedule import WHOLE_OPS, schedule
from micrograd.jit.target import Target

from ...checks import all_same

SIZES = [1, 2, FEW - 1, FEW, FEW + 1, 33, 2000, 2001, 5000]


def copies(values: list[Any]) -> Program:
    program = Program()
    program.declare("x", Role.INPUT, 6000)
    program.declare("y", Role.INPUT, 6000)
    program.declare("out", Role.OUTPUT, len(values))
    write_outputs(program, "out", values)
    return verify(program, "outputs")


def numbers(program: Program) -> tuple[list[float], list[float]]:
    """What the program gives, and the inputs."""
    x, y = np.arange(6000.0), -1.0 - np.arange(6000.0)
    return interpret(program, {"x": x, "y": y})["out"].tolist(), [*x, *y]


SHUFFLED = random.Random(0).sample(range(6000), 6000)
PATTERNS: dict[str, Callable[[int], Any]] = {
    "the same": lambda k: Access("x", 3),
    "in a row": lambda k: Access("x", k),
    "backwards": lambda k: Access("y", 5999 - k),
    "by turns": lambda k: Access("xy"[k % 2], 7),
    "by turns, in a row": lambda k: Access("xy"[k % 2], k),
    "in no order": lambda k: Access("x", SHUFFLED[k]),
    "a few in no order": lambda k: Access("x", SHUFFLED[k] % 5),
    "a number": lambda k: 2.5,
    "numbers": lambda k: float(k),
    "zeros": lambda k: (0.0, -0.0)[k % 2],
    "some of all": lambda k: [0.0, Access("x", k), -0.0, Access("y", 2)][k // 40 % 4],
}


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_value_arrives(pattern: str, n: int) -> None:
    values = [PATTERNS[pattern](k) for k in range(n)]
    found, given = numbers(copies(values))
    expected = [
        v if isinstance(v, float) else given[v.offset + 6000 * (v.array == "y")] for v in values
    ]
    assert all_same(found, expected)


@pytest.mark.parametrize("pattern", ["the same", "in a row", "by turns", "in no order", "zeros"])
def test_code_does_not_grow_with_their_number(pattern: str) -> None:
    few, many = (len(copies([PATTERNS[pattern](k) for k in range(n)]).body) for n in (100, 5000))
    assert few == many <= 3


FUNCTIONS: dict[str, Callable[[Any, int], Any]] = {
    "an argument": lambda x, n: [x] * n,
    "a value": lambda x, n: [x * x + 1.0] * n,
    "an array": lambda x, n: np.array([x * x] * n),
    "two values": lambda x, n: [x, x * 3.0] * (n // 2),
    "and numbers": lambda x, n: [x + 1.0] + [2.0] * n,
}


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("n", [16, 18, 1000, 2000, 2002, 30_000])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_kernels_give_copies(name: str, n: int, strict: bool) -> None:
    function = FUNCTIONS[name]
    kernel = jit(lambda x: function(x, n), dtype="f64", strict=strict)
    assert list(kernel(1.5)) == list(function(1.5, n))
    assert len(kernel._shown.transformed.statements) < 40


@pytest.mark.parametrize("n", [18, 300])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_copies_have_derivatives(name: str, n: int) -> None:
    function = FUNCTIONS[name]
    kernel = jit(lambda x: function(x, n), dtype="f64")
    slopes = [(v - u) / 2.0 for v, u in zip(function(2.5, n), function(0.5, n), strict=True)]
    # of polynomials of the second degree in x, the difference around 1.5 is the derivative
    assert list(kernel.jacobian(1.5)) == slopes
    _, tangent = kernel.jvp(1.5, 1.0)
    assert list(tangent) == slopes
    weights = [1.0 / (k + 1) for k in range(len(slopes))]
    _, total = kernel.vjp(1.5, weights)
    assert total == pytest.approx(np.dot(weights, slopes), rel=1e-13)


def test_code_that_is_cut_up_needs_no_workspace() -> None:
    program = Program()
    program.declare("x", Role.INPUT)
    program.declare("out", Role.OUTPUT, WHOLE_OPS + 1)
    for k in range(WHOLE_OPS + 1):
        program.assign(Access("out", k), Access("x"))
    plan = schedule(program, Target.host())
    assert len(plan.functions) > 1
    assert not plan.workspace
    with context():
        text = str(emit(plan, Interface(frozenset({"x"}), None), Target.host()))
    assert "@part1" in text
