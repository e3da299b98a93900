"""Schedules: text in, text out; and the code for them computes what the text says."""

from __future__ import annotations

import re

import numpy as np
import pytest

from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule.lanes import VectorLoop
from micrograd.jit.schedule.nest import Nest
from micrograd.jit.schedule.schedule import WHOLE_OPS, schedule
from micrograd.jit.target import Target

from ...whole_programs import Compiled, arguments, draw

LAYER = """
input x[64]
param w[128]
output out[512]

out[8*i + j] = 0.0  for i < 64, j < 8
out[8*i + j] += mul(x[i], w[16*j + k])  for i < 64, j < 8, k < 16
"""
ROWS = """
input w[256]
input x[16]
output y[16]

y[i] = 0.0  for i < 16
y[i] += mul(w[16*i + j], x[j])  for i < 16, j < 16
"""
COLUMNS = ROWS.replace("w[16*i + j]", "w[i + 16*j]")
LONG = ROWS.replace("w[256]", "w[1280]").replace("x[16]", "x[80]").replace("j < 16", "j < 80")
LONG = LONG.replace("16*i", "80*i")
OUTER = """
input x[16]
input y[16]
output g[256]

g[16*i + j] = mul(x[i], y[j])  for i < 16, j < 16
"""
TABLE = f"""
input x[64]
output y[64]
const t[64] i32 = {" ".join(str(7 * k % 64) for k in range(64))}

y[i] = x[t[i]]  for i < 64
"""
REVERSED = """
input x[16]
temp a[16]
output y[16]

s = 0.0
a[i] = neg(x[i])  for i < 16
s += a[i]  for i < 16
y[i] = mul(s, a[-1*i + 15])  for i < 16
"""
STEPS = """
input x[3]
temp h[65]
output out[1]

h = x
for i < 64 in order:
  h[i + 1] = add(mul(h[i], x[1]), x[2])
out = h[64]
"""

SCHEDULES = {
    "units in lanes": (LAYER, """
        ; 3 operations: one function, optimised at level 2
        function 0: 3 operations
          loop of 64, 2 statements: lanes within an iteration
            1 pass over blocks of 64, 4 side by side
            out[8*i + j] = 0.0  for i < 64, j < 8  ; lanes: j
            out[8*i + j] += mul(x[i], w[16*j + k])  for i < 64, j < 8, k < 16  ; lanes: j
        """),
    "sums of rows, added up together": (ROWS, """
        ; 3 operations: one function, optimised at level 2
        function 0: 3 operations
          loop of 16, 2 statements: lanes within an iteration
            1 pass over blocks of 16, 8 side by side, sums over lanes added up together
            y[i] = 0.0  for i < 16  ; lanes: i
            y[i] += mul(w[16*i + j], x[j])  for i < 16, j < 16  ; lanes: j
        """),
    "long rows, one after the other": (LONG, """
        ; 3 operations: one function, optimised at level 2
        function 0: 3 operations
          loop of 16, 2 statements: lanes within an iteration
            1 pass over blocks of 16, 4 side by side
            y[i] = 0.0  for i < 16
            y[i] += mul(w[80*i + j], x[j])  for i < 16, j < 80  ; lanes: j
        """),
    "columns, iterations in lanes": (COLUMNS, """
        ; 3 operations: one function, optimised at level 2
        function 0: 3 operations
          loop of 16, 2 statements: iterations in lanes
            1 pass over blocks of 16, 2 side by side
            y[i] = 0.0  for i < 16  ; lanes: i
            y[i] += mul(w[i + 16*j], x[j])  for i < 16, j < 16  ; lanes: i
        """),
    "an outer product": (OUTER, """
        ; 1 operations: one function, optimised at level 2
        function 0: 1 operations
          loop of 16, 1 statements: lanes within an iteration
            1 pass over blocks of 16, 4 side by side
            g[16*i + j] = mul(x[i], y[j])  for i < 16, j < 16  ; lanes: j
        """),
    "a table has no lanes": (TABLE, """
        ; 1 operations: one function, optimised at level 2
        function 0: 1 operations
          loop of 64, 1 statements: lanes within an iteration
            1 pass over blocks of 64, 1 side by side
            y[i] = x[t[i]]  for i < 64
        """),
    "what two loops need lies in memory": (REVERSED, """
        ; 4 operations: one function, optimised at level 2
        ; 1 arrays in a workspace of 16 elements
        function 0: 4 operations
          loop of 16, 2 statements: iterations in lanes
            1 pass over blocks of 16, 2 side by side
            a[i] = neg(x[i])  for i < 16  ; lanes: i
            s += a[i]  for i < 16  ; lanes: i
          loop of 16, 1 statements: lanes within an iteration
            1 pass over blocks of 16, 4 side by side
            y[i] = mul(s, a[-1*i + 15])  for i < 16
        registers: s
        workspace[0]: a[16]
        """),
    "steps in order have no lanes": (STEPS, """
        ; 4 operations: one function, optimised at level 2
        ; 1 arrays in a workspace of 80 elements
        function 0: 4 operations
          loop of 64, 1 statements: in order, lanes within an iteration
            1 pass over blocks of 64, 1 side by side
            for i < 64 in order:
              h[i + 1] = add(mul(h[i], x[1]), x[2])
        workspace[0]: h[65]
        """),
}  # fmt: skip


