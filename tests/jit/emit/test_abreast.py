"""Sums over lanes of several iterations, added up together, and the scalar statements with them."""

from __future__ import annotations

import ctypes
import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowering.bindings import context
from micrograd import Value, jit
from micrograd.jit.emit.shuffles import fold
from micrograd.nn import MLP, Layer

from ...guarded import guarded, needs_guards
from ...targets import assumed
from .lists import ListBuilder

TOGETHER = "added up together"


@pytest.mark.parametrize("width", [2, 4, 8, 16])
def test_fold_gives_the_sum_of_each_row(width: int) -> None:
    with context():
        for count in range(1, width + 1):
            rows = [[float(100 * k + i) for i in range(width)] for k in range(count)]
            folded: Any = fold(ListBuilder(), rows)  # type: ignore[arg-type]
            assert folded[:count] == [sum(row) for row in rows]


@pytest.fixture(params=[128, 256, 512])
def bits(request: pytest.FixtureRequest) -> Iterator[int]:
    """Compile for vectors of so many bits."""
    with assumed(vector_bits=request.param):
        yield request.param


def schedule(kernel: Any, *arguments: Any) -> str:
    kernel(*arguments)
    return str(kernel.stages()["schedule"])


def close(found: Any, expected: float, dtype: str) -> bool:
    if math.isnan(expected) or math.isinf(expected):
        return str(found) == str(expected)
    tolerance = 1e-12 if dtype == "f64" else 1e-4
    return math.isclose(found, expected, rel_tol=tolerance, abs_tol=tolerance)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize(
    ("inputs", "units"),
    [(2, 3), (3, 17), (5, 16), (7, 33), (9, 4), (10, 30), (16, 100), (17, 19), (31, 8), (33, 35)],
)
def test_layers_of_odd_widths(bits: int, dtype: str, inputs: int, units: int) -> None:
    random.seed(inputs * units)
    model = MLP(inputs, [units, 1])
    x = [random.uniform(-1, 1) for _ in range(inputs)]
    kernel = jit(model, dtype=dtype)
    assert close(kernel(x), model(list(map(Value, x))).data, dtype)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_row_reads_nothing_of_its_neighbours(bits: int, dtype: str, value: float) -> None:
    random.seed(3)
    layer = Layer(10, 30, nonlin=False)
    for k, neuron in enumerate(layer.neurons):
        if k % 3 == 1:
            for p in neuron.parameters():
                p.data = value
    x = [random.uniform(-1, 1) for _ in range(10)]
    found = jit(layer, dtype=dtype)(x)
    expected = [y.data for y in layer(list(map(Value, x)))]
    assert all(close(a, b, dtype) for a, b in zip(found, expected, strict=True))
    assert sum(map(math.isfinite, found)) == 20


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("inputs", [3, 8, 10, 17])
def test_a_sum_of_negative_zeros_is_one(bits: int, dtype: str, inputs: int) -> None:
    layer = Layer(inputs, 20, nonlin=False)
    for p in layer.parameters():
        p.data = -0.0
    for y in jit(layer, dtype=dtype)([1.0] * inputs):
        assert math.copysign(1.0, y) == -1.0


@needs_guards
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize(("rows", "row"), [(5, 3), (30, 10), (10, 21)])
@pytest.mark.parametrize("at_end", [True, False])
def test_nothing_around_the_rows_is_touched(
    bits: int, dtype: str, rows: int, row: int, at_end: bool
) -> None:
    def f(w: list, x: list) -> Any:  # type: ignore[type-arg]
        return sum(sum(w[row * i + k] * x[k] for k in range(row)) * (i + 1) for i in range(rows))

    kernel = jit(f, dtype=dtype)
    w, x = np.arange(rows * row) % 7.0, np.arange(row) % 5.0
    expected = kernel(list(w), list(x))
    assert TOGETHER in str(kernel.stages()["schedule"])
    number = {"f32": np.float32, "f64": np.float64}[dtype]
    result = {"f32": ctypes.c_float, "f64": ctypes.c_double}[dtype]
    main = ctypes.CFUNCTYPE(result, ctypes.c_void_p, ctypes.c_void_p)(kernel.address)
    places = [guarded(a.astype(number), at_end=at_end).ctypes.data for a in (w, x)]
    assert main(*places) == expected == ((w.reshape(rows, row) @ x) * np.arange(1, rows + 1)).sum()


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("samples", [5, 16, 37])
def test_gradients_of_a_loss_over_samples(bits: int, dtype: str, samples: int) -> None:
    random.seed(samples)
    model = MLP(2, [9, 7, 1])
    points = [[random.uniform(-1, 1) for _ in range(2)] for _ in range(samples)]
    loss = sum((1 - model(list(map(Value, x)))).relu() for x in points) * (1 / samples)
    loss.backward()
    kernel = jit(loss, wrt=model.parameters(), dtype=dtype).value_and_grad
    value, gradient = kernel()
    assert close(value, loss.data, dtype)
    assert all(close(a, p.grad, dtype) for a, p in zip(gradient, model.parameters(), strict=True))


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 40), st.integers(2, 40), st.integers(0, 1000), st.sampled_from([256, 512]))
def test_two_layers_of_any_size(inputs: int, units: int, seed: int, bits: int) -> None:
    random.seed(seed)
    model = MLP(inputs, [units, units, 1])
    x = [random.uniform(-1, 1) for _ in range(inputs)]
    with assumed(vector_bits=bits):
        found = jit(model, dtype="f64")(x)
    assert close(found, model(list(map(Value, x))).data, "f64")


def test_the_schedule_says_so() -> None:
    model = MLP(10, [30, 20, 10, 1])
    with assumed(vector_bits=512):
        text = schedule(jit(model, dtype="f64"), [1.0] * 10)
    # rows begin anywhere: half a cache line at a time
    assert text.count(f"4 side by side, sums over lanes {TOGETHER}") == 3
    assert "t5[i] = where(lt(t4[i], 0.0), 0.0, t4[i])  for i < 30  ; lanes: i" in text
    assert "for i < 30, j < 10  ; lanes: j" in text


def test_rows_on_vector_boundaries_keep_whole_vectors() -> None:
    def f(w, x):  # type: ignore[no-untyped-def]
        return [sum(w[16 * i + k] * x[k] for k in range(16)) for i in range(24)]

    numbers = [float(k % 7) for k in range(24 * 16)]
    with assumed(vector_bits=512):
        text = schedule(jit(f, dtype="f64"), numbers, [1.0] * 16)
    assert f"8 side by side, sums over lanes {TOGETHER}" in text


@pytest.mark.parametrize("setting", [{"strict": True}, {"long": True}])
def test_what_is_added_up_one_by_one(setting: dict[str, bool]) -> None:
    inputs = 65 if setting.pop("long", False) else 10
    model = MLP(inputs, [20, 1])
    assert TOGETHER not in schedule(jit(model, dtype="f64", **setting), [1.0] * inputs)
