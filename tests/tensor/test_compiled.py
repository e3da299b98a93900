"""Functions of Tensors, compiled: what they give is what they give eagerly, with the gradients that
`backward` has.
"""

from __future__ import annotations

import functools
import re
from typing import Any

import numpy as np
import pytest

import micrograd
from micrograd import Tensor, jit
from micrograd.errors import DataError, MicrogradError, ShapeError, SignatureError, TraceError
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.trace.tensor_lowering import lowered
from micrograd.jit.trace.tensors import TensorScope
from micrograd.tensor import no_grad, one_hot
from micrograd.tensor.primitive import PRIMITIVES

from .programs import draw
from .test_primitives import CASES, operands_of
from .test_random_programs import loss_of

close: Any = functools.partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9)
COMPILED = [
    c for c in CASES[:-1]
    if c[1:] != ([(5, 4)], {"places": (2, (0, 0, 1))}) and c[2].get("dtype") is not Tensor([1]).data
    and not (c[0] == "cast" and np.dtype(c[2]["dtype"]) == np.int64)
]  # fmt: skip
"""All but one without elements, and one that rounds."""


def in_order(name: str) -> bool:
    """Whether NumPy does what the program says: it fuses products into sums."""
    return name not in ("contract", "cast")


@pytest.mark.parametrize("case", COMPILED, ids=lambda c: f"{c[0]}-{c[1]}-{c[2]}")
def test_every_primitive_is_what_it_is_eagerly(case: Any) -> None:
    name, shapes, how = case
    operands = operands_of(shapes, 3)
    given = [x for x in operands if isinstance(x, Tensor)]

    def f(*xs: Tensor) -> Tensor:
        left = iter(xs)
        return PRIMITIVES[name](
            *(x if isinstance(x, float) else next(left) for x in operands), **how
        )

    expected = f(*given)
    for strict in (True, False):
        if strict and name == "cast":
            continue
        found = jit(f, strict=strict)(*given)
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        if strict and in_order(name):
            np.testing.assert_array_equal(found.numpy(), expected.numpy())
        np.testing.assert_allclose(
            found.numpy(), expected.numpy(), rtol=1e-6 if name == "cast" else 1e-14
        )


@pytest.mark.parametrize("case", COMPILED, ids=lambda c: f"{c[0]}-{c[1]}-{c[2]}")
def test_strict_kernels_are_the_interpreter_to_the_bit(case: Any) -> None:
    name, shapes, how = case
    operands = operands_of(shapes, 4)
    given = [x for x in operands if isinstance(x, Tensor)]
    if name == "cast":
        return

    def f(*xs: Tensor) -> Tensor:
        left = iter(xs)
        return PRIMITIVES[name](
            *(x if isinstance(x, float) else next(left) for x in operands), **how
        )

    scope = TensorScope("f")
    made = f(*(scope.argument(f"x{k}", x.shape, x.dtype) for k, x in enumerate(given)))
    lowering = lowered(scope.rows, [scope.row(made)])
    numbers = {
        g.name: np.where(y < 0, y + g.below, y) if g.below else y
        for g in lowering.given
        for y in [given[g.row].numpy()]
    }
    expected = interpret(lowering.program, numbers)["out"]
    found = jit(f, strict=True)(*given).numpy().ravel()
    by_numpy = name == "elementwise" and not (how["op"].mlir or how["op"].predicate)
    np.testing.assert_allclose(found, expected, rtol=4e-16 if by_numpy else 0.0)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("block", range(10))
def test_random_programs_have_their_values_and_gradients(block: int, strict: bool) -> None:
    for seed in range(20000 + block * 6, 20006 + block * 6):
        program = draw(seed + 1000 * strict)
        leaves = [Tensor(x, dtype="f64", requires_grad=True) for x in program.leaves]

        def f(*xs: Tensor, program: Any = program) -> Tensor:
            return loss_of(program, program.run(xs, "tensor"))  # type: ignore[no-any-return]

        value, (partials, *_) = jit(f, strict=strict, wrt=["xs"]).value_and_grad(*leaves)
        loss = f(*leaves)
        loss.backward()
        close(value.numpy(), loss.numpy(), err_msg=str(program))
        for found, x in zip(partials, leaves, strict=True):
            close(found.numpy(), 0.0 if x.grad is None else x.grad.numpy(), err_msg=str(program))


