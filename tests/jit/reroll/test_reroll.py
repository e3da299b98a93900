"""The reroller finds the loops of scalar code, and what it makes computes what was written."""

from __future__ import annotations

import math
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

from micrograd import Value, jit, relu, tanh
from micrograd.jit.ir.graph import FIRST_OP
from micrograd.jit.ir.interpret import interpret, interpret_graph
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program, Role, Statement, accesses, dump
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.reroll.reroll import reroll, straight_line
from micrograd.jit.trace.trace import trace
from micrograd.nn import MLP

from ...regular import (
    SIZE,
    Source,
    Traced,
    agrees,
    caught_by,
    equal,
    floats,
    mutations,
    rerolled,
    sources,
    traced,
    tree,
    whole,
)

ROOT = Path(__file__).parents[3]
N = 100


def bounded(n: int) -> Any:
    """Hypothesis settings: n examples, always the same."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(
        max_examples=n, derandomize=True, deadline=None, database=None, suppress_health_check=slow
    )


def lines(program: Program) -> list[str]:
    """The statements as text."""
    return list(map(str, program.statements))


def loops(program: Program) -> list[str]:
    """The statements that are loops, as text."""
    return [str(s) for s in program.statements if s.domain]


def data(program: Program) -> dict[str, list[float]]:
    """The constant arrays."""
    return {a.name: a.data.tolist() for a in program.with_role(Role.CONSTANT) if a.data is not None}


# --- the moons ----------------------------------------------------------------------------------


def moons(n: int) -> tuple[list[list[float]], list[int]]:
    """Points and classes of whole numbers; the shape of the demo's loss does not depend on them."""
    numbers = whole(2 * n, n)
    return [numbers[2 * k : 2 * k + 2] for k in range(n)], [(-1) ** (k // 3) for k in range(n)]


def moons_loss(
    model: Any, X: Sequence[Sequence[float]], y: Sequence[int], decay: float = 1e-4
) -> Value:
    """examples/moons.py, line by line."""
    inputs = [list(map(Value, row)) for row in X]
    scores = list(map(model, inputs))
    losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores, strict=True)]
    return sum(losses) * (1.0 / len(losses)) + decay * sum(p * p for p in model.parameters())


def moons_trace(n: int, hidden: int = 16, decay: float = 1e-4, make: Any = floats) -> Traced:
    model = MLP(2, [hidden, hidden, 1])
    parameters = model.parameters()
    for p, number in zip(parameters, make(len(parameters), 5), strict=True):
        p.data = number
    X, y = moons(n)
    loss = moons_loss(model, X, y, decay)
    graph = trace([loss], {"w": parameters}, ()).graph
    return Traced(graph, {"w": [p.data for p in parameters]}, {"w": parameters}, [loss])


def test_moons_is_the_examples_loss() -> None:
    """The test of the test."""
    found = (ROOT / "examples" / "moons.py").read_text(encoding="utf-8")
    for line in (
        "losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores, strict=True)]",
        "data_loss = sum(losses) * (1.0 / len(losses))",
        "reg_loss = 1e-4 * sum(p * p for p in model.parameters())",
    ):
        assert line in found


def test_moons_is_as_many_statements_for_any_number_of_points() -> None:
    programs = {n: reroll(moons_trace(n).graph) for n in (20, 100, 300)}
    assert len({len(p.statements) for p in programs.values()}) == 1
    assert len(programs[20].statements) <= 25
    assert [s.replace("300", "20").replace("4800", "320") for s in lines(programs[300])] == [
        s.replace(repr(1 / 20), repr(1 / 300)) for s in lines(programs[20])
    ]
    for n, p in programs.items():
        verify(p, "reroll")
        # the 16 * 16 products of every point are summed where they are made
        sizes = [a.size for a in p.arrays.values() if a.role is Role.TEMPORARY]
        assert max(sizes) == 16 * n
        assert not p.index_arrays
        products = [s for s in lines(p) if f"for i < {n}, j < 16, k < 16" in s]
        assert len(products) == 1
        assert products[0].partition(" += ")[2].startswith("mul(")


def test_moons_gradient_is_as_many_statements_for_any_number_of_points() -> None:
    counts = set()
    for n in (20, 100):
        t = moons_trace(n)
        counts.add(len(verify(gradient(reroll(t.graph), ("out", 0), t.wrt)).statements))
    assert len(counts) == 1
    assert counts.pop() <= 60


