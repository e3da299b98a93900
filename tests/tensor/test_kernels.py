"""What kernels of Tensors have as kernels of numbers have it: they explain themselves, check
themselves, and are copied and pickled.
"""

from __future__ import annotations

import copy
import functools
import pickle
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, grad, jit, nn, vmap
from micrograd.errors import CheckError, PickleError, SignatureError
from micrograd.jit.tensors.passing import Passing

from .programs import draw
from .test_random_programs import loss_of

RNG = np.random.default_rng(6)
W = Tensor(RNG.normal(size=(64, 64)), requires_grad=True, label="W")
MODEL = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1))
POINTS = Tensor(RNG.normal(size=(5, 3)))


@jit
def energy(x: Tensor, power: int = 2) -> Tensor:
    """The sum of powers."""
    return (x**power).sum()


def plain(x: Tensor) -> Tensor:
    return (x * 3.0).tanh()


def scaled(x: Tensor, by: float) -> Tensor:
    return (x * by).sum()


# --- explain --------------------------------------------------------------------------------------


def test_explain_says_what_became_of_the_primitives() -> None:
    def loss(x: Tensor) -> Tensor:
        return ((x @ W).relu() @ W).tanh().sum()

    kernel = jit(loss, wrt=W)
    with pytest.raises(SignatureError, match="has not been called yet"):
        kernel.explain()
    kernel.value_and_grad(Tensor(RNG.normal(size=(32, 64))))
    text = kernel.value_and_grad.explain()
    assert text.startswith("5 primitives became 8 statements forward, ")
    assert "with the gradient of 4,096 numbers." in text
    assert "t0[32, 64] += x . W over 64  matrix product, 131,072 products" in text
    assert "products of matrices:\n  32 x 64 x 64: tiles of" in text
    assert "# test_kernels.py:" in text
    for n in (3, 4):
        kernel(Tensor(RNG.normal(size=(n, 64))))
    assert "samples: any number, up to 1,024 in a call" in kernel.explain()


def test_a_kernel_that_was_called_with_tensors_shows_their_code() -> None:
    kernel = jit(lambda x: x.exp() * 2.0)
    kernel(Tensor([1.0, 2.0]))
    assert kernel.explain().startswith("2 primitives became 1 statement.")
    assert kernel.stages()["program"].endswith("out[i] = mul(exp(x[i]), 2.0)  for i < 2")
    with pytest.raises(KeyError, match="'graph' is no stage; there are program"):
        kernel.stages()["graph"]


# --- calls ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reads", [True, False])
def test_arrays_of_any_layout_and_dtype_are_passed(
    reads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not reads:  # where Python's objects are not as expected
        monkeypatch.setattr(import_module("micrograd.jit.tensors.code"), "usable", lambda: False)

    def f(x: Tensor, y: Tensor, z: Tensor) -> Any:
        return x * 2.0 + y, (x * z).sum(), z + 1.0

    base = RNG.normal(size=(6, 8))
    layouts: list[Any] = [
        lambda t: t[:3, :4], lambda t: t.T[:3, :4], lambda t: t[::-2, ::2], lambda t: t[1:4, 4:],
        lambda t: t[:3, :4].astype("f32"), lambda t: t[:1, :4].broadcast_to((3, 4)),
        lambda t: t[:3, :4] > 0, lambda t: Tensor(np.arange(12).reshape(3, 4)),
    ]  # fmt: skip
    kernel, whole = jit(f), Tensor(base, "f64")
    for k, first in enumerate(layouts[:4]):
        for second in layouts[k:]:
            for third in layouts[::-1]:
                args = first(whole), second(whole), third(whole)
                for _ in range(2):  # the second one by its shapes and dtypes alone
                    for found, expected in zip(kernel(*args), f(*args), strict=True):
                        assert found.dtype == expected.dtype or third is layouts[-1]
                        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12)
    means = jit(lambda x: x.sum(0) / x.shape[0])
    for n in (3, 5, 1):  # the number of samples is passed, too
        x = Tensor(RNG.normal(size=(n, 2)), "f64")
        np.testing.assert_allclose(means(x).numpy(), x.numpy().mean(0), rtol=1e-12)