RNG = np.random.default_rng(1)
POINTS = RNG.normal(size=(20, 2))
SIDES = np.where(RNG.random(20) < 0.5, -1.0, 1.0)


def network(dtype: Any = "f64") -> list[Tensor]:
    shapes = {"w1": (2, 16), "b1": (16,), "w2": (16, 1), "b2": (1,)}
    return [
        Tensor(RNG.normal(size=s), dtype, requires_grad=True, label=n) for n, s in shapes.items()
    ]


def test_a_network_is_a_program_of_contractions() -> None:
    w1, b1, w2, b2 = network("f32")

    def loss(x: Tensor, y: Tensor) -> Tensor:
        scores = ((x @ w1 + b1).relu() @ w2 + b2)[:, 0]
        return (1 - scores * y).relu().mean()

    kernel = jit(loss, wrt=[w1, b1, w2, b2])
    value, partials = kernel.value_and_grad(Tensor(POINTS), Tensor(SIDES))
    text = kernel.value_and_grad.stages()["program"]
    assert "t0[i, j] += mul(x[i, k], w1[k, j])  for i < 20, j < 16, k < 2" in text
    assert "t1[i] += mul(relu(t0[i, j]), w2[j, 0])  for i < 20, j < 16" in text
    eager = loss(Tensor(POINTS), Tensor(SIDES))
    eager.backward()
    assert value.dtype == np.float32
    np.testing.assert_allclose(value.numpy(), eager.numpy(), rtol=1e-6)
    for found, w in zip(partials, (w1, b1, w2, b2), strict=True):
        np.testing.assert_allclose(found.numpy(), w.grad.numpy(), rtol=1e-5, atol=1e-6)


def test_parameters_are_live() -> None:
    w, c = Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0, 4.0])
    squares = w * w  # outside, and a part of the function all the same

    @jit
    def f(x: Tensor) -> Tensor:
        return (squares * x + c).sum()

    x = Tensor([1.0, 1.0])
    assert f(x).item() == 12.0
    w.data = [2.0, 2.0]
    assert f(x).item() == 15.0
    c.data = [0.0, 0.0]  # a constant: compiled again
    assert f(x).item() == 8.0
    frozen = jit(lambda x: (w * x).sum(), freeze=True)
    assert frozen(x).item() == 4.0
    w.data = [0.0, 0.0]
    assert frozen(x).item() == 4.0
    assert jit(lambda x: (w * x).sum(), wrt=w).grad(x).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "f",
    [
        lambda x, w: (micrograd.where(w > 0, w, x)).sum(), lambda x, w: (w.detach() * x).sum(),
        lambda x, w: (w.data * x).sum(), lambda x, w: (x * w.numpy()).sum(),
        lambda x, w: x.sum() * w.sum().item(), lambda x, w: x.sum() * quiet(w),
        lambda x, w: x.sum() if (w > 0).all() else -x.sum(), lambda x, w: x[w.argmax()],
        lambda x, w: (x * (w * w).tolist()).sum(), lambda x, w: (x * np.asarray(w > 0)).sum(),
    ],
)  # fmt: skip
def test_numbers_of_parameters_that_python_reads_are_no_stale_constants(f: Any) -> None:
    w = Tensor([1.0, 2.0], requires_grad=True)
    kernel = jit(lambda x: f(x, w))
    x = Tensor([3.0, 5.0])
    for numbers in ([1.0, 2.0], [4.0, -1.0], [-2.0, -3.0]):
        w.data = numbers
        assert kernel(x).item() == f(x, w).item()


