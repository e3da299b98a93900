"""Sums over rows of what is written piece by piece, as sums of the pieces."""

from __future__ import annotations

import re

import pytest

from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program, dump
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.pieces import by_pieces
from micrograd.jit.schedule.schedule import schedule
from micrograd.jit.target import Target

from ...row_pieces import check

TARGET = Target.host(vector_bits=256)

SUMS = """
input a[9]
input x[18]
temp each[36]
output out[4]

each[4*i + j] = mul(a[i], x[2*i + j])  for i < 9, j < 2
each[4*i + j + 2] = neg(a[i])  for i < 9, j < 2
out[i] = 0.0  for i < 4
out[j] += each[4*i + j]  for i < 9, j < 4
"""


def program(*changes: tuple[str, str]) -> Program:
    text = SUMS
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return verify(parse(text))


def test_pieces_are_summed_and_equal_sums_computed_once() -> None:
    lines = dump(verify(by_pieces(program()), "pieces")).splitlines()
    assert lines[lines.index("") + 1 :] == [
        "out[i] = 0.0  for i < 4",
        "out[j] += mul(a[i], x[2*i + j])  for i < 9, j < 2",
        "same = 0.0",
        "same += neg(a[i])  for i < 9",
        "out[i + 2] += same  for i < 2",
    ]
    assert not any(line.startswith("temp each") for line in lines)


@pytest.mark.parametrize(
    "start", [("= 0.0", "= 3.0"), ("= 0.0", "= -0.0"), ("out[j] +=", "out[-1*j + 3] +=")]
)
def test_sums_that_begin_with_a_number_begin_with_it(start: tuple[str, str]) -> None:
    text = str(by_pieces(program(start)))
    assert "each" not in text
    assert ("same" in text) == ("3.0" not in start[1])


@pytest.mark.parametrize(
    "other",
    {
        "read again": ("out[i] = 0.0", "out[i] = each[9*i]"),
        "a part of the rows": ("i < 9, j < 4", "i < 8, j < 4"),
        "a part of the columns": ("+ j]  for i < 9, j < 4", "+ j]  for i < 9, j < 3"),
        "not a sum over rows": ("out[j] += each[4*i + j]", "out[j] += each[i + 9*j]"),
        "changed before it is summed": (
            "out[i] = 0.0  for i < 4",
            "out[i] = 0.0  for i < 4\nb[i] += 1.0  for i < 9",
        ),
    }.items(),
    ids=lambda other: other[0].replace(" ", "_"),
)
def test_other_sums_stay_as_they_are(other: tuple[str, tuple[str, str]]) -> None:
    changes = [other[1]]
    if other[0].startswith("changed"):
        changes.append(("temp each[36]", "temp each[36]\ntemp b[9]"))
        changes.append(("\n\neach[4*i + j] =", "\n\nb[i] = a[i]  for i < 9\neach[4*i + j] ="))
        changes.append(("mul(a[i]", "mul(b[i]"))
    before = program(*changes)
    assert by_pieces(before) is before


@pytest.mark.parametrize("first", range(0, 24, 12))
def test_random_sums(first: int) -> None:
    assert sum(map(check, range(first, first + 12))) > 3


ROWS = """
input x[320]
input c[50]
temp d[64, 50]
temp q[64, 50]
temp s[64, 10]
output out[50]

d[i, 5*j + k] = sub(x[5*i + k], c[5*j + k])  for i < 64, j < 10, k < 5
q[i, j] = mul(d[i, j], d[i, j])  for i < 64, j < 50
s[i, j] = 0.0  for i < 64, j < 10
s[i, j] += q[i, 5*j + k]  for i < 64, j < 10, k < 5
out[i] = 0.0  for i < 50
out[5*j + k] += neg(mul(mul(d[i, 5*j + k], 2.0), s[i, j]))  for i < 64, j < 10, k < 5
"""


def test_what_an_iteration_reads_once_is_not_written_down() -> None:
    text = str(schedule(verify(parse(ROWS)), TARGET))
    again = r"sub\((x\[5\*i|each_x_0\[i,) .*c\[5\*j \+ k\]\)"
    assert re.search(rf"s\[i, j\] \+= mul\({again}, {again}\)  for i < 64, j < 10, k < 5 ", text)
    assert re.search(rf"\+= mul\({again}, mul\(s\[i, j\], -2.0\)\)", text)
    assert not re.search(r"\bd\[", text)
    assert "q[" not in text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("output out[50]", "output out[50]\noutput last[1]"),
        ("d[i, 5*j + k] = sub(", "d[i, 5*j + k] = atan2("),
    ],
)
def test_what_is_read_elsewhere_or_is_dear_stays(old: str, new: str) -> None:
    text = ROWS.replace(old, new)
    if "last" in new:
        text += "last = d[63, 49]\n"
    assert "d[i, 5*j + k] =" in str(schedule(verify(parse(text)), TARGET))
