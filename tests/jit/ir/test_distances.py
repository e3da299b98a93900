"""Order in loops by distances against order by points: the verifier says the same, to the letter,
of programs that are right, of their gradients, and of such that are damaged. And where derivatives
reach, by a few rounds against what falls one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any
from unittest import mock

import pytest

from micrograd import jit, while_loop
from micrograd.errors import CompilerError
from micrograd.jit.ir import distances, iterations, varying
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program, Role
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes import reaching
from micrograd.jit.passes.reverse import gradient

from ... import long_loops, nested_programs
from ...damage_programs import damaged

LORENZ = """
input p[3]
temp x[N + 1]
temp y[N + 1]
output out[1]

x[0] = p[0]
y[0] = p[1]
for i < N in order:
  x[i + 1] = add(x[i], mul(0.001, y[i]))
  y[i + 1] = sub(y[i], mul(0.001, mul(p[2], x[i])))
out = add(x[N], y[N])
"""


EVERY_POINT = 10**9
"""The length from which on loops are long, for a look at all points of all others."""


def asking(random: Random) -> Program:
    """A random loop that runs until something holds, and one as long behind it."""
    n, w = random.randint(2, 6), random.randint(1, 3)

    def term() -> str:
        array = random.choice(["s", "s", "t", "x", "going"])
        if array == "x":
            return "x[0]"
        row = "i" if random.random() < 0.9 else f"i + {random.choice([-1, 1, 2])}"
        return f"going[{row}]" if array == "going" else f"{array}[{row}, {random.randrange(w)}]"

    body = [f"t[i, {k}] = mul(s[i, {k}], {term() if k else 'x'})" for k in range(w)]
    body += [f"s[i + 1, {k}] = add(t[i, {w - 1 - k}], s[i, {k}])" for k in range(w)]
    after = [f"u[i, {k}] = mul({term()}, {term()})" for k in range(w)]
    order = random.choice(["in order", "in reverse order"])
    text = f"""
    input x[2]
    temp count[1] i64 < {n + 1}
    temp s[{n + 1}, {w}]
    temp going[{n + 1}]
    temp t[{n}, {w}]
    temp u[{n}, {w}]
    temp v[1]
    output out[1]

    {NEW.join(f"s[0, {k}] = x[{k % 2}]" for k in range(w))}
    going[0] = lt(s[0, 0], 0.5)
    for i < count[0] in order while going[i]:
      {(NEW + "  ").join(body)}
      going[i + 1] = lt(s[i + 1, {w - 1}], 0.5)
    v[0] = 0.0
    for i < count[0] {order}:
      {(NEW + "  ").join(after)}
      v[0] += u[i, 0]
    out = add(s[count[0], 0], v[0])
    """
    return parse("\n".join(line.removeprefix("    ") for line in text.splitlines()))


NEW = "\n    "


def outcome(program: Program, least: int) -> tuple[str, int]:
    """What the verifier says if loops of so many iterations are long, and for how many of them
    distances sufficed.
    """
    shown = 0

    def counted(*given: Any) -> bool:
        nonlocal shown
        found = distances.is_in_order(*given)
        shown += found
        return found

    at_once = varying.MOST_WRITERS if least < EVERY_POINT else -1
    with (
        mock.patch.object(distances, "LONG", least),
        mock.patch.object(iterations, "is_in_order", counted),
        mock.patch.object(varying, "MOST_WRITERS", at_once),
    ):
        try:
            verify(program)
        except CompilerError as error:
            return str(error), shown
    return "legal", shown


def programs(seed: int) -> Iterator[Program]:
    """Random programs, their gradients, and what becomes of them by one fault each."""
    random = Random(seed)
    drawn = nested_programs.random_program(random), long_loops.random_program(random)
    for program in (*drawn, asking(random)):
        yield program
        yield from (p for _, p in damaged(program, random))
        outputs = [a for a in program.with_role(Role.OUTPUT) if a.size]
        inputs = [a for a in program.with_role(Role.INPUT) if a.size and a.dtype != "i64"]
        of, wrt = (outputs[0].name, 0), [(a.name, 0) for a in inputs]
        try:
            found = gradient(program, of, wrt)
        except CompilerError:  # state is rewritten, or entries are not known
            continue
        with mock.patch.object(reaching, "ROUNDS", 0):
            assert str(gradient(program, of, wrt)) == str(found), f"seed {seed}\n{program}"
        yield found
        yield from (p for _, p in damaged(found, random))


def compare(seed: int) -> Counter[str]:
    """How many programs were looked at, by what came out, and loops shown by distances."""
    count: Counter[str] = Counter()
    for program in programs(seed):
        expected, _ = outcome(program, EVERY_POINT)
        found, shown = outcome(program, 2)
        assert found == expected, f"seed {seed}\n{program}"
        count["legal" if found == "legal" else "broken"] += 1
        count["shown"] += shown
    return count


def test_distances_say_what_points_say() -> None:
    count = sum((compare(seed) for seed in range(12)), Counter())
    assert min(count["legal"], count["broken"], count["shown"]) > 100, count


@pytest.mark.parametrize(
    ("line", "wrong", "message"),
    [
        ("y[i]))\n", "y[i + 1]))\n", r"y\[1\] is read too early"),
        ("y[i + 1] =", "y[i] =", r"y\[0\] is assigned twice|it reads elements"),
        ("x[i + 1] =", "x[N - i] =", r"x\[1\] is read too early"),
        ("in order", "in reverse order", r"is read too early"),
        (" in order", "", r"used in another; such a loop runs in order"),
        ("y[0] = p[1]\n", "", r"y\[0\] is read"),
    ],
)
def test_faults_in_long_loops_are_found(line: str, wrong: str, message: str) -> None:
    n = distances.LONG + 1
    right = parse(text := LORENZ.replace("N + 1", str(n + 1)).replace("N", str(n)))
    assert outcome(right, distances.LONG) == ("legal", 1)
    broken = text.replace(line.replace("N", str(n)), wrong.replace("N", str(n)))
    with pytest.raises(CompilerError, match=message):
        verify(parse(broken))


def test_ten_million_steps_are_verified_by_what_their_loop_says() -> None:
    """To look at every point of them took seconds, and memory for each."""
    n = 10_000_000
    program = parse(LORENZ.replace("N + 1", str(n + 1)).replace("N", str(n)))
    assert outcome(program, distances.LONG) == ("legal", 1)


def test_limits_of_loops_cost_no_look_at_every_point() -> None:
    """A look at each of them took seconds for the value, and longer for the gradient."""
    looked = [0]
    look = iterations._assigned

    def counted(placed: Any, points: int, p: Any) -> Any:
        looked.append(points)
        return look(placed, points, p)

    kernel = jit(lambda x: while_loop(lambda s: s > 2.0, lambda s: 0.5 * s, x, limit=100_000))
    with mock.patch.object(iterations, "_assigned", counted):
        assert kernel.value_and_grad(6.0) == (1.5, 0.25)
    assert max(looked) < 10_000


def test_a_long_chain_that_nothing_reads_is_taken_away_at_once() -> None:
    """Not iteration by iteration: only one of two units is read."""
    n = 5000
    program = parse(f"""
input w[1]
temp h[{n + 1}, 2]
output out[1]

h[0, i] = 0.5  for i < 2
for i < {n} in order:
  h[i + 1, j] = mul(h[i, j], w)  for j < 2
out = h[{n}, 1]
""")
    with mock.patch.object(reaching, "unsupported", side_effect=AssertionError):
        found = gradient(program, ("out", 0), [("w", 0)])
    with mock.patch.object(reaching, "ROUNDS", 0):
        assert str(gradient(program, ("out", 0), [("w", 0)])) == str(found)
