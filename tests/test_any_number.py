"""Functions of any number of arguments, compiled: as those that name each."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, Value, grad, hessian, hvp, jit, jvp, vjp
from micrograd.errors import SignatureError, TraceError


def product(x: Any, *rest: Any, scale: float = 1.0) -> Any:
    for y in rest:
        x = x * y
    return x * scale


@jit
def norm(*xs: Any) -> Any:
    return sum(x * x for x in xs) ** 0.5


@pytest.mark.parametrize("n", [1, 2, 5])
def test_each_argument_is_a_parameter(n: int) -> None:
    rng = np.random.default_rng(n)
    numbers, along = rng.normal(size=(2, n)).tolist()

    def fixed(xs: list[Any]) -> Any:
        return product(*xs)

    def close(found: Any, expected: Any) -> None:
        np.testing.assert_allclose(np.ravel(found), np.ravel(expected), rtol=1e-13)

    kernel, listed = jit(product), jit(fixed)
    close(kernel(*numbers), product(*numbers))
    close(kernel(*numbers, scale=2.0), 2.0 * product(*numbers))
    close(kernel.grad(*numbers), listed.grad(numbers))
    close(kernel.value_and_grad(*numbers)[1], listed.grad(numbers))
    close(grad(product, wrt="x")(*numbers), listed.grad(numbers)[0])
    close(hessian(product)(*numbers), listed.hessian(numbers))
    close(jvp(product)(*numbers, *along), listed.jvp(numbers, along))
    close(hvp(product)(*numbers, *along), listed.hvp(numbers, along))
    close(vjp(product)(*numbers, 3.0)[1], listed.vjp(numbers, 3.0)[1])


def test_they_take_what_kernels_take() -> None:
    assert norm(3.0, 4.0) == 5.0
    np.testing.assert_array_equal(norm(np.array([3.0, 5.0]), np.array([4.0, 12.0])), [5.0, 13.0])
    x, y = Value(3.0), Value(4.0)
    norm(x, y).backward()
    assert (x.grad, y.grad) == pytest.approx((0.6, 0.8))
    t = Tensor([3.0, 5.0])
    assert norm(t, Tensor([4.0, 12.0])).tolist() == [5.0, 13.0]
    assert jit(lambda x: norm(x, 4.0))(3.0) == 5.0
    assert norm.grad.grad.__name__ == "norm"
    assert repr(norm.grad) == "<kernel norm.grad(*xs: 'Any') -> 'Any'>"
    with pytest.raises(SignatureError, match="has not been called yet; call it once"):
        jit(product).explain()
    norm(1.0)
    assert "input xs_0" in str(norm.stages()["program"])


def test_methods_and_copies() -> None:
    class Scaled:
        def __init__(self, scale: float) -> None:
            self.scale = Value(scale)

        @jit
        def total(self, *xs: Any) -> Any:
            return sum(xs) * self.scale

    two, three = Scaled(2.0), Scaled(3.0)
    assert (two.total(1.0, 4.0), three.total(1.0)) == (10.0, 3.0)
    assert two.total.grad(1.0, 4.0) == (2.0, 2.0)
    assert copy.deepcopy(jit(product))(2.0, 3.0) == 6.0
    assert pickle.loads(pickle.dumps(norm)) is norm
    assert pickle.loads(pickle.dumps(jit(product).grad))(2.0, 3.0) == (3.0, 2.0)


def test_what_a_call_says_is_the_users() -> None:
    with pytest.raises(SignatureError, match="product"):
        jit(product)()
    with pytest.raises(TraceError):
        jit(lambda *xs: float(xs[0]))(1.0)


def test_names_that_arguments_would_have_may_be_taken() -> None:
    kernel = jit(lambda rest_0, *rest: rest_0 * rest[0])
    assert (kernel(2.0, 3.0), kernel.grad(2.0, 3.0)) == (6.0, (3.0, 2.0))
