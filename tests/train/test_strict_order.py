"""Strict training adds up the cotangents of parameters in the order of the interpreter."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from micrograd import Value, exp, fit, log, take, tanh
from micrograd.optim import SGD

Made = tuple[list[Value], Callable[[Any], Value]]
ROWS = 4


def _parameters(count: int) -> list[Value]:
    choose = random.Random(count)
    return [Value(choose.gauss(0, 0.7)) for _ in range(count)]


def recurrent() -> Made:
    """The initial state is the parameters themselves."""
    w = _parameters(3 * 5)
    first, cell = w[:3], [w[3 + 4 * k : 7 + 4 * k] for k in range(3)]

    def loss(xs: Any) -> Value:
        state, terms = first, []
        for x in xs:
            state = [
                tanh(sum((a * h for a, h in zip(row, state, strict=False)), row[-1] * x))
                for row in cell
            ]
            terms.append((state[0] - x) ** 2)
        return sum(terms) * (1.0 / len(terms))

    return w, loss


def taken_often() -> Made:
    """Rows are used several times, and rows of the same table by other tokens."""
    table = [_parameters(3 * ROWS)[3 * k : 3 * k + 3] for k in range(ROWS)]

    def loss(tokens: Any) -> Value:
        terms = []
        for token, following in pairwise(tokens):
            a, b, c = take(table, token)
            d, e, f = take(table, following)
            terms.append(a * d + b * e * a + c * f * c + tanh(a * b * f))
        return sum(terms) * 0.1

    return [p for row in table for p in row], loss


def picked() -> Made:
    """An entry of what is computed is taken, which is used elsewhere more than once."""
    table = [_parameters(ROWS * ROWS)[ROWS * k : ROWS * (k + 1)] for k in range(ROWS)]

    def loss(tokens: Any) -> Value:
        terms = []
        for token, following in pairwise(tokens):
            scores = [x * y for x, y in zip(take(table, token), table[0], strict=True)]
            whole = sum(exp(s) for s in scores)
            again = take(scores, token)
            terms.append(log(whole) - take(scores, following) + again * again * scores[1])
        return sum(terms) * 0.1

    return [p for row in table for p in row], loss


@pytest.mark.parametrize("made", [recurrent, taken_often, picked])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("ragged", [False, True])
def test_bits(made: Callable[[], Made], batch: int, ragged: bool) -> None:
    choose = np.random.default_rng(5)
    n = 12 if made is recurrent else 5
    lengths = [n, n - 2, n, 3] if ragged else [n] * 4
    rows: list[Any] = [
        choose.normal(size=n).tolist()
        if made is recurrent
        else choose.integers(0, ROWS, n).tolist()
        for n in lengths
    ]
    w, loss = made()
    optimizer = SGD(w, lr=0.05)
    data = rows if ragged else np.array(rows)
    history = fit(
        loss,
        optimizer,
        data=data,
        epochs=2,
        batch_size=batch,
        shuffle=False,
        dtype="f64",
        strict=True,
    )
    trained = [p.data for p in w]
    w, loss = made()
    optimizer, losses = SGD(w, lr=0.05), []
    for k in [*range(0, 4, batch)] * 2:
        some = rows[k : k + batch]
        mean = sum(loss(row) for row in some) * (1.0 / len(some))
        optimizer.zero_grad()
        mean.backward()
        optimizer.step()
        losses.append(mean.data)
    assert history.losses.tolist() == losses
    assert trained == [p.data for p in w]
