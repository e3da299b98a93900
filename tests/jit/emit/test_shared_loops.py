"""Loops that differ in their arrays alone are one function; those that differ otherwise are not."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from micrograd.jit.code import compile_program
from micrograd.jit.compile import optimized
from micrograd.jit.emit.interface import Interface
from micrograd.jit.emit.shared_loops import LEAST
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.verify import verify
from micrograd.jit.target import Target


def compiled(
    text: str, *, dtype: str = "f8", strict: bool = False, **given: Any
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The module, what the code gives, and what the interpreter gives."""
    program = verify(parse(text))
    target = Target.host(dtype, strict=strict, vector_bits=256)
    interface = Interface(frozenset(), None)
    made = optimized(program, target)
    code = compile_program(made, target, interface)
    rng = np.random.default_rng(len(text))
    for a in program.arrays.values():
        if a.role.value in ("input", "state") and a.name not in given:
            given[a.name] = rng.integers(-2, 3, a.size).astype(float)
    found = interface.call(code.address, made, target.dtype, given)
    return code.mlir, found, interpret(program, given)


def functions(mlir: str) -> int:
    """How many loops are functions."""
    return mlir.count("internal @loop")


def network(count: int, last: Any = "relu(h{k}[i])", size: int = 9) -> str:
    """Layers, each reading all of the one before; `last` gives what follows each of them."""
    lines = [f"input h0[{size}]", f"output y[{size}]"]
    for k in range(1, count + 1):
        lines += [f"input w{k}[{size}, {size}]", f"temp h{k}[{size}]", f"temp g{k}[{size}]"]
    lines += ["", f"g0[i] = h0[i]  for i < {size}"]
    lines.insert(0, f"temp g0[{size}]")
    for k in range(1, count + 1):
        follows = last(k) if callable(last) else last
        lines += [f"h{k}[i] = 0.0  for i < {size}"]
        lines += [f"h{k}[i] += mul(w{k}[i, j], g{k - 1}[j])  for i < {size}, j < {size}"]
        lines += [f"g{k}[i] = {follows.format(k=k)}  for i < {size}"]
    return "\n".join([*lines, f"y[i] = g{count}[i]  for i < {size}"])


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("strict", [False, True])
def test_equal_loops_are_functions_however_many_there_are(dtype: str, strict: bool) -> None:
    counts = []
    for layers in (2 * LEAST, 4 * LEAST):
        mlir, found, expected = compiled(network(layers), dtype=dtype, strict=strict)
        np.testing.assert_allclose(found["y"], expected["y"], rtol=1e-5 if dtype == "f4" else 1e-12)
        counts.append(functions(mlir))
    assert counts[0] == counts[1] > 0


@pytest.mark.parametrize("seed", range(8))
def test_loops_that_differ_otherwise_stay_apart(seed: int) -> None:
    rng = random.Random(seed)
    ends = [
        *("relu(h{k}[i])", "sub(h{k}[i], 0.5)", "sub(0.5, h{k}[i])", "mul(h{k}[i], 0.0)"),
        *("mul(h{k}[i], -0.0)", "sub(h{k}[8 - i], 0.5)", "mul(h{k}[i], w{k}[i, i])"),
        *("tanh(h{k}[i])", "exp(tanh(h{k}[i]))"),
        *("sub(h{k}[i], w{k}[0, i])", "sub(h{k}[i], w{k}[i, 0])", "add(h{k}[i], h{k}[4])"),
    ]
    chosen = rng.sample(ends, 3)
    text = network(5 * LEAST, lambda k: rng.choice(chosen))
    _, found, expected = compiled(text, strict=bool(seed % 2))
    np.testing.assert_allclose(found["y"], expected["y"], rtol=1e-12)
    assert (np.signbit(found["y"]) == np.signbit(expected["y"])).all()


def test_few_loops_are_no_functions() -> None:
    mlir, found, expected = compiled(network(LEAST - 1))
    np.testing.assert_allclose(found["y"], expected["y"], rtol=1e-12)
    assert functions(mlir) == 0


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_products_and_loops_compute_the_same_functions(dtype: str) -> None:
    text = """
        input x[40, 30]
        input v[30, 50]
        input w[50, 34]
        output y[40, 34]
        output z[40, 16]
        temp a[40, 50]
        temp b[40, 50]
        temp c[40, 34]

        a[i, j] = 0.0  for i < 40, j < 50
        a[i, j] += mul(x[i, k], v[k, j])  for i < 40, j < 50, k < 30
        b[i, j] = tanh(mul(0.01, a[i, j]))  for i < 40, j < 50
        c[i, j] = 0.0  for i < 40, j < 34
        c[i, j] += mul(b[i, k], w[k, j])  for i < 40, j < 34, k < 50
        y[i, j] = tanh(mul(0.01, c[i, j]))  for i < 40, j < 34
        z[i, j] = tanh(add(x[i, j], x[i, j + 2]))  for i < 40, j < 16
        """
    mlir, found, expected = compiled(text, dtype=dtype)
    for name in "yz":
        close = 1e-5 if dtype == "f4" else 1e-12
        np.testing.assert_allclose(found[name], expected[name], rtol=close, atol=close)
    assert mlir.count("internal @product") == 2
