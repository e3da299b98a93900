"""Reverse mode on trees of loops: as text, against Values, and where nothing flows."""

from __future__ import annotations

import math
from random import Random
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

from micrograd.errors import CompilerError
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import GIVEN, Order, Program, Role
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes import reverse
from micrograd.jit.passes.forward import jacobian
from micrograd.jit.passes.reverse import gradient
from micrograd.ops import maximum

from ...checks import all_same
from ...on_values import run_on_values
from .reversals import CASES

BEGIN = "ct_out = 1.0\n"


def read(text: str) -> Program:
    return verify(parse(text))


def leaves(program: Program) -> list[tuple[str, int]]:
    """Every number that a program is given."""
    given = [a for a in program.with_role(*GIVEN) if not a.is_index]
    return [(a.name, k) for a in given for k in range(a.size)]


def drawn(program: Program, random: Random) -> dict[str, Any]:
    """Numbers, entries and extents for a program."""
    given: dict[str, Any] = {}
    for a in program.with_role(*GIVEN, Role.EXTENT):
        if a.role is Role.EXTENT:
            given[a.name] = random.randrange(a.size + 1)
        elif a.is_index:
            given[a.name] = [random.randrange(a.below) for _ in range(a.size)]
        else:
            given[a.name] = [random.uniform(-1.5, 1.5) for _ in range(a.size)]
    return given


def partials(program: Program, given: Any, **how: Any) -> list[float]:
    """The gradient by everything that is given, as the differentiated program has it."""
    g = verify(gradient(program, ("out", 0), leaves(program), **how), "reverse")
    return interpret(g, given)["grad"].tolist()  # type: ignore[no-any-return]


def on_values(program: Program, given: Any) -> list[float]:
    """The same as `Value.backward` has it."""
    return run_on_values(program, given).gradient(("out", 0), leaves(program))


@pytest.mark.parametrize("kind", CASES)
def test_the_reversed_program_as_text(kind: str) -> None:
    text, expected = (dedent(part).strip() for part in CASES[kind])
    p = read(text)
    g = verify(gradient(p, ("out", 0), leaves(p)), "reverse")
    found = str(g).split("\n\n", 1)[1]
    assert expected in (found, found[found.index(BEGIN) + len(BEGIN) :])


@pytest.mark.parametrize("kind", CASES)
def test_it_computes_what_values_do(kind: str) -> None:
    p = read(CASES[kind][0])
    for seed in range(5):
        given = drawn(p, Random(f"{kind} {seed}"))
        expected = on_values(p, given)
        np.testing.assert_allclose(partials(p, given), expected, rtol=1e-13, atol=1e-14)
        g = gradient(p, ("out", 0), leaves(p), keep_value=True)
        assert interpret(g, given)["out"].tolist() == interpret(p, given)["out"].tolist()


def test_a_loop_that_is_not_turned_round_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the test."""
    p = read(CASES["recurrence"][0])
    given = drawn(p, Random(0))
    monkeypatch.setattr(reverse, "OPPOSITE", {order: order for order in Order})
    g = gradient(p, ("out", 0), leaves(p))
    assert not np.allclose(interpret(g, given)["grad"], on_values(p, given), equal_nan=True)
    with pytest.raises(CompilerError, match="too early"):
        verify(g)


# --- order of sums ------------------------------------------------------------------------------


def test_sums_in_loops_have_the_order_of_backward() -> None:
    """The last iteration comes first, so every bit is that of `Value.backward`."""
    p = read("""
        input x[9]
        input w[1]
        temp h[10]
        output out[1]

        h[0] = tanh(w[0])
        for i < 9 in order:
          h[i + 1] = add(mul(h[i], x[i]), mul(w[0], tanh(mul(h[i], w[0]))))
        out[0] = h[9]
    """)
    for seed in range(20):
        given = drawn(p, Random(seed))
        assert all_same(partials(p, given), on_values(p, given))


# --- where nothing flows ------------------------------------------------------------------------


def test_iterations_behind_the_last_that_is_read_do_not_matter() -> None:
    """log'(0) is infinite, and 0 * inf is nan; but nothing flows through the last iterations."""
    p = read("""
        input x[4]
        temp h[5]
        output out[1]

        h[0] = 1.0
        for i < 4 in order:
          h[i + 1] = mul(h[i], log(x[i]))
        out[0] = h[2]
    """)
    given = {"x": [2.0, 3.0, 0.0, math.nan]}
    expected = [math.log(3.0) / 2.0, math.log(2.0) / 3.0, 0.0, 0.0]
    assert partials(p, given) == pytest.approx(expected, rel=1e-15)
    places = np.indices((1, 4)).reshape(2, -1)
    f = verify(jacobian(p, leaves(p), "out", "m", places), "forward")
    assert interpret(f, given)["m"].tolist() == pytest.approx(expected, rel=1e-15)


