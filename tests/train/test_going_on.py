"""Training that goes on, or is changed while it runs: every step is what it would have been."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import Value, fit, jit
from micrograd.errors import TrainingError
from micrograd.losses import max_margin
from micrograd.nn import MLP
from micrograd.optim import SGD, Adam, AdamW, Optimizer, cosine, linear

RNG = np.random.default_rng(5)
X = RNG.normal(size=(50, 3))
Y = np.where(X[:, 0] > X[:, 1], 1.0, -1.0)
OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "sgd": lambda p: SGD(p, lr=0.05),
    "momentum": lambda p: SGD(p, lr=linear(0.1, 0.01, 30), momentum=0.9),
    "adam": lambda p: Adam(p, lr=0.01),
    "adamw": lambda p: AdamW(p, lr=cosine(0.02, 0.0, 40)),
}


def model() -> MLP:
    random.seed(7)
    return MLP(3, [5, 1])


def numbers(m: Any) -> list[float]:
    return [p.data for p in m.parameters()]


def train(m: MLP, optimizer: Optimizer, **options: Any) -> Any:
    given = {"data": (X, Y), "loss": max_margin, "batch_size": 16, "seed": 3, "dtype": "f64"}
    return fit(m, optimizer, **{**given, **options})  # type: ignore[arg-type]


# --- the order of the samples -------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("strict", [False, True])
def test_epochs_one_by_one_are_the_epochs_of_one_call(name: str, strict: bool) -> None:
    one, other = model(), model()
    whole = train(one, OPTIMIZERS[name](one.parameters()), epochs=5, strict=strict)
    optimizer = OPTIMIZERS[name](other.parameters())
    parts = [train(other, optimizer, epochs=1, strict=strict) for _ in range(5)]
    assert np.concatenate([h.losses for h in parts]).tolist() == whole.losses.tolist()
    assert np.concatenate([h.rates for h in parts]).tolist() == whole.rates.tolist()
    assert [h.epoch_losses[0] for h in parts] == whole.epoch_losses.tolist()
    assert numbers(one) == numbers(other)


@pytest.mark.parametrize("shuffle", [False, True])
def test_steps_go_on_within_an_epoch(shuffle: bool) -> None:
    one, other = model(), model()
    whole = train(one, Adam(one.parameters()), steps=19, shuffle=shuffle)
    optimizer = Adam(other.parameters())
    parts = [train(other, optimizer, steps=n, shuffle=shuffle) for n in (1, 6, 3, 9)]
    assert np.concatenate([h.losses for h in parts]).tolist() == whole.losses.tolist()
    assert numbers(one) == numbers(other)
    # an epoch has 4 steps; those that begin and end within a call have means
    assert [len(h.epoch_losses) for h in parts] == [0, 0, 0, 1]
    assert parts[3].epoch_losses.tolist() == whole.epoch_losses[3:].tolist()


def test_training_resumes_from_a_saved_state_of_the_optimizer() -> None:
    one, other = model(), model()
    whole = train(one, Adam(one.parameters()), epochs=4)
    first = Adam(other.parameters())
    train(other, first, epochs=1)
    train(other, first, steps=3)
    saved, weights = first.state_dict(), numbers(other)

    fresh = model()  # as another process would have it
    for p, number in zip(fresh.parameters(), weights, strict=True):
        p.data = number
    second = Adam(fresh.parameters())
    second.load_state_dict(saved)
    rest = train(fresh, second, steps=9)
    assert rest.losses.tolist() == whole.losses[7:].tolist()
    assert numbers(fresh) == numbers(one)


def test_every_epoch_has_an_order_of_its_own_and_every_sample_once() -> None:
    def order(optimizer: Optimizer, seed: int, epochs: int = 1) -> list[list[float]]:
        """The samples of each epoch, as losses: the parameter does not move."""
        history = fit(
            lambda x: x + 0.0 * w,
            optimizer,
            data=np.arange(10.0),
            batch_size=1,
            epochs=epochs,
            seed=seed,
        )
        return history.losses.reshape(epochs, 10).tolist()  # type: ignore[no-any-return]

    w = Value(1.0)
    optimizer = SGD([w], lr=0.0)
    seen = [order(optimizer, 0)[0] for _ in range(6)]
    assert all(sorted(epoch) == list(range(10)) for epoch in seen)
    assert len({tuple(epoch) for epoch in seen}) == 6
    assert order(SGD([w], lr=0.0), 0, 6) == seen
    assert order(SGD([w], lr=0.0), 1, 6) != seen
    assert order(SGD([w], lr=0.0), 2**64 - 1)  # the largest seed


def test_epochs_after_steps_that_end_within_one_are_whole() -> None:
    w = Value(1.0)
    optimizer = SGD([w], lr=0.0)

    def losses(**length: int) -> list[float]:
        data = np.arange(10.0)
        history = fit(lambda x: x + 0.0 * w, optimizer, data=data, batch_size=1, **length)  # type: ignore[arg-type]
        return history.losses.tolist()

    assert len(losses(steps=3)) == 3
    assert sorted(losses(epochs=1)) == list(range(10))


# --- what a callback changes --------------------------------------------------------------------


def eager(w: Value, optimizer: Optimizer, steps: int, change: Callable[[int], Any]) -> None:
    for k in range(steps):
        loss = (w - 1.0) ** 2 * w
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        change(k + 1)


CHANGES: dict[str, Callable[[Any], Any]] = {
    "a number": lambda o: setattr(o, "schedule", 0.001),
    "lr": lambda o: setattr(o, "lr", 0.001),
    "a schedule": lambda o: setattr(o, "schedule", linear(0.02, 0.001, 25)),
    "weight_decay": lambda o: setattr(o, "weight_decay", 0.25),
    "betas": lambda o: setattr(o, "betas", (0.8, 0.95)) if isinstance(o, Adam) else None,
    "momentum": lambda o: setattr(o, "momentum", 0.5) if isinstance(o, SGD) else None,
    "steps": lambda o: setattr(o, "steps", 2),
    "state": lambda o: [s.fill(0.25) for s in o.state.values()],
    "another state": lambda o: o.state.update({k: s * 0.5 for k, s in o.state.items()}),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("at", [7, 10])
def test_what_a_callback_changes_takes_effect(name: str, change: str, at: int) -> None:
    one, other = Value(0.3), Value(0.3)
    first, second = OPTIMIZERS[name]([one]), OPTIMIZERS[name]([other])
    used: list[float] = []

    def eagerly(k: int) -> None:
        if k == at:
            CHANGES[change](first)
        used.append(first.lr)

    used.append(first.lr)
    eager(one, first, 20, eagerly)

    def callback(history: Any) -> None:
        assert len(history.rates) == history.steps
        if history.steps == at:
            CHANGES[change](second)

    history = fit(
        (other - 1.0) ** 2 * other,
        second,
        steps=20,
        every=1 if at == 7 else 5,
        callback=callback,
        dtype="f64",
        strict=True,
    )
    assert other.data == one.data
    assert history.rates.tolist() == used[:20]
    assert second.steps == first.steps
    for slot in first.slots:
        assert first.state[slot].tolist() == second.state[slot].tolist()


def test_the_schedule_is_asked_once_for_every_step() -> None:
    asked: list[int] = []
    w = Value(1.0)
    optimizer = Adam([w], lr=lambda k: asked.append(k) or 0.1)  # type: ignore[func-returns-value]
    fit(w * w, optimizer, steps=6, callback=lambda h: None, every=2)
    assert asked == list(range(6))


def test_a_schedule_that_looks_at_the_losses() -> None:
    """A plateau: the schedule is an object whose rate a callback changes."""

    class Plateau:
        rate = 0.1

        def __call__(self, step: int) -> float:
            return self.rate

    w = Value(1.0)
    schedule = Plateau()

    def callback(history: Any) -> None:
        if history.steps == 6:
            schedule.rate = 0.01

    history = fit(w * w, SGD([w], lr=schedule), steps=9, every=3, callback=callback)
    assert history.rates.tolist() == [0.1] * 6 + [0.01] * 3


def test_a_state_that_native_code_cannot_write_is_refused() -> None:
    w = Value(1.0)
    optimizer = Adam([w])

    def callback(_: Any) -> None:
        optimizer.state["m"] = [0.0]  # type: ignore[assignment]

    with pytest.raises(TrainingError, match=r"state\['m'\] of the optimizer should be an array of"):
        fit(w * w, optimizer, steps=2, callback=callback)
    assert optimizer.steps == 1


# --- long trainings -----------------------------------------------------------------------------


@pytest.mark.parametrize("data", [None, np.linspace(-1, 1, 64)])
def test_a_training_without_an_end_is_ended_by_its_callback(data: Any) -> None:
    w = Value(1.0)
    optimizer = AdamW([w], lr=linear(0.1, 0.0, 10**6))
    loss: Any = w * w if data is None else lambda x: (w - x) ** 2
    history = fit(
        loss,
        optimizer,
        data=data,
        steps=10**18,
        every=5000,
        callback=lambda h: h.steps >= 10_000,
        dtype="f64",
        strict=True,
    )
    assert (history.steps, optimizer.steps, history.stopped) == (10_000, 10_000, "callback")
    assert len(history.rates) == 10_000
    assert history.rates[-1] == linear(0.1, 0.0, 10**6)(9_999)


def test_rates_across_blocks_of_steps_are_the_interpreters() -> None:
    one, other = Value(0.3), Value(0.3)
    eager(one, Adam([one], lr=linear(0.01, 0.0, 9000)), 9000, lambda k: None)
    history = fit(
        jit((other - 1.0) ** 2 * other, wrt=[other], dtype="f64", strict=True),
        Adam([other], lr=linear(0.01, 0.0, 9000)),
        steps=9000,
    )
    assert other.data == one.data
    assert history.rates.tolist() == [linear(0.01, 0.0, 9000)(k) for k in range(9000)]


@pytest.mark.parametrize("at", [0, 5, 5000])
def test_an_interrupt_while_rates_are_asked_for_has_its_history(at: int) -> None:
    def schedule(step: int) -> float:
        if step == at:
            raise KeyboardInterrupt
        return 0.001

    w = Value(1.0)
    optimizer = SGD([w], lr=schedule)
    with pytest.raises(KeyboardInterrupt) as caught:
        fit(w * w, optimizer, steps=10**9, callback=lambda h: None, every=2500)
    history = caught.value.history  # type: ignore[attr-defined]
    assert history.stopped == "interrupt"
    assert history.steps == optimizer.steps == len(history.rates) == at // 2500 * 2500


def test_an_interrupt_while_the_loss_is_traced_has_an_empty_history() -> None:
    def loss(x: Any) -> Any:
        raise KeyboardInterrupt

    w = Value(1.0)
    with pytest.raises(KeyboardInterrupt) as caught:
        fit(loss, SGD([w]), data=np.ones(3), steps=2)
    history = caught.value.history  # type: ignore[attr-defined]
    assert (history.steps, history.stopped, w.data) == (0, "interrupt", 1.0)
