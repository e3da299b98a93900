"""Functions of Tensors with settings, however they are given: compiled is what they are eagerly."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, grad, hessian, jacobian, jit, jvp, nn, ops
from micrograd.errors import ShapeError

SETTINGS: dict[str, tuple[list[Any], str]] = {
    "relu": ([True, False], "z.relu() if relu else z * 3.0"),
    "mode": (["plain", "negated"], "z if mode == 'plain' else -z"),
    "axis": ([0, 1, -1], "z - z.sum(axis, keepdims=True)"),
    "shape": ([(2, 3), (1, 6)], "z + z.reshape(*shape).sum()"),
    "weight": ([None, Tensor([0.5, 2.0, -1.0])], "z if weight is None else z * weight"),
    "times": ([1, 3], "z * float(sum(1 for _ in range(times)))"),
    "inner": ([abs, lambda z: z * z], "inner(z)"),
    "scale": ([2.0, 0.25], "z * scale"),
}
"""What a setting may be, and a line that depends on it."""


def function(names: list[str], n_by_place: int, defaults: dict[str, Any], bare: bool) -> Any:
    """A function of a Tensor and settings; of those behind `n_by_place` only the name will do."""
    parts = [f"{n}=defaults[{n!r}]" for n in names]
    by_place, by_name = parts[:n_by_place], parts[n_by_place:]
    first = "x" if bare else "x: Tensor"
    signature = ", ".join([first, *by_place, *(["*", *by_name] if by_name else [])])
    body = "".join(f"    z = {SETTINGS[n][1]}\n" for n in names)
    scope: dict[str, Any] = {"defaults": defaults, "Tensor": Tensor}
    exec(f"def f({signature}):\n    z = x * 1.5\n{body}    return (z * z).sum()", scope)
    return scope["f"]


@pytest.mark.parametrize("seed", range(40))
def test_settings_are_those_of_the_call(seed: int) -> None:
    rng = Random(seed)
    names = rng.sample(list(SETTINGS), rng.randint(1, 4))
    n_by_place = rng.randint(0, len(names))
    defaults = {n: rng.choice(SETTINGS[n][0]) for n in names}
    f = function(names, n_by_place, defaults, bare=rng.random() < 0.7)
    x = Tensor(np.random.default_rng(seed).normal(size=(2, 3)))
    kernel = jit(f)
    gradient = grad(f, wrt="x")
    for _ in range(4):
        chosen = {n: rng.choice(SETTINGS[n][0]) for n in names}
        k = rng.randint(0, n_by_place)
        args = [chosen[n] for n in names[:k]]
        kwargs = {n: chosen[n] for n in names[k:] if rng.random() < 0.6}
        leaf = Tensor(x.numpy(), requires_grad=True)
        loss = f(leaf, *args, **kwargs)
        loss.backward()
        np.testing.assert_allclose(kernel(x, *args, **kwargs).numpy(), loss.numpy(), rtol=2e-5)
        np.testing.assert_allclose(
            gradient(x, *args, **kwargs).numpy(), leaf.grad.numpy(), rtol=2e-5, atol=1e-5
        )


def test_settings_beside_lists_of_tensors() -> None:
    def f(xs, relu=True):  # type: ignore[no-untyped-def]
        return sum(x.relu() if relu else x for x in xs)

    x = Tensor([1.0, -2.0])
    kernel = jit(f)
    assert kernel([x, x]).numpy().tolist() == [2.0, 0.0]
    assert kernel([x, x], False).numpy().tolist() == [2.0, -4.0]
    assert kernel([x, x], relu=False).numpy().tolist() == [2.0, -4.0]


@pytest.mark.parametrize(
    "f",
    [nn.ReLU(), nn.Flatten(), nn.Dropout(0.5, rng=1).eval(), np.tanh, ops.exp, ops.maximum],
    ids=str,
)
def test_layers_without_parameters_and_ops_are_functions_of_tensors(f: Any) -> None:
    x = Tensor([[1.0, -2.0], [0.5, 3.0]])
    given = [x, x * x][: f.arity if isinstance(f, ops.Op) else 1]
    np.testing.assert_allclose(jit(f)(*given).numpy(), f(*given).numpy(), rtol=1e-6)


def power(given: Any) -> Any:
    x, n = given.values() if isinstance(given, dict) else given
    return (x**n).sum()


def chosen(given: Any) -> Any:
    x, index = given.values() if isinstance(given, dict) else given
    return (x[index] ** 3).sum()


INDEX = Tensor(np.array([0, 1, 1]))


@pytest.mark.parametrize("structure", [list, tuple, dict])
@pytest.mark.parametrize(("f", "other"), [(power, 3), (chosen, INDEX)])
def test_what_has_no_gradient_has_none_in_structures(f: Any, other: Any, structure: Any) -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)

    def made(x: Any, other: Any) -> Any:
        return {"x": x, "other": other} if structure is dict else structure([x, other])

    def parts(x: Any) -> list[Any]:
        assert type(x) is structure
        return list(x.values()) if structure is dict else list(x)

    f(made(x, other)).backward()
    given = made(x.detach(), other)
    for kernel in (grad(f), grad(f, wrt="given")):
        partial, nothing = parts(kernel(given))
        assert nothing is None
        np.testing.assert_allclose(partial.numpy(), x.grad.numpy(), rtol=1e-6)
    value, partials = jit(f).value_and_grad(given)
    assert parts(partials)[1] is None
    along = jvp(f)(given, made(Tensor([1.0, 10.0]), None))[1]
    np.testing.assert_allclose(along.item(), x.grad.numpy() @ [1.0, 10.0], rtol=1e-6)
    assert value.item() == f(given).item()


@pytest.mark.parametrize("derivative", [grad, hessian, jacobian])
def test_a_constant_result_has_derivatives_of_zeros(derivative: Any) -> None:
    x = Tensor([1.0, 2.0])
    for constant in (Tensor(2.0), Tensor([3.0]).sum()):
        found = derivative(lambda x, constant=constant: constant)(x)
        assert found.shape == ((2, 2) if derivative is hessian else (2,))
        assert not found.numpy().any()


def test_a_gradient_is_of_a_float() -> None:
    with pytest.raises(ShapeError, match=r"is of a float, and .* int64 .*: whole numbers and"):
        grad(lambda x: x.argmax())(Tensor([1.0, 2.0]))
