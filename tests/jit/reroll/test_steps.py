"""Repetition in time: one loop whose statements run in turn, its gradient the reversed loop."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest

from micrograd import Value, jit, relu, sin, tanh
from micrograd.errors import CompilerError
from micrograd.jit.ir.interpret import interpret, interpret_graph
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Loop, Program, Statement, statements
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.passes.simplify import simplify
from micrograd.jit.reroll.loops import looped
from micrograd.jit.reroll.reroll import reroll
from micrograd.jit.trace.trace import trace

from ...checks import central_difference
from ...regular import Traced, caught_by, floats, mutations, traced, whole

STEP = 0.01


def pendulum(steps: int) -> Callable[[list[Any]], Any]:
    """The angle after Euler steps, from the angle, the speed, and gravity over length."""

    def f(x: list[Any]) -> Any:
        angle, speed, pull = x
        for _ in range(steps):
            angle, speed = angle + STEP * speed, speed - STEP * (pull * sin(angle) + 0.1 * speed)
        return angle

    return f


START = [0.3, 0.5, 9.81]


def pendulum_by_hand(steps: int) -> tuple[float, list[float]]:
    """The angle and its derivatives, by the recurrence of the tangents."""
    a, v, g = START
    da, dv, dg = np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), np.array([0, 0, 1.0])
    for _ in range(steps):
        a, v, da, dv = (
            a + STEP * v,
            v - STEP * (g * math.sin(a) + 0.1 * v),
            da + STEP * dv,
            dv - STEP * (dg * math.sin(a) + g * math.cos(a) * da + 0.1 * dv),
        )
    return a, da.tolist()


def in_order(program: Program) -> list[Statement]:
    loops = [n for n in program.body if isinstance(n, Loop)]
    return [s for loop in loops for s in statements(loop.body)]


def check(t: Traced, *, rtol: float = 0.0) -> Program:
    """The program of a trace that repeats: interpreted it is the graph, backward `backward`."""
    p = verify(reroll(t.graph), "reroll")
    assert interpret(p, t.given)["out"].tolist() == interpret_graph(t.graph, t.given)
    g = verify(gradient(p, ("out", 0), t.wrt), "differentiate")
    found, expected = interpret(g, t.given)["grad"], t.partials()
    assert np.allclose(found, expected, rtol=rtol, atol=rtol), f"{found}\n{expected}\n{p}"
    assert any(v != 0.0 for v in expected)
    return p


# --- the pendulum -------------------------------------------------------------------------------


def test_the_size_of_the_code_does_not_depend_on_the_number_of_steps() -> None:
    """1000 and 1512 leave the same remainder to any vector; 100 has another, and small arrays, each
    in memory of its own.
    """
    statements, code = set(), {}
    for steps in (100, 1000, 1512):
        kernel = jit(pendulum(steps), dtype="f64").value_and_grad
        value, partials = kernel(START)
        expected, tangents = pendulum_by_hand(steps)
        assert value == pytest.approx(expected, rel=1e-10)
        assert partials == pytest.approx(tangents, rel=1e-9)
        shown = kernel._shown
        statements.add((len(shown.program.statements), len(shown.transformed.statements)))
        code[steps] = len(shown.native.llvm_ir.splitlines())
    assert len(statements) == 1
    assert max(statements.pop()) < 150
    assert code[1512] == code[1000]
    assert abs(code[100] - code[1000]) <= code[1000] // 5


def test_the_value_alone_is_the_same_code_for_any_number_of_steps() -> None:
    code = set()
    for steps in (1000, 1512):
        kernel = jit(pendulum(steps), dtype="f64")
        assert kernel(START) == pytest.approx(pendulum_by_hand(steps)[0], rel=1e-10)
        code.add(len(kernel._shown.native.llvm_ir.splitlines()))
    assert len(code) == 1


@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_the_pendulum_is_what_was_written(dtype: str) -> None:
    t = traced(pendulum(300), START)
    p = check(t, rtol=1e-12)
    assert {s.domain for s in in_order(p)} == {(in_order(p)[0].domain[0],)}
    assert 290 <= in_order(p)[0].domain[0] < 300
    value, partials = jit(pendulum(300), dtype=dtype).value_and_grad(START)
    rtol = 1e-11 if dtype == "f64" else 1e-4
    assert value == pytest.approx(t.outputs[0].data, rel=rtol)
    assert partials == pytest.approx(t.partials(), rel=rtol)


def test_every_step_as_an_output() -> None:
    def f(x: list[Value]) -> list[Value]:
        v, states = x[0], []
        for _ in range(60):
            v = tanh(v * x[1] + 0.5)
            states.append(v)
        return states

    t = traced(f, [0.2, 1.5])
    p = verify(looped(t.graph, "out", 1000) or Program(), "reroll")
    assert in_order(p)
    assert interpret(p, t.given)["out"].tolist() == interpret_graph(t.graph, t.given)
    assert list(jit(f, dtype="f64")([0.2, 1.5])) == pytest.approx([v.data for v in t.outputs])


def test_the_sum_of_all_states() -> None:
    def f(x: list[Any]) -> Any:
        v, total = x[0], 0.0
        for _ in range(200):
            v = v + STEP * sin(v * x[1])
            total = total + v * v
        return total

    t = traced(f, [0.7, 3.0])
    check(t, rtol=1e-11)
    value, partials = jit(f, dtype="f64").value_and_grad([0.7, 3.0])
    assert value == pytest.approx(t.outputs[0].data, rel=1e-11)
    assert partials == pytest.approx(t.partials(), rel=1e-10)


# --- other recurrences --------------------------------------------------------------------------

T = 120


def chain(x: list[Any]) -> Any:
    """Whole numbers: v <- relu(c - v) is exact."""
    v = x[0]
    for _ in range(T):
        v = relu(x[1] - v) - x[2]
    return v


def driven_by_constants(x: list[Any]) -> Any:
    v = x[0]
    for k in range(T):
        v = v - STEP * (sin(v) * x[1] - float(k * k % 17))
    return v


def driven_by_inputs(x: list[Any], y: list[Any]) -> Any:
    v = x[0]
    for k in range(T):
        v = v - STEP * (sin(v) * x[1] - y[k])
    return v


def driven_backwards(x: list[Any], y: list[Any]) -> Any:
    v = x[0]
    for k in reversed(range(T)):
        v = tanh(v * x[1] + y[k])
    return v


def every_other_input(x: list[Any], y: list[Any]) -> Any:
    v = x[0]
    for k in range(T // 2):
        v = tanh(v * x[1] + y[2 * k])
    return v


def lag(x: list[Any]) -> Any:
    """Each state from the last two: Fibonacci's rule, bent."""
    a, b = x[0], x[1]
    for _ in range(T):
        a, b = b, tanh(a * x[2] + b)
    return b