def test_the_side_that_data_does_not_choose_does_not_matter() -> None:
    """Not even further up: where the mask is 0, no derivative of the logarithm is taken."""
    p = read("""
        input x[2]
        const mask[2] = 1.0 0.0
        temp y[2]
        output out[1]

        y[i] = log(x[i])  for i < 2
        out[0] = 0.0
        out[0] += where(mask[i], y[i], 1.0)  for i < 2
    """)
    assert partials(p, {"x": [2.0, 0.0]}) == [0.5, 0.0]


# --- reductions ---------------------------------------------------------------------------------


def reduced(sign: str, start: str) -> Program:
    return read(f"""
        input x[4]
        output out[1]

        out[0] = {start}
        out[0] {sign}= x[i]  for i < 4
    """)


@pytest.mark.parametrize(
    ("sign", "start", "x", "expected"),
    [
        ("max", "-inf", [1.0, 3.0, 3.0, 3.0], [0.0, 0.25, 0.25, 0.5]),
        ("max", "3.0", [1.0, 3.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0]),
        ("min", "inf", [1.0, 3.0, 1.0, 7.0], [0.5, 0.0, 0.5, 0.0]),
        ("*", "1.0", [0.0, 2.0, 5.0, 3.0], [30.0, 0.0, 0.0, 0.0]),
        ("*", "1.0", [0.0, 2.0, 0.0, 3.0], [0.0, 0.0, 0.0, 0.0]),
        ("*", "2.0", [1.0, math.inf, 0.0, 3.0], [math.nan, 0.0, math.inf, math.nan]),
    ],
)
def test_ties_and_zeros_are_those_of_a_chain(
    sign: str, start: str, x: list[float], expected: list[float]
) -> None:
    p = reduced(sign, start)
    found = partials(p, {"x": x})
    assert np.array_equal(found, expected, equal_nan=True)
    assert np.array_equal(found, on_values(p, {"x": x}), equal_nan=True)


def test_a_start_value_that_something_is_added_to_is_not_taken_for_its_result() -> None:
    """The rule of relu asks for its result, which `a` is no more when all is done."""
    p = read("""
        input x[2]
        temp a[1]
        output out[1]

        a[0] = relu(x[0])
        a[0] += x[1]
        out[0] = mul(a[0], a[0])
    """)
    assert partials(p, {"x": [-1.0, 3.0]}) == [0.0, 6.0]


def test_a_sum_that_is_read_on_the_way() -> None:
    """What reads it reads the partial result, in the derivative as well."""
    p = read("""
        input x[3]
        temp s[1]
        output out[1]

        out[0] = 0.0
        s[0] = 0.0
        for i < 3 in order:
          s[0] += x[i]
          out[0] += mul(s[0], s[0])
    """)
    assert partials(p, {"x": [1.0, 2.0, 4.0]}) == [2.0 * (1 + 3 + 7), 2.0 * (3 + 7), 2.0 * 7]


@pytest.mark.parametrize("read", ["detach(m[i])", "where(lt(m[i], 2.0), 2.0, 3.0)"])
def test_what_derivatives_do_not_go_through_stays_as_it_was(read: str) -> None:
    """The maximum of a softmax: no partial result of it is kept."""
    p = read_softmax(read)
    g = gradient(p, ("out", 0), leaves(p))
    assert [s.target.array for s in g.statements if s.accumulate is maximum] == ["m"]
    assert not any("steps" in name for name in g.arrays)
    given = {"x": [1.0, 3.0, 3.0, -2.0, 0.5, 4.0]}
    assert np.allclose(partials(p, given), on_values(p, given), rtol=1e-14)
    through = gradient(read_softmax("m[i]"), ("out", 0), leaves(p))
    assert "m_steps" in through.arrays


def read_softmax(top: str) -> Program:
    return read(f"""
        input x[6]
        temp m[2]
        temp e[2, 3]
        temp s[2]
        temp r[2]
        output out[1]

        m[i] = x[3*i]  for i < 2
        m[i] max= x[3*i + j + 1]  for i < 2, j < 2
        e[i, j] = exp(sub(x[3*i + j], {top}))  for i < 2, j < 3
        s[i] = 0.0  for i < 2
        s[i] += e[i, j]  for i < 2, j < 3
        r[i] = add(log(s[i]), detach(m[i]))  for i < 2
        out = 0.0
        out += mul(r[i], r[i])  for i < 2
    """)


