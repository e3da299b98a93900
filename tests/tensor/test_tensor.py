"""Tensors: what they are made of, what they do and their gradients, by NumPy's habits."""

from __future__ import annotations

import copy
import math
import pickle
import sys
import threading
from typing import Any

import numpy as np
import pytest

import micrograd
from micrograd import Tensor, ops, relu
from micrograd.errors import GraphError
from micrograd.tensor import (
    arange,
    concat,
    einsum,
    eye,
    full,
    gradients,
    no_grad,
    one_hot,
    ones,
    pad,
    split,
    stack,
    tensordot,
    where,
    zeros,
)

same = np.testing.assert_array_equal


def leaf(data: Any, dtype: str = "f64") -> Tensor:
    return Tensor(data, dtype=dtype, requires_grad=True)


# --- two gradients that were wrong in the seed ----------------------------------------------------


def test_b_plus_b() -> None:
    a = leaf([2.0])
    b = a * 2.0
    (b + b).backward()
    assert a.grad.item() == 4.0


def test_d_is_b_plus_relu_of_b() -> None:
    a = leaf([2.0])
    b = a * 2.0
    d = b + relu(b)
    d.backward()
    assert a.grad.item() == 4.0


# --- what it is -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (3, "float32"),
        (3.5, "float32"),
        ([1, 2], "float32"),
        ([[1.0], [2.0]], "float32"),
        ([True, False], "bool"),
        (np.array([1, 2]), "int64"),
        (np.array([1, 2], np.uint8), "int64"),
        (np.array([1.0]), "float32"),
        (np.array([1.0], np.float16), "float32"),
        (np.array([True]), "bool"),
        (np.float64(2.0), "float32"),
        (np.int32(2), "int64"),
        ([], "float32"),
        ([np.array([1.0, 2.0]), [3, 4]], "float32"),
        (Tensor([1.0], dtype="f64"), "float64"),
    ],
)
def test_dtype_of_what_it_is_made_of(data: Any, dtype: str) -> None:
    found = Tensor(data)
    assert found.dtype == dtype
    same(found.numpy(), np.asarray(data.numpy() if isinstance(data, Tensor) else data))


@pytest.mark.parametrize("name", ["f64", "float64", np.float64, np.dtype("f8")])
def test_names_of_a_dtype(name: Any) -> None:
    assert Tensor([1.0], dtype=name).dtype == "float64"


def test_arrays_are_copied() -> None:
    array = np.ones(3)
    x = Tensor(array, dtype="f64", requires_grad=True)
    y = (x * x).sum()
    array[:] = 100.0
    y.backward()
    same(x.grad.numpy(), [2.0, 2.0, 2.0])


def test_numbers_are_views_that_cannot_be_written_to() -> None:
    x = Tensor([1.0, 2.0])
    assert np.shares_memory(x.numpy(), x.numpy())
    with pytest.raises(ValueError, match="read-only"):
        x.numpy()[0] = 5.0
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(x)[0] = 5.0
    x.numpy().copy()[0] = 5.0


def test_views_share_memory() -> None:
    x = Tensor(np.arange(24.0).reshape(2, 3, 4))
    for view in (
        x.T, x.reshape(6, 4), x[0], x[:, 1:], x[..., ::2], x[..., ::-1], x[None],
        x.transpose(1, 0, 2), x.swapaxes(0, 2), x.expand_dims(1), x.broadcast_to(5, 2, 3, 4),
        x.split(3, 1)[1], x.flatten(), x.moveaxis(0, 2), x.detach(), x.data,
    ):  # fmt: skip
        assert np.shares_memory(view.numpy(), x.numpy())


def test_attributes() -> None:
    x = Tensor(np.zeros((2, 3)), label="x")
    assert (x.shape, x.ndim, x.size, len(x), x.label) == ((2, 3), 2, 6, 2, "x")
    assert (x.requires_grad, x.is_leaf, x.grad) == (False, True, None)
    y = leaf([1.0]) * 2
    assert (y.requires_grad, y.is_leaf) == (True, False)
    assert Tensor(3.0).item() == 3.0
    assert Tensor([[1.0, 2.0]]).tolist() == [[1.0, 2.0]]
    assert f"{Tensor(2.0):.2f} {Tensor([1.0])}" == "2.00 [1.]"
    assert (float(Tensor(2.5)), int(Tensor(2.5)), bool(Tensor([0.0]))) == (2.5, 2, False)
    assert [10, 20][Tensor(np.array(1))] == 20
    assert [r.tolist() for r in Tensor([[1.0], [2.0]])] == [[1.0], [2.0]]
    assert 2.0 in Tensor([1.0, 2.0])
    assert len({x, x, y}) == 2


