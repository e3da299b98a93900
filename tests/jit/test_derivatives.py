"""Jacobians, Hessians and products with them, as kernels: numbers, structures, errors."""

from __future__ import annotations

import math
import random
from collections import namedtuple
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import micrograd
from micrograd import Value, exp, hessian, hvp, jacobian, jit, jvp, log, sin, tanh, vjp
from micrograd.errors import SignatureError
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.program import Role
from micrograd.jit.jacobian_blocks import blocks
from micrograd.jit.trace.signature import SCALAR, Container, count
from micrograd.jit.wanted import Wanted
from micrograd.nn import MLP
from micrograd.ops import OPS

from ..cases import network, plain_readme
from ..checks import all_same
from ..programs import Scalars, scalars
from ..test_engine import readme
from ..test_random_programs import bounded


def close(found: Any, expected: Any, rel: float = 1e-12) -> bool:
    """Whether nested numbers agree."""
    return bool(np.allclose(np.array(found), np.array(expected), rtol=rel, atol=rel))


def rosenbrock(v: Sequence[Any]) -> Any:
    return sum(100.0 * (b - a * a) ** 2 + (1.0 - a) ** 2 for a, b in pairwise(v))


def rosenbrock_hessian(x: Sequence[float]) -> Any:
    """In closed form."""
    n = len(x)
    h = np.zeros((n, n))
    for k in range(n - 1):
        h[k, k] += 1200.0 * x[k] ** 2 - 400.0 * x[k + 1] + 2.0
        h[k, k + 1] = h[k + 1, k] = -400.0 * x[k]
        h[k + 1, k + 1] += 200.0
    return h


# --- numbers ------------------------------------------------------------------------------------


def test_scalars() -> None:
    f = jit(lambda x, y: x * x * y + sin(y), dtype="f64")
    x, y = 2.0, 3.0
    assert f.hessian(x, y) == ((2 * y, 2 * x), (2 * x, -math.sin(y)))
    assert f.hvp(x, y, 1.0, 10.0) == pytest.approx((46.0, 4.0 - 10.0 * math.sin(y)))
    value, tangent = f.jvp(x, y, 1.0, 10.0)
    assert value == f(x, y)
    assert tangent == pytest.approx(12.0 + 10.0 * (4.0 + math.cos(y)))
    assert f.vjp(x, y, 2.0) == (value, pytest.approx((24.0, 8.0 + 2.0 * math.cos(y))))
    assert f.jacobian(x, y) == f.grad(x, y)


@pytest.mark.parametrize(
    ("n", "strict"), [(2, False), (6, False), (40, False), (2, True), (12, True)]
)
def test_rosenbrock(n: int, strict: bool) -> None:
    """Straight-line code, then loops, then a loop of directions."""
    x = [1.0 + 0.3 * math.sin(k) for k in range(n)]
    f = jit(rosenbrock, dtype="f64", strict=strict)
    found = f.hessian(x)
    expected = rosenbrock_hessian(x)
    assert close(found, expected)
    assert np.array_equal(np.array(found), np.array(found).T)
    v = [math.cos(k) for k in range(n)]
    product = f.hvp(x, v)
    assert close(product, expected @ v)
    gradient = f.grad(x)
    value, tangent = f.jvp(x, v)
    assert value == f(x)
    assert tangent == pytest.approx(float(np.dot(gradient, v)))


def test_readme_expression_against_mpmath() -> None:
    mpmath = pytest.importorskip("mpmath")
    f = jit(plain_readme, dtype="f64")
    at = (-4.0, 2.0)

    def g(a: Any, b: Any) -> Any:
        return readme(mpmath.mpf(a), mpmath.mpf(b), lambda x: x if x > 0 else mpmath.mpf(0))

    orders = [[(2, 0), (1, 1)], [(1, 1), (0, 2)]]
    with mpmath.workdps(40):
        expected = [[float(mpmath.diff(g, at, n)) for n in row] for row in orders]
    assert close(f.hessian(*at), expected, 1e-11)


