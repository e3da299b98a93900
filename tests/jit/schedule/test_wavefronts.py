"""Recurrences in two dimensions run by diagonals, whose points lie in lanes."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import pytest

from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program, Statement, dump
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule.courses import course
from micrograd.jit.schedule.wavefronts import Diagonals, wavefronts
from micrograd.jit.target import Target
from tests.by_values import interpreted
from tests.grids import check

TARGET = Target.host(vector_bits=512)
STRICT = replace(TARGET, strict=True)


def recurrence(made: str, order: str = "in order") -> Program:
    """A table of 64 rows and columns, whose edges are 0, and what a cell inside is."""
    return table(
        f"""
for i < 38 {order}:
  for j < 62 {order}:
    t[i + 1, j + 1] = {made}
""",
        "t[i + 1, 0] = 0.0  for i < 63",
    )


def table(loops: str, *edges: str) -> Program:
    """A table of 64 rows and columns, of which the first row is 0, and the last column."""
    return verify(
        parse(
            "\n".join(
                [
                    "input x[40]",
                    "temp t[64, 64]",
                    "output out[1]",
                    "",
                    "t[0, i] = 0.0  for i < 64",
                    "t[i + 1, 63] = 0.0  for i < 63",
                    *edges,
                    *loops.strip().splitlines(),
                    "out = t[38, 62]",
                ]
            )
        )
    )


def diagonals(program: Program, target: Target = TARGET) -> list[str]:
    """The lines of the first loop over diagonals."""
    lines = dump(verify(wavefronts(program, target), "wavefronts")).splitlines()
    first = next(k for k, line in enumerate(lines) if line.startswith("for "))
    return [line for line in lines[first:] if line.startswith(("for ", "  "))]


def test_diagonals_are_loops_in_order_around_free_ones() -> None:
    program = recurrence("tanh(add(t[i, j + 1], mul(t[i + 1, j], x[i])))")
    assert diagonals(program) == [
        "for i < 99 in order:",
        "  t[first_38_62[i] + 64*i + j + 129] = tanh(add(t[first_38_62[i] + 64*i + j + 64], "
        "mul(t[first_38_62[i] + 64*i + j + 65], x[first_38_62[i] + j])))  for j < counts_38_62[i]",
    ]
    diagonal = wavefronts(program, TARGET)
    assert dump(diagonal).splitlines()[-1] == "out = t[100, 38]"
    first = diagonal.arrays["first_38_62"].data
    counts = diagonal.arrays["counts_38_62"].data
    assert first is not None
    assert counts is not None
    assert first.tolist() == [max(0, d - 61) for d in range(99)]
    assert counts.sum() == 38 * 62


def test_what_is_done_for_each_row_has_a_column_of_its_own() -> None:
    program = table(
        """
for i < 38 in order:
  t[i + 1, 0] = mul(t[i, 0], x[i])
  for j < 62 in order:
    t[i + 1, j + 1] = tanh(add(t[i, j + 1], mul(t[i + 1, j], x[i])))
"""
    )
    head, beside, edge, points = diagonals(program)
    assert head == "for i < 100 in order:"
    assert beside.startswith("  for j < row_38_100_0[i]:")
    assert edge == "    t[65*i + 65] = mul(t[65*i], x[i])"
    assert points.endswith("for j < counts_38_62_100_1[i]")
    here = wavefronts(program, TARGET).arrays["row_38_100_0"].data
    assert here is not None
    assert here.tolist() == [1] * 38 + [0] * 62


def test_what_reads_beside_itself_on_a_diagonal_stays_as_it_is() -> None:
    program = recurrence("tanh(add(t[i, j + 2], t[i + 1, j]))")
    assert wavefronts(program, TARGET) is program


def test_what_reads_the_rows_end_stays_as_it_is() -> None:
    program = table(
        """
for i < 38 in order:
  t[i + 1, 0] = mul(t[i, 62], x[i])
  for j < 62 in order:
    t[i + 1, j + 1] = tanh(add(t[i, j + 1], mul(t[i + 1, j], x[i])))
