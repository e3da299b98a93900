"""Which statements share a loop: text in, text out; interpreted as the loops that they become."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from micrograd.errors import CompilerError
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program, dump
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule.fuse import Group, fuse

from ...nests import gather_scatter, matmul
from ...whole_programs import arguments, draw


def fused(program: Program, *, alone: bool = False) -> Program:
    """The program whose groups run in turn: all their statements in each iteration."""
    body = []
    for turn, part in enumerate(fuse(program.body, alone=alone), 1):
        together = isinstance(part, Group) and (len(part.statements) > 1 or part.in_turn)
        body += [replace(s, turn=turn if together else 0) for s in part.statements]
    return Program(program.arrays, program.tables, body)


def check(program: Program) -> Program:
    """The fused program; assert that it is legal, and computes the same."""
    given = arguments(program, 1)
    after = verify(fused(program), "fuse")
    expected, found = interpret(program, given), interpret(after, given)
    for name, numbers in expected.items():
        assert np.array_equal(found[name], numbers), f"{program}\n\n{after}"
    return after


HEAD = """
input x[8]
temp a[8]
temp b[8]
output out[8]
output total[1]
table back[8] = 7 6 5 4 3 2 1 0

"""

CASES = {
    # what: (before, after); a number in front of a statement is that of the loop that it shares
    "maps over one loop": (
        """
        a[i] = mul(x[i], 2.0)  for i < 8
        b[i] = neg(a[i])  for i < 8
        out[i] = add(a[i], b[i])  for i < 8
        total = 0.0
        """, "- 1 1 1"),
    "a scalar between moves before the loop": (
        """
        a[i] = mul(x[i], 2.0)  for i < 8
        total = 0.0
        total += a[i]  for i < 8
        out[i] = add(a[i], x[i])  for i < 8
        """, "- 1 1 1"),
    "what needs the whole sum stays behind": (
        """
        total = 0.0
        a[i] = mul(x[i], 2.0)  for i < 8
        total += a[i]  for i < 8
        out[i] = mul(a[i], total)  for i < 8
        """, "- 1 1 -"),
    "what needs other iterations stays behind": (
        """
        total = 0.0
        a[i] = mul(x[i], 2.0)  for i < 8
        out[i] = a[-1*i + 7]  for i < 8
        """, "- - -"),
    "what goes through a table stays behind": (
        """
        total = 0.0
        a[i] = mul(x[i], 2.0)  for i < 8
        out[i] = a[back[i]]  for i < 8
        """, "- - -"),
    "sums into one array": (
        """
        total = 0.0
        out[i] = 0.0  for i < 8
        out[back[i]] += x[i]  for i < 8
        out[i] += neg(x[i])  for i < 8
        """, "- 1 1 -"),
    "a loop over rows": (
        """
        total = 0.0
        a[i] = 1.0  for i < 4
        a[i + 4] = 2.0  for i < 4
        out[4*i + j] = mul(x[4*i + j], 3.0)  for i < 2, j < 4
        """, "- - 1 1"),
    "in turn, nothing moves past": (
        """
        a[i] = x[i]  for i < 8
        total = 0.0
        b = x
        b[i + 1] = add(b[i], a[i])  for i < 7 in turn 3
        out[i] = b[i]  for i < 8
        """, "- - - 1 -"),
}  # fmt: skip


@pytest.mark.parametrize("what", CASES)
def test_statements_share_loops(what: str) -> None:
    text, expected = CASES[what]
    after = check(verify(parse(HEAD + text)))
    turns = list(dict.fromkeys(s.turn for s in after.body if s.turn))
    assert " ".join(str(turns.index(s.turn) + 1) if s.turn else "-" for s in after.body) == expected


def test_a_longer_loop_is_cut_into_rows() -> None:
    text = """
        input x[8]
        temp a[8]
        temp r[4]
        output out[8]

        a[i] = mul(x[i], 2.0)  for i < 8
        r[i] = 0.0  for i < 4
        r[i] += a[2*i + j]  for i < 4, j < 2
        out[2*i + j] = mul(r[i], a[2*i + j])  for i < 4, j < 2
    """
    assert list(map(str, check(verify(parse(text))).body)) == [
        "a[2*i + j] = mul(x[2*i + j], 2.0)  for i < 4, j < 2 in turn 1",
        "r[i] = 0.0  for i < 4 in turn 1",
        "r[i] += a[2*i + j]  for i < 4, j < 2 in turn 1",
        "out[2*i + j] = mul(r[i], a[2*i + j])  for i < 4, j < 2 in turn 1",
    ]


def test_sums_commute() -> None:
    """The second sum joins the loop that sets the array; the first follows."""
    after = check(verify(parse(HEAD + CASES["sums into one array"][0])))
    assert list(map(str, after.body[1:])) == [
        "out[i] = 0.0  for i < 8 in turn 2",
        "out[i] += neg(x[i])  for i < 8 in turn 2",
        "out[back[i]] += x[i]  for i < 8",
    ]


def test_alone_nothing_is_fused_and_nothing_moves() -> None:
    for text, _ in CASES.values():
        program = parse(HEAD + text)
        after = fused(program, alone=True)
        assert [replace(s, turn=0) for s in after.body] == [
            replace(s, turn=0) for s in program.body
        ]
        assert sum(bool(s.turn) for s in after.body) == sum(bool(s.turn) for s in program.body)


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_random_programs_interpreted_as_their_loops(first: int) -> None:
    shared = 0
    for seed in range(first, first + 100):
        shared += sum(bool(s.turn) for s in check(draw(seed)).body)
    assert shared > 100


def test_programs_by_hand() -> None:
    for p in (matmul(), gather_scatter()):
        after = verify(fused(p), "fuse")
        assert [s.turn for s in after.body].count(0) < len(p.body)


@pytest.mark.parametrize(
    "what",
    ["what needs other iterations stays behind", "what goes through a table stays behind",
     "what needs the whole sum stays behind"],
)  # fmt: skip
def test_what_is_fused_and_must_not_be_is_noticed(what: str) -> None:
    """The test of the tests: the output, damaged: all statements with loops share one."""
    text = dump(check(verify(parse(HEAD + CASES[what][0]))))
    lines = [line.split(" in turn")[0] for line in text.split("\n")]
    damaged = parse("\n".join(f"{x} in turn 1" if "  for " in x else x for x in lines))
    try:
        verify(damaged)
    except CompilerError:
        return
    given = arguments(damaged, 1)
    expected = interpret(parse(text), given)["out"]
    assert not np.array_equal(interpret(damaged, given)["out"], expected)
