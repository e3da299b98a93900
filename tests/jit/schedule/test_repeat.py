"""Loops in order around loops: their insides are scheduled as if they stood alone."""

from __future__ import annotations

import numpy as np
import pytest

from micrograd.jit.code import compile_program
from micrograd.jit.compile import optimized
from micrograd.jit.emit.interface import Interface
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule.nest import Nest
from micrograd.jit.schedule.repeat import Repeat
from micrograd.jit.schedule.schedule import Schedule, schedule
from micrograd.jit.target import Target

SEGMENTS = """
input x[12, 2]
input z[12]
const t[12] i32 = 11 2 9 4 5 6 1 0 3 7 8 10
temp c[4]
temp a[3, 4]
temp h[3, 5]
temp total[1]
output out[1]
output y[12]

c = 0.5
total = 0.0
for i < 3 in order:
  h[i, 0] = c[i]
  for j < 4 in order:
    a[i, j] = sin(add(h[i, j], x[4*i + j, 1]))
    h[i, j + 1] = mul(a[i, j], z[t[4*i + j]])
  y[4*i + j] = mul(a[i, j], 2.0)  for j < 4
  total += h[i, j + 1]  for j < 4
  c[i + 1] = h[i, 4]
out = add(total, c[3])
"""
"""Segments of a loop: what they hand on, what they have for themselves, and what they add to."""


def compiled(text: str, target: Target) -> Schedule:
    """The schedule of a program, which gives what the interpreter gives."""
    p = optimized(verify(parse(text)), target)
    rng = np.random.default_rng(0)
    given = {a.name: rng.uniform(-1.0, 1.0, a.size) for a in p.arrays.values() if a.data is None}
    given = {name: x for name, x in given.items() if p.arrays[name].role.value == "input"}
    interface = Interface(frozenset(), None)
    code = compile_program(p, target, interface)
    got = interface.call(code.address, p, target.dtype, given)
    for name, expected in interpret(p, given).items():
        np.testing.assert_allclose(got[name], expected, rtol=1e-12)
    return code.schedule


@pytest.mark.parametrize("bits", [128, 256, 512])
@pytest.mark.parametrize("strict", [False, True])
def test_insides_are_steps(bits: int, strict: bool) -> None:
    found = compiled(SEGMENTS, Target.host(strict=strict, vector_bits=bits))
    (repeat,) = (step for step in found.steps if isinstance(step, Repeat))
    assert repeat.moves == {"c": 1, "x": 8, "t": 4, "y": 4}
    assert repeat.tiles == {"h": 5, "a": 4}
    assert {name: found.sizes[name] for name in ("h", "a")} == {"h": 5, "a": 4}
    assert len(repeat.steps) > 3


def test_backwards() -> None:
    text = SEGMENTS.replace("c = 0.5", "c[3] = 0.5").replace(
        "for i < 3 in order", "for i < 3 in reverse order"
    )
    text = text.replace("= c[i]", "= c[i + 1]").replace("c[i + 1] = h", "c[i] = h")
    text = text.replace("c[3])", "c)")
    found = compiled(text, Target.host(vector_bits=256))
    assert "3 times in reverse order, moving c by 1, x by 8, t by 4, y by 4:" in str(found)


def test_points_see_the_same() -> None:
    target = Target.host(vector_bits=256)
    p = optimized(verify(parse(SEGMENTS)), target)
    found = schedule(p, target, points=True)
    assert any(isinstance(step, Repeat) for step in found.steps)


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("x[4*i + j, 1]", "x[-4*i + j + 8, 1]"),  # from the end on
        ("x[4*i + j, 1]", "x[(4*i + j) mod 5, 1]"),  # no stride
        ("z[t[4*i + j]]", "x[t[4*i + j], 0]"),  # in place, and moving
        ("for j < 4 in order:", "for j < i + 2 in order:"),  # another program in each
    ],
)
def test_what_is_another_program_each_time_is_a_nest(line: str, instead: str) -> None:
    text = SEGMENTS.replace(line, instead)
    if "i + 2" in instead:
        text = text.replace("  y[4*i + j] = mul(a[i, j], 2.0)  for j < 4\n", "").replace(
            "output y[12]\n", ""
        )
        text = text.replace("h[i, j + 1]  for j < 4", "h[i, j + 1]  for j < i + 2")
        text = text.replace("= h[i, 4]", "= h[i, 2]")
    found = compiled(text, Target.host(vector_bits=256))
    assert not any(isinstance(step, Repeat) for step in found.steps)
    assert any(isinstance(step, Nest) for step in found.steps)


@pytest.mark.parametrize("order", ["in order", "in reverse order"])
def test_a_loop_around_loops_may_have_no_iteration(order: str) -> None:
    """As passes that are not run would have dropped it."""
    text = f"""
input x[1]
temp g[1, 4]
temp h[2]
output out[1]

h[0] = x[0]
for i < 0 {order}:
  g[i, 0] = 5.0
  for j < 3 in order:
    g[i, j + 1] = add(g[i, j], h[i])
  h[i + 1] = g[i, 3]
out = h[0]
"""
    program = verify(parse(text))
    interface = Interface(frozenset(), None)
    code = compile_program(program, Target.host(), interface)
    assert any(isinstance(step, Repeat) for step in code.schedule.steps)
    got = interface.call(code.address, program, np.dtype(np.float64), {"x": np.array([2.0])})
    assert got["out"] == [2.0]
