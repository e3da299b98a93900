"""Random programs: eager, interpreted and compiled agree, and no pass changes what is computed.

Strict float64 is compared with `==`. Elsewhere the tolerance is a bound on the rounding errors
that is computed along with the program, or nothing at all, where the numbers are whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, note, settings
from hypothesis import strategies as st

from micrograd import Value, jit
from micrograd.engine import install_operators
from micrograd.jit.ir.graph import verify as verify_graph
from micrograd.jit.ir.interpret import interpret, interpret_graph
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program, Role, dump
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.passes.simplify import cse, dce, expand, fold, simplify
from micrograd.jit.reroll.reroll import reroll, straight_line
from micrograd.jit.target import Target
from micrograd.jit.trace.trace import trace
from micrograd.ops import OPS, Op

from .checks import all_same, same
from .programs import WHOLE, Scalars, check_same_outputs, loops, run_on_values, scalars

PASSES: list[Callable[[Program], Program]] = [
    fold,
    cse,
    dce,
    simplify,
    lambda p: expand(p, Target.host(strict=True)),
    lambda p: simplify(expand(simplify(p), Target.host(strict=True))),
]


def bounded(n: int) -> Any:
    """Hypothesis settings: n examples, always the same."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(
        max_examples=n, derandomize=True, deadline=None, database=None, suppress_health_check=slow
    )


def eager(program: Scalars) -> tuple[list[Value], list[Value]]:
    """The leaves and the outputs of a program run on Values."""
    leaves = [Value(x) for x in program.leaves]
    return leaves, program.run(leaves)


def eager_gradient(leaves: Sequence[Value], output: Value) -> list[float]:
    output.backward()
    return [float(v.grad) for v in leaves]


# --- strict float64: equal ------------------------------------------------------------------


@bounded(150)
@given(scalars(outputs=2))
def test_eager_is_interpreted(program: Scalars) -> None:
    leaves, outputs = eager(program)
    expected = [v.data for v in outputs]
    assert all_same([float(x) for x in program.run(program.leaves)], expected)
    graph = trace(outputs, {"x": leaves}, ()).graph
    verify_graph(graph)
    assert all_same(interpret_graph(graph, {"x": program.leaves}), expected)
    p = verify(straight_line(graph), "reroll")
    assert all_same(interpret(p, {"x": program.leaves})["out"].tolist(), expected)


@bounded(150)
@given(scalars())
def test_gradient_program_is_backward(program: Scalars) -> None:
    leaves, (output,) = eager(program)
    graph = trace([output], {"x": leaves}, ()).graph
    wrt = [("x", k) for k in range(len(leaves))]
    expected = eager_gradient(leaves, output)
    for target, alike in ((None, numbers_equal), (Target.host(strict=True), all_same)):
        p = verify(gradient(straight_line(graph), ("out", 0), wrt, target=target), "differentiate")
        found = interpret(p, {"x": program.leaves})["grad"].tolist()
        assert alike(found, expected)


def numbers_equal(xs: Sequence[float], ys: Sequence[float]) -> bool:
    """`==`, but nan equals nan: a gradient of 0 is of either sign where it need not be exact."""
    return len(xs) == len(ys) and all(
        x == y or (math.isnan(x) and math.isnan(y)) for x, y in zip(xs, ys, strict=True)
    )


@bounded(120)
@given(scalars())
def test_strict_compiled_is_eager(program: Scalars) -> None:
    leaves, (output,) = eager(program)
    kernel = jit(lambda v: program.run(v)[0], dtype="f64", strict=True)
    value, partials = kernel.value_and_grad(program.leaves)
    assert same(value, output.data)
    assert all_same(partials, eager_gradient(leaves, output))


@bounded(40)
@given(scalars(outputs=3), st.lists(st.floats(-3, 3), min_size=4, max_size=4))
def test_strict_compiled_is_eager_on_other_numbers_and_rows(
    program: Scalars, more: list[float]
) -> None:
    def f(v: list[Any]) -> Any:
        return program.run(v)

    kernel = jit(f, dtype="f64", strict=True)
    rows = [program.leaves, more[: len(program.leaves)]]
    expected = [[float(x) for x in program.run(row)] for row in rows]
    assert all_same(kernel(rows[1]), expected[1])
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    mapped = kernel(columns)
    for k in range(3):
        assert all_same(mapped[k].tolist(), [row[k] for row in expected])


