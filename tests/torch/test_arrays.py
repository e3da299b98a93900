"""Tensors of PyTorch as arguments of kernels that are no operators."""

from __future__ import annotations

import numpy as np
import pytest

from micrograd import jit
from micrograd.errors import SignatureError

torch = pytest.importorskip("torch")

kernel = jit(lambda x, y: x * y + 1.0, dtype="f64")


def test_tensors_are_arrays() -> None:
    x = torch.arange(12.0, dtype=torch.float64).reshape(3, 4)
    expected = kernel(x.numpy(), 2.0)
    for given in (x, x.float(), x.int(), x.T.contiguous().T):
        np.testing.assert_array_equal(kernel(given, 2.0), expected)
    assert kernel(x[1, 2], 2.0) == expected[1, 2]
    assert kernel.grad(torch.tensor(3.0), 2.0) == (2.0, 3.0)


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