OPERANDS = {1: (0.3,), 2: (0.7, 1.3), 3: (1.0, 0.4, 0.6)}


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_second_derivatives_of_every_op_are_differences(op: Any) -> None:
    """Central differences of the gradient, in float64: half of the digits agree."""
    if op is OPS["detach"]:
        pytest.skip("its derivative is 0, and not that of its values")
    at = OPERANDS[op.arity]
    names = "xyz"[: op.arity]
    body = f"lambda {', '.join(names)}: op({', '.join(names)}) * x"
    f = jit(eval(body, {"op": op}), wrt=list(names))
    found = f.hessian(*at)
    h = 1e-5
    for k in range(op.arity):
        ahead, behind = (
            f.grad(*[v + sign * h * (i == k) for i, v in enumerate(at)]) for sign in (1, -1)
        )
        expected = [(a - b) / (2 * h) for a, b in zip(ahead, behind, strict=True)]
        assert [row[k] for row in found] == pytest.approx(expected, rel=1e-6, abs=1e-6)


def case(name: str) -> tuple[Callable[[Any, Any], Any], list[float]]:
    """A function of a list and of the module to take ops from, and where."""
    rng = random.Random(name)
    numbers = [rng.uniform(0.5, 1.5) for _ in range(8)]

    def smooth(v: Any, m: Any) -> Any:
        return m.exp(v[0] * v[1]) * m.sin(v[2]) + m.log(v[3]) / v[4] + m.tanh(v[5] * v[6] - v[7])

    def network(v: Any, m: Any) -> Any:
        hidden = [m.tanh(sum(v[(3 * j + k) % 8] * v[k] for k in range(8))) for j in range(8)]
        return m.log(sum(m.exp(h * w) for h, w in zip(hidden, v, strict=True)))

    def steps(v: Any, m: Any) -> Any:
        x, y = v[0], v[1]
        for _ in range(25):
            x, y = x + 0.1 * y * v[2], y - 0.1 * m.sin(x) * v[3]
        return x * y + v[4] * v[5] ** 3 + v[6] / v[7]

    return {"smooth": smooth, "network": network, "steps": steps}[name], numbers


@pytest.mark.parametrize("name", ["smooth", "network", "steps"])
def test_against_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    f, numbers = case(name)
    x = torch.tensor(numbers, dtype=torch.float64)
    v = torch.arange(8, dtype=torch.float64) - 3.0
    functional = torch.autograd.functional
    kernel = jit(lambda x: f(x, micrograd), dtype="f64")
    found = kernel.hessian(numbers)
    assert close(found, functional.hessian(lambda t: f(t, torch), x).tolist(), 1e-10)
    _, expected = functional.hvp(lambda t: f(t, torch), x, v)
    assert close(kernel.hvp(numbers, v.tolist()), expected.tolist(), 1e-10)
    value, tangent = functional.jvp(lambda t: f(t, torch), x, v)
    assert close(kernel.jvp(numbers, v.tolist()), [float(value), float(tangent)], 1e-10)


@pytest.mark.parametrize("name", ["smooth", "network", "steps"])
def test_hessian_is_the_jacobian_of_the_gradient(name: str) -> None:
    """By differences, for those who have no PyTorch."""
    f, numbers = case(name)
    kernel = jit(lambda x: f(x, micrograd), dtype="f64")
    found = kernel.hessian(numbers)
    assert np.array_equal(np.array(found), np.array(found).T)
    h = 1e-5
    for k in range(8):
        ahead, behind = (
            kernel.grad([v + sign * h * (i == k) for i, v in enumerate(numbers)])
            for sign in (1, -1)
        )
        expected = (np.array(ahead) - behind) / (2 * h)
        assert found[k] == pytest.approx(expected, rel=1e-6, abs=1e-6)


