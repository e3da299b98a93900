"""`vmap`: what it gives is what a loop over samples gives, for every primitive and for random
functions, their derivatives, and maps of maps.
"""

from __future__ import annotations

import functools
import random
from random import Random
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, grad, hessian, jacobian, jit, sin, tanh, vmap
from micrograd.errors import MicrogradError, ShapeError, SignatureError
from micrograd.nn import MLP
from micrograd.tensor import gradients
from micrograd.tensor.primitive import PRIMITIVES

from .programs import draw
from .test_compiled import COMPILED
from .test_primitives import operands_of
from .test_random_programs import loss_of

close: Any = functools.partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9)
RNG = np.random.default_rng(9)


def batch_of(rng: Random, x: np.ndarray, n: int) -> tuple[Tensor, int | None]:
    """Samples like an array along some axis, or the array itself."""
    if rng.random() < 0.3:
        return Tensor(x, "f64"), None
    axis = rng.randint(0, x.ndim)
    scale = RNG.uniform(0.8, 1.2, (n, *x.shape))
    return Tensor(np.moveaxis(scale * x, 0, axis), "f64"), axis


def sample(x: Tensor, axis: int | None, k: int) -> Tensor:
    return x if axis is None else Tensor(np.take(x.numpy(), k, axis), x.dtype)


@pytest.mark.parametrize("case", COMPILED, ids=lambda c: f"{c[0]}-{c[1]}-{c[2]}")
def test_every_primitive(case: Any) -> None:
    name, shapes, how = case
    n = 3
    many = [operands_of(shapes, 3 + k) for k in range(n)]

    def f(*xs: Tensor) -> Tensor:
        left = iter(xs)
        return PRIMITIVES[name](
            *(next(left) if isinstance(x, Tensor) else x for x in many[0]), **how
        )

    one = [[x for x in operands if isinstance(x, Tensor)] for operands in many]
    for mapped in ([True] * len(one[0]), [k == 0 for k in range(len(one[0]))]):
        given = [
            Tensor(np.stack([xs[k].numpy() for xs in one]), one[0][k].dtype) if m else one[0][k]
            for k, m in enumerate(mapped)
        ]
        axes = tuple(0 if m else None for m in mapped)
        found = vmap(f, in_axes=axes)(*given)
        for k in range(n):
            expected = f(*(sample(x, a, k) for x, a in zip(given, axes, strict=True)))
            assert (found.shape, found.dtype) == ((n, *expected.shape), expected.dtype)
            np.testing.assert_allclose(found.numpy()[k], expected.numpy(), rtol=1e-6)


def check(seed: int) -> None:
    """Of a random program: values, gradients per sample, and the gradient of their sum."""
    rng, program = Random(seed), draw(seed)
    n = rng.choice((1, 2, 4))
    pairs = [batch_of(rng, x, n) for x in program.leaves]
    if all(axis is None for _, axis in pairs):
        pairs[0] = Tensor(np.stack([program.leaves[0]] * n), "f64"), 0
    leaves, axes = [x for x, _ in pairs], tuple(axis for _, axis in pairs)

    def f(*xs: Tensor) -> Any:
        made = program.run(xs, "tensor")
        return [made[k] for k in program.unused()]

    def loss(*xs: Tensor) -> Any:
        return loss_of(program, program.run(xs, "tensor"))

    found = vmap(f, in_axes=axes)(*leaves)
    ours = vmap(jit(loss, wrt=["xs"]).grad, in_axes=axes)(*leaves)[0]

    def total(*xs: Tensor) -> Any:
        return vmap(loss, in_axes=axes)(*xs).sum()

    totals = jit(total, wrt=["xs"]).grad(*leaves)[0]
    for x, axis, one, all_ in zip(leaves, axes, ours, totals, strict=True):
        expected = one.numpy().sum(0) if axis is None else np.moveaxis(one.numpy(), 0, axis)
        assert all_.shape == x.shape
        close(all_.numpy(), expected, err_msg=str(program))
    for k in range(n):
        xs = [
            Tensor(sample(x, a, k).numpy(), "f64", requires_grad=True)
            for x, a in zip(leaves, axes, strict=True)
        ]
        for y, z in zip(found, f(*xs), strict=True):
            close(y.numpy()[k], z.numpy(), err_msg=str(program))
        for y, z in zip(ours, gradients(loss(*xs), xs), strict=True):
            assert y.shape == (n, *z.shape)
            close(y.numpy()[k], z.numpy(), err_msg=str(program))