# --- passes ---------------------------------------------------------------------------------


@bounded(100)
@given(scalars(outputs=2))
def test_passes_keep_scalar_programs(program: Scalars) -> None:
    check_passes(program)


NEUTRAL = [OPS[name] for name in ("add", "sub", "mul", "div")]


ZEROS = scalars(st.sampled_from([-0.0, 0.0, 1.0, math.inf]), NEUTRAL, outputs=8, size=8)


@bounded(150)
@given(ZEROS)
def test_passes_keep_zeros_and_infinities(program: Scalars) -> None:
    """The operands that are neutral to an op, or nearly so."""
    check_passes(program)


def check_passes(program: Scalars, passes: Sequence[Callable[[Program], Program]] = PASSES) -> None:
    leaves, outputs = eager(program)
    p = straight_line(trace(outputs, {"x": leaves}, ()).graph)
    wrt = [("x", k) for k in range(len(leaves))]
    for q in (p, gradient(p, ("out", 1), wrt, keep_value=True)):
        for run in passes:
            check_same_outputs(q, run(q), {"x": program.leaves})


@bounded(80)
@given(loops(), st.integers(0, 2**32))
def test_passes_keep_loops(program: Program, seed: int) -> None:
    random = Random(seed)
    numbers = [0.0, -0.0, math.inf, math.nan, 1.0, -2.5, 0.1, 1e300]
    values = {n: [random.choice(numbers) for _ in range(12)] for n in ("x", "y")}
    wrt = [(n, k) for n in values for k in range(12)]
    for q in (program, gradient(program, ("out", 0), wrt, keep_value=True)):
        for run in PASSES:
            check_same_outputs(verify(q), run(q), values)


def test_a_wrong_pass_is_noticed() -> None:
    """The test of the test: with x + 0 folded to x, the sign of a zero goes wrong somewhere."""

    def wrong(p: Program) -> Program:
        return parse(re.sub(r"add\(([\w\[\]]+), 0\.0\)", r"\1", dump(fold(p))))

    @settings(parent=bounded(150), phases=[Phase.generate])
    @given(ZEROS)
    def check(program: Scalars) -> None:
        check_passes(program, [wrong])

    with pytest.raises(AssertionError):
        check()


def test_a_wrong_rule_is_noticed() -> None:
    """The test of the test: a rule changed after compilation makes eager and compiled differ."""
    sin = OPS["sin"]
    x = Value(0.5)
    kernel = jit(sin(x), wrt=[x], dtype="f64", strict=True)
    partials = kernel.grad(0.5)
    right = sin.vjp
    object.__setattr__(sin, "vjp", (lambda ct, out, x: ct * out,))
    try:
        assert not numbers_equal(partials, eager_gradient([x], sin(x)))
    finally:
        object.__setattr__(sin, "vjp", right)


# --- loops: whole numbers are exact in any order ---------------------------------------------


def whole(seed: int) -> dict[str, list[float]]:
    """Inputs -2..2: products of a few of them and sums of hundreds stay exact in float64."""
    random = Random(seed)
    return {n: [float(random.randint(-2, 2)) for _ in range(12)] for n in ("x", "y")}


@bounded(120)
@given(loops(), st.integers(0, 2**32))
def test_loops_are_what_values_compute(program: Program, seed: int) -> None:
    note(str(program))
    numbers = whole(seed)
    values = {n: [Value(x) for x in xs] for n, xs in numbers.items()}
    (output,) = run_on_values(program, values)["out"]
    assert interpret(program, numbers)["out"].tolist() == [output.data]
    output.backward()
    for name, leaves in values.items():
        g = verify(gradient(program, ("out", 0), [(name, k) for k in range(12)]), "differentiate")
        assert interpret(g, numbers)["grad"].tolist() == [v.grad for v in leaves]
        some = [(name, 7), None, (name, 2), (name, 7)]
        g = verify(gradient(program, ("out", 0), some), "differentiate")
        expected = [leaves[7].grad, 0.0, leaves[2].grad, leaves[7].grad]
        assert interpret(g, numbers)["grad"].tolist() == expected