# --- Jacobians ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("results", "inputs"), [(2, 5), (5, 2), (3, 3), (80, 3), (3, 80), (90, 90)]
)
def test_jacobian_by_the_shorter_side(results: int, inputs: int) -> None:
    """tanh of a matrix times v, unrolled and in loops, forward and reverse."""
    matrix = np.random.default_rng(results).uniform(-1.0, 1.0, (results, inputs)) / inputs
    v = [math.cos(k) for k in range(inputs)]

    def f(v: Sequence[Any]) -> list[Any]:
        return [tanh(sum(float(m) * x for m, x in zip(row, v, strict=True))) for row in matrix]

    kernel = jit(f, dtype="f64")
    slopes = 1.0 - np.tanh(matrix @ v) ** 2
    found = kernel.jacobian(v)
    assert close(found, slopes[:, None] * matrix)
    u = [math.sin(k) for k in range(results)]
    value, partials = kernel.vjp(v, u)
    assert close(value, np.tanh(matrix @ v))
    assert close(partials, (slopes * u) @ matrix)
    value, tangent = kernel.jvp(v, v)
    assert close(value, np.tanh(matrix @ v))
    assert close(tangent, slopes * (matrix @ v))


def test_an_infinite_partial_stays_in_its_row() -> None:
    kernel = jit(lambda x, y: [log(x), y * 2.0, x * y], dtype="f64")
    assert kernel.jacobian(0.0, 3.0) == ([math.inf, 0.0, 3.0], [0.0, 2.0, 0.0])
    kernel = jit(lambda x, y, z: [log(x), y * z], dtype="f64")
    assert kernel.jacobian(0.0, 3.0, 2.0) == ([math.inf, 0.0], [0.0, 2.0], [0.0, 3.0])


@bounded(60)
@given(scalars())
def test_strict_kernels_are_the_interpreter(program: Scalars) -> None:
    """Special numbers, every op: machine code computes what the program says, bit for bit."""
    f = jit(lambda v: program.run(v)[0], dtype="f64", strict=True)
    n = len(program.leaves)
    for kernel, more in ((f.hessian, []), (f.hvp, [[1.0] * n]), (f.jvp, [[1.0] * n])):
        found = kernel(program.leaves, *more)
        shown = kernel._shown.transformed
        inputs = [a.name for a in shown.with_role(Role.INPUT)]
        given_ = dict(zip(inputs, [program.leaves, *more], strict=True))
        expected = [x for numbers in interpret(shown, given_).values() for x in numbers]
        assert all_same(list(flat(found)), expected)


def flat(x: Any) -> Iterator[float]:
    """The numbers in nested containers, in order."""
    if isinstance(x, (tuple, list)):
        for item in x:
            yield from flat(item)
    else:
        yield x


def test_few_numbers_need_no_memory() -> None:
    f = jit(lambda x, y: x * x * y, dtype="f64")
    f.hvp(2.0, 3.0, 1.0, 10.0)
    assert "alloca" not in str(f.hvp)
    assert " for i" not in f.hvp.stages()["simplified"]


# --- structures ---------------------------------------------------------------------------------


def test_arrays_give_arrays() -> None:
    def f(v: np.ndarray) -> Any:
        return (v * v).sum() * v[0]

    found = jit(f, dtype="f64").hessian(np.array([1.0, 2.0, 3.0]))
    assert isinstance(found, np.ndarray)
    assert found.tolist() == [[6.0, 4.0, 6.0], [4.0, 2.0, 0.0], [6.0, 0.0, 2.0]]

    def g(v: np.ndarray) -> Any:
        return np.array([v[0] * v[1], v[1] * v[2]])

    found = jit(g, dtype="f64").jacobian(np.array([1.0, 2.0, 3.0]))
    assert found.tolist() == [[2.0, 1.0, 0.0], [0.0, 3.0, 2.0]]