def invariant(x: list[Any]) -> Any:
    """The damping is computed once, outside."""
    damping = sin(x[1]) * x[2]
    v = x[0]
    for _ in range(T):
        v = v - STEP * damping * sin(v)
    return v


def after_the_loop(x: list[Any]) -> Any:
    v = x[0]
    for _ in range(T):
        v = sin(v) * x[1] + x[2]
    return sin(v) * v + x[0] * v


def newton(x: list[Any]) -> Any:
    """The square root of x[0]."""
    v = x[1]
    for _ in range(40):
        v = 0.5 * (v + x[0] / v)
    return v + 0.0 * x[2]


def oscillator(x: list[Any]) -> Any:
    a, b = x[0], x[1]
    for _ in range(T):
        a, b = a + STEP * b, b - STEP * (x[2] * a - a * a * a)
    return a * b


CASES: dict[str, tuple[Callable[..., Any], list[list[float]]]] = {
    "driven by constants": (driven_by_constants, [[0.3, 2.0]]),
    "driven by inputs": (driven_by_inputs, [[0.3, 2.0], floats(T)]),
    "driven backwards": (driven_backwards, [[0.3, 0.5], floats(T)]),
    "every other input": (every_other_input, [[0.3, 0.5], floats(T)]),
    "lag": (lag, [[0.3, -0.2, 1.4]]),
    "invariant": (invariant, [[0.4, 0.9, 2.0]]),
    "after the loop": (after_the_loop, [[0.4, 0.9, 0.3]]),
    "Newton": (newton, [[2.0, 5.0, 1.0]]),
    "two states": (oscillator, [[0.4, -0.3, 2.0]]),
}


