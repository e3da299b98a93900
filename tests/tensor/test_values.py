"""Tensors and Values in one graph: elements of one, numbers of the other, and gradients."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from micrograd import Tensor, Value, exp, jit
from micrograd.errors import GraphError
from micrograd.tensor import gradients, no_grad

same = np.testing.assert_array_equal


def leaf(data: object) -> Tensor:
    return Tensor(data, dtype="f64", requires_grad=True)


def test_values_of_elements() -> None:
    t = leaf([[1.0, 2.0], [3.0, 4.0]])
    values = t.values()
    assert values.shape == (2, 2)
    loss = values[0, 0] * values[1, 1] + exp(values[0, 1])
    loss.backward()
    same(t.grad.numpy(), [[4.0, np.exp(2.0)], [0.0, 1.0]])
    assert (values[0, 0].grad, values[1, 0].grad) == (4.0, 0)


def test_values_of_an_inner_tensor() -> None:
    x = leaf([1.0, 2.0])
    a, b = (x * 3.0).values()
    (a * b).backward()
    same(x.grad.numpy(), [18.0, 9.0])
    (a * b).backward()
    same(x.grad.numpy(), [36.0, 18.0])


def test_values_without_a_gradient_are_leaves() -> None:
    assert type(Tensor([1.0]).values()[0]) is Value
    with no_grad():
        assert type(leaf([1.0]).values()[0]) is Value
    assert Tensor(2.0).values().data == 2.0
    assert Tensor(np.zeros((0, 2))).values().shape == (0, 2)


def test_a_tensor_of_values() -> None:
    a, b = Value(3.0), Value(4.0)
    c = a * b
    t = Tensor.of_values([[a, c], [1.0, b]], dtype="f64")
    (t * t).sum().backward()
    assert (a.grad, b.grad, c.grad) == (6.0 + 24.0 * 4.0, 8.0 + 24.0 * 3.0, 24.0)
    assert Tensor.of_values(a).dtype == "float32"


def test_values_among_the_operands() -> None:
    x, v = leaf([1.0, 2.0]), Value(3.0)
    for f in (lambda: x * v, lambda: v * x, lambda: x + v - v + v * x - x):
        x.grad, v.grad = None, 0
        found = f()
        assert isinstance(found, Tensor)
        found.sum().backward()
        assert v.grad == pytest.approx(3.0)
        same(x.grad.numpy(), [3.0, 3.0])
    y = x + np.array([Value(1.0), v], dtype=object)
    assert y.tolist() == [2.0, 5.0]


def test_a_graph_of_many_layers_of_both() -> None:
    """Each node is met once: Tensors of Values of Tensors of Values, of diamonds."""
    x = leaf([0.5, 0.25])
    v = Value(0.5)
    t, u = x, v
    for _ in range(6):
        a, b = (t * t + t).values()
        u = u * a + b * u
        t = Tensor.of_values([a * u, b + a], dtype="f64") * t
    out = t.sum() + u
    assert isinstance(out, Tensor)
    out.backward()
    h = 1e-6

    def f(p: float, q: float, r: float) -> float:
        ts, w = [p, q], r
        for _ in range(6):
            a, b = (z * z + z for z in ts)
            w = w * a + b * w
            ts = [a * w * ts[0], (b + a) * ts[1]]
        return sum(ts) + w

    slopes = [
        (f(0.5 + h, 0.25, 0.5) - f(0.5 - h, 0.25, 0.5)) / (2 * h),
        (f(0.5, 0.25 + h, 0.5) - f(0.5, 0.25 - h, 0.5)) / (2 * h),
        (f(0.5, 0.25, 0.5 + h) - f(0.5, 0.25, 0.5 - h)) / (2 * h),
    ]
    np.testing.assert_allclose([*x.grad.tolist(), v.grad], slopes, rtol=1e-6)
    assert u.grad == 1.0


def test_values_alone_are_as_ever() -> None:
    leaf([1.0]).values()  # from here on, a backward pass looks for Tensors
    a = Value(3.0)
    b = a * a + a
    b.backward()
    b.backward()
    assert (a.grad, b.grad) == (14.0, 1)


def test_an_element_alone() -> None:
    t = leaf([1.0, 2.0])
    t.values()[1].backward()
    same(t.grad.numpy(), [0.0, 1.0])


def test_copies_of_elements_are_leaves() -> None:
    t = leaf([1.0, 2.0])
    a, b = t.values()
    for made in (copy.copy(a), copy.deepcopy(a * b), pickle.loads(pickle.dumps(a * b))):
        made.backward()
    assert t.grad is None


def test_elements_are_leaves_of_a_kernel() -> None:
    a, b = leaf([3.0, 2.0]).values()
    kernel = jit(a * b, wrt=[a, b], dtype="f64")
    assert kernel.value_and_grad(5.0, 7.0) == (35.0, (7.0, 5.0))


def test_second_derivatives_through_values_are_refused() -> None:
    v = Value(1.0)
    x = leaf([1.0])
    y = (x * v).sum()
    with pytest.raises(GraphError, match="cannot be differentiated again"):
        y.backward(create_graph=True)
    with pytest.raises(GraphError, match="use backward"):
        gradients(y, [x])
