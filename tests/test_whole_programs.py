"""Schedules and the code for them, on random programs of whole numbers; and what was found."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import jit, sin
from micrograd.errors import CompilerError
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program, Role, dump
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule.lanes import VectorLoop
from micrograd.jit.schedule.schedule import schedule
from micrograd.jit.target import Target

from .whole_programs import Compiled, arguments, check, draw

SEEDS = 240


@pytest.mark.parametrize("first", range(0, SEEDS, 20))
def test_code_computes_what_programs_mean(first: int) -> None:
    for seed in range(first, first + 20):
        check(seed)


# --- the tests of the tests ----------------------------------------------------------------------

ROWS = """
input a[64]
input b[16]
temp r[16]
output out[16]
const t[16] i32 = 0 0 1 1 2 2 3 3 4 4 5 5 6 6 7 7

r[i] = b[i]  for i < 16
r[i] += a[4*i + j]  for i < 16, j < 4
out[i] = r[i]  for i < 16
"""
"""The sums of rows, which are added up together: each into a number of its own."""
OTHERS = {
    "the same number": ("r[i] += ", "r[t[i]] += "),
    "numbers far apart": ("r[i] += ", "r[-1*i + 15] += "),
}


@pytest.mark.parametrize("what", OTHERS)
def test_sums_abreast_where_they_must_not_be_are_noticed(what: str) -> None:
    """The code for a schedule that takes one program for the other."""
    right, other = parse(ROWS), verify(parse(ROWS.replace(*OTHERS[what])))
    given = arguments(other, 3)
    expected = interpret(other, given)["out"]
    assert not np.array_equal(expected, interpret(right, given)["out"])
    assert np.array_equal(Compiled(other, 64, 512).run(given)["out"], expected)
    plan = schedule(right, Target.host(vector_bits=512))
    assert "added up together" in str(plan)
    (loop,) = (step for step in plan.functions[0] if isinstance(step, VectorLoop))
    changed = {str(s): s for s in other.statements}
    (k,) = (k for k, s in enumerate(loop.group.statements) if str(s) not in changed)
    loop.group.statements[k] = other.statements[1]
    plan.program = other
    found = Compiled(other, 64, 512, plan=plan).run(given)["out"]
    assert not np.array_equal(found, expected)


PACKED = """
input a[64]
input b[72]
output out[8]
output out2[8]
const t[64] i32 = ENTRIES

out[i] = 0.0  for i < 8
out[i] += mul(a[4*j + 3], b[9*i + j])  for i < 8, j < 9
out2[i] = 0.0  for i < 8
out2[i] += mul(a[t[4*j + 3]], b[9*i + j])  for i < 8, j < 9
"""


@pytest.mark.parametrize("points", [False, True])
def test_what_is_read_in_its_own_order_and_through_a_table(points: bool) -> None:
    """The first is packed into rows; the second has the same pattern, and is not there."""
    entries = " ".join(str((5 * k + 1) % 64) for k in range(64))
    program = verify(parse(PACKED.replace("ENTRIES", entries)))
    given = arguments(program, 1)
    expected = interpret(program, given)
    code = Compiled(program, 64, 512, points=points)
    if points:
        found = code.run_at({k: np.stack([v] * 3, 1) for k, v in given.items()}, 3)
        found = {name: x[:, 1] for name, x in found.items()}
    else:
        assert str(code.schedule).count("lanes: j") == 2  # where copies pay
        found = code.run(given)
    for name, x in expected.items():
        assert np.array_equal(found[name], x)
    assert not np.array_equal(expected["out"], expected["out2"])


DAMAGES: dict[str, Callable[[str], str]] = {
    "a table that is not read": lambda text: re.sub(r"\[index\d+\[([^]]*)\]\]", r"[\1]", text),
    "a sum that is begun again": lambda text: text.replace(" += ", " = "),
    "a stride": lambda text: re.sub(r"\[2\*i", "[1*i", text),
    "an operand": lambda text: text.replace("sub(", "add("),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_other_programs_are_noticed(what: str) -> None:
    """Of programs that are compiled after a change to their text, few give the same numbers."""
    changed, noticed = 0, 0
    for seed in range(0, 120, 3):
        text = dump(draw(seed))
        if DAMAGES[what](text) == text:
            continue
        changed += 1
        try:
            check(seed, damage=DAMAGES[what])
        except AssertionError:
            noticed += 1
        if noticed == 3:
            break
    assert noticed == 3, f"{noticed} of {changed}"


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
    loops = f"for i < {rows}, j < {stretch}"
    lines = [f"input x[{rows}]", f"input y[{stretch}]", f"output out[{rows}]"]
    lines += [f"temp t{k}[{rows * stretch}]" for k in range(3)]
    lines += [f"out[i] = 0.0  for i < {rows}", f"t0[{stretch}*i + j] = add(y[j], x[i])  {loops}"]
    for k in (1, 2):
        lines.append(f"t{k}[{stretch}*i + j] = add(t{k - 1}[{stretch}*i + j], x[i])  {loops}")
    lines.append(f"out[i] += t2[{stretch}*i + j]  {loops}")
    return verify(parse("\n".join(lines)))


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


def test_a_statement_that_reads_what_it_writes_runs_in_a_loop_in_order_or_not_at_all() -> None:
    p = parse("input x[4]\noutput out[1]\n\nout = 1.0\nout += mul(x[i], out)  for i < 4")
    with pytest.raises(CompilerError, match="reads elements of out that it writes in its own"):
        verify(p)
