"""Convolutions and pools, with every option: as loops over all places, and as PyTorch."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor
from micrograd.tensor import avg_pool, conv1d, conv2d, max_pool

RNG = np.random.default_rng(11)


def leaf(*shape: int) -> Tensor:
    return Tensor(RNG.normal(size=shape), dtype="f64", requires_grad=True)


def by_loops(
    x: np.ndarray, w: np.ndarray, stride: int, padding: int, dilation: int, groups: int
) -> np.ndarray:
    """The definition of a convolution over two axes."""
    x = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    outputs, inner, height, width = w.shape
    sizes = [
        (n - dilation * (k - 1) - 1) // stride + 1
        for n, k in zip(x.shape[2:], (height, width), strict=True)
    ]
    out = np.zeros((x.shape[0], outputs, *sizes))
    for b, o, i, j in np.ndindex(out.shape):
        group = o // (outputs // groups)
        for c, p, q in np.ndindex(inner, height, width):
            seen = x[b, group * inner + c, stride * i + dilation * p, stride * j + dilation * q]
            out[b, o, i, j] += seen * w[o, c, p, q]
    return out


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"),
    list(itertools.product([1, 2], [0, 2], [1, 2], [1, 2])),
)
def test_convolutions_are_their_definition(
    stride: int, padding: int, dilation: int, groups: int
) -> None:
    x, w, bias = leaf(2, 4, 7, 6), leaf(6, 4 // groups, 3, 2), leaf(6)
    out = x.conv2d(w, bias, stride, padding, dilation, groups)
    expected = by_loops(x.numpy(), w.numpy(), stride, padding, dilation, groups)
    np.testing.assert_allclose(out.numpy(), expected + bias.numpy()[:, None, None], rtol=1e-10)
    ct = RNG.normal(size=out.shape)
    out.backward(ct)
    h = 1e-6
    for k, (tensor, place) in enumerate(((x, (1, 3, 2, 3)), (w, (5, 1, 2, 1)), (bias, (4,)))):
        ends = []
        for step in (h, -h):
            arrays = [t.numpy().copy() for t in (x, w, bias)]
            arrays[k][place] += step
            a, b, c = arrays
            found = by_loops(a, b, stride, padding, dilation, groups) + c[:, None, None]
            ends.append((found * ct).sum())
        slope = (ends[0] - ends[1]) / (2 * h)
        assert tensor.grad.numpy()[place] == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_one_axis_is_two_of_which_one_is_1() -> None:
    x, w = leaf(2, 3, 9), leaf(4, 3, 3)
    found = conv1d(x, w, stride=2, padding=1)
    expected = conv2d(x[:, :, None], w[:, :, None], stride=2, padding=(0, 1))[:, :, 0]
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12)
    np.testing.assert_allclose(x[0].conv1d(w).numpy(), x.conv1d(w)[0].numpy(), rtol=1e-12)


def test_padding_by_name() -> None:
    x, w = leaf(1, 1, 6), leaf(1, 1, 4)
    assert x.conv1d(w, padding="same").shape == (1, 1, 6)
    assert x.conv1d(w, padding="valid").shape == (1, 1, 3)
    np.testing.assert_allclose(
        x.conv1d(w, padding="same").numpy()[0, 0],
        np.correlate(np.pad(x.numpy()[0, 0], (1, 2)), w.numpy()[0, 0]),
    )


def test_pools() -> None:
    x = Tensor(np.arange(16.0).reshape(1, 1, 4, 4), requires_grad=True)
    assert max_pool(x, 2).tolist() == [[[[5.0, 7.0], [13.0, 15.0]]]]
    assert avg_pool(x, 2).tolist() == [[[[2.5, 4.5], [10.5, 12.5]]]]
    assert x.max_pool((4,)).shape == (1, 1, 4, 1)
    assert x.max_pool(3, stride=1, padding=1)[0, 0, 0].tolist() == [5.0, 6.0, 7.0, 7.0]
    assert (x - 100.0).max_pool(2, padding=1)[0, 0, 0, 0].item() == -100.0  # not what is padded
    assert x.avg_pool(2, padding=1)[0, 0, 0, 2].item() == 3.0 / 4.0
    x.max_pool(2).sum().backward()
    assert x.grad.sum().item() == 4.0
    assert x.grad[0, 0, 1].tolist() == [0.0, 1.0, 0.0, 1.0]
    assert x.grad.dtype == "float32"


def test_windows_overlap_in_the_gradient() -> None:
    x = Tensor([[[1.0, 2.0, 3.0, 4.0]]], requires_grad=True)
    x.avg_pool(3, stride=1).sum().backward()
    np.testing.assert_allclose(x.grad.numpy()[0, 0], [1 / 3, 2 / 3, 2 / 3, 1 / 3], rtol=1e-6)


@pytest.mark.parametrize("count", [1, 2])
def test_they_are_as_pytorch(count: int) -> None:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    rng = np.random.default_rng(4)
    for _ in range(40):
        groups, stride, dilation, padding = (int(rng.integers(1, 3)) for _ in range(4))
        size = int(rng.integers(1, 4))
        space = [int(rng.integers(6, 9)) for _ in range(count)]
        x = rng.normal(size=(2, 2 * groups, *space))
        w = rng.normal(size=(3 * groups, 2, *[size] * count))
        b = rng.normal(size=3 * groups)
        ours = [Tensor(a, dtype="f64", requires_grad=True) for a in (x, w, b)]
        theirs = [torch.tensor(a, requires_grad=True) for a in (x, w, b)]
        how = (stride, padding, dilation, groups)
        pool = (2, stride, 1)

        def both(conv: Any, pools: Any, given: Any, how: Any = how, pool: Any = pool) -> Any:
            return conv(*given, *how), pools[0](given[0], *pool), pools[1](given[0], *pool)

        found = both(getattr(Tensor, f"conv{count}d"), (Tensor.avg_pool, Tensor.max_pool), ours)
        expected = both(
            getattr(functional, f"conv{count}d"),
            (getattr(functional, f"avg_pool{count}d"), getattr(functional, f"max_pool{count}d")),
            theirs,
        )
        for a, c in zip(found, expected, strict=True):
            np.testing.assert_allclose(a.numpy(), c.detach().numpy(), rtol=1e-10, atol=1e-12)
        sum((a * a).sum() for a in found).backward()
        sum((c * c).sum() for c in expected).backward()
        for a, c in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a.grad.numpy(), c.grad.numpy(), rtol=1e-9, atol=1e-10)