def test_blocks_of_two_arguments() -> None:
    f = jit(lambda v, s: v[0] * v[1] * s + s * s, dtype="f64")
    assert f.grad([2.0, 3.0], 5.0) == ([15.0, 10.0], 16.0)
    assert f.hessian([2.0, 3.0], 5.0) == (
        ([[0.0, 5.0], [5.0, 0.0]], [3.0, 2.0]),
        ([3.0, 2.0], 2.0),
    )
    assert f.hvp([2.0, 3.0], 5.0, [1.0, 0.0], 10.0) == ([30.0, 25.0], 23.0)
    assert f.jvp([2.0, 3.0], 5.0, [1.0, 0.0], 10.0) == (55.0, 175.0)
    assert f.jvp(v=[2.0, 3.0], s=5.0, d_v=[1.0, 0.0], d_s=10.0) == (55.0, 175.0)


@dataclass
class Alone:
    """A function of one parameter, where, and its derivatives there."""

    f: Any
    x: Any
    grad: Any
    hessian: Any


PARAMETER_ALONE = [
    Alone(lambda x: x * x * x, 2.0, 12.0, 12.0),
    Alone(lambda v: v[0] * v[1], [2.0, 3.0], [3.0, 2.0], [[0.0, 1.0], [1.0, 0.0]]),
    Alone(lambda v: v[0] * v[1], (2.0, 3.0), (3.0, 2.0), ((0.0, 1.0), (1.0, 0.0))),
    Alone(
        lambda v: v["a"] * v["b"],
        {"a": 2.0, "b": 3.0},
        {"a": 3.0, "b": 2.0},
        {"a": {"a": 0.0, "b": 1.0}, "b": {"a": 1.0, "b": 0.0}},
    ),
]


@pytest.mark.parametrize("case", PARAMETER_ALONE, ids=lambda case: type(case.x).__name__)
def test_one_parameter_has_its_partial_without_a_tuple(case: Alone) -> None:
    f, x = jit(case.f), case.x
    assert f.grad(x) == f.jacobian(x) == case.grad
    assert f.value_and_grad(x) == f.vjp(x, 1.0) == (f(x), case.grad)
    assert f.hessian(x) == case.hessian
    assert type(f.hvp(x, x)) is type(f.grad(x)) is type(x)


def test_arrays_of_one_parameter_have_no_tuple() -> None:
    x = np.linspace(-1.0, 1.0, 5)
    cube = jit(lambda x: x * x * x)
    for found, expected in (
        (cube.grad(x), 3.0 * x * x),
        (cube.value_and_grad(x)[1], 3.0 * x * x),
        (cube.jacobian(x), 3.0 * x * x),
        (cube.hessian(x), 6.0 * x),
        (cube.hvp(x, 2.0), 12.0 * x),
        (cube.vjp(x, 2.0)[1], 6.0 * x * x),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-15)

    def whole(x: np.ndarray) -> Any:
        return (x * x * x).sum()

    assert jit(whole).grad(x).tolist() == [3.0 * v * v for v in x]
    assert jit(whole).hessian(x).tolist() == np.diag(6.0 * x).tolist()


def test_wrt_keeps_its_structure() -> None:
    """One name or leaf gives its partial, a list or tuple of one a tuple of one."""
    w = Value(3.0)

    def f(x: Any, y: Any) -> Any:
        return w * w * x * y * y

    for wrt, first, second in (("y", 36.0, 18.0), (w, 24.0, 8.0)):
        found = jit(f, wrt=wrt)
        assert (found.grad(1.0, 2.0), found.hessian(1.0, 2.0)) == (first, second)
        assert found.hvp(1.0, 2.0, 10.0) == 10.0 * second
        assert found.jvp(1.0, 2.0, 10.0) == (36.0, 10.0 * first)
        for several in ([wrt], (wrt,)):
            found = jit(f, wrt=several)
            assert (found.grad(1.0, 2.0), found.hessian(1.0, 2.0)) == ((first,), ((second,),))
            assert found.hvp(1.0, 2.0, [10.0]) == (10.0 * second,)
    square = w * w
    assert jit(square, wrt=w).value_and_grad(5.0) == (25.0, 10.0)
    assert jit(square, wrt=w).value_and_grad() == (9.0, 6.0)
    assert jit(square, wrt=w).hvp(5.0, 2.0) == jit(square, wrt=w).hvp(2.0) == 4.0
    assert jit(square, wrt=[w]).value_and_grad(5.0) == (25.0, (10.0,))


