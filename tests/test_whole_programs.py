"""Schedules and the code for them, on random programs of whole numbers; and what was found."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import jit, sin
from micrograd.jit.emit import loop as emit_loops
from micrograd.jit.emit import statement as emit_statement
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.program import Access, Program, Role
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule.lanes import _Model

from .whole_programs import Compiled, check

SEEDS = 240


@pytest.mark.parametrize("first", range(0, SEEDS, 20))
def test_code_computes_what_programs_mean(first: int) -> None:
    for seed in range(first, first + 20):
        check(seed)


def test_a_wrong_choice_of_sums_abreast_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretches longer than a number, and targets through tables, which may coincide."""

    def any_sum(self: Any, s: Any) -> bool:
        return bool(s.accumulate and s.target.strides[0] and not any(s.target.strides[1:]))

    monkeypatch.setattr(_Model, "_sums_to_own_numbers", any_sum)
    for seed in (2, 448):
        with pytest.raises(AssertionError, match=f"seed {seed}"):
            check(seed)


def test_packs_that_are_taken_for_others_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Careless(emit_statement.StatementEmitter):
        def _scratch(self, a: Access) -> Any:
            return super()._scratch(Access(a.array, a.offset, a.strides))

    monkeypatch.setattr(emit_loops, "StatementEmitter", Careless)
    with pytest.raises(AssertionError, match="seed 13"):
        check(13)


# --- what was found -------------------------------------------------------------------------------


def numbers(x: Any) -> list[float]:
    if isinstance(x, (list, tuple)):
        return [v for item in x for v in numbers(item)]
    return [float(v) for v in np.ravel(x)]


def agrees(kernel: Any, *arguments: list[float]) -> bool:
    """Whether the kernel gives what the interpreter makes of its program."""
    found = numbers(kernel(*arguments))
    program = kernel._latest.transformed
    given = zip(program.with_role(Role.INPUT), arguments, strict=True)
    outputs = interpret(program, {a.name: x for a, x in given})
    expected = np.concatenate(list(outputs.values()))
    return bool(np.allclose(found, expected, rtol=1e-12, atol=1e-12))


@pytest.mark.parametrize(("n", "m"), [(4, 32), (8, 64), (16, 48), (4, 33), (1, 32), (5, 40)])
def test_a_hessian_whose_rows_are_summed_into(n: int, m: int) -> None:
    def f(x: list, y: list) -> Any:
        t = sum(y)
        o = [u * y[0] + t for u in y]
        o = [w / (1.0 + w * w) for w in o]
        return sum(o) + x[0]

    r = random.Random(1)
    x = [r.uniform(-1, 1) for _ in range(n)]
    y = [r.uniform(-1, 1) for _ in range(m)]
    assert agrees(jit(f, dtype="f64").hessian, x, y)


def rotated(choices: list[int]) -> Callable[..., Any]:
    def g(c: list, x: list) -> list:
        out = []
        for k in choices:
            a = c[4 * k : 4 * k + 3]
            angle = a[0] * a[0]
            s = sin(angle)
            r = [a[i] * angle for i in range(3)]
            cross = [
                r[1] * x[2] - r[2] * x[1],
                r[2] * x[0] - r[0] * x[2],
                r[0] * x[1] - r[1] * x[0],
            ]
            t = r[0] * x[0] + r[1] * x[1] + r[2] * x[2]
            y = [x[i] * angle + cross[i] * s + r[i] * t for i in range(3)]
            out += [y[0] * y[2], y[1] * y[2]]
        return out

    return g


@pytest.mark.parametrize("choices", [[0, 0, 1, 0, 1, 1, 1, 1], [0, 1, 0, 1], [1, 1, 0] * 4])
def test_a_jacobian_through_cross_products(choices: list[int]) -> None:
    kernel = jit(rotated(choices), dtype="f64")
    c = [0.1 * (i + 1) + 0.01 * i * i for i in range(8)]
    x = [1.0, 1.1, 1.2] + [0.3 + 0.01 * i for i in range(24)]
    assert agrees(kernel, c, x)
    assert agrees(kernel.jacobian, c, x)


def nested(rows: int, stretch: int) -> Program:
    """out[i] = the sum of what an iteration computes in temporaries of its own."""
    p = Program()
    p.declare("x", Role.INPUT, rows)
    p.declare("y", Role.INPUT, stretch)
    p.declare("out", Role.OUTPUT, rows)
    p.assign(Access("out", 0, (1,)), 0.0, (rows,))
    last: Any = Access("y", 0, (0, 1))
    for k in range(3):
        p.declare(f"t{k}", Role.TEMPORARY, rows * stretch)
        target = Access(f"t{k}", 0, (stretch, 1))
        p.assign(target, last + Access("x", 0, (1, 0)), (rows, stretch))
        last = target
    p.assign(Access("out", 0, (1, 0)), last, (rows, stretch), accumulate=True)
    return verify(p)


@pytest.mark.parametrize("points", [False, True])
@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize(("rows", "stretch"), [(16, 100), (3, 90_000), (16, 50_000)])
def test_temporaries_larger_than_a_stack(rows: int, stretch: int, bits: int, points: bool) -> None:
    program = nested(rows, stretch)
    x, y = np.arange(float(rows)), np.ones(stretch)
    code = Compiled(program, bits, 512, points=points, level=0)
    if points:
        columns = {"x": np.stack([x] * 5, 1), "y": np.stack([y] * 5, 1)}
        found = code.run_at(columns, 5)["out"]
        expected = np.stack([stretch * (1 + 3 * x)] * 5, 1)
    else:
        found = code.run({"x": x, "y": y})["out"]
        expected = stretch * (1 + 3 * x)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("partials", [2_600, 3_500, 20_000])
def test_a_gradient_of_thousands_of_partials_mapped_over_rows(partials: int) -> None:
    picked = np.random.default_rng(0).permutation(partials).tolist()

    def f(x: float, w: list) -> Any:
        return sum((w[k] * x + w[k + 1 - 2 * (k % 2)]) * w[j] for k, j in enumerate(picked))

    kernel = jit(f, dtype="f64", wrt=["w"]).grad
    w = [float(k % 7 - 3) for k in range(partials)]
    x = np.arange(100.0) % 5
    (mapped,) = kernel(x, w)
    assert len(mapped) == partials
    for at in (0, 63, 99):
        (single,) = kernel(float(x[at]), w)
        assert [column[at] for column in mapped] == single


def test_a_statement_that_reads_what_it_writes_runs_in_turn_or_not_at_all() -> None:
    p = Program()
    p.declare("x", Role.INPUT, 4)
    p.declare("out", Role.OUTPUT)
    p.assign(Access("out"), 1.0)
    term = Access("x", 0, (1,)) * Access("out", 0, (0,))  # type: ignore[operator]
    p.assign(Access("out", 0, (0,)), term, (4,), accumulate=True)
    with pytest.raises(Exception, match="reads elements of out that it writes, and not in turn"):
        verify(p)
