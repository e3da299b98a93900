"""fit of models that drop elements: masks are data of the steps, drawn for every epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, fit, nn
from micrograd.errors import CheckpointError, TrainingError
from micrograd.jit.options import Options
from micrograd.losses import cross_entropy
from micrograd.optim import SGD, Adam
from micrograd.train import tensor_loop

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(24, 5)), RNG.integers(0, 3, 24)


def model() -> nn.Sequential:
    """Two layers that drop, each with a generator of its own."""
    return nn.Sequential(
        nn.Linear(5, 16, rng=0, dtype="f64"), nn.ReLU(), nn.Dropout(0.2, rng=1),
        nn.Linear(16, 8, rng=2, dtype="f64"), nn.Dropout(0.5, rng=3),
        nn.Linear(8, 3, rng=4, dtype="f64"),
    )  # fmt: skip


@pytest.mark.parametrize("size", [1, 8, 10, 24])
def test_training_in_order_is_the_eager_loop(size: int) -> None:
    compiled, eager = model(), model()
    optimizer = Adam(eager.parameters(), lr=0.01)
    losses = []
    for _ in range(3):
        for k in range(0, len(X), size):
            optimizer.zero_grad()
            loss = cross_entropy(eager(Tensor(X[k : k + size], "f64")), Y[k : k + size])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    how: dict[str, Any] = {"data": (X, Y), "loss": cross_entropy, "epochs": 3, "batch_size": size}
    history = fit(compiled, Adam(compiled.parameters(), lr=0.01), shuffle=False, **how)
    np.testing.assert_allclose(history.losses, losses, rtol=1e-12)
    for p, q in zip(compiled.parameters(), eager.parameters(), strict=True):
        np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=1e-9, atol=1e-12)


def test_every_epoch_has_masks_of_its_own_and_a_seed_repeats_them() -> None:
    def losses() -> list[float]:
        m = model()
        still = SGD(m.parameters(), lr=0.0)
        return fit(m, still, data=(X, Y), loss=cross_entropy, epochs=4).losses.tolist()

    found = losses()
    assert len(set(found)) == 4
    assert losses() == found


def test_looks_in_the_middle_of_an_epoch_draw_nothing() -> None:
    found = []
    for every in (1, 2, None):
        m = model()
        optimizer = SGD(m.parameters(), lr=0.1)
        how: dict[str, Any] = {"epochs": 3, "batch_size": 7, "callback": lambda h: False}
        history = fit(m, optimizer, data=(X, Y), loss=cross_entropy, every=every, **how)
        found.append(history.losses.tolist())
    assert found[0] == found[1] == found[2]


def test_validation_and_metric_drop_nothing() -> None:
    m = model()
    still = SGD(m.parameters(), lr=0.0)
    held = (X[:6], Y[:6])
    history = fit(
        m, still, data=(X, Y), loss=cross_entropy, epochs=1, validation=held, metric=cross_entropy
    )
    m.eval()
    expected = cross_entropy(m(Tensor(X[:6], "f64")), Y[:6]).item()
    assert history.validation_losses[-1] == pytest.approx(expected, rel=1e-12)
    assert history.metrics[-1] == pytest.approx(expected, rel=1e-12)


def test_a_loss_as_a_function() -> None:
    m = model()
    optimizer = SGD(m.parameters(), lr=0.1)
    history = fit(lambda x, y: cross_entropy(m(x), y), optimizer, data=(X, Y), epochs=1, seed=5)
    n = model()
    again = fit(n, SGD(n.parameters(), lr=0.1), data=(X, Y), loss=cross_entropy, epochs=1, seed=5)
    assert history.losses.tolist() == again.losses.tolist()


def test_what_has_no_row_for_each_sample_is_refused() -> None:
    m, drop = model(), nn.Dropout(0.5, rng=0)

    def loss(x: Any, y: Any) -> Any:
        return cross_entropy(m(x), y) + drop(m[0].weight).sum()

    with pytest.raises(TrainingError, match=r"Dropout\(0.5\) drops elements of shape \(5, 16\) of"):
        fit(loss, SGD(m.parameters(), lr=0.1), data=(X, Y), epochs=1)


def test_a_checked_step_drops_as_training_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """And checking draws no masks of its own."""
    seen: list[dict[str, Any]] = []

    def noted(step: Any, given: dict[str, Any], *_: Any) -> None:
        seen.append({name: np.array(x) for name, x in given.items()})

    monkeypatch.setattr(tensor_loop, "check_step", noted)
    how: dict[str, Any] = {"data": (X, Y), "epochs": 2, "shuffle": False, "batch_size": 24}
    found = []
    for check in ("", "1"):
        monkeypatch.setenv("MICROGRAD_CHECK", check)
        m = model()
        found.append(fit(m, SGD(m.parameters(), lr=0.1), loss=cross_entropy, **how).losses.tolist())
    assert found[0] == found[1]
    masks = [
        x for x in seen[0].values() if x.shape[:1] == (24,) and set(np.unique(x)) == {0.0, 1.0}
    ]
    assert [x.shape for x in masks] == [(24, 16), (24, 8)]


STEPS = 7
"""Three in an epoch: training stops in the middle of the third."""


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.MT19937, np.random.Philox])
@pytest.mark.parametrize("eager", [False, True])
def test_training_goes_on_from_a_saved_state(eager: bool, kind: Any) -> None:
    def made() -> tuple[Any, Any]:
        m = model()
        m.layers[2]._rng = np.random.Generator(kind(7))
        return m, Adam(m.parameters(), lr=0.01)

    def trained(m: Any, optimizer: Any, first: int, steps: int) -> list[float]:
        if not eager:
            how: dict[str, Any] = {"data": (X, Y), "loss": cross_entropy, "batch_size": 10}
            return fit(m, optimizer, steps=steps, seed=3, **how).losses.tolist()
        losses = []
        for k in range(first, first + steps):
            at = slice(k % 3 * 8, k % 3 * 8 + 8)
            optimizer.zero_grad()
            loss = cross_entropy(m(Tensor(X[at], "f64")), Y[at])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    whole, begun, again = made(), made(), made()
    expected = trained(*whole, 0, 2 * STEPS)
    found = trained(*begun, 0, STEPS)
    again[0].load_state_dict(begun[0].state_dict())
    again[1].load_state_dict(begun[1].state_dict())
    assert found + trained(*again, STEPS, STEPS) == expected
    for p, q in zip(again[0].parameters(), whole[0].parameters(), strict=True):
        assert p.numpy().tobytes() == q.numpy().tobytes()


def test_a_state_without_generators_leaves_them_where_they_are() -> None:
    m = model()
    state = m.state_dict()
    assert [name for name in state if name.endswith("rng")] == ["2.rng", "4.rng"]
    m.load_state_dict({name: x for name, x in state.items() if not name.endswith("rng")})
    for wrong in (np.zeros(3, np.uint8), [1.5], "text"):
        with pytest.raises(
            CheckpointError, match=r"2\.rng should be the state of a random generator"
        ):
            m.load_state_dict(state | {"2.rng": wrong})


def test_a_loop_in_another_dtype_than_its_parameters_is_refused() -> None:
    w = Tensor([1.0], requires_grad=True)
    options = Options.given(np.dtype(np.float64), False, None, None)
    with pytest.raises(
        TrainingError, match="computes in float32, their own dtype, got options for"
    ):
        tensor_loop.TensorLoop(SGD([w], lr=0.1), lambda: (w * w).sum(), [], options)
