"""Losses that were compiled lately are used again by those that compute the same of the same."""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import Thread
from typing import Any

import numpy as np
import pytest

from micrograd import Value, fit, fori, take
from micrograd.optim import SGD
from micrograd.store import adopt
from micrograd.train.sample_loss import MOST_LOSSES, kept

ROWS = [[0.1, 0.2, 0.3], [0.3, 0.1], [0.2 * k for k in range(10)]]
Made = Callable[[Value], Callable[[Any], Value]]


def square(p: Value) -> Callable[[Any], Value]:
    return lambda x: (p - x) ** 2


def squares(p: Value) -> Callable[[Any], Value]:
    return lambda xs: sum([(p - x) ** 2 for x in xs])


def mean_at(
    loss: Callable[[Any], Value], parameters: list[Value], data: Any, **options: Any
) -> Any:
    """The first loss of a training that changes nothing."""
    optimizer = SGD(parameters, lr=0.0)
    history = fit(loss, optimizer, data=data, steps=1, batch_size=len(data), dtype="f64", **options)
    return history.losses[0]


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("made", "data"), [(square, np.linspace(-1, 1, 8)), (squares, ROWS)])
def test_of_another_parameter(made: Made, data: Any, strict: bool) -> None:
    parameters = [Value(1.0), Value(2.0)]
    for p in parameters:
        adopt([p])  # each is the only one where it lies
    for p in parameters:
        expected = np.mean([made(p)(row).data for row in data])
        assert np.isclose(mean_at(made(p), parameters, data, strict=strict), expected)


def test_of_other_rows() -> None:
    """The first and last ones are the same: what is printed of a long array."""
    table = [[Value(k * k % 17)] for k in range(200)]
    parameters = [row[0] for row in table]

    def made(far: int, near: int) -> Callable[[Any], Value]:
        def add(row: Any) -> Callable[[Any, Any], Any]:
            return lambda k, s: [s[0] + take(table, row + k)[0]]

        def loss(n: Any) -> Value:
            def between(i: Any, s: Any) -> Any:
                return fori(40, lambda j, s: fori(20, add(n + far * i + near * j), s), s)

            return fori(2, between, [Value(0.0)])[0]

        return loss

    for far, near in ((78, 1), (39, 2)):
        rows = [
            n + far * i + near * j + k
            for n in range(3)
            for i in range(2)
            for j in range(40)
            for k in range(20)
        ]
        expected = sum(n * n % 17 for n in rows) / 3
        assert mean_at(made(far, near), parameters, np.arange(3)) == pytest.approx(expected)


@pytest.mark.parametrize("error", [ValueError, ZeroDivisionError])
def test_a_loss_for_the_lengths_of_its_data_only(error: type[Exception]) -> None:
    w = Value(0.5)

    def loss(xs: Any) -> Value:
        if len(xs) == 8:
            raise error("no samples of 8")
        return squares(w)(xs)

    data = [[0.1 * k for k in range(n)] for n in (9, 12, 3)]
    expected = np.mean([loss(xs).data for xs in data])
    assert np.isclose(mean_at(loss, [w], data), expected)


def test_threads() -> None:
    failed: list[Exception] = []

    def work(number: int) -> None:
        try:
            for k in range(10_000):
                kept((number, k), object)
        except Exception as error:
            failed.append(error)

    threads = [Thread(target=work, args=(number,)) for number in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not failed
    for k in range(MOST_LOSSES):
        kept(("last", k), object)