@bounded(80)
@given(loops(), st.integers(0, 2**32))
def test_loops_traced_and_compiled_are_what_values_compute(program: Program, seed: int) -> None:
    """Unrolled by tracing, rerolled, scheduled, emitted, run."""
    note(str(program))
    numbers = whole(seed)

    def f(x: list[Any], y: list[Any]) -> Any:
        return run_on_values(program, {"x": x, "y": y})["out"][0] + 0.0 * x[0]

    values = [[Value(x) for x in xs] for xs in numbers.values()]
    output = f(*values)
    output.backward()
    kernel = jit(f, dtype="f64")
    value, partials = kernel.value_and_grad(*numbers.values())
    assert value == output.data
    assert kernel(*numbers.values()) == output.data
    assert list(partials) == [[v.grad for v in leaves] for leaves in values]
    assert jit(f, dtype="f32")(*numbers.values()) == float(np.float32(output.data))


@st.composite
def patterns(draw: st.DrawFn) -> tuple[Callable[..., Any], list[float]]:
    """Scalar code that repeats: layers of dot products, stencils, maps, with breaks in them."""
    n = draw(st.integers(3, 9))
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["dense", "stencil", "map", "reverse", "drop", "bend", "pairs"]),
                st.integers(1, 6),
                st.sampled_from([op for op in WHOLE if op.arity == 1]),
            ),
            min_size=1,
            max_size=3,
        )
    )
    numbers = draw(
        st.lists(st.sampled_from([-1.0, 0.0, 1.0, 2.0]), min_size=n + 12, max_size=n + 12)
    )

    def f(v: Sequence[Any]) -> Any:
        row, weights = list(v[:n]), list(v[n:])
        for kind, k, op in steps:
            if kind == "dense":
                row = [
                    sum((weights[(i + 2 * j) % 12] * x for j, x in enumerate(row)), weights[i])
                    for i in range(k + 1)
                ]
            elif kind == "stencil":
                row = [
                    a * weights[0] + b - 2.0 * c
                    for a, b, c in zip(row, row[1:], row[2:], strict=False)
                ]
                row = row or [weights[1]]
            elif kind == "map":
                row = [op(x + float(i % k)) for i, x in enumerate(row)]
            elif kind == "reverse":
                row = [x - y for x, y in zip(row, row[::-1], strict=True)]
            elif kind == "drop":
                row = [x * float(k) for i, x in enumerate(row) if i % (k + 1) or i == 0]
            elif kind == "bend":
                row = [op(x) if i == k else x + x for i, x in enumerate(row)]
            else:
                row = [x * y for i, x in enumerate(row) for y in row[i : i + 2]]
        return sum(row, 0.0 * v[0])

    return f, numbers


@bounded(120)
@given(patterns())
def test_scalar_code_that_repeats(drawn: tuple[Callable[..., Any], list[float]]) -> None:
    f, numbers = drawn
    leaves = [Value(x) for x in numbers]
    output = f(leaves)
    output.backward()
    # beyond 2**53 whole numbers are not exact any more
    assume(abs(output.data) < 2**40 and all(abs(v.grad) < 2**40 for v in leaves))
    graph = trace([output], {"v": leaves}, ()).graph
    p = verify(reroll(graph), "reroll")
    assert interpret(p, {"v": numbers})["out"].tolist() == [output.data]
    value, partials = jit(f, dtype="f64").value_and_grad(numbers)
    assert value == output.data
    assert partials == [v.grad for v in leaves]


# --- default mode: within a bound on rounding errors -----------------------------------------

SMOOTH = [OPS[name] for name in ("add", "sub", "mul", "neg", "tanh", "sigmoid", "sin", "cos")]
"""Ops whose slope is at most 1 in each operand, or the other operand (mul)."""


class Bounded:
    """A number, what the sizes of its terms add up to, and a bound on the error of computing it.

    To first order in u, half an ulp of 1: an op that is at most 4 ulp off adds 8 u of its size,
    and passes on its operands' errors times its slopes. Taking the sum of the sizes instead of
    the size of the sum makes the bound hold for every order of summation.
    """

    def __init__(self, value: float, size: float, error: float, u: float) -> None:
        self.value, self.size, self.error, self.u = value, size, error, u

    def __apply__(self, op: Op, operands: tuple[Any, ...]) -> Bounded:
        u = self.u
        xs = [
            x if isinstance(x, Bounded) else Bounded(float(x), abs(float(x)), 0.0, u)
            for x in operands
        ]
        value = op.eval(*[x.value for x in xs])
        if op is OPS["mul"]:
            x, y = xs
            size = x.size * y.size
            error = x.size * y.error + y.size * x.error + x.error * y.error
        else:
            assert op in SMOOTH, f"no bound for {op}"
            error = sum(x.error for x in xs)
            linear = op in (OPS["add"], OPS["sub"], OPS["neg"])
            size = sum(x.size for x in xs) if linear else max(1.0, abs(value))
        return Bounded(value, size, error + 8 * u * size, u)


