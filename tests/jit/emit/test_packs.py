"""Operands across the grain of memory: windows, gathers, transposed squares, sums put back."""

from __future__ import annotations

from math import log2
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd import Value, jit
from micrograd.jit.emit import loop as emit_loops
from micrograd.jit.emit import shuffles as lanes
from micrograd.jit.emit.builder import Builder
from micrograd.jit.emit.shuffles import gather, spread, transpose, windows
from micrograd.jit.emit.storage import Elements

STRIDES = [s for s in range(-5, 6) if s not in (0, 1)]


def shuffled(_: Any, x: list[Any], y: list[Any], mask: list[int]) -> list[Any]:
    """What llvm.shufflevector does, on lists."""
    return [(x + y)[k] for k in mask]


class ListBuilder:
    """Where vectors are lists."""

    def width(self, x: list[Any]) -> int:
        return len(x)


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(lanes, "shuffle", shuffled)
    return ListBuilder()


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
def test_transpose(builder: Any, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0

    def counted(*arguments: Any) -> list[Any]:
        nonlocal count
        count += 1
        return shuffled(*arguments)

    monkeypatch.setattr(lanes, "shuffle", counted)
    rows = [[n * i + j for j in range(n)] for i in range(n)]
    assert transpose(builder, rows) == [list(column) for column in zip(*rows, strict=True)]
    assert count == n * log2(n)  # a shuffle for each row, in a stage for each doubling


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


def test_squares_are_transposed(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def counted(b: Builder, rows: list[Any]) -> list[Any]:
        sizes.append(len(rows))
        return transpose(b, rows)

    monkeypatch.setattr(emit_loops, "transpose", counted)
    p, loss = layers(5, 16, 16, 1)
    jit(loss(), wrt=p, dtype="f64").value_and_grad()
    assert sizes


def test_a_wrong_shuffle_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emit_loops, "transpose", lambda b, rows: list(rows))
    with pytest.raises(AssertionError):
        test_layers("f64", 5, 16, 16, 1)