@pytest.mark.parametrize(
    ("tensor", "text"),
    [
        (Tensor(1.5), "Tensor(1.5)"),
        (Tensor([1, 2.5]), "Tensor([1. , 2.5])"),
        (Tensor(np.array([1, 2])), "Tensor([1, 2], dtype=int64)"),
        (Tensor([True]), "Tensor([ True], dtype=bool)"),
        (leaf([[1.0, -2.0], [3.0, 4.0]]),
         "Tensor([[ 1., -2.],\n        [ 3.,  4.]], dtype=float64, requires_grad=True)"),
        (Tensor(np.zeros((0, 3))), "Tensor([], shape=(0, 3))"),
        (Tensor([math.nan, math.inf]), "Tensor([nan, inf])"),
    ],
)  # fmt: skip
def test_it_is_printed_as_numpy_prints(tensor: Tensor, text: str) -> None:
    assert repr(tensor) == text
    assert str(tensor) == str(tensor.numpy())


def test_a_long_one_is_printed_in_short() -> None:
    assert repr(Tensor(np.arange(10_000.0))).startswith("Tensor([0.000e+00, 1.000e+00")
    assert "..." in repr(Tensor(np.arange(10_000.0)))


# --- arithmetic -----------------------------------------------------------------------------------

X, Y = np.array([[1.5, -2.0, 3.0]], np.float32), np.array([[2.0], [0.5]], np.float32)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, lambda x, y: x / y,
        lambda x, y: abs(x) ** (y + 0 * x), lambda x, y: -x, lambda x, y: +x, lambda x, y: x + 1,
        lambda x, y: 1 - x, lambda x, y: 2.5 * y, lambda x, y: 1 / y, lambda x, y: 2**y,
        lambda x, y: x**2, lambda x, y: x < y, lambda x, y: x >= 1, lambda x, y: x < 1,
        lambda x, y: x == y, lambda x, y: x != 1.5, lambda x, y: (x > 0) & (y > 1),
        lambda x, y: (x > 0) | (y > 1), lambda x, y: ~(x > 0), lambda x, y: (x > 0) ^ (y > 1),
    ],
)  # fmt: skip
def test_operators_are_numpys(f: Any) -> None:
    found, expected = f(Tensor(X), Tensor(Y)), f(X, Y)
    same(found.numpy(), expected)
    assert found.dtype == expected.dtype
    for mixed in (f(Tensor(X), Y), f(X, Tensor(Y))):  # of Tensors and arrays
        same(np.asarray(mixed), expected)


def test_one_operand_may_be_an_array_on_either_side() -> None:
    x = leaf([1.0, 2.0])
    y = np.array([3.0, 4.0]) * x + x * np.array([1.0, 1.0]) - [1.0, 1.0]
    y.sum().backward()
    same(y.numpy(), [3.0, 9.0])
    same(x.grad.numpy(), [4.0, 5.0])


def test_numbers_do_not_change_the_dtype() -> None:
    for dtype in ("f32", "f64"):
        x = Tensor([1.0, 2.0], dtype=dtype)
        for y in (
            x * 2, x * 2.5, x + np.float64(1.0), x**0.5, x * np.arange(2.0), 1 / x, x * True,
            np.float64(2.0) * x, ops.maximum(x, 0.5), where(x > 1, x, 0.0), x.mean(), x.sum() * 2.0,
            ops.erf(x), ops.softplus(x), x.sigmoid(), x.softmax(), x.logsumexp(), x.var(),
        ):  # fmt: skip
            assert y.dtype == x.dtype
    assert (Tensor([1.0]) * Tensor([1.0], dtype="f64")).dtype == "float64"


