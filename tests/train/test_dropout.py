"""fit of models that drop elements: masks are data of the steps, drawn for every epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, fit, nn
from micrograd.errors import TrainingError
from micrograd.losses import cross_entropy
from micrograd.optim import SGD, Adam

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
