"""What Python and NumPy ask of numbers: what is right works, the rest says what to write."""

from __future__ import annotations

import math
import statistics
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd import Value, exp, jit, sqrt, where
from micrograd.errors import DataError, TraceError

HERE = Path(__file__)

REFUSED: list[tuple[Any, str]] = [
    (lambda x: x // 1, "// rounds to whole numbers"),
    (lambda x: 1 // x, "// rounds to whole numbers"),
    (lambda x: x // x, "// rounds to whole numbers"),
    (lambda x: x % 1.0, "% rounds"),
    (lambda x: 1.0 % x, "% rounds"),
    (lambda x: divmod(x, 1)[0], r"divmod\(\) rounds"),
    (lambda x: divmod(1, x)[0], r"divmod\(\) rounds"),
    (lambda x: round(x), r"round\(\) rounds .* choose among pieces with micrograd.where"),
    (lambda x: round(x, 2), r"round\(\) rounds"),
    (lambda x: math.floor(x), r"math.floor\(\) rounds"),
    (lambda x: math.ceil(x), r"math.ceil\(\) rounds"),
    (lambda x: math.trunc(x), r"math.trunc\(\) rounds"),
    (lambda x: int(x), r"int\(\)"),
    (lambda x: x @ x, r"@ is of arrays: a number is multiplied with \*"),
    (lambda x: x @ [1.0], "@ is of arrays"),
    (lambda x: [1.0] @ x, "@ is of arrays"),
    (lambda x: x @ np.ones(2), "@ is of arrays"),
    (lambda x: x << 2, r"<< is of whole numbers; multiply or divide by 2\*\*n"),
    (lambda x: x & 1, r"& is of truth values, such as x > 0, .* compare it first"),
    (lambda x: (x > 0.0) & x, "& is of truth values"),
    (lambda x: x | (x > 0.0), r"\| is of truth values"),
    (lambda x: x ^ 1, r"\^ is of truth values"),
    (lambda x: ~x, "~ is of truth values"),
    (lambda x: statistics.mean([x, x]), r"as all of statistics .* sum\(xs\) / len\(xs\)"),
    (lambda x: statistics.variance([x, x]), r"as all of statistics"),
    (lambda x: statistics.fmean([x, x]), r"float\(\)"),
    (lambda x: complex(x), r"float\(\)"),
    (lambda x: np.add(x, 1.0, where=np.array(True)), "np.add with where= is not for Values"),
    (lambda x: np.add(x, 1.0, where=False), "np.add with where= is not for Values"),
    (lambda x: np.exp(x, out=np.zeros(1)), "np.exp with out= is not for Values"),
    (lambda x: np.multiply(x, 2.0, dtype=float), "np.multiply with dtype= is not for Values"),
    (lambda x: np.add.at(np.zeros(2), [0], x), "np.add.at is not for Values"),
    (lambda x: np.floor(x), "np.floor .*no op rounds"),
    (lambda x: np.mod(x, 1.0), "np.remainder .*no op rounds"),
    (lambda x: np.ones(2) @ x, r"np.matmul .* a number is multiplied with \*"),
    (lambda x: np.log2(x), r"np.log2 .*log\(x\) / math.log\(2\)"),
    (lambda x: np.logaddexp(x, 1.0), r"np.logaddexp .*with m = detach\(maximum\(x, y\)\)"),
    (lambda x: np.bitwise_and(x, x > 0.0), "& is of truth values"),
    (lambda x: np.invert(x), "~ is of truth values"),
]


@pytest.mark.parametrize(("f", "says"), REFUSED)
def test_what_numbers_do_and_values_do_not(f: Any, says: str) -> None:
    with pytest.raises(TraceError, match=says) as caught:
        jit(f)(1.5)
    assert str(caught.value).startswith(f"{HERE}:{f.__code__.co_firstlineno}: ")
    with pytest.raises((DataError, TraceError), match=says) as caught:
        f(Value(1.5))
    assert str(caught.value).startswith(f"{HERE}:{f.__code__.co_firstlineno}: ")


def test_the_number_of_a_value_may_be_rounded() -> None:
    x = Value(2.5)
    with pytest.raises(DataError, match=r"or take the number of the Value, \.data"):
        x // 1
    assert (x.data // 1, Fraction(x.data), statistics.mean([x.data, 3.5])) == (2.0, 2.5, 3.0)


TRACED_ONLY: list[Any] = [
    lambda x: np.linalg.det([[x, x], [1.0, x]]),
    lambda x: np.linalg.solve(np.array([[x, 0.0], [1.0, x]]), np.array([x, x])),
    lambda x: np.round([x, x]),
    lambda x: np.around(x, 1),
    lambda x: np.isclose(np.array([x]), 1.0),
    lambda x: np.nan_to_num(x),
]


@pytest.mark.parametrize("f", TRACED_ONLY)
def test_functions_of_numpy_that_have_no_loop(f: Any) -> None:
    with pytest.raises(TraceError) as caught:
        jit(f)(1.5)
    assert str(caught.value).startswith(f"{HERE}:{f.__code__.co_firstlineno}: ")
    assert "value" in str(caught.value).lower()


def test_nothing_is_silent_about_nan() -> None:
    """NumPy takes arrays of objects for arrays without nan."""

    def f(x: np.ndarray) -> Any:
        return np.nan_to_num(x)

    with pytest.raises(TraceError, match=r"where\(np.isnan\(x\), 0.0, x\)"):
        jit(f)(np.array([np.nan]))
    g = jit(lambda x: where(np.isnan(x), 0.0, x))
    assert (g(math.nan), g(2.0), g.grad(math.nan), g.grad(2.0)) == (0.0, 2.0, 0.0, 1.0)


def test_operators_of_other_classes_are_asked() -> None:
    class Pipe:
        def __ror__(self, x: Any) -> Any:
            return x * 2.0

        def __rmatmul__(self, x: Any) -> Any:
            return x * 3.0

        def __rfloordiv__(self, x: Any) -> Any:
            return x * 5.0

    assert jit(lambda x: (x | Pipe()) + (x @ Pipe()) + x // Pipe())(1.0) == 10.0
    assert ((Value(1.0) | Pipe()) + (Value(1.0) @ Pipe())).data == 5.0
    with pytest.raises(TypeError, match="unsupported operand"):
        Value(1.0) // object()


SPELLINGS: list[tuple[Any, Any]] = [
    (lambda x: (x > 0.0) & (x < 2.0), lambda x: (x > 0.0) * (x < 2.0)),
    (lambda x: (x > 0.0) & (x < 2.0) & (x != 1.0), lambda x: (x > 0.0) * (x < 2.0) * (x != 1.0)),
    (lambda x: (x < 0.0) | (x > 2.0), lambda x: (x < 0.0) + (x > 2.0)),
    (lambda x: (x < 1.0) ^ (x > 0.0), lambda x: (x >= 1.0) + (x <= 0.0)),
    (lambda x: ~((x > 0.0) & (x < 2.0)), lambda x: 1.0 - (x > 0.0) * (x < 2.0)),
    (lambda x: True & (x > 0.0), lambda x: 1.0 * (x > 0.0)),
    (lambda x: (x > 0.0) | False, lambda x: 1.0 * (x > 0.0)),
    (lambda x: np.True_ & (x > 0.0), lambda x: 1.0 * (x > 0.0)),
    (lambda x: np.False_ | (x > 0.0), lambda x: 1.0 * (x > 0.0)),
    (lambda x: (x > 0.0) ^ np.True_, lambda x: 1.0 * (x <= 0.0)),
    (lambda x: np.bitwise_or(x > 1.0, np.invert(x > 0.0)), lambda x: (x > 1.0) + (x <= 0.0)),
    (lambda x: np.fmax(x, math.nan) + np.fmin(math.nan, x), lambda x: 2.0 * x),
    (lambda x: np.logical_and(x, x - 1.0), lambda x: (x != 0.0) * (x != 1.0)),
    (lambda x: np.logical_or(x > 1.0, False), lambda x: 1.0 * (x > 1.0)),
    (lambda x: np.logical_not(x), lambda x: 1.0 * (x == 0.0)),
    (lambda x: np.logical_xor(x, 1.0), lambda x: 1.0 * (x == 0.0)),
    (lambda x: np.isnan(x) + np.isinf(x) + 2.0 * np.isfinite(x), lambda x: 2.0 + 0.0 * x),
    (lambda x: np.square(x), lambda x: x * x),
    (lambda x: np.sign(x), lambda x: (x > 0.0) - (x < 0.0) + 0.0),
    (lambda x: np.fabs(x), lambda x: abs(x)),
    (lambda x: np.hypot(x, 2.0), lambda x: sqrt(x * x + 4.0)),
    (lambda x: np.reciprocal(x + 7.0), lambda x: 1.0 / (x + 7.0)),
    (lambda x: np.radians(x) + np.deg2rad(x), lambda x: x * (math.pi / 180.0) * 2.0),
    (lambda x: np.degrees(x), lambda x: x * (180.0 / math.pi)),
    (lambda x: np.multiply.outer(x, x), lambda x: x * x),
    (lambda x: np.multiply.outer(np.array([1.0, 2.0]), x)[1], lambda x: 2.0 * x),
    (lambda x: np.multiply.outer(x, np.array([1.0, 2.0]))[1], lambda x: 2.0 * x),
    (lambda x: np.exp(x, where=True), lambda x: exp(x)),
    (lambda x: np.where(x > 0.0, x, 2.0 * x), lambda x: where(x > 0.0, x, 2.0 * x)),
    (lambda x: np.where(x > 0.0, [x, 3.0], x)[1], lambda x: where(x > 0.0, 3.0, x)),
    (lambda x: np.clip(x, -1.0, 1.0), lambda x: where(x < -1.0, -1.0, where(x > 1.0, 1.0, x))),
    (lambda x: np.clip(x, None, 1.0), lambda x: where(x > 1.0, 1.0, x)),
]


@pytest.mark.parametrize(("f", "plain"), SPELLINGS)
def test_spellings_that_are_right(f: Any, plain: Any) -> None:
    """Of numbers and of their derivatives, compiled and eager."""
    kernel, expected = jit(lambda x: 1.0 * f(x)), jit(lambda x: 1.0 * plain(x))
    for x in (-3.0, -0.5, 0.25, 1.5, 40.0):
        assert kernel(x) == pytest.approx(expected(x), rel=1e-15, abs=1e-300)
        assert kernel.grad(x) == pytest.approx(expected.grad(x), rel=1e-14, abs=1e-15)
        v = Value(x)
        found = f(v) + Value(0.0)  # eager, np.clip gives the very bound
        found.backward()
        assert found.data == pytest.approx(expected(x), rel=1e-15, abs=1e-300)
        assert v.grad == pytest.approx(expected.grad(x), rel=1e-14, abs=1e-15)


def test_a_value_is_real() -> None:
    assert jit(lambda x: x.real * np.real(x) + x.imag + np.imag(x)).grad(3.0) == 6.0
    assert (Value(3.0).real.data, Value(3.0).imag) == (3.0, 0.0)


def test_any_and_all_of_arrays() -> None:
    def f(x: np.ndarray) -> Any:
        return [
            np.any(x > 1.0),
            (x > 1.0).all(),
            *(x > 1.0).any(axis=0),
            np.all(x),
            (x == 9.0).any(),
        ]

    for x in (np.ones((2, 2)), np.array([[2.0, 1.0], [3.0, 0.0]]), np.full((2, 2), 2.0)):
        assert jit(f)(x) == list(map(float, f(x)))

    def nothing(x: np.ndarray) -> Any:
        return [np.any(x[:0] > 1.0), np.all(x[:0] > 1.0), np.any(x[:1])]

    assert jit(nothing)(np.array([2.0])) == [0.0, 1.0, 1.0]


def test_spellings_on_arrays() -> None:
    def f(x: np.ndarray) -> Any:
        inside = (x > 0.0) & (x < 2.0) & np.isfinite(x)
        return np.where(inside | ~(x < 5.0), np.hypot(x, 1.0), np.degrees(x) * np.isnan(x))

    x = np.array([-1.0, 1.0, 3.0, 7.0, np.nan])
    with np.errstate(all="ignore"):
        expected = f(x)
    np.testing.assert_allclose(jit(f)(x), expected, rtol=1e-15)
