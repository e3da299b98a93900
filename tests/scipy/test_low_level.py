"""Callbacks that SciPy calls without Python: numbers, data, windows, lines, places."""

from __future__ import annotations

import gc
import math
from typing import Any

import numpy as np
import pytest

from micrograd import exp, jit, maximum, sin
from micrograd.errors import SignatureError

scipy = pytest.importorskip("scipy")
from scipy import integrate, ndimage  # noqa: E402

from micrograd.scipy import low_level_callable, nquad, quad  # noqa: E402


def test_numbers() -> None:
    expected = integrate.quad(lambda x: math.exp(-x * x) * math.sin(x), 0.0, 2.0)
    for f in (lambda x: exp(-x * x) * sin(x), jit(lambda x: exp(-x * x) * sin(x))):
        for signature in ("double (double)", "double (double, void *)"):
            found = integrate.quad(low_level_callable(f, signature), 0.0, 2.0)
            assert found == pytest.approx(expected, rel=1e-12)
        assert quad(f, 0.0, 2.0) == pytest.approx(expected, rel=1e-12)
    assert quad(lambda x, a, b: a * x + b, 0.0, 2.0, (3.0, 1.0))[0] == pytest.approx(8.0)
    assert quad(lambda x, a: a * x, 0.0, 2.0, 3.0, epsabs=1e-3)[0] == pytest.approx(6.0)
    weighted = quad(lambda x: x, 0.0, 1.0, weight="cos", wvar=2.0)[0]
    assert weighted == pytest.approx(integrate.quad(lambda x: x, 0, 1, weight="cos", wvar=2.0)[0])


def test_data_are_read_where_they_lie() -> None:
    data = np.array([2.0, 1.0])
    line = low_level_callable(
        lambda x, d: d[0] * x + d[1], "double (double, void *)", user_data=data
    )
    assert integrate.quad(line, 0.0, 1.0)[0] == pytest.approx(2.0)
    data[:] = 4.0, 0.5
    gc.collect()
    assert integrate.quad(line, 0.0, 1.0)[0] == pytest.approx(2.5)
    counted = low_level_callable(
        lambda x, y, d: d[0] * x * y, "double (int, double *, void *)", user_data=[5.0]
    )
    del data
    assert integrate.quad(counted, 0.0, 2.0, args=(3.0,))[0] == pytest.approx(30.0)
    wrong = integrate.quad(counted, 0.0, 2.0, args=(3.0, 1.0), limit=1, full_output=1)[0]
    assert math.isnan(wrong)


def test_several_variables() -> None:
    assert nquad(lambda x, y, z: x * y**2 + z, [(0, 2), (0, 3), (0, 1)])[0] == pytest.approx(21.0)
    given = nquad(lambda x, y, a: a * x * y, [lambda y, a: (0.0, y), (0.0, 2.0)], args=(3.0,))
    assert given[0] == pytest.approx(6.0)
    area = jit(lambda x, y: x * 0.0 + y * 0.0 + 1.0)
    for _ in range(2):
        assert nquad(area, [(0, 2), (0, 3)])[0] == pytest.approx(6.0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16])
def test_windows_of_images(dtype: Any) -> None:
    image = (np.random.default_rng(1).normal(size=(9, 11)) * 50).astype(dtype)
    signature = "int (double *, npy_intp, double *, void *)"

    def contrast(v: Any) -> Any:
        most = v[0]
        for a in v[1:]:
            most = maximum(most, a)
        return most - v[4] * 0.5

    fast = low_level_callable(contrast, signature, size=9)
    expected = ndimage.generic_filter(image, lambda v: v.max() - v[4] * 0.5, size=3)
    found = ndimage.generic_filter(image, fast, size=3)
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(RuntimeError):
        ndimage.generic_filter(image, fast, size=5)
    also = low_level_callable(contrast, signature.replace("npy_intp", "intptr_t"), size=9)
    np.testing.assert_array_equal(ndimage.generic_filter(image, also, size=3), expected)


def test_lines_of_images() -> None:
    image = np.random.default_rng(2).normal(size=(6, 8))
    smooth = low_level_callable(
        lambda v: [0.5 * v[k + 1] + 0.25 * (v[k] + v[k + 2]) for k in range(8)],
        "int (double *, npy_intp, double *, npy_intp, void *)",
        size=(10, 8),
    )

    def by_hand(given: Any, out: Any) -> None:
        out[:] = 0.5 * given[1:-1] + 0.25 * (given[:-2] + given[2:])

    expected = ndimage.generic_filter1d(image, by_hand, 3)
    np.testing.assert_allclose(ndimage.generic_filter1d(image, smooth, 3), expected, rtol=1e-14)


def test_places_of_images() -> None:
    image = np.random.default_rng(3).normal(size=(7, 7))

    def turned(v: Any, d: Any = (0.3,)) -> Any:
        return [v[0] - d[0] * v[1], v[1] + d[0] * sin(v[0])]

    signature = "int (npy_intp *, double *, int, int, void *)"
    expected = ndimage.geometric_transform(
        image, lambda p: (p[0] - 0.3 * p[1], p[1] + 0.3 * math.sin(p[0]))
    )
    fast = low_level_callable(turned, signature, size=2, user_data=[0.3])
    np.testing.assert_allclose(ndimage.geometric_transform(image, fast), expected, atol=1e-12)


def test_bad_cases_say_what_to_do() -> None:
    with pytest.raises(SignatureError, match="signature should be one of 'double "):
        low_level_callable(sin, "float (float)")
    with pytest.raises(SignatureError, match="takes no user_data"):
        low_level_callable(sin, user_data=[1.0])
    with pytest.raises(SignatureError, match="and no size"):
        low_level_callable(sin, size=3)
    with pytest.raises(SignatureError, match=r"needs size=, how many .* got None"):
        low_level_callable(lambda v: v[0], "int (double *, npy_intp, double *, void *)")
    with pytest.raises(SignatureError, match=r"needs size=\(input, output\)"):
        low_level_callable(
            lambda v: v, "int (double *, npy_intp, double *, npy_intp, void *)", size=3
        )
    with pytest.raises(SignatureError, match="should return 1 number, it returned 2"):
        low_level_callable(lambda x: [x, x])