@pytest.mark.parametrize("seed", range(50000, 50012))
def test_random_programs(seed: int) -> None:
    check(seed)


W = Tensor(RNG.normal(size=(2, 3)), "f64", label="w")
ROWS = Tensor(RNG.normal(size=(5, 3)), "f64")


def energy(w: Tensor, x: Tensor) -> Tensor:
    return ((w @ x).tanh() ** 2).sum()


def over_rows(f: Any, rows: Any = ROWS) -> Any:
    return np.stack([np.asarray(f(x)) for x in rows])


def test_gradients_per_sample_hessians_and_maps_of_maps() -> None:
    by_w, by_x = vmap(grad(energy), in_axes=(None, 0))(W, ROWS)
    close(by_w.numpy(), over_rows(lambda x: grad(energy)(W, x)[0]))
    close(by_x.numpy(), over_rows(lambda x: grad(energy)(W, x)[1]))
    found = vmap(hessian(energy), in_axes=(None, 0))(W, ROWS)[1][1]
    close(found.numpy(), over_rows(lambda x: hessian(energy)(W, x)[1][1]))
    many = Tensor(RNG.normal(size=(4, 2, 3)), "f64")
    both = vmap(vmap(energy, in_axes=(None, 0)), in_axes=(0, None))
    expected = [[energy(w, x).item() for x in ROWS] for w in many]
    close(both(many, ROWS).numpy(), expected)
    close(jit(both)(many, ROWS).numpy(), expected)
    close(vmap(jit(energy), (None, 1), 0)(W, ROWS.T).numpy(), over_rows(lambda x: energy(W, x)))
    matrix = jacobian(lambda x: vmap(energy, (None, 0))(W, x))(ROWS)
    assert matrix.shape == (5, 5, 3)
    close(matrix.numpy()[2, 2], by_x.numpy()[2])
    assert not matrix.numpy()[2, 3].any()


def test_derivatives_of_functions_that_do_not_say_what_they_take() -> None:
    kernel = jit(lambda w, x: ((w @ x).tanh() ** 2).sum(), wrt="w")
    found = vmap(kernel.grad, in_axes=(None, 1))(W, ROWS.T)
    close(found.numpy(), over_rows(lambda x: grad(energy)(W, x)[0]))
    slopes = jit(lambda x: (x**3).sum()).grad
    assert jit(slopes).jacobian(Tensor([1.0, 2.0])).tolist() == [[6.0, 0.0], [0.0, 12.0]]


def test_one_code_is_for_any_number_of_samples() -> None:
    kernel = jit(vmap(energy, in_axes=(None, 0)))
    gradient = vmap(grad(energy), in_axes=(None, 0))
    for n in (5, 3, 4, 1, 5):
        rows = ROWS[:n]
        close(kernel(W, rows).numpy(), over_rows(lambda x: energy(W, x), rows))
        close(gradient(W, rows)[0].numpy(), over_rows(lambda x: grad(energy)(W, x)[0], rows))
    assert len({id(made.code) for made in kernel._compiled.values()}) == 2


def test_what_is_the_same_for_all_samples_is_computed_once() -> None:
    def f(w: Tensor, x: Tensor) -> Tensor:
        return w.exp() @ x

    kernel = jit(vmap(f, in_axes=(None, 0)))
    kernel(W, ROWS)
    assert "= exp(w[i, j])  for i < 2, j < 3" in kernel.stages()["program"]


def test_structures_and_axes() -> None:
    def f(layers: Any, x: Tensor) -> Any:
        return {"y": layers[0] * x, "same": layers[1] + 1.0}

    layers = [Tensor(RNG.normal(size=(3, 5)), "f64"), Tensor([2.0], "f64")]
    mapped = vmap(f, in_axes=([1, None], -1), out_axes={"y": 1, "same": None})
    found = mapped(layers, ROWS.T)
    assert (found["y"].shape, found["same"].tolist()) == ((3, 5), [3.0])
    close(found["y"].numpy(), layers[0].numpy() * ROWS.numpy().T)
    named = vmap(lambda x, y: x - y, in_axes=(0, None))
    close(named(ROWS, y=ROWS[0]).numpy(), ROWS.numpy() - ROWS.numpy()[0])
    scaled = vmap(lambda x, power=2: x**power)
    close(scaled(ROWS, power=3).numpy(), ROWS.numpy() ** 3)