def test_whole_numbers_and_truths() -> None:
    i = Tensor(np.array([1, 2, 3]))
    for y in (i + 1, 2 * i, i - i, -i, abs(i), i.sum(), i.max(), i.prod(), ops.maximum(i, 2)):
        assert y.dtype == "int64"
    for y in (i / 2, i * 0.5, i.mean(), i.exp(), i + Tensor([1.0, 1.0, 1.0]), i**0.5):
        assert y.dtype == "float32"
    truth = i > 1
    assert (truth.sum().item(), truth.mean().item()) == (2, pytest.approx(2 / 3))
    assert (truth * 2.0).dtype == "float32"
    assert (truth + truth).tolist() == [0.0, 2.0, 2.0]
    assert (truth.any().item(), truth.all().item()) == (True, False)
    assert truth.astype("int64").tolist() == [0, 1, 1]


@pytest.mark.parametrize("op", ops.OPS.values(), ids=lambda op: op.name)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_every_op_of_the_table(op: ops.Op, dtype: str) -> None:
    """Element by element what the op says of floats: of zeros, infinities and nan as well."""
    numbers = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.0, math.inf, -math.inf, math.nan]
    grids = np.meshgrid(*[numbers] * op.arity) if op.arity > 1 else [np.array(numbers)]
    columns = [np.ravel(g) for g in grids]
    found = op(*(Tensor(c, dtype=dtype) for c in columns))
    expected = np.array([op.eval(*map(float, row)) for row in zip(*columns, strict=True)])
    tolerance = 1e-12 if dtype == "f64" else 1e-6
    np.testing.assert_allclose(found.numpy(), expected, rtol=tolerance, atol=0.0)
    if not op.orders_zeros:
        is_zero = expected == 0.0
        same(np.signbit(found.numpy())[is_zero], np.signbit(expected)[is_zero])


@pytest.mark.parametrize("op", ops.OPS.values(), ids=lambda op: op.name)
def test_derivatives_of_every_op_of_the_table(op: ops.Op) -> None:
    """The same as of Values, infinities and nan included."""
    numbers = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.0, math.inf, -math.inf, math.nan]
    if not op.differentiable:
        return
    grids = np.meshgrid(*[numbers] * op.arity) if op.arity > 1 else [np.array(numbers)]
    columns = [np.ravel(g) for g in grids]
    tensors = [leaf(c) for c in columns]
    op(*tensors).sum().backward()
    for k, row in enumerate(zip(*columns, strict=True)):
        values = [micrograd.Value(float(x)) for x in row]
        op(*values).backward()
        for i in op.differentiable:
            found = tensors[i].grad.numpy()[k]
            np.testing.assert_allclose(found, values[i].grad, rtol=1e-12, err_msg=str(row))


def test_ops_are_methods_and_functions() -> None:
    x = Tensor([0.5, 2.0])
    for op in ops.OPS.values():
        if op.arity == 1:
            same(getattr(x, op.operator or op.name)().numpy(), op(x).numpy())
    same(micrograd.maximum(np.array([1.0, 1.0]), x).numpy(), [1.0, 2.0])
    same(x.maximum(1.0).numpy(), [1.0, 2.0])  # type: ignore[attr-defined]


def test_nothing_warns() -> None:
    x = Tensor([0.0, -1.0, 1e38])
    for y in (1 / x, x.log(), x * x * x, x.sqrt(), x.exp(), (x / 0).sum()):  # type: ignore[attr-defined]
        assert y.dtype == "float32"
    assert np.geterr()["divide"] == "warn"


# --- reductions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["sum", "mean", "max", "min", "prod", "var", "std", "argmax", "argmin", "any", "all"],
)
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 2), (0, -1, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions_are_numpys(name: str, axis: Any, keepdims: bool) -> None:
    if isinstance(axis, tuple) and name.startswith("arg"):
        return
    array = np.random.default_rng(3).normal(size=(2, 3, 4))
    x = Tensor(array, dtype="f64")
    found = getattr(x, name)(axis, keepdims=keepdims)
    expected = getattr(np, name)(array, axis=axis, keepdims=keepdims)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-13)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)


