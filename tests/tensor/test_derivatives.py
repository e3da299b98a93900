"""Derivatives of compiled functions of Tensors, on random programs: as gradients of gradients of
eager Tensors have them, and as PyTorch.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, hessian, hvp, jacobian, jit, jvp, vjp
from micrograd.errors import ShapeError, SignatureError
from micrograd.tensor import concat, gradients, one_hot

from .programs import Program, draw
from .test_random_programs import loss_of

close: Any = functools.partial(np.testing.assert_allclose, rtol=1e-8, atol=1e-8)
RNG = np.random.default_rng(3)


def function_of(program: Program, kind: str = "tensor") -> Any:
    """All results that nothing uses, as a function of the leaves."""

    def f(*xs: Tensor) -> list[Any]:
        made = program.run(xs, kind)
        return [made[k] for k in program.unused()]

    return f


def eager_jacobian(out: Any, leaf: Any) -> Any:
    """Row by row."""
    rows = []
    for k in range(out.size):
        row = one_hot(k, out.size).astype("f64").reshape(out.shape)
        (found,) = gradients(out, [leaf], row) if out.requires_grad else (leaf.detach() * 0.0,)
        rows.append(found.numpy())
    return np.reshape(rows, (*out.shape, *leaf.shape))


def check_jacobian(seed: int) -> None:
    """Of a random program: the Jacobian row by row, and products with it from either side."""
    program = draw(seed)
    f = function_of(program)
    leaves = [Tensor(x, dtype="f64", requires_grad=True) for x in program.leaves]
    kernel = jit(f, strict=bool(seed % 2), wrt=["xs"])
    directions = [Tensor(RNG.normal(size=x.shape), "f64") for x in leaves]
    expected = f(*leaves)
    found = kernel.jacobian(*leaves)
    values, tangents = kernel.jvp(*leaves, [directions])
    for y, (row,), value, tangent in zip(expected, found, values, tangents, strict=True):
        close(value.numpy(), y.numpy(), err_msg=str(program))
        along = np.zeros(y.shape)
        for x, d, block in zip(leaves, directions, row, strict=True):
            assert block.shape == (*y.shape, *x.shape)
            close(block.numpy(), eager_jacobian(y, x), err_msg=str(program))
            along = along + np.tensordot(block.numpy(), d.numpy(), x.ndim)
        close(tangent.numpy(), along, err_msg=str(program))
    cotangents = [Tensor(RNG.normal(size=y.shape), "f64") for y in expected]
    values, (partials,) = kernel.vjp(*leaves, cotangents)
    for k, x in enumerate(leaves):
        total = sum(
            np.tensordot(c.numpy(), row[0][k].numpy(), c.ndim)
            for c, row in zip(cotangents, found, strict=True)
        )
        close(partials[k].numpy(), np.reshape(total, x.shape), err_msg=str(program))


def check_hessian(seed: int) -> None:
    """Of a random program: the Hessian, and its product with a direction."""
    program = draw(seed)
    leaves = [Tensor(x, dtype="f64", requires_grad=True) for x in program.leaves]

    def loss(*xs: Tensor) -> Any:
        return loss_of(program, program.run(xs, "tensor"))

    kernel = jit(loss, wrt=["xs"])
    (blocks,) = kernel.hessian(*leaves)
    firsts = gradients(loss(*leaves), leaves, create_graph=True)
    directions = [Tensor(RNG.normal(size=x.shape), "f64") for x in leaves]
    (products,) = kernel.hvp(*leaves, [directions])
    for x, first, (row,), product in zip(leaves, firsts, blocks, products, strict=True):
        along = np.zeros(x.shape)
        for y, d, found in zip(leaves, directions, row, strict=True):
            expected = eager_jacobian(first, y)
            known = ~np.isnan(expected)  # reverse mode goes on through what was not chosen
            close(found.numpy()[known], expected[known], err_msg=str(program))
            along = along + np.tensordot(found.numpy(), d.numpy(), y.ndim)
        close(product.numpy(), along, err_msg=str(program))


@pytest.mark.parametrize("seed", range(30000, 30006))
def test_random_programs_have_their_jacobians(seed: int) -> None:
    check_jacobian(seed)


@pytest.mark.parametrize("seed", range(31000, 31005))
def test_random_programs_have_their_hessians(seed: int) -> None:
    check_hessian(seed)


@pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
)  # by jacrev
@pytest.mark.parametrize("seed", range(32000, 32005))
def test_random_programs_are_as_pytorch(seed: int) -> None:
    torch = pytest.importorskip("torch")
    program = draw(seed)
    leaves = [Tensor(x, dtype="f64") for x in program.leaves]
    theirs = tuple(torch.tensor(x) for x in program.leaves)
    found = jit(function_of(program), wrt=["xs"]).jacobian(*leaves)
    places = tuple(range(len(leaves)))
    by_torch = function_of(program, "torch")
    expected = torch.func.jacrev(by_torch, argnums=places)(*theirs)
    for (row,), theirs_ in zip(found, expected, strict=True):
        for x, y in zip(row, theirs_, strict=True):
            close(x.numpy(), y.numpy(force=True), err_msg=str(program))

    def total(*xs: Tensor) -> Any:
        return loss_of(program, program.run(xs, "tensor"))

    def torch_total(*xs: Any) -> Any:
        return loss_of(program, program.run(xs, "torch"), torch.tensor)

    (blocks,) = jit(total, wrt=["xs"]).hessian(*leaves)
    second = torch.func.hessian(torch_total, argnums=places)(*theirs)
    for (row,), theirs_ in zip(blocks, second, strict=True):
        for x, y in zip(row, theirs_, strict=True):
            known = ~np.isnan(y.numpy(force=True))
            close(x.numpy()[known], y.numpy(force=True)[known], err_msg=str(program))


A = Tensor(RNG.normal(size=(4, 3)), "f64")
X, Y = Tensor([0.1, -0.2, 0.3], "f64"), Tensor([1.0, 2.0, 3.0, 4.0], "f64")


def layer(x: Tensor) -> Tensor:
    return (A @ x).tanh()


def energy(x: Tensor, y: Tensor) -> Tensor:
    return (layer(x) * y * y).sum()


def test_shapes_are_those_of_results_and_of_arguments() -> None:
    assert jacobian(layer)(X).shape == (4, 3)
    assert [b.shape for b in jacobian(energy)(X, Y)] == [(3,), (4,)]
    blocks = hessian(energy)(X, Y)
    assert [[b.shape for b in row] for row in blocks] == [[(3, 3), (3, 4)], [(4, 3), (4, 4)]]
    np.testing.assert_array_equal(blocks[0][1].numpy(), blocks[1][0].numpy().T)
    assert jit(energy, wrt="y").hessian(X, Y).shape == (4, 4)
    assert jit(energy, wrt=["y"]).jacobian(X, Y)[0].shape == (4,)
    value, tangent = jvp(layer)(X, X)
    assert value.shape == tangent.shape == (4,)
    close(tangent.numpy(), jacobian(layer)(X).numpy() @ X.numpy())
    assert [p.shape for p in hvp(energy)(X, Y, X, Y)] == [(3,), (4,)]
    value, partial = vjp(layer)(X, Y.numpy())
    assert partial.dtype == np.float64
    close(partial.numpy(), Y.numpy() @ jacobian(layer)(X).numpy())


def test_results_and_arguments_have_structure() -> None:
    def f(layers: dict[str, Tensor], x: Tensor) -> Any:
        return {"all": layers["w"] * x, "some": [x[1:], layers["w"].sum()]}

    layers = {"w": Tensor([2.0, 3.0, 4.0], "f64"), "unused": Tensor([[1.0]], "f64")}
    found = jacobian(f)(layers, X)
    by_layers, by_x = found["all"]
    close(by_layers["w"].numpy(), np.diag(X.numpy()))
    close(by_layers["unused"].numpy(), np.zeros((3, 1, 1)))
    close(by_x.numpy(), np.diag([2.0, 3.0, 4.0]))
    assert [t[1].shape for t in found["some"]] == [(2, 3), (3,)]
    values, tangents = jvp(f)(layers, X, layers, X)
    close(tangents["all"].numpy(), 2 * values["all"].numpy())
    _, (by_layers, by_x) = vjp(f)(layers, X, {"all": X, "some": [X[1:], Tensor(2.0, "f64")]})
    close(by_layers["w"].numpy(), X.numpy() ** 2 + 2.0)


def test_leaves_are_differentiated_by() -> None:
    w = Tensor([[1.0, 2.0]], "f64", requires_grad=True, label="w")
    kernel = jit(lambda x: (x[:, None] * w.tanh()).sum(0), wrt=w)
    expected = np.zeros((2, 1, 2))
    expected[[0, 1], 0, [0, 1]] = X.numpy().sum() * (1 - np.tanh(w.numpy()[0]) ** 2)
    close(kernel.jacobian(X).numpy(), expected)
    w.data = [[0.0, 1.0]]
    assert kernel.jacobian(X).numpy()[0, 0, 0] == pytest.approx(X.numpy().sum())
    value, tangent = kernel.jvp(X, w)
    close(tangent.numpy(), np.tensordot(kernel.jacobian(X).numpy(), w.numpy(), 2))
    assert kernel.vjp(X, value)[1].shape == (1, 2)


def test_batches_of_any_size_have_products_with_derivatives() -> None:
    def f(x: Tensor) -> Any:
        return (x @ A.T).tanh() * x.sum(1, keepdims=True)

    kernel, loss = jit(f), jit(lambda x: (f(x) ** 2).sum())
    for n in (3, 5, 1, 7):
        x = Tensor(RNG.normal(size=(n, 3)), "f64", requires_grad=True)
        d, ct = Tensor(RNG.normal(size=(n, 3)), "f64"), Tensor(RNG.normal(size=(n, 4)), "f64")
        value, tangent = kernel.jvp(x, d)
        again, partial = kernel.vjp(x, ct)
        assert value.tolist() == again.tolist()
        close(partial.numpy(), gradients(f(x), [x], ct)[0].numpy())
        assert (tangent * ct).sum().item() == pytest.approx((partial * d).sum().item())
        (slope,) = gradients((f(x) ** 2).sum(), [x], create_graph=True)
        close(loss.hvp(x, d).numpy(), gradients(slope, [x], d)[0].numpy())
    codes = {id(made.code) for made in kernel.jvp._compiled.values()}
    assert len(codes) == 2  # of the first size, and of any


def test_where_nothing_flows_an_infinite_slope_is_not_nan() -> None:
    x = Tensor([0.0, 4.0], "f64")
    found = jacobian(lambda x: x.sqrt())(x)
    assert found.tolist() == [[np.inf, 0.0], [0.0, 0.25]]
    table = Tensor(np.arange(6.0).reshape(3, 2), "f64")

    def rows(table: Tensor, which: Tensor) -> Tensor:
        return concat([table[which], table[:1] * 2.0])

    (found,) = jacobian(rows)(table, Tensor(np.array([2, -3])))
    expected = np.zeros((3, 2, 3, 2))
    for row, at, slope in ((0, 2, 1.0), (1, 0, 1.0), (2, 0, 2.0)):
        for k in range(2):
            expected[row, k, at, k] = slope
    np.testing.assert_array_equal(found.numpy(), expected)


def test_errors() -> None:
    with pytest.raises(ShapeError, match=r"Hessian is of one number, and layer.hessian returns"):
        hessian(layer)(X)
    with pytest.raises(ShapeError, match=r"derivatives are of floats, and .* returns bool"):
        jit(lambda x: x > 0.0).jacobian(X)
    with pytest.raises(SignatureError, match=r"then a tangent for each Tensor of floats; got 2"):
        jvp(energy)(X, Y)
    with pytest.raises(SignatureError, match="then a cotangent like the result; got 1 argument"):
        vjp(layer)(X)
    with pytest.raises(SignatureError, match="then a direction like wrt; got 2 arguments"):
        jit(energy, wrt="x").jvp(X, Y)
    with pytest.raises(ShapeError, match=r"a tangent of shape \(4,\); it should be \(3,\)"):
        jvp(layer)(X, Y)
    with pytest.raises(ShapeError, match=r"a cotangent of shape \(3,\); it should be \(4,\)"):
        vjp(layer)(X, X)
    with pytest.raises(SignatureError, match="should have 1 Tensor, as x has, got 2 Tensors"):
        jvp(layer)(X, [X, X])
    with pytest.raises(SignatureError, match="takes 1 cotangent, as there are results, got 2"):
        vjp(layer)(X, [Y, Y])
