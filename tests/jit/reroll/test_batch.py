"""Large irregular graphs: batches by level and op over index tables, right and few."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from micrograd import Value, jit, relu, tanh
from micrograd.jit.emit import storage
from micrograd.jit.ir.graph import FIRST_OP
from micrograd.jit.ir.interpret import interpret, interpret_graph
from micrograd.jit.ir.points import distinct
from micrograd.jit.ir.program import Program, Role
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.reroll.batch import LONG_SUM, batched
from micrograd.jit.reroll.reroll import LARGE, reroll
from micrograd.jit.trace.trace import trace
from micrograd.ops import OPS

from ...programs import Scalars
from ...regular import caught_by, equal, floats, mutations, traced, whole
from ...test_random_programs import bounds

LEAVES = 40
FEWEST = 400
"""A batched program has fewer statements."""


def irregular(n: int, seed: int, outputs: int = 1) -> Any:
    """A function of `LEAVES` numbers: n random ops on what came before, and the sum of all that
    nothing has read.

    Whole numbers stay whole, and small: every product has a factor that is -1, 0 or 1.
    """

    def f(x: list[Any]) -> Any:
        random = Random(seed)
        values = list(x)
        unread: dict[int, None] = {}
        for _ in range(n):
            i, j = (random.randrange(len(values) // 2, len(values)) for _ in range(2))
            a, b = values[i], values[j]
            kind = random.randrange(5)
            unread.pop(i, None)
            if kind == 0:
                unread.pop(j, None)
                values.append(a - b)
            elif kind == 1:
                values.append(a + 1.0)
            elif kind == 2:
                values.append(relu(a))
            elif kind == 3:
                values.append(relu(a - 3.0) * float(random.randrange(-1, 2)))
            else:
                values.append(a * x[random.randrange(4)])
            unread[len(values) - 1] = None
        total = sum(values[k] for k in unread)
        return total if outputs == 1 else [total, *values[-outputs + 1 :]]

    return f


def start(seed: int) -> list[float]:
    """Leaves: four that are -1, 0 or 1, the rest up to 3."""
    return [1.0, -1.0, 1.0, 0.0, *whole(LEAVES - 4, seed)]


def smooth(n: int, seed: int) -> Scalars:
    """A random program of + * relu-less smooth ops, whose rounding errors have a bound."""
    random = Random(seed)
    leaves = floats(LEAVES, seed)
    rows: list[Any] = []
    for k in range(n):
        at = range(max(0, LEAVES + k - 300), LEAVES + k)
        name = random.choice(["add", "mul", "tanh", "tanh", "tanh"])
        rows.append((OPS[name], tuple(random.choice(at) for _ in range(OPS[name].arity))))
    return Scalars(leaves, rows, [LEAVES + n - 1])


@pytest.mark.parametrize(("n", "seed"), [(4000, 0), (8000, 1), (20000, 2)])
def test_an_irregular_graph_is_a_few_statements(n: int, seed: int) -> None:
    t = traced(irregular(n, seed), start(seed))
    operations = int((t.graph.codes >= FIRST_OP).sum())
    assert operations > LARGE
    p = verify(reroll(t.graph), "reroll")
    assert len(p.statements) < FEWEST
    assert any(s.domain and s.domain[0] > 50 for s in p.statements)
    assert len(p.index_arrays) > 10
    largest = max(abs(v) for v in t.partials())
    assert largest < 2**50, "the sums are not exact"
    assert interpret(p, t.given)["out"].tolist() == interpret_graph(t.graph, t.given)
    g = verify(gradient(p, ("out", 0), t.wrt), "differentiate")
    assert len(g.body) < 4 * FEWEST
    assert interpret(g, t.given)["grad"].tolist() == t.partials()
    assert any(v != 0.0 for v in t.partials())


@pytest.mark.parametrize("seed", [0, 1])
def test_it_compiles_to_what_was_written(seed: int) -> None:
    f = irregular(4500, seed)
    t = traced(f, start(seed))
    kernel = jit(f, dtype="f64")
    value, partials = kernel.value_and_grad(t.given["x"])
    assert [value] == interpret_graph(t.graph, t.given)
    assert partials == t.partials()
    assert len(kernel.value_and_grad._shown.program.statements) < FEWEST


@pytest.mark.parametrize("seed", [3, 4])
def test_smooth_graphs_are_within_the_bound(seed: int) -> None:
    """Forward the order is the graph's own, so the numbers are; backward a bound holds."""
    program = smooth(4000, seed)
    leaves = [Value(x) for x in program.leaves]
    (output,) = program.run(leaves)
    graph = trace([output], {"x": leaves}, ()).graph
    p = verify(batched(graph, "out", 1000) or Program(), "batch")
    given = {"x": program.leaves}
    assert interpret(p, given)["out"].tolist() == [output.data]
    value, partials = bounds(program, 2.0**-53)
    assert value.error < 1e-6, "the bound says nothing"
    g = verify(gradient(p, ("out", 0), [("x", k) for k in range(LEAVES)]), "differentiate")
    found = interpret(g, given)["grad"].tolist()
    output.backward()
    for x, leaf, bound in zip(found, leaves, partials, strict=True):
        error = bound.error if hasattr(bound, "error") else 0.0
        assert abs(x - leaf.grad) <= 2 * error


