"""Recurrences in two dimensions run by diagonals, whose points lie in lanes."""

from __future__ import annotations

import pytest

from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program, dump
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule.wavefronts import wavefronts
from micrograd.jit.target import Target
from tests.grids import check

TARGET = Target.host(vector_bits=512)


def recurrence(made: str, order: str = "in order") -> Program:
    """A table of 64 rows and columns, whose edges are 0, and what a cell inside is."""
    return verify(
        parse(
            f"""
input x[40]
temp t[64, 64]
output out[1]

t[0, i] = 0.0  for i < 64
t[i + 1, 0] = 0.0  for i < 63
t[i + 1, 63] = 0.0  for i < 63
for i < 38 {order}:
  for j < 62 {order}:
    t[i + 1, j + 1] = {made}
out = t[38, 62]
"""
        )
    )


def test_diagonals_are_loops_in_order_around_free_ones() -> None:
    program = recurrence("tanh(add(t[i, j + 1], mul(t[i + 1, j], x[i])))")
    diagonal = verify(wavefronts(program, TARGET), "wavefronts")
    lines = dump(diagonal).splitlines()
    at = lines.index("for i < 99 in order:")
    assert lines[at + 1 : at + 3] == [
        "  for j < counts_38_62[i]:",
        "    t[first_38_62[i] + 64*i + j + 129] = tanh(add(t[first_38_62[i] + 64*i + j + 64], "
        "mul(t[first_38_62[i] + 64*i + j + 65], x[first_38_62[i] + j])))",
    ]
    assert lines[-1] == "out = t[100, 38]"
    first = diagonal.arrays["first_38_62"].data
    counts = diagonal.arrays["counts_38_62"].data
    assert first is not None
    assert counts is not None
    assert first.tolist() == [max(0, d - 61) for d in range(99)]
    assert counts.sum() == 38 * 62


def test_what_reads_beside_itself_on_a_diagonal_stays_as_it_is() -> None:
    program = recurrence("tanh(add(t[i, j + 2], t[i + 1, j]))")
    assert wavefronts(program, TARGET) is program


def test_strict_programs_and_scalar_targets_stay_as_they_are() -> None:
    program = recurrence("tanh(add(t[i, j + 1], t[i + 1, j]))")
    assert wavefronts(program, TARGET) is not program
    assert wavefronts(program, Target.host(vector_bits=512, strict=True)) is program


@pytest.mark.parametrize("seed", [3, 9, 16, 33])
def test_random_recurrences_give_what_backward_gives(seed: int) -> None:
    assert all(check(seed))
