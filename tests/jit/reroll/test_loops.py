"""Loops that carry values, triangles, ragged loops: found in plain Python, and proved."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from micrograd import exp, jit, log, maximum, relu, tanh
from micrograd.errors import CompilerError
from micrograd.jit.compile import optimized
from micrograd.jit.ir.bounds import interpret_bounded
from micrograd.jit.ir.interpret import interpret, interpret_graph
from micrograd.jit.ir.program import (
    Access,
    Apply,
    Program,
    Statement,
    dump,
    map_accesses,
    map_statements,
)
from micrograd.jit.ir.rounding import Bounded
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.reroll import loops, prove, proved
from micrograd.jit.reroll.inline import LARGEST
from micrograd.jit.reroll.loops import looped
from micrograd.jit.reroll.prove import mismatch
from micrograd.jit.reroll.recognise import Look, recognise
from micrograd.jit.reroll.reroll import longest_searched
from micrograd.jit.reroll.statics import statics_of
from micrograd.jit.reroll.strings import Ops
from micrograd.jit.target import Target

from ...loop_sources import LENGTH, function, source
from ...regular import Traced, equal, floats, traced
from ..emit.nested import FORMS, Form, Nested

Function = Callable[..., Any]


def found(t: Traced, most: int = 10_000) -> Program:
    """The program of loops of a trace; it is the graph's, bit for bit, and so is its gradient."""
    program = looped(t.graph, "out", most)
    assert program is not None
    return checked(t, program)


def checked(t: Traced, program: Program) -> Program:
    """The program itself, which is the graph's of a trace."""
    verify(program, "loops", stage="rerolled")
    values = interpret(program, t.given)["out"].tolist()
    assert equal(values, interpret_graph(t.graph, t.given)), f"{program}"
    back = verify(gradient(program, ("out", 0), t.wrt), "differentiate")
    partials = interpret(back, t.given)["grad"]
    expected = np.array(t.partials())
    scale = max(1.0, float(np.abs(expected).max()))
    assert np.allclose(partials / scale, expected / scale, rtol=1e-10, atol=1e-13)
    return program


# --- what people write ---------------------------------------------------------------------------


def recurrent_network(steps: int, width: int) -> Function:
    def f(x: list[Any], w: list[Any]) -> Any:
        h = [0.1 * k for k in range(width)]
        for t in range(steps):
            h = [
                tanh(sum(w[width * j + k] * h[k] for k in range(width)) + x[t])
                for j in range(width)
            ]
        return sum(h)

    return f


def running_softmax(n: int) -> Function:
    """Attention over all positions so far: a triangle of sums."""

    def f(x: list[Any], y: list[Any]) -> Any:
        total = 0.0
        for i in range(1, n):
            scores = [x[i] * y[j] for j in range(i)]
            weights = [exp(s) for s in scores]
            norm = sum(weights)
            total = total + sum(w * y[j] for j, w in enumerate(weights)) / norm
        return total

    return f


def warped(n: int, m: int) -> Function:
    """Dynamic time warping with a soft minimum."""

    def f(x: list[Any], y: list[Any]) -> Any:
        d = {}
        for i in range(n):
            for j in range(m):
                cost = (x[i] - y[j]) ** 2
                near = [d[p] for p in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if p in d]
                if len(near) == 3:
                    cost = cost - log(exp(-near[0]) + exp(-near[1]) + exp(-near[2]))
                elif near:
                    cost = cost + near[0]
                d[i, j] = cost
        return d[n - 1, m - 1]

    return f


def log_sum_exp(n: int) -> Function:
    def f(x: list[Any]) -> Any:
        top = x[0]
        for v in x[1:n]:
            top = maximum(top, v)
        return top + log(sum(exp(v - top) for v in x[:n]))

    return f


