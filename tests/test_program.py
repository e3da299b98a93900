"""Program: its printed form, its verifier, its interpreter, and passes over hand-written loops."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from micrograd import Value, ops
from micrograd.errors import CompilerError
from micrograd.jit import simplify as simplifying
from micrograd.jit.differentiate import gradient
from micrograd.jit.graph import Graph
from micrograd.jit.graph import verify as verify_graph
from micrograd.jit.interpret import interpret, interpret_graph, reads_own_target
from micrograd.jit.program import Access, Apply, Program, Role, Statement, format_expr
from micrograd.jit.reroll import reroll, straight_line
from micrograd.jit.simplify import cse, dce, expand, fold, simplify
from micrograd.jit.trace import trace
from micrograd.jit.verify import verify

from .checks import SPECIAL, same
from .programs import check_same_outputs, run_on_values, statement

ROWS, INNER, COLUMNS = 3, 4, 2


def matmul() -> Program:
    """c[3, 2] = a[3, 4] @ b[4, 2], and out = the sum of tanh over c."""
    p = Program()
    p.declare("a", Role.INPUT, ROWS * INNER)
    p.declare("b", Role.PARAMETER, INNER * COLUMNS)
    p.declare("c", Role.TEMPORARY, ROWS * COLUMNS)
    p.declare("out", Role.OUTPUT)
    p.assign(Access("c", 0, (1,)), 0.0, (ROWS * COLUMNS,))
    product = ops.mul(Access("a", 0, (INNER, 0, 1)), Access("b", 0, (0, 1, COLUMNS)))
    p.assign(Access("c", 0, (COLUMNS, 1, 0)), product, (ROWS, COLUMNS, INNER), accumulate=True)
    p.assign(Access("out"), 0.0)
    p.assign(
        Access("out", 0, (0,)), ops.tanh(Access("c", 0, (1,))), (ROWS * COLUMNS,), accumulate=True
    )
    return p


def gather_scatter() -> Program:
    """g[k] = x[index[k]] ** 2; h[index[k]] += g[k]: both directions of an index table."""
    p = Program()
    p.declare("x", Role.INPUT, 4)
    p.declare("g", Role.TEMPORARY, 6)
    p.declare("out", Role.OUTPUT, 4)
    p.tables["index"] = np.array([3, 1, 1, 0, 3, 3])
    p.assign(Access("g", 0, (1,)), Access("x", 0, (1,), "index") ** 2.0, (6,))
    p.assign(Access("out", 0, (1,)), 0.0, (4,))
    p.assign(Access("out", 0, (1,), "index"), Access("g", 0, (1,)), (6,), accumulate=True)
    return p


def data(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"a": rng.normal(size=12), "b": rng.normal(size=8), "x": rng.normal(size=4)}


# --- printed form ---------------------------------------------------------------------------


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
        "table index[6]",
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
        (Access("x", 0, (1,), "t"), "x[t[i]]"),
        (Access("x", 7, (), "t"), "x[t[7]]"),
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


# --- verifier -------------------------------------------------------------------------------


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


def recurrence(offset: int) -> Program:
    """out[0] = x; out[i + 1] = 2 out[i + offset]: good for offset 0 only."""
    p = Program()
    p.declare("x", Role.INPUT)
    p.declare("out", Role.OUTPUT, 5)
    p.assign(Access("out"), Access("x"))
    p.assign(Access("out", 1, (1,)), Access("out", offset, (1,)) * 2.0, (4,))
    return p


def test_recurrence_is_verified_point_by_point() -> None:
    p = verify(recurrence(0))
    assert reads_own_target(p.body[1])
    assert interpret(p, {"x": [3.0]})["out"].tolist() == [3.0, 6.0, 12.0, 24.0, 48.0]
    with pytest.raises(CompilerError, match=r"out\[1\] is read before it is assigned"):
        verify(recurrence(1))
    with pytest.raises(CompilerError, match="a recurrence cannot be reversed here"):
        gradient(p, ("out", 4), [("x", 0)])


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


# --- graphs ---------------------------------------------------------------------------------


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


# --- interpreter ----------------------------------------------------------------------------


def test_matmul_is_numpys() -> None:
    d = data()
    product = d["a"].reshape(ROWS, INNER) @ d["b"].reshape(INNER, COLUMNS)
    found = interpret(matmul(), d)["out"]
    # 1e-14: sums of four terms in another order
    assert found[0] == pytest.approx(np.tanh(product).sum(), rel=1e-14)


def test_transposed_access() -> None:
    p = Program()
    p.declare("a", Role.INPUT, 12)
    p.declare("out", Role.OUTPUT, 12)
    p.assign(Access("out", 0, (1, 3)), Access("a", 0, (4, 1)), (3, 4))
    a = np.arange(12.0)
    assert interpret(verify(p), {"a": a})["out"].tolist() == a.reshape(3, 4).T.reshape(-1).tolist()


def test_negative_stride_reverses() -> None:
    p = Program()
    p.declare("a", Role.INPUT, 4)
    p.declare("out", Role.OUTPUT, 4)
    p.assign(Access("out", 0, (1,)), Access("a", 3, (-1,)), (4,))
    assert interpret(verify(p), {"a": [1, 2, 3, 4]})["out"].tolist() == [4, 3, 2, 1]


def test_gather_and_scatter_add_are_numpys() -> None:
    x = data()["x"]
    index = gather_scatter().tables["index"]
    expected = np.zeros(4)
    np.add.at(expected, index, [ops.pow(float(v), 2.0) for v in x[index]])
    assert interpret(gather_scatter(), {"x": x})["out"].tolist() == expected.tolist()


def test_constants_and_literals() -> None:
    p = Program()
    p.declare("k", Role.CONSTANT, 3, np.array([1.0, 2.0, -0.0]))
    p.declare("out", Role.OUTPUT, 3)
    p.assign(Access("out", 0, (1,)), Access("k", 0, (1,)) * -2.0, (3,))
    assert interpret(verify(p), {})["out"].tolist() == [-2.0, -4.0, 0.0]


def test_an_element_never_written_reads_as_nan() -> None:
    p = Program()
    p.declare("t", Role.TEMPORARY)
    p.declare("out", Role.OUTPUT)
    p.assign(Access("out"), Access("t"))
    assert np.isnan(interpret(p, {})["out"][0])


# --- gradient -------------------------------------------------------------------------------


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
    p = matmul()
    p.declare("unused", Role.INPUT, 2)
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


# --- passes ---------------------------------------------------------------------------------

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
    for s in expand(p, exact=False).body:
        stack = [s.expr]
        while stack:
            e = stack.pop()
            if isinstance(e, Apply):
                assert e.op.expand is None
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


# --- graph to program -----------------------------------------------------------------------


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
    assert any(s.accumulate and len(s.domain) == 3 for s in p.body)
    given = {"x": [v.data for v in flat], "p0": [v.data for row in w for v in row]}
    # whole numbers: every order of summation is exact
    assert interpret(p, given)["out"].tolist() == interpret_graph(found.graph, given)
