"""Gradients that are added to others where these lie."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program, Role
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.in_place import in_place


def program_of(body: list[str], n: int = 8) -> Program:
    head = [
        f"input x[{n}]",
        f"input before[{n}]",
        f"temp t[{n}]",
        f"output g[{n}]",
        "output out[1]",
    ]
    return verify(parse("\n".join([*head, "", "one = 1.0", *body, "out = mul(one, x[0])"]) + "\n"))


def check(program: Program, seed: int, n: int) -> Program:
    """The program in place; it gives the same bits."""
    draw = np.random.default_rng(seed)
    x, before = draw.normal(size=(2, n))
    before[draw.random(n) < 0.2] = draw.choice([0.0, -0.0, np.inf, np.nan])
    found = verify(in_place(program, "g", "before"))
    expected = interpret(program, {"x": x, "before": before})
    got = interpret(found, {"x": x, "g": before})
    assert found.arrays["g"].role is Role.STATE
    for name in ("g", "out"):
        assert np.array_equal(expected[name], got[name], equal_nan=True), program
        assert np.array_equal(np.signbit(expected[name]), np.signbit(got[name])), program
    return found


def test_copies_go() -> None:
    body = ["g[i] = mul(one, before[i])  for i < 8", "g[i] += x[i]  for i < 8"]
    found = check(program_of(body), 0, 8)
    assert "before" not in found.arrays
    assert [str(s) for s in found.statements] == [
        "one = 1.0",
        "g[i] += x[i]  for i < 8",
        "out = mul(one, x)",
    ]


def test_a_one_that_only_copies_read_goes() -> None:
    program = program_of(["two = 1.0", "g[i] = mul(before[i], two)  for i < 8"])
    found = check(program, 0, 8)
    assert "two" not in found.arrays
    assert "one" in found.arrays


@pytest.mark.parametrize(
    "body",
    [
        ["g[i] = x[i]  for i < 8", "g[i] += before[i]  for i < 8"],
        ["g[i] = -0.0  for i < 8", "g[i] += mul(one, before[i])  for i < 8"],
        ["t[i] = before[i]  for i < 8", "g[i] = add(t[i], x[i])  for i < 8"],
        ["g[i] = before[i]  for i < 8", "t[i] = before[i]  for i < 8", "g[i] += t[i]  for i < 8"],
        ["g[i] = before[-1*i + 7]  for i < 8"],
        ["g[2*i] = before[2*i]  for i < 4", "g[2*i + 1] = before[2*i]  for i < 4"],
        ["g[i] = mul(2.0, before[i])  for i < 8"],
        ["g[i] = mul(x[0], before[i])  for i < 8"],
        ["g[i] = 0.0  for i < 8", "g[i] += x[i]  for i < 8"],
    ],
)
def test_what_begins_otherwise_reads_a_copy(body: list[str]) -> None:
    program = program_of(body)
    found = check(program, 1, 8)
    if any("before" in line for line in body):
        assert found.arrays["before"].role is Role.TEMPORARY


@pytest.mark.parametrize("seed", range(60))
def test_drawn(seed: int) -> None:
    r = Random(seed)
    n = 2 * r.randint(1, 12)
    forms = [
        [f"g[i] = before[i]  for i < {n}"],
        [f"g[i] = mul(one, before[i])  for i < {n}"],
        [f"g[i] = -0.0  for i < {n}", f"g[i] += mul(before[i], one)  for i < {n}"],
        [f"g[2*i + {k}] = before[2*i + {j}]  for i < {n // 2}" for k, j in r.choice(
            [((0, 0), (1, 1)), ((1, 1), (0, 0)), ((0, 1), (1, 0))]
        )],
        [f"g[i] = sub(before[i], x[i])  for i < {n}"],
    ]  # fmt: skip
    body = r.choice(forms)
    if r.random() < 0.3:
        body = [f"t[i] = {r.choice(['before', 'x'])}[i]  for i < {n}", *body]
        body.append(f"g[i] += t[-1*i + {n - 1}]  for i < {n}")
    for _ in range(r.randint(0, 3)):
        start = r.randrange(n)
        body.append(f"g[i + {start}] += mul(x[i], {r.uniform(-2, 2)!r})  for i < {n - start}")
    check(program_of(body, n), seed, n)