@pytest.mark.parametrize("name", CASES)
def test_recurrences_are_what_was_written(name: str) -> None:
    f, numbers = CASES[name]
    t = traced(f, *numbers)
    p = check(t, rtol=1e-11)
    assert in_order(p), f"{p}"
    assert len(p.statements) < 60
    kernel = jit(f, wrt=list(inspect.signature(f).parameters), dtype="f64")
    value, partials = kernel.value_and_grad(*numbers)
    assert value == pytest.approx(t.outputs[0].data, rel=1e-11)
    found = [v for column in partials for v in column]
    assert found == pytest.approx(t.partials(), rel=1e-9, abs=1e-12)


def test_a_chain_of_whole_numbers_is_exact() -> None:
    t = traced(chain, [5.0, 7.0, 1.0])
    p = check(t)
    assert in_order(p)
    value, partials = jit(chain, dtype="f32").value_and_grad(t.given["x"])
    assert value == t.outputs[0].data
    assert partials == t.partials()


def test_inputs_that_are_driven_keep_their_stride() -> None:
    texts = str(reroll(traced(every_other_input, *CASES["every other input"][1]).graph))
    assert "y[2*i" in texts
    assert "y[-1*i" in str(reroll(traced(driven_backwards, *CASES["driven backwards"][1]).graph))


def test_live_parameters_are_seen_when_they_change() -> None:
    v0, rate = Value(0.3), Value(1.1)
    v = v0
    for _ in range(T):
        v = tanh(v * rate + 0.1)
    kernel = jit(v, wrt=[v0], dtype="f64")
    for start in (0.3, -0.8):
        expected = start
        for _ in range(T):
            expected = math.tanh(expected * 1.1 + 0.1)
        assert kernel(start) == pytest.approx(expected, rel=1e-11)
    del rate


def test_a_long_recurrence_compiles() -> None:
    """Deeper than what is analysed level by level."""

    def f(x: list[Any]) -> Any:
        v = x[0]
        for _ in range(6000):
            v = relu(v - x[1]) + x[2]
        return v

    kernel = jit(f, dtype="f64")
    numbers = [6000.0, 1.0, 0.0]
    value, partials = kernel.value_and_grad(numbers)
    t = traced(f, numbers)
    assert value == t.outputs[0].data
    assert partials == t.partials()
    assert len(kernel.value_and_grad._shown.program.statements) < 20


# --- what only looks periodic -------------------------------------------------------------------


def test_periodic_codes_with_other_operands_are_not_mistaken() -> None:
    """The same ops in the same order, but each reads a state of long ago, or of now."""

    def f(x: list[Any]) -> Any:
        random = Random(4)
        states = [x[0], x[1]]
        for _ in range(150):
            states.append(tanh(random.choice(states[-6:]) * x[2]) + states[-1])
        return states[-1]

    t = traced(f, [0.3, 0.1, 0.5])
    p = looped(t.graph, "out", 1000)
    assert p is not None
    assert interpret(verify(p), t.given)["out"].tolist() == interpret_graph(t.graph, t.given)
    p = verify(reroll(t.graph), "reroll")
    assert not in_order(p)
    assert interpret(p, t.given)["out"].tolist() == [t.outputs[0].data]


