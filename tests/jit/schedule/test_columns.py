"""Triangles that are filled row by row run column by column, rows in lanes."""

from __future__ import annotations

from itertools import count
from random import Random
from unittest import mock

import numpy as np
import pytest

from micrograd.errors import MicrogradError
from micrograd.jit.compile import optimized
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program, Role, dump
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.schedule import columns
from micrograd.jit.schedule.columns import by_columns
from micrograd.jit.target import Target
from tests.factorizations import check

TARGET = Target.host(vector_bits=512)

FACTORIZATION = """
input a[1600]
temp t[40, 39]
temp low[40, 39]
temp diagonal[40]
output out[40]

for i < 40 in order:
  for j < i in order:
    t[i, j] = a[40*i + j]
    t[i, j] += neg(mul(low[i, k], low[j, k]))  for k < j
    low[i, j] = div(t[i, j], diagonal[j])
  diagonal[i] = a[41*i]
  diagonal[i] += mul(low[i, j], low[i, j])  for j < i
out[i] = diagonal[i]  for i < 40
"""


def factorization(change: tuple[str, str] = ("", "")) -> Program:
    assert change[0] in FACTORIZATION
    return verify(parse(FACTORIZATION.replace(*change)))


def test_rows_are_free_loops_and_columns_lie_in_rows() -> None:
    program = factorization()
    after = verify(by_columns(program, TARGET), "columns")
    lines = dump(after).splitlines()
    at = lines.index("for i < 40 in order:")
    assert "temp low[39, 40]" in lines
    assert lines[at + 1 : at + 6] == [
        "  diagonal[i] = a[41*i]",
        "  diagonal[i] += mul(low[j, i], low[j, i])  for j < i",
        "  t[41*i + j + 1] = a[41*i + 40*j + 40]  for j < -1*i + 39",
        "  t[41*i + j + 1] += neg(mul(low[k, i + j + 1], low[k, i]))  "
        "for j < -1*i + 39, k < i <= 38",
        "  low[41*i + j + 1] = div(t[41*i + j + 1], diagonal[i])  for j < -1*i + 39",
    ]
    given = {"a": [(7.0 * k) % 5 + 50.0 * (k % 41 == 0) for k in range(1600)]}
    assert interpret(after, given)["out"].tolist() == interpret(program, given)["out"].tolist()


@pytest.mark.parametrize(
    "change",
    [
        ("low[j, k]))", "low[39*i + k - 38]))"),  # of the row above, up to this column
        ("diagonal[j])", "diagonal[i - 1])"),
        ("t[i, j] += neg", "t[i, j] *= neg"),
        ("for i < 40 in order:", "for i < 12 in order:"),
    ],
)
def test_what_would_come_too_late_stays_as_it_is(change: tuple[str, str]) -> None:
    text = FACTORIZATION.replace(*change)
    if change[0].startswith("for"):
        text = text.replace("out[i] = diagonal[i]  for i < 40", "out[i] = 0.0  for i < 40")
    program = parse(text)
    assert by_columns(program, TARGET) is program


@pytest.mark.parametrize(
    ("reader", "turns"),
    [
        ("low[39, i]  for i < 39, j < n[i] <= 3", False),  # how often, only the call knows
        ("low[39, i]  for i < 39, j < 1000000", True),
        ("low[39, i]  for i < 39, j < i, k < 10000", False),
    ],
)
def test_what_else_reads_a_triangle(reader: str, turns: bool) -> None:
    text = FACTORIZATION.replace("output", "input n[40] i64 < 4\noutput")
    program = verify(parse(f"{text}out[i] += {reader}"))
    after = verify(by_columns(program, TARGET), "columns")
    assert ("temp low[39, 40]" in dump(after)) is turns


def test_strict_programs_and_scalar_targets_stay_as_they_are() -> None:
    program = factorization()
    assert by_columns(program, Target.host(vector_bits=512, strict=True)) is program
    assert by_columns(program, Target.host(vector_bits=64)) is program


