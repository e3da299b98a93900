"""Samples that differ in length: trained as the interpreter does, one program for all lengths."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from micrograd import Value, exp, fit, log, scan, take, tanh, while_loop
from micrograd.errors import TrainingError
from micrograd.jit.call.check import Checker
from micrograd.jit.options import Options
from micrograd.jit.target import Target
from micrograd.losses import max_margin
from micrograd.optim import SGD, Adam
from micrograd.train.ragged_data import ragged_data
from micrograd.train.ragged_loss import RaggedLoss

from ..ragged_losses import Drawn


@pytest.mark.parametrize("seed", [0, 3, 5, 9, 28, 49])
def test_random_losses(seed: int) -> None:
    Drawn(seed).check(6)


def series(lengths: list[int], seed: int = 0) -> list[list[float]]:
    choose = random.Random(seed)
    return [[choose.gauss(0, 1) for _ in range(n)] for n in lengths]


def decay() -> tuple[list[Value], Any]:
    w = [Value(0.3), Value(-0.2), Value(0.5)]

    def loss(xs: Any) -> Value:
        state, terms = w[0] * 1.0, []
        for x in xs:
            state = tanh(w[1] * state + w[2] * x)
            terms.append((state - x) ** 2)
        return sum(terms) * (1 / len(terms))

    return w, loss


def trained(data: Any, loss: Any, w: list[Value], **options: Any) -> list[float]:
    before = [p.data for p in w]
    found = fit(
        loss, SGD(w, lr=0.0), data=data, shuffle=False, batch_size=1, dtype="f64", **options
    )
    assert [p.data for p in w] == before
    return found.losses.tolist()


@pytest.mark.parametrize(
    "lengths", [[5], [4, 4, 4], [1, 2, 3, 4, 5, 6, 7, 8], [3, 300, 3, 2], [1, 1, 2]]
)
def test_lengths(lengths: list[int]) -> None:
    w, loss = decay()
    data = series(lengths)
    found = trained(data, loss, w, steps=len(data))
    np.testing.assert_allclose(found, [loss(xs).data for xs in data], rtol=1e-12)


def test_one_code_for_all_lengths() -> None:
    w, loss = decay()
    data = ragged_data(series([3, 9, 17, 30, 31, 1]), "data", np.dtype("f8"), loss)
    assert data is not None
    compiled = RaggedLoss(loss, data, w, Options.on(Target.host()))
    codes = {id(compiled.code(sizes).loss) for sizes in data.sizes}
    assert len(codes) == 1
    assert not compiled.own


def test_a_loss_that_is_another_at_some_length_has_code_of_its_own_there() -> None:
    w, loss = decay()

    def other(xs: Any) -> Value:
        return loss(xs) * 3.0 if len(xs) == 9 else loss(xs)

    data = series([3, 9, 17, 9, 30, 31])
    found = trained(data, other, w, steps=6)
    np.testing.assert_allclose(found, [other(xs).data for xs in data], rtol=1e-12)


def test_loops_written_as_loops() -> None:
    w = [Value(0.7)]

    def loss(xs: Any) -> Value:
        last, states = scan(lambda s, x: (s * w[0] + x, s * s), w[0] * 1.0, xs)
        return last + sum(states) * while_loop(lambda s: s < xs[-1], lambda s: s + 0.3, 0.0)

    data = series([2, 1, 4, 17, 4])
    found = trained(data, loss, w, steps=5)
    np.testing.assert_allclose(found, [loss(xs).data for xs in data], rtol=1e-12)


def test_several_columns_beside_arrays() -> None:
    w = [Value(0.3), Value(-0.2)]

    def loss(xs: Any, ys: Any, row: Any, number: Any) -> Value:
        a = sum(w[0] * x for x in xs)
        b = sum(w[1] * y * y for y in ys)
        return (a - b + row[0] * w[0] - row[1]) ** 2 + number * w[1]

    xs, ys = series([3, 5, 2, 9]), series([1, 7, 7, 4], 1)
    rows, numbers = np.arange(8.0).reshape(4, 2), np.array([1.0, 2.0, 3.0, 4.0])
    found = trained((xs, ys, rows, numbers), loss, w, steps=4)
    expected = [loss(*each).data for each in zip(xs, ys, rows, numbers, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_epochs_are_shuffled_and_batches_are_means() -> None:
    w, loss = decay()
    data = series([3, 9, 17, 1, 30, 31, 2])
    whole = fit(loss, SGD(w, lr=0.0), data=data, epochs=2, batch_size=3, dtype="f64", seed=5)
    each = [loss(xs).data for xs in data]
    assert whole.steps == 6
    np.testing.assert_allclose(whole.epoch_losses, [np.mean(each)] * 2, rtol=1e-12)
    assert len(set(np.round(whole.losses, 9))) == 6


def test_a_penalty_and_a_parameter_that_no_sample_uses() -> None:
    w, loss = decay()
    spare = Value(2.0)
    data = series([3, 9, 17])
    adam = Adam([*w, spare], lr=0.1)
    fit(loss, adam, data=data, steps=3, batch_size=1, dtype="f64", shuffle=False)
    assert spare.data == 2.0
    with_penalty = fit(
        loss,
        SGD([*w, spare], lr=0.0),
        data=data,
        steps=1,
        batch_size=3,
        dtype="f64",
        regularization=spare * spare,
    )
    expected = np.mean([loss(xs).data for xs in data]) + 4.0
    np.testing.assert_allclose(with_penalty.losses, [expected], rtol=1e-12)


def bigrams() -> tuple[list[Value], Any]:
    choose = random.Random(3)
    table = [[Value(choose.gauss(0, 1)) for _ in range(3)] for _ in range(3)]

    def loss(tokens: Any) -> Value:
        terms = []
        for token, target in pairwise(tokens):
            scores = [exp(x) for x in take(table, token)]
            terms.append(log(take(scores, target) / sum(scores)))
        return sum(terms) * (-1 / len(terms))

    return [x for row in table for x in row], loss


def test_tokens() -> None:
    w, loss = bigrams()
    data = [[2, 0, 1, 1], [0, -1, 2, 2, 1, 0, 0], [1, 2], [0, 1]]
    found = trained(data, loss, w, steps=4)
    np.testing.assert_allclose(found, [loss(tokens).data for tokens in data], rtol=1e-12)


def test_a_token_out_of_range() -> None:
    w, loss = bigrams()
    before = [p.data for p in w]
    data = [[2, 0, 1, 1], [0, 1], [0, 1, 1, 0, 3, 2], [1, 2]]
    with pytest.raises(
        TrainingError, match=r"data\[2\]\[4\] is the index 3 into a table of 3 rows"
    ):
        fit(loss, SGD(w, lr=0.1), data=data, steps=9, batch_size=1)
    assert [p.data for p in w] == before


def test_float32_goes_on_where_it_was_and_leaves_what_no_sample_uses() -> None:
    w, loss = decay()
    spare = Value(0.1)
    adam = Adam([*w, spare], lr=0.1)
    data = series([3, 9, 17, 5])
    fit(loss, adam, data=data, steps=2, batch_size=1, dtype="f32", shuffle=False)
    fit(loss, adam, data=data, steps=2, batch_size=1, dtype="f32", shuffle=False)
    found, state = [p.data for p in w], adam.state["m"].copy()
    assert spare.data == 0.1
    for p, number in zip(w, [0.3, -0.2, 0.5], strict=True):
        p.data = number
    other = Adam([*w, spare], lr=0.1)
    for xs in data:
        for p in w:
            p.grad = 0.0
        loss(xs).backward()
        other.step()
    np.testing.assert_allclose(found, [p.data for p in w], rtol=1e-4)
    np.testing.assert_allclose(state, other.state["m"], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_validation_and_a_metric(dtype: str) -> None:
    w, loss = bigrams()
    data, held = [[2, 0, 1, 1], [0, 1, 2], [1, 2]], [[0, 0, 1], [2, 1, 1, 1, 2]]

    def metric(tokens: Any) -> Value:
        return loss(tokens) * 2.0 + 1.0

    sgd = SGD(w, lr=0.1)
    options: dict[str, Any] = {"shuffle": False, "batch_size": 1, "dtype": dtype}
    history = fit(loss, sgd, data=data, steps=6, validation=held, metric=metric, **options)
    expected = np.mean([loss(tokens).data for tokens in held])
    np.testing.assert_allclose(history.validation_losses[-1], expected, rtol=1e-5)
    np.testing.assert_allclose(history.metrics[-1], 2 * expected + 1, rtol=1e-5)
    assert len(history.metrics) == 2
    other = [[0.5, 1.0], [2.0]]
    with pytest.raises(TrainingError, match="validation should have columns of the same kinds"):
        fit(loss, sgd, data=data, steps=6, validation=other)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([[1.0, 2.0], []], r"data\[1\] is empty"),
        ([[1.0, 2.0], [1.0, "x", 3.0]], r"data\[1\]\[1\] should be a real number, got str 'x'"),
        ([[1, 2], [1, 2**70, 3]], r"data\[1\]\[1\] is 1180591620717411303424, which is no integer"),
        ([[1, 2], [1, 2**63, 3]], r"data\[1\]\[1\] is 9223372036854775808, which is no integer"),
        (
            [np.array([1, 2], np.uint64), np.array([2**64 - 1], np.uint64)],
            r"data\[1\]\[0\] is 18446744073709551615, which is no integer of 64 bits",
        ),
        (([[1.0], [2.0, 3.0]],), None),
        (([[1.0], [2.0, 3.0]], [1.0, 2.0, 3.0]), "got 2 rows, 3 rows"),
    ],
)
def test_bad_data(data: Any, message: str | None) -> None:
    w, loss = decay()

    def of_two(xs: Any, y: Any) -> Value:
        return loss(xs) + y

    function = of_two if isinstance(data, tuple) and len(data) == 2 else loss
    if message is None:
        fit(function, SGD(w, lr=0.1), data=data, steps=1)
        return
    with pytest.raises(TrainingError, match=message):
        fit(function, SGD(w, lr=0.1), data=data, steps=1)


def test_a_label_that_its_loss_does_not_take() -> None:
    w, _ = decay()

    def loss(xs: Any, y: Any) -> Value:
        return max_margin(sum(w[0] * x for x in xs), y)

    data = series([2, 5, 4]), np.array([1.0, -1.0, 0.0])
    with pytest.raises(TrainingError, match=r"y of max_margin should be .*data\[1\]\[2\] is 0.0"):
        fit(loss, SGD(w, lr=0.1), data=data, epochs=1, shuffle=False, batch_size=1)


def test_threads_are_not_for_samples_of_different_lengths() -> None:
    w, loss = decay()
    with pytest.raises(TrainingError, match="one thread; leave out threads, got 2"):
        fit(loss, SGD(w, lr=0.1), data=series([2, 5, 4]), epochs=1, threads=2)


@pytest.mark.parametrize("tokens", [False, True])
def test_code_is_compared_with_the_interpreter(
    tokens: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    w, loss = bigrams() if tokens else decay()
    data: Any = [[2, 0, 1], [0, 1, 2, 2], [1, 2]] if tokens else series([9, 3, 12])
    monkeypatch.setenv("MICROGRAD_CHECK", "1")
    assert fit(loss, SGD(w, lr=0.1), data=data, epochs=1, batch_size=2, dtype="f64").steps == 2

    def other(*_: Any) -> None:
        raise RuntimeError("another number")

    monkeypatch.setattr(Checker, "compare", other)
    with pytest.raises(RuntimeError, match="another number"):
        fit(loss, SGD(w, lr=0.1), data=data, epochs=1, batch_size=2, dtype="f64")


def test_an_interrupt_while_a_length_is_traced_keeps_whole_steps() -> None:
    w, whole = decay()

    def loss(xs: Any) -> Value:
        if len(xs) == 2:
            raise KeyboardInterrupt
        found: Value = whole(xs)
        return found

    optimizer = SGD(w, lr=0.01)
    with pytest.raises(KeyboardInterrupt) as caught:
        fit(loss, optimizer, data=series([30, 5, 2]), epochs=1, shuffle=False, batch_size=1)
    history = caught.value.history  # type: ignore[attr-defined]
    assert (history.stopped, history.steps, optimizer.steps) == ("interrupt", 2, 2)


def gaps(w: Value) -> Any:
    """A loss that is 0, no Value, where a sample has one number."""
    return lambda xs: sum([(w * a - b) ** 2 for a, b in pairwise(xs)]) * (1 / max(1, len(xs) - 1))


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("lengths", [[1, 2, 3], [3, 1], [4, 4, 1], [1, 12]])
def test_a_loss_that_is_a_number_for_one_length(lengths: list[int], strict: bool) -> None:
    data = series(lengths)
    w, eager = Value(0.5), Value(0.5)
    found = fit(
        gaps(w),
        SGD([w], lr=0.1),
        data=data,
        steps=3,
        batch_size=len(data),
        dtype="f64",
        strict=strict,
        validation=[[0.1], [0.2]],
        metric=lambda xs: float(len(xs)),
    )
    for loss in found.losses:
        eager.grad = 0.0
        total = sum(map(gaps(eager), data)) * (1 / len(data))
        total.backward()
        assert np.isclose(loss, total.data)
        eager.data -= 0.1 * eager.grad
    assert np.isclose(w.data, eager.data)
    assert found.validation_losses.tolist() == [0.0, 0.0, 0.0]


def refused(data: Any, loss: Any, parameters: list[Value]) -> str:
    before = [p.data for p in parameters]
    with pytest.raises(TrainingError) as error:
        fit(loss, SGD(parameters, lr=0.1), data=data, steps=3, batch_size=1, shuffle=False)
    assert [p.data for p in parameters] == before
    return str(error.value)


def test_what_cannot_be_computed_is_said() -> None:
    w, data = Value(0.5), [[0.3], [0.1, 0.2], [0.5, 0.6, 0.7]]
    assert (
        "from data[0], a list of 1: list index out of range; samples differ in length"
        in refused(data, lambda xs: (w * xs[1]) ** 2, [w])
    )
    assert "<lambda>(*xs) takes any number of them; give it one" in refused(
        data, lambda *xs: w * xs[0], [w]
    )
    assert "does not depend on any parameter" in refused([[1.0], [2.0]], gaps(w), [w])


def test_integers_that_are_no_index_hide_none() -> None:
    table = [[Value(0.1 * k)] for k in range(3)]
    data = [[0, 1], [9, 1], [1, 2], [0, 1, 7]]
    said = refused(
        data, lambda xs: sum([take(table, x)[0] ** 2 for x in xs[1:]]), [row[0] for row in table]
    )
    assert said.startswith("data[3][2] is the index 7")
