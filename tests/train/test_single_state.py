"""The state of optimisers where losses are float32: float32 in the loop, doubles outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import History, Value, fit
from micrograd.optim import SGD, Adam, AdamW, Optimizer

MAKE: dict[str, Callable[[Any], Optimizer]] = {
    "momentum": lambda p: SGD(p, lr=0.05, momentum=0.9),
    "adam": lambda p: Adam(p, lr=0.05, betas=(0.85, 0.99)),
    "clipped": lambda p: AdamW(p, lr=0.05, clip_norm=0.5),
}
ROWS = np.random.default_rng(0).normal(size=(24, 3))


def line() -> tuple[list[Value], Any]:
    w = [Value(0.1 * k - 0.2) for k in range(4)]

    def loss(x: Any) -> Any:
        return (sum(a * b for a, b in zip(w, x, strict=False)) + w[3] - x[0] + 0.5) ** 2

    return w, loss


def trained(optimizer: Optimizer, loss: Any, steps: int, dtype: str, **more: Any) -> History:
    return fit(
        loss,
        optimizer,
        data=(ROWS,),
        steps=steps,
        batch_size=6,
        shuffle=False,
        dtype=dtype,
        **more,
    )


@pytest.mark.parametrize("kind", MAKE)
def test_single_steps_are_those_of_doubles_up_to_rounding(kind: str) -> None:
    found = {}
    for dtype in ("f32", "f64"):
        w, loss = line()
        optimizer = MAKE[kind](w)
        trained(optimizer, loss, 40, dtype)
        assert optimizer.steps == 40
        found[dtype] = np.array([p.data for p in w]), optimizer.state
        assert all(s.dtype == np.float64 for s in optimizer.state.values())
    (single, state), (double, exact) = found["f32"], found["f64"]
    assert single == pytest.approx(double, rel=1e-4, abs=1e-5)
    for name, column in state.items():
        assert column.tolist() == column.astype(np.float32).tolist()
        assert column == pytest.approx(exact[name], rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("kind", MAKE)
def test_training_goes_on_where_it_stopped(kind: str) -> None:
    w, loss = line()
    whole = trained(MAKE[kind](w), loss, 16, "f32")
    other, loss = line()
    optimizer = MAKE[kind](other)
    parts = [trained(optimizer, loss, n, "f32") for n in (4, 12)]
    assert np.concatenate([h.losses for h in parts]).tolist() == whole.losses.tolist()
    assert [p.data for p in w] == [p.data for p in other]


def test_a_callback_sees_the_state_and_may_change_it() -> None:
    w, loss = line()
    optimizer = Adam(w, lr=0.05)
    seen: list[list[float]] = []

    def look(_: History) -> None:
        seen.append(optimizer.state["m"].tolist())
        optimizer.state["m"][:] = 0.25

    trained(optimizer, loss, 3, "f32", every=1, callback=look)
    assert len(seen) == 3
    assert seen[0] != seen[1]
    assert optimizer.state["m"].tolist() == [0.25] * 4


def test_strict_state_is_double() -> None:
    w, loss = line()
    optimizer = Adam(w, lr=0.05)
    trained(optimizer, loss, 3, "f32", strict=True)
    column = optimizer.state["v"]
    assert column.tolist() != column.astype(np.float32).tolist()


@pytest.mark.parametrize("kind", ["momentum", "adam"])
def test_state_that_fades_is_zero_before_it_is_denormal(kind: str) -> None:
    """The gradient of one weight is 0 but for the first step."""
    rows = np.zeros((1200, 2))
    rows[:, 0] = np.linspace(-1.0, 1.0, len(rows))
    rows[0, 1] = 1.0
    tiny = np.finfo(np.float32).tiny
    found = {}
    for dtype in ("f32", "f64"):
        w = [Value(0.3), Value(-0.2)]

        def loss(x: Any, w: list[Value] = w) -> Any:
            return (w[0] * x[0] + w[1] * x[1] + 0.7) ** 2

        optimizer = MAKE[kind](w)
        fit(loss, optimizer, data=(rows,), batch_size=1, steps=1200, shuffle=False, dtype=dtype)
        found[dtype] = next(iter(optimizer.state.values()))
    assert 0.0 < found["f64"][1] < tiny
    assert found["f32"][1] == 0.0
    assert found["f32"][0] == pytest.approx(found["f64"][0], rel=1e-3, abs=1e-5)
