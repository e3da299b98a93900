"""Leaves in `wrt` that a result does not use: their gradient is 0, as backward() leaves it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from micrograd import Value, fit, jit, tanh
from micrograd.errors import TrainingError
from micrograd.nn import MLP, Module
from micrograd.optim import SGD

Loss = Callable[[list[Value]], Any]

LOSSES: dict[str, tuple[int, Loss]] = {
    "first and third": (4, lambda p: p[0] * p[0] * p[2]),
    "the last": (3, lambda p: tanh(p[2]) * 2.0),
    "a leaf itself": (3, lambda p: p[1]),
    "none": (2, lambda p: Value(3.0) * 2.0),
    "every second, rolled": (81, lambda p: sum(p[k] * p[k] * p[k + 2] for k in range(0, 78, 2))),
    "a half, rolled": (90, lambda p: sum(tanh(x * (0.02 * k)) for k, x in enumerate(p[:60])) ** 2),
}


def parameters(n: int) -> list[Value]:
    r = random.Random(n)
    return [Value(r.uniform(0.5, 1.5)) for _ in range(n)]


def partials(loss: Value, p: list[Value]) -> tuple[float, ...]:
    """What backward() leaves."""
    for x in p:
        x.grad = 0.0
    loss.backward()
    return tuple(float(x.grad) for x in p)


@pytest.fixture(params=LOSSES)
def case(request: pytest.FixtureRequest) -> tuple[list[Value], Value]:
    n, loss = LOSSES[request.param]
    p = parameters(n)
    return p, loss(p)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("live", [False, True])
def test_all_derivatives(case: tuple[list[Value], Value], live: bool, strict: bool) -> None:
    p, loss = case
    expected = partials(loss, p)
    kernel = jit(loss, wrt=p, dtype="f64", strict=strict)
    given = [] if live else [x.data for x in p]
    direction = [1.0 + k for k in range(len(p))]
    along = sum(g * d for g, d in zip(expected, direction, strict=True))
    near = lambda x: pytest.approx(x, rel=1e-12, abs=1e-12)  # noqa: E731
    assert kernel(*given) == near(loss.data)
    assert kernel.grad(*given) == near(expected)
    assert kernel.value_and_grad(*given) == (near(loss.data), near(expected))
    assert kernel.jacobian(*given) == near(expected)
    assert kernel.vjp(*given, 2.0) == (near(loss.data), near(tuple(2.0 * g for g in expected)))
    assert kernel.jvp(*given, direction) == (near(loss.data), near(along))
    hessian = kernel.hessian(*given)
    used = [k for k, row in enumerate(hessian) if any(row)]
    given_values = [x + 0.0 for x in p]  # a kernel on Values gives Values, which backward() is of
    rows = [partials(g, p) for g in jit(loss, wrt=p, dtype="f64").grad(*given_values)]
    assert len(hessian) == len(rows) == len(p)
    for row, right in zip(hessian, rows, strict=True):
        assert row == near(right)
    assert all(expected[k] != 0.0 for k in used)
    product = [sum(h * d for h, d in zip(row, direction, strict=True)) for row in hessian]
    assert kernel.hvp(*given, direction) == near(tuple(product))


def test_float32_is_the_default_of_values() -> None:
    a, b = Value(1.5), Value(2.0)
    assert jit(a * a, wrt=[a, b]).grad() == (3.0, 0.0)
    assert jit(a * a, wrt=b).grad() == 0.0
    assert jit(a * a, wrt=b).grad(7.0) == 0.0


@pytest.mark.parametrize("strict", [False, True])
def test_functions_with_leaves_in_wrt(strict: bool) -> None:
    a, b, c = Value(2.0), Value(3.0), Value(5.0)
    f = jit(lambda x: x * a * c, wrt=[b, a, "x"], strict=strict)
    partials(1.5 * a * c, [a, b, c])
    assert f.grad(1.5) == (b.grad, a.grad, 10.0) == (0.0, 7.5, 10.0)
    assert f.value_and_grad(1.5) == (15.0, (0.0, 7.5, 10.0))
    assert f.hessian(1.5)[0] == (0.0, 0.0, 0.0)
    assert f.hessian(1.5)[1] == (0.0, 0.0, 5.0)
    assert f.jvp(1.5, [100.0, 1.0, 0.0]) == (15.0, 7.5)
    assert f.hvp(1.5, [100.0, 1.0, 0.0]) == (0.0, 0.0, 5.0)
    assert f.vjp(1.5, 2.0) == (15.0, (0.0, 15.0, 20.0))
    several = jit(lambda x: [x * a, x * c, a * c], wrt=[b, a], strict=strict)
    assert several.jacobian(1.5) == ([0.0, 0.0, 0.0], [1.5, 0.0, 5.0])
    assert jit(lambda x: x * a, wrt=b, strict=strict).grad(1.5) == 0.0


def test_leaves_that_became_live_elsewhere() -> None:
    a, b, c = Value(2.0), Value(3.0), Value(5.0)
    jit(b * 2.0, wrt=[b])()
    jit(c * 2.0, wrt=[c])()
    kernel = jit(a * c, wrt=[a, b, c], dtype="f64")
    assert kernel.grad() == (5.0, 0.0, 2.0)
    a.data, b.data, c.data = 7.0, 8.0, 9.0
    assert kernel.grad() == (9.0, 0.0, 7.0)


@pytest.mark.parametrize("of", ["value", "function"])
def test_programs_do_not_depend_on_what_was_compiled_before(of: str) -> None:
    def compiled(before: bool) -> str:
        a, b, c = Value(2.0), Value(3.0), Value(5.0)

        def kernel(used: Callable[[], Value]) -> Any:
            return jit(used() if of == "value" else used, wrt=[c, a, b], dtype="f64").grad

        if before:
            kernel(lambda: b * b)()
        made = kernel(lambda: a * b + c)
        assert made() == (1.0, 3.0, 2.0)
        return str(made.stages()["simplified"])

    assert compiled(before=True) == compiled(before=False)


def test_parameters_of_a_model_lie_together() -> None:
    class Half(Module):
        def __init__(self) -> None:
            self.used, self.unused = Value(2.0), Value(3.0)

        def __call__(self, x: Any) -> Any:
            return x[0] * self.used

        def parameters(self) -> list[Value]:
            return [self.used, self.unused]

    model = Half()
    assert jit(model, dtype="f64").grad([5.0]) == (5.0, 0.0)
    assert model.used._home[0] is model.unused._home[0]


def test_training_a_kernel() -> None:
    def trained(how: Callable[[Value, list[Value]], None]) -> list[float]:
        random.seed(1)
        model = MLP(2, [3, 1])
        p = model.parameters()
        spare = [Value(0.5), Value(-2.0)]
        for x in spare:
            p.insert(2, x)
        how(model([0.5, -1.0]) ** 2, p)
        return [x.data for x in p]

    def eager(loss: Value, p: list[Value]) -> None:
        optimizer = SGD(p, lr=0.1, weight_decay=0.01)
        for x, g in zip(p, partials(loss, p), strict=True):
            x.grad = g
        optimizer.step()

    def by_kernel(loss: Value, p: list[Value]) -> None:
        kernel = jit(loss, wrt=p, dtype="f64", strict=True)
        fit(kernel, SGD(p, lr=0.1, weight_decay=0.01), steps=1)

    assert trained(by_kernel) == trained(eager)
    p = [Value(1.0)]
    with pytest.raises(TrainingError, match="does not depend on any parameter"):
        fit(Value(2.0) * 3.0, SGD(p), steps=1)