def test_an_element_read_twice_is_added_to_twice() -> None:
    """Every node reads one of ten leaves: the scatter-add has duplicates, in one statement."""

    def f(x: list[Value]) -> Value:
        random = Random(5)
        return sum(
            relu(random.choice(x) * random.choice(x) + float(k % 7)) - x[k % 9] for k in range(1200)
        )

    t = traced(f, whole(10))
    p = verify(batched(t.graph, "out", FEWEST) or Program(), "batch")
    assert len(p.statements) < 20
    g = verify(gradient(p, ("out", 0), t.wrt), "differentiate")
    scatters = [s for s in g.statements if s.accumulate and s.target.parts]
    repeated = [s for s in scatters if distinct(s.target, s.domain, g)[1]]
    assert repeated
    assert interpret(g, t.given)["grad"].tolist() == t.partials()


def test_a_square_sends_its_cotangent_twice() -> None:
    t = traced(lambda x: sum(a * a + relu(a) * x[k * k % 50] for k, a in enumerate(x)), whole(50))
    p = verify(batched(t.graph, "out", FEWEST) or Program(), "batch")
    g = verify(gradient(p, ("out", 0), t.wrt), "differentiate")
    assert interpret(g, t.given)["grad"].tolist() == t.partials()


@pytest.mark.parametrize("length", [LONG_SUM - 1, LONG_SUM, 700])
def test_long_sums_are_loops(length: int) -> None:
    """Sums of one length on one level are one statement."""

    def f(x: list[Value]) -> list[Value]:
        random = Random(length)
        return [
            relu(sum(random.choice(x) * random.choice(x) for _ in range(length))) for _ in range(5)
        ]

    t = traced(f, whole(LEAVES))
    p = verify(batched(t.graph, "out", FEWEST) or Program(), "batch")
    nests = [s.domain for s in p.statements if s.accumulate]
    # sum() starts with 0, a term of its own
    assert nests == ([(5, length + 1)] if length + 1 >= LONG_SUM else [])
    assert len(p.statements) < 40
    assert interpret(p, t.given)["out"].tolist() == interpret_graph(t.graph, t.given)
    g = verify(gradient(p, ("out", 0), t.wrt), "differentiate")
    assert interpret(g, t.given)["grad"].tolist() == t.partials()


def test_sums_of_different_lengths_are_separate() -> None:
    def f(x: list[Value]) -> Value:
        a, b = sum(x[k * k % LEAVES] * x[k % 7] for k in range(100)), sum(x[:30])
        return relu(a) * relu(b) + a

    t = traced(f, whole(LEAVES, size=1))
    p = verify(batched(t.graph, "out", FEWEST) or Program(), "batch")
    assert sorted(s.domain for s in p.statements if s.accumulate) == [(1, 31), (1, 101)]
    assert equal(interpret(p, t.given)["out"].tolist(), interpret_graph(t.graph, t.given))
    g = verify(gradient(p, ("out", 0), t.wrt), "differentiate")
    assert interpret(g, t.given)["grad"].tolist() == t.partials()


def test_several_outputs() -> None:
    f = irregular(4000, 6, outputs=3)

    def four(x: list[Any]) -> Any:
        return [*f(x), x[2]]

    t = traced(four, start(6))
    p = verify(reroll(t.graph), "reroll")
    assert len(p.statements) < FEWEST
    expected = interpret_graph(t.graph, t.given)
    assert interpret(p, t.given)["out"].tolist() == expected
    assert list(jit(four, dtype="f64")(t.given["x"])) == expected


def test_scalars_by_value() -> None:
    """A function of many numbers: each of them is an array of one element, and a leaf of `t`."""
    f = irregular(3500, 7)
    names = [f"a{k}" for k in range(LEAVES)]
    scope: dict[str, Any] = {"f": f}
    exec(f"def g({', '.join(names)}): return f([{', '.join(names)}])", scope)
    t = traced(f, start(7))
    kernel = jit(scope["g"], dtype="f64")
    value, partials = kernel.value_and_grad(*t.given["x"])
    assert len(kernel.value_and_grad._shown.program.statements) < FEWEST + LEAVES
    assert [value] == interpret_graph(t.graph, t.given)
    assert list(partials) == t.partials()
    again = jit(scope["g"], dtype="f64")
    assert [again(*t.given["x"])] == [value]


