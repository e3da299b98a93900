"""Random indices: integer arrays, one or several, known or data, between slices, numbers, None and
`...`; eager and compiled, the elements and the gradient that NumPy gives. For longer:
`python -m tests.tensor.test_indices SECONDS SEED`.
"""

from __future__ import annotations

import sys
import time
from random import Random
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, jit
from micrograd.errors import TraceError

BLOCKS, CALLS = 4, 25


def drawn(rng: Random) -> tuple[Any, list[Any], list[int]]:
    """An array, an index of it, and which parts of that are data."""
    numbers = np.random.default_rng(rng.getrandbits(32))
    x = numbers.normal(size=[rng.randint(1, 4) for _ in range(rng.randint(1, 4))])
    together = rng.choice([(), (2,), (3,), (2, 3), (1, 2)])
    parts: list[Any] = []
    data = []
    for n in x.shape[: rng.randint(1, x.ndim)]:
        kind = rng.random()
        if kind < 0.5:
            shape = together[rng.randint(0, len(together)) :]
            shape = tuple(1 if rng.random() < 0.2 else k for k in shape)
            start = rng.randint(-n, n - 1)
            if rng.random() < 0.3 and shape:  # in even steps
                places = np.broadcast_to(np.arange(shape[-1]) % n, shape)
            else:
                places = (
                    numbers.integers(-n, n, shape) if rng.random() < 0.9 else np.full(shape, start)
                )
            if rng.random() < 0.6:
                data.append(len(parts))
            parts.append(places)
        elif kind < 0.7:
            step = rng.choice([1, 1, 2, -1])
            first = rng.randint(0, n - 1)
            parts.append(slice(first, None, step))
        elif kind < 0.8:
            parts.append(rng.randint(-n, n - 1))
        else:
            parts.append(slice(None))
        if rng.random() < 0.1:
            parts.append(None)
    if rng.random() < 0.15:
        parts.append(...)
    return x, parts, data


def check(rng: Random) -> bool:
    """One index, three ways; whether it compiled."""
    x, parts, data = drawn(rng)
    expected = x[tuple(parts)]
    if not expected.size:
        return False
    weights = np.random.default_rng(1).normal(size=expected.shape)
    gradient = np.zeros(x.shape)
    np.add.at(gradient, tuple(parts), weights)
    given = [Tensor(np.array(parts[k])) for k in data]

    def taken(x: Tensor, places: list[Tensor]) -> Tensor:
        index = list(parts)
        for k, place in zip(data, places, strict=True):
            index[k] = place
        return x[tuple(index)]  # type: ignore[no-any-return]

    def weighted(x: Tensor, places: list[Tensor]) -> Tensor:
        return (taken(x, places) * weights).sum()  # type: ignore[no-any-return]

    t = Tensor(x, "f64", requires_grad=True)
    found = taken(t, given)
    assert found.shape == expected.shape, (x.shape, parts)
    assert (found.numpy() == expected).all(), (x, parts)
    weighted(t, given).backward()
    np.testing.assert_allclose(t.grad.numpy(), gradient, 1e-12, 1e-12, err_msg=f"{x.shape} {parts}")
    compiled = jit(taken)(t, given)
    assert compiled.shape == expected.shape, (x.shape, parts)
    assert (compiled.numpy() == expected).all(), (x.tolist(), parts, data)
    ct = jit(weighted, wrt="x").grad(t, given)
    np.testing.assert_allclose(ct.numpy(), gradient, 1e-12, 1e-12, err_msg=f"{x.shape} {parts}")
    return True


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_indices(block: int) -> None:
    rng = Random(block)
    assert sum(check(rng) for _ in range(CALLS)) > CALLS / 2


def test_the_losses_of_classes_by_two_indices() -> None:
    """`z[arange(n), y]`: no table for the known one, and code for batches of one size each."""
    z = Tensor(np.random.default_rng(0).normal(size=(4, 3)), "f64")
    y = Tensor(np.array([2, 0, 1, -3]))

    def loss(z: Tensor, y: Tensor) -> Tensor:
        return -z.log_softmax()[np.arange(len(z)), y].mean()  # type: ignore[no-any-return]

    kernel = jit(loss, wrt="z")
    for n in (4, 3, 2):
        assert kernel(z[:n], y[:n]).item() == pytest.approx(loss(z[:n], y[:n]).item(), 1e-14)
    assert "const" not in kernel.stages()["program"]
    leaf = Tensor(z, requires_grad=True)
    loss(leaf, y).backward()
    np.testing.assert_allclose(kernel.grad(z, y).numpy(), leaf.grad.numpy(), 1e-12, 1e-14)


def test_indices_of_data_are_checked() -> None:
    z, y = Tensor(np.eye(3)), Tensor(np.array([0, 1, 3]))
    pick = jit(lambda z, y: z[np.arange(3), y])
    with pytest.raises(IndexError, match="index 3 of y is out of range: the axis has 3"):
        pick(z, y)
    with pytest.raises(IndexError, match=r"index 3 is out of range: axis 1 of shape \(3, 3\)"):
        z[[0, 1, 2], y]
    with pytest.raises(IndexError, match=r"index 5 is out of range: axis 0 of shape \(3, 1, 3\)"):
        z[:, None][[0, 5], :, [0, 1]]


def test_indices_that_are_computed_do_not_compile() -> None:
    def pick(z: Tensor, y: Tensor) -> Tensor:
        return z[np.arange(3), (y > 0).astype("int64")]  # type: ignore[no-any-return]

    with pytest.raises(TraceError, match="indices that are computed from arguments"):
        jit(pick)(Tensor(np.eye(3)), Tensor([0.0, 1.0, 2.0]))


if __name__ == "__main__":
    until, random, tried = time.monotonic() + float(sys.argv[1]), Random(int(sys.argv[2])), 0
    while time.monotonic() < until:
        tried += check(random)
    print(f"{tried} indices, 0 wrong")
