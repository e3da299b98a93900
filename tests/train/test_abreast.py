"""Samples that differ in length, several at once: as one by one, whatever they are."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from micrograd import Value, fit, take, tanh
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.abreast import Unfit, abreast
from micrograd.optim import SGD, Adam
from micrograd.train import ragged_loop
from micrograd.train.abreast_loss import AbreastLoss

from ..ragged_losses import Drawn


def recurrent() -> tuple[list[Value], Any]:
    w = [Value(0.3), Value(-0.2), Value(0.5)]

    def loss(xs: Any) -> Value:
        state, terms = w[0] * 1.0, []
        for x in xs:
            state = tanh(w[1] * state + w[2] * x)
            terms.append((state - x) ** 2)
        return sum(terms) * (1 / len(terms))

    return w, loss


def tokens() -> tuple[list[Value], Any]:
    choose = random.Random(3)
    table = [[Value(choose.gauss(0, 1)) for _ in range(2)] for _ in range(3)]
    w = Value(0.4)

    def loss(row: Any) -> Value:
        state, terms = w * 1.0, []
        for token in row:
            x, y = take(table, token)
            state = tanh(w * state + x)
            terms.append((state - y) ** 2)
        return sum(terms) * (1 / len(terms))

    return [w, *(x for row in table for x in row)], loss


def units(n: int) -> Any:
    """So many, as many as samples are computed together among them, or extents are at most."""

    def model() -> tuple[list[Value], Any]:
        choose = random.Random(n)
        begin = [Value(choose.gauss(0, 0.5)) for _ in range(n)]
        w = [[Value(choose.gauss(0, 0.5)) for _ in range(n)] for _ in range(n)]

        def loss(xs: Any) -> Value:
            state, states = begin, []
            for x in xs:
                state = [tanh(sum(a * b for a, b in zip(row, state, strict=True)) + x) for row in w]
                states.append(state)
            sums = [sum(found) for found in zip(*states, strict=True)]
            return sum((a * b - 0.1) ** 2 for a, b in zip(sums, begin, strict=True))

        return [*begin, *(x for row in w for x in row)], loss

    return model


def last() -> tuple[list[Value], Any]:
    """What only the last state says."""
    w, _ = recurrent()

    def loss(xs: Any) -> Value:
        state = w[0] * 1.0
        for x in xs:
            state = tanh(w[1] * state + w[2] * x)
        return (state - 0.3) ** 2

    return w, loss


def series(lengths: list[int], *, whole: bool = False) -> list[Any]:
    choose = random.Random(len(lengths))
    return [
        [choose.randrange(-3, 3) if whole else choose.gauss(0, 1) for _ in range(n)]
        for n in lengths
    ]


def trained(model: Any, data: Any, **options: Any) -> list[np.ndarray[Any, Any]]:
    """The losses of all steps, and the parameters behind them, one by one and together."""
    found, made = [], []
    begin = AbreastLoss.__init__

    def noted(self: AbreastLoss, *given: Any) -> None:
        begin(self, *given)
        made.append(self)

    for many in (10**9, 0):
        w, loss = model()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ragged_loop, "MANY", many)
            patch.setattr(AbreastLoss, "__init__", noted)
            history = fit(loss, Adam(w, lr=0.02), data=data, dtype="f64", **options)
        assert len(made) == (many == 0)
        found.append(np.array([*history.losses, *(p.data for p in w)]))
    return found


LENGTHS = [3, 9, 17, 2, 4, 4, 5, 9, 9, 3, 12, 30, 1, 2, 9, 9, 9, 11, 4, 7, 8, 16, 2, 5, 6]


@pytest.mark.parametrize("batch", [8, 11, 25])
@pytest.mark.parametrize("model", [recurrent, tokens, last])
def test_mixed_lengths(model: Any, batch: int) -> None:
    data = series([n + 1 for n in LENGTHS], whole=model is tokens)
    alone, together = trained(model, data, epochs=3, batch_size=batch, seed=4)
    np.testing.assert_allclose(together, alone, rtol=1e-11)


@pytest.mark.parametrize("model", [units(1), units(7), units(8), units(9), units(12)])
def test_states(model: Any) -> None:
    """Eight units are as many as the samples, and twelve as the positions of the longest."""
    lengths = [3, 9, 11, 2, 4, 4, 5, 9, 9, 3, 12, 6, 2, 2, 8, 7]
    alone, together = trained(model, series(lengths), epochs=2, batch_size=8, seed=4)
    np.testing.assert_allclose(together, alone, rtol=1e-11)


def test_a_length_with_code_of_its_own_is_among_them() -> None:
    def model() -> tuple[list[Value], Any]:
        w, loss = recurrent()
        return w, lambda xs: loss(xs) * 3.0 if len(xs) == 9 else loss(xs)

    alone, together = trained(model, series(LENGTHS), epochs=2, batch_size=8)
    np.testing.assert_allclose(together, alone, rtol=1e-11)


def test_what_is_not_finite_is_computed_again_one_by_one() -> None:
    data = series(LENGTHS)
    data[7][3] = np.inf
    with pytest.warns(RuntimeWarning, match="not finite"):
        alone, together = trained(recurrent, data, steps=3, batch_size=8, shuffle=False)
    np.testing.assert_array_equal(np.isfinite(alone), np.isfinite(together))
    assert not np.isfinite(alone[0])


def test_what_shorter_samples_do_not_have_may_be_anything() -> None:
    def model() -> tuple[list[Value], Any]:
        w, _ = recurrent()

        def loss(xs: Any) -> Value:  # the last number of the short ones, often, overflows
            grown = w[0] * 1.0
            for x in xs:
                grown = grown * (x * x + 1.0) ** 2
            return (w[1] + 1.0 / grown) ** 2

        return w, loss

    data = [[1.0] * 200, *([x, 1e9] for x in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0))]
    alone, together = trained(model, data, steps=2, batch_size=8, shuffle=False)
    assert np.isfinite(alone).all()
    np.testing.assert_allclose(together, alone, rtol=1e-9)


@pytest.mark.parametrize("seed", [2001, 2003])
def test_random_losses(seed: int) -> None:
    drawn = Drawn(seed)
    drawn.together = True
    drawn.check(3)


def test_strict_training_goes_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ragged_loop, "MANY", 0)
    monkeypatch.setattr(AbreastLoss, "__init__", None)
    w, loss = recurrent()
    data = series(LENGTHS)
    fit(loss, SGD(w, lr=0.1), data=data, epochs=1, batch_size=8, dtype="f64", strict=True)


def test_programs_of_several() -> None:
    program = parse(
        """