# --- check ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(90000, 90006))
def test_checked_kernels_agree_with_the_interpreter(seed: int) -> None:
    program = draw(seed)
    leaves = [Tensor(x, "f64") for x in program.leaves]

    def loss(*xs: Tensor) -> Any:
        return loss_of(program, program.run(xs, "tensor"))

    kernel = jit(loss, wrt=["xs"], check=True, strict=bool(seed % 2))
    kernel.value_and_grad(*leaves)
    kernel.hvp(*leaves, [leaves])
    compared = kernel.value_and_grad._latest.code.checker._checker
    assert compared.compares
    assert compared._calls == {"main": 1}


def test_batches_are_checked() -> None:
    kernel = jit(lambda x, i: (x.softmax(1) * x[:, :1])[:, i].T, check=True)
    for n in (3, 5, 4):
        x, i = Tensor(RNG.normal(size=(n, 4))), Tensor(np.array([0, -1]))
        value = kernel(x, i)
        np.testing.assert_allclose(kernel.vjp(x, i, value)[0].numpy(), value.numpy(), rtol=1e-6)


def test_a_wrong_number_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Passing.__call__

    def wrong(self: Passing, *args: Any) -> Any:
        passed = run(self, *args)
        passed[-1][...] += 1.0  # the last is what it has written
        return passed

    monkeypatch.setattr(Passing, "__call__", wrong)
    with pytest.raises(CheckError, match=r"plain: compiled code gives .* as out\[0\], the inter"):
        jit(plain, check=True)(POINTS)
    kernel = jit(lambda x: plain(x).sum(), check=True)
    with pytest.raises(CheckError, match="grad: compiled code gives"):
        kernel.grad(POINTS)
    jit(plain)(POINTS)  # checks nothing
    monkeypatch.setenv("MICROGRAD_CHECK", "1")
    with pytest.raises(CheckError):
        jit(plain)(POINTS)


# --- copies ---------------------------------------------------------------------------------------

COPIES = [copy.copy, copy.deepcopy, lambda kernel: pickle.loads(pickle.dumps(kernel))]
every = pytest.mark.parametrize("copied", COPIES, ids=["copy", "deepcopy", "pickle"])


@every
@pytest.mark.parametrize("name", ["", "grad", "jacobian", "vjp"])
def test_kernels_of_functions_are_copied(copied: Any, name: str) -> None:
    kernel = jit(energy.function, strict=True)
    kernel = getattr(kernel, name) if name else kernel
    args = [POINTS, Tensor(2.0)] if name == "vjp" else [POINTS]
    expected = kernel(*args)
    made = copied(kernel)
    assert made is not kernel
    assert repr(made) == repr(kernel)
    found = made(*args)
    pairs = zip(found, expected, strict=True) if name == "vjp" else [(found, expected)]
    for x, y in pairs:
        assert x.tolist() == y.tolist()
    assert made._options == kernel._options


@every
def test_kernels_of_models_are_copied_with_what_they_are_differentiated_by(copied: Any) -> None:
    kernel = jit(MODEL)
    expected = kernel(POINTS).tolist()
    made = copied(kernel)
    assert made(POINTS).tolist() == expected
    parameters = made.function.parameters()
    assert all(w is p for w, p in zip(made._wrt, parameters, strict=True))
    shared = parameters[0] is MODEL.parameters()[0]
    assert shared == (copied is copy.copy)
    if not shared:
        parameters[0].data = parameters[0] * 0.0
        assert kernel(POINTS).tolist() == expected != made(POINTS).tolist()


@every
def test_decorated_kernels_go_by_name_and_derivatives_of_derivatives(copied: Any) -> None:
    made = copied(energy)
    assert (made is energy) == (copied is COPIES[2])
    assert made(POINTS, power=3).item() == energy(POINTS, power=3).item()
    assert made.__doc__ == "The sum of powers."
    second = copied(grad(energy).jacobian)
    assert second(POINTS).shape == (5, 3, 5, 3)
    mapped = copied(vmap(plain))
    assert mapped(POINTS).tolist() == vmap(plain)(POINTS).tolist()


