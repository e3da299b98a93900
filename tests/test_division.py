"""Vectors are divided by constants without a division, and the result is that of a division."""

from __future__ import annotations

import numpy as np
import pytest

from micrograd import jit
from micrograd.jit.vectormath.division import divides_fast

CONSTANTS = [
    2.0**0.5,
    3.0,
    10.0,
    0.1,
    -7.3,
    1e-9,
    -1e20 / 3.0,
    np.pi,
    2.0 - 2.0**-52,
    1.0 + 2.0**-52,
]


@pytest.mark.parametrize("c", CONSTANTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_quotients_are_rounded_correctly(c: float, dtype: type[np.floating]) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=200_000) * 10.0 ** random.integers(-10, 10, 200_000)
    ends = [0.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(dtype).max, -np.finfo(dtype).max]
    x = np.concatenate([x.astype(dtype), np.array(ends, dtype)])
    found = jit(lambda x: x / c, dtype=dtype)(x)
    with np.errstate(all="ignore"):
        expected = x / dtype(c)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


def test_denormals_are_within_an_ulp() -> None:
    x = np.arange(-2000, 2000) * 5e-324
    found = jit(lambda x: x / 3.0, dtype="f64")(x)
    assert np.abs(found - x / 3.0).max() <= 5e-324


@pytest.mark.parametrize("c", [1.0, -2.0, 0.125, 2.0**-30, 0.0, np.inf, np.nan, 1e300, 1e-300])
def test_these_are_left_alone(c: float) -> None:
    assert not divides_fast(c, 64)
    x = np.array([1.0, -3.0, 0.0, np.inf])
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(jit(lambda x: x / c, dtype="f64")(x), x / np.float64(c))


def test_strict_kernels_divide() -> None:
    kernel = jit(lambda x: x / 3.0, dtype="f64", strict=True)
    kernel(np.ones(3))
    assert "llvm.fdiv" in str(kernel)
