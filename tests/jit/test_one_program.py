"""What is written in scalars and what is written in Tensors is one program but for names: those of
arrays, and of places, which in scalars are counted through and in Tensors by rows and columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, jit
from micrograd.datasets import moons
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Access, Program, Role, Statement, map_accesses
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.operands import ordered
from micrograd.jit.passes.starts import begin

from ..programs import check_same_outputs

Rows = Sequence[Sequence[float]]
POINTS, LABELS = moons(100)
SIZES = [(16, 2), (16,), (16, 16), (16,), (1, 16), (1,)]
NUMBERS = [np.random.default_rng(k).normal(size=size) for k, size in enumerate(SIZES)]


def total(xs: Iterable[Any]) -> Any:
    """The sum, without the 0 that Python's begins with."""
    xs = list(xs)
    return sum(xs[1:], xs[0])


def layer(w: Rows, b: Sequence[float], x: Sequence[Any]) -> list[Any]:
    return [
        total(p * a for p, a in zip(row, x, strict=True)) + c for row, c in zip(w, b, strict=True)
    ]


def moons_in_scalars(
    w1: Rows, b1: Sequence[float], w2: Rows, b2: Sequence[float], w3: Rows, b3: Sequence[float]
) -> Any:
    losses = []
    for point, label in zip(POINTS.tolist(), LABELS.tolist(), strict=True):
        hidden = [v.relu() for v in layer(w1, b1, point)]
        hidden = [v.relu() for v in layer(w2, b2, hidden)]
        (score,) = layer(w3, b3, hidden)
        losses.append((1.0 - label * score).relu())
    weights = [total(p * p for row in w for p in row) for w in (w1, w2, w3)]
    biases = [total(p * p for p in b) for b in (b1, b2, b3)]
    return total(losses) * 0.01 + 1e-4 * total([*weights, *biases])


def moons_in_tensors(
    w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, w3: Tensor, b3: Tensor
) -> Tensor:
    hidden = (Tensor(POINTS, "f64") @ w1.T + b1).relu()
    hidden = (hidden @ w2.T + b2).relu()
    score = (hidden @ w3.T + b3).reshape(100)
    squares = total((p * p).sum() for p in (w1, w2, w3, b1, b2, b3))
    loss = (1.0 - Tensor(LABELS, "f64") * score).relu().sum()
    return loss * 0.01 + 1e-4 * squares  # type: ignore[no-any-return]


def renamed(program: Program) -> list[str]:
    """The statements from what the result reads on, each behind what it reads, which is the order
    of all that depend on each other; arrays named by roles and uses, and places counted through.
    """
    names: dict[str, str] = {}
    found: list[str] = []
    writers: dict[str, list[Statement]] = {}
    for s in map(flat, program.statements):
        writers.setdefault(s.target.array, []).append(s)

    def named(a: Access) -> Access:
        if a.array not in names:
            for s in writers.get(a.array, []):
                map_accesses(s.expr, named)
            names[a.array] = f"{program.arrays[a.array].role.value}{len(names)}"
            for s in writers.get(a.array, []):
                said = replace(s, target=named(s.target), expr=map_accesses(s.expr, named))
                found.append(str(said))
        return a.of(names[a.array])

    for a in program.with_role(Role.OUTPUT):
        named(Access(a.name))
    return found


def flat(s: Statement) -> Statement:
    """The statement with one loop for two that go through all arrays side by side."""
    for d in range(len(s.domain) - 1):
        inner = s.domain[d + 1]
        if all(by[d] == inner * by[d + 1] for by in (a.strides for a in s.accesses)):
            merged = partial(without, d)
            domain = (*s.domain[:d], s.domain[d] * inner, *s.domain[d + 2 :])
            expr = map_accesses(s.expr, merged)
            return flat(replace(s, target=merged(s.target), expr=expr, domain=domain))
    return s


def without(loop: int, a: Access) -> Access:
    return a.with_strides(lambda by: (*by[:loop], *by[loop + 1 :]))


def kernels(dtype: str) -> tuple[Any, Any]:
    """Both, called once."""
    scalars, tensors = jit(moons_in_scalars, dtype=dtype), jit(moons_in_tensors, dtype=dtype)
    by_scalars = scalars(*(x.tolist() for x in NUMBERS))
    by_tensors = tensors(*(Tensor(x, "f64") for x in NUMBERS))
    assert by_tensors.item() == pytest.approx(by_scalars, 1e-5 if dtype == "f32" else 1e-13)
    return scalars, tensors


def program_of(kernel: Any) -> Program:
    """What is traced."""
    latest = kernel._latest
    found: Program = latest.program if hasattr(latest, "program") else latest.code.program
    return found


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_moons_is_one_program(dtype: str) -> None:
    scalars, tensors = map(program_of, kernels(dtype))
    assert renamed(scalars) == renamed(tensors)
    assert len(renamed(tensors)) == 16


def test_other_arithmetic_is_another_program() -> None:
    def other(w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, w3: Tensor, b3: Tensor) -> Tensor:
        return moons_in_tensors(w1, b1, w2, b2, w3 * 1.5, b3)

    scalars, _ = kernels("f64")
    kernel = jit(other, dtype="f64")
    kernel(*(Tensor(x, "f64") for x in NUMBERS))
    assert renamed(program_of(scalars)) != renamed(program_of(kernel))