def test_statistics_with_ddof() -> None:
    array = np.random.default_rng(3).normal(size=(3, 4))
    x = Tensor(array, dtype="f64")
    np.testing.assert_allclose(x.var(0, ddof=1).numpy(), array.var(0, ddof=1))
    np.testing.assert_allclose(x.std(ddof=1).numpy(), array.std(ddof=1))


def test_largest_elements_share_the_gradient() -> None:
    x = leaf([3.0, 1.0, 3.0, 3.0])
    x.max().backward()
    same(x.grad.numpy(), [1 / 3, 0.0, 1 / 3, 1 / 3])
    x.grad = None
    (x.min() * 5.0).backward()
    same(x.grad.numpy(), [0.0, 5.0, 0.0, 0.0])


def test_product_with_zeros() -> None:
    """Of one zero and of two: the gradient, and the Hessian."""
    for numbers in ([2.0, 0.0, 3.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0], [2.0, 5.0, 3.0]):
        x = leaf(numbers)
        (slope,) = gradients(x.prod(), [x], create_graph=True)
        a, b, c = numbers
        same(slope.numpy(), [b * c, a * c, a * b])
        rows = [gradients(slope[k], [x])[0].tolist() for k in range(3)]
        assert rows == [[0.0, c, b], [c, 0.0, a], [b, a, 0.0]]


def test_sums_over_nothing() -> None:
    x = Tensor(np.zeros((0, 3)))
    assert x.sum(0).tolist() == [0.0, 0.0, 0.0]
    assert x.prod(0).tolist() == [1.0, 1.0, 1.0]
    assert math.isnan(x.mean().item())
    assert x.any().item() is False
    assert x.all().item() is True
    assert (x @ zeros((3, 2))).shape == (0, 2)
    assert (zeros((2, 0)) @ zeros((0, 3))).tolist() == [[0.0] * 3] * 2
    y = leaf(np.zeros((0, 3)))
    (y * 2.0).sum().backward()
    assert y.grad.shape == (0, 3)
    assert concat([y, ones((1, 3), "f64")]).shape == (1, 3)
    assert y[np.array([], int)].shape == (0, 3)


def test_softmax_of_large_numbers() -> None:
    x = leaf([[1000.0, 1000.0, -1000.0], [-math.inf, 0.0, -math.inf]])
    same(x.softmax().numpy(), [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])
    same(x.log_softmax(1).numpy()[0], [-math.log(2.0), -math.log(2.0), -2000.0 - math.log(2.0)])
    same(x.logsumexp(1).numpy(), [1000.0 + math.log(2.0), 0.0])
    x[0].logsumexp().backward()
    same(x.grad.numpy()[0], [0.5, 0.5, 0.0])
    assert Tensor([math.inf, 1.0]).logsumexp().item() == math.inf
    assert Tensor([-math.inf, -math.inf]).logsumexp().item() == -math.inf


# --- shapes and indices ---------------------------------------------------------------------------

CUBE = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "index",
    [
        0, -1, (0, 1), (0, 1, 2), (0, -1, slice(1, 3)), slice(None, None, -1), (slice(None), 1),
        (..., 0), (0, ...), (None, 0), (slice(0, 0),), (..., None), (slice(5, 1),), (),
        (slice(None), None, slice(1, None, 2)), (0, slice(3, None, -2), None, slice(None, None, 3)),
        [0, 1, 0], ([0, 1], [2, 0]), ([[0], [1]], [2, 0]), (slice(None), [2, -1]),
        (0, slice(None), [1, 1]), ([0, 1], slice(None), [1, 3]), (slice(None), [0, 1], [2, 3]),
        (None, [0], ..., [1]), (..., [0, 3]), ([1], 2), (1, [2]), (0, [[0, 1], [2, 0]]),
        CUBE > 11, CUBE[:, :, 0] > 5, (0, CUBE[0] > 5),
        (slice(None), np.array([True, False, True])),
        np.array([], int), np.array(1), (np.array(0), np.array(2)), ..., None,
        (slice(None), slice(None), np.array([True, False, False, True])),
    ],
    ids=str,
)  # fmt: skip
def test_indexing_is_numpys(index: Any) -> None:
    x = leaf(CUBE)
    expected = CUBE[index]
    found = x[index]
    same(found.numpy(), expected)
    assert found.shape == expected.shape
    weights = np.random.default_rng(5).normal(size=expected.shape)
    (found * weights).sum().backward()
    scattered = np.zeros_like(CUBE)
    np.add.at(scattered, index, weights)
    np.testing.assert_allclose(x.grad.numpy(), scattered, rtol=1e-13)


