"""Tensors of PyTorch as arguments of kernels that are no operators."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from micrograd import jit
from micrograd.errors import SignatureError

from .. import held_arrays

torch = pytest.importorskip("torch")

kernel = jit(lambda x, y: x * y + 1.0, dtype="f64")


def test_tensors_are_arrays() -> None:
    x = torch.arange(12.0, dtype=torch.float64).reshape(3, 4)
    expected = kernel(x.numpy(), 2.0)
    for given in (x, x.float(), x.int(), x.T.contiguous().T):
        np.testing.assert_array_equal(kernel(given, 2.0), expected)
    assert kernel(x[1, 2], 2.0) == expected[1, 2]
    assert kernel.grad(torch.tensor(3.0), 2.0) == (2.0, 3.0)


def negated(x: Any) -> Any:
    """A tensor of these numbers, in whose memory is the negative of each."""
    return torch.complex(torch.zeros(x.shape, dtype=torch.float64), -x.double()).conj().imag


def test_numbers_are_not_the_negative_of_those_in_memory() -> None:
    x = torch.tensor([1.0, -3.0])
    assert negated(x).is_neg()
    np.testing.assert_array_equal(kernel(negated(x), 2.0), [3.0, -5.0])
    assert kernel(negated(x)[1], 2.0) == -5.0
    assert jit(lambda p: p[0] + p[1])([negated(x)[0], 1.0]) == 2.0


@pytest.mark.parametrize("seed", range(20))
def test_tensors_in_containers_are_arrays(seed: int) -> None:
    def foreign(rng: random.Random, x: Any) -> Any:
        t = torch.from_numpy(np.array(x))
        ways = [lambda: t, lambda: negated(t), lambda: torch.stack([t, t], -1)[..., 0], t.float]
        return rng.choice(ways)()

    held_arrays.check(seed, foreign)


def test_what_a_list_holds_that_cannot_be_shared_is_an_error() -> None:
    w = torch.tensor(2.0, requires_grad=True)
    for given in ([w, 1.0], ([1.0, w],), {"k": w}):
        with pytest.raises(SignatureError, match=r"as p\[.*detach"):
            jit(lambda p: 1.0)(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda: torch.ones(3, requires_grad=True), "detach"),
        (lambda: torch.ones(3, device="meta"), "got Tensor"),
        (lambda: torch.ones(3).to_sparse(), "got Tensor"),
        (lambda: torch.ones(3, dtype=torch.bfloat16), "got Tensor"),
        (lambda: torch.ones(3, dtype=torch.complex64), "x should hold real numbers"),
    ],
)
def test_what_cannot_be_shared_is_an_error(given: object, message: str) -> None:
    with pytest.raises(SignatureError, match=message):
        kernel(given(), 2.0)  # type: ignore[operator]