input x[9]
extent n0 <= 7
param p0[7]
temp t8[7]
temp t11[1]
output out[1]

t8[i] = 0.0  for i < n0
t8[i] += mul(x[i + j], p0[j])  for i < n0, j < 3
t11 = 0.0
t11 += t8[i]  for i < n0
out = add(t11, p0[4])
"""
    )
    found = verify(abreast(program, 8), "abreast")
    assert str(found).partition("\n\n")[2].splitlines() == [
        "t8[i, j] = 0.0  for i < n0, j < 8",
        "t8[i, j] += mul(x[j, i + k], p0[k])  for i < n0, j < 8, k < 3",
        "t11[i] = 0.0  for i < 8",
        "t11[j] += where(live_n0[i, j], t8[i, j], -0.0)  for i < n0, j < 8",
        "each[i] = add(t11[i], p0[4])  for i < 8",
    ]
    by_units = parse(
        """
input x[9]
extent n0 <= 8
param p0[8]
temp t8[8]
temp t11[1]
output out[1]

t8[i] = 0.0  for i < 8
t8[i] += mul(x[j], p0[i])  for i < 8, j < n0
t11 = 0.0
t11 += t8[i]  for i < 8
out = add(t11, p0[4])
"""
    )
    assert "where(live_n0[j, k], mul(x[k, j], p0[i]), -0.0)" in str(abreast(by_units, 8))
    program.arrays["out"].shape = (2,)
    with pytest.raises(Unfit, match="more than one result"):
        abreast(program, 8)