@pytest.mark.parametrize("at", [3, 40, 75, 147])
def test_one_step_that_differs(at: int) -> None:
    """In one step another operand is read: the numbers are right, whatever is done about it."""

    def f(x: list[Any]) -> Any:
        v = x[0]
        for k in range(150):
            v = tanh(v * (x[2] if k == at else x[1])) + 0.5
        return v

    t = traced(f, [0.3, 0.9, -0.5])
    check(t, rtol=1e-12)


@pytest.mark.parametrize("at", [3, 75, 147])
def test_one_step_with_another_op(at: int) -> None:
    def f(x: list[Any]) -> Any:
        v = x[0]
        for k in range(150):
            v = (sin if k == at else tanh)(v * x[1]) + 0.5
        return v

    check(traced(f, [0.3, 0.9]), rtol=1e-12)


def test_periods_of_two_steps_are_found() -> None:
    """Every other step reads another parameter: a remainder."""

    def f(x: list[Any]) -> Any:
        v = x[0]
        for k in range(T):
            v = tanh(v * x[1 + k % 2]) + 0.5
        return v

    p = check(traced(f, [0.3, 0.9, -0.4]), rtol=1e-12)
    assert in_order(p)
    assert " mod 2" in str(p)


# --- statements in turn: interpreter, verifier, gradient ----------------------------------------


FIBONACCI = """
input x[3]
temp a[7]
temp b[7]
output out[1]

a = x
b = x[1]
for i < 6 in order:
  a[i + 1] = b[i]
  b[i + 1] = add(mul(a[i], x[2]), tanh(a[i + 1]))
out = add(b[6], a[3])
"""
"""Two states, in a loop in order."""


def fibonacci() -> Program:
    return parse(FIBONACCI)


