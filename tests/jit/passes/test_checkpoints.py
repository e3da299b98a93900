"""Long loops in order in segments: gradients are the same, of programs that keep much less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest

from micrograd import jit, tanh
from micrograd.jit.code import compile_program
from micrograd.jit.compile import optimized
from micrograd.jit.emit.interface import Interface
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import (
    Access,
    Loop,
    Order,
    Program,
    Role,
    Statement,
    map_accesses,
    map_statements,
)
from micrograd.jit.ir.verify import verify
from micrograd.jit.options import Options
from micrograd.jit.passes.checkpoints import in_segments
from micrograd.jit.passes.cuts import length_of_segments
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.passes.steps_first import steps_first
from micrograd.jit.passes.turned import from_last
from micrograd.jit.schedule.schedule import schedule
from micrograd.jit.target import Target
from micrograd.jit.trace.trace import Element

from ...long_loops import each_thing, random_inputs, random_program

ALWAYS = replace(Target.host(), kept=1)
"""Nothing may be kept, so everything is computed again."""
STRICTLY = replace(Target.host(strict=True), kept=1)

LOGISTIC = """
input x[1]
input r[1]
temp h[{last}]
output out[1]

h = x
for i < {steps} in order:
  h[i + 1] = mul(mul(r, h[i]), sub(1.0, h[i]))
out = h[{steps}]
"""

LAYERS = """
input x[40, 3]
input w[6]
temp a[40, 3]
temp g[41, 3]
temp b[40, 3]
temp h[41, 3]
temp y[40]
temp total[1]
output out[1]

a[i, j] = mul(x[i, j], w[j])  for i < 40, j < 3
g[0, i] = 0.5  for i < 3
for i < 40 in order:
  g[i + 1, j] = tanh(add(a[i, j], g[i, j]))  for j < 3
b[i, j] = mul(g[i + 1, j], w[j + 3])  for i < 40, j < 3
h[0, i] = 0.25  for i < 3
for i < 40 in order:
  h[i + 1, j] = tanh(add(b[i, j], h[i, j]))  for j < 3