def shown(program: Program) -> str:
    """The schedule for vectors of 512 bits, without the figures of the cost model."""
    text = str(schedule(program, Target.host(vector_bits=512)))
    text = re.sub(r" \([\d.]+ vector operations an iteration across, [\d.]+ within\)", "", text)
    text = re.sub(r" elements: they .*", " elements", text)
    return re.sub(r", (1 pass over)", r"\n    \1", text)


@pytest.mark.parametrize("what", SCHEDULES)
def test_schedules(what: str) -> None:
    text, expected = SCHEDULES[what]
    lines = [line.removeprefix(" " * 8) for line in expected.strip().split("\n")]
    assert shown(verify(parse(text))) == "\n".join(lines)


@pytest.mark.parametrize("what", SCHEDULES)
def test_a_strict_schedule_adds_up_in_order(what: str) -> None:
    program = parse(SCHEDULES[what][0])
    (steps,) = schedule(program, Target.host(strict=True, vector_bits=512)).functions
    for step in steps:
        if isinstance(step, VectorLoop):
            assert not any(s.accumulate for s in step.group.statements)
        elif isinstance(step, Nest):
            for s, course in zip(step.statements, step.courses, strict=True):
                assert not s.accumulate or not course.sums_lanes


@pytest.mark.parametrize("first", range(0, 90, 30))
def test_strict_code_of_random_programs_rounds_like_the_interpreter(first: int) -> None:
    for seed in range(first, first + 30):
        program = draw(seed)
        rng = np.random.default_rng(seed)
        given = {k: rng.normal(size=np.shape(x)) for k, x in arguments(program, 1).items()}
        found = Compiled(program, 64, (128, 256, 512)[seed % 3], exact=True, level=0).run(given)
        for name, x in interpret(program, given).items():
            assert np.array_equal(found[name], x, equal_nan=True), (seed, name)


@pytest.mark.parametrize("what", SCHEDULES)
@pytest.mark.parametrize("vector_bits", [128, 256, 512])
@pytest.mark.parametrize("strict", [False, True])
def test_the_code_computes_what_the_text_says(what: str, vector_bits: int, strict: bool) -> None:
    program = parse(SCHEDULES[what][0])
    given = {name: np.clip(x, -1, 1) for name, x in arguments(program, 2).items()}
    code = Compiled(program, 64, vector_bits, exact=strict, level=0)
    found, expected = code.run(given), interpret(program, given)
    for name, x in expected.items():
        assert np.array_equal(found[name], x)
        assert x.any()


def test_the_statements_of_a_schedule_read_back() -> None:
    """Lanes are comments."""
    for text, _ in SCHEDULES.values():
        program = parse(text)
        declarations = str(program).split("\n\n")[0]
        found = [x[4:] for x in shown(program).split("\n") if x.startswith(" " * 4)]
        again = parse("\n".join([declarations, *(x for x in found if "1 pass" not in x)]))
        assert [s for s in program.statements if s.domain] == again.statements


def test_long_code_is_cut_into_functions() -> None:
    lines = [f"out[{k}] = mul(x[{k}], 2.0)" for k in range(WHOLE_OPS + 1)]
    n = len(lines)
    program = parse("\n".join([f"input x[{n}]", f"output out[{n}]", *lines]))
    assert shown(program).split("\n") == [
        "; 2001 operations, more than 2000: 3 functions of about 1000, at level 0, because LLVM's "
        "time is superlinear in straight-line code",
        "function 0: 1000 operations",
        "function 1: 1000 operations",
        "function 2: 1 operations",
    ]


def test_llvm_looks_for_loops_where_there_are_any() -> None:
    straight = parse("input x[1]\noutput out[1]\n\nout = add(mul(x, x), x)\n")
    sums = "input x[100]\noutput out[1]\n\nout = 0.0\nout += mul(x[i], x[i])  for i < 100\n"
    schedules = [schedule(program, Target.host()) for program in (straight, parse(sums))]
    assert [s.passes for s in schedules] == ["straight", "loops"]