def drifting(rates: int, steps: int) -> Function:
    """A running sum inside of a triangle inside of a loop in time."""

    def f(x: list[Any], z: list[Any]) -> Any:
        rate = list(x)
        for n in range(steps):
            drift = 0.0
            for i in range(n + 1, rates):
                drift = drift + rate[i] / (1.0 + 0.25 * rate[i])
                rate[i] = rate[i] * exp(0.05 * drift + 0.2 * z[n])
        return sum(rate)

    return f


def three_body(steps: int) -> Function:
    def f(x: list[Any]) -> Any:
        a, b, c = x[0], x[1], x[2]
        for _ in range(steps):
            u, v, w = 10.0 * (b - a), a * (x[3] - c) - b, a * b - 2.5 * c
            a, b, c = a + 0.001 * u, b + 0.001 * v, c + 0.001 * w
        return a + b + c

    return f


KINDS: dict[str, tuple[Function, Sequence[tuple[int, ...]], Callable[..., Sequence[int]], int]] = {
    "recurrent network": (recurrent_network, [(5, 5), (9, 5), (20, 8)], lambda t, m: (t, m * m), 8),
    "running softmax": (running_softmax, [(8,), (17,), (33,)], lambda n: (n, n), 24),
    "log-sum-exp": (log_sum_exp, [(16,), (100,), (1000,)], lambda n: (n,), 6),
    "drift": (drifting, [(12, 5), (20, 9), (33, 16)], lambda r, s: (r, s), 10),
    "three states": (three_body, [(20,), (100,), (301,)], lambda s: (4,), 12),
    "time warping": (warped, [(9, 9), (17, 12), (24, 24)], lambda n, m: (n, m), 14),
}
"""How to make one of some sizes, the sizes, how many numbers it takes, and its statements at most.
"""


def made(kind: str, sizes: tuple[int, ...]) -> Traced:
    make, _, lengths, _ = KINDS[kind]
    numbers = [floats(n, k) for k, n in enumerate(lengths(*sizes))]
    return traced(make(*sizes), *numbers)


@pytest.mark.parametrize("kind", KINDS)
def test_a_program_is_as_long_as_its_structure(kind: str) -> None:
    """And not as its trace: whatever the sizes are, the statements are as many."""
    _, sizes, _, most = KINDS[kind]
    lengths = {len(found(made(kind, s)).statements) for s in sizes}
    assert max(lengths) <= most
    assert len(lengths) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_give_what_the_interpreter_gives(kind: str) -> None:
    make, sizes, lengths, _ = KINDS[kind]
    for some in sizes:
        numbers = [floats(n, k) for k, n in enumerate(lengths(*some))]
        t = traced(make(*some), *numbers)
        kernel = jit(make(*some), dtype="f64")
        value, partials = kernel.value_and_grad(*numbers)
        assert value == pytest.approx(t.outputs[0].data, rel=1e-12)
        flat = np.concatenate([np.ravel(p) for p in (partials if len(numbers) > 1 else [partials])])
        assert np.allclose(flat, t.partials(), rtol=1e-9, atol=1e-12)


def test_a_triangle_is_a_triangle() -> None:
    text = str(found(made("running softmax", (17,))))
    assert re.search(r"j < i \+ \d", text)
    assert "index" not in text


def test_one_different_constant_is_data() -> None:
    def f(x: list[Any]) -> Any:
        v = x[0]
        for k in range(60):
            v = tanh(v * x[1] + (0.25 if k == 31 else 0.5))
        return v

    assert len(found(traced(f, floats(2))).statements) <= 4


# --- random programs ------------------------------------------------------------------------------


@pytest.mark.parametrize("block", range(8))
def test_random_programs_are_found_or_left_alone(block: int, monkeypatch: Any) -> None:
    """Whatever is found is the trace's own; and most are found."""
    monkeypatch.setenv("MICROGRAD_CHECK", "1")
    programs = 0
    for seed in range(block * 12, block * 12 + 12):
        t = traced(function(source(seed)), floats(LENGTH), floats(LENGTH, 1))
        program = looped(t.graph, "out", 10_000)
        if program is not None:
            checked(t, program)
            programs += 1
    assert programs >= 11