def test_indices_may_be_tensors() -> None:
    x = Tensor(CUBE)
    places = Tensor(np.array([1, 0]))
    same(x[places].numpy(), CUBE[[1, 0]])
    same(x[:, places].numpy(), CUBE[:, [1, 0]])
    same(x[x > 20].numpy(), CUBE[CUBE > 20])
    same(x[x.sum((1, 2)).argmax()].numpy(), CUBE[1])
    same(x.take(places, 2).numpy(), CUBE.take([1, 0], 2))
    best = x.argmax(-1, keepdims=True)
    same(x.take_along_axis(best, -1).numpy(), CUBE.max(-1, keepdims=True))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.reshape(6, -1), lambda x: x.reshape((2, 12)), lambda x: x.transpose(),
        lambda x: x.transpose(2, 0, 1), lambda x: x.transpose((1, 2, 0)), lambda x: x.T,
        lambda x: x.swapaxes(0, -1), lambda x: x.flatten(), lambda x: x.ravel(),
        lambda x: np.expand_dims(x, 1), lambda x: np.expand_dims(x, (0, -1)),
        lambda x: np.squeeze(x[:, :1]), lambda x: np.squeeze(x[:, :1], 1), lambda x: np.flip(x, 1),
        lambda x: np.moveaxis(x, 0, -1), lambda x: np.moveaxis(x, (0, 1), (2, 0)),
        lambda x: np.broadcast_to(x, (2, 2, 3, 4)), lambda x: np.pad(x, ((1, 0), (0, 2), (1, 1))),
        lambda x: np.pad(x, 1, constant_values=7.0), lambda x: np.clip(x, 3.0, 7.0),
        lambda x: np.concatenate([x, x[:1]], 0), lambda x: np.stack([x, x], 2),
        lambda x: np.split(x, 3, 1)[2], lambda x: np.split(x, [1, 3], 2)[1], lambda x: np.sum(x),
        lambda x: np.mean(x, axis=(0, 1)), lambda x: np.einsum("ijk,ijl->ikl", x, x),
        lambda x: np.tensordot(x, x, ((0, 2), (0, 2))),
        lambda x: np.matmul(x, x.transpose(0, 2, 1)),
        lambda x: np.exp(x / 9.0), lambda x: np.where(x > 3.0, x, 0.0), lambda x: np.square(x),
        lambda x: np.maximum(x, 4.0), lambda x: np.trace(x[0, :, :3]), lambda x: np.dot(x, x[0].T),
        lambda x: np.add.reduce(x, axis=1), lambda x: np.max(x, axis=-1), lambda x: np.var(x, 1),
        lambda x: np.logical_and(x > 3, x < 9), lambda x: np.sign(x - 3.0),
        lambda x: np.hypot(x, 1),
        lambda x: np.outer(x[0, 0], x[0, 1]), lambda x: np.diagonal(x), lambda x: np.ravel(x),
        lambda x: np.isfinite(x), lambda x: np.prod(x[0] / 5.0, axis=0),
    ],
)  # fmt: skip
def test_functions_of_numpy_on_tensors(f: Any) -> None:
    found, expected = f(leaf(CUBE)), f(CUBE)
    assert isinstance(found, Tensor)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-13)
    assert found.shape == expected.shape


def test_other_functions_of_numpy_are_on_numbers() -> None:
    x = Tensor([3.0, 1.0, 2.0])
    same(np.sort(x), [1.0, 2.0, 3.0])
    same(np.cumsum(x), [3.0, 4.0, 6.0])
    same(np.floor(x / 2.0), [1.0, 0.0, 1.0])
    assert np.allclose(leaf([1.0]), [1.0])
    assert np.shape(leaf([1.0])) == (1,)
    same(np.asarray(x, np.float64), [3.0, 1.0, 2.0])


