"""Operands across the grain of memory: windows, gathers, transposed squares, sums put back."""

from __future__ import annotations

from collections.abc import Iterator
from math import log2
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowering.bindings import context
from micrograd import Value, jit
from micrograd.jit.emit.shuffles import gather, spread, transpose, windows
from micrograd.jit.emit.storage import Elements
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse

from ...whole_programs import Compiled, arguments
from .lists import ListBuilder

STRIDES = [s for s in range(-5, 6) if s not in (0, 1)]


@pytest.fixture
def builder() -> Iterator[ListBuilder]:
    with context():
        yield ListBuilder()


# --- windows -----------------------------------------------------------------------------------


@st.composite
def strided(draw: st.DrawFn) -> tuple[Elements, int]:
    """Elements, and the size of an array that has them."""
    width, stride = draw(st.sampled_from([4, 8, 16])), draw(st.sampled_from(STRIDES))
    lowest, behind = draw(st.integers(0, 40)), draw(st.integers(0, 20))
    span = abs(stride) * (width - 1)
    constant = lowest + span if stride < 0 else lowest
    value = draw(st.sampled_from([None, "an index"]))
    return Elements((constant, value), stride, width), lowest + span + 1 + behind


@given(strided())
def test_windows_hold_every_lane_once_and_stay_inside(drawn: tuple[Elements, int]) -> None:
    e, size = drawn
    constant, value = e.index
    indices = [constant + k * e.stride for k in range(e.width)]
    found = windows(e, size)
    if not found:
        assert abs(e.stride) > e.width // 4
        return
    held = {k: w.start + place for w in found for k, place in w.places.items()}
    assert held == dict(enumerate(indices))
    assert sum(len(w.places) for w in found) == e.width
    for w in found:
        assert all(0 <= place < e.width for place in w.places.values())
        if value is None:
            assert 0 <= w.start <= size - e.width
        else:  # nothing is known of what is around the elements
            assert min(indices) <= w.start <= max(indices) + 1 - e.width


def test_windows_of_interleaved_vectors_are_the_same() -> None:
    starts = [[w.start for w in windows(Elements((k, None), 3, 16), 337)] for k in range(3)]
    assert starts == [[0, 16, 32]] * 3


@pytest.mark.parametrize(("stride", "width"), [(0, 16), (1, 16), (17, 16), (2, 3), (2, 2)])
def test_no_windows_where_they_do_not_pay(stride: int, width: int) -> None:
    assert windows(Elements((0, None), stride, width), 1000) == []


# --- lanes -------------------------------------------------------------------------------------


def test_gather_and_spread(builder: Any) -> None:
    memory = list(range(100))
    for width in (4, 8, 16):
        for stride in STRIDES:
            for constant in (70, 71, 77):
                e = Elements((constant, None), stride, width)
                indices = [constant + k * stride for k in range(width)]
                found = windows(e, 100) if min(indices) >= 0 and max(indices) < 100 else []
                if not found:
                    continue
                rows = [memory[w.start : w.start + width] for w in found]
                assert gather(builder, found, rows) == indices
                put = [0] * 100
                for w in found:
                    for k, x in enumerate(spread(builder, w, indices, [0] * width)):
                        put[w.start + k] += x
                assert put == [i if i in indices else 0 for i in range(100)]


@pytest.mark.parametrize("n", [1, 2, 4, 8, 16])
def test_transpose(builder: Any, n: int) -> None:
    rows = [[n * i + j for j in range(n)] for i in range(n)]
    assert transpose(builder, rows) == [list(column) for column in zip(*rows, strict=True)]
    assert builder.shuffles == n * log2(n)  # a shuffle for each row, in a stage for each doubling


# --- kernels -----------------------------------------------------------------------------------