def fibonacci_by_hand(x: list[float], n: int = 6) -> float:
    a, b = [x[0]], [x[1]]
    for _ in range(n):
        a.append(b[-1])
        b.append(a[-2] * x[2] + math.tanh(a[-1]))
    return b[n] + a[n // 2]


def test_statements_in_turn_run() -> None:
    x = [0.4, -0.7, 1.3]
    assert interpret(verify(fibonacci()), {"x": x})["out"].tolist() == [fibonacci_by_hand(x)]


def _apart(loop: re.Match[str]) -> str:
    """Its statements, each with a loop of its own."""
    return re.sub("^  (.*)$", r"\1  for i < 6", loop[1], flags=re.MULTILINE)


def test_without_turns_it_is_another_program() -> None:
    """Run one after the other, the first reads what is not there yet."""
    p = parse(re.sub("for i < 6 in order:\n((?:  .*\n)*)", _apart, FIBONACCI))
    with pytest.raises(CompilerError, match="before it is assigned"):
        verify(p)
    assert math.isnan(interpret(p, {"x": [1.0, 1.0, 1.0]})["out"][0])


def test_inner_loops_run_in_each_iteration() -> None:
    """An accumulation in turn."""
    p = parse("""
        input m[3]
        temp s[5]
        output out[1]

        s = 2.0
        for i < 4 in order:
          s[i + 1] = 1.0
          s[i + 1] += mul(m[j], s[i])  for j < 3
        out = s[4]
    """)
    verify(p)
    expected = 2.0
    for _ in range(4):
        expected = 1.0 + expected * (1.0 + 2.0 - 4.0)
    assert interpret(p, {"m": [1.0, 2.0, -4.0]})["out"].tolist() == [expected]


def gradient_of(p: Program, x: list[float]) -> list[float]:
    g = verify(gradient(p, ("out", 0), [("x", k) for k in range(3)]), "differentiate")
    return interpret(g, {"x": x})["grad"].tolist()  # type: ignore[no-any-return]


def test_the_gradient_is_what_differences_say() -> None:
    x = [0.4, -0.7, 1.3]
    p = fibonacci()
    for k, found in enumerate(gradient_of(p, x)):

        def along(v: float, k: int = k) -> float:
            return float(interpret(p, {"x": [*x[:k], v, *x[k + 1 :]]})["out"][0])

        expected = central_difference(along, x[k])
        assert expected is not None
        assert found == pytest.approx(expected, rel=1e-6)


def test_the_gradient_runs_in_turn_from_the_last_step_to_the_first() -> None:
    g = str(simplify(gradient(fibonacci(), ("out", 0), [("x", k) for k in range(3)])))
    assert g.index("for i < 6 in reverse order:\n" + "\n".join(BACKWARD))


BACKWARD = [
    "  ct_b_tanh[i] = ct_b[i + 1]",
    "  ct_a[i] += mul(ct_b[i + 1], x[2])",
    "  grad[2] += mul(ct_b[i + 1], a[i])",
    "  ct_a[i + 1] += mul(ct_b_tanh[i], sub(1.0, mul(b_tanh[i], b_tanh[i])))",
    "  ct_b[i] = ct_a[i + 1]",
]


def test_two_loops_in_turn_one_behind_the_other() -> None:
    """Their gradients are two loops as well, with turns of their own."""
    p = verify(
        parse(
            FIBONACCI.replace("output", "temp c[5]\noutput").replace(
                "out = add(b[6], a[3])",
                "c = b[6]\nfor i < 4 in order:\n  c[i + 1] = mul(tanh(c[i]), a[i + 1])\nout = c[4]",
            )
        )
    )
    g = verify(gradient(p, ("out", 0), [("x", k) for k in range(3)]), "differentiate")
    orders = [n.order.name for n in g.body if isinstance(n, Loop)]
    assert orders == ["FORWARD", "FORWARD", "REVERSE", "REVERSE"]
    x = [0.4, -0.7, 1.3]
    for k, found in enumerate(interpret(g, {"x": x})["grad"].tolist()):

        def along(v: float, k: int = k) -> float:
            return float(interpret(p, {"x": [*x[:k], v, *x[k + 1 :]]})["out"][0])

        assert found == pytest.approx(central_difference(along, x[k]) or math.nan, rel=1e-6)


def test_what_is_handed_on_from_step_to_step_depends_on_what_comes_last_in_it() -> None:
    """In the text of the loop a value is read above the statement that makes it depend on x."""

    def handed(x: Any, a: Any, b: Any, c: Any) -> Any:
        for _ in range(60):
            a, b, c = tanh(b), tanh(c), x * tanh(c) + 0.1 * a
        return a

    numbers = [0.9, 0.1, 0.2, 0.3]
    leaves = [Value(v) for v in numbers]
    handed(*leaves).backward()
    kernel = jit(handed, wrt=["x"], dtype="f64")
    (found,) = kernel.grad(*numbers)
    assert "in order" in kernel.grad.stages()["program"]
    assert found == pytest.approx(float(leaves[0].grad), rel=1e-12)


# --- the test of the tests ----------------------------------------------------------------------


def test_a_wrong_loop_is_noticed() -> None:
    t = traced(CASES["two states"][0], *CASES["two states"][1])
    p = verify(reroll(t.graph), "reroll")
    g = verify(gradient(p, ("out", 0), t.wrt, keep_value=True), "differentiate")
    for program in (p, g):
        expected = interpret(program, t.given)
        tried = 0
        for what, mutant in mutations(program, t.given):
            tried += 1
            assert caught_by(mutant, t.given, expected), f"{what}\n{program}"
        assert tried >= 20


def test_it_is_deterministic() -> None:
    def text() -> str:
        leaves = [Value(v) for v in whole(3)]
        return str(reroll(trace([pendulum(60)(leaves)], {"x": leaves}, ()).graph))

    assert text() == text()
    assert "in order:" in text()
