"""Loops whose limit is high: as with a low one, at the cost of the steps that are done."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isnan
from typing import Any

import numpy as np
import pytest

from micrograd import Value, jit, while_loop
from micrograd.errors import TraceError
from micrograd.jit.call import arrays


def _root(x: Any, limit: int) -> Any:
    return while_loop(
        lambda y: abs(y * y - x) > 1e-10, lambda y: (y + x / y) / 2.0, x + 1.0, limit=limit
    )


def _sums(x: Any, limit: int) -> Any:
    """Three numbers a step, behind which all of them are read."""
    s = while_loop(
        lambda s: s[0] < 4.0, lambda s: (s[0] + x, s[1] * x + s[2], s[2] + s[0]), (x, 1.0, x * x),
        limit=limit,
    )  # fmt: skip
    return s[0] * s[1] + s[2]


def _twice(x: Any, limit: int) -> Any:
    """One behind the other, of the same limit."""
    return _root(_sums(x, limit), limit)


def _nested(x: Any, limit: int) -> Any:
    def step(s: Any) -> Any:
        return s - 0.3 * _root(s, min(limit, 50))

    return while_loop(lambda s: s > 1.0, step, x + 2.0, limit=min(limit, 5000))


def _all_rows(x: Any, limit: int) -> Any:
    """A table of as many numbers as lowered limits begin with."""
    table = [0.01 * k for k in range(131)]
    return _root(x + sum((x - t) * (x - t) for t in table), limit)


FUNCTIONS: tuple[Callable[[Any, int], Any], ...] = (_root, _sums, _twice, _nested, _all_rows)


CASES = [
    (f, limit, strict) for f in FUNCTIONS for limit, strict in ((4097, True), (2_000_000, False))
]


@pytest.mark.parametrize(("f", "limit", "strict"), CASES)
def test_as_with_a_low_limit(f: Callable[[Any, int], Any], limit: int, strict: bool) -> None:
    points = np.array([0.5, 0.9, 1.3])
    kernel = jit(lambda x: f(x, limit), strict=strict)
    for x in points.tolist():
        leaf = Value(x)
        value = f(leaf, 60)
        value.backward()
        assert kernel(x) == (value.data if strict else pytest.approx(value.data, rel=1e-13))
        assert kernel.grad(x) == pytest.approx(leaf.grad, rel=1e-12)
    assert kernel(points).tolist() == pytest.approx([f(x, 60) for x in points.tolist()], rel=1e-13)
    assert kernel.grad(points).tolist() == pytest.approx(list(map(kernel.grad, points)), rel=1e-13)
    if f in (_root, _sums) and not strict:
        low = jit(lambda x: f(x, 60))
        assert kernel.jvp(0.9, 2.0) == pytest.approx(low.jvp(0.9, 2.0), rel=1e-13)
        assert kernel.hvp(0.9, 1.5) == pytest.approx(low.hvp(0.9, 1.5), rel=1e-12)


@pytest.mark.parametrize("f", [_root, _sums, _twice])
def test_the_value_has_no_limit(f: Callable[[Any, int], Any]) -> None:
    low, high = jit(lambda x: f(x, 60)), jit(lambda x: f(x, 2**60))
    assert high(0.9) == pytest.approx(low(0.9), rel=1e-13)
    assert high.jvp(0.9, 1.0) == pytest.approx(low.jvp(0.9, 1.0), rel=1e-13)
    with pytest.raises(TraceError, match=r"would keep up to .* GiB in f64.*of at most"):
        high.grad(0.9)
    assert high(1.1) == pytest.approx(low(1.1), rel=1e-13)


def test_the_limit_is_where_it_was_said() -> None:
    kernel = jit(lambda x: while_loop(lambda y: y > 0.0, lambda y: y - 1.0, x, limit=5000))
    assert kernel(5000.0) == 0.0
    assert isnan(kernel(5001.0))
    assert kernel.grad(5000.0) == 1.0
    assert isnan(kernel.grad(5001.0))
    assert isnan(kernel(inf))


def test_what_is_printed_says_the_limit() -> None:
    kernel = jit(lambda x: _root(x, 1_000_000))
    assert "limit=1,000,000 is looked at as one with limit=131" in kernel.grad.explain()
    assert "1000001" in kernel.grad.stages()["simplified"]


def test_gradients_begin_with_the_rows_that_there_are() -> None:
    text = jit(lambda x: _sums(x, 50)).grad.stages()["simplified"]
    assert "ct_state0[3*i + j + 3] = -0.0  for i < count0[0], j < 3" in text


def test_work_is_that_of_a_few_steps_however_high_the_limit_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def shared(jobs: Any) -> None:
        raise AssertionError(f"{len(jobs)} threads for nine points")

    monkeypatch.setattr(arrays, "run", shared)
    x = np.arange(1.0, 10.0)
    high = jit(lambda x: _root(x, 8_000_000), threads=8)
    highest = jit(lambda x: _root(x, 1 << 40), threads=8)
    assert np.allclose(high(x), np.sqrt(x))
    assert np.allclose(highest(x), np.sqrt(x))
    assert np.allclose(high.grad(x), 0.5 / np.sqrt(x))