def test_structures_of_results() -> None:
    at = (2.0, 3.0)
    pair = namedtuple("pair", "p q")
    assert jit(lambda x, y: (x * y, x - y), dtype="f64").jacobian(*at) == ((3.0, 2.0), (1.0, -1.0))
    assert jit(lambda x, y: [x * y, x - y], dtype="f64").jacobian(*at) == ([3.0, 1.0], [2.0, -1.0])
    assert jit(lambda x, y: {"p": x * y, "q": x - y}, dtype="f64").jacobian(*at) == {
        "p": (3.0, 2.0),
        "q": (1.0, -1.0),
    }
    found = jit(lambda x, y: pair(x * y, [x, y]), dtype="f64").jacobian(*at)
    assert found == pair((3.0, 2.0), ([1.0, 0.0], [0.0, 1.0]))
    assert isinstance(found, pair)
    value, tangent = jit(lambda x, y: pair(x * y, [x, y]), dtype="f64").jvp(*at, 1.0, 0.0)
    assert (value, tangent) == (pair(6.0, [2.0, 3.0]), pair(3.0, [1.0, 0.0]))


def test_blocks_pair_every_row_with_every_column() -> None:
    two = Container(list, (), (SCALAR, SCALAR))
    three = Container(np.ndarray, (3,), (SCALAR,) * 3)
    columns = Container(tuple, (), (two, SCALAR, three))
    for rows in (
        SCALAR,
        two,
        three,
        Container(tuple, (), (three, SCALAR)),
        Container(tuple, (), ()),
    ):
        _, found = blocks(rows, columns)
        n = count(rows)
        assert sorted(map(tuple, found.T.tolist())) == [(r, c) for r in range(n) for c in range(6)]


def test_arrays_are_mapped_over() -> None:
    f = jit(lambda x, y: x * x * y, dtype="f64")
    xs, ys = np.linspace(-1.0, 1.0, 37), 3.0
    (xx, xy), (yx, yy) = f.hessian(xs, ys)
    np.testing.assert_allclose(xx, np.full(37, 6.0))
    np.testing.assert_allclose(xy, 2.0 * xs)
    np.testing.assert_array_equal(xy, yx)
    np.testing.assert_array_equal(yy, np.zeros(37))
    value, tangent = f.jvp(xs, ys, 1.0, np.ones(37))
    np.testing.assert_allclose(value, 3.0 * xs * xs)
    np.testing.assert_allclose(tangent, 6.0 * xs + xs * xs)
    value, (px, py) = f.vjp(xs, ys, xs)
    np.testing.assert_allclose(px, 6.0 * xs * xs)
    np.testing.assert_allclose(py, xs**3)
    hx, hy = f.hvp(xs, ys, 1.0, 0.0)
    np.testing.assert_allclose(hx, np.full(37, 6.0))
    np.testing.assert_allclose(hy, 2.0 * xs)


def test_out_takes_the_leaves_in_order() -> None:
    f = jit(lambda x, y: x * x * y, dtype="f64")
    out = np.empty(4)
    assert f.hessian(2.0, 3.0, out=out) is out
    assert out.tolist() == [6.0, 4.0, 4.0, 0.0]


# --- what derivatives are with respect to ---------------------------------------------------------


def test_a_value_and_its_leaves() -> None:
    w, b = Value(0.5, label="w"), Value(2.0, label="b")
    k = jit(exp(w * b) * b, wrt=[w, b], dtype="f64")
    e = math.e
    expected = ((8.0 * e, 6.0 * e), (6.0 * e, 1.5 * e))
    assert close(k.hessian(), expected)
    assert close(k.hessian(0.5, 2.0), expected)
    assert close(k.hvp([1.0, 2.0]), (20.0 * e, 9.0 * e))
    assert close(k.hvp(0.5, 2.0, (1.0, 2.0)), (20.0 * e, 9.0 * e))
    assert close(k.jvp(np.array([1.0, 2.0])), (2.0 * e, 4.0 * e + 2.0 * (e + e)))
    assert close(k.vjp(2.0)[1], (8.0 * e, 4.0 * e))
    w.data = 0.0  # live
    assert close(k.hessian(), ((8.0, 4.0), (4.0, 0.0)))


