"""Program: its printed form, its interpreter, its gradient, and the graphs that it comes from."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import Value, ops
from micrograd.errors import CompilerError
from micrograd.jit.ir.graph import Graph
from micrograd.jit.ir.graph import verify as verify_graph
from micrograd.jit.ir.interpret import interpret, interpret_graph
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Access, Apply, Part, Program, Role, entry, format_expr
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.reroll.reroll import reroll, straight_line
from micrograd.jit.trace.trace import trace

from ...checks import SPECIAL, same
from ...nests import COLUMNS, INNER, MATMUL, ROWS, data, gather_scatter, matmul
from ...programs import run_on_values

# --- printed form ------------------------------------------------------------------------------


def test_printed_form() -> None:
    assert str(matmul()).splitlines() == [
        "input a[12]",
        "param b[8]",
        "temp c[6]",
        "output out[1]",
        "",
        "c[i] = 0.0  for i < 6",
        "c[2*i + j] += mul(a[4*i + k], b[j + 2*k])  for i < 3, j < 2, k < 4",
        "out = 0.0",
        "out += tanh(c[i])  for i < 6",
    ]


def test_printed_form_of_tables() -> None:
    assert str(gather_scatter()).splitlines()[2:] == [
        "output out[4]",
        "const index[6] i32",
        "",
        "g[i] = pow(x[index[i]], 2.0)  for i < 6",
        "out[i] = 0.0  for i < 4",
        "out[index[i]] += g[i]  for i < 6",
    ]


@pytest.mark.parametrize(
    ("access", "text"),
    [
        (Access("x"), "x"),
        (Access("x", 3), "x[3]"),
        (Access("x", 0, (0, 0)), "x"),
        (Access("x", 2, (0, 0)), "x[2]"),
        (Access("x", 0, (1, 16)), "x[i + 16*j]"),
        (Access("x", 5, (-2, 0, 1)), "x[-2*i + k + 5]"),
        (Access("x", 0, (4, -1)), "x[4*i - 1*j]"),
        (entry("x", "t", 0, (1,)), "x[t[i]]"),
        (entry("x", "t", 7), "x[t[7]]"),
        (entry("x", "t", 0, (1,), -3), "x[-3*t[i]]"),
        (Access("x", 2, (0, 1), (Part("entry", "t", 1, (1, 0), 4),)), "x[4*t[i + 1] + j + 2]"),
        (Access("x", 0, (0,), (Part("mod", 3, 1, (1,)),)), "x[(i + 1) mod 3]"),
        (Access("x", -1, (0,), (Part("div", 3, 1, (1,), 2),)), "x[2*((i + 1) div 3) - 1]"),
    ],
)
def test_printed_access(access: Access, text: str) -> None:
    assert str(access) == text


@pytest.mark.parametrize("x", SPECIAL)
def test_printed_literal_reads_back(x: float) -> None:
    assert same(float(format_expr(x)), x)


def test_expressions_have_operators_and_answer_to_the_ops() -> None:
    x, y = Access("x"), Access("y")
    assert str(2.0 - x * y) == "sub(2.0, mul(x, y))"
    assert str(x.tanh() / (1.0 + abs(-y))) == "div(tanh(x), add(1.0, abs(neg(y))))"  # type: ignore[attr-defined]
    assert ops.where(ops.lt(x, 0.0), 0.0, x) == Apply(ops.where, (Apply(ops.lt, (x, 0.0)), 0.0, x))
    assert len({x * y, x * y, y * x}) == 2


# --- graphs ------------------------------------------------------------------------------------


def small_graph() -> Graph:
    x, y = Value(2.0), Value(3.0)
    return trace([ops.tanh(x * y + 1.0)], {"x": [x]}, [y]).graph


def test_graph_is_printed() -> None:
    assert str(small_graph()).splitlines() == [
        "%0 = input x[0]",
        "%1 = param p0[0]",
        "%2 = mul %0 %1",
        "%3 = const 1.0",
        "%4 = add %2 %3",
        "%5 = tanh %4",
        "return %5",
    ]


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda g: g.x.__setitem__(2, 4), "operand 0 of node %2 is 4; expected an earlier node"),
        (lambda g: g.y.__setitem__(2, 2), "operand 1 of node %2 is 2; expected an earlier node"),
        (lambda g: g.x.__setitem__(5, -1), "operand 0 of node %5 is -1; expected an earlier"),
        (lambda g: g.y.__setitem__(5, 0), "operand 1 of node %5 is 0; expected none"),
        (lambda g: g.codes.__setitem__(5, 9999), "a node has a code of no op"),
        (lambda g: g.x.__setitem__(3, 7), "a leaf reads outside its array of 1"),
        (lambda g: g.x.__setitem__(0, -1), "a leaf reads outside its array of 1"),
        (lambda g: g.outputs.append(6), "output %6 is no node of 6"),
    ],
)
def test_graph_verifier_notices(break_it: Callable[[Graph], Any], message: str) -> None:
    g = small_graph()
    verify_graph(g)
    break_it(g)
    with pytest.raises(CompilerError, match=re.escape(message)):
        verify_graph(g)


def test_graph_interpreter() -> None:
    found = interpret_graph(small_graph(), {"x": [0.5], "p0": [0.25]})
    assert found == [ops.tanh(0.5 * 0.25 + 1.0)]


# --- interpreter -------------------------------------------------------------------------------


def test_matmul_is_numpys() -> None:
    d = data()
    product = d["a"].reshape(ROWS, INNER) @ d["b"].reshape(INNER, COLUMNS)
    found = interpret(matmul(), d)["out"]
    # 1e-14: sums of four terms in another order
    assert found[0] == pytest.approx(np.tanh(product).sum(), rel=1e-14)


def given_text(text: str, **given: Any) -> list[float]:
    """What a program of one output computes."""
    (found,) = interpret(verify(parse(text)), given).values()
    return found.tolist()  # type: ignore[no-any-return]


def test_transposed_access() -> None:
    a = np.arange(12.0)
    text = "input a[12]\noutput out[12]\n\nout[i + 3*j] = a[4*i + j]  for i < 3, j < 4"
    assert given_text(text, a=a) == a.reshape(3, 4).T.reshape(-1).tolist()


def test_negative_stride_reverses() -> None:
    text = "input a[4]\noutput out[4]\n\nout[i] = a[-1*i + 3]  for i < 4"
    assert given_text(text, a=[1, 2, 3, 4]) == [4, 3, 2, 1]


def test_gather_and_scatter_add_are_numpys() -> None:
    x = data()["x"]
    index = gather_scatter().arrays["index"].data
    expected = np.zeros(4)
    np.add.at(expected, index, [ops.pow(float(v), 2.0) for v in x[index]])
    assert interpret(gather_scatter(), {"x": x})["out"].tolist() == expected.tolist()


def test_constants_and_literals() -> None:
    text = "const k[3] = 1.0 2.0 -0.0\noutput out[3]\n\nout[i] = mul(k[i], -2.0)  for i < 3"
    assert given_text(text) == [-2.0, -4.0, 0.0]


def test_an_element_never_written_reads_as_nan() -> None:
    p = parse("temp t[2]\noutput out[1]\n\nt = 1.0\nout = t[1]")
    assert np.isnan(interpret(p, {})["out"][0])


# --- gradient ----------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [matmul, gather_scatter])
def test_gradient_against_central_differences(make: Callable[[], Program]) -> None:
    p, d = make(), data(1)
    given = {a.name: d[a.name] for a in p.with_role(Role.INPUT, Role.PARAMETER)}
    output = next(a for a in p.with_role(Role.OUTPUT))
    wrt = [(name, k) for name, values in given.items() for k in range(len(values))]
    for element in range(output.size):
        g = verify(gradient(p, ("out", element), wrt), "differentiate")
        found = interpret(g, given)["grad"]
        for (name, k), partial in zip(wrt, found, strict=True):
            h = 1e-5
            ends = []
            for step in (h, -h):
                moved = {n: v.copy() for n, v in given.items()}
                moved[name][k] += step
                ends.append(interpret(p, moved)["out"][element])
            # central differences: h**2 = 1e-10 times a third derivative of order 1, and
            # cancellation of 1e-16 / h = 1e-11
            assert partial == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("make", [matmul, gather_scatter])
def test_gradient_is_the_eager_one(make: Callable[[], Program]) -> None:
    p, d = make(), data(2)
    given = {a.name: d[a.name] for a in p.with_role(Role.INPUT, Role.PARAMETER)}
    values = {name: [Value(float(x)) for x in xs] for name, xs in given.items()}
    for a in p.arrays.values():
        if a.role is Role.PARAMETER:
            a.role = Role.INPUT
    run_on_values(p, values)["out"][0].backward()
    for name, leaves in values.items():
        g = gradient(p, ("out", 0), [(name, k) for k in range(len(leaves))])
        # 1e-14: the loop nest may add the terms of a cotangent in another order
        assert interpret(verify(g), given)["grad"].tolist() == pytest.approx(
            [v.grad for v in leaves], rel=1e-14
        )


def test_gradient_of_what_is_not_reached() -> None:
    p = parse(f"input unused[2]{MATMUL}")
    given = data() | {"unused": np.zeros(2)}
    g = verify(gradient(p, ("out", 0), [("unused", 1), None, ("b", 0)]))
    found = interpret(g, given)["grad"]
    assert found[:2].tolist() == [0.0, 0.0]
    assert found[2] != 0.0
    nothing = verify(gradient(p, ("out", 0), []))
    assert interpret(nothing, given)["grad"].size == 0


def test_gradient_keeps_the_value_if_asked() -> None:
    p, d = matmul(), data()
    both = interpret(verify(gradient(p, ("out", 0), [("b", 0)], keep_value=True)), d)
    assert both["out"] == interpret(p, d)["out"]
    assert set(both) == {"out", "grad"}
    assert set(interpret(gradient(p, ("out", 0), [("b", 0)]), d)) == {"grad"}


def test_gradient_leaves_the_program_as_it_was() -> None:
    p = matmul()
    before = str(p)
    gradient(p, ("out", 0), [("b", 0)], keep_value=True)
    assert str(p) == before


# --- graph to program --------------------------------------------------------------------------


def test_straight_line_has_one_statement_per_op() -> None:
    p = verify(straight_line(small_graph()))
    assert [str(s) for s in p.body] == [
        "t2 = mul(x, p0)",
        "t4 = add(t2, 1.0)",
        "t5 = tanh(t4)",
        "out = t5",
    ]


def test_a_matrix_product_in_scalar_code_becomes_loops() -> None:
    """The one idea: 2 * 24 * 20 * 16 scalar operations, a handful of statements."""
    w = [[Value(float(i - j)) for j in range(20)] for i in range(16)]
    xs = [[Value(float(i * j % 7)) for j in range(20)] for i in range(24)]
    out: list[Any] = [
        sum(wi * xi for wi, xi in zip(row, x, strict=True)).relu()  # type: ignore[union-attr]
        for x in xs
        for row in w
    ]
    flat = [v for x in xs for v in x]
    found = trace([sum(out)], {"x": flat}, [v for row in w for v in row])
    assert len(found.graph) > 15_000
    p = verify(reroll(found.graph), "reroll")
    assert len(p.body) < 20
    assert any(s.accumulate and len(s.domain) == 3 for s in p.statements)
    given = {"x": [v.data for v in flat], "p0": [v.data for row in w for v in row]}
    # whole numbers: every order of summation is exact
    assert interpret(p, given)["out"].tolist() == interpret_graph(found.graph, given)
