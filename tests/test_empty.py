"""Nothing: containers and arrays without numbers, sums over nothing, results that use no argument.

What is right is what plain Python and NumPy give; a derivative with respect to nothing is empty,
and that of a number that uses no argument is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import Value, grad, jit
from micrograd.errors import SignatureError
from micrograd.jit import Kernel

NONE = np.zeros(0)


def same(found: Any, expected: Any) -> bool:
    """Whether two structures are alike: types, shapes, and numbers, nan included."""
    if isinstance(expected, np.ndarray):
        alike = isinstance(found, np.ndarray) and found.shape == expected.shape
        return alike and np.array_equal(found, expected, equal_nan=True)
    if isinstance(expected, (list, tuple)):
        alike = type(found) is type(expected) and len(found) == len(expected)
        return alike and all(map(same, found, expected))
    if isinstance(expected, dict):
        return list(found) == list(expected) and same([*found.values()], [*expected.values()])
    return isinstance(found, float) and np.array_equal(found, float(expected), equal_nan=True)


def twice(x: np.ndarray) -> Any:
    return x * 2.0


def total(x: np.ndarray) -> Any:
    return x.sum()


def mean(x: np.ndarray) -> Any:
    return x.sum() / x.size if x.size else float("nan")


def plus(x: np.ndarray, y: Any) -> Any:
    return x.sum() + y


def product(x: np.ndarray, y: np.ndarray) -> Any:
    return x @ y


RESULTS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (twice, (NONE,)),
    (twice, (np.zeros((0, 3)),)),
    (twice, (np.zeros((3, 0)),)),
    (total, (NONE,)),
    (mean, (NONE,)),
    (plus, (NONE, 1.0)),
    (plus, (NONE, np.array([1.0, 2.0]))),
    (product, (NONE, NONE)),
    (product, (np.zeros((3, 0)), NONE)),
    (product, (np.zeros((2, 0)), np.zeros((0, 2)))),
    (product, (np.zeros((0, 2)), np.ones(2))),
    (lambda x: [a for a in x], ([],)),
    (lambda x: tuple(a for a in x), ((),)),
    (lambda x: sum(x), ([],)),
    (lambda x: sum(map(sum, x)), ([[], []],)),
    (lambda x: sum(map(sum, x)), ([[], [1.0]],)),
    (lambda x: [sum(row) for row in x], ([[], [1.0]],)),
    (lambda x: dict(x), ({},)),
    (lambda x, y: sum(x) + y, ([], 1.0)),
    (lambda x, y: sum(x) + y, ([], np.array([1.0, 2.0]))),
    (lambda x, y, z: sum(x) * 2.0 + y * z[0], ([], np.arange(20.0), [3.0, 4.0])),
    (lambda x, y, z: sum(x) + sum(y) + z, ([], (), np.arange(3.0))),
    (lambda x, y: sum(x["a"]) + y, ({"a": []}, np.arange(3.0))),
    (lambda x, y: (x, y), ([], 2.0)),
    (lambda x, y: [y] * 40 + x, ([], 3.0)),
    (lambda x: x * 2.0, (NONE,)),
    (lambda x: x * 2.0, (np.zeros((0, 3)),)),
    (lambda x, y: x * y, (NONE, 1.0)),
    (lambda x, y: x * y, (NONE, np.ones(1))),
    (lambda x: 3.0, (1.0,)),
    (lambda x: 3, (1.0,)),
    (lambda x: 3.0, ([1.0, 2.0],)),
    (lambda: 3.0, ()),
    (lambda x: [1.0, 2], (1.0,)),
    (lambda x: [1.0, x], (2.0,)),
    (lambda x: [], (1.0,)),
    (lambda x: {}, (1.0,)),
    (lambda x: (x, []), (1.0,)),
    (lambda x: np.zeros((2, 2)), (1.0,)),
    (lambda x: np.zeros((0, 3)), (1.0,)),
]


@pytest.mark.parametrize("how", [{}, {"strict": True}, {"check": True}], ids=str)
@pytest.mark.parametrize(("f", "args"), RESULTS)
def test_results_are_those_of_python(
    f: Callable[..., Any], args: tuple[Any, ...], how: dict[str, Any]
) -> None:
    assert same(jit(f, **how)(*args), f(*args))


@pytest.mark.parametrize("x", [1.0, np.arange(3.0), NONE, np.zeros((0, 2))], ids=repr)
def test_a_constant_at_every_point(x: Any) -> None:
    k = jit(lambda x: 3.0)
    shape = np.shape(x)
    expected: Any = np.full(shape, 3.0) if shape else 3.0
    zeros: Any = np.zeros(shape) if shape else 0.0
    for _ in range(2):
        assert same(k(x), expected)
        assert same(k.value_and_grad(x), (expected, zeros))
        assert same(k.hessian(x), zeros)
        assert same(k.jvp(x, x), (expected, zeros))
        assert same(k.vjp(x, x), (expected, zeros))
    assert grad(k.grad)(1.0) == 0.0
    assert jit(lambda x: x * k(x)).grad(2.0) == 3.0
    assert same(k.ufunc(np.ones(2)), np.full(2, 3.0))


EMPTY = np.zeros((0, 0))
PARTIALS: list[tuple[Callable[..., Any], tuple[Any, ...], str, Any]] = [
    (total, (NONE,), "grad", NONE),
    (total, (NONE,), "value_and_grad", (0.0, NONE)),
    (total, (NONE,), "jacobian", NONE),
    (total, (NONE,), "hessian", EMPTY),
    (total, (np.zeros((0, 3)),), "grad", np.zeros((0, 3))),
    (mean, (NONE,), "value_and_grad", (np.nan, NONE)),
    (plus, (NONE, 1.0), "grad", (NONE, 1.0)),
    (plus, (NONE, np.ones(2)), "value_and_grad", (np.ones(2), (NONE, np.ones(2)))),
    (plus, (NONE, 1.0), "hessian", ((EMPTY, NONE), (NONE, 0.0))),
    (twice, (NONE,), "jacobian", EMPTY),
    (twice, (np.zeros((0, 3)),), "jacobian", np.zeros((0, 3, 0, 3))),
    (product, (NONE, NONE), "grad", (NONE, NONE)),
    (product, (NONE, NONE), "hessian", ((EMPTY, EMPTY), (EMPTY, EMPTY))),
    (product, (np.zeros((3, 0)), NONE), "jacobian", (np.zeros((3, 3, 0)), np.zeros((3, 0)))),
    (lambda x: sum(x), ([],), "grad", []),
    (lambda x: sum(x), ([],), "hessian", []),
    (lambda x: sum(map(sum, x)), ([[], [1.0]],), "grad", [[], [1.0]]),
    (lambda x: [a for a in x], ([],), "jacobian", []),
    (lambda x, y: sum(x) + y, ([], np.ones(2)), "grad", ([], np.ones(2))),
    (lambda x, y: sum(x) + y, ([], np.ones(2)), "jacobian", ([], np.ones(2))),
    (lambda x: [1.0, 2.0], (1.0,), "jacobian", [0.0, 0.0]),
    (lambda x: [], (1.0,), "jacobian", []),
    (lambda x: 3.0, ([1.0, 2.0],), "grad", [0.0, 0.0]),
    (lambda x: 3.0, ([1.0, 2.0],), "hessian", [[0.0, 0.0], [0.0, 0.0]]),
    (twice, (NONE, NONE), "jvp", (NONE, NONE)),
    (twice, (NONE, NONE), "vjp", (NONE, NONE)),
    (total, (NONE, NONE), "hvp", NONE),
    (lambda x: [a for a in x], ([], []), "vjp", ([], [])),
]


@pytest.mark.parametrize(("f", "args", "which", "expected"), PARTIALS)
def test_derivatives(
    f: Callable[..., Any], args: tuple[Any, ...], which: str, expected: Any
) -> None:
    kernel: Kernel = getattr(jit(f), which)
    assert same(kernel(*args), expected)


@pytest.mark.parametrize("which", ["grad", "jacobian", "hessian"])
def test_derivatives_with_respect_to_nothing(which: str) -> None:
    with pytest.raises(SignatureError, match="with respect to what"):
        getattr(jit(lambda: 3.0), which)()


def test_parameters_that_are_not_used() -> None:
    w = Value(2.0)
    assert jit(lambda x: 3.0, wrt=[w]).value_and_grad(1.0) == (3.0, (0.0,))
    assert jit(lambda x: 3.0, wrt=[w]).hessian(1.0) == ((0.0,),)
    assert jit(lambda x: sum(x), wrt=w).grad([]) == 0.0


def test_nothing_of_many_points() -> None:
    """A container without numbers beside arrays that are mapped over, into `out`, for f32 too."""
    f = jit(lambda x, y, z: sum(x) + y * z[0])
    y = np.arange(37.0)
    for dtype in ("f32", "f64"):
        assert f([], y, [2.0, 0.0], dtype=dtype).tolist() == (2.0 * y).tolist()
        assert f(NONE[None].T[:0, 0].tolist(), y[:0], [2.0, 0.0], dtype=dtype).shape == (0,)
    out = np.full(3, -1.0)
    where = np.array([True, False, True])
    assert f([], y[:3], [2.0, 0.0], out=out, where=where).tolist() == [0.0, -1.0, 4.0]
    many = jit(eval(f"lambda {', '.join(f'x{k}' for k in range(40))}, e: x0 + x39 + sum(e)"))
    assert many(*[y] * 40, ()).tolist() == (2.0 * y).tolist()


def test_nothing_on_values() -> None:
    nothing = np.array([], dtype=object)
    assert jit(lambda x: x * 2.0)(nothing).shape == (0,)
    assert jit(lambda x: (x, [x, 2.0 * x]))(nothing)[1][1].shape == (0,)
    assert same(jit(twice)(nothing), NONE)
    sums = jit(lambda x, y: sum(x) + y)
    assert sums([], Value(2.0)).data == 2.0
    assert jit(lambda x: sums(x[:0], x[0])).grad([1.0, 2.0]) == [1.0, 0.0]


def test_what_has_no_value_says_so() -> None:
    def largest(x: np.ndarray) -> Any:
        return x.max()

    with pytest.raises(ValueError, match="zero-size array to reduction operation maximum"):
        jit(largest)(NONE)
    with pytest.raises(ValueError, match="zero-size array to reduction operation maximum"):
        largest(NONE)
    with pytest.raises(SignatureError, match="gives 0 values; a gradient is of one"):
        jit(twice).grad(NONE)
    with pytest.raises(SignatureError, match=r"the shapes of the arguments, .* do not broadcast"):
        jit(lambda x, y: x * y)(NONE, np.ones(3))