def test_strict_sums_stay_in_their_order() -> None:
    kernel = jit(moons_in_tensors, dtype="f64", strict=True)
    kernel(*(Tensor(x, "f64") for x in NUMBERS))
    found = statements(program_of(kernel))
    assert found[0] == "t0[16*i + j] = 0.0  for i < 100, j < 16"
    assert found[2] == "t1[16*i + j] = relu(add(t0[16*i + j], b1[j]))  for i < 100, j < 16"


# --- the passes, text in and text out ------------------------------------------------------------

HEAD = """
input x[4, 3]
input w[3]
input b[4]
temp t[4]
temp u[4]
output out[4]
"""

SUMS = {
    "a bias": (
        """
t[i] = -0.0  for i < 4
t[i] += mul(x[i, k], w[k])  for i < 4, k < 3
out[i] = tanh(add(t[i], b[i]))  for i < 4
""",
        """
t[i] = b[i]  for i < 4
t[i] += mul(x[i, k], w[k])  for i < 4, k < 3
out[i] = tanh(t[i])  for i < 4
""",
    ),
    "a sum of sums, which is an output": (
        """
t[i] = -0.0  for i < 4
t[i] += x[i, k]  for i < 4, k < 3
u[i] = -0.0  for i < 4
u[i] += mul(x[i, k], w[k])  for i < 4, k < 3
out[i] = add(add(t[i], u[i]), exp(b[i]))  for i < 4
""",
        """
out[i] = exp(b[i])  for i < 4
out[i] += x[i, k]  for i < 4, k < 3
out[i] += mul(x[i, k], w[k])  for i < 4, k < 3
""",
    ),
    "a transposed sum": (
        """
u[2*i + j] = -0.0  for i < 2, j < 2
u[2*i + j] += mul(x[3*i + j], w[k])  for i < 2, j < 2, k < 3
out[i + 2*j] = sub(add(b[i + 2*j], u[2*j + i]), 1.0)  for i < 2, j < 2
""",
        """
u[2*i + j] = b[j + 2*i]  for i < 2, j < 2
u[2*i + j] += mul(x[3*i + j], w[k])  for i < 2, j < 2, k < 3
out[i + 2*j] = sub(u[2*j + i], 1.0)  for i < 2, j < 2
""",
    ),
}

KEPT = {
    "a sum from 0.0, which has another sign": """
t[i] = 0.0  for i < 4
t[i] += x[i, k]  for i < 4, k < 3
out[i] = add(t[i], b[i])  for i < 4
""",
    "a sum that is read twice": """
t[i] = -0.0  for i < 4
t[i] += x[i, k]  for i < 4, k < 3
out[i] = add(add(t[i], b[i]), t[i])  for i < 4
""",
    "a sum that is read for several elements": """
t[0] = -0.0
t[0] += x[i, k]  for i < 4, k < 3
out[i] = add(t[0], b[i])  for i < 4
""",
    "what is computed later": """
t[i] = -0.0  for i < 4
t[i] += x[i, k]  for i < 4, k < 3
u[i] = exp(b[i])  for i < 4
out[i] = add(t[i], u[i])  for i < 4
""",
    "a maximum": """
t[i] = -inf  for i < 4
t[i] max= x[i, k]  for i < 4, k < 3
out[i] = maximum(t[i], b[i])  for i < 4
""",
    "a product": """
t[i] = -0.0  for i < 4
t[i] += x[i, k]  for i < 4, k < 3
out[i] = mul(t[i], b[i])  for i < 4
""",
}


def given() -> dict[str, Any]:
    """Numbers for the inputs."""
    rng = np.random.default_rng(0)
    return {"x": rng.normal(size=12), "w": rng.normal(size=3), "b": rng.normal(size=4)}


def statements(program: Program) -> list[str]:
    return [str(s) for s in program.body]


@pytest.mark.parametrize("name", SUMS)
def test_sums_begin_with_what_is_added(name: str) -> None:
    before, after = (parse(HEAD + text) for text in SUMS[name])
    found = begin(verify(before, "test"))
    assert statements(verify(found, "starts")) == statements(after)
    expected, numbers = interpret(before, given()), interpret(found, given())
    np.testing.assert_allclose(numbers["out"], expected["out"], 1e-13)


@pytest.mark.parametrize("name", KEPT)
def test_other_sums_stay(name: str) -> None:
    program = parse(HEAD + KEPT[name])
    assert statements(begin(program)) == statements(program)


def test_operands_are_in_order() -> None:
    text = "out[i] = add(mul(2.0, b[i]), mul(w[0], exp(mul(b[i], add(b[i], 1.0)))))  for i < 4"
    program = parse(HEAD + text)
    found = ordered(program)
    assert statements(found) == [
        "out[i] = add(mul(exp(mul(add(b[i], 1.0), b[i])), w), mul(b[i], 2.0))  for i < 4"
    ]
    check_same_outputs(program, found, given())
