"""Kernels of Tensors in functions that are compiled, and in the graphs of eager Tensors: their
derivatives, to any order, are those of `gradients(..., create_graph=True)`.
"""

from __future__ import annotations

import functools
from random import Random
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, grad, hessian, jit, nn, tanh, value_and_grad, vmap
from micrograd.errors import GraphError, ShapeError, TraceError
from micrograd.tensor import gradients, no_grad

from .programs import draw
from .test_random_programs import loss_of

close: Any = functools.partial(np.testing.assert_allclose, rtol=1e-8, atol=1e-8)
RNG = np.random.default_rng(4)
A = Tensor(RNG.normal(size=(4, 3)), "f64")


def f(x: Tensor, y: Tensor) -> Tensor:
    return ((A @ x).tanh() * y * y).sum()


def leaf(*shape: int) -> Tensor:
    return Tensor(RNG.normal(size=shape), "f64", requires_grad=True)


def check(seed: int) -> None:
    """Of a random program: its gradient, used in another function, which has a gradient; and the
    same by the graph that calls of the kernel leave.
    """
    program = draw(seed)
    leaves = [Tensor(x, "f64", requires_grad=True) for x in program.leaves]
    scale = Random(seed).uniform(0.5, 1.5)

    def loss(*xs: Tensor) -> Any:
        return loss_of(program, program.run(xs, "tensor"))

    kernel = jit(loss, wrt=["xs"])

    def penalty(*xs: Tensor) -> Any:
        value, (partials,) = kernel.value_and_grad(*xs)
        return sum(((p * scale).tanh() * p).sum() for p in partials) + value * value

    def expected(*xs: Tensor) -> Any:
        value = loss(*xs)
        partials = gradients(value, xs, create_graph=True)
        return sum(((p * scale).tanh() * p).sum() for p in partials) + value * value

    outer = expected(*leaves)
    wanted = gradients(outer, leaves)
    if not all(np.isfinite(p.numpy()).all() for p in wanted):
        return  # what a side of `where` that is not taken does is said elsewhere
    value, (found,) = jit(penalty, wrt=["xs"]).value_and_grad(*leaves)
    close(value.item(), outer.item(), err_msg=str(program))
    by_graph = gradients(penalty(*leaves), leaves)
    for p, q, r in zip(found, by_graph, wanted, strict=True):
        close(p.numpy(), r.numpy(), rtol=1e-6, atol=1e-7, err_msg=str(program))
        close(q.numpy(), r.numpy(), rtol=1e-6, atol=1e-7, err_msg=str(program))


@pytest.mark.parametrize("seed", range(70000, 70008))
def test_random_programs(seed: int) -> None:
    check(seed)


def test_derivatives_of_derivatives() -> None:
    x, y = leaf(3), leaf(4)
    kernel = jit(f)
    second = kernel.hessian(x, y)[0]
    found = kernel.grad.jacobian(x, y)[0]
    for a, b in zip(found, second, strict=True):
        close(a.numpy(), b.numpy())
    cubic = jit(lambda x: (x**3).sum())
    slopes = grad(lambda x: grad(lambda x: grad(cubic)(x).sum())(x).sum())
    assert slopes(Tensor([2.0, 3.0])).tolist() == [6.0, 6.0]
    assert cubic.hessian(Tensor([2.0, 3.0])).tolist() == [[12.0, 0.0], [0.0, 18.0]]
    by_direction = kernel.jvp.jacobian(x, y, x, y)[1][2][0]  # of the tangent, by that of x
    close(by_direction.numpy(), kernel.grad(x, y)[0].numpy())
    third = hessian(lambda x: kernel.hvp(x, y.detach(), x, y.detach())[0].sum())(x)
    assert third.shape == (3, 3)


def test_calls_are_remembered_where_a_gradient_is_asked_for() -> None:
    x, y = leaf(3), leaf(4)
    kernel = jit(f)
    (kernel(x, y) * 2.0).backward()
    eager = gradients(f(x, y) * 2.0, [x, y])
    close(x.grad.numpy(), eager[0].numpy())
    close(y.grad.numpy(), eager[1].numpy())
    (slope,) = gradients(kernel(x, y), [x], create_graph=True)
    (second,) = gradients(slope.sum(), [x])
    close(second.numpy(), kernel.hessian(x, y)[0][0].numpy().sum(0))
    (third,) = gradients(kernel.grad(x, y)[0].sum(), [x])
    close(third.numpy(), second.numpy())
    with no_grad():
        assert not kernel(x, y).requires_grad
    assert not kernel(x.detach(), y.detach()).requires_grad
    result = kernel(x, y)
    x.data = x * 2.0
    with pytest.raises(GraphError, match="needs the numbers of a Tensor of shape"):
        result.backward()


def test_a_compiled_model_trains_as_the_model_does() -> None:
    model = nn.Sequential(nn.Linear(3, 5, rng=0), nn.Tanh(), nn.Linear(5, 2, rng=1))
    kernel = jit(model)
    for n in (4, 2, 6):
        x = Tensor(RNG.normal(size=(n, 3)))
        for function in (kernel, model):
            for p in model.parameters():
                p.zero_grad()
            (function(x) ** 2).mean().backward()
            partials = [p.grad.numpy() for p in model.parameters()]
            if function is kernel:
                ours = partials
        for p, q in zip(ours, partials, strict=True):
            np.testing.assert_allclose(p, q, rtol=1e-5, atol=1e-6)
    assert not jit(lambda x: model(x).argmax(1))(x).requires_grad
    assert not kernel.jacobian(x)[0].requires_grad  # of parameters: only an argument asks for it
    by_class = jit(lambda x: (model(x).argmax(1) == 0).mean())
    assert not by_class(x).requires_grad