y[i] = 0.0  for i < 40
y[i] += mul(h[i + 1, j], h[i + 1, j])  for i < 40, j < 3
total = 0.0
total += y[i]  for i < 40
out = mul(total, 0.5)
"""
"""Two layers, and lines around them that compute every step by itself."""


def elements(program: Program, *names: str) -> list[Element]:
    return [(name, k) for name in names for k in range(program.arrays[name].size)]


def identical(x: Any, y: Any) -> bool:
    return bool(np.array_equal(x, y, equal_nan=True) and (np.signbit(x) == np.signbit(y)).all())


def logistic(steps: int) -> Program:
    return verify(parse(LOGISTIC.format(steps=steps, last=steps + 1)))


def test_steps_become_segments_and_are_computed_again() -> None:
    g = verify(gradient(logistic(16), ("out", 0), [("x", 0)], target=STRICTLY))
    assert str(g).split("\n\n")[1].splitlines() == [
        "h_kept = x",
        "for i < 4 in order:",
        "  h_part[i, 0] = h_kept[i, 0]",
        "  for j < 4 in order:",
        "    h_part[i, j + 1] = mul(mul(r, h_part[i, j]), sub(1.0, h_part[i, j]))",
        "  h_kept[i + 1, 0] = h_part[i, 4]",
        "out = h_kept[4, 0]",
        "ct_out = 1.0",
        "ct_h_kept[4, 0] = ct_out",
        "for i < 4 in reverse order:",
        "  h_part_again[i, 0] = h_kept[i, 0]",
        "  for j < 4 in order:",
        "    h_part_again[i, j + 1] = mul(mul(r, h_part_again[i, j]), "
        "sub(1.0, h_part_again[i, j]))",
        "  ct_h_part[i, j] = -0.0  for j < 4",
        "  ct_h_part[i, 4] = ct_h_kept[i + 1, 0]",
        "  for j < 4 in reverse order:",
        "    ct_h_part[i, j] += neg(mul(ct_h_part[i, j + 1], mul(r, h_part_again[i, j])))",
        "    ct_h_part[i, j] += mul(mul(ct_h_part[i, j + 1], sub(1.0, h_part_again[i, j])), r)",
        "  ct_h_kept[i, 0] = ct_h_part[i, 0]",
        "ct_x = ct_h_kept",
        "grad = add(ct_x, 0.0)",
    ]


@pytest.mark.parametrize("steps", [4, 5, 7, 12, 31, 36, 37, 97, 100])
@pytest.mark.parametrize("target", [ALWAYS, STRICTLY], ids=["default", "strict"])
def test_any_number_of_steps(steps: int, target: Target) -> None:
    p, given = logistic(steps), {"x": [0.3], "r": [3.7]}
    wrt = elements(p, "x", "r")
    g = verify(gradient(p, ("out", 0), wrt, keep_value=True, target=target))
    expected = interpret(gradient(p, ("out", 0), wrt, keep_value=True), given)
    found = interpret(g, given)
    assert identical(found["out"], expected["out"])
    assert identical(found["grad"], expected["grad"])


def test_lines_around_loops_run_in_their_segments() -> None:
    p = verify(parse(LAYERS))
    q, found = in_segments(p, ALWAYS, {"w"})
    verify(q)
    assert len(found.loops) == 1
    assert len(found.notes) == 1
    assert {a.size for a in q.arrays.values() if a.role.value == "temp"} == {
        1,  # total
        8 * 5 * 3,  # what a layer computes of its own
        8 * 6 * 3,  # what it hands on
        9 * 3,  # its checkpoints
        8 * 5,  # y
    }
    only = in_segments(p, STRICTLY, {"w"})[1]
    assert not only.loops
    assert all("read outside" in note for note in only.notes)


@pytest.mark.parametrize("bits", [128, 512])
def test_memory_is_that_of_a_segment(bits: int) -> None:
    p = verify(parse(LAYERS.replace("40", "3600").replace("41", "3601")))
    sizes = []
    for target in (Target.host(vector_bits=bits), replace(ALWAYS, vector_bits=bits)):
        g = gradient(p, ("out", 0), elements(p, "w"), target=target)
        sizes.append(schedule(optimized(g, target), target).workspace_size)
    assert sizes[0] > 3600 * 10
    assert sizes[1] < 61 * 60


@pytest.mark.parametrize(
    ("steps", "expected"), [(2, 1), (30, 5), (31, 5), (3600, 60), (10_007, 100), (10**7, 3125)]
)
def test_segments_are_about_as_long_as_there_are(steps: int, expected: int) -> None:
    assert length_of_segments(steps) == expected


def backwards(p: Program) -> Program:
    """The program whose loops in order run in reverse order, over what they ran over."""
    body = [
        Loop(x.extent, Order.REVERSE, [from_last(y, x.extent) for y in x.body])
        if isinstance(x, Loop) and x.order is Order.FORWARD
        else x
        for x in p.body
    ]
    return verify(Program(p.arrays, body))


def mirrored(p: Program) -> Program:
    """The program whose temporaries lie the other way round, from the last element to the first."""
    used = [a for s in p.statements for a in s.accesses]
    kept = {a.array for a in used if a.parts}

    def change(a: Access) -> Access:
        array = p.arrays[a.array]
        if a.array in kept or array.role is not Role.TEMPORARY:
            return a
        return Access(a.array, array.size - 1 - a.offset, tuple([-d for d in a.strides]))

    def other(s: Statement) -> Statement:
        return replace(s, target=change(s.target), expr=map_accesses(s.expr, change))

    return verify(Program(p.arrays, map_statements(p.body, other)))


def check(
    seed: int, target: Target, *, compiled: bool, reverse: bool = False, things: int = 0
) -> int:
    """How many loops of a random program were cut; its gradient is what it is without."""
    r = Random(seed)
    p = verify(random_program(r))
    if things:
        p = verify(each_thing(p, things))
    if reverse:
        p = backwards(p)
        p = mirrored(p) if r.random() < 0.6 else p
    given, wrt = random_inputs(p, r), elements(p, "x", "w")
    everything = replace(target, kept=1 << 40)
    expected = interpret(gradient(p, ("out", 0), wrt, keep_value=True, target=everything), given)
    g = verify(gradient(p, ("out", 0), wrt, keep_value=True, target=target), "reverse")
    found: Any = interpret(g, given)
    if target.strict:
        assert identical(found["out"], expected["out"]), p
        assert identical(found["grad"], expected["grad"]), p
    if compiled:
        done, interface = optimized(g, target), Interface(frozenset(), None)
        code = compile_program(done, target, interface)
        arrays = {name: np.array(x) for name, x in given.items()}
        found = interface.call(code.address, done, target.dtype, arrays)
    size = float(np.abs(expected["grad"]).max())
    np.testing.assert_allclose(found["out"], expected["out"], rtol=1e-9, err_msg=str(p))
    np.testing.assert_allclose(
        found["grad"], expected["grad"], rtol=1e-9, atol=1e-12 * size, err_msg=str(p)
    )
    return str(g).count("_again = ") + str(g).count("_again[")


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "default"])
def test_random_programs(strict: bool) -> None:
    target = STRICTLY if strict else ALWAYS
    cut = [check(seed, target, compiled=False) for seed in range(40)]
    assert sum(count > 0 for count in cut) > 15


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "default"])
def test_random_programs_whose_loops_run_backwards(strict: bool) -> None:
    target = STRICTLY if strict else ALWAYS
    cut = [check(seed, target, compiled=False, reverse=True) for seed in range(200, 220)]
    assert sum(count > 0 for count in cut) > 5
    check(205, target, compiled=True, reverse=True)


@pytest.mark.parametrize("things", [1, 2, 5])
def test_random_programs_for_each_of_many_things(things: int) -> None:
    cut = [check(seed, ALWAYS, compiled=False, things=things) for seed in range(300, 306)]
    assert sum(count > 0 for count in cut) > 2
    check(315, ALWAYS, compiled=True, things=things)


THINGS = """
input x[8]
input r[1]
temp h[8, 301]
temp e[8, 300]
output out[1]

