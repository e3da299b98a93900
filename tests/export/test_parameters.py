"""Parameters that exported functions take: which, in which order, and what the header says."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from micrograd import Value, jit, nn, tanh

from .drivers import Call, bits, done, driver, exported, invocations, numbers
from .test_native import CC, COMPILER, SANITIZED


class Line:
    """A model whose parameters are made in another order than it lists them in."""

    def __init__(self) -> None:
        self.bias = Value(0.1, label="b")
        self.unused = Value(9.0)
        self.weights = [Value(0.2), Value(0.3), Value(0.4)]

    def parameters(self) -> list[Value]:
        return [*self.weights, self.unused, self.bias]

    def __call__(self, x: Any) -> Any:
        return sum(w * v for w, v in zip(self.weights, x, strict=True)) + self.bias


def of_header(path: Path) -> str:
    """Its words, in one line."""
    text = path.read_text(encoding="utf-8")
    return " ".join(text.partition(" */")[0].replace(" * ", " ").split())


@COMPILER
@pytest.mark.parametrize(("dtype", "before"), [("f64", True), ("f32", False)])
def test_parameters_are_those_that_are_read_in_order(
    tmp_path: Path, dtype: str, before: bool
) -> None:
    """Whatever else was compiled before, and moved some of them to one place."""
    values = [Value(k + 0.5, label="abcdef"[k] * (k > 1)) for k in range(6)]
    own, network = Line(), nn.MLP(2, [3, 1])
    if before:
        jit(lambda x: values[4] * x + values[1])(1.0)
        jit(lambda x: own.weights[1] * x + own.unused)(1.0)
        jit(lambda x: network.layers[1](x), dtype=dtype)([1.0, 2.0, 3.0])
    some = jit(lambda x: values[2] * x + values[5] * x * x + values[1], dtype=dtype)
    row, line = jit(network.layers[0], dtype=dtype), jit(own, dtype=dtype)
    method = jit(own.__call__, dtype=dtype)
    last = network.layers[0].neurons[-1]
    passed = {"parameters": "passed"}
    of_line = [p.data for p in own.parameters() if p is not own.unused]
    calls = [
        Call(some, [(2.0,)], [[1.5, 2.5, 5.5]], passed),
        Call(some.value_and_grad, [(2.0,)], [[1.5, 2.5, 5.5]], passed),
        Call(line, [([1.0, 2.0, 3.0],)], [of_line], passed),
        Call(line.value_and_grad, [([1.0, 2.0, 3.0],)], [of_line], passed),
        Call(method, [([1.0, 2.0, 3.0],)], [of_line], passed),
        Call(row, [([1.0, 2.0],)], [[p.data for p in network.layers[0].parameters()]], passed),
        Call(
            jit(last, dtype=dtype), [([1.0, 2.0],)], [[p.data for p in last.parameters()]], passed
        ),
    ]
    expected = [found for call in calls for found in call.expected()]
    libraries = exported(calls, tmp_path)
    source, program = driver(invocations(calls, tmp_path), tmp_path), tmp_path / "driver"
    done([CC, "-o", program, source, *SANITIZED, *libraries, "-lm"])
    found = numbers(done([program]), expected)
    tiny = 1e-6 if dtype == "f32" else 1e-15
    for got, want in zip(found, expected, strict=True):
        assert got == pytest.approx(want, rel=tiny, abs=tiny)
    said = of_header(tmp_path / "f0.h")
    assert "in the order in which they were made: [0]: no label; [1]: c; [2]: f" in said
    for k in (2, 3, 4):
        said = of_header(tmp_path / f"f{k}.h")
        assert "order of the model's parameters(): [0] to [2]: parameters()[0] to" in said
        assert "parameters()[2]; [3]: b" in said
    said = of_header(tmp_path / "f6.h")
    assert "[0] to [1]: weight[0] to weight[1]; [2]: bias" in said


class Listed(nn.Module):
    """A model of these parameters."""

    def __init__(self, values: list[Value]) -> None:
        self.values = values

    def __call__(self, x: Any) -> Any:
        return weighted(self.values, x)


def weighted(values: list[Value], x: Any) -> Any:
    return sum(tanh(v * x) * (k + 1) for k, v in enumerate(values))


@COMPILER
def test_parameters_in_any_order(tmp_path: Path) -> None:
    """Random choices of them, of several places, listed otherwise than they were made."""
    rng = random.Random(4)
    calls = []
    for n in (1, 5, 37):
        values = [Value(rng.uniform(-1.0, 1.0)) for _ in range(n + 5)]
        jit(partial(weighted, rng.sample(values, 3)))(1.0)
        source = Listed(rng.sample(values, n))
        kernel = jit(source, dtype="f64", strict=True)
        now = [v.data for v in source.parameters()]
        calls += [
            Call(kernel, [(0.7,)], [now], {"parameters": "passed"}),
            Call(kernel.value_and_grad, [(0.7,)], [now], {"parameters": "passed"}),
        ]
    expected = [found for call in calls for found in call.expected()]
    libraries = exported(calls, tmp_path)
    driven, program = driver(invocations(calls, tmp_path), tmp_path), tmp_path / "driver"
    done([CC, "-o", program, driven, "-O0", *libraries, "-lm"])
    assert bits(numbers(done([program]), expected)) == bits(expected)
