"""NumPy's functions of whole arrays on Values: as of numbers, nan included, or refused by name."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import Value, jit
from micrograd.errors import TraceError
from micrograd.value_arrays import value_array

RAW = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])
SPECIAL = np.array([[np.nan, -2.0, np.inf], [0.0, 4.0, -1.0]])
MASK = np.array([[True, False, True], [False, True, True]])
FEW = np.array([[False, True, False], [False, False, True]])


def written(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """The function with an array to write to, which is also what it gives."""

    def f(x: Any) -> Any:
        out = x[0] * 0.0
        found = function(x, axis=0, out=out)
        assert found is out
        return out

    return f


SAME: dict[str, Callable[[Any], Any]] = {
    "sum": lambda x: np.sum(x, where=MASK),
    "sum along an axis": lambda x: x.sum(axis=1, where=MASK, keepdims=True),
    "sum by a mask of Values": lambda x: np.sum(x, axis=0, where=x > 0.0),
    "sum from": lambda x: np.sum(x, initial=10.0, where=MASK),
    "sum as float": lambda x: np.sum(x, dtype=float) + x.sum(axis=0, dtype=np.float64),
    "prod": lambda x: np.prod(x, axis=1, where=MASK),
    "mean": lambda x: np.mean(x, where=MASK),
    "mean by a mask of Values": lambda x: np.mean(x, axis=1, where=x > 0.0),
    "mean of none": lambda x: np.mean(x, axis=0, where=FEW),
    "std": lambda x: np.std(x, axis=0, where=MASK),
    "var": lambda x: np.var(x, where=x < 2.0, ddof=1),
    "var around": lambda x: np.var(x, axis=0, keepdims=True, mean=x[:1]),
    "var of too few": lambda x: np.var(x[:1], axis=0, ddof=2),
    "max": lambda x: np.max(x, initial=0.0, where=MASK),
    "min": lambda x: np.min(x, initial=0.75, where=MASK),
    "min by a mask of Values": lambda x: x.min(axis=1, initial=0.75, where=x > 0.0),
    "any": lambda x: np.any(x > 2.0, where=MASK) * 1.0 + np.all(x > -9.0, axis=1, where=MASK),
    "subtract.reduce": lambda x: np.subtract.reduce(x, axis=1, where=MASK, initial=1.0),
    "maximum.accumulate": lambda x: np.maximum.accumulate(x, axis=1),
    "maximum.accumulate of a row": lambda x: np.minimum.accumulate(x[1]),
    "maximum.outer": lambda x: np.maximum.outer(x[0], x[1]),
    "logical_and.outer": lambda x: np.logical_and.outer(x[0], x[1]) * 1.0,
    "logical_or.accumulate": lambda x: np.logical_or.accumulate(x, axis=0) * 1.0,
    "logical_xor.reduce": lambda x: np.logical_xor.reduce(x > 0.0, axis=1) * 1.0,
    "add, masked": lambda x: np.add(x, 1.0, where=MASK, out=x * 2.0),
    "exp, masked by Values": lambda x: np.exp(x, where=x < 1.5, out=x * 2.0),
    "maximum, masked": lambda x: np.maximum(x, 1.0, where=MASK, out=x * 2.0),
    "mean, written": written(np.mean),
    "sum, written": written(np.sum),
    "var, written": written(np.var),
    "std, written": written(np.std),
    "max, written": written(np.max),
    "clip, written": lambda x: np.clip(x, -1.0, 1.0, out=x * 1.0),
    "clip by keywords": lambda x: np.clip(x, max=1.0) + x.clip(min=0.5),
    "select": lambda x: np.select([x > 1.5, x < 0.0], [x * x, -x]),
    "select otherwise": lambda x: np.select([x > 1.0, MASK], [1.0, x[0]], default=x + 0.5),
    "select by truth values": lambda x: np.select([MASK, ~MASK], [x, -x]),
    "cov": lambda x: np.cov(x),
    "cov of columns": lambda x: np.cov(x, rowvar=False, ddof=0),
    "cov of two": lambda x: np.cov(x[0], x[1], bias=True),
    "cov with numbers": lambda x: np.cov(RAW[0], x[1]),
    "cov of one": lambda x: np.cov(x[0]),
    "corrcoef": lambda x: np.corrcoef(x, x[::-1] * x),
    "corrcoef of one": lambda x: np.corrcoef(x[1]),
    "average and count": lambda x: np.average(x, axis=1, returned=True),
    "average": lambda x: np.average(x, axis=1, weights=[1.0, 2.0, 3.0], returned=True),
    "count_nonzero": lambda x: np.count_nonzero(x, axis=0) + np.count_nonzero(x > 1.0),
    "isclose": lambda x: np.isclose(x, RAW) * 1.0 + np.isclose(x, x, equal_nan=True),
    "isposinf": lambda x: np.isposinf(x) + 2.0 * np.isneginf(-x),
    "fmax": lambda x: np.fmax(x, x[::-1]) + np.fmin(x, 0.5),
    "nansum": lambda x: np.nansum(x, axis=0) + np.nansum(x[1], where=MASK[0]),
    "nanprod": lambda x: np.nanprod(x, axis=1),
    "nancumsum": lambda x: np.nancumsum(x) + np.nancumprod(x),
    "nanmean": lambda x: np.nanmean(x, axis=1, keepdims=True),
    "nanmean, masked": lambda x: np.nanmean(x, axis=0, where=MASK),
    "nanvar": lambda x: np.nanvar(x[1], ddof=1) + np.nanvar(x, axis=0),
    "nanstd of too few": lambda x: np.nanstd(x, axis=0, ddof=1),
    "nanmax": lambda x: np.nanmax(x, axis=0) + np.nanmin(x),
    "bits": lambda x: np.bitwise_and(x > 0.0, x < 2.0) | (MASK ^ np.invert(x > 3.0)),
    "bits of one": lambda x: (np.True_ & (x[0, 1] > 0.0)) + 2.0 * (np.False_ | (x[1, 1] > 0.0)),
    "bits of numbers": lambda x: (np.concatenate([x, RAW]) > 0.0) & ~(np.append(x, RAW, 0) > 2.0),
    "array and one": lambda x: (RAW > 0.0) & (x[1, 1] > 0.0),
}


def numbers(found: Any) -> Any:
    if isinstance(found, tuple):
        return tuple(map(numbers, found))
    flat = [v.data if isinstance(v, Value) else float(v) for v in np.ravel(found)]
    return np.array(flat).reshape(np.shape(found))


@pytest.mark.parametrize("name", SAME)
def test_as_of_numbers(name: str) -> None:
    f = SAME[name]

    def whole(x: np.ndarray) -> Any:
        return f(x)

    kernel = jit(whole, dtype="f64")
    for raw in (RAW, SPECIAL):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            expected = f(raw.copy())
        eager = numbers(f(value_array([Value(v) for v in raw.ravel()], raw.shape)))
        for found in (kernel(raw), eager):
            pairs = [(found, expected)]
            if isinstance(expected, tuple):
                pairs = list(zip(found, expected, strict=True))
            for one, other in pairs:
                assert np.shape(one) == np.shape(other)
                np.testing.assert_allclose(one, other * 1.0, rtol=1e-13, atol=1e-15)


SMOOTH = (
    "sum by a mask of Values, mean, mean by a mask of Values, var, max, select, cov, corrcoef,"
    " nansum, nanmean, nanvar, nanmax, subtract.reduce, exp, masked by Values, fmax"
)


@pytest.mark.parametrize("name", [name for name in SAME if name in SMOOTH])
def test_derivatives(name: str) -> None:
    f = SAME[name]
    weights = np.cos(np.arange(36.0))

    def total(x: np.ndarray) -> Any:
        found = np.ravel(f(x))
        return (found * weights[: found.size]).sum()

    partials = jit(total, dtype="f64").grad(RAW)
    h = 1e-6
    for k in np.ndindex(*RAW.shape):
        off = np.zeros(RAW.shape)
        off[k] = h
        difference = (total(RAW + off) - total(RAW - off)) / (2 * h)
        assert partials[k] == pytest.approx(difference, rel=1e-6, abs=1e-7)


def test_what_is_masked_out_gives_no_nan_to_a_gradient() -> None:
    def f(x: np.ndarray) -> Any:
        numbers = np.nanmean(x[:3]) + np.nanvar(x[:3]) + np.nansum(x[:3]) * np.nanprod(x[:3])
        return numbers + np.mean(x, where=x < 9.0) + np.var(x, where=x < 9.0)

    x = np.array([1.0, np.nan, 2.0, np.inf])
    found, expected = jit(f).grad(x), jit(f).grad(x[[0, 2]])
    np.testing.assert_allclose(found, [expected[0], 0.0, expected[1], 0.0], rtol=1e-14)


def in_array(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function of an array of objects of NumPy's own class."""
    return lambda x: f(np.array([x[0, 0], x[0, 1], 2.0], dtype=object))


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "fmod": (lambda x: np.fmod(x, 2.0), "np.fmod"),
    "remainder": (lambda x: np.fmod(2.0, x[0]), "np.fmod"),
    "add, masked, to nowhere": (lambda x: np.add(x, 1.0, where=MASK), "np.add with where="),
    "sum as whole numbers": (lambda x: np.sum(x, dtype=int), "np.add with dtype=int64"),
    "mean as whole numbers": (lambda x: x.mean(dtype=int), "np.mean with dtype=int64"),
    "maximum.at": (lambda x: np.maximum.at(x * 1.0, (0, 0), 2.0), "np.maximum.at"),
    "maximum.reduceat": (lambda x: np.maximum.reduceat(x[0], [0, 2]), "np.maximum.reduceat"),
    "cov, weighted": (lambda x: np.cov(x, aweights=[1, 2, 3]), "np.cov with fweights="),
    "interp": (lambda x: np.interp(0.5, [0, 1, 2], x[0]), "np.interp"),
    "choose": (lambda x: np.choose(x[0] > 0.0, [x[0], x[1]]), "np.choose"),
    "copyto": (lambda x: np.copyto(x * 1.0, 0.0, where=x > 0.0), "np.copyto"),
    "median": (lambda x: np.median(x), "np.median: a traced value has no truth value"),
    "nanmedian": (lambda x: np.nanmedian(x, axis=0), "np.nanmedian"),
    "argmax": (lambda x: np.argmax(x, axis=1), "np.argmax: a traced value has no truth value"),
    "argmax, method": (lambda x: x.argmax(axis=1), "a traced value has no truth value"),
    "sort": (lambda x: np.sort(x), "np.sort: a traced value has no truth value"),
    "allclose": (lambda x: np.allclose(x, 1.0) * x, "np.allclose: a traced value has no truth"),
    "unique": (lambda x: np.unique(x, axis=0), "np.unique"),
    "det": (lambda x: np.linalg.det(x[:, :2]), "np.linalg.det"),
    "fft": (lambda x: np.fft.fft(x), "np.fft.fft"),
    "masked assignment": (lambda x: x.__setitem__(x > 0.0, 0.0), "x = np.where(condition, new, x)"),
    "fmod, own array": (in_array(lambda x: np.fmod(x, 2.0)), "np.fmod"),
    "rint, own array": (in_array(lambda x: np.rint(x)), "no op rounds"),
    "cov, own array": (in_array(lambda x: np.cov(x)), "np.cov"),
    "sum, own array": (in_array(lambda x: np.sum(x, where=[True, False, True])), "np.sum"),
    "sort, own array": (in_array(lambda x: np.sort(x)), "np.sort: a traced value has no truth"),
    "interp, own array": (in_array(lambda x: np.interp(0.5, [0, 1, 2], x)), "np.interp"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("freeze", [False, True])
def test_what_is_refused_names_the_function_and_the_line(name: str, freeze: bool) -> None:
    f, says = REFUSED[name]

    def whole(x: np.ndarray) -> Any:
        return f(x)

    with pytest.raises(TraceError, match=re.escape(says)) as caught:
        jit(whole, freeze=freeze)(RAW)
    assert re.match(rf"{re.escape(__file__)}:\d+: ", str(caught.value))


def test_errors_that_are_not_about_values_stay() -> None:
    def shapes(x: np.ndarray) -> Any:
        return np.concatenate([x, x[0]])

    def unknown(x: np.ndarray) -> Any:
        return np.sum(x, nothing=1)

    def own(x: np.ndarray) -> Any:
        raise ValueError("dtype object of one's own")

    def initial(x: np.ndarray) -> Any:
        return np.max(x, where=MASK)

    for f, says in ((shapes, "dimensions"), (unknown, "nothing")):
        with pytest.raises((ValueError, TypeError), match=says) as caught:
            jit(f)(RAW)
        assert not isinstance(caught.value, TraceError)
    with pytest.raises(ValueError, match="needs initial="):
        jit(initial)(RAW)
    with pytest.raises(ValueError, match="one's own") as caught:
        jit(own)(RAW)
    assert not isinstance(caught.value, TraceError)


def test_select_of_numbers_that_are_mapped() -> None:
    def f(x: Any) -> Any:
        return np.select([x > 1.0, x < 0.0], [x * x, -x], default=0.5)

    k = jit(f)
    x = np.array([2.0, -3.0, 0.25])
    np.testing.assert_array_equal(k(x), f(x))
    np.testing.assert_array_equal(k.grad(x), [4.0, -1.0, 0.0])
    with pytest.raises(ValueError, match="as many choices as conditions"):
        jit(lambda x: np.select([x > 1.0], [x, x]))(1.0)


GRID = np.array([-1.5, -0.2, 0.0, 0.4, 2.0])
OF_A_NUMBER: dict[str, Callable[[Any, Any], Any]] = {
    "maximum": lambda a, b: np.maximum(a * GRID, b),
    "minimum and a number": lambda a, b: np.minimum(GRID + a, 0.3) * b,
    "maximum of where": lambda a, b: np.maximum(GRID, np.where(GRID > 0.1, a, b * GRID)),
    "where by Values": lambda a, b: np.where((a * GRID > 0.2) & (GRID < 1.0), a / (GRID + 3), b),
    "clip": lambda a, b: np.clip(a - GRID, -0.5, 0.5) ** 2 * b,
    "sign": lambda a, b: np.sign(GRID * a) * b,
    "isnan": lambda a, b: np.isnan(a * GRID) + b,
    "reductions": lambda a, b: GRID * np.max(a * GRID) + np.mean(GRID * b, where=GRID > 0.0),
    "reversed, as one list": lambda a, b: list(np.maximum((a * GRID)[::-1], b * GRID)),
    "outer": lambda a, b: np.maximum(np.multiply.outer(a, GRID), b),
}
"""Functions of two numbers, and of an array that is known."""


@pytest.mark.parametrize("name", OF_A_NUMBER)
def test_of_a_number_and_an_array(name: str) -> None:
    f = OF_A_NUMBER[name]
    assert np.array_equal(jit(f, strict=True)(0.7, 0.3), f(0.7, 0.3))
    by_a, by_b = jit(lambda a, b: np.sum(f(a, b)), strict=True).grad(0.7, 0.3)
    h = 1e-6
    for found, (i, j) in ((by_a, (h, 0.0)), (by_b, (0.0, h))):
        expected = (np.sum(f(0.7 + i, 0.3 + j)) - np.sum(f(0.7 - i, 0.3 - j))) / (2 * h)
        assert found == pytest.approx(expected, abs=1e-8)


def test_methods_that_numpy_asks_of_objects() -> None:
    x = np.array([Value(3.0), Value(-4.0)])
    assert [v.data for v in np.hypot(x, 4.0)] == pytest.approx([5.0, 32.0**0.5])
    assert [v.data for v in np.radians(x)] == pytest.approx(np.radians([3.0, -4.0]))
    assert [v.data for v in np.logical_xor(x, 0.0)] == [1.0, 1.0]
