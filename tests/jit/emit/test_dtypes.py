"""Arrays whose elements are in memory as another dtype than the code computes in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from micrograd.jit.code import compile_program
from micrograd.jit.compile import optimized
from micrograd.jit.emit.interface import Interface
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.verify import verify
from micrograd.jit.target import Target

PROGRAM = """
input x[40] {0}
input w[5] {0}
state h[40] {0}
temp t[40]
output every[20] {0}
output back[40] {0}
output sum[1] {0}
const table[40] i32 = {1}

t[i] = add(x[i], mul(h[i], w[2]))  for i < 40
every[i] = t[2*i + 1]  for i < 20
back[table[i]] = sub(x[table[i]], 1.0)  for i < 40
sum = 0.0
sum += x[8*i + j]  for i < 5, j < 8
h[i] = t[i]  for i < 40
h[3*i] = mul(h[3*i], w[i])  for i < 5
"""
TABLE = " ".join(str(7 * k % 40) for k in range(40))


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("bits", [128, 256, 512])
@pytest.mark.parametrize("computed", ["f4", "f8"])
@pytest.mark.parametrize("stored", ["", "f32", "f64"])
def test_elements_are_converted_as_they_are_read_and_written(
    stored: str, computed: str, bits: int, strict: bool
) -> None:
    program = verify(parse(PROGRAM.format(stored, TABLE)), stage="program")
    rng = np.random.default_rng(1)
    given: dict[str, Any] = {  # whole numbers, which both dtypes hold, as well as their sums
        name: rng.integers(-9, 9, size).astype(float)
        for name, size in (("x", 40), ("w", 5), ("h", 40))
    }
    target = Target.host(computed, strict=strict, vector_bits=bits)
    interface = Interface(frozenset(), None)
    made = optimized(program, target)
    code = compile_program(made, target, interface)
    found = interface.call(code.address, made, target.dtype, given)
    expected = interpret(program, given)
    assert found.keys() == expected.keys() == {"every", "back", "sum", "h"}
    for name, numbers in expected.items():
        assert found[name].tolist() == numbers.tolist()


def test_what_is_stored_is_rounded_once() -> None:
    program = verify(parse("input x[1] f64\noutput y[1] f32\n\ny = add(x, 1.0)"))
    target = Target.host("f8")
    interface = Interface(frozenset(), None)
    address = (code := compile_program(optimized(program, target), target, interface)).address
    x = 2.0**-24 + 2.0**-40  # in float32, x + 1.0 would be a tie
    found = interface.call(address, code.program, target.dtype, {"x": [x]})
    assert found["y"].tolist() == [float(np.float32(1.0 + x))] == [1.0 + 2.0**-23]
