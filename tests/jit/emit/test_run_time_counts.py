"""Vector loops whose trip counts are given when they run: any number of iterations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from micrograd.jit.code import compile_program
from micrograd.jit.compile import optimized
from micrograd.jit.emit.interface import Interface
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule.lanes import VectorLoop
from micrograd.jit.target import Target

MOST = 70
PROGRAMS = {
    "updates of state": """
        state p[70]
        input g[70]
        input r[2]
        state m[70]
        extent n <= 70
        temp t[70]

        t[i] = add(mul(0.5, m[i]), g[i])  for i < n
        p[i] = sub(p[i], mul(r[1], t[i]))  for i < n
        m[i] = t[i]  for i < n
        """,
    "sums": """
        input x[70]
        input y[70]
        output dot[1]
        output most[1]
        extent n <= 70

        dot = 0.5
        dot += mul(x[i], y[i])  for i < n
        most = 0.0
        most max= x[i]  for i < n
        """,
    "rows": """
        input x[70, 3]
        input w[3, 9]
        output total[9]
        temp h[70, 9]
        extent n <= 70

        h[i, j] = 1.0  for i < n, j < 9
        h[i, j] += mul(x[i, k], w[k, j])  for i < n, j < 9, k < 3
        total[i] = 0.0  for i < 9
        total[j] += relu(h[i, j])  for i < n, j < 9
        """,
}


def run(
    program: Program, count: int, bits: int, *, strict: bool, most: int = 4
) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """The code, what it gives for so many iterations, and what the interpreter gives."""
    target = Target.host(strict=strict, vector_bits=bits)
    interface = Interface(frozenset(), None)
    made = optimized(program, target)
    code = compile_program(made, target, interface)
    rng = np.random.default_rng(count)
    given: dict[str, Any] = {
        a.name: rng.integers(-most, most + 1, a.size).astype(float)
        for a in program.arrays.values()
        if a.role.value in ("input", "state")
    }
    given["n"] = count
    found = interface.call(code.address, made, target.dtype, given)
    return code, found, interpret(program, given)


@pytest.mark.parametrize("what", PROGRAMS)
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("bits", [128, 256, 512])
def test_any_number_of_iterations(what: str, bits: int, strict: bool) -> None:
    program = verify(parse(PROGRAMS[what].replace("        ", "")))
    for count in (0, 1, 2, 7, 8, 9, 31, 33, 64, 69, MOST):
        code, found, expected = run(program, count, bits, strict=strict)
        assert code.schedule.multiple == 1
        assert found.keys() == expected.keys()
        for name, numbers in expected.items():
            assert found[name].tolist() == numbers.tolist(), (name, count)


def test_updates_share_a_loop_with_iterations_in_lanes_also_if_strict() -> None:
    program = parse(PROGRAMS["updates of state"].replace("        ", ""))
    code, _, _ = run(program, 1, 512, strict=True)
    ((loop,),) = code.schedule.functions
    assert isinstance(loop, VectorLoop)
    assert loop.across
    assert loop.width == 8
    assert len(loop.group.statements) == 3
    assert list(loop.tiles) == ["t"]