def test_moons_of_whole_numbers_is_exact() -> None:
    """1/16 and 1/8 are exact, so no sum rounds."""
    t = moons_trace(16, hidden=6, decay=0.125, make=whole)
    p = verify(reroll(t.graph), "reroll")
    assert len(p.statements) < 25
    assert agrees(p, t)


def test_moons_is_within_the_bound_on_reassociation() -> None:
    """Each result is a sum of products; an op on the way to it adds half an ulp of the sum of
    the sizes: u times the ops on the longest path times the loss of the absolute values."""
    n, hidden = 20, 16
    t = moons_trace(n)
    model = MLP(2, [hidden, hidden, 1])
    for p, number in zip(model.parameters(), t.given["w"], strict=True):
        p.data = abs(number)
    X, _ = moons(n)
    size = moons_loss(model, [[abs(v) for v in row] for row in X], [-1] * n).data
    path = 2 * (2 + hidden + hidden) + n + len(t.given["w"]) + 16
    program = reroll(t.graph)
    (found,) = interpret(program, t.given)["out"].tolist()
    (expected,) = interpret_graph(t.graph, t.given)
    assert abs(found - expected) <= 2 * path * 2.0**-53 * size
    g = gradient(program, ("out", 0), t.wrt)
    partials = interpret(g, t.given)["grad"]
    assert np.allclose(partials, t.partials(), rtol=1e-11, atol=1e-13 * size)


# --- sums, however they are written -------------------------------------------------------------


def backward_chain(terms: list[Any]) -> Any:
    """t0 + (t1 + (t2 + ...))."""
    total = terms[-1]
    for term in reversed(terms[:-1]):
        total = term + total
    return total


def forward_chain(terms: list[Any]) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def shuffled(terms: list[Any]) -> list[Any]:
    return random.Random(0).sample(terms, len(terms))