def drawn(seed: int) -> str:
    """A random triangle, as a program: some of these are none."""
    r = Random(seed)
    n, whole = r.choice([5, 6, 7]), r.choice([0, 0, 1])
    places = ["low[i, k]", "low[j, k]", "d[k]", "x[i]", "x[j]", "x[k]", f"low[{n}*i + k - {n}]"]
    places += [f"low[{n}*i + k - {n - 1}]", "low[i, k + 1]", "up[j, k]", "up[k, i]"]
    made = ["t[i, j]", "d[j]", "x[i]", "e[i]", "e[j]", f"low[{n}*i + j - {n}]", "up[j, i]"]
    row = [
        "    t[i, j] = a[i, j]",
        f"    t[i, j] += {_drawn(r, places)}  for k < {r.choice(['j', 'j', 'j + 1', 'i'])}",
        f"    low[i, j] = {_drawn(r, made)}",
    ]
    row += [f"    up[j, i] = {_drawn(r, ['low[i, j]', *made])}"] * r.choice([0, 1])
    beside = [
        f"  d[i] = {_drawn(r, ['x[i]', 'a[i, i]', 'e[i]'])}",
        f"  d[i] += {_drawn(r, ['low[i, j]', 'd[j]', 'up[j, i]', 'x[j]'])}  for j < i",
    ]
    order = [f"  for j < i{' + 1' * whole} in order:", *row]
    lines = [*order, *beside] if r.random() < 0.7 else [*beside, *order]
    return "\n".join(
        [
            f"input x[{n}]",
            f"input a[{n}, {n}]",
            *[f"temp {name}[{n}, {n}]" for name in ("t", "low", "up")],
            f"temp d[{n}]",
            f"temp e[{n}]",
            "output out[1]",
            "",
            f"e[i] = mul(x[i], 0.5)  for i < {n}",
            f"up[i, j] = 0.25  for i < {n}, j < {n}" * (len(row) == 3),
            f"for i < {n} in order:",
            *lines,
            "out = -0.0",
            f"out += mul(d[i], x[i])  for i < {n}",
            f"out += low[i, j]  for i < {n}, j < i",
        ]
    )


def _drawn(r: Random, places: list[str]) -> str:
    a, b, c = (r.choice(places) for _ in range(3))
    return r.choice(
        [f"mul({a}, {b})", f"sub({a}, mul({b}, {c}))", f"add(mul({a}, {b}), tanh({c}))"]
    )


def by_columns_alike(seed: int) -> int:
    """How many of a random program and its gradient run by columns; -1 if it is no program.

    Raises AssertionError if a number is another then.
    """
    try:
        program = verify(parse(drawn(seed)))
    except MicrogradError:
        return -1
    target = Target.host(vector_bits=128)
    rng, found = np.random.default_rng(seed), 0
    given = {a.name: rng.uniform(-1, 1, a.size) for a in program.with_role(Role.INPUT)}
    wrt = [(name, k) for name, numbers in given.items() for k in range(len(numbers))]
    for p in (program, gradient(program, ("out", 0), wrt)):
        p = optimized(p, target)
        with mock.patch.object(columns, "_cost", side_effect=count()):
            after = by_columns(p, target)
        found += after is not p
        verify(after, "columns", stage="schedulable")
        for name, numbers in interpret(p, given).items():
            again = interpret(after, given)[name]
            np.testing.assert_allclose(again, numbers, rtol=1e-11, atol=1e-11, err_msg=drawn(seed))
    return found


def test_random_triangles() -> None:
    assert sum(max(0, by_columns_alike(seed)) for seed in range(120)) > 10


@pytest.mark.parametrize(("seed", "bits"), [(1, 128), (7, 256), (9, 512), (12, 512)])
def test_random_factorizations(seed: int, bits: int) -> None:
    assert any(check(seed, (bits,)))