install_operators(
    Bounded,
    lambda op: lambda self: op(self),
    lambda op, reflected=False: (
        lambda self, other: op(other, self) if reflected else op(self, other)
    ),
)


def bounds(program: Scalars, u: float) -> tuple[Bounded, list[Any]]:
    """The output and the gradient, each with its bound, by the op table's own rules."""
    values: list[Any] = [Bounded(x, abs(x), u * abs(x), u) for x in program.leaves]
    for op, refs in program.rows:
        out = op(*[values[r] if isinstance(r, int) else r for r in refs])
        values.append(out if isinstance(out, Bounded) else Bounded(out, abs(out), u * abs(out), u))
    cotangents: list[Any] = [0.0] * len(values)
    cotangents[program.outputs[0]] = Bounded(1.0, 1.0, 0.0, u)
    for k in reversed(range(len(program.leaves), len(values))):
        op, refs = program.rows[k - len(program.leaves)]
        if not isinstance(cotangents[k], Bounded):
            continue
        operands = [values[r] if isinstance(r, int) else r for r in refs]
        for r, rule in zip(refs, op.vjp, strict=True):
            if isinstance(r, int) and rule is not None:
                cotangents[r] = cotangents[r] + rule(cotangents[k], values[k], *operands)
    return values[program.outputs[0]], cotangents[: len(program.leaves)]


@pytest.mark.parametrize(("dtype", "u"), [("f64", 2.0**-53), ("f32", 2.0**-24)])
def test_default_mode_is_within_the_bound(dtype: str, u: float) -> None:
    smooth = scalars(numbers=st.floats(-2.0, 2.0, width=32), table=SMOOTH)

    @bounded(80)
    @given(smooth)
    def check(program: Scalars) -> None:
        expected, partials = bounds(program, u)
        assume(expected.error < 0.1)  # a product of many numbers may say nothing in f32
        _, (output,) = eager(program)
        assert same(output.data, expected.value)
        kernel = jit(lambda v: program.run(v)[0], dtype=dtype)
        value, found = kernel.value_and_grad(program.leaves)
        tiny = 1e-37 if dtype == "f32" else 0.0  # denormals have fewer bits
        assert abs(value - expected.value) <= expected.error + tiny
        for x, bound in zip(found, partials, strict=True):
            if isinstance(bound, Bounded):
                assert abs(x - bound.value) <= bound.error + tiny
            else:
                assert x == 0.0

    check()


def test_the_bound_is_not_idle() -> None:
    """The test of the test: f32 results are not within the bound of f64."""
    program = Scalars([0.3, 0.7], [(OPS["mul"], (0, 1)), (OPS["tanh"], (2,))], [3])
    expected, _ = bounds(program, 2.0**-53)
    found = jit(lambda x, y: OPS["tanh"](x * y), dtype="f32")(0.3, 0.7)
    assert abs(found - expected.value) > expected.error
    assert bounds(program, 2.0**-24)[0].error < 1e-5


def test_programs_are_drawn_with_every_op_and_every_special_number() -> None:
    """The test of the test: what is drawn reaches everything."""
    seen: set[str] = set()
    numbers: set[str] = set()

    @bounded(150)
    @given(scalars(outputs=2))
    def collect(program: Scalars) -> None:
        seen.update(op.name for op, _ in program.rows)
        numbers.update(map(repr, program.leaves))

    collect()
    assert seen == set(OPS)
    assert {"nan", "inf", "-inf", "-0.0", "5e-324"} <= numbers


def test_loops_are_drawn_with_every_feature() -> None:
    features: set[str] = set()

    @bounded(80)
    @given(loops())
    def collect(program: Program) -> None:
        assert program.with_role(Role.OUTPUT)
        features.update("table" for _ in program.index_arrays)
        for s in program.body:
            features.add(f"depth {len(s.domain)}")
            features.add("sum" if s.accumulate else "map")

    collect()
    assert {"table", "depth 0", "depth 1", "depth 2", "depth 3", "sum", "map"} <= features