def quiet(w: Tensor) -> Tensor:
    with no_grad():
        return w.sum() * 2.0


def test_what_is_compiled_once() -> None:
    calls = []

    @jit
    def f(x: Tensor, power: int = 2) -> Tensor:
        calls.append(x.shape)
        return (x**power).sum()

    assert f(Tensor([3.0, 4.0])).item() == 25.0
    assert f(Tensor([3.0, 3.0])).item() == 18.0
    assert f(Tensor([[3.0, 3.0]])).item() == 18.0
    assert f(Tensor([3.0, 3.0]), power=3).item() == 54.0
    assert f(3.0).item() == f(np.array(3.0)).item() == 9.0
    assert calls == [(2,), (1, 2), (2,), ()]


def test_functions_are_told_by_calls_with_tensors() -> None:
    f = jit(lambda x, y: (x * y).sum())
    x, y = Tensor([1.0, 2.0]), Tensor([3.0, 5.0])
    assert f(x, y).item() == 13.0
    assert [g.tolist() for g in f.grad(x, y)] == [[3.0, 5.0], [1.0, 2.0]]
    assert f(x, y=y).item() == 13.0
    g = jit(lambda x: x * 2.0)
    assert (g(3.0), g(Tensor([3.0])).tolist()) == (6.0, [6.0])
    assert g(Tensor([3.0])).dtype == np.float32
    assert jit(lambda x: x * 2.0, dtype="f64")(Tensor([3.0])).dtype == np.float64


def test_results_and_arguments_have_structure() -> None:
    def f(layers: list[Tensor], x: Tensor) -> Any:
        return x * layers[0]["w"], layers[1], (x > 0), x.argmax(0)

    layers = [{"w": Tensor([2.0, 3.0])}, Tensor([[1.0]])]
    found = jit(f)(layers, Tensor([-1.0, 5.0]))
    assert [t.tolist() for t in found] == [[-2.0, 15.0], [[1.0]], [False, True], 1]
    assert [str(t.dtype) for t in found] == ["float32", "float32", "bool", "int64"]
    grad = jit(lambda layers, x: (layers[0]["w"] * x).sum() + x[0])

    def loss(layers: Any, x: Tensor) -> Tensor:
        return grad(layers, x)  # type: ignore[no-any-return]

    parts, by_x = jit(loss).grad(layers, Tensor([4.0, 5.0]))
    assert parts[0]["w"].tolist() == [4.0, 5.0]
    assert (parts[1].tolist(), by_x.tolist()) == ([[0.0]], [3.0, 3.0])


def test_indices_are_arguments() -> None:
    table = Tensor(np.arange(12.0).reshape(4, 3), requires_grad=True, label="table")

    def f(tokens: Tensor) -> Tensor:
        return (table[tokens[1:]] ** 2).sum()

    tokens = Tensor(np.array([0, 1, 1, -1]))
    kernel = jit(f, wrt=table)
    f(tokens).backward()
    assert kernel(tokens).item() == f(tokens).item()
    assert kernel.grad(tokens).tolist() == table.grad.tolist()
    assert kernel(Tensor(np.array([0, 0, 0, 0]))).item() == 15.0
    with pytest.raises(IndexError, match="index 4 of tokens is out of range: the axis has 4"):
        kernel(Tensor(np.array([0, 0, 4, 0])))
    hits = jit(lambda x, y: (x.argmax(1) == y).mean())
    assert hits(Tensor(np.eye(3)), Tensor(np.array([0, 1, 1]))).item() == np.float32(2 / 3)


def test_special_numbers() -> None:
    x = Tensor([np.nan, np.inf, -np.inf, -0.0, 0.0])
    for f in (
        lambda x: x.max(), lambda x: x.sum(), lambda x: x[3:].sum(), lambda x: 1.0 / x,
        lambda x: x.argmax(), lambda x: x[1:].argmin(), lambda x: x.reshape(5, 1).max(1),
        lambda x: x[::-1], lambda x: micrograd.where(x > 0, x, -x), lambda x: x == x,
    ):  # fmt: skip
        np.testing.assert_array_equal(jit(f, strict=True)(x).numpy(), f(x).numpy())
        assert (np.signbit(jit(f, strict=True)(x).numpy()) == np.signbit(f(x).numpy())).all()


