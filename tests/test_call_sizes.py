"""Calls with any number of numbers, in any container: the same answers, whichever way they take.

The sizes stand around those at which ways change: numbers on the stack, parts of a structure that
are emitted one by one, results that are made without a call.
"""

from __future__ import annotations

import random
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import jit
from micrograd.jit import Kernel

SIZES = [1, 3, 4, 5, 16, 17, 199, 200, 201, 1000, 4095, 4096, 4097, 5000, 20_000]
DTYPES = ["f32", "f64"]

Pair = namedtuple("Pair", "a b")


def weighted(v: Any) -> Any:
    """A sum in which every number counts for itself: exact in float32, for small whole numbers."""
    total = 1.0
    for k, x in enumerate(v):
        total = total + (k % 7 - 3) * x
    return total


def weights(n: int) -> list[float]:
    return [k % 7 - 3.0 for k in range(n)]


def whole(n: int) -> list[float]:
    rng = random.Random(n)
    return [float(rng.randrange(-20, 20)) for _ in range(n)]


KINDS: dict[str, Callable[[list[float]], Any]] = {
    "list": list,
    "tuple": tuple,
    "ints": lambda x: [int(v) for v in x],
    "NumPy's numbers": lambda x: list(np.array(x)),
    "of float32": lambda x: list(np.array(x, dtype=np.float32)),
    "some of each": lambda x: [
        (float, int, np.float64, np.float32, np.int64)[k % 5](v) for k, v in enumerate(x)
    ],
}


def mean(v: list) -> Any:  # type: ignore[type-arg]
    return weighted(v)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_lists_and_tuples(n: int, dtype: str) -> None:
    kernel = jit(mean, dtype=dtype)
    numbers = whole(n)
    expected = weighted(numbers)
    for make in KINDS.values():
        argument = make(numbers)
        assert kernel(argument) == expected
        assert kernel(argument) == expected  # by its entry now, if it has one
        assert Kernel.__call__(kernel, argument) == expected
        value, partials = kernel.value_and_grad(argument)
        assert (value, list(partials)) == (expected, weights(n))
        assert type(partials) is type(argument)


def test_empty_containers() -> None:
    kernel = jit(lambda v, x: x * 3.0, dtype="f64")
    for empty in ([], (), [[], []], {}):
        assert kernel(empty, 2.0) == kernel(empty, 2.0) == 6.0
        assert kernel.grad(empty, 2.0) == (empty, 3.0)

    def f(v: np.ndarray, x: float) -> Any:
        return weighted(v.reshape(-1)) * x

    kernel = jit(f, dtype="f64")
    for shape in ((0,), (0, 3), (3, 0)):
        assert kernel(np.empty(shape), 2.0) == kernel(np.empty(shape, int), 2.0) == 2.0
        partials, _ = kernel.grad(np.empty(shape), 2.0)
        assert partials.shape == shape


@pytest.mark.parametrize("row", [list, tuple, Pair._make], ids=["list", "tuple", "named"])
@pytest.mark.parametrize("n", [2, 8, 16, 18, 398, 400, 402, 8192, 8194])
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows(n: int, row: Any, dtype: str) -> None:
    """Lists of lists, of tuples, and of named tuples."""
    numbers = whole(n)
    expected = weighted(numbers)
    if n < 8192 or row is list:
        kernel = jit(lambda rows: weighted([x for row in rows for x in row]), dtype=dtype)
        rows = [row(numbers[k : k + 2]) for k in range(0, n, 2)]
        for argument in (rows, tuple(rows)):
            assert kernel(argument) == kernel(argument) == expected
            partials = kernel.grad(argument)
            assert partials == kernel.grad(argument)
            assert [x for row in partials for x in row] == weights(n)
            assert {type(r) for r in partials} == {type(r) for r in rows}


@pytest.mark.parametrize("n", [1, 5, 200, 201, 5000])
@pytest.mark.parametrize("dtype", DTYPES)
def test_structures_of_all_kinds(n: int, dtype: str) -> None:
    rng = random.Random(n)
    argument: Any = {
        "weights": [[float(k) for k in range(rng.randrange(4))] for _ in range(n)],
        "pair": Pair(2.0, (3.0, [4.0] * n)),
        "number": 5,
    }

    def total(p: Any) -> Any:
        return weighted([*(x for r in p["weights"] for x in r), *p["pair"].b[1], p["number"]])

    kernel = jit(total, dtype=dtype)
    expected = total(argument)
    assert kernel(argument) == kernel(argument) == expected
    partials = kernel.grad(argument)
    assert [list(map(len, v)) for v in (partials["weights"], argument["weights"])] == [
        list(map(len, argument["weights"]))
    ] * 2
    assert type(partials["pair"]) is Pair
    assert partials["pair"].a == partials["pair"].b[0] == 0.0
    changed = [*partials["weights"], partials["pair"].b[1], [partials["number"]]]
    flat = [x for r in changed for x in r]
    assert flat == weights(len(flat))


def test_numbers_as_keys_are_no_arguments() -> None:
    kernel = jit(lambda p: p[1.0] * p[2.0], dtype="f64")
    for _ in range(3):
        assert kernel({1.0: 5.0, 2.0: 7.0}) == 35.0
        assert kernel.grad({1.0: 5.0, 2.0: 7.0}) == {1.0: 7.0, 2.0: 5.0}


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_results(n: int, dtype: str) -> None:
    numbers = whole(max(n, 1))
    for made in (list, tuple):
        kernel = jit(
            lambda v, made=made: made([x * 2.0 for x in v][:n]) or made([v[0]]), dtype=dtype
        )
        found = kernel(numbers)
        assert found == kernel(numbers) == made([x * 2.0 for x in numbers][:n] or [numbers[0]])
        assert type(found) is made
        assert {type(x) for x in found} == {float}


