"""Which statements share a loop: text in, text out; interpreted as the loops that they become."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from micrograd.errors import CompilerError
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Loop, Node, Order, Program, Role, dump, lines, statements
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule.fuse import Group, fuse
from micrograd.jit.schedule.nest import Nest
from micrograd.jit.schedule.plans import Bounds

from ...nests import gather_scatter, matmul
from ...whole_programs import arguments, draw


def fused(program: Program, *, strict: bool = False) -> Program:
    """The program whose groups are loops in order: all their statements in each iteration."""
    body: list[Node] = []
    state = {a.name for a in program.with_role(Role.STATE)}
    for part in fuse(program.body, Bounds(strict, state)):
        if isinstance(part, Group) and (len(part.statements) > 1 or part.in_turn):
            body.append(Loop(part.count, Order.FORWARD, list(part.statements)))
        else:
            body += part.body if isinstance(part, Nest) else part.statements
    return Program(program.arrays, body)


def shared(program: Program) -> list[int]:
    """The number of the loop that each statement shares, from 1 on; 0: none."""
    numbers, loops = [], 0
    for node in program.body:
        loops += isinstance(node, Loop)
        together = node.body if isinstance(node, Loop) else [node]
        numbers += [loops if isinstance(node, Loop) else 0] * len(together)
    return numbers


def check(program: Program, given: dict[str, Any] | None = None, strict: bool = False) -> Program:
    """The fused program; assert that it is legal, and computes the same."""
    given = arguments(program, 1) if given is None else given
    after = verify(fused(program, strict=strict), "fuse")
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
const back[8] i32 = 7 6 5 4 3 2 1 0

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
    "nothing moves past a loop in order": (
        """
        a[i] = x[i]  for i < 8
        total = 0.0
        b = x
        for i < 7 in order:
          b[i + 1] = add(b[i], a[i])
        out[i] = b[i]  for i < 8
        """, "- - - 1 -"),
}  # fmt: skip


@pytest.mark.parametrize("what", CASES)
def test_statements_share_loops(what: str) -> None:
    text, expected = CASES[what]
    after = check(verify(parse(HEAD + text)))
    assert " ".join(str(k or "-") for k in shared(after)) == expected


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
    assert list(lines(check(verify(parse(text))).body)) == [
        "for i < 4 in order:",
        "  r[i] = 0.0",
        "  a[2*i + j] = mul(x[2*i + j], 2.0)  for j < 2",
        "  r[i] += a[2*i + j]  for j < 2",
        "  out[2*i + j] = mul(r[i], a[2*i + j])  for j < 2",
    ]


def test_what_is_read_in_an_iteration_stands_as_late_as_its_readers_allow() -> None:
    text = """
        input x[8]
        temp a[8]
        temp b[8]
        output total[1]
        output out[8]

        a[i] = sin(x[i])  for i < 8
        b[i] = cos(a[i])  for i < 8
        total = 0.0
        total += a[i]  for i < 8
        out[i] = mul(a[i], b[i])  for i < 8
    """
    assert list(lines(check(verify(parse(text))).body))[1:] == [
        "for i < 8 in order:",
        "  a[i] = sin(x[i])",
        "  total += a[i]",
        "  b[i] = cos(a[i])",
        "  out[i] = mul(a[i], b[i])",
    ]


def test_an_assignment_stays_outside_where_its_array_is_summed_over_the_loop() -> None:
    """By rows `c` is one sum of all iterations, which each would have to begin otherwise."""
    text = """
        input w[8, 8]
        input x[8]
        temp t[8]
        temp c[8]
        output out[8]

        t[i] = 0.0  for i < 8
        t[i] += mul(x[j], w[i, j])  for i < 8, j < 8
        c[i] = -0.0  for i < 8
        c[j] += mul(t[i], w[i, j])  for i < 8, j < 8
        out[i] = c[i]  for i < 8
    """
    after = check(verify(parse(text)))
    assert list(lines(after.body)) == [
        "c[i] = -0.0  for i < 8",
        "for i < 8 in order:",
        "  t[i] = 0.0",
        "  t[i] += mul(x[j], w[8*i + j])  for j < 8",
        "  c[j] += mul(t[i], w[8*i + j])  for j < 8",
        "out[i] = c[i]  for i < 8",
    ]


def test_sums_commute() -> None:
    """The second sum joins the loop that sets the array; the first follows."""
    after = check(verify(parse(HEAD + CASES["sums into one array"][0])))
    assert list(lines(after.body[1:])) == [
        "for i < 8 in order:",
        "  out[i] = 0.0",
        "  out[i] += neg(x[i])",
        "out[back[i]] += x[i]  for i < 8",
    ]


STATE = """
input x[8]
state p[8]
state q[8]

