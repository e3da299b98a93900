"""Integer data as indices of rows, in `fit`."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from micrograd import Value, exp, fit, log, take, tanh, where
from micrograd.errors import TrainingError
from micrograd.optim import SGD
from micrograd.train.sample_loss import _LOSSES

from ..looped_fits import check

WORDS, CLASSES, WIDTH = 7, 5, 4


class Model:
    def __init__(self) -> None:
        r = random.Random(1)
        self.words, self.classes = (
            [[Value(r.gauss(0, 1)) for _ in range(WIDTH)] for _ in range(n)]
            for n in (WORDS, CLASSES)
        )

    def parameters(self) -> list[Value]:
        return [p for table in (self.words, self.classes) for row in table for p in row]

    def loss(self, word: Any, label: Any) -> Any:
        x = take(self.words, word)
        logits = [sum(a * b for a, b in zip(w, x, strict=True)) for w in self.classes]
        powers = [exp(v) for v in logits]
        whole = sum(powers)
        return -log(take([p / whole for p in powers], label))


def by_hand(model: Any, data: Any, steps: int) -> list[float]:
    """The losses of gradient descent in the interpreter."""
    losses = []
    for _ in range(steps):
        rows = zip(*(a.tolist() for a in data), strict=True)
        found = [model.loss(*row) for row in rows]
        total = sum(found) * (1.0 / len(found))
        for p in model.parameters():
            p.grad = 0.0
        total.backward()
        losses.append(total.data)
        for p in model.parameters():
            p.data -= 0.5 * p.grad
    return losses


def pairs(n: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(n)
    return rng.integers(-WORDS, WORDS - 1, n), rng.integers(0, CLASSES, n)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("n", [1, 3, 50])
def test_rows_are_looked_up_by_data(n: int, strict: bool) -> None:
    model, reference, data = Model(), Model(), pairs(n)
    how: Any = {"strict": strict, "dtype": "f64", "batch_size": n, "shuffle": False, "steps": 4}
    history = fit(model.loss, SGD(model.parameters(), lr=0.5), data=data, **how)
    losses = by_hand(reference, data, 4)
    assert history.losses == pytest.approx(losses, rel=1e-12)
    for p, q in zip(model.parameters(), reference.parameters(), strict=True):
        assert p.data == pytest.approx(q.data, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint16, np.uint64])
def test_integers_of_every_kind_are_indices(dtype: Any) -> None:
    model, reference = Model(), Model()
    data = tuple((a % CLASSES).astype(dtype) for a in pairs(20))
    fit(model.loss, SGD(model.parameters(), lr=0.5), data=data, dtype="f64", steps=1)
    by_hand(reference, data, 1)
    for p, q in zip(model.parameters(), reference.parameters(), strict=True):
        assert p.data == pytest.approx(q.data, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("wrong", [WORDS, -WORDS - 1, 2**62, 2**64 - 1])
def test_an_index_out_of_range_is_told_before_anything_is_written(wrong: int) -> None:
    model, (words, labels) = Model(), pairs(20)
    words = abs(words).astype(np.uint64) % WORDS if wrong > 2**63 else words
    words[13] = wrong
    before = [p.data for p in model.parameters()]
    with pytest.raises(TrainingError, match=rf"data\[0\]\[13\] is the index {wrong} into a table "):
        fit(model.loss, SGD(model.parameters(), lr=0.5), data=(words, labels), steps=1)
    assert [p.data for p in model.parameters()] == before


def test_numbers_are_no_indices() -> None:
    model, (words, labels) = Model(), pairs(20)
    with pytest.raises(TypeError, match=r"data\[0\] came as a float: give data\[0\] as integers"):
        fit(model.loss, SGD(model.parameters(), lr=0.5), data=(words * 1.0, labels), steps=1)


def test_validation_and_metrics_look_rows_up() -> None:
    model, data, held = Model(), pairs(20), pairs(7)
    metric = lambda word, label: take(model.words, word)[0] + label  # noqa: E731
    how: Any = {"dtype": "f64", "validation": held, "metric": metric, "every": 2}
    history = fit(model.loss, SGD(model.parameters(), lr=0.5), data=data, epochs=2, **how)
    rows = list(zip(*(a.tolist() for a in held), strict=True))
    wanted = sum(model.loss(*row).data for row in rows) / 7
    assert history.validation_losses[-1] == pytest.approx(wanted, rel=1e-12)
    wanted = sum(metric(*row).data for row in rows) / 7
    assert history.metrics[-1] == pytest.approx(wanted, rel=1e-12)
    held[1][5] = CLASSES
    with pytest.raises(TrainingError, match=r"validation\[1\]\[5\] is the index 5 into a table"):
        fit(model.loss, SGD(model.parameters(), lr=0.5), data=data, epochs=2, **how)


def test_integers_that_are_no_indices_may_be_any() -> None:
    w = [Value(0.5), Value(1.5)]

    def loss(row: Any) -> Any:
        return (take(w, row[0]) - row[1] * 0.01) ** 2

    rows = np.array([[0, 100], [1, -50], [-1, 7]])
    fit(loss, SGD(w, lr=0.5), data=rows, dtype="f64", batch_size=3, steps=1)
    found = [0.5 - (0.5 - 1.0) / 3, 1.5 - ((1.5 + 0.5) + (1.5 - 0.07)) / 3]
    assert [p.data for p in w] == pytest.approx(found, rel=1e-12)


@pytest.mark.parametrize("batch", [1, 3, 16, 40])
def test_tables_that_are_computed_for_each_sample(batch: int) -> None:
    """Their cotangents begin with zeros for the samples of a step, not for all of a block."""
    x, y = np.linspace(-1.0, 1.0, 40), np.arange(40) % 8
    found = []
    for as_number in (False, True):
        w = [Value(0.1 * k - 0.3) for k in range(8)]

        def loss(x: Any, y: Any, w: list[Value] = w, as_number: bool = as_number) -> Any:
            rows = [tanh(v * x) for v in w]
            if as_number:
                return sum(r * where(y == k, 1.0, 0.0) for k, r in enumerate(rows)) ** 2
            return take(rows, y) ** 2

        labels = y.astype(np.float64) if as_number else y
        options: Any = {"batch_size": batch, "epochs": 2, "dtype": "f64"}
        history = fit(loss, SGD(w, lr=0.1), data=(x, labels), **options)
        found.append([*history.losses, *(v.data for v in w)])
    assert found[0] == pytest.approx(found[1], rel=1e-12)
    taken = str(list(_LOSSES.values())[-2].program)
    zeros = [line for line in taken.splitlines() if line.startswith("ct_") and "= -0.0" in line]
    assert zeros
    assert all("for i < count" in line for line in zeros)


@pytest.mark.parametrize("seed", [1, 5, 12])
def test_drawn_losses_with_loops(seed: int) -> None:
    check(seed)