# --- compiled, at every width ---------------------------------------------------------------------


@cache
def gradients() -> list[tuple[Traced, Program]]:
    """Kinds of loops and drawn ones, traced and found, with gradients."""
    traces = [made(kind, sizes) for kind in KINDS for sizes in KINDS[kind][1][:2]]
    traces += [traced(function(source(s)), floats(LENGTH), floats(LENGTH, 1)) for s in range(8)]
    found = []
    for t in traces:
        program = looped(t.graph, "out", 10_000)
        assert program is not None
        found.append((t, gradient(program, ("out", 0), t.wrt, keep_value=True)))
    return found


class Remembered:
    """`interpret_bounded` of the same programs and numbers, not computed again."""

    def __init__(self) -> None:
        self._known: dict[Any, dict[str, Bounded]] = {}

    def __call__(
        self, program: Program, given: Mapping[str, Any], dtype: np.dtype[Any]
    ) -> dict[str, Bounded]:
        numbers = [(name, np.asarray(x).tobytes()) for name, x in given.items()]
        key = dump(program), tuple(numbers), str(dtype)
        if key not in self._known:
            self._known[key] = interpret_bounded(program, given, dtype)
        return self._known[key]


interpreted = Remembered()
"""For vectors of all widths it is nearly always the same program."""


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_code_for_found_loops_is_what_their_program_means(form: Form) -> None:
    """Kinds of loops and drawn ones, with gradients, within what rounding may change."""
    bits, vector_bits, strict = form
    dtype = np.dtype(f"f{bits // 8}")
    target = Target.host(dtype, strict=strict, vector_bits=vector_bits)
    loose: list[float] = []
    for t, program in gradients():
        program = optimized(program, target)
        given = {name: np.array(numbers, dtype) for name, numbers in t.given.items()}
        found = Nested(program, form, level=0).run(given)
        for name, bounded in interpreted(program, given, dtype).items():
            value, error = bounded.value[:, 0], bounded.error[:, 0]
            assert (np.abs(found[name] - value) <= error).all(), f"{name}\n{program}"
            loose.append(float(error.max() / np.abs(value).max()))
    assert np.median(loose) < (1e-12 if bits == 64 else 1e-3)  # the bounds say something


# --- the proof ------------------------------------------------------------------------------------


def shifted(program: Program) -> Iterator[tuple[Statement, Statement]]:
    """Each statement with one of its accesses moved by one element, or one of its strides."""
    for s in program.statements:
        for a in dict.fromkeys(s.accesses):
            changes = [replace(a, offset=a.offset + by) for by in (-1, 1)]
            for d, stride in enumerate(a.strides):
                if int(s.domain[d]) > 1:
                    strides = (*a.strides[:d], stride + 1, *a.strides[d + 1 :])
                    changes.append(replace(a, strides=strides))
            for b in changes:

                def moved(x: Access, a: Access = a, b: Access = b) -> Access:
                    return b if x == a else x

                yield s, replace(s, target=moved(s.target), expr=map_accesses(s.expr, moved))


@pytest.mark.parametrize("kind", KINDS)
def test_every_access_that_is_moved_is_noticed(kind: str, monkeypatch: Any) -> None:
    t = made(kind, KINDS[kind][1][0])
    seen: list[Any] = []

    def noting(*arguments: Any) -> str | None:
        seen.append(arguments)
        return mismatch(*arguments)

    monkeypatch.setattr(proved, "mismatch", noting)
    assert looped(t.graph, "out", 1000) is not None
    program, values, claims, output = seen[0]
    tried = 0
    for s, other in shifted(program):
        if id(s) not in claims:
            continue
        changed = map_statements(program.body, lambda x, s=s, o=other: o if x is s else x)
        mutant = Program(program.arrays, changed)
        tried += 1
        try:
            verify(mutant, "moving an access", stage="rerolled")
        except CompilerError:
            continue
        wrong = mismatch(mutant, values, {**claims, id(other): claims[id(s)]}, output)
        assert wrong is not None, f"{s} -> {other}"
    assert tried > 20