"""
STATE_CASES = {
    "updates at the same point": (
        """
        p[i] = add(p[i], x[i])  for i < 8
        q[i] = mul(q[i], p[i])  for i < 8
        p[i] = neg(p[i])  for i < 8
        """, [1, 1, 1]),
    "what the next iteration has not set yet": (
        """
        p[i] = x[i]  for i < 7
        q[i] = p[i + 1]  for i < 7
        """, [0, 0]),
    "elements that are set again elsewhere": (
        """
        p[i] = x[i]  for i < 8
        p[7 - i] = neg(x[i])  for i < 8
        q[i] = x[i]  for i < 8
        """, [1, 1, 0]),
}  # fmt: skip


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("what", STATE_CASES)
def test_state_is_set_in_order(what: str, strict: bool) -> None:
    text, expected = STATE_CASES[what]
    program = verify(parse(STATE + text.replace("7 - i", "-1*i + 7")))
    given = {name: np.random.default_rng(k).normal(size=8) for k, name in enumerate("xpq")}
    assert shared(check(program, given, strict)) == expected


def test_strict_sums_without_loops_do_not_pass_each_other() -> None:
    """The second sum could run before the loop that the first has to wait for."""
    text = """
        a[i] = mul(x[i], 2.0)  for i < 8
        total = 0.0
        total += a[3]
        total += x[1]
        b[i] = neg(a[i])  for i < 8
        out[i] = add(a[i], b[i])  for i < 8
    """
    program = verify(parse(HEAD + text))
    for strict in (False, True):
        after = check(program, strict=strict)
        assert sorted(shared(after)) == [0, 0, 0, 1, 1, 1]
        terms = [str(s.expr) for s in after.statements if s.accumulate]
        assert (terms == ["a[3]", "x[1]"]) == strict


def test_strict_sums_stand_by_themselves_and_in_order() -> None:
    for seed in range(100):
        program = draw(seed)
        rng = np.random.default_rng(seed)
        given = {k: rng.normal(size=np.shape(x)) for k, x in arguments(program, 1).items()}
        after = check(program, given, strict=True)
        fresh = [node for node in after.body if isinstance(node, Loop) and node not in program.body]
        assert not any(s.accumulate for node in fresh for s in statements(node.body))


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_random_programs_interpreted_as_their_loops(first: int) -> None:
    found = 0
    for seed in range(first, first + 100):
        found += sum(map(bool, shared(check(draw(seed)))))
    assert found > 100


def test_programs_by_hand() -> None:
    for p in (matmul(), gather_scatter()):
        after = verify(fused(p), "fuse")
        assert not all(k == 0 for k in shared(after))


@pytest.mark.parametrize(
    "what",
    ["what needs other iterations stays behind", "what goes through a table stays behind",
     "what needs the whole sum stays behind"],
)  # fmt: skip
def test_what_is_fused_and_must_not_be_is_noticed(what: str) -> None:
    """The test of the tests: the output, damaged: all statements with loops share one."""
    text = dump(check(verify(parse(HEAD + CASES[what][0]))))
    program = parse(text)
    loops = [s for s in program.statements if s.domain]
    rest = [s for s in program.statements if not s.domain]
    damaged = Program(program.arrays, [*rest, Loop(8, Order.FORWARD, list(loops))])
    try:
        verify(damaged)
    except CompilerError:
        return
    given = arguments(damaged, 1)
    expected = interpret(parse(text), given)["out"]
    assert not np.array_equal(interpret(damaged, given)["out"], expected)
