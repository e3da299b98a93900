"""pycrograd's interface: `micrograd.matrix` has its names, and gives right gradients by them."""

from __future__ import annotations

import math
import random
from array import array
from typing import Any

import numpy as np
import pytest

from micrograd.errors import DataError, GraphError, ShapeError
from micrograd.matrix import Matrix, Tensor


def tensor(rows: int, cols: int, numbers: list[float]) -> Tensor:
    return Tensor(Matrix(rows, cols, array("f", numbers)), requires_grad=True)


# --- how they are made ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Tensor, Matrix])
def test_created(kind: Any) -> None:
    zeroed = kind.create_zeroed(rows=3, cols=5)
    assert (zeroed.rows, zeroed.cols, zeroed[0, 0], zeroed[2, 4]) == (3, 5, 0.0, 0.0)
    scalar = kind.create_scalar(value=32.0)
    assert (scalar.rows, scalar.cols, scalar[0, 0], scalar.item()) == (1, 1, 32.0, 32.0)
    vector = kind.create_vector([1.0, 2.0, 3.0])
    assert (vector.rows, vector.cols, vector[0, 0], vector[2, 0]) == (3, 1, 1.0, 3.0)
    filled = kind.create_with_value(value=2.5, rows=2, cols=2)
    assert [filled[i, j] for i in range(2) for j in range(2)] == [2.5] * 4


def test_random_matrices() -> None:
    random.seed(3)
    uniform, normal = Matrix.rand(20, 10), Matrix.randn(20, 10)
    assert 0.0 <= uniform.data.min() < 0.1 < 0.9 < uniform.data.max() <= 1.0
    assert normal.data.min() < -1.0 < 1.0 < normal.data.max()
    random.seed(3)
    assert Matrix.rand(20, 10).data.tolist() == uniform.data.tolist()


def test_gradients_begin_with_zeros() -> None:
    a, b = Tensor(Matrix(1, 3, [1.0, 2.0, 3.0])), tensor(1, 3, [1.0, 2.0, 3.0])
    assert a.grad is None
    assert b.grad is not None
    assert (b.grad.rows, b.grad.cols, b.grad[0, 2]) == (1, 3, 0.0)


# --- matrices -------------------------------------------------------------------------------------


def test_methods_of_matrices() -> None:
    m = Matrix(2, 3, [1.0, -2.0, 3.0, 4.0, -5.0, 6.0])
    v = Matrix.create_vector([1.0, 0.0, 2.0])
    assert (m @ v).data.tolist() == [7.0, 16.0]
    for found, expected in (
        (m + m, [2.0, -4.0, 6.0, 8.0, -10.0, 12.0]),
        (1 + m, [2.0, -1.0, 4.0, 5.0, -4.0, 7.0]),
        (m - 1.0, [0.0, -3.0, 2.0, 3.0, -6.0, 5.0]),
        (1.0 - m, [0.0, 3.0, -2.0, -3.0, 6.0, -5.0]),
        (m - m, [0.0] * 6),
        (2 * m, [2.0, -4.0, 6.0, 8.0, -10.0, 12.0]),
        (m / 2, [0.5, -1.0, 1.5, 2.0, -2.5, 3.0]),
        (6.0 / m, [6.0, -3.0, 2.0, 1.5, np.float32(-1.2), 1.0]),
        (m**2, [1.0, 4.0, 9.0, 16.0, 25.0, 36.0]),
        (-m, [-1.0, 2.0, -3.0, -4.0, 5.0, -6.0]),
        (m.relu(), [1.0, 0.0, 3.0, 4.0, 0.0, 6.0]),
    ):
        assert (found.rows, found.cols) == (2, 3)
        assert found.data.tolist() == expected
    assert m.exp()[0, 0] == pytest.approx(math.e)
    assert (m * m).log()[1, 2] == pytest.approx(math.log(36.0))
    assert (m.sum().item(), m.max().item(), (-m.relu()).max().item()) == (7.0, 6.0, 0.0)
    assert Matrix(1, 3, [-3.0, -1.0, -2.0]).max().item() == -1.0  # 0.0 in the seed
    assert Matrix(1, 3, [1.0, 5.0, 2.0]).argmax() == Matrix.create_vector([1.0, 5.0, 2.0]).argmax()
    assert repr(m) == "Matrix(rows=2, cols=3)"


def test_errors() -> None:
    m, v = Matrix.create_zeroed(2, 3), Tensor.create_vector([1.0, 2.0])
    for f, error, message in (
        (lambda: Matrix(2, 2, [1.0]), ShapeError, "has 4 numbers, got 1"),
        (lambda: m @ m, ShapeError, "the columns of the first"),
        (lambda: m + Matrix.create_zeroed(3, 2), ShapeError, "should be of one shape"),
        (lambda: m.item(), ShapeError, "is of one number"),
        (lambda: m.argmax(), ShapeError, "of one row or column"),
        (lambda: m[0], DataError, r"m\[row, column\]"),
        (lambda: v @ v, ShapeError, r"\(2, 1\) and \(2, 1\)"),
        (lambda: v.item(), ShapeError, "is of one number"),
        (lambda: v.concat(Tensor.create_scalar(1.0)), ShapeError, r"\(2, 1\) and \(1, 1\)"),
        (lambda: Tensor(np.zeros((2, 2, 2))), ShapeError, r"got shape \(2, 2, 2\)"),
    ):
        with pytest.raises(error, match=message):
            f()


# --- tensors --------------------------------------------------------------------------------------


