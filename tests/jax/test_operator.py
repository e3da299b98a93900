"""Kernels as operators of JAX: numbers, derivatives, transformations, what XLA is told, errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, exp, jit, sin
from micrograd.errors import SignatureError
from micrograd.nn import MLP

jax = pytest.importorskip("jax")
import jax.numpy as jnp  # noqa: E402
from jax.test_util import check_grads  # noqa: E402

from micrograd.jax import operator  # noqa: E402
from micrograd.jax.primitive import _registered  # noqa: E402

from .random_operators import check, check_lists  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # JAX's own


@pytest.fixture(autouse=True)
def wide() -> Iterator[None]:
    """JAX has float64 in these tests."""
    with jax.enable_x64(True):
        yield


def formula(x: Any, y: Any) -> Any:
    return x * exp(-y) + sin(x * y)


def several(x: Any, y: Any) -> Any:
    return {"a": x * y, "b": [x - y, sin(x)]}


def rough(x: np.ndarray, a: Any) -> Any:
    return sum((x[1:] - x[:-1]) ** 3) * a


def same(found: Any, expected: Any, rtol: float = 1e-12) -> None:
    for x, y in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(x, y, rtol, 1e-12)


f = operator(formula)
x, y = np.linspace(0.1, 1.0, 5), np.linspace(1.0, 2.0, 3)[:, None]


@pytest.mark.parametrize("seed", range(14))
def test_random_functions(seed: int) -> None:
    check(seed)


@pytest.mark.parametrize("seed", range(10))
def test_random_lists(seed: int) -> None:
    check_lists(seed)


def test_values_are_those_of_the_kernel() -> None:
    kernel = jit(formula)
    for given in ((x, y), (x, 2.0), (0.5, 2), (x[:0], 1.0), (np.arange(3), 1.0)):
        assert (np.asarray(jax.jit(f)(*given)) == kernel(*given)).all()
    assert f(np.float32(1.0), 2.0).dtype == np.float32
    assert f(x.astype(np.float32), x).dtype == np.float64
    assert operator(jit(formula, dtype="f64"))(np.float32(1.0), 2.0).dtype == np.float64


def test_results_have_the_structure_of_the_function() -> None:
    found = operator(several)(y=y, x=x)
    same(found, {"a": x * y, "b": [x - y, np.broadcast_to(np.sin(x), (3, 5))]})
    turned = operator(lambda x: np.array([[x, 2 * x], [x * x, x]]))
    assert turned(x).shape == (5, 2, 2)


def test_derivatives_of_any_order_in_both_modes() -> None:
    g = lambda x, y: x * jnp.exp(-y) + jnp.sin(x * y)  # noqa: E731
    check_grads(f, (x[:2], y[:1]), 1)
    for derivative in (jax.jit(jax.hessian(f)), jax.jacrev(jax.jacrev(f))):
        same(derivative(0.5, 2.0), jax.hessian(g)(0.5, 2.0))
    same(jax.grad(jax.grad(jax.grad(f)))(0.5, 2.0), jax.grad(jax.grad(jax.grad(g)))(0.5, 2.0))
    mapped = [jax.vmap(jax.vmap(jax.grad(h, (0, 1)), (0, None)), (None, 0)) for h in (f, g)]
    same(mapped[0](x, y[:, 0]), mapped[1](x, y[:, 0]))
    same(jax.linearize(f, 0.5, 2.0)[1](1.0, 3.0), jax.jvp(g, (0.5, 2.0), (1.0, 3.0))[1])
    same(jax.checkpoint(f)(x, y), f(x, y))
    scanned = [jax.lax.scan(lambda c, v, h=h: (h(c, v), c), 0.5, x) for h in (f, g)]
    same(scanned[0], scanned[1])


def test_arrays_are_taken_whole_and_models_take_rows() -> None:
    g = operator(rough)
    values, a = x[:4], np.array([1.0, 2.0, 3.0])
    native = lambda x, a: ((x[1:] - x[:-1]) ** 3).sum() * a  # noqa: E731
    same(g(values, a), native(values, a))
    same(jax.hessian(g)(values, 2.0), jax.hessian(native)(jnp.asarray(values), 2.0))
    rows = np.random.default_rng(1).normal(size=(6, 4))
    same(jax.vmap(g, (0, None))(rows, a), jax.vmap(native, (0, None))(rows, a))
    same(jax.vmap(g, (1, None), 1)(rows.T, a), jax.vmap(native, (0, None), 1)(rows, a))
    model = MLP(2, [3, 1])
    m, points = operator(model), rows[:, :2]
    expected = np.array([model([float(v) for v in row]).data for row in points])
    same(m(points), expected, 1e-6)
    same(m([points[:, 0], points[:, 1]]), expected, 1e-6)
    check_grads(m, (points,), 1)
    for p in model.parameters():
        p.data *= 2.0  # they are live
    assert not np.array_equal(m(points), expected)


def test_xla_calls_the_kernel_by_itself() -> None:
    """Its call is the one operation of the program; nothing is copied or transposed around it."""
    lowered = jax.jit(f).lower(jnp.asarray(x), jnp.asarray(x))
    assert lowered.as_text().count("custom_call") == 1
    compiled = lowered.compile().as_text()
    assert "copy(" not in compiled
    assert "transpose(" not in compiled


def test_xla_reports_what_does_not_fit() -> None:
    """Nobody can call it so by an operator."""
    function = f._points.at((None, None))
    name = _registered(function, np.dtype(np.float64))
    good, long = jnp.ones(3), jnp.ones(4)
    out = jax.ShapeDtypeStruct((1, 3), np.float64)

    def call(out: Any, *given: Any) -> Any:
        return jax.ffi.ffi_call(name, out)(*given)

    assert call(out, good, good).shape == (1, 3)
    wide = jax.ShapeDtypeStruct((2, 3), np.float64)
    flat = jax.ShapeDtypeStruct((), np.float64)
    narrow = jax.ShapeDtypeStruct((1, 3), np.float32)
    for shown, given, message in (
        (out, (good,), "takes 2 buffers and gives one"),
        (out, (good, good, good), "takes 2 buffers and gives one"),
        ((out, out), (good, good), "takes 2 buffers and gives one"),
        (out, (good, long), "as many points as its result"),
        (wide, (good, good), "gives one in rows of 1"),
        (flat, (good, good), "gives one in rows of 1"),
        (narrow, (good, good), "takes buffers of float64"),
        (out, (good, good.astype(np.float32)), "takes buffers of float64"),
    ):
        with pytest.raises(Exception, match=message):
            jax.block_until_ready(call(shown, *given))


def test_an_operator_is_made_once() -> None:
    kernel = jit(formula)
    assert operator(kernel) is operator(kernel)
    assert repr(operator(kernel)) == "<operator formula of JAX>"


def test_errors() -> None:
    with pytest.raises(SignatureError, match="formula: missing a required argument: 'y'"):
        f(x)
    with pytest.raises(SignatureError, match="formula: too many positional arguments"):
        f(x, x, x)
    with pytest.raises(SignatureError, match="formula: got an unexpected keyword argument 'z'"):
        f(x, x, z=1.0)
    with pytest.raises(SignatureError, match="formula: y should be an array, a number or a list"):
        f(x, "two")
    with pytest.raises(SignatureError, match="computes in float32 or float64, got bfloat16"):
        f(jnp.ones(3, jnp.bfloat16), 1.0)
    with pytest.raises(SignatureError, match="complex128"):
        f(x * 1j, 1.0)
    with pytest.raises(SignatureError, match=r"formula: the shapes of the arguments, \(5,\), \(2,"):
        f(x, x[:2])
    with pytest.raises(SignatureError, match="operator takes a function of numbers"):
        operator(5)  # type: ignore[arg-type]
    with pytest.raises(SignatureError, match="is of Tensors; write it of numbers: a parameter"):
        operator(of_tensors)
    with pytest.raises(SignatureError, match=r"takes integers, as i, .* make an operator for"):
        operator(of_index)
    with jax.enable_x64(False), pytest.raises(SignatureError, match="jax_enable_x64"):
        operator(jit(formula, dtype="f64"))(1.0, 2.0)


def of_tensors(x: Tensor) -> Tensor:
    return x


def of_index(x: float, i: int) -> Any:
    return x * i