SUMS: dict[str, Callable[[list[Any]], Any]] = {
    "chain": forward_chain,
    "backward chain": backward_chain,
    "reversed order": lambda terms: forward_chain(terms[::-1]),
    "sum()": sum,
    "sum() with a start": lambda terms: sum(terms, 3.0),
    "sum() with a term as start": lambda terms: sum(terms[1:], terms[0]),
    "tree": tree,
    "fsum of halves": lambda terms: sum(terms[: N // 2]) + sum(terms[N // 2 :]),
    "permuted": lambda terms: sum(shuffled(terms)),
    "alternating sides": lambda terms: forward_chain(terms[::2]) + backward_chain(terms[1::2]),
}


@pytest.mark.parametrize("name", SUMS)
def test_sums_of_any_association_are_a_loop(name: str) -> None:
    add_up = SUMS[name]

    def dot(x: list[Value], y: list[Value]) -> Value:
        return add_up([a * b for a, b in zip(x, y, strict=True)])

    p = rerolled(dot, whole(N), whole(N, 1))
    assert len(p.statements) <= 4
    (product,) = [s for s in loops(p) if "mul" in s]
    assert f"for i < {N}" in product
    assert " += mul(x[" in product
    assert all(a.size == 1 for a in p.with_role(Role.TEMPORARY))


def test_chains_keep_the_order_of_their_terms() -> None:
    """So rerolling them changes no bit."""
    x, y = floats(N), floats(N, 1)
    for add_up in (forward_chain, sum, lambda terms: forward_chain(terms[::-1])):
        t = traced(lambda x, y, s=add_up: s([a * b for a, b in zip(x, y, strict=True)]), x, y)
        p = reroll(t.graph)
        assert len(loops(p)) == 1
        assert interpret(p, t.given)["out"].tolist() == interpret_graph(t.graph, t.given)


@pytest.mark.parametrize("name", SUMS)
def test_other_orders_are_within_the_bound(name: str) -> None:
    """Any two orders of a sum of n products are at most 2 n u times the sum of the sizes apart."""
    x, y = floats(N), floats(N, 1)
    t = traced(lambda x, y: SUMS[name]([a * b for a, b in zip(x, y, strict=True)]), x, y)
    (found,) = interpret(reroll(t.graph), t.given)["out"].tolist()
    size = 3.0 + sum(abs(a * b) for a, b in zip(x, y, strict=True))
    assert abs(found - t.outputs[0].data) <= 2 * (N + 2) * 2.0**-53 * size


def test_unlike_terms_are_grouped_by_kind() -> None:
    def f(x: list[Value], y: list[Value]) -> Value:
        return sum(a * b if k % 2 else tanh(a) for k, (a, b) in enumerate(zip(x, y, strict=True)))

    x, y = floats(N), floats(N, 1)
    t = traced(f, x, y)
    p = verify(reroll(t.graph))
    assert len(p.statements) <= 5
    (found,) = interpret(p, t.given)["out"].tolist()
    size = sum(abs(a * b) if k % 2 else 1 for k, (a, b) in enumerate(zip(x, y, strict=True)))
    assert abs(found - t.outputs[0].data) <= 2 * (N + 2) * 2.0**-53 * size


# --- partial regularity -------------------------------------------------------------------------


def test_a_first_or_last_element_that_differs_is_cut_off() -> None:
    for odd in (0, N - 1):
        p = rerolled(
            lambda x, odd=odd: [relu(a) * 2.0 if k != odd else a * 3.0 for k, a in enumerate(x)],
            whole(N),
        )
        assert len(loops(p)) == 2
        assert len(p.statements) <= 4
        assert not p.index_arrays


def test_an_operand_that_breaks_the_pattern_is_cut_off() -> None:
    """A boundary condition: the first and the last read elsewhere."""

    def diffuse(x: list[Value]) -> list[Value]:
        return [x[max(k - 1, 0)] - 2.0 * x[k] + x[min(k + 1, N - 1)] for k in range(N)]

    p = rerolled(diffuse, whole(N))
    assert len(p.statements) <= 8
    assert not p.index_arrays
    assert f"for i < {N - 2}" in str(p)


def test_a_ragged_end_is_cut_off() -> None:
    """103 elements in rows of 10: ten rows, and three more."""

    def f(x: list[Value], y: list[Value]) -> list[Value]:
        return [relu(a * y[k % 10]) for k, a in enumerate(x)]

    p = rerolled(f, whole(103), whole(10, 1))
    assert not p.index_arrays
    assert any("for i < 10, j < 10" in s for s in loops(p))
    assert any("for i < 3" in s for s in loops(p))
    assert len(p.statements) <= 4


def test_two_interleaved_patterns_are_two_loops() -> None:
    def f(x: list[Value], y: list[Value]) -> Value:
        return sum(a * b if k % 2 else a - b for k, (a, b) in enumerate(zip(x, y, strict=True)))

    p = rerolled(f, whole(N), whole(N, 1))
    assert [s for s in loops(p) if "x[2*i]" in s or "x[2*i + 1]" in s] == loops(p)
    assert len(loops(p)) == 2
    assert not p.index_arrays


def test_a_triangle_is_found() -> None:
    """Rows of growing length: a loop for every length, none of them per element."""

    def f(x: list[Value]) -> list[Value]:
        return [sum(x[k] * x[j] for j in range(k + 1)) for k in range(20)]

    p = rerolled(f, whole(20))
    assert len(p.statements) <= 70


def test_what_is_not_affine_reads_through_a_table() -> None:
    p = rerolled(lambda x: sum(x[k * k % N] * x[k] for k in range(N)), whole(N))
    assert [t.data.tolist() for t in p.index_arrays] == [[k * k % N for k in range(N)]]
    assert loops(p) == ["t3 += mul(x[index0[i]], x[i])  for i < 100"]


def test_a_nest_is_a_nest_and_a_matrix_product_a_product() -> None:
    def matmul(x: list[Value], y: list[Value]) -> list[Value]:
        return [
            sum((x[6 * i + k] * y[4 * k + j] for k in range(6)), 0.0)
            for i in range(5)
            for j in range(4)
        ]

    p = rerolled(matmul, whole(30), whole(24, 1))
    (product,) = [s for s in p.statements if s.accumulate]
    assert product.domain == (5, 4, 6)
    assert sorted(a.strides for a in accesses(product.expr)) == [(0, 1, 4), (6, 0, 1)]


# --- constants ----------------------------------------------------------------------------------


def test_constants_that_are_equal_are_folded_and_others_are_data() -> None:
    p = rerolled(lambda x: [a * 2.0 + float(k) for k, a in enumerate(x)], whole(N))
    assert data(p) == {"c0": [float(k) for k in range(N)]}
    assert "2.0" in loops(p)[0]


def test_data_has_only_the_loops_that_it_varies_over() -> None:
    weights = [3.0, -1.0, 4.0, 2.0, 7.0]

    def f(x: list[Value]) -> list[Value]:
        return [
            sum(x[5 * i + k] * weights[k] for k in range(5)) * float((-1) ** i) for i in range(20)
        ]

    p = rerolled(f, whole(N))
    assert sorted(data(p).values(), key=len) == [weights, [float((-1) ** i) for i in range(20)]]


def test_equal_data_is_kept_once() -> None:
    p = rerolled(lambda x: [relu(a * float(k)) + float(k) for k, a in enumerate(x)], whole(N))
    assert list(data(p)) == ["c0"]


def test_zeros_of_both_signs_are_different_constants() -> None:
    """-0.0 == 0.0, but 1 / x tells them apart."""
    signs = [0.0 if k % 2 else -0.0 for k in range(N)]
    t = traced(lambda x: [1.0 / (a * s) for a, s in zip(x, signs, strict=True)], [1.0] * N)
    p = verify(reroll(t.graph))
    assert interpret(p, t.given)["out"].tolist() == interpret_graph(t.graph, t.given)
    assert math.inf in interpret(p, t.given)["out"]
    assert -math.inf in interpret(p, t.given)["out"]


# --- bad cases ----------------------------------------------------------------------------------


def two_models(x: list[Value]) -> Value:
    """Two networks of one shape in one loss: every class is used by two patterns."""
    first, second = (
        [
            [sum(w * v for w, v in zip(x[s + 4 * r :][:4], point, strict=True)) for r in range(3)]
            for point in ([1.0, -2.0, 3.0, k] for k in range(10))
        ]
        for s in (0, 12)
    )
    return sum(relu(a) * b for p, q in zip(first, second, strict=True) for a, b in zip(p, q))  # noqa: B905


CASES: dict[str, tuple[Callable[..., Any], list[list[float]]]] = {
    "empty sum": (lambda x: sum(relu(a) + sum([]) for a in x), [whole(N)]),
    "only an empty sum": (lambda x: x[0] * sum([]), [[2.0]]),
    "a loop of one": (lambda x: [sum(a * b for a in [v]) for v, b in [(x[0], x[1])]], [[2.0, 3.0]]),
    "rows of one": (
        lambda x: sum(sum((a * 2.0 for a in [v]), 1.0) for v in x), [whole(N)]),
    "x + x + ... + x": (lambda x: sum(x[0] for _ in range(200)), [[3.0]]),
    "x + x + ... + x, as a tree": (lambda x: tree([x[0]] * 256), [[3.0]]),
    "x * x + x * x + ...": (lambda x: sum(x[0] * x[0] for _ in range(200)), [[3.0]]),
    "one product, added to itself": (lambda x: sum([x[0] * x[1]] * 200), [[3.0, 2.0]]),
    "two models in one loss": (two_models, [whole(24)]),
    "nan": (lambda x: sum(a * math.nan for a in x), [whole(N)]),
    "a nan among numbers": (
        lambda x: [a * (math.nan if k == 7 else 2.0) for k, a in enumerate(x)], [whole(N)]),
    "inf": (lambda x: sum(a * (math.inf if k % 2 else 1.0) for k, a in enumerate(x)), [whole(N)]),
    "-inf + inf": (
        lambda x: sum(a + (math.inf if k % 2 else -math.inf) for k, a in enumerate(x)), [whole(N)]),
    "nan in the arguments": (
        lambda x, y: sum(a * b for a, b in zip(x, y, strict=True)),
        [[math.nan, *whole(N - 1)], whole(N, 1)]),
    "300 outputs": (lambda x: [2.0 * a + 1.0 for a in x], [whole(300)]),
    "300 outputs, not affine": (
        lambda x: [a * x[7 * k * k % 300] for k, a in enumerate(x)], [whole(300)]),
    "300 outputs, all one": (lambda x: [x[0] * x[1]] * 300, [[2.0, 3.0]]),
    "300 outputs, all leaves": (lambda x: list(x), [whole(300)]),
    "300 outputs, some leaves": (
        lambda x: [a * 2.0 if k % 3 else a for k, a in enumerate(x)], [whole(300)]),
    "300 outputs of as many kinds": (
        lambda x: [sum(x[k : k + 1 + k % 7], relu(x[k])) for k in range(300)], [whole(310)]),
    "a leaf": (lambda x: x[0], [[2.0]]),
    "a leaf behind a loop": (lambda x: [x[3], sum(a * a for a in x)], [whole(N)]),
    "a sum whose parts are outputs": (
        lambda x: [sum(x[:20]), sum(x[:20]) + sum(x[20:]), sum(x)], [whole(N)]),
    "a prefix sum": (lambda x: [sum(x[: k + 1]) for k in range(30)], [whole(30)]),
    "a running sum": (
        lambda x: (lambda s: [s.append(s[-1] + a) or s[-1] for a in x])([x[0]]), [whole(N)]),
    "outputs backwards": (lambda x: [a * 2.0 for a in x][::-1], [whole(N)]),
    "operands swapped": (lambda x: [a * x[0] if k % 2 else x[0] * a for k, a in enumerate(x)],
                         [whole(N)]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_bad_cases_are_what_was_written(name: str) -> None:
    f, numbers = CASES[name]
    t = traced(f, *numbers)
    p = verify(reroll(t.graph), "reroll")
    # what an output does not depend on may be nan times its cotangent, which is 0
    finite = all(map(math.isfinite, interpret_graph(t.graph, t.given)))
    assert agrees(p, t, partials=finite or len(t.outputs) == 1), f"{p}"


@pytest.mark.parametrize("name", CASES)
def test_bad_cases_compile(name: str) -> None:
    f, numbers = CASES[name]
    t = traced(f, *numbers)
    found = jit(f, dtype="f64")(*t.given.values())
    found = [found] if isinstance(found, float) else list(found)
    assert equal(found, interpret_graph(t.graph, t.given))
    if len(t.outputs) == 1 and not isinstance(f(*t.leaves.values()), list):
        _, partials = jit(f, dtype="f64").value_and_grad(*t.given.values())
        columns = partials if len(t.given) > 1 else [partials]
        assert equal([v for column in columns for v in column], t.partials())


def test_two_models_share_their_statements() -> None:
    p = rerolled(two_models, whole(24))
    assert len(p.statements) <= 8


def test_no_outputs_but_one_constant() -> None:
    t = traced(lambda x: [x[0] * 1.0, sum([]), 2.5], [4.0])
    assert interpret(reroll(t.graph), t.given)["out"].tolist() == [4.0, 0.0, 2.5]


def test_a_small_graph_stays_as_written() -> None:
    t = traced(lambda x: x[0] * x[1] + x[2], whole(3))
    assert lines(reroll(t.graph)) == lines(straight_line(t.graph))


def test_what_has_no_pattern_stays_straight_line() -> None:
    def f(x: list[Value]) -> Value:
        r = random.Random(3)
        values = list(x)
        for _ in range(200):
            a, b = r.choices(values[-12:], k=2)
            values.append(r.choice([a + b, a - b, relu(a), -a, a * 0.5]))
        return values[-1]

    t = traced(f, whole(SIZE))
    p = verify(reroll(t.graph))
    assert agrees(p, t)
    operations = int((t.graph.codes >= FIRST_OP).sum())
    assert len(p.statements) >= operations // 4


# --- deterministic ------------------------------------------------------------------------------

SCRIPT = """
from tests.jit.reroll.test_reroll import moons_trace, two_models, whole, traced, CASES
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.reroll.reroll import reroll
for t in (moons_trace(20), traced(two_models, whole(24)), traced(CASES["a running sum"][0], whole(99))):
    p = reroll(t.graph)
    print(p)
    print(gradient(p, ("out", 0), t.wrt))
"""  # noqa: E501


def test_the_same_trace_is_the_same_text() -> None:
    for make in (lambda: moons_trace(20), lambda: traced(two_models, whole(24))):
        a, b = make(), make()
        assert str(reroll(a.graph)) == str(reroll(a.graph)) == str(reroll(b.graph))


def test_it_is_the_same_text_in_another_process() -> None:
    texts = set()
    for seed in ("0", "4711"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", SCRIPT],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        texts.add(done.stdout)
    assert len(texts) == 1
    assert "for i < 20, j < 16, k < 16" in texts.pop()


# --- random regular programs --------------------------------------------------------------------


def drawn(source: Source, seed: int) -> Traced:
    """The source's function on whole numbers, small enough for its sums to be exact."""
    t = traced(source.function, whole(SIZE, seed, 2), whole(SIZE, seed + 1, 2))
    # products and partial sums of numbers below 2**20 are exact
    assume(_largest(t) < 2**20)
    return t


def _largest(t: Traced) -> float:
    """The largest number, and the largest cotangent, on the way to the output."""
    t.partials()
    seen, stack = set(), list(t.outputs)
    largest = 0.0
    while stack:
        v = stack.pop()
        if not isinstance(v, Value) or v in seen:
            continue
        seen.add(v)
        largest = max(largest, abs(v.data), abs(v.grad))
        stack += v._operands
    return largest


@bounded(200)
@given(sources(), st.integers(0, 2**32))
def test_regular_programs_are_what_was_written(source: Source, seed: int) -> None:
    t = drawn(source, seed)
    note(source.text)
    p = verify(reroll(t.graph), "reroll")
    note(str(p))
    assert agrees(p, t)


@bounded(60)
@given(sources(), st.integers(0, 2**32))
def test_regular_programs_compiled_are_what_was_written(source: Source, seed: int) -> None:
    t = drawn(source, seed)
    note(source.text)
    expected = interpret_graph(t.graph, t.given)
    partials = t.partials()
    # f32 is exact where the products of two numbers, a thousand of them, stay below 2**24
    kinds = ["f64", "f32"] if _largest(t) < 2**7 else ["f64"]
    for dtype in kinds:
        kernel = jit(source.function, dtype=dtype)
        value, found = kernel.value_and_grad(*t.given.values())
        assert [value] == expected
        assert [v for column in found for v in column] == partials
        assert [kernel(*t.given.values())] == expected


def test_regular_programs_are_drawn_with_every_feature() -> None:
    """The test of the tests: what is drawn has loops, tables, data, and fits float32."""
    features: dict[str, int] = {}

    @bounded(60)
    @given(sources(), st.integers(0, 2**32))
    def collect(source: Source, seed: int) -> None:
        t = drawn(source, seed)
        p = reroll(t.graph)
        found = {f"depth {len(s.domain)}" for s in p.statements}
        found |= {"sum"} if any(s.accumulate and s.domain for s in p.statements) else set()
        found |= {"table"} if p.index_arrays else set()
        found |= {"data"} if data(p) else set()
        found |= {"f32"} if _largest(t) < 2**7 else set()
        for feature in found:
            features[feature] = features.get(feature, 0) + 1

    collect()
    least = {"depth 1": 8, "depth 2": 5, "depth 3": 1, "sum": 10, "table": 5, "data": 3, "f32": 15}
    assert all(features.get(k, 0) >= n for k, n in least.items()), sorted(features.items())


# --- mutations: the tests of the tests ----------------------------------------------------------


def layer(x: list[Value], y: list[Value]) -> Value:
    """A dense layer over rows, a ragged end, a gather: what a reroller can get wrong."""
    rows = [
        tanh(sum((x[(3 * i + k) % 37] * y[4 * j + k] for k in range(4)), y[20 + j]))
        for i in range(7)
        for j in range(5)
    ]
    gathered = [tanh(a * x[k * k % 37]) for k, a in enumerate(rows)]
    products = [a * b for a, b in zip(x[:23], y, strict=False)]
    return forward_chain([*gathered, *products])


def every_mutant_is_caught(program: Program, given: Any) -> dict[str, int]:
    expected = interpret(program, given)
    by = {"numbers": 0, "verifier": 0}
    for what, mutant in mutations(program, given):
        how = caught_by(mutant, given, expected)
        assert how, f"not noticed: {what}\n{program}"
        by[how] += 1
    return by


def test_a_wrong_program_is_noticed() -> None:
    t = traced(layer, floats(37), floats(25, 1))
    p = verify(reroll(t.graph), "reroll")
    assert p.index_arrays
    assert len(loops(p)) >= 5
    by = every_mutant_is_caught(p, t.given)
    assert by["numbers"] >= 30


def test_a_wrong_gradient_is_noticed() -> None:
    t = traced(layer, floats(37), floats(25, 1))
    p = verify(gradient(reroll(t.graph), ("out", 0), t.wrt, keep_value=True))
    assert any(s.accumulate and s.target.parts for s in p.statements)
    by = every_mutant_is_caught(p, t.given)
    assert by["numbers"] >= 60


def test_a_dropped_ragged_end_is_noticed() -> None:
    t = traced(
        lambda x, y: [tanh(a * y[k % 10]) for k, a in enumerate(x)], floats(103), floats(10, 1)
    )
    p = verify(reroll(t.graph), "reroll")
    ends = [k for k, s in enumerate(p.statements) if s.domain == (3,)]
    assert ends
    expected = interpret(p, t.given)
    for k in ends:
        mutant = Program(p.arrays, p.body[:k] + p.body[k + 1 :])
        assert caught_by(mutant, t.given, expected) == "numbers"


def test_a_missed_scatter_is_noticed() -> None:
    """A scatter-add that assigns, or that adds only once to an element that is named twice."""
    t = traced(lambda x: sum(tanh(x[k * k % 10] * (k + 1.0) / N) for k in range(N)), floats(10))
    p = verify(gradient(reroll(t.graph), ("out", 0), t.wrt, keep_value=True))
    (scatter,) = [k for k, s in enumerate(p.statements) if s.target.parts]
    (index,) = p.statements[scatter].target.index_arrays
    table = p.arrays[index].data
    assert table is not None
    assert len(set(table.tolist())) < len(table)
    assert equal(interpret(p, t.given)["grad"].tolist(), [*t.partials()]) or np.allclose(
        interpret(p, t.given)["grad"], t.partials(), rtol=1e-12
    )
    for what, mutant in mutations(p, t.given):
        if what.startswith(f"statement {scatter},"):
            assert caught_by(mutant, t.given, interpret(p, t.given)), what
    once = Program(dict(p.arrays), list(p.body))
    _, first = np.unique(table, return_index=True)
    s = once.statements[scatter]
    once.table("few", table[np.sort(first)])
    narrow = Statement(s.target, s.expr, (len(first),), s.accumulate)
    once.body[scatter] = narrow
    assert caught_by(once, t.given, interpret(p, t.given)) == "numbers"


def _without_last(text: str) -> str:
    """A program without its last loop but those of its output."""
    found = [line for line in text.split("\n") if "  for " in line and not line.startswith("out")]
    return text.replace(f"{found[-1]}\n", "")


def _swapped(text: str) -> str:
    """A program with the last two entries of its first table exchanged."""
    return re.sub(r"^(const index.*) (\d+) (\d+)$", r"\1 \3 \2", text, count=1, flags=re.MULTILINE)


DAMAGES: dict[str, Callable[[str], str]] = {
    # row-major targets whose rows are one longer
    "stride": lambda text: re.sub(
        r"^(\w+)\[(\d+)\*i \+ j\] =",
        lambda m: f"{m[1]}[{int(m[2]) + 1}*i + j] =",
        text,
        flags=re.MULTILINE,
    ),
    "pieces": _without_last,
    "order": _swapped,
}


@pytest.mark.parametrize("wrong", DAMAGES)
def test_a_wrong_reroller_is_noticed(wrong: str) -> None:
    """The equality check of the random programs, on what the reroller gives, damaged."""
    damaged = 0
    for f, numbers in (
        (layer, (floats(37), floats(25, 1))),
        (
            lambda x, y: [tanh(a * y[k % 10]) for k, a in enumerate(x)],
            (floats(103), floats(10)),
        ),
    ):
        t = traced(f, *numbers)
        text = dump(reroll(t.graph))
        expected = interpret_graph(t.graph, t.given)

        def agrees(text: str, t: Traced = t, expected: list[float] = expected) -> bool:
            try:
                found = interpret(parse(text), t.given)["out"]
            except IndexError:
                return False
            return np.allclose(found, expected, rtol=1e-12)

        assert agrees(text)
        changed = DAMAGES[wrong](text)
        if changed != text:
            damaged += 1
            assert not agrees(changed)
    assert damaged