def layers(samples: int, inputs: int, units: int, gap: int) -> tuple[list[Value], Any]:
    """Parameters, and a sum over samples of two layers whose rows lie `gap` numbers apart.

    Small integers throughout, so sums are exact in any order.
    """
    rng = np.random.default_rng(samples + inputs + units + gap)
    stride = inputs + gap
    p = [Value(float(x)) for x in rng.integers(-2, 3, 1 + stride * units + units * units)]
    points = rng.integers(-2, 3, (samples, inputs)).astype(float).tolist()
    first = [p[1 + stride * j :] for j in range(units)]
    second = [p[1 + stride * units + units * j :] for j in range(units)]

    def loss() -> Any:
        total = sum(x * x for x in p)
        for point in points:
            hidden = [sum(w * x for w, x in zip(row, point, strict=False)) + 0.0 for row in first]
            hidden = [h.relu() for h in hidden]
            outputs = [
                sum(w * h for w, h in zip(row, hidden, strict=False)) + row[0] for row in second
            ]
            total = total + sum(x.relu() for x in outputs)
        return total

    return p, loss


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize(
    ("samples", "inputs", "units", "gap"),
    [(6, 2, 16, 1), (6, 3, 16, 0), (5, 16, 16, 1), (5, 20, 19, 2), (4, 36, 33, 0), (9, 5, 8, 3)],
)
def test_layers(dtype: str, samples: int, inputs: int, units: int, gap: int) -> None:
    p, loss = layers(samples, inputs, units, gap)
    expected = loss()
    expected.backward()
    value, gradient = jit(loss(), wrt=p, dtype=dtype).value_and_grad()
    assert value == expected.data
    assert list(gradient) == [x.grad for x in p]
    assert any(gradient)


EXCHANGED = [f"[{lanes}] : vector<8xf64>" for lanes in (
    "0, 1, 2, 3, 8, 9, 10, 11", "4, 5, 6, 7, 12, 13, 14, 15",
    "0, 1, 8, 9, 4, 5, 12, 13", "2, 3, 10, 11, 6, 7, 14, 15",
    "0, 8, 2, 10, 4, 12, 6, 14", "1, 9, 3, 11, 5, 13, 7, 15",
)]  # fmt: skip
"""What the shuffles of a transposed square of 8 take from two rows, in each of three stages."""


def squares() -> tuple[Any, dict[str, Any]]:
    """A program that reads rows of weights as columns, and numbers for it."""
    p, loss = layers(5, 16, 16, 1)
    program = jit(loss(), wrt=p, dtype="f64").value_and_grad._shown.transformed
    return program, arguments(program, 0)


def test_squares_are_transposed() -> None:
    program, given = squares()
    code = Compiled(program, 64, 512)
    counts = [code.mlir.count(mask) for mask in EXCHANGED]
    assert min(counts) >= 4
    found, expected = code.run(given), interpret(program, given)
    assert all(np.array_equal(found[name], x) for name, x in expected.items())


SHORT_ROWS = """param w[{size}]
input x[8, 16]
output out[8, {count}]

out[i, j] = 0.0  for i < 8, j < {count}
out[i, j] += mul(x[i, 4*k + l], w[16*j + 4*k + l])  for i < 8, j < {count}, k < 4, l < 4
"""


@pytest.mark.parametrize("count", [8, 12, 16, 17])
def test_short_rows_in_a_row_are_one(count: int) -> None:
    program = parse(SHORT_ROWS.format(count=count, size=16 * count))
    given, code = arguments(program, 0), Compiled(program, 64, 512)
    assert all(code.mlir.count(mask) >= 8 for mask in EXCHANGED)
    found, expected = code.run(given), interpret(program, given)
    assert all(np.array_equal(found[name], x) for name, x in expected.items())


@pytest.mark.parametrize("stage", range(3))
def test_a_wrong_shuffle_is_noticed(stage: int) -> None:
    """The test of the test: the two of a stage, exchanged in the text of the code."""
    program, given = squares()
    upper, lower = EXCHANGED[2 * stage : 2 * stage + 2]

    def exchanged(text: str) -> str:
        return text.replace(upper, "?").replace(lower, upper).replace("?", lower)

    found = Compiled(program, 64, 512, damage=exchanged).run(given)
    expected = interpret(program, given)
    assert not all(np.array_equal(found[name], x) for name, x in expected.items())