def test_what_is_not_known_is_refused() -> None:
    p = read("""
        input x[3]
        input at[3] i64 < 2
        temp m[2]
        output out[1]

        m[i] = 0.0  for i < 2
        m[at[i]] max= x[i]  for i < 3
        out[0] = m[0]
    """)
    with pytest.raises(CompilerError, match=r"which elements of m .*`s\[i \+ 1\] = maximum"):
        gradient(p, ("out", 0), leaves(p))
    # of a value alone, nothing is asked
    assert interpret(p, {"x": [1.0, 5.0, 2.0], "at": [1, 0, 1]})["out"].tolist() == [5.0]


def test_a_loop_without_iterations_sends_nothing_on() -> None:
    """Not even where it would, had it some: that is known only when the code runs."""
    program = parse(
        dedent("""\
        input x[4]
        input at[4] i64 < 3
        temp t[3]
        output out[1]

        t[i] = x[i]  for i < 3
        for i < 0 in order:
          t[at[j]] += mul(x[3], x[j])  for j < 4
        out = 0.0
        out += t[i]  for i < 3
        """)
    )
    found = gradient(program, ("out", 0), [("x", k) for k in range(4)])
    given = {"x": np.arange(4.0), "at": np.array([0, 1, 2, 0])}
    assert interpret(verify(found), given)["grad"].tolist() == [1.0, 1.0, 1.0, 0.0]


def test_state_that_is_rewritten_is_refused() -> None:
    p = read("""
        state w[2]
        input x[2]
        output out[1]

        out[0] = 0.0
        out[0] += mul(w[i], x[i])  for i < 2
        w[i] = sub(w[i], x[i])  for i < 2
    """)
    for wrt in (("w", 0), ("x", 0)):  # by x, too: the derivative is w as it was
        with pytest.raises(CompilerError, match="state w is rewritten"):
            gradient(p, ("out", 0), [wrt])


def test_cotangents_do_not_take_the_names_of_arrays() -> None:
    p = read("""
        input x[2]
        temp ct_x[2]
        output out[1]

        ct_x[i] = mul(x[i], x[i])  for i < 2
        out[0] = 0.0
        out[0] += mul(ct_x[i], x[0])  for i < 2
    """)
    assert partials(p, {"x": [2.0, 3.0]}) == [3.0 * 4.0 + 9.0, 2.0 * 3.0 * 2.0]
    g = verify(gradient(p, ("out", 0), [("x", 1), ("x", 0)]), "reverse")
    assert interpret(g, {"x": [2.0, 3.0]})["grad"].tolist() == [12.0, 21.0]


def test_cotangents_of_as_many_as_there_are_begin_with_as_many_zeros() -> None:
    p = verify(
        parse(
            """
            extent n <= 40
            input x[40, 2]
            input w[2, 3]
            temp a[40, 2]
            temp y[40]
            temp total[1]
            output out[1]

            a[i, j] = sin(x[i, j])  for i < n, j < 2
            y[i] = 0.0  for i < n
            y[i] += mul(a[i, j], w[j, k])  for i < n, j < 2, k < 3
            total = 0.0
            total += y[i]  for i < n
            out = total
            """
        )
    )
    g = verify(gradient(p, ("out", 0), [("x", 0)]), "differentiate")
    assert "ct_a[i, j] = -0.0  for i < n, j < 2" in str(g)


def test_zeros_of_cotangents_do_not_depend_on_the_names_of_arrays() -> None:
    text = """
        extent n <= 8
        input x[8, 4]
        temp NAME[8, 4]
        temp y[8]
        output out[1]

        NAME[i, j] = 0.0  for i < n, j < 4
        NAME[i, j] += mul(x[i, j], x[k, j])  for i < n, j < 4, k < i + 1
        y[i] = 0.0  for i < n
        y[i] += mul(NAME[i, j], NAME[i, k])  for i < n, j < 4, k < 4
        out = 0.0
        out += y[i]  for i < n
        """
    names = [f"t{k}" for k in range(16)]
    found = set()
    for name in names:
        p = verify(parse(text.replace("NAME", name)))
        g = verify(gradient(p, ("out", 0), [("x", 0)]), "differentiate")
        found.add(str(g).replace(name, "NAME"))
    assert len(found) == 1
