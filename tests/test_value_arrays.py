"""NumPy's functions on arrays of traced values: compiled, or refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd import Value, jit, maximum
from micrograd.errors import TraceError

RAW = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])

COMPILED: dict[str, Callable[[Any], Any]] = {
    "maximum": lambda x: np.maximum(x, 0.5),
    "maximum, number first": lambda x: np.maximum(0.0, x),
    "minimum of two": lambda x: np.minimum(x[0], x[1]),
    "max": lambda x: x.max(),
    "max along an axis": lambda x: np.max(x, axis=1),
    "max, keeping axes": lambda x: x - x.max(axis=1, keepdims=True),
    "max of both axes": lambda x: x.max(axis=(0, 1)),
    "min": lambda x: np.min(x),
    "ptp": lambda x: np.ptp(x, axis=0),
    "clip": lambda x: np.clip(x, -1.0, 2.0),
    "clip from below": lambda x: x.clip(0.0),
    "where": lambda x: np.where(x > 0.0, x, x * x),
    "any": lambda x: np.any(x > 2.5) * x + np.all(x[0] > -9.0, axis=0),
    "where equal": lambda x: np.where(x == 1.0, 5.0, x),
    "where both": lambda x: np.where((x > 0.0) * (x < 2.0), x, 0.0),
    "mean": lambda x: np.mean(x),
    "mean along an axis": lambda x: x.mean(axis=0),
    "std": lambda x: x.std(),
    "std along an axis": lambda x: np.std(x, axis=1, ddof=1),
    "var": lambda x: np.var(x, axis=0, keepdims=True),
    "sum": lambda x: np.sum(x, axis=1),
    "prod": lambda x: x.prod(),
    "cumsum": lambda x: np.cumsum(x, axis=1),
    "dot": lambda x: np.dot(x, x.T),
    "vdot": lambda x: np.vdot(x, x),
    "matmul": lambda x: x @ x.T,
    "matmul with numbers": lambda x: RAW @ x.T,
    "einsum": lambda x: np.einsum("ij,kj->ik", x, x),
    "outer": lambda x: np.outer(x[0], x[1]),
    "norm": lambda x: np.linalg.norm(x),
    "softmax": lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum(),
    "log sum exp": lambda x: np.log(np.sum(np.exp(x), axis=1)),
    "abs": lambda x: np.abs(x) + np.fabs(x),
    "square": lambda x: np.square(x) + np.reciprocal(x) + np.positive(x),
    "power": lambda x: np.power(x, 2) + np.float_power(x, 3),
    "hypot": lambda x: np.hypot(x, 1.0),
    "sign": lambda x: np.sign(x) * x,
    "concatenate": lambda x: np.maximum(np.concatenate([x, x]), 0.0),
    "stack": lambda x: np.stack([x[0], x[1]]).max(axis=0),
    "roll": lambda x: np.minimum(np.roll(x, 1), 0.0),
    "diff": lambda x: np.diff(x, axis=0),
    "reshape": lambda x: np.maximum(x.reshape(3, 2).T, 0.0),
    "arctan2": lambda x: np.arctan2(x, 2.0),
}


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_as_numpy_computes_it(name: str) -> None:
    f = COMPILED[name]

    def whole(x: np.ndarray) -> Any:
        return f(x)

    found, expected = jit(whole)(RAW), f(RAW)
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-14)

    def total(x: np.ndarray) -> Any:
        return np.sum(f(x) * 1.0)

    partials = jit(total).grad(RAW)
    h = 1e-6
    for k in range(RAW.size):
        off = h * (np.arange(RAW.size) == k).reshape(RAW.shape)
        if not name.startswith(("where equal", "where both")):  # a jump
            difference = (np.sum(f(RAW + off)) - np.sum(f(RAW - off))) / (2 * h)
            assert partials.reshape(-1)[k] == pytest.approx(difference, rel=1e-6, abs=1e-7)


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "median": (lambda x: np.median(x), "minimum(*xs) or maximum(*xs)"),
    "argmax": (lambda x: x.reshape(-1)[np.argmax(x)], "minimum(*xs) or maximum(*xs)"),
    "sort": (lambda x: np.sort(x), "minimum(*xs) or maximum(*xs)"),
    "max of Python": (lambda x: max(x[0]), "maximum(*xs)"),
    "of a list": (lambda x: np.max([x[0, 0], x[0, 1]]), "maximum(*xs)"),
    "of an array of one's own": (
        lambda x: np.maximum(np.array([x[0, 0], 1.0]), 0.0),
        "maximum(*xs)",
    ),
    "no op": (lambda x: np.arctanh(x), "np.arctanh is no op of micrograd"),
    "mask": (lambda x: x[x > 0.0], "choose with np.where"),
    "index": (lambda x: x[x[0, 0]], "the index of a row should be an integer"),
    "nonzero": (lambda x: np.where(x > 0.0), "np.where(condition, x, y)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_rest_is_refused_at_the_line_of_the_user(name: str) -> None:
    f, says = REFUSED[name]

    def whole(x: np.ndarray) -> Any:
        return f(x)

    with pytest.raises(TraceError, match=re.escape(says)) as caught:
        jit(whole)(RAW)
    here = f"{Path(__file__)}:{f.__code__.co_firstlineno}"
    assert str(caught.value).startswith(here), caught.value


def test_maximum_of_the_elements_is_compiled() -> None:
    def f(x: np.ndarray) -> Any:
        return maximum(*x[0])

    assert jit(f)(RAW) == 3.0


def test_out_is_written_to() -> None:
    def f(x: np.ndarray) -> Any:
        y = x * 1.0
        np.maximum(x, 0.0, out=y)
        y += 1.0
        np.add(y, 1.0, out=y)
        return y

    np.testing.assert_array_equal(jit(f)(RAW), np.maximum(RAW, 0.0) + 2.0)


def test_arrays_of_values_from_kernels() -> None:
    def f(x: np.ndarray) -> Any:
        return (x * x).sum()

    values = [Value(1.0), Value(-2.0)]
    gradient = jit(f).grad(np.array(values))
    out = np.maximum(gradient, 0.0).sum()
    out.backward()
    assert (out.data, values[0].grad, values[1].grad) == (2.0, 2.0, 0.0)


def test_arrays_of_objects_that_the_user_makes() -> None:
    """NumPy asks their elements, not their class."""
    x = [1.0, 2.0, 4.0]
    assert jit(lambda x: np.array(x).std())(x) == pytest.approx(np.std(x), rel=1e-15)
    assert jit(lambda x: np.var(np.array(x), ddof=1))(x) == pytest.approx(np.var(x, ddof=1))
    assert jit(lambda x: np.vdot(x, x)).grad(x) == [2.0, 4.0, 8.0]
    assert np.array([Value(v) for v in x]).std().data == pytest.approx(np.std(x), rel=1e-15)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x * x),
        np.mean,
        lambda x: np.max(x + 1.0),
        np.prod,
        lambda x: np.dot(x, x),
        lambda x: np.vdot(2.0, x),
        lambda x: x / np.size(x),
        np.linalg.norm,
        lambda x: np.sum(x[0]) if isinstance(x, list) else np.min(x),
    ],
)
def test_a_number_in_place_of_an_array_is_not_reduced(f: Callable[[Any], Any]) -> None:
    def named(x: Any) -> Any:
        return f(x)

    for given in (np.array([1.0, 2.0, 3.0]), 2.0):
        with pytest.raises(TraceError, match=r"mapped over.*annotate"):
            jit(named)(given)
        with pytest.raises(TraceError, match=r"mapped over.*annotate"):
            jit(named).grad(given)


def test_what_is_computed_from_a_whole_array_is_reduced() -> None:
    def f(x: np.ndarray) -> Any:
        return np.sum(np.max(x)) + np.dot(np.sum(x), 2.0)

    assert jit(f)(np.array([1.0, 2.0, 4.0])) == 18.0