def test_an_illegal_program_is_told_under_check_and_left_alone_otherwise(monkeypatch: Any) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise CompilerError("it reads too early")

    monkeypatch.setattr(prove, "verify", refuse)
    t = made("three states", (20,))
    monkeypatch.delenv("MICROGRAD_CHECK", raising=False)
    assert looped(t.graph, "out", 1000) is None
    monkeypatch.setenv("MICROGRAD_CHECK", "1")
    with pytest.raises(CompilerError, match="not its own: it reads too early"):
        looped(t.graph, "out", 1000)


def test_a_mismatch_is_told_under_check_and_left_alone_otherwise(monkeypatch: Any) -> None:
    monkeypatch.setattr(proved, "mismatch", lambda *_: "it is made up")
    t = made("three states", (20,))
    monkeypatch.delenv("MICROGRAD_CHECK", raising=False)
    assert looped(t.graph, "out", 1000) is None
    monkeypatch.setenv("MICROGRAD_CHECK", "1")
    with pytest.raises(CompilerError, match="not its own: it is made up"):
        looped(t.graph, "out", 1000)


# --- programs that were wrong, or too long --------------------------------------------------------


def two_runs() -> Function:
    """Runs of one period behind each other; turned, the first reaches into the second."""

    def f(x: list[Any], y: list[Any]) -> Any:
        a = x[0]
        for i in range(17):
            a = tanh(a * (0.0 if i == 4 else 0.5) + x[(2 * i + 3) % 40])
        for _ in range(3):
            for i, k in enumerate([32, 21, 25, 5, 1]):
                a = a + 0.1 * x[k] * x[i % 3]
        return a + 0.5 * y[1]

    return f


def rectified(steps: int) -> Function:
    """A loop over a long body, each of whose ops is written with its operand twice."""

    def f(x: list[Any], y: list[Any]) -> Any:
        a = x[0]
        for _ in range(6):
            for i in range(steps):
                a = relu(a + x[i ^ 13] * y[i]) * 0.5
        return a

    return f


@pytest.mark.parametrize("f", [two_runs(), rectified(16)])
def test_every_op_is_of_one_static(f: Function) -> None:
    ops = Ops(traced(f, floats(LENGTH), floats(LENGTH, 1)).graph)
    for depth in loops.DEPTHS:
        found = np.concatenate([s.ops for s in statics_of(recognise(ops, Look(depth)))])
        assert np.array_equal(np.sort(found), np.arange(len(ops)))


def written_out(expr: Any) -> int:
    """Ops of an expression whose ops are all written out."""
    if not isinstance(expr, Apply):
        return 0
    if expr.op.expand is not None:
        return written_out(expr.op.expand(*expr.args))
    return 1 + sum(map(written_out, expr.args))


def test_expressions_stay_small_when_they_are_written_out() -> None:
    sizes = []
    for steps in (16, 32):  # of 8, pairs are found
        t = traced(rectified(steps), floats(LENGTH), floats(LENGTH, 1))
        program = found(t)
        assert max(written_out(s.expr) for s in program.statements) <= LARGEST
        back = gradient(program, ("out", 0), t.wrt)
        sizes.append(sum(written_out(s.expr) for s in back.statements))
    assert sizes[1] < 2.5 * sizes[0]


@pytest.mark.parametrize(("operations", "most"), [(100, 50), (9_000, 300), (64_000, 2000)])
def test_long_programs_are_looked_for_only_where_they_save_most(operations: int, most: int) -> None:
    assert longest_searched(operations) == most
