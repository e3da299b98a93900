"""Triangles that are filled row by row run column by column, rows in lanes."""

from __future__ import annotations

import pytest

from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program, dump
from micrograd.jit.ir.verify import verify
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


def test_strict_programs_and_scalar_targets_stay_as_they_are() -> None:
    program = factorization()
    assert by_columns(program, Target.host(vector_bits=512, strict=True)) is program
    assert by_columns(program, Target.host(vector_bits=64)) is program


@pytest.mark.parametrize(("seed", "bits"), [(1, 128), (7, 256), (9, 512), (12, 512)])
def test_random_factorizations(seed: int, bits: int) -> None:
    assert any(check(seed, (bits,)))