def test_functions() -> None:
    x, y = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    assert concat([x, y]).tolist() == [1.0, 2.0, 3.0, 4.0]
    assert concat([[x.tolist()], [[9.0, 9.0]]], axis=None).tolist() == [1.0, 2.0, 9.0, 9.0]
    assert stack([x, y, [0.0, 0.0]]).shape == (3, 2)
    assert [p.tolist() for p in split(arange(4), 2)] == [[0, 1], [2, 3]]
    assert pad(x, (1, 0), -1.0).tolist() == [-1.0, 1.0, 2.0]
    assert einsum("i,j->", x, y).item() == 21.0
    assert einsum("ii", eye(3)).item() == 3.0
    assert einsum("i,i,i->i", x, y, x).tolist() == [3.0, 16.0]
    assert einsum("...i,i", eye(2), y).tolist() == [3.0, 4.0]
    assert tensordot(x, y, 1).item() == 11.0
    assert (zeros((2,)).tolist(), ones(2, "f64").dtype) == ([0.0, 0.0], "float64")
    assert full((1, 2), 7).tolist() == [[7.0, 7.0]]
    assert arange(1, 7, 2).tolist() == [1, 3, 5]
    assert one_hot(np.array([1, 0]), 2).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert x.outer(y).shape == (2, 2)
    assert (x @ y).item() == x.dot(y).item() == 11.0
    assert ([1.0, 1.0] @ x).item() == 3.0


@pytest.mark.parametrize(
    ("x", "y"),
    [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)),
     ((5, 2, 3), (5, 3, 4)), ((5, 1, 2, 3), (4, 3, 2)), ((1, 2, 3), (5, 3, 4)), ((3,), (5, 3, 2)),
     ((5, 2, 3), (3,)), ((2, 1), (1, 3)), ((2, 1, 2, 3), (1, 4, 3, 1))],
)  # fmt: skip
def test_matrix_products(x: Any, y: Any) -> None:
    generator = np.random.default_rng(1)
    a, b = generator.normal(size=x), generator.normal(size=y)
    s, t = leaf(a), leaf(b)
    found = s @ t
    np.testing.assert_allclose(found.numpy(), a @ b, rtol=1e-12, atol=1e-13)
    found.sum().backward()
    h = 1e-6
    for k, (tensor, array) in enumerate(((s, a), (t, b))):
        moved = np.zeros_like(array)
        moved.flat[0] = h
        ends = [(a + d, b)[0] @ b if k == 0 else a @ (b + d) for d in (moved, -moved)]
        slope = (ends[0].sum() - ends[1].sum()) / (2 * h)
        assert tensor.grad.numpy().flat[0] == pytest.approx(slope, rel=1e-7, abs=1e-8)


# --- backward -------------------------------------------------------------------------------------


def test_leaves_accumulate_and_others_are_anew() -> None:
    x = leaf([1.0, 2.0])
    y = x * 3.0
    z = y.sum()
    z.backward()
    z.backward()
    same(x.grad.numpy(), [6.0, 6.0])
    same(y.grad.numpy(), [1.0, 1.0])
    x.zero_grad()
    assert x.grad is None


def test_a_cotangent() -> None:
    x = leaf([1.0, 2.0])
    for ct in ([1.0, 10.0], np.array([1.0, 10.0]), Tensor([1.0, 10.0])):
        x.grad = None
        (x * x).backward(ct)
        same(x.grad.numpy(), [2.0, 40.0])


def test_deep_chains_do_not_recurse() -> None:
    x = leaf([1.0])
    y = x
    for _ in range(100_000):
        y = y + 1.0
    assert sys.getrecursionlimit() < 100_000
    y.backward()
    assert x.grad.item() == 1.0
    del y


def test_many_diamonds_take_linear_time() -> None:
    x = leaf([1.0])
    y = x
    for _ in range(1000):
        y = (y + y) * 0.5
    y.backward()
    assert x.grad.item() == 1.0


def test_no_grad_and_detach() -> None:
    x = leaf([2.0])
    with no_grad():
        assert not (x * x).requires_grad
        with no_grad():
            pass
        assert not (x * x).requires_grad
    y = x * x.detach()
    y.backward()
    assert x.grad.item() == 2.0

    @no_grad()
    def f() -> bool:
        return (x * x).requires_grad

    assert not f()
    assert (x * x).requires_grad