def test_wrt_of_a_function() -> None:
    f = jit(lambda x, y, z: x * y * z * z, wrt=["z", "x"], dtype="f64")
    assert f.hessian(2.0, 3.0, 5.0) == ((12.0, 30.0), (30.0, 0.0))
    assert f.hvp(2.0, 3.0, 5.0, [1.0, 0.0]) == (12.0, 30.0)
    assert f.jvp(2.0, 3.0, 5.0, [0.0, 1.0]) == (150.0, 75.0)


def test_a_model_and_its_parameters() -> None:
    model = network(3, 3, [4, 1])
    kernel = jit(model, dtype="f64")
    x = [0.5, 1.25, 1.0]
    n = len(model.parameters())
    found = np.array(kernel.hessian(x))
    assert found.shape == (n, n)
    assert np.array_equal(found, found.T)
    assert found.any()
    for k in (0, 5, n - 1):
        direction = np.eye(n)[k]
        assert close(kernel.hvp(x, direction), found[k])
        assert kernel.jvp(x, direction.tolist()) == pytest.approx((kernel(x), kernel.grad(x)[k]))


def moons(samples: int) -> tuple[Any, MLP]:
    model = network(1337, 2, [16, 16, 1])
    loss = sum(
        (1.0 - math.sin(k) * model([Value(math.cos(k)), Value(math.sin(2.0 * k))])).relu()
        for k in range(samples)
    )
    return loss * (1.0 / samples) + 1e-4 * sum(p * p for p in model.parameters()), model


def test_hessian_of_a_network_is_loops() -> None:
    loss, model = moons(20)
    kernel = jit(loss, wrt=model.parameters(), dtype="f64")
    n = len(model.parameters())
    out = np.empty(n * n)
    found = kernel.hessian(out=out).reshape(n, n)
    assert np.array_equal(found, found.T)
    assert len(kernel.hessian.stages()["simplified"].splitlines()) < 120
    assert kernel.hessian._shown.schedule.opt_level == 2
    compared = 0
    for k in (0, 7, 60, 200, n - 1):
        assert close(kernel.hvp(np.eye(n)[k]), found[k])
        p, h = model.parameters()[k], 1e-6
        p.data += h
        ahead = np.array(kernel.grad())
        p.data -= 2 * h
        behind = np.array(kernel.grad())
        p.data += h
        compared += bool(found[k].any())
        np.testing.assert_allclose(found[k], (ahead - behind) / (2 * h), atol=1e-7)
    assert compared == 5


# --- kernels like the others ----------------------------------------------------------------------


@pytest.mark.parametrize("name", [w.value.name for w in Wanted if w is not Wanted.VALUE])
def test_they_are_shown_and_explained(name: str) -> None:
    kernel = getattr(jit(lambda x, y: x * tanh(y), dtype="f64"), name)
    arguments = {"jvp": 4, "hvp": 4, "vjp": 3}.get(name, 2)
    kernel(*[0.5] * arguments)
    assert "llvm.func @main" in str(kernel)
    assert next(iter(kernel.stages())) == "graph"
    assert repr(kernel).startswith(f"<kernel <lambda>.{name}(x, y")
    assert kernel.signature.count("double ") == arguments + 2 - (
        name.removeprefix("sparse_") in ("grad", "jacobian", "hessian", "hvp")
    )
    assert "2 numbers" in kernel.explain()


def test_functions_of_the_package() -> None:
    def f(x: Any, y: Any) -> Any:
        return x * x * y

    at = (2.0, 3.0)
    assert jacobian(f, dtype="f64")(*at) == (12.0, 4.0)
    assert hessian(f, dtype="f64")(*at) == ((6.0, 4.0), (4.0, 0.0))
    assert jvp(f, dtype="f64")(*at, 1.0, 0.0) == (12.0, 12.0)
    assert vjp(f, dtype="f64")(*at, 2.0) == (12.0, (24.0, 8.0))
    assert hvp(f, dtype="f64")(*at, 1.0, 0.0) == (6.0, 4.0)


