"""Functions of Tensors and Values, compiled: the numbers and the gradients of eager ones. For
longer: `python -m tests.tensor.test_mixed SECONDS SEED`.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, Value, jit, where
from micrograd.errors import ShapeError, SignatureError
from micrograd.nn import MLP
from micrograd.tensor import no_grad
from tests.tensor.mixed_programs import Mixed


def check(seed: int) -> None:
    program = Mixed(seed)
    kernel = jit(program.__call__)
    near = {"rtol": 1e-9, "atol": 1e-9} if program.dtype == "f64" else {"rtol": 2e-3, "atol": 2e-4}
    for again in range(2):
        expected, partials = program.gradients(program)
        found, got = program.gradients(kernel)
        np.testing.assert_allclose(found, expected, **near, err_msg=f"seed {seed}, call {again}")
        for a, b in zip(got, partials, strict=True):
            np.testing.assert_allclose(a, b, **near, err_msg=f"seed {seed}, call {again}")
        for v in (*program.given, *program.closed):
            v.data = v.data * 0.5 + 0.1
        program.inner = program.closed[0] * program.closed[1] + 0.5  # what the kernel computes


@pytest.mark.parametrize("seed", range(12))
def test_random_functions_of_both(seed: int) -> None:
    check(seed)


def test_derivatives_by_values_that_are_closed_over() -> None:
    x, v, w = Tensor([1.0, 2.0, 3.0], dtype="f64"), Value(3.0), Value(0.5)

    def f(t: Tensor) -> Tensor:
        return (t * v).sum() * w * w

    assert [g.item() for g in jit(f, wrt=[v, w]).grad(x)] == [1.5, 18.0]
    value, partial = jit(f, wrt=v).value_and_grad(x)
    assert (value.item(), partial.item()) == (4.5, 1.5)
    assert jit(f, wrt=[v, "t"]).grad(x)[1].tolist() == [0.75, 0.75, 0.75]
    hessian = jit(f, wrt=[v, w]).hessian(x)
    assert [[h.item() for h in row] for row in hessian] == [[0.0, 6.0], [6.0, 36.0]]
    with pytest.raises(SignatureError, match=r"wrt is of leaves, got a Value .* of \*"):
        jit(f, wrt=[v * w]).grad(x)


def test_values_are_read_at_every_call() -> None:
    v, x = Value(2.0), Tensor([1.0, 2.0])

    def f(t: Tensor) -> Tensor:
        return t * v + (v * v + 1.0)

    kernel, frozen = jit(f), jit(f, freeze=True)
    assert kernel(x).tolist() == frozen(x).tolist() == [7.0, 9.0]
    v.data = 0.0
    assert kernel(x).tolist() == [1.0, 1.0]
    assert frozen(x).tolist() == [7.0, 9.0]
    with no_grad():
        assert jit(f)(x).tolist() == [1.0, 1.0]
        v.data = 1.0
        assert kernel(x).tolist() == [3.0, 4.0]


def test_values_that_meet_masks_keep_their_digits() -> None:
    """A choice by a mask alone says nothing of what is chosen from."""
    v, w, x = Value(0.1), Value(0.7), Tensor([1.0, -1.0], dtype="f64")

    def f(t: Tensor) -> Tensor:
        return t * where(t[0] > 0.0, v, w)

    assert jit(f)(x).tolist() == [0.1, -0.1]


def test_a_value_without_tensors_is_a_result() -> None:
    v = Value(2.0)

    def f(t: Tensor) -> dict[str, Any]:
        return {"sum": t.sum() * v, "v": v * v}

    found = jit(f)(Tensor([1.0, 2.0]))
    assert (found["sum"].item(), found["v"].item()) == (6.0, 4.0)
    found["v"].backward()
    assert v.grad == 4.0


def test_models_of_values_take_elements() -> None:
    model = MLP(2, [4, 1])
    x = Tensor([[0.5, -1.0], [2.0, 1.0]], dtype="f64", requires_grad=True)

    def loss(points: Tensor) -> Any:
        return sum(model(list(row.values())) ** 2 for row in points)

    def gradients(function: Any) -> list[Any]:
        x.grad = None
        for p in model.parameters():
            p.grad = 0
        function(x).backward()
        return [*(p.grad for p in model.parameters()), *x.grad.numpy().ravel()]

    np.testing.assert_allclose(gradients(jit(loss)), gradients(loss), rtol=1e-9)


def test_tensors_of_one_number_are_values() -> None:
    a = Tensor(2.0, requires_grad=True)
    t = Tensor.of_values([[a, 1.0], [Value(3.0), a * a]])
    assert t.tolist() == [[2.0, 1.0], [3.0, 4.0]]
    t.sum().backward()
    assert a.grad.item() == 5.0
    with pytest.raises(ShapeError, match=r"got a Tensor of shape \(2,\); use stack or concat"):
        Tensor.of_values([Tensor([1.0, 2.0]), 1.0])
    with pytest.raises(ShapeError, match="should all have one length"):
        Tensor.of_values([[a, 1.0], [a]])


if __name__ == "__main__":
    end, seed, tried = time.time() + float(sys.argv[1]), int(sys.argv[2]), 0
    while time.time() < end:
        check(seed + tried)
        tried += 1
    print(f"{tried} functions")
