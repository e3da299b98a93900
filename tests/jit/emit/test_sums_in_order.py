"""Sums that the steps of a loop in order add to: in registers, where no step reads them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from micrograd.jit.emit.sums import MOST_SUMS, Accumulator, Accumulators
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program, Statement
from micrograd.jit.ir.verify import verify

from ...whole_programs import Compiled


def recurrence(units: int, line: str, steps: int = 11) -> Program:
    """A recurrence of some units; in every step, `line` adds to what it has begun with."""
    return verify(
        parse(f"""input x[{units}]
temp h[{steps + 1}, {units}]
output total[{units}]
output out[1]

h[0, i] = x[i]  for i < {units}
total[i] = x[i]  for i < {units}
out = 0.5
for i < {steps} in order:
  {line}
  h[i + 1, j] = mul(0.5, add(h[i, j], x[j]))  for j < {units}
""")
    )


NOT_READ = {
    "rows": "total[j] += mul(h[i, j], x[j])  for j < {units}",
    "over lanes": "out += mul(h[i, j], x[j])  for j < {units}",
    "backwards": "total[-1*j + {last}] += h[i, j]  for j < {units}",
    "one": "out += h[i, 0]",
    "all to one": "total[0] += h[i, j]  for j < {units}",
}


def given(units: int) -> dict[str, Any]:
    return {"x": np.random.default_rng(units).integers(-3, 4, units).astype(float)}


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("vector_bits", [128, 256, 512])
@pytest.mark.parametrize("kind", NOT_READ)
def test_sums(kind: str, vector_bits: int, strict: bool) -> None:
    for units in (1, 2, 7, 14, 17):
        line = NOT_READ[kind].format(units=units, last=units - 1)
        program = recurrence(units, line)
        expected = interpret(program, given(units))
        for bits in (32, 64):
            found = Compiled(program, bits, vector_bits, exact=strict).run(given(units))
            for name in ("total", "out"):
                assert np.allclose(found[name].reshape(-1), expected[name], rtol=1e-5), line


@pytest.mark.parametrize("units", [MOST_SUMS - 1, MOST_SUMS, MOST_SUMS + 1])
def test_sums_of_many_numbers(units: int) -> None:
    program = recurrence(units, NOT_READ["rows"].format(units=units), steps=3)
    expected = interpret(program, given(units))["total"]
    assert np.allclose(Compiled(program, 64, 512).run(given(units))["total"], expected)


def test_what_a_step_reads_is_added_to_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, bool] = {}
    find = Accumulators.find

    @functools.wraps(find)
    def spy(self: Accumulators, s: Statement, width: int) -> Accumulator | None:
        accumulator = find(self, s, width)
        found[s.target.array] = accumulator is not None
        return accumulator

    monkeypatch.setattr(Accumulators, "find", spy)
    program = verify(
        parse("""input x[14]
state sum[14]
output total[14]
output h[6, 14]

h[0, i] = x[i]  for i < 14
total[i] = 0.0  for i < 14
for i < 5 in order:
  sum[j] += h[i, j]  for j < 14
  total[j] += x[j]  for j < 14
  h[i + 1, j] = add(h[i, j], mul(0.5, sum[j]))  for j < 14
""")
    )
    numbers = {"x": np.arange(14.0), "sum": np.ones(14)}
    expected = interpret(program, numbers)
    assert expected["total"][3] == 15.0
    Compiled(program, 64, 512)
    assert found == {"sum": False, "total": True}
