"""What Tensors refuse: messages say what came, both shapes, the operation and the user's line."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

import micrograd
from micrograd import Tensor, Value
from micrograd.errors import DataError, GraphError, MicrogradError, ShapeError
from micrograd.tensor import concat, einsum, gradients, no_grad, one_hot, pad, stack, zeros

A, B, C = zeros((2, 3)), zeros((4,)), zeros((2, 3, 4, 5, 6))
WHOLE = Tensor(np.array([1, 2]))
G = Tensor([1.0, 2.0], requires_grad=True)
IMAGE, KERNEL = zeros((1, 2, 5, 5)), zeros((3, 2, 3, 3))

CASES: list[tuple[Any, type[Exception], str]] = [
    # shapes
    (lambda: A + B, ShapeError, r"\+ of shapes \(2, 3\) and \(4,\)"),
    (lambda: B * A, ShapeError, r"\* of shapes \(4,\) and \(2, 3\)"),
    (lambda: A < B, ShapeError, r"< of shapes \(2, 3\) and \(4,\)"),
    (lambda: A + np.zeros(4), ShapeError, r"\+ of shapes \(2, 3\) and \(4,\)"),
    (lambda: np.zeros(4) - A, ShapeError, r"- of shapes \(4,\) and \(2, 3\)"),
    (lambda: micrograd.maximum(A, B), ShapeError, r"max of shapes \(2, 3\) and \(4,\)"),
    (lambda: micrograd.where(A > 0, A, B), ShapeError, r"\(2, 3\), \(2, 3\) and \(4,\)"),
    (lambda: A @ B, ShapeError, r"@ of shapes \(2, 3\) and \(4,\): the last axis .* 3 elements"),
    (lambda: A @ A, ShapeError, r"@ of shapes \(2, 3\) and \(2, 3\)"),
    (lambda: zeros((2, 3, 4)) @ zeros((5, 4, 2)), ShapeError, r"\(2, 3, 4\) and \(5, 4, 2\)"),
    (lambda: A @ Tensor(2.0), ShapeError, r"a number is multiplied with \*"),
    (lambda: A.reshape(4, 2), ShapeError, r"reshape of shape \(2, 3\) to \(4, 2\): 6 .* 8"),
    (lambda: A.reshape(-1, 4), ShapeError, r"no size in the place of -1 gives 6"),
    (lambda: A.reshape(-2, -3), ShapeError, "sizes are 0 or more"),
    (lambda: A.reshape(1.5), DataError, "reshape takes whole numbers"),
    (lambda: A.transpose(0, 0), ShapeError, r"transpose of shape \(2, 3\) in the order \(0, 0\)"),
    (lambda: A.transpose(0), ShapeError, "name each of its 2 axes once"),
    (lambda: A.squeeze(0), ShapeError, r"squeeze of axis 0 of shape \(2, 3\): it has size 2"),
    (lambda: A.broadcast_to(3, 3), ShapeError, r"broadcast of shape \(2, 3\) to \(3, 3\)"),
    (lambda: A.split([[1.0], [1.0, 2.0]]), DataError, "split takes whole numbers"),
    (lambda: A.split(4, 1), ShapeError, r"split of shape \(2, 3\) into 4 parts along axis 1"),
    (lambda: concat([A, zeros((3, 2))]), ShapeError, r"of shapes \(2, 3\) and \(3, 2\) .number 1"),
    (lambda: concat([A, zeros((2,))]), ShapeError, r"of shapes \(2, 3\) and \(2,\)"),
    (lambda: concat([Tensor(1.0)]), ShapeError, "use stack"),
    (lambda: stack([A, B]), ShapeError, r"stack of shapes \(2, 3\) and \(4,\)"),
    (lambda: stack([]), DataError, "a list of one Tensor or more"),
    (lambda: concat(3), DataError, "a list of one Tensor or more, got int 3"),
    (lambda: pad(A, ((1, 2), (3, 4), (5, 6))), ShapeError, "for each of 2 axes"),
    (lambda: pad(A, -1), ShapeError, "0 or more"),
    (lambda: einsum("ij,jk->ik", A, B), ShapeError, r"'jk' names 2 axes, and operand 1 .* \(4,\)"),
    (lambda: einsum("ij,j->i", A, B), ShapeError, r"shapes \(2, 3\) and \(4,\)"),
    (lambda: einsum("ij->k", A), ShapeError, "should name axes of the operands"),
    (lambda: einsum("i1", A), ShapeError, "by letters"),
    (lambda: einsum("ii", A), ShapeError, r"a diagonal of axes 0 and 1 of shape \(2, 3\)"),
    (lambda: IMAGE.conv2d(zeros((3, 4, 3, 3))), ShapeError, r"conv2d of shape \(1, 2, 5, 5\) with"),
    (lambda: IMAGE.conv1d(KERNEL), ShapeError, "both should have 3 axes"),
    (lambda: C.conv2d(KERNEL), ShapeError, r"\(2, 3, 4, 5, 6\) .* both should have 4 axes"),
    (lambda: IMAGE.conv2d(zeros((3, 2, 6, 6))), ShapeError, "a window of 6 elements does not fit"),
    (lambda: IMAGE.conv2d(KERNEL, zeros(2)), ShapeError, r"a bias of shape \(2,\)"),
    (lambda: IMAGE.conv2d(KERNEL, stride=0), DataError, "stride should be a whole number, 1"),
    (lambda: IMAGE.conv2d(KERNEL, padding="full"), DataError, "padding should be a whole number"),
    (lambda: IMAGE.max_pool(7), ShapeError, "a window of 7 elements does not fit"),
    (lambda: B.max_pool(2), ShapeError, "give a tuple"),
    (lambda: IMAGE.max_pool(2, padding=2), ShapeError, "more than half of the window"),
    (lambda: Tensor([[1.0], [1.0, 2.0]]), ShapeError, "should all have one length"),
    # axes and indices
    (lambda: A.sum(2), IndexError, "axis 2 of a Tensor that has 2 axes"),
    (lambda: A.sum(0.5), DataError, "axis should be a whole number"),
    (lambda: A.sum((0, 0)), IndexError, "names one axis twice"),
    (lambda: A[2], IndexError, r"index 2 is out of range: axis 0 of shape \(2, 3\) has 2"),
    (lambda: A[0, -4], IndexError, "index -4 is out of range: axis 1"),
    (lambda: A[[0, 5]], IndexError, "index 5 is out of range"),
    (lambda: A[[0, 1], [0, 3]], IndexError, "index 3 is out of range: axis 1"),
    (lambda: A[0, 0, 0], IndexError, r"3 indices, .* of shape \(2, 3\)"),
    (lambda: A[..., ...], IndexError, "more than one ..."),
    (lambda: A[1.5], DataError, "an index is of whole numbers"),
    (lambda: A[G], DataError, "an index is of whole numbers"),
    (lambda: A[np.array([True, False, True])], IndexError, r"a mask of shape \(3,\) .* \(2,\)"),
    (lambda: A[True], DataError, "True and False are no indices"),
    (lambda: one_hot([3], 3), DataError, "from 0 to 2"),
    (lambda: [1, 2][Tensor([1.0])], DataError, "an index is a whole number"),
    # empty ones, and those of no axes
    (lambda: zeros((0, 3)).max(0), ShapeError, r"over no elements: shape \(0, 3\)"),
    (lambda: zeros((0,)).min(), ShapeError, "there is no minimum of nothing"),
    (lambda: zeros((0,)).argmax(), ShapeError, "over no elements"),
    (lambda: len(Tensor(1.0)), DataError, "has no len"),
    (lambda: list(Tensor(1.0)), DataError, "cannot be iterated"),
    (lambda: A.item(), ShapeError, r"item\(\) is of one element, .* has shape \(2, 3\)"),
    (lambda: zeros((0,)).item(), ShapeError, "item"),
    (lambda: bool(A), ShapeError, "has no truth value; use any"),
    (lambda: Tensor(1.0).diagonal(), ShapeError, "of two axes"),
    # dtypes
    (lambda: Tensor("abc"), DataError, "of real numbers, got str 'abc'"),
    (lambda: Tensor([1j]), DataError, "of real numbers"),
    (lambda: Tensor([None]), DataError, "of real numbers"),
    (lambda: Tensor({}), DataError, "of real numbers"),
    (lambda: Tensor([1.0], dtype="f16"), DataError, "dtype should be float32, float64, int64"),
    (lambda: Tensor([1.0], dtype=np.complex128), DataError, "dtype should be"),
    (lambda: A.astype("int8"), DataError, "dtype should be"),
    (lambda: Tensor([Value(1.0)]), DataError, r"use Tensor.of_values"),
    (lambda: Tensor([G, G]), DataError, "use stack"),
    (lambda: Tensor(np.array([1, 2]), requires_grad=True), DataError, "gradients are of floats"),
    (lambda: (A > 0) & A, DataError, "& is of truth values"),
    (lambda: ~A, DataError, "~ is of truth values"),
    (lambda: A // 2, DataError, "// of Tensors rounds"),
    (lambda: A % 2, DataError, "% of Tensors rounds"),
    (lambda: 2 // A, DataError, "// of Tensors rounds"),
    (lambda: Tensor.of_values(["a"]), DataError, "of_values takes Values and numbers"),
    (lambda: Tensor.of_values([1.0], dtype="int64"), DataError, "Values are floats"),
    # gradients
    (lambda: (G * 2).backward(), ShapeError, r"backward\(\) of shape \(2,\) needs a cotangent"),
    (lambda: (G * 2).backward([1.0]), ShapeError, r"a cotangent of shape \(1,\) for .* \(2,\)"),
    (lambda: A.sum().backward(), GraphError, "nothing that this Tensor was computed from requires"),
    (lambda: WHOLE.sum().backward(), DataError, "is of floats, and this Tensor is int64"),
    (lambda: (G > 1).sum().backward(), DataError, "is of floats"),
    (lambda: gradients(G.sum(), [A]), GraphError, r"by a Tensor of shape \(2, 3\) that requires"),
    (lambda: setattr(G * 2, "requires_grad", False), GraphError, "the result of *"),
    # what would be silent
    (lambda: A.__setitem__(0, 1.0), DataError, r"x\[i\] = y of Tensors would change numbers"),
    (lambda: float(G[0]), DataError, "loses its gradient"),
    (lambda: math.exp(G[0]), DataError, "loses its gradient"),
    (lambda: int(G[0]), DataError, "loses its gradient"),
    (lambda: np.asarray(G), DataError, "which would be lost"),
    (lambda: np.floor(G), DataError, "np.floor is no function of Tensors"),
    (lambda: np.add(G, 1.0, out=np.zeros(2)), DataError, "np.add is no function of Tensors"),
    (lambda: np.add(np.zeros(2), 1.0, out=A), DataError, "cannot write into a Tensor"),
    (lambda: setattr(A, "data", np.zeros(2)), ShapeError, r"\(2, 3\) cannot become .* \(2,\)"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "error", "message"), CASES, ids=[case[2] for case in CASES])
def test_refusals(f: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as failure:
        f()
    text = str(failure.value)
    assert re.search(message, text), text
    assert text.startswith(__file__ + ":"), text
    assert isinstance(failure.value, (MicrogradError, IndexError))


@pytest.mark.parametrize("x", ["a", None, 1j, {}])
def test_operands_of_other_kinds(x: Any) -> None:
    for f in (lambda: A + x, lambda: x * A, lambda: A @ x, lambda: x > A):
        with pytest.raises(TypeError, match="Tensor"):
            f()
    assert (x == A) is False
    assert (x != A) is True


def test_no_grad_and_backward() -> None:
    with no_grad():
        y = (G * G).sum()
    with pytest.raises(GraphError, match="outside no_grad"):
        y.backward()


def test_a_cycle_made_by_hand() -> None:
    x = Tensor([1.0], requires_grad=True)
    y = x * 2.0
    z = y * 3.0
    y._operands = (z, 2.0)
    with pytest.raises(GraphError, match="cycle"):
        z.backward()
