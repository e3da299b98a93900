"""What `fit` waits for: code, in the loop too; how long it took is told, and it is kept."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from micrograd import Value, fit, jit, take, tanh
from micrograd.errors import TrainingError
from micrograd.jit.options import Options
from micrograd.jit.target import Target
from micrograd.optim import SGD
from micrograd.train.ragged_data import ragged_data
from micrograd.train.ragged_loss import RaggedLoss

DATA = [[0.5, -1.0, 2.0], [1.0, 0.25], [0.1 * k for k in range(12)], [2.0, 1.5]]


def model() -> tuple[list[Value], Any]:
    w = [Value(0.3), Value(-0.2), Value(0.5)]

    def loss(xs: Any) -> Value:
        state, terms = w[0] * 1.0, []
        for x in xs:
            state = tanh(w[1] * state + w[2] * x)
            terms.append((state - x) ** 2)
        return sum(terms) * (1 / len(terms))

    return w, loss


def test_seconds_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    now, code = [0.0], RaggedLoss.code

    def slow(self: RaggedLoss, sizes: Any) -> Any:
        now[0] += 5.0
        return code(self, sizes)

    w, loss = model()

    def traced(xs: Any) -> Value:
        now[0] += 0.5
        found: Value = loss(xs)
        return found

    monkeypatch.setattr(RaggedLoss, "code", slow)
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    history = fit(traced, SGD(w, lr=0.1), data=DATA, epochs=1, batch_size=1, shuffle=False)
    monkeypatch.undo()
    assert history.seconds == 0.0
    assert history.compiling == 15.0  # three lengths
    assert history.tracing % 0.5 == 0.0 < history.tracing == now[0] - 15.0


def test_without_data_and_with_arrays_there_is_time_for_code_too() -> None:
    w = Value(1.0)
    for loss, data in (((w - 2.0) ** 2, None), (lambda x: (w * x) ** 2, (np.ones(4),))):
        history = fit(loss, SGD([w], lr=0.1), data=data, steps=2)
        assert history.compiling > 0.0
        assert history.seconds > 0.0
        assert history.tracing > 0.0


def test_the_bar_says_what_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    w, loss = model()
    fit(loss, SGD(w, lr=0.1), data=DATA, epochs=1, batch_size=1, progress=True)
    shown = capsys.readouterr().err
    for what in ("compiling:", "compiling, length 2:", "compiling, length 12:", "4/4"):
        assert what in shown


def test_the_bar_is_closed_where_nothing_can_be_trained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("tqdm")
    w, _ = model()
    with pytest.raises(TrainingError, match="does not depend on any parameter"):
        fit(lambda xs: sum(xs), SGD(w, lr=0.1), data=DATA, epochs=1, progress=True)
    assert capsys.readouterr().err.endswith("\n")


def test_code_is_kept_between_trainings() -> None:
    w, loss = model()
    options = Options.on(Target.host())
    codes = []
    for data in (DATA, DATA[1:]):
        ragged = ragged_data(data, "data", np.dtype("f8"), loss)
        compiled = RaggedLoss(loss, ragged, w, options)
        codes += [compiled.code(sizes).loss for sizes in ragged.sizes]
    assert len(set(map(id, codes))) == 1
    others, other = model()
    compiled = RaggedLoss(other, ragged_data(DATA, "data", np.dtype("f8"), other), others, options)
    assert compiled.code((2,)).loss is not codes[0]


def pairs() -> tuple[list[Value], Any]:
    """A table with a row for each pair of tokens from 0 to 2."""
    table = [[Value(0.1 * k)] for k in range(9)]

    def loss(tokens: Any) -> Value:
        rows = [take(table, a * 3 + b)[0] for a, b in pairwise(tokens)]
        return sum((x - 1.0) ** 2 for x in rows) * (1.0 / len(rows))

    return [row[0] for row in table], loss


def test_sums_of_integers_are_looked_at_before_the_first_step() -> None:
    w, loss = pairs()
    before = [p.data for p in w]
    data = [[0, 1, 2, 2], [1, 1], [0, 1, 2, 0, 1], [2, 2, 2, 3, 0]]
    with pytest.raises(TrainingError, match=r"3\*data\[3\]\[2\] \+ data\[3\]\[3\] is the index 9"):
        fit(loss, SGD(w, lr=0.1), data=data, steps=1, batch_size=1, shuffle=False)
    assert [p.data for p in w] == before
    data[3][3] = 0
    history = fit(loss, SGD(w, lr=0.0), data=data, steps=4, batch_size=1, shuffle=False)
    np.testing.assert_allclose(history.losses, [loss(row).data for row in data], rtol=1e-6)


@pytest.mark.parametrize("ragged", [False, True])
def test_checked_losses_may_look_rows_up(ragged: bool) -> None:
    w, loss = pairs()
    data: Any = [[0, 1, 2, 2], [1, 1, 0, 1]] + [[2, 1]] * ragged
    if not ragged:
        data = (np.array(data),)
    checked = jit(loss, check=True)
    assert fit(checked, SGD(w, lr=0.1), data=data, epochs=2, batch_size=2).losses[-1] > 0.0


def test_float32_leaves_parameters_that_no_sample_uses_as_they_are() -> None:
    table = [[Value(0.1 * k + 0.01)] for k in range(4)]
    spare = Value(0.7)
    w = [row[0] for row in table]
    before = [p.data for p in w]

    def loss(token: Any, y: Any) -> Value:
        return (take(table, token)[0] - y) ** 2

    data = np.array([0, 2, 0, 2]), np.array([1.0, 2.0, 3.0, 4.0])
    fit(loss, SGD([*w, spare], lr=0.1), data=data, steps=3, batch_size=1, dtype="f32")
    assert [p.data for p in w[1::2]] == before[1::2]
    assert all(p.data != x for p, x in zip(w[::2], before[::2], strict=True))
    assert spare.data == 0.7