def test_no_grad_is_of_a_thread() -> None:
    x = leaf([2.0])
    found = []
    with no_grad():
        thread = threading.Thread(target=lambda: found.append((x * x).requires_grad))
        thread.start()
        thread.join()
    assert found == [True]


def test_threads_compute_at_once() -> None:
    x = Tensor(np.ones((200, 200)))
    found: list[float] = []

    def work() -> None:
        y = x
        for _ in range(50):
            y = (y * 0.0 + 1.0).log().exp()
        found.append(y.sum().item())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [40_000.0] * 4


def test_float32_and_float64_in_one_graph() -> None:
    x, y = leaf([1.0], "f32"), leaf([2.0], "f64")
    (x * y).backward()
    assert (x.grad.dtype, y.grad.dtype) == ("float32", "float64")
    z = x.astype("f64") * 2.0
    z.backward()
    assert x.grad.dtype == "float32"


def test_assignment_to_data() -> None:
    w = leaf([1.0, 2.0])
    kept = w.numpy()
    loss = (w * w).sum()
    loss.backward()
    w.data -= 0.5 * w.grad
    same(w.numpy(), [0.0, 0.0])
    same(kept, [1.0, 2.0])  # what was computed before has the old numbers
    w.data = np.array([5, 6])
    assert w.dtype == "float64"
    assert w.is_leaf
    assert w.requires_grad


def test_numbers_that_changed_are_no_wrong_gradient() -> None:
    for f in (lambda w: w * w, lambda w: w.exp(), lambda w: w @ w, lambda w: w.reshape(2) * 2.0):
        w = leaf([1.0, 2.0])
        y = f(w).sum()
        w.data = [3.0, 4.0]
        with pytest.raises(GraphError, match="whose data was assigned after"):
            y.backward()
    w = leaf([1.0, 2.0])
    y = (w + 1.0).sum()  # of which no gradient needs the numbers
    w.data = [3.0, 4.0]
    y.backward()
    same(w.grad.numpy(), [1.0, 1.0])


def test_gradients_of_gradients() -> None:
    x = leaf([1.0, 2.0, 3.0])
    (x**3).sum().backward(create_graph=True)
    x.grad.sum().backward()
    same(x.grad.numpy(), [3.0 + 6.0, 12.0 + 12.0, 27.0 + 18.0])
    a, b = leaf(2.0), leaf(5.0)
    found = gradients(a * a, [a, b])
    assert [g.item() for g in found] == [4.0, 0.0]
    assert a.grad is None


def test_a_gradient_by_an_inner_tensor() -> None:
    x = leaf([2.0])
    y = x * 3.0
    dy, dx = gradients(y * y + y, [y, x])
    assert (dy.item(), dx.item()) == (13.0, 39.0)


def pickled(x: Tensor) -> Tensor:
    return pickle.loads(pickle.dumps(x))  # type: ignore[no-any-return]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
def test_copies_of_leaves(copied: Any) -> None:
    x = leaf([1.0, 2.0])
    x.label = "x"
    (x * x).sum().backward()
    y = copied(x)
    assert (y.label, y.requires_grad, y.dtype) == ("x", True, x.dtype)
    same(y.numpy(), x.numpy())
    same(y.grad.numpy(), x.grad.numpy())
    y.data = [0.0, 0.0]
    same(x.numpy(), [1.0, 2.0])
    with pytest.raises(GraphError, match="copy its leaves, or detach"):
        copied(x * x)


def test_an_op_that_is_defined_later_is_one_of_tensors() -> None:
    op = ops.define(
        "cube", formula="x*x*x", vjp=(lambda ct, out, x: ct * 3.0 * x * x,),
        expand=lambda x: x * x * x,
    )  # fmt: skip
    try:
        x = leaf([2.0, 3.0])
        same(op(x).numpy(), [8.0, 27.0])
        x.cube().sum().backward()  # type: ignore[attr-defined]
        same(x.grad.numpy(), [12.0, 27.0])
    finally:
        del ops.OPS["cube"]
        del Tensor.cube  # type: ignore[attr-defined]
        del micrograd.Value.cube  # type: ignore[attr-defined]