def test_names_that_parameters_have_already() -> None:
    f = jit(lambda d_x, x, hessian, cotangent: d_x * x * hessian * cotangent, dtype="f64")
    assert f.hessian(2.0, 3.0, 5.0, 7.0)[0] == (0.0, 35.0, 21.0, 15.0)
    assert f.jvp(2.0, 3.0, 5.0, 7.0, 1.0, 0.0, 0.0, 0.0) == (210.0, 105.0)
    assert f.vjp(2.0, 3.0, 5.0, 7.0, 2.0)[1][0] == 210.0


def test_float32() -> None:
    f = jit(lambda x, y: x * x * y + exp(y))
    assert f.hessian(2.0, 3.0) == ((6.0, 4.0), (4.0, pytest.approx(math.exp(3.0), rel=1e-6)))


# --- errors -------------------------------------------------------------------------------------


def several(x: Any, y: Any) -> Any:
    return x * y, x - y


@pytest.mark.parametrize("name", ["hessian", "hvp"])
def test_a_hessian_of_several_results(name: str) -> None:
    arguments = [1.0] * (4 if name == "hvp" else 2)
    with pytest.raises(
        SignatureError, match=rf"several\.{name} gives 2 values; a Hessian is of one"
    ):
        getattr(jit(several), name)(*arguments)


def test_a_derivative_of_a_derivative() -> None:
    f = jit(lambda x: x * x)
    assert f.grad.grad(3.0) == 2.0
    assert f.grad.name == "<lambda>.grad"
    assert f.grad.grad.name == "<lambda>.grad.grad"
    assert f.grad.hessian(3.0) == 0.0
    assert f.jvp.jacobian(3.0, 1.0) == (6.0, 2.0)  # of the value and the tangent, by x


def test_wrong_number_of_tangents() -> None:
    f = jit(rosenbrock)
    with pytest.raises(SignatureError, match=r"takes 2 arguments \(v, d_v\), got 1"):
        f.jvp([1.0, 2.0])
    with pytest.raises(SignatureError, match=r"rosenbrock\.jvp takes 2 numbers as d_v, got 3"):
        f.jvp([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(SignatureError, match=r"rosenbrock\.vjp takes 1 number as cotangent, got 2"):
        f.vjp([1.0, 2.0], [1.0, 2.0])
    loss, model = moons(1)
    with pytest.raises(SignatureError, match=r"takes direction: 337 numbers, got 2"):
        jit(loss, wrt=model.parameters()).hvp([1.0, 2.0])


def test_a_leaf_that_is_named_twice_has_two_columns() -> None:
    f = jit(lambda x, y: x * x * y, wrt=["x", "x"], dtype="f64")
    assert f.grad(2.0, 3.0) == (12.0, 12.0)
    assert f.hessian(2.0, 3.0) == ((6.0, 6.0), (6.0, 6.0))
    assert f.jvp(2.0, 3.0, [1.0, 10.0]) == (12.0, 132.0)


@pytest.mark.parametrize("n", [2, 8, 9, 45, 70])
@pytest.mark.parametrize("strict", [False, True])
def test_second_derivatives_that_are_all_zero(n: int, strict: bool) -> None:
    """Long lists of zeros are loops."""
    x = [0.5 * k for k in range(n)]
    kernel = jit(lambda a: 3.0 * a[0] - a[-1], dtype="f64", strict=strict)
    found = kernel.hessian(x)
    assert np.array_equal(np.array(found, dtype=float).reshape(-1), np.zeros(n * n))
    assert len(kernel.hessian.stages()["simplified"].splitlines()) < 100
    rows = np.random.default_rng(n).uniform(size=(3, n))
    mapped = kernel.hessian(list(rows.T))
    assert not np.any(np.array(mapped, dtype=float))