"""
    )
    assert wavefronts(program, TARGET) is program


def test_what_goes_through_a_table_by_rows_stays_as_it_is() -> None:
    """Row `first[d] + k` of a diagonal is no linear number, so there is no entry for it."""
    made = "tanh(add(t[i, j + 1], mul(t[i + 1, j], x[turned[i]])))"
    text = dump(recurrence(made.replace("turned[i]", "i"))).replace("x[i]", "x[turned[i]]")
    entries = " ".join(map(str, reversed(range(38))))
    program = verify(parse(f"const turned[38] i32 = {entries}\n{text}"))
    assert wavefronts(program, TARGET) is program


def test_sums_of_other_elements_of_an_array_lie_in_lanes() -> None:
    """The cotangents of a table are sums of its own, of later points; not of the same."""
    program = sums("s[i, j + 1] += mul(s[i + 1, j + 1], x[i])", "s[i, j] += s[i + 1, j + 1]")
    for target in (STRICT, TARGET):
        for s in wavefronts(program, target).body[1].body:  # type: ignore[union-attr]
            assert isinstance(s, Statement)
            assert course(s, 1, 8, target.strict).lane == 1
            same = replace(s, expr=s.target)
            assert course(same, 1, 8, target.strict).lane is None


def test_scalar_targets_stay_as_they_are() -> None:
    program = recurrence("tanh(add(t[i, j + 1], t[i + 1, j]))")
    assert wavefronts(program, TARGET) is not program
    assert wavefronts(program, replace(TARGET, vector_bits=64)) is program


def test_strict_sums_keep_their_order() -> None:
    """Two points of a diagonal add to one number; that of the later row comes first, as the loops
    say, so its statement does.
    """
    right, down = "s[i, j + 1] += mul(t[i, j], x[i])", "s[i + 1, j] += mul(t[i, j], x[j])"
    with mock.patch.object(Diagonals, "pays", return_value=True):
        head, first, _ = lines = diagonals(sums(right, down), STRICT)
        assert head == "for i < 93 in reverse order:"
        assert "x[first" in first
        assert diagonals(sums(down, right), STRICT) == lines


def test_sums_that_would_be_in_another_order_stay_as_they_are() -> None:
    same = sums("s[i, 0] += mul(t[i, j], x[j])", "s[0, j] += mul(t[i, j], x[i])")
    with mock.patch.object(Diagonals, "pays", return_value=True):
        assert wavefronts(same, STRICT) is same
        assert wavefronts(same, TARGET) is not same


def sums(*lines: str) -> Program:
    """Sums over the points of a table of 40 rows and 54 columns, last to first."""
    return verify(
        parse(
            "\n".join(
                [
                    "input x[60]",
                    "input t[41, 55]",
                    "temp s[41, 55]",
                    "output out[41, 55]",
                    "",
                    "s[i, j] = 0.0  for i < 41, j < 55",
                    "for i < 40 in reverse order:",
                    "  for j < 54 in reverse order:",
                    *(f"    {line}" for line in lines),
                    "out[i, j] = s[i, j]  for i < 41, j < 55",
                ]
            )
        )
    )


@pytest.mark.parametrize("name", ["first_38_62", "counts_38_62"])
def test_index_arrays_beside_a_parameter_of_their_name(name: str) -> None:
    program = recurrence("mul(t[i, j + 1], tanh(add(t[i + 1, j], x[i])))")
    called = verify(parse(dump(program).replace("x[", f"{name}[")))
    diagonal = verify(wavefronts(called, TARGET), "wavefronts")
    assert diagonal is not called
    x = [0.1 * k for k in range(40)]
    assert interpreted(diagonal, x, ()) == interpreted(program, x, ())


@pytest.mark.parametrize("seed", [5, 6, 8])
def test_random_recurrences_give_what_backward_gives(seed: int) -> None:
    assert all(check(seed))
