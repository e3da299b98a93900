"""A block of samples that is filled up for vectors: what fills it up makes no nan of what is
infinite, in the loss or in the gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import Value, exp, fit, log
from micrograd.jit.passes.over_samples import SIZE
from micrograd.optim import SGD

START = (0.5, -0.25, 0.125)

Loss = Callable[[Any, Any], Value]


def squares(w: list[Value]) -> Loss:
    return lambda x, y: (w[0] * x[0] + w[1] * x[1] + w[2] - y) ** 2


def exponential(w: list[Value]) -> Loss:
    return lambda x, y: exp(w[0] * x[0]) * y + w[1] * x[1] + w[2]


def logarithm(w: list[Value]) -> Loss:
    return lambda x, y: w[1] * x[1] - log(w[0] * x[0]) * y + w[2] * w[2]


def quotient(w: list[Value]) -> Loss:
    return lambda x, y: w[0] / x[0] + w[1] * y + w[2]


def nothing(w: list[Value]) -> None:
    return None


def small(w: list[Value]) -> Value:
    return 0.25 * sum(p * p for p in w)


def infinite(w: list[Value]) -> Value:
    return 1.0 / (w[2] - START[2])


def eager(
    loss: Callable[[list[Value]], Loss], penalty: Callable[[list[Value]], Value | None], X: Any
) -> tuple[float, list[float]]:
    """The loss of all samples and the parameters after a step, by the interpreter."""
    w = [Value(x) for x in START]
    each = loss(w)
    total = sum((each(list(map(float, x)), 1.0) for x in X), Value(0.0)) * (1.0 / len(X))
    more = penalty(w)
    total = total if more is None else total + more
    total.backward()
    return total.data, [p.data - p.grad for p in w]


@pytest.mark.filterwarnings("ignore:the loss of step 0 was not finite")
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("penalty", [nothing, small, infinite])
@pytest.mark.parametrize("loss", [squares, exponential, logarithm, quotient])
def test_what_is_infinite_in_a_padded_block_is_what_it_is_without_padding(
    loss: Callable[[list[Value]], Loss],
    penalty: Callable[[list[Value]], Value | None],
    dtype: str,
) -> None:
    close = 1e-9 if dtype == "f64" else 1e-3
    w = [Value(x) for x in START]
    each = loss(w)
    more = penalty(w)
    for size in [*range(1, 19), 31, 33, SIZE - 1, SIZE + 1, 2 * SIZE + 9]:
        X = np.random.default_rng(size).uniform(0.5, 1.5, size=(size, 2))
        for at in {0, size - 1}:
            special = (math.inf, 0.0, -math.inf)[size % 3]
            X[at, at % 2] = special
            expected = eager(loss, penalty, X)
            for threads in {1, 1 + (size > SIZE)}:
                for p, x in zip(w, START, strict=True):
                    p.data = x
                history = fit(
                    each,
                    SGD(w, lr=1.0),
                    data=(X, np.ones(size)),
                    batch_size=size,
                    epochs=1,
                    shuffle=False,
                    regularization=None if more is None else lambda: penalty(w),
                    dtype=dtype,
                    threads=threads,
                )
                found = history.losses[0], [p.data for p in w]
                assert found[0] == pytest.approx(expected[0], rel=close, abs=close, nan_ok=True), (
                    size
                )
                assert found[1] == pytest.approx(expected[1], rel=close, abs=close, nan_ok=True)
            X[at, at % 2] = 1.0


@pytest.mark.parametrize("threads", [1, 2])
def test_an_infinite_penalty_is_infinite_in_every_block(threads: int) -> None:
    w = [Value(x) for x in START]
    X = np.ones((4 * SIZE + 1, 2))
    with pytest.warns(RuntimeWarning, match="not finite"):
        history = fit(
            squares(w),
            SGD(w, lr=1.0),
            data=(X, np.ones(len(X))),
            batch_size=len(X),
            epochs=1,
            regularization=lambda: infinite(w),
            threads=threads,
        )
    assert history.losses.tolist() == [math.inf]
    assert w[2].data == math.inf
    assert math.isfinite(w[0].data)