def test_sum_and_mean() -> None:
    t = tensor(3, 2, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0])
    assert (t.sum().item(), t.mean().item()) == (21.0, 3.5)
    (t.sum() + t.mean() * 6.0).backward()
    assert t.grad is not None
    assert t.grad.data.tolist() == [2.0] * 6
    t.sum().backward()  # gradients accumulate
    assert t.grad.data.tolist() == [3.0] * 6
    t.grad = Matrix.create_zeroed(3, 2)
    assert t.grad[0, 0] == 0.0


def test_a_combination() -> None:
    a = tensor(2, 3, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    b = tensor(2, 3, [-1.0, 4.0, 5.0, 0.0, -3.0, -6.0])
    c = tensor(3, 1, [7.0, 8.0, 9.0])
    out = 3 * ((a + b) - a**2) @ (-c / 2)
    assert [out[0, 0], out[1, 0]] == [0.0, 888.0]
    out.sum().backward()
    x, y, z = a.data.numpy(), b.data.numpy(), c.data.numpy()
    half = -1.5 * z.T
    for t, expected in ((a, (1 - 2 * x) * half), (b, np.ones((2, 3)) * half)):
        assert t.grad is not None
        np.testing.assert_allclose(t.grad.numpy(), expected)
    assert c.grad is not None
    np.testing.assert_allclose(c.grad.numpy(), -1.5 * ((x + y) - x**2).sum(0)[:, None])


def test_one_tensor_used_many_times() -> None:
    numbers = np.array([[1.0, 2.0], [0.5, -1.0]], np.float32)
    t = Tensor(Matrix.of(numbers), requires_grad=True)
    (t @ t @ t).sum().backward()
    ones = np.ones((2, 2))
    n = numbers.T
    assert t.grad is not None
    np.testing.assert_allclose(
        t.grad.numpy(), ones @ n @ n + n @ ones @ n + n @ n @ ones, rtol=1e-6
    )
    b = tensor(1, 1, [2.0])
    (b + b).backward()
    assert b.grad is not None
    assert b.grad[0, 0] == 2.0
    c = tensor(1, 1, [2.0])
    d = c * 1.0
    (d + d.relu()).backward()
    assert c.grad is not None
    assert c.grad[0, 0] == 2.0


def test_concat() -> None:
    a, b = tensor(2, 1, [1.0, 2.0]), tensor(2, 2, [3.0, 4.0, 5.0, 6.0])
    c = a.concat(b)
    assert (c.rows, c.cols, c[0, 0], c[1, 2]) == (2, 3, 1.0, 6.0)
    (c**2).sum().backward()
    assert b.grad is not None
    assert b.grad.data.tolist() == [6.0, 8.0, 10.0, 12.0]


@pytest.mark.parametrize("numbers", [[0.5, 0.75, 0.01], [1.5, 26.0, 10000.0], [1.5, 3e6, 3e6]])
def test_log_softmax_of_a_column(numbers: list[float]) -> None:
    t = tensor(3, 1, numbers)
    out = t.log_softmax()
    e = [math.exp(x - max(numbers)) for x in numbers]
    for k, x in enumerate(numbers):
        expected = x - max(numbers) - math.log(sum(e))
        assert out[k, 0] == pytest.approx(expected, rel=1e-6)
    out.sum().backward()
    assert t.grad is not None
    for k in range(3):
        assert t.grad[k, 0] == pytest.approx(1.0 - 3.0 * e[k] / sum(e), abs=1e-6)


def test_numbers_are_written_to() -> None:
    t = Tensor.create_zeroed(rows=1, cols=10)
    t[0, 3] = 1.0
    t.data[0, 4] = 0.5
    assert (t.data.argmax(), t[0, 4], len(t)) == (3, 0.5, 10)
    t.data += Matrix.create_with_value(1, 10, 1.0)
    assert t[0, 3] == 2.0
    assert repr(t + t) == "Tensor(rows=1, cols=10, requires_grad=False, _op=)"
    assert repr(tensor(1, 1, [1.0]) * 2) == "Tensor(rows=1, cols=1, requires_grad=True, _op=*)"


def test_the_seeds_losses_as_they_are_written() -> None:
    one = Tensor.create_scalar(1)
    scores = [tensor(1, 1, [0.5]), tensor(1, 1, [-2.0])]
    losses = [(one + float(-y) * s).relu() for s, y in zip(scores, [1, -1], strict=True)]
    loss = sum(losses, start=Tensor.create_scalar(0)) / len(losses)
    assert loss.item() == 0.25
    loss.backward()
    assert [s.grad[0, 0] for s in scores if s.grad is not None] == [-0.5, 0.0]
    target = Tensor.create_zeroed(1, 3)
    target[0, 1] = 1.0
    logits = tensor(3, 1, [1.0, 2.0, 0.5])
    entropy = -sum([target @ logits.log_softmax()], start=Tensor.create_scalar(0)) / 1
    entropy.backward()
    assert entropy.item() == pytest.approx(0.46436, abs=1e-5)


def test_the_seeds_optimizer_as_it_is_written() -> None:
    """Number by number: into the parameter, not into what was computed from it before."""
    w = tensor(2, 2, [1.0, 2.0, 3.0, 4.0])
    loss = (w**2).sum()
    kept = w.data
    loss.backward()
    assert w.grad is not None
    for row in range(w.rows):
        for col in range(w.cols):
            w[row, col] -= 0.25 * w.grad[row, col]
            w.grad[row, col] = 0
    assert w.data.data.tolist() == [0.5, 1.0, 1.5, 2.0]
    assert w.grad.data.tolist() == [0.0] * 4
    assert kept.data.tolist() == [1.0, 2.0, 3.0, 4.0]
    with pytest.raises(GraphError, match="assigned after"):
        loss.backward()