X = Tensor([[1.0, 2.0], [3.0, 4.0]])
EMPTY = Tensor(np.zeros((0, 2)), requires_grad=True)


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (lambda x: x if x.sum() > 0 else -x, TraceError, "no numbers while .* is compiled"),
        (lambda x: x.sum().item(), TraceError, "no numbers while"),
        (lambda x: Tensor(np.array([[1, 2], [3, 4]])) * x.argmax(0), TraceError, "whole numbers"),
        (lambda x: x[x.argmax(0)], TraceError, "indices that are computed from arguments"),
        (lambda x: 3.0, TraceError, "should return a Tensor"),
        (lambda x: x[:0], TraceError, r"without elements, of shape \(0, 2\)"),
        (
            lambda x: Tensor(np.zeros((0, 2)), requires_grad=True).sum(0) + x,
            TraceError,
            "without elements",
        ),
        (lambda x: x @ x[0, :1], ShapeError, "2"),
    ],
)
def test_errors_of_what_does_not_compile(f: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message) as raised:
        jit(f)(X)
    assert isinstance(raised.value, MicrogradError)
    if "return" not in message:
        assert "test_compiled.py:" in str(raised.value)


def test_errors_of_calls() -> None:
    def f(x: Tensor, k: Any = 1) -> Tensor:
        return x * 2.0

    with pytest.raises(ShapeError, match=r"returns float32 of shape \(2, 2\): use sum"):
        jit(f).grad(X)
    with pytest.raises(SignatureError, match="missing a required argument: 'x'"):
        jit(f)()
    with pytest.raises(SignatureError, match=r"k should be a Tensor, .*, got"):
        jit(f)(X, {1, 2})
    with pytest.raises(SignatureError, match="no elements"):
        jit(f)(Tensor(np.zeros((0, 2))))
    with pytest.raises(SignatureError, match="has not been called yet"):
        jit(f).stages()
    with pytest.raises(SignatureError, match="wrt should be Tensors, or names"):
        jit(f, wrt="y").grad(X[0, 0])
    with pytest.raises(SignatureError, match="no argument that is a Tensor of floats"):
        jit(lambda y: (X * y).sum()).grad(Tensor(np.array([1, 2])))
    with pytest.raises(DataError, match="whole numbers above 16777216"):
        jit(lambda x, y: x * y)(X, Tensor(np.array([2**25, 1])))
    with pytest.raises(TraceError, match="is compiled strictly, in float64"):
        jit(lambda x: (x > 0).mean() * x, strict=True)(X.astype("f64"))
    escaped: list[Any] = []
    jit(lambda x: escaped.append(x) or x * 1.0)(X)
    with pytest.raises(TraceError, match="escaped from it"):
        escaped[0] + 1.0


def test_a_training_step() -> None:
    w1, b1, w2, b2 = parameters = network("f32")
    targets = one_hot((SIDES > 0).astype(int), 2)[:, 0]

    def loss(x: Tensor) -> Tensor:
        return (((x @ w1 + b1).tanh() @ w2 + b2)[:, 0].sigmoid() - targets).__pow__(2).mean()

    kernel = jit(loss, wrt=parameters)
    x = Tensor(POINTS)
    values = []
    for _ in range(5):
        value, partials = kernel.value_and_grad(x)
        values.append(value.item())
        for p, g in zip(parameters, partials, strict=True):
            p.data -= 0.5 * g
    assert values == sorted(values, reverse=True)
    assert kernel(x).item() == pytest.approx(loss(x).item(), rel=1e-6)
    assert re.search(r"tanh\(t\d+\[i, j\]\)", kernel.stages()["program"])