for i < 8:
  h[i, 0] = x[i]
  e[i, j] = sin(mul(r, x[i]))  for j < 300
  for j < 300 in order:
    h[i, j + 1] = mul(mul(h[i, j], e[i, j]), sub(1.0, h[i, j]))
out = 0.0
out += h[i, 300]  for i < 8
"""


def test_steps_of_many_things_are_cut() -> None:
    p = verify(parse(THINGS))
    q = steps_first(p, 0)
    assert q is not None
    assert str(verify(q)).partition("\n\n")[2].splitlines() == [
        "h[0, i] = x[i]  for i < 8",
        "e[i, j] = sin(mul(r, x[j]))  for i < 300, j < 8",
        "for i < 300 in order:",
        "  h[i + 1, j] = mul(mul(h[i, j], e[i, j]), sub(1.0, h[i, j]))  for j < 8",
        "out = 0.0",
        "out += h[300, i]  for i < 8",
    ]
    given = {"x": [0.1 * k for k in range(8)], "r": [2.5]}
    assert identical(interpret(q, given)["out"], interpret(p, given)["out"])
    _, found = in_segments(p, ALWAYS, {"x"})
    assert [note.partition(":")[0] for note in found.notes] == ["300 steps in 20 segments of 15"]
    assert in_segments(p, STRICTLY, {"x"})[1].notes == ["8 steps are kept: they run in any order"]


BACKWARDS = """
input x[1000]
input w[1]
temp h[1001, 2]
output out[1]

h[1000, i] = 0.5  for i < 2
for i < 1000 in reverse order:
  h[i, j] = tanh(add(mul(h[i + 1, j], w), x[i]))  for j < 2
out = h[0, 1]
"""


def test_memory_of_a_loop_in_reverse_order_is_that_of_a_segment() -> None:
    p = verify(parse(BACKWARDS))
    q, found = in_segments(p, STRICTLY, {"w"})
    verify(q)
    assert len(found.loops) == 1
    assert max(a.size for a in q.arrays.values() if a.role.value == "temp") == 40 * 26 * 2
    g = gradient(p, ("out", 0), elements(p, "w"), target=STRICTLY)
    assert schedule(optimized(g, STRICTLY), STRICTLY).workspace_size < 1000


def test_a_loop_over_what_has_no_rows_is_not_turned_round() -> None:
    p = verify(parse(BACKWARDS.replace("out = h[0, 1]", "out = h[(3) mod 7, 1]")))
    q, found = in_segments(p, STRICTLY, {"w"})
    assert q.body == p.body
    assert found.notes == [
        "1,000 steps are kept: they run from last to first, over arrays that cannot lie the other "
        "way round"
    ]


@pytest.mark.parametrize("target", [ALWAYS, STRICTLY], ids=["default", "strict"])
def test_random_programs_compiled(target: Target) -> None:
    r = Random(7)
    for seed in range(100, 106):
        wide = replace(target, vector_bits=r.choice([128, 256, 512]))
        check(seed, wide, compiled=True)


def run(x: Sequence[Any], w: Any) -> Any:
    h = 0.5
    for k in range(60):
        h = tanh(h * w + x[k])
    return h


def test_explain_says_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.linspace(-1, 1, 60).tolist()

    def text(kernel: Any) -> str:
        kernel(x, 0.5)
        return str(kernel.explain())

    whole = jit(run).value_and_grad
    assert "long loops" not in text(whole)
    given = Options.given

    def little(*args: Any) -> Options:
        found = given(*args)
        return replace(found, chosen=replace(found.target, kept=100))

    monkeypatch.setattr(Options, "given", little)
    cut = jit(run).value_and_grad
    assert "long loops: 60 steps in 10 segments of 6: the gradient computes" in text(cut)
    expected, found = whole(x, 0.5), cut(x, 0.5)
    assert found[0] == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(found[1][0], expected[1][0], rtol=1e-9)
