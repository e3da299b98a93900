"""Losses against PyTorch's where it is installed, mpmath and closed forms; eager and compiled."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import Value, fit, jit
from micrograd.errors import DataError, TrainingError
from micrograd.losses import binary_cross_entropy, cross_entropy, l2, max_margin, squared_error
from micrograd.nn import MLP
from micrograd.optim import SGD

HUGE = [-1e300, -1e4, -745.0, -40.0, -1.5, -1e-9, 0.0, 0.3, 36.0, 710.0, 1e4, 1e300]
LABELS = [0.0, 0.25, 0.5, 0.7, 1.0]


def gradient(loss: Callable[..., Any], numbers: list[float]) -> tuple[float, list[float]]:
    """The value of a loss of a list of Values, and its partials."""
    leaves = list(map(Value, numbers))
    out = loss(leaves)
    out.backward()
    return out.data, [v.grad for v in leaves]


# --- hinge and squares --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("score", "y", "loss", "slope"),
    [(0.25, 1, 0.75, -1.0), (0.25, -1, 1.25, 1.0), (3.0, 1, 0.0, 0.0), (-3.0, 1, 4.0, -1.0)],
)
def test_max_margin(score: float, y: int, loss: float, slope: float) -> None:
    assert gradient(lambda v: max_margin(v[0], y), [score]) == (loss, [slope])
    assert max_margin(score, np.int64(y)) == loss


def test_max_margin_is_the_demos_expression_bit_for_bit() -> None:
    rng = random.Random(2)
    for _ in range(100):
        s, y = rng.uniform(-3, 3), rng.choice([-1, 1])
        assert max_margin(Value(s), y).data == (1 + -y * Value(s)).relu().data


def test_squared_error_of_numbers_and_of_lists() -> None:
    assert gradient(lambda v: squared_error(v[0], 1.0), [3.0]) == (4.0, [4.0])
    assert gradient(lambda v: squared_error(v, np.array([1.0, 2.0])), [3.0, 5.0]) == (13.0, [4, 6])


def test_l2_is_the_demos_penalty() -> None:
    random.seed(3)
    leaves = MLP(2, [4, 1]).parameters()
    assert l2(leaves, 1e-4).data == (1e-4 * sum(p * p for p in leaves)).data


# --- cross-entropies ----------------------------------------------------------------------------


@pytest.mark.parametrize("y", LABELS)
@pytest.mark.parametrize("logit", HUGE)
def test_binary_cross_entropy_is_exact_however_large_the_logit(logit: float, y: float) -> None:
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(700):
        x, t = mpmath.mpf(logit), mpmath.mpf(y)
        small = mpmath.exp(-abs(x)) if abs(logit) < 1000 else mpmath.mpf(0)
        log1p = mpmath.log(1 + small)
        # y * softplus(-x) + (1 - y) * softplus(x)
        loss = t * (max(-x, 0) + log1p) + (1 - t) * (max(x, 0) + log1p)
        upper = 1 / (1 + small)
        probability = upper if x >= 0 else small * upper
        slope = probability - t
    value, (ct,) = gradient(lambda v: binary_cross_entropy(v[0], y), [logit])
    assert value == pytest.approx(float(loss), rel=1e-14, abs=1e-320)
    assert ct == pytest.approx(float(slope), rel=1e-14, abs=2e-16 if 0.0 < y < 1.0 else 1e-320)


def exact_cross_entropy(xs: list[float], ps: list[float]) -> tuple[float, list[float]]:
    """By mpmath, with enough digits that nothing cancels."""
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(400):
        exps = [mpmath.exp(mpmath.mpf(x) - max(xs)) for x in xs]
        total = mpmath.fsum(exps)
        log_sum = max(xs) + mpmath.log(total)
        loss = mpmath.fsum(p * (log_sum - mpmath.mpf(x)) for x, p in zip(xs, ps, strict=True))
        slopes = [sum(ps) * e / total - p for e, p in zip(exps, ps, strict=True)]
        return float(loss), list(map(float, slopes))


CASES = [
    [0.0, 0.0],
    [1.0, 2.0, 3.0],
    [1e4, -1e4, 0.0],
    [800.0, 800.0, 799.0],
    [-1e300, -1e300, -1e300],
    [5.0, 5.0, 5.0, 5.0],
    [0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8, 0.9, -1.0],
]


@pytest.mark.parametrize("logits", CASES)
def test_cross_entropy_of_an_index_and_of_one_hot_and_of_probabilities(
    logits: list[float],
) -> None:
    rng = random.Random(4)
    n = len(logits)
    labels: list[tuple[Any, list[float]]] = []
    for k in range(n):
        hot = [float(k == i) for i in range(n)]
        labels += [(k, hot), (np.int32(k), hot), (float(k), hot), (Value(k), hot), (hot, hot)]
    weights = [rng.random() for _ in range(n)]
    labels.append((np.array(weights), weights))
    for y, probabilities in labels:
        value, slopes = gradient(lambda v, y=y: cross_entropy(v, y), logits)
        loss, exact = exact_cross_entropy(logits, probabilities)
        assert value == pytest.approx(loss, rel=1e-14, abs=1e-15)
        assert slopes == pytest.approx(exact, rel=1e-13, abs=1e-15)


def test_cross_entropies_are_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    for logits in CASES:
        x = torch.tensor([logits], dtype=torch.float64, requires_grad=True)
        loss = F.cross_entropy(x, torch.tensor([1]))
        loss.backward()
        value, slopes = gradient(lambda v: cross_entropy(v, 1), logits)
        assert value == pytest.approx(loss.item(), rel=1e-14, abs=1e-15)
        assert slopes == pytest.approx(x.grad[0].tolist(), rel=1e-13, abs=1e-15)
    for y in LABELS:
        for logit in HUGE:
            x = torch.tensor(logit, dtype=torch.float64, requires_grad=True)
            loss = F.binary_cross_entropy_with_logits(x, torch.tensor(y, dtype=torch.float64))
            loss.backward()
            value, slopes = gradient(lambda v, y=y: binary_cross_entropy(v[0], y), [logit])
            assert value == pytest.approx(loss.item(), rel=1e-13, abs=1e-14)
            assert slopes[0] == pytest.approx(x.grad.item(), abs=1e-15)


def test_hinge_and_squares_are_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    for y in (-1, 1):
        for score in (-2.0, 0.5, 3.0):
            # with a margin of 1, and its other input at 0
            theirs = F.margin_ranking_loss(
                torch.tensor([score]), torch.tensor([0.0]), torch.tensor([y]), margin=1.0
            )
            assert max_margin(score, y) == theirs.item()
    x, t = torch.tensor([1.0, -2.5]), torch.tensor([0.5, 4.0])
    assert squared_error(x.tolist(), t.tolist()) == float(F.mse_loss(x, t, reduction="sum"))


def test_the_probabilities_are_a_minimum() -> None:
    """Of -sum p log q over q, the least is q = p: there is no slope in any direction."""
    probabilities = [0.1, 0.2, 0.7]
    _, slopes = gradient(lambda v: cross_entropy(v, probabilities), list(map(math.log, [1, 2, 7])))
    assert slopes == pytest.approx([0.0] * 3, abs=1e-15)
    _, slopes = gradient(lambda v: binary_cross_entropy(v[0], 0.75), [math.log(3.0)])
    assert slopes == pytest.approx([0.0], abs=1e-15)


def test_a_masked_class_costs_nothing() -> None:
    value, slopes = gradient(lambda v: cross_entropy(v, 0), [0.0, 0.0, -math.inf])
    assert value == pytest.approx(math.log(2.0))
    assert slopes == [-0.5, 0.5, 0.0]


def test_nan_is_passed_on() -> None:
    for loss in (
        max_margin(math.nan, 1),
        squared_error(math.nan, 1.0),
        binary_cross_entropy(math.nan, 1.0),
        cross_entropy([0.0, math.nan], 0),
    ):
        assert math.isnan(getattr(loss, "data", loss))


BAD_CLASSES = [-1.0, 3.0, 7.0, 0.5, 1.999, -0.5, math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("label", BAD_CLASSES)
def test_no_class_as_an_argument_of_a_kernel_gives_nan(label: float) -> None:
    kernel = jit(lambda a, b, c, y: cross_entropy([a, b, c], y))
    assert math.isnan(kernel(0.0, 1.0, 2.0, label))
    assert kernel(0.0, 1.0, 2.0, 1.0) == pytest.approx(cross_entropy([0.0, 1.0, 2.0], 1))


def test_true_and_false_are_classes() -> None:
    xs = [0.25, -1.0]
    for y in (True, False, np.True_, np.False_):
        assert cross_entropy(xs, y) == cross_entropy(xs, int(y))
        assert binary_cross_entropy(0.25, y) == binary_cross_entropy(0.25, float(y))


BAD_LABELS: list[tuple[Any, Any, float, str]] = [
    *((cross_entropy, [Value(0.5), Value(1.0), Value(2.0)], y, "index of a class, 0 to 2")
      for y in BAD_CLASSES),
    *((max_margin, Value(0.5), y, "-1 or 1") for y in (0.0, 0.5, -1.5, math.inf, math.nan)),
    *((binary_cross_entropy, Value(0.5), y, "from 0 to 1")
      for y in (-1.0, 1.5, math.inf, math.nan)),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "output", "bad", "words"), BAD_LABELS)
def test_a_bad_label_is_refused_by_name(loss: Any, output: Any, bad: float, words: str) -> None:
    message = f"y of {loss.__name__} should be .*{words}, got "
    for label in (bad, np.float64(bad), np.float32(bad), Value(bad), Value(bad) * 1.0):
        with pytest.raises(TrainingError, match=message):
            loss(output, label)


@pytest.mark.parametrize("bad", [-0.5, 1.5, math.nan])
def test_a_bad_probability_is_refused_by_name(bad: float) -> None:
    for label in ([bad, 0.5], (0.5, Value(bad)), np.array([bad, 1.0])):
        with pytest.raises(TrainingError, match="y of cross_entropy should be from 0 to 1, got"):
            cross_entropy([Value(0.5), 1.0], label)


@pytest.mark.parametrize(("loss", "output", "bad", "words"), BAD_LABELS)
@pytest.mark.parametrize("where", ["data", "validation"])
def test_a_bad_label_in_data_is_refused_before_training(
    loss: Any, output: Any, bad: float, words: str, where: str
) -> None:
    n = len(output) if isinstance(output, list) else 1
    random.seed(1)
    model = MLP(2, [n])
    before = [p.data for p in model.parameters()]
    good = (np.ones((5, 2)), np.ones(5))
    poor = (np.ones((5, 2)), np.array([1.0, 1.0, 1.0, bad, 1.0]))
    given = {"data": poor if where == "data" else good, "validation": poor}
    message = rf"y of {loss.__name__} should be .*{words}, but row 3 of {where}\[1\] has {bad}"
    for function in (loss, lambda out, y: 2.0 * loss(out, y) + 1.0, jit(loss)):
        with pytest.raises(TrainingError, match=message):
            fit(model, SGD(model.parameters()), loss=function, steps=3, **given)  # type: ignore[arg-type]
    assert [p.data for p in model.parameters()] == before


def test_bad_probabilities_in_data_are_refused() -> None:
    model = MLP(2, [3])
    shares = np.full((4, 3), 1 / 3)
    optimizer = SGD(model.parameters())
    fit(model, optimizer, data=(np.ones((4, 2)), shares), loss=cross_entropy, steps=1)
    shares[2, 1] = -0.25
    message = r"y of cross_entropy should be from 0 to 1, but row 2 of data\[1\] has -0.25"
    with pytest.raises(TrainingError, match=message):
        fit(model, optimizer, data=(np.ones((4, 2)), shares), loss=cross_entropy, steps=1)


def test_labels_that_are_computed_from_data_are_not_checked_but_give_nan() -> None:
    model = MLP(2, [3])
    data = (np.ones((4, 2)), np.array([0.0, 2.0, 4.0, 3.0]))
    with pytest.warns(RuntimeWarning, match="was not finite"):
        fit(
            model,
            SGD(model.parameters()),
            data=data,
            loss=lambda out, y: cross_entropy(out, y * 0.5),
            steps=1,
        )


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.bool_, np.float32])
def test_labels_of_any_type_of_array(dtype: Any) -> None:
    model = MLP(2, [3])
    y = np.array([0, 1, 1, 0]).astype(dtype)
    fit(model, SGD(model.parameters()), data=(np.ones((4, 2)), y), loss=cross_entropy, steps=1)


# --- compiled -----------------------------------------------------------------------------------

PER_SAMPLE: list[tuple[Any, int, list[float]]] = [
    (lambda x, y: max_margin(x[0], y), 1, [-1.0, 1.0]),
    (lambda x, y: squared_error(x[0], y), 1, [-0.5, 2.0]),
    (lambda x, y: squared_error(x, [y, -y]), 2, [-0.5, 2.0]),
    (lambda x, y: binary_cross_entropy(x[0], y), 1, LABELS),
    (lambda x, y: cross_entropy(x, y), 3, [0.0, 1.0, 2.0]),
    (lambda x, y: cross_entropy(x, [y, 0.0, 1.0 - y]), 3, LABELS),
    (lambda x, y: l2(x, 0.1) + y, 3, [0.0]),
]


@pytest.mark.parametrize(("loss", "n", "labels"), PER_SAMPLE)
def test_a_label_may_be_an_input_of_the_compiled_loss(
    loss: Any, n: int, labels: list[float]
) -> None:
    kernel = jit(loss, dtype="f64", strict=True, wrt=["x"])
    rng = random.Random(6)
    for y in labels:
        for scale in (1.0, 30.0):
            xs = [rng.gauss(0, scale) for _ in range(n)]
            value, (slopes,) = kernel.value_and_grad(xs, y)
            eager, partials = gradient(lambda v, y=y: loss(v, Value(y)), xs)
            assert value == pytest.approx(eager, rel=1e-15)
            assert slopes == pytest.approx(partials, rel=1e-15, abs=1e-300)
            plain = loss(list(map(Value, xs)), y)
            assert plain.data == pytest.approx(eager, rel=1e-15)


def test_the_loss_of_many_samples_rerolls() -> None:
    random.seed(7)
    model = MLP(2, [8, 3])
    rng = random.Random(8)
    data = [([rng.gauss(0, 1), rng.gauss(0, 1)], rng.randrange(3)) for _ in range(60)]
    loss = sum(cross_entropy(model(x), y) for x, y in data) * (1.0 / len(data))
    loss.backward()
    kernel = jit(loss, wrt=model.parameters(), dtype="f64").value_and_grad
    value, slopes = kernel()
    assert value == pytest.approx(loss.data, rel=1e-13)
    assert list(slopes) == pytest.approx([p.grad for p in model.parameters()], rel=1e-9, abs=1e-15)
    assert len(kernel.stages()["program"].splitlines()) < 120  # not a line per sample


# --- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: max_margin(0.5, 0), "y of max_margin should be -1 or 1, got int 0; 2 . y - 1"),
        (lambda: binary_cross_entropy(0.5, -1), "should be from 0 to 1, got int -1"),
        (lambda: binary_cross_entropy(0.5, math.nan), "should be from 0 to 1, got float nan"),
        (lambda: squared_error([1.0], [1.0, 2.0]), "got a list of 1 and a list of 2"),
        (lambda: squared_error([1.0], 1.0), "got a list of 1 and float 1.0"),
        (lambda: squared_error(1.0, [1.0]), "got float 1.0 and a list of 1"),
        (lambda: cross_entropy(0.5, 0), "two or more logits, got float 0.5; of a single"),  # type: ignore[arg-type]
        (lambda: cross_entropy([0.5], 0), "two or more logits, got a list of 1"),
        (lambda: cross_entropy([0.5, 1.0], [1.0]), "a probability per logit, got 1 for 2"),
        (lambda: cross_entropy([0.5, 1.0], 2), "index of a class, 0 to 1, got int 2"),
        (lambda: cross_entropy([0.5, 1.0], -1), "index of a class, 0 to 1, got int -1"),
        (lambda: cross_entropy([0.5, 1.0], 0.5), "index of a class, 0 to 1, got float 0.5"),
        (lambda: cross_entropy([0.5, 1.0], math.nan), "0 to 1, got float nan"),
    ],
)
def test_bad_arguments(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        call()


@pytest.mark.parametrize("loss", [max_margin, binary_cross_entropy])
def test_a_label_that_is_no_number(loss: Any) -> None:
    with pytest.raises(DataError, match="got str '1'"):
        loss(0.5, "1")
    with pytest.raises(DataError, match="got str '1'"):
        cross_entropy([0.5, 1.0], "1")
