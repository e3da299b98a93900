"""Functions of numbers that compute with Tensors, compiled: what they are on Values, eagerly. For
longer: `python -m tests.tensor.test_of_numbers SECONDS SEED`.
"""

from __future__ import annotations

import sys
import time
from operator import add, mul
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, Value, grad, hessian, jit, sin, tanh, vmap
from micrograd.errors import SignatureError, TensorsNeeded, TraceError
from micrograd.optim import SGD
from micrograd.train import fit


class Program:
    """A random function of two numbers and a list of them, with Tensors and Values around it."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = np.random.default_rng(seed)
        self.dtype = ("f64", "f32")[seed % 3 == 0]
        self.tensors = [
            Tensor(rng.normal(size=n), self.dtype, requires_grad=bool(rng.integers(2)))
            for n in (3, 4)
        ]
        self.matrix = Tensor(rng.normal(size=(4, 3)), self.dtype)
        self.value = Value(float(rng.normal()))
        self.choices = rng.integers(0, 1_000_000, 40).tolist()

    def __call__(self, x: Any, y: Any, many: Any, *, scale: Any = 1.5) -> Any:
        choices = iter(self.choices)

        def one_of(things: Any) -> Any:
            return things[next(choices) % len(things)]

        numbers = [x, y, *many, self.value, 0.5]
        for _ in range(3):
            a, b = one_of(numbers), one_of(numbers)
            numbers.append(one_of([mul, add, lambda a, b: sin(a * 1.0)])(a, b))
        made = Tensor.of_values([one_of(numbers) * x for _ in range(3)], self.dtype)
        t = one_of([made, self.tensors[0] * one_of(numbers), made + self.tensors[0] * y])
        t = one_of([lambda: self.matrix @ t, lambda: t[::-1], lambda: t.tanh() * x])()
        if t.size == 4:
            t = t * self.tensors[1] + one_of(numbers)
        if one_of([True, False]):
            t = t * sum(self.tensors[0].values()[:2])
        if one_of([True, False]):
            t = t * tanh(self.value * y)
        return (t * t).mean() * scale

    def arguments(self) -> list[Any]:
        return [*self.rng.normal(size=2).tolist(), self.rng.normal(size=2).tolist()]


def gradients(f: Any, arguments: list[Any], leaves: list[Any]) -> list[Any]:
    """The result, and the partials by arguments and by what is closed over, eagerly."""
    for leaf in leaves:
        leaf.grad = 0 if isinstance(leaf, Value) else None
    x, y, many = Value(arguments[0]), Value(arguments[1]), list(map(Value, arguments[2]))
    out = f(x, y, many)
    out.backward()
    found = [v.grad for v in (x, y, *many)]
    return [out.item(), *found, *(0.0 if v.grad is None else v.grad for v in leaves)]


def check(seed: int) -> None:
    program = Program(seed)
    leaves = [program.value, *(t for t in program.tensors if t.requires_grad)]
    kernel, partials = jit(program.__call__), jit(program.__call__).grad
    near: Any = {"rtol": 1e-9, "atol": 1e-11}
    if program.dtype == "f32":
        near = {"rtol": 2e-3, "atol": 2e-4}
    for again in range(2):
        given = program.arguments()
        expected = gradients(program, given, leaves)
        np.testing.assert_allclose(kernel(*given).item(), expected[0], **near, err_msg=str(seed))
        for found in (partials(*given), kernel.value_and_grad(*given)[1]):
            x, y, many = found
            got = [x.item(), y.item(), *(v.item() for v in many)]
            np.testing.assert_allclose(got, expected[1:5], **near, err_msg=f"{seed}, {again}")
        for f in (kernel,):  # on Values it is a function of them, with their gradients
            got = gradients(f, given, leaves)
            for a, b in zip(got, expected, strict=True):
                a, b = (v.numpy() if isinstance(v, Tensor) else v for v in (a, b))
                np.testing.assert_allclose(a, b, **near, err_msg=f"{seed}, {again}")
        program.value.data = program.value.data * 0.5 + 0.1
        for t in program.tensors:
            t.data = t.data * 0.7 - 0.2


@pytest.mark.parametrize("seed", range(15))
def test_random_functions(seed: int) -> None:
    check(seed)


W = Tensor([1.0, 2.0, 3.0])


def weighted(x: Any, power: int = 1, *, scale: float = 1.0, mode: str = "plain") -> Any:
    y = x * scale * (1.0 if mode == "plain" else -1.0)
    return (W * y**power).sum()


def test_numbers_are_arguments_and_settings_stay() -> None:
    f = jit(weighted)
    assert f(2).item() == 12.0
    assert f(2, 2).item() == f(2.0, power=2).item() == 24.0
    assert f(2, scale=3, mode="other").item() == -36.0
    partials = f.grad(2, 2)
    assert partials[0].item() == 24.0
    assert len(partials) == 2  # what is given by name is not among them
    assert grad(weighted, wrt="scale")(2, 1, scale=3.0).item() == 12.0
    assert hessian(lambda x: (W * x * x).sum())(2.0).item() == 12.0
    value, tangent = jit(lambda x, y: (W * x * y).sum()).jvp(2, 3, 1, 10)
    assert (value.item(), tangent.item()) == (36.0, 138.0)
    value, tangent = jit(lambda x, y, *, z=1.0: (W * x * y * z).sum()).jvp(2, 3, 1, 10)
    assert (value.item(), tangent.item()) == (36.0, 138.0)


def test_arrays_are_taken_whole_and_mapped_by_vmap() -> None:
    assert jit(lambda x: (W * x).sum())(np.arange(3)).item() == 8.0
    assert jit(lambda x: x @ W)([1, 2, 0] @ np.eye(3)).item() == 5.0
    for f in (lambda x: (W * x * x).sum(), jit(lambda x: (W * x * x).sum())):
        assert vmap(f)(np.arange(3)).tolist() == [0.0, 6.0, 24.0]
        assert vmap(grad(f))(np.arange(3)).tolist() == [0.0, 12.0, 24.0]


def test_a_tensor_that_is_closed_over_is_a_result() -> None:
    p = Tensor([1.0, 2.0], requires_grad=True)
    f = jit(lambda: p * 2.0)
    assert f().tolist() == [2.0, 4.0]
    p.data = [5.0, 6.0]
    assert f().tolist() == [10.0, 12.0]
    assert jit(lambda: (p * p).sum(), wrt=p).grad().tolist() == [10.0, 12.0]


def test_numbers_of_parameters_are_not_constants() -> None:
    p, q = Tensor([1.0, 2.0], requires_grad=True), Value(3.0)
    reads: list[Any] = [
        lambda x: x * p.sum().item(),
        lambda x: x * p.tolist()[1],
        lambda x: x * (1.0 if p[0] > 0 else 2.0),
        lambda x: sum(x * v for v in p.values()),
    ]
    for f in reads:
        p.data = [1.0, 2.0]
        kernel = jit(f)
        kernel(2.0)
        p.data = [-3.0, 4.0]
        assert float(kernel(2.0).item()) == float(getattr(f(2.0), "data", f(2.0)))
    scalar = jit(lambda z: z * q)
    assert scalar(1.0) == 3.0

    def by_data(x: Tensor) -> Tensor:
        return x * q.data + scalar(2.0)

    kernel = jit(by_data)
    assert kernel(Tensor([1.0])).tolist() == [9.0]
    q.data = 4.0
    assert kernel(Tensor([1.0])).tolist() == [12.0]
    assert jit(by_data, wrt=q).grad(Tensor([1.0])).item() == 2.0  # none flows through data


@pytest.mark.parametrize("needs", [False, True])
@pytest.mark.parametrize(
    "read",
    [
        lambda w: w.sum().item(),
        lambda w: w.numpy()[0],
        lambda w: (w * 2.0).sum(),
        lambda w: w.detach().sum(),
        lambda w: 1.0 if w[0] > 0 else 2.0,
        lambda w: w.argmax().item(),
        lambda w: w[1],
        lambda w: (w @ w).exp(),
    ],
)
def test_what_is_computed_of_constants_follows_them(needs: bool, read: Any) -> None:
    w = Tensor([1.0, 0.5], requires_grad=needs)
    x = Tensor([1.0, 2.0])
    kernel = jit(lambda x: (x * read(w)).sum())
    for numbers in ([1.0, 0.5], [-3.0, 4.0], [0.25, 0.5]):
        w.data = numbers
        expected = (x * read(w)).sum().item()
        assert kernel(x).item() == pytest.approx(expected, rel=1e-6)


def test_values_say_what_they_depend_on() -> None:
    p = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TensorsNeeded, match="value depends on elements of Tensors"):
        jit(sum(p.values()))()
    with pytest.raises(SignatureError, match="with respect to what"):
        jit(lambda: (p * 2.0).sum()).grad()
    w = Value(1.0)
    with pytest.raises(TraceError, match=r"a number of a function .* becomes an element"):
        fit(lambda x: Tensor.of_values([w * x]).sum(), SGD([w]), data=np.ones(3), epochs=1)


if __name__ == "__main__":
    end, first, tried = time.time() + float(sys.argv[1]), int(sys.argv[2]), 0
    while time.time() < end:
        check(first + tried)
        tried += 1
    print(f"{tried} functions")