@pytest.mark.parametrize("n", [0, 1, 100, 101, 3000])
def test_rows_of_results(n: int) -> None:
    kernel = jit(lambda v: [v[0], [(x, [x * 2.0]) for x in v]], dtype="f64")
    numbers = [1.0, *whole(n)]
    expected = [1.0, [(x, [x * 2.0]) for x in numbers]]
    assert kernel(numbers) == kernel(numbers) == expected


# --- arrays, taken whole ------------------------------------------------------------------------


def of_array(v: np.ndarray) -> Any:
    return weighted(v.reshape(-1))


def layouts(x: np.ndarray) -> dict[str, np.ndarray]:
    """Arrays of the same numbers: of other types, and otherwise in memory."""
    n = len(x)
    unaligned = np.zeros(8 * n + 1, dtype=np.uint8)[1:].view(np.float64)
    unaligned[:] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    return {
        "as it is": x,
        "float32": x.astype(np.float32),
        "float16": x.astype(np.float16),
        "longdouble": x.astype(np.longdouble),
        "int64": x.astype(np.int64),
        "int32": x.astype(np.int32),
        "int8": x.astype(np.int8),
        "other bytes": x.astype(">f8"),
        "other bytes of int": x.astype(">i4"),
        "strided": np.repeat(x, 3)[::3],
        "float32, strided": np.repeat(x.astype(np.float32), 2)[::2],
        "int, strided": np.repeat(x.astype(np.int64), 2)[::2],
        "backwards": x[::-1].copy()[::-1],
        "unaligned": unaligned,
        "read-only": frozen,
    }


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_of_one_dimension(n: int, dtype: str) -> None:
    kernel = jit(of_array, dtype=dtype)
    numbers = whole(n)
    expected = weighted(numbers)
    for name, x in layouts(np.array(numbers)).items():
        assert kernel(x) == kernel(x) == expected, name
        value, partials = kernel.value_and_grad(x)
        assert value == expected, name
        assert partials.dtype == np.float64
        np.testing.assert_array_equal(partials, weights(n))


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (40, 50), (64, 64), (65, 64), (17, 1, 31)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_of_several_dimensions(shape: tuple[int, ...], dtype: str) -> None:
    kernel = jit(of_array, dtype=dtype)
    n = int(np.prod(shape))
    numbers = whole(n)
    expected = weighted(numbers)
    x = np.array(numbers).reshape(shape)
    spaced = np.zeros(tuple(2 * k for k in shape))[tuple(slice(None, None, 2) for _ in shape)]
    spaced[...] = x
    for array in (x, np.asfortranarray(x), spaced, x.astype(int), np.flip(np.flip(x).copy())):
        assert kernel(array) == kernel(array) == expected
        partials = kernel.grad(array)
        assert partials.shape == shape
        np.testing.assert_array_equal(partials.reshape(-1), weights(n))


def test_an_array_of_another_shape_is_another_structure() -> None:
    kernel = jit(of_array, dtype="f64")
    x = np.arange(12.0)
    for shape in ((12,), (3, 4), (4, 3), (2, 6), (12, 1), (3, 4)):
        assert kernel(x.reshape(shape)) == weighted(x)
    assert kernel(x[:5]) == weighted(x[:5])


def test_arrays_beside_lists_and_numbers() -> None:
    def f(a: np.ndarray, b: list, c: float) -> Any:  # type: ignore[type-arg]
        return [(a * c).sum() + weighted(b), a[0, 0]]

    kernel = jit(f, dtype="f64")
    for n in (2, 100, 5000):
        a, b = np.array(whole(2 * n)).reshape(2, n), whole(n)
        expected = [2.0 * a.sum() + weighted(b), a[0, 0]]
        assert kernel(a, b, 2.0) == kernel(a, b, 2) == expected
        first, _ = kernel.jacobian(a, b, 2.0)[:2]
        assert np.shape(first) == (2, 2, n)


@pytest.mark.parametrize("n", [3, 5000])
def test_results_are_not_shared(n: int) -> None:
    """An array of results is the caller's own, and another one in every call."""
    kernel = jit(of_array, dtype="f64").grad
    x = np.arange(float(n))
    one = kernel(x)
    one[:] = 7.0
    np.testing.assert_array_equal(kernel(x), weights(n))
    np.testing.assert_array_equal(one, np.full(n, 7.0))
    np.testing.assert_array_equal(x, np.arange(float(n)))


# --- arrays of results, mapped over ---------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("points", [(), (1,), (3,), (4, 2), (0,)])
@pytest.mark.parametrize("shape", [(2,), (2, 2), (1, 3), (2, 1, 2)])
def test_arrays_of_results_are_mapped_over(
    shape: tuple[int, ...], points: tuple[int, ...], dtype: str
) -> None:
    """The axes of the points come first, as where NumPy maps over matrices."""
    scale = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    kernel = jit(lambda x, y: x * scale + y, dtype=dtype)
    x = np.arange(float(np.prod(points))).reshape(points)
    found = kernel(x, 1.0)
    assert found.shape == points + shape
    np.testing.assert_array_equal(found, x[(..., *[None] * len(shape))] * scale + 1.0)
    if points:
        assert found.dtype == np.dtype(kernel._options.dtype)


def test_arrays_of_results_inside_of_others() -> None:
    kernel = jit(lambda x: {"m": np.array([[x, x * x]]), "x": x}, dtype="f64")
    x = np.arange(3.0)
    found = kernel(x)
    np.testing.assert_array_equal(found["m"], np.stack([x, x * x], axis=-1)[:, None, :])
    np.testing.assert_array_equal(found["x"], x)