def test_indices_and_parameters() -> None:
    table = Tensor(RNG.normal(size=(7, 3)), "f64", requires_grad=True)
    tokens = Tensor(RNG.integers(-7, 7, (4, 5)))

    def f(ids: Tensor) -> Tensor:
        return (table[ids] ** 2).sum(1)

    found = vmap(f)(tokens)
    close(found.numpy(), np.stack([f(t).numpy() for t in tokens]))
    (ours,) = gradients(found.sum(), [table])  # through the kernel's graph
    (eager,) = gradients(f(tokens.flatten()).sum(), [table])
    close(ours.numpy(), eager.numpy())
    table.data = table * 2.0
    close(vmap(f)(tokens).numpy(), 4 * found.numpy())
    with pytest.raises(IndexError, match="index 9 of ids is out of range"):
        vmap(f)(Tensor(np.where(tokens.numpy() == tokens.numpy().max(), 9, tokens.numpy())))


def test_functions_of_numbers() -> None:
    def f(x: float, y: float) -> Any:
        return sin(x) * y, tanh(y)

    x, y = RNG.normal(size=6), RNG.normal(size=(2, 6))
    found = vmap(f)(x, y.T[:, 0])
    close(found, jit(f)(x, y[0]))  # a kernel maps over arrays by itself
    close(vmap(f, in_axes=(0, None))(x, 2.0)[0], np.sin(x) * 2.0)
    by_row = vmap(vmap(f), in_axes=(None, 0))(x, y)
    close(by_row[0], np.sin(x) * y)
    close(vmap(f, in_axes=(0, 1), out_axes=1)(x, y)[0], (np.sin(x) * y))
    close(jit(vmap(f), strict=True)(x, y[0])[0], np.sin(x) * y[0])
    close(vmap(jit(f).jacobian)(x, y[0])[0], jit(f).jacobian(x, y[0])[0])
    rows = RNG.normal(size=(4, 3))

    def whole(v: np.ndarray) -> Any:
        return v * v, sum(v)

    squares, sums = vmap(whole)(rows)
    close(squares, rows**2)
    close(sums, rows.sum(1))
    close(vmap(whole, in_axes=1)(rows.T)[1], rows.sum(1))
    close(jit(whole).jacobian(rows[0])[1], vmap(jit(whole).jacobian)(rows)[1][0])
    random.seed(3)
    model = MLP(3, [4, 1])
    np.testing.assert_allclose(vmap(model)(rows), jit(model)(rows), rtol=1e-6)


def test_errors() -> None:
    f = vmap(energy, in_axes=(None, 0))
    with pytest.raises(ShapeError, match="different numbers of samples: 2 of w, 5 of x"):
        vmap(energy)(W, ROWS)
    with pytest.raises(SignatureError, match=r"x of shape \(\) has no axis 0 to map over"):
        f(W, Tensor(1.0))
    with pytest.raises(SignatureError, match="nothing is mapped"):
        vmap(energy, in_axes=None)(W, ROWS)
    with pytest.raises(SignatureError, match="in_axes should have an axis for each of x, has 2"):
        vmap(lambda x: x * x, in_axes=(0, 0))(np.ones((2, 3)))
    with pytest.raises(SignatureError, match="in_axes should have an axis for each of w, x, has 1"):
        vmap(energy, in_axes=(0,))(W, ROWS)
    with pytest.raises(SignatureError, match=r"in_axes \(0, 0\) is not structured as x"):
        vmap(energy, in_axes=(None, (0, 0)))(W, ROWS)
    with pytest.raises(SignatureError, match="whole numbers and None, got 'x'"):
        vmap(energy, in_axes="x")(W, ROWS)
    for bad, why in (("x", "out_axes should be whole numbers"), ((0, 0), "out_axes .* structured")):
        with pytest.raises(SignatureError, match=why):
            vmap(lambda x: x * x, out_axes=bad)(Tensor(np.ones((3, 2))))
    with pytest.raises(SignatureError, match="out_axes=None is for what is the same"):
        vmap(energy, in_axes=(None, 0), out_axes=None)(W, ROWS)
    with pytest.raises(SignatureError, match="missing a required argument: 'x'"):
        f(W)
    with pytest.raises(
        SignatureError, match="function should be a function of one sample, got float"
    ):
        vmap(3.0)  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="different numbers of samples: 2 of x, 3 of y"):
        vmap(lambda x, y: x * y)(np.ones(2), np.ones(3))
    with pytest.raises(MicrogradError, match="should return a Tensor"):
        vmap(lambda x: 1.0)(ROWS)
