"""Compiled functions of Tensors called with batches of many sizes: one code for all, and the same
numbers as uncompiled; where what is computed depends on the size otherwise, code for each.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, jit, maximum
from micrograd.errors import MicrogradError
from micrograd.jit.trace.batches import Batch, SizeNeeded
from micrograd.tensor import concat, einsum, no_grad, one_hot, stack

from ..guarded import guarded, needs_guards

CODE = import_module("micrograd.jit.tensors.kernel").TensorCode
SIZES = (5, 3, 8, 1, 0, 64, 6)
close: Any = functools.partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-11)
RNG = np.random.default_rng(5)


def leaf(*shape: int, seed: int = 0) -> Tensor:
    rng = np.random.default_rng(seed + 31 * sum(shape))
    return Tensor(rng.normal(size=shape), "f64", requires_grad=True)


W, ROW, KERNELS, TABLE = leaf(4, 3), leaf(1, 3), leaf(2, 1, 2, 2), leaf(9, 4)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """For how many samples at most code was made, None for that of one size."""
    made: list[int | None] = []
    begin = CODE.__init__

    def noted(self: Any, *args: Any, **kwargs: Any) -> None:
        begin(self, *args, **kwargs)
        made.append(self.most)

    monkeypatch.setattr(CODE, "__init__", noted)
    return made


def agree(f: Callable[..., Any], kernel: Any, *args: Tensor) -> None:
    """That the kernel gives what the function gives, or both fail."""
    try:
        expected = f(*args)
    except (MicrogradError, ZeroDivisionError, IndexError):
        with pytest.raises((MicrogradError, IndexError)):
            kernel(*args)
        return
    found = kernel(*args)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    close(found.numpy(), expected.numpy())


ANY: dict[str, Callable[[Any], Any]] = {
    "layer": lambda x: x @ W + ROW,
    "mean": lambda x: x.mean(0),
    "mean of all": lambda x: x.mean(),
    "variance": lambda x: x.var(0) + x.var(0, ddof=1) + x.std(),
    "normed": lambda x: (x - x.mean(0, keepdims=True)) / (x.std(0, keepdims=True) + 1.0),
    "sums over the number": lambda x: (x * x).sum() / x.shape[0],
    "powers of the number": lambda x: (x * x).sum() * (x.shape[0] + 1.0) ** -0.5 / x.size,
    "transposed": lambda x: x.T * 2,
    "gram": lambda x: x.T @ x,
    "every pair": lambda x: (x[:, None, :] * x[None]).sum(2) + x @ x.T,
    "split axes": lambda x: x.reshape(x.shape[0], 2, 2).sum(1),
    "merged axes": lambda x: x.reshape(-1, 2, 2).transpose(0, 2, 1).exp().reshape(-1, 4),
    "slices": lambda x: concat([x[:, ::-1], x[:, 1:3] * 2, x], 1),
    "new axes": lambda x: stack([x, x * x], 1).expand_dims(0).squeeze(0),
    "products": lambda x: einsum("ni,ij,nj->n", x, W, x[:, :3]),
    "convolution": lambda x: x.reshape(-1, 1, 2, 2).conv2d(KERNELS, padding=1).relu().max_pool(2),
    "layer norm": lambda x: (x - x.mean(-1, keepdims=True)) / (x.var(-1, keepdims=True) + 0.1),
    "product of all": lambda x: x.prod(0) + x.prod(),
    "places": lambda x: x.argmax(1),
    "nothing of it": lambda x: x.sum(1) * 0 + 1.0,
    "itself": lambda x: x,
    "softmax": lambda x: x.log_softmax(1) + x.softmax(1),
}
SOME: dict[str, Callable[[Any], Any]] = {
    "is one of five": lambda x: x * 2 if x.shape[0] == 5 else x,
    "is one of a shape": lambda x: x * 2 if x.shape == (6, 4) else x,
    "reciprocal": lambda x: x.sum() * (1.0 / x.shape[0]) if x.shape[0] else x.sum(),
    "without ones": lambda x: x[:, :1].squeeze() * 1.0,
    "most of all": lambda x: x.max(0) + x.argmax(0),
}
EACH: dict[str, Callable[[Any], Any]] = {
    "half": lambda x: x[: (x.shape[0] + 1) // 2].sum(0),
    "branch": lambda x: x * 2 if x.shape[0] > 5 else x,
    "reversed": lambda x: x[::-1] * 2,
    "first": lambda x: x[0] * 2,
    "joined": lambda x: concat([x, x * 2], 0),
    "flat": lambda x: x.reshape(-1).exp(),
    "loop": lambda x: sum((x[i] for i in range(x.shape[0])), Tensor(0.0, "f64")),
    "arrays": lambda x: x + np.ones(x.shape),
    "text": lambda x: x * len(f"{x.shape[0]}"),
    "unbiased": lambda x: (x * x).sum(0) / (x.shape[0] - 1),
    "float": lambda x: x.sum() / float(x.size + 1),
}


@pytest.mark.parametrize("name", ANY)
def test_one_code_is_for_every_number_of_samples(name: str, compiled: list[Any]) -> None:
    kernel = jit(ANY[name], strict=list(ANY).index(name) % 2 == 1)
    for n in SIZES:
        agree(ANY[name], kernel, leaf(n, 4))
    first, any_size = compiled
    assert first is None
    assert any_size is not None


@pytest.mark.parametrize("name", SOME)
def test_sizes_that_are_asked_for_have_their_own(name: str, compiled: list[Any]) -> None:
    kernel = jit(SOME[name])
    for n in (5, 3, 8, 1, 64, 6, 7, 9):
        agree(SOME[name], kernel, leaf(n, 4))
    assert len([most for most in compiled if most is not None]) == 1
    assert len(compiled) <= 3


@pytest.mark.parametrize("name", EACH)
def test_other_functions_have_code_for_every_size(name: str, compiled: list[Any]) -> None:
    kernel = jit(EACH[name])
    for n in (5, 3, 8, 1, 6, 3):
        agree(EACH[name], kernel, leaf(n, 4))
    assert [most for most in compiled if most is not None] == []
    assert len(compiled) == 5


def network(*sizes: int) -> list[Tensor]:
    return [leaf(*s, seed=k) for k, (n, m) in enumerate(pairwise(sizes)) for s in ((n, m), (m,))]


def test_a_network_trains_on_batches_of_any_size_with_one_code(compiled: list[Any]) -> None:
    parameters = w1, b1, w2, b2 = network(6, 16, 3)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        scores = (x @ w1 + b1).relu() @ w2 + b2
        return -(scores.log_softmax(1) * y).sum(1).mean()

    kernel = jit(loss, wrt=parameters).value_and_grad
    for n in (32, 7, 32, 1, 2, 100, 31, 3):
        x, y = leaf(n, 6, seed=n), one_hot(RNG.integers(0, 3, n), 3).astype("f64")
        value, partials = kernel(x, y)
        for p in parameters:
            p.zero_grad()
        expected = loss(x, y)
        expected.backward()
        close(value.numpy(), expected.numpy())
        for found, p in zip(partials, parameters, strict=True):
            close(found.numpy(), p.grad.numpy())
    assert compiled == [None, 1024]
    kernel(leaf(3000, 6), one_hot(RNG.integers(0, 3, 3000), 3).astype("f64"))
    assert compiled == [None, 1024, 6000]


def test_indices_of_a_batch_are_checked() -> None:
    kernel = jit(lambda i: TABLE[i].sum(1))
    for n in SIZES:
        found = kernel(Tensor(np.arange(n) % 9 - 4))
        close(found.numpy(), TABLE.numpy()[np.arange(n) % 9 - 4].sum(1))
    with pytest.raises(IndexError, match="index 9 of i is out of range"):
        kernel(Tensor(np.full(11, 9)))


def test_what_is_no_batch_may_have_its_size(compiled: list[Any]) -> None:
    def f(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
        return ((x + y) @ w).sum(1)

    kernel = jit(f)
    for n in (4, 2, 9):
        agree(f, kernel, leaf(n, 4), leaf(1, 4), leaf(4, 2))
    assert len(compiled) == 2
    for n in (4, 2, 9):  # two sizes that are not the same
        agree(f, kernel, leaf(n, 4), leaf(n, 4), leaf(4, 2))


def test_new_numbers_of_a_constant_are_seen(compiled: list[Any]) -> None:
    c = Tensor([1.0, 2.0], "f64")

    def f(x: Tensor) -> Tensor:
        return x * c

    kernel = jit(f)
    for n in (3, 4, 5):
        agree(f, kernel, leaf(n, 2))
    c.data = [5.0, 7.0]
    for n in (6, 4, 3):
        agree(f, kernel, leaf(n, 2))
    assert len(compiled) == 4


@needs_guards
@pytest.mark.parametrize("at_end", [False, True])
def test_nothing_is_read_behind_a_batch(at_end: bool) -> None:
    def f(x: Tensor, w: Tensor) -> Tensor:
        return ((x @ w).exp() * x.mean(1, keepdims=True)).sum(0)

    kernel = jit(f)
    for n in (5, 3, 1, 17, 33, 100):
        x, w = Tensor(RNG.normal(size=(n, 7))), Tensor(RNG.normal(size=(7, 5)))
        expected = f(x, w).numpy()
        x._data = guarded(x._data, at_end=at_end)
        w._data = guarded(w._data, at_end=at_end)
        np.testing.assert_allclose(kernel(x, w).numpy(), expected, rtol=1e-4)


# --- random programs ------------------------------------------------------------------------------


def draw(seed: int) -> Callable[..., Any]:
    """A function of a batch, of rows of 4 numbers, and of weights: what it gives is of a batch."""
    rng = Random(seed)
    steps: list[Callable[..., Any]] = [
        lambda x, y, w: x + y,
        lambda x, y, w: x * y.tanh(),
        lambda x, y, w: maximum(x, y),
        lambda x, y, w: x @ w,
        lambda x, y, w: (x @ w.T).tanh(),
        lambda x, y, w: x - y.mean(0),
        lambda x, y, w: x * y.mean(0, keepdims=True) + w[0],
        lambda x, y, w: (x[:, :, None] * w).sum(1),
        lambda x, y, w: x.softmax(1) * y,
        lambda x, y, w: x.reshape(-1, 2, 2).transpose(0, 2, 1).reshape(x.shape),
        lambda x, y, w: concat([x[:, 2:], y[:, :2]], 1),
        lambda x, y, w: x[:, ::-1] / (1.0 + y * y),
        lambda x, y, w: x.exp() * y.sum(1, keepdims=True) * 0.1,
        lambda x, y, w: x @ (x.T @ y) / (1.0 + x.shape[0]),
        lambda x, y, w: ((x[:, None] - y[None]) ** 2).mean(2).mean(1, keepdims=True) * x,
        lambda x, y, w: x.reshape(-1, 1, 2, 2).conv2d(w.reshape(4, 1, 2, 2)).reshape(x.shape),
        lambda x, y, w: x * x.var(0) + y.std(1, keepdims=True),
        lambda x, y, w: stack([x, y], 2).max(2),
    ]
    chosen = [(rng.choice(steps), rng.random(), rng.random()) for _ in range(rng.randint(2, 7))]

    def f(x: Tensor, w: Tensor) -> Tensor:
        made = [x]
        for step, a, b in chosen:
            operands = made[int(a * len(made))], made[int(b * len(made))]
            made.append(step(*operands, w).clip(-9.0, 9.0))
        return (made[-1] * made[int(chosen[0][1] * len(made))]).mean()

    return f


@pytest.mark.parametrize("seed", range(8))
def test_random_functions_of_batches(seed: int, compiled: list[Any]) -> None:
    check(seed)
    alone = seed % 2  # if strict, one sample may be apart: a cotangent of it is no sum
    assert 2 <= len(compiled) <= 2 + alone


def check(seed: int) -> None:
    f = draw(seed)
    kernel = jit(f, strict=seed % 2 == 1).value_and_grad
    for n in (4, 3, 1, 2, 11, 40):
        x, w = leaf(n, 4, seed=seed), leaf(4, 4, seed=seed + 1)
        value, partials = kernel(x, w)
        loss = f(x, w)
        loss.backward()
        close(value.numpy(), loss.numpy(), err_msg=str((seed, n)))
        for found, leaf_ in zip(partials, (x, w), strict=True):
            expected = np.zeros(leaf_.shape) if leaf_.grad is None else leaf_.grad.numpy()
            close(found.numpy(), expected, err_msg=str((seed, n)))


# --- the size -------------------------------------------------------------------------------------


def test_a_size_goes_through_what_is_the_same_for_all() -> None:
    n = Batch(None)
    assert n + 0 is n
    assert n - n == 0
    assert repr((n * 12 // 4, n % 1, n * 4 % n)) == "(3*batch, 0, 0)"
    assert n.apart == {0}
    assert n * 2 != 7
    assert n.apart == {0}
    assert n * 2 != 8
    assert n != 3
    assert n.apart == {0, 3, 4}
    assert not n < 0
    assert n >= 0


@pytest.mark.parametrize(
    "ask",
    [
        lambda n: n // 2,
        lambda n: n % 3,
        lambda n: n + 1,
        lambda n: 1 - n,
        lambda n: n < 4,
        lambda n: n > 4,
        lambda n: range(n),
        lambda n: {n: 1},
        lambda n: f"{n}",
        lambda n: str(n),
        lambda n: float(n),
        lambda n: [1, 2, 3][:n],
        lambda n: np.zeros((n, 2)),
        lambda n: n**2,
        lambda n: n * n,
    ],
)
def test_a_size_says_no_number(ask: Callable[[Any], Any]) -> None:
    with pytest.raises(SizeNeeded, match="of the size of a batch"):
        ask(Batch(None))


def test_without_gradients_outside() -> None:
    def f(x: Tensor) -> Tensor:
        return x.mean(0)

    kernel = jit(f)
    with no_grad():
        for n in (2, 3, 4):
            agree(f, kernel, leaf(n, 2))


def test_a_call_that_is_refused_is_not_the_first_one() -> None:
    kernel = jit(lambda x: (x**3).sum())
    with pytest.raises(MicrogradError, match="no elements"):
        kernel(Tensor(np.ones(0)))
    for n in (3, 4):
        assert kernel(Tensor(np.ones(n))).item() == n
    assert kernel(Tensor(np.ones(0))).item() == 0.0