def test_what_no_other_process_can_import_is_refused() -> None:
    with pytest.raises(PickleError, match="no other process can import that function"):
        pickle.dumps(jit(lambda x: x * W, wrt=W))
    with pytest.raises(PickleError, match="reads leaves of its own, and not Tensor"):
        pickle.dumps(jit(plain, wrt=[W]))
    partial = jit(functools.partial(scaled, by=3.0), wrt="x")
    made = pickle.loads(pickle.dumps(partial))
    assert made.grad(POINTS).tolist() == partial.grad(POINTS).tolist()


# --- methods ----------------------------------------------------------------------------------


class Scaled:
    """Something with compiled methods."""

    def __init__(self, weights: list[float]) -> None:
        self.weights = Tensor(weights, requires_grad=True)

    @jit
    def typed(self, x: Tensor) -> Tensor:
        """By its annotation."""
        return (x * self.weights).sum()

    @jit
    def called(self, x: Any) -> Any:
        """By its calls."""
        return (x * self.weights).sum()

    @grad
    def slope(self, x: Tensor) -> Tensor:
        """A derivative."""
        return (x * self.weights * x).sum()


def test_methods_of_tensors_bind() -> None:
    a, b, x = Scaled([1.0, 2.0]), Scaled([3.0, 4.0]), Tensor([1.0, 1.0])
    assert (a.typed(x).item(), b.typed(x).item(), a.called(x).item()) == (3.0, 7.0, 3.0)
    assert Scaled.typed(b, x).item() == 7.0
    assert a.typed is a.typed is not b.typed
    assert a.typed.__doc__ == "By its annotation."
    assert a.typed.grad(x).tolist() == [1.0, 2.0]
    assert b.slope(x).tolist() == [6.0, 8.0]
    a.weights.data = [5.0, 5.0]
    assert (a.typed(x).item(), a.called(x).item()) == (10.0, 10.0)


def test_copies_of_an_instance_have_methods_of_tensors_of_their_own() -> None:
    a, x = Scaled([1.0, 2.0]), Tensor([1.0, 1.0])
    a.typed(x)
    other = copy.deepcopy(a)
    other.weights.data = [0.0, 1.0]
    assert (a.typed(x).item(), other.typed(x).item()) == (3.0, 1.0)


def test_methods_need_room_for_their_kernels() -> None:
    class Small:
        __slots__ = ()

        @jit
        def total(self, x: Tensor) -> Tensor:
            return x.sum()

    with pytest.raises(SignatureError, match='put "__dict__" into __slots__'):
        Small().total(Tensor([1.0]))


def test_gradients_of_several_parameters_are_a_tuple() -> None:
    """Also where indices are among them, which have none."""

    def picked(x: Tensor, index: Tensor) -> Tensor:
        return x[index].sum()

    x, index = Tensor([1.0, 2.0]), Tensor(np.array([1, 1]))
    for partials in (grad(picked)(x, index), jit(picked).value_and_grad(x, index)[1]):
        assert [p.tolist() for p in partials] == [[0.0, 2.0]]
    assert grad(picked, wrt="x")(x, index).tolist() == [0.0, 2.0]
    assert grad(energy)(x, power=2).tolist() == [2.0, 4.0]  # a setting is none of them


def test_code_that_would_not_get_its_memory_is_a_python_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("micrograd.memory.available", lambda: 2**20)
    monkeypatch.setattr("micrograd.memory.MANY", 2**18)

    @jit
    def product(x: Tensor) -> Tensor:
        y = (x @ x).tanh()
        return (y @ y).sum()

    with pytest.raises(MemoryError, match=r"the compiled code takes .* MiB for what it computes"):
        product(Tensor(np.ones((1000, 1000))))
