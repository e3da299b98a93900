"""Loops over vectors of iterations with more sums than registers, whose passes have few each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from micrograd import jit, minimum, total
from micrograd.jit.emit import scratch
from micrograd.jit.emit.loop import LoopEmitter
from micrograd.jit.schedule.lanes import VectorLoop
from tests.by_values import BITS
from tests.summed import check
from tests.targets import assumed, processor

CENTROIDS = np.cos(np.arange(80.0)).reshape(10, 8)
POINTS = np.sin(np.arange(8000.0)).reshape(1000, 8)


def nearest(centroids: Any, point: Any) -> Any:
    """The squared distance of a point to the nearest centroid."""
    found: Any = None
    for k in range(10):
        far = sum((a - centroids[8 * k + j]) ** 2 for j, a in enumerate(point))
        found = far if found is None else minimum(found, far)
    return found


def distances(centroids: np.ndarray, points: np.ndarray) -> Any:
    return total(nearest, points)(centroids)


def loops(points: Any = POINTS, **options: Any) -> list[VectorLoop]:
    """The loops over the points of value and gradient."""
    kernel = jit(distances, wrt="centroids", **options).value_and_grad
    kernel(CENTROIDS.ravel(), points)
    steps = kernel._shown.code.schedule.steps
    return [x for x in steps if isinstance(x, VectorLoop) and x.group.count == len(points)]


@pytest.mark.parametrize("bits", BITS)
def test_sums_are_apart_from_what_is_added(bits: int) -> None:
    with assumed(vector_bits=bits):
        (found,) = loops()
    assert len(found.passes) > 4
    assert found.block < len(POINTS)
    (copy,) = found.arrays
    assert copy.name in found.strips
    assert found.strips[copy.name] == 8
    first = found.statements[0]
    assert first.target.array == copy.name
    reading = [s for s in found.statements if any(a.array == "points" for a in s.accesses)]
    assert reading == [first]


def test_few_rows_and_strict_sums_are_one_pass() -> None:
    found = [*loops(POINTS[:30]), *loops(strict=True)]
    assert found
    assert all(len(each.passes) == 1 for each in found)


@pytest.mark.parametrize("target", ["sse2", "avx", "avx2", "this"])
@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_value_and_gradient_on_other_processors(target: str, dtype: str) -> None:
    wanted = jit(distances, wrt="centroids", strict=True).value_and_grad
    value, gradient = wanted(CENTROIDS.ravel(), POINTS)
    chosen = processor(target)
    if chosen is None:
        pytest.skip("this machine does not run its code")
    with assumed(processor=chosen, vector_bits=chosen.vector_bits):
        found = jit(distances, wrt="centroids", dtype=dtype).value_and_grad
        given, slopes = found(CENTROIDS.ravel(), POINTS)
    assert given == pytest.approx(value, rel=1e-12 if dtype == "f64" else 1e-5)
    np.testing.assert_allclose(
        slopes, gradient, rtol=1e-11 if dtype == "f64" else 1e-4, atol=1e-3 * (dtype == "f32")
    )


@pytest.mark.parametrize("seed", range(6))
def test_totals_anywhere(seed: int) -> None:
    check(seed, (BITS[seed % len(BITS)],))


def test_what_is_handed_on_is_where_the_next_pass_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    def moved(self: LoopEmitter, local: Any) -> Any:
        return local  # as if every block were the first

    monkeypatch.setattr(LoopEmitter, "_absolute", moved)
    with pytest.raises(AssertionError):
        check_all(10)


def test_columns_are_those_of_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    right = scratch.column
    monkeypatch.setattr(scratch, "column", lambda b, rows, place: right(b, rows, place ^ 1))
    with pytest.raises(AssertionError):
        check_all(10)


def check_all(seeds: int) -> None:
    for seed in range(seeds):
        check(seed, (256,))