def test_only_what_a_derivative_flows_through_requires_a_gradient() -> None:
    x, y = leaf(3), leaf(3)
    first, second = jit(lambda x, y: (x * 2.0, y.detach() + x.detach()))(x, y.detach())
    assert (first.requires_grad, second.requires_grad) == (True, False)
    first.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]
    assert y.grad is None


def test_functions_close_over_what_is_traced_around_them() -> None:
    x, y = leaf(3), leaf(4)

    def outer(x: Tensor, y: Tensor) -> Tensor:
        return grad(lambda z: (z * x).sum() ** 2 + (y * y).sum() * z[0])(x * 2.0).sum()

    def by_hand(x: Tensor, y: Tensor) -> Tensor:
        return (x * 2.0 * (x * 2.0 * x).sum()).sum() + (y * y).sum()

    close(jit(outer)(x, y).item(), by_hand(x, y).item())
    for p, q in zip(jit(outer).grad(x, y), gradients(by_hand(x, y), [x, y]), strict=True):
        close(p.numpy(), q.numpy())
    escaped: list[Any] = []
    jit(lambda x: escaped.append(x) or x.sum())(x)
    with pytest.raises(TraceError, match="belongs to another function"):
        jit(lambda z: (z * escaped[0]).sum())(x)


def test_parameters_and_constants_of_nested_functions_are_live() -> None:
    w, c = leaf(3), Tensor([1.0, 2.0, 3.0], "f64")
    inner = jit(lambda x: ((w * x * c) ** 2).sum(), wrt=w)

    def outer(x: Tensor) -> Tensor:
        return inner.grad(x).sum() + inner(x)

    def expected(x: Tensor) -> float:
        return float((2 * w * (x * c) ** 2).sum().item() + ((w * x * c) ** 2).sum().item())

    kernel, x = jit(outer, wrt=w), Tensor([1.0, -1.0, 2.0], "f64")
    close(kernel(x).item(), expected(x))
    w.data = w * 3.0
    close(kernel(x).item(), expected(x))
    c.data = [0.5, 0.5, 0.5]
    close(kernel(x).item(), expected(x))
    close(kernel.grad(x).numpy(), (2 * (x * c) ** 2 + 2 * w * (x * c) ** 2).numpy())
    assert kernel.grad(x).shape == (3,)


def test_batches_of_any_size() -> None:
    w = leaf(3, 2)
    kernel = jit(lambda x: ((x @ w).tanh() ** 2).mean())

    def loss(x: Tensor) -> Tensor:
        partial = kernel.grad(x)
        return (partial**2).sum() / x.shape[0]

    outer = jit(loss, wrt=w)
    for n in (3, 5, 1, 4):
        x = Tensor(RNG.normal(size=(n, 3)), "f64", requires_grad=True)
        (slope,) = gradients(((x @ w).tanh() ** 2).mean(), [x], create_graph=True)
        expected = (slope**2).sum() / n
        value, partial = outer.value_and_grad(x.detach())
        close(value.item(), expected.item())
        close(partial.numpy(), gradients(expected, [w])[0].numpy())
        (again,) = gradients(kernel(x), [w])  # what calls of any size remember
        close(again.numpy(), gradients(((x @ w).tanh() ** 2).mean(), [w])[0].numpy())
    assert len({id(made.code) for made in outer.value_and_grad._compiled.values()}) == 2


def test_gathers_in_derivatives() -> None:
    table = leaf(5, 2)

    def loss(table: Tensor, ids: Tensor) -> Tensor:
        return ((table[ids] ** 2).sum(1) * table[0, 0]).sum()

    ids = Tensor(np.array([1, -1, 1]))

    def outer(table: Tensor, ids: Tensor) -> Tensor:
        return (grad(loss, wrt="table")(table, ids) ** 3).sum()

    (slope,) = gradients(loss(table, ids), [table], create_graph=True)
    expected = (slope**3).sum()
    value, partial = value_and_grad(outer, wrt="table")(table, ids)
    close(value.item(), expected.item())
    close(partial.numpy(), gradients(expected, [table])[0].numpy())
    rows = Tensor(np.array([[0, 1], [2, 2]]))
    close(
        vmap(lambda i: grad(loss, wrt="table")(table, i))(rows).numpy()[1],
        grad(loss, wrt="table")(table, rows[1]).numpy(),
    )
    with pytest.raises(TraceError, match="indices that are a transposition or a slice"):
        jit(lambda t, i: grad(loss, wrt="table")(t, i[:, 0]).sum(), dtype="f64")(table, rows)


def test_functions_of_ops_and_errors() -> None:
    x = leaf(3)
    close(grad(lambda x: grad(lambda x: tanh(x).sum())(x).sum())(x).numpy(),
          (-2 * x.tanh() * (1 - x.tanh() ** 2)).numpy())  # fmt: skip
    with pytest.raises(ShapeError, match=r"gradient is of one number, and f.grad.grad returns"):
        jit(f, wrt="x").grad.grad(x, leaf(4))
    with pytest.raises(ShapeError, match=r"a tangent of shape \(4,\); it should be \(3,\)"):
        jit(lambda x, d: jit(lambda x: x * x).jvp(x, d)[1])(x, leaf(4))