def test_parameters_inputs_and_constants_lie_at_the_front() -> None:
    w = [Value(v) for v in whole(30)]
    x = [Value(v) for v in whole(30, 1)]
    random = Random(8)
    terms = [
        relu(random.choice(w) * random.choice(x) + float(random.randrange(-5, 6)))
        * random.choice([random.choice(w), random.choice(x)])
        for _ in range(1500)
    ]
    loss = sum(terms)
    found = trace([loss], {"x": x[:20], "z": x[20:]}, w)
    p = verify(batched(found.graph, "out", FEWEST) or Program(), "batch")
    roles = [a.role for a in p.arrays.values() if a.role is not Role.TEMPORARY and not a.is_index]
    assert roles == [Role.INPUT, Role.INPUT, Role.PARAMETER, Role.CONSTANT, Role.OUTPUT]
    given = {"x": [v.data for v in x[:20]], "z": [v.data for v in x[20:]]}
    given |= {f"p{k}": store.array.tolist() for k, store in enumerate(found.stores)}
    assert interpret(p, given)["out"].tolist() == [loss.data]
    kernel = jit(loss, wrt=w, dtype="f64")
    value, partials = kernel.value_and_grad(*[v.data for v in w])
    loss.backward()
    assert value == loss.data
    assert list(partials) == [v.grad for v in w]


def test_too_many_statements_are_refused() -> None:
    t = traced(irregular(4000, 0), start(0))
    assert batched(t.graph, "out", 3) is None


def test_a_deep_and_narrow_graph_is_right_too() -> None:
    """A chain is no batch, and is not analysed level by level."""

    def f(x: list[Value]) -> Value:
        random = Random(9)
        v = x[0]
        for k in range(3200):
            v = relu(v + float(random.randrange(3))) - x[random.randrange(LEAVES)] * float(k % 2)
            v = v if random.randrange(2) else -v
        return v

    t = traced(f, whole(LEAVES))
    p = verify(reroll(t.graph), "reroll")
    assert interpret(p, t.given)["out"].tolist() == interpret_graph(t.graph, t.given)


def test_it_is_deterministic() -> None:
    texts = {str(reroll(traced(irregular(4000, 1), start(1)).graph)) for _ in range(2)}
    assert len(texts) == 1


# --- data: big outside of the module, small inside ----------------------------------------------


def test_big_tables_lie_outside_of_the_module_and_small_ones_inside() -> None:
    kernels = {}
    for n in (storage.INLINE_DATA // 2, storage.INLINE_DATA + 1):
        order = [k * k % n for k in range(n)]

        def f(x: list[Any], order: list[int] = order) -> Any:
            return sum(tanh(x[k] * (x[j] + float(k % 11))) for k, j in enumerate(order))

        x = floats(n)
        kernel = kernels[n] = jit(f, dtype="f64")
        t = traced(f, x)
        assert kernel(x) == pytest.approx(t.outputs[0].data, rel=1e-12)
        _, partials = kernel.value_and_grad(x)
        assert np.allclose(partials, t.partials(), rtol=1e-11, atol=1e-12)
    small, big = (k._shown.code for k in kernels.values())
    assert not small.data
    assert big.data
    assert all(len(d) > storage.INLINE_DATA for d in big.data.values())
    assert len(str(kernels[storage.INLINE_DATA + 1])) < len(str(kernels[storage.INLINE_DATA // 2]))


def test_the_module_of_a_large_graph_does_not_hold_its_tables() -> None:
    f = irregular(6000, 10)
    kernel = jit(f, dtype="f64")
    x = start(10)
    t = traced(f, x)
    assert [kernel(x)] == interpret_graph(t.graph, t.given)
    shown = kernel._shown
    tables = shown.transformed.index_arrays
    entries = sum(table.size for table in tables)
    outside = sum(len(d) for name, d in shown.code.data.items())
    assert entries > 3000
    assert outside >= entries - storage.INLINE_DATA * len(tables)


# --- the test of the tests ----------------------------------------------------------------------


def test_a_wrong_table_is_noticed() -> None:
    t = traced(
        lambda x: sum(tanh(x[k * k % 30] * x[(3 * k * k + 1) % 30] + x[k % 13]) for k in range(60)),
        floats(30),
    )
    p = verify(batched(t.graph, "out", FEWEST) or Program(), "batch")
    g = verify(gradient(p, ("out", 0), t.wrt, keep_value=True), "differentiate")
    for program in (p, g):
        expected = interpret(program, t.given)
        tried = 0
        for what, mutant in mutations(program, t.given):
            tried += 1
            assert caught_by(mutant, t.given, expected), f"{what}\n{program}"
        assert tried > 20
