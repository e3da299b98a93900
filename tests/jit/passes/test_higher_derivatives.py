"""First, second and third derivatives of every op, against closed forms and 60 digits."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import mpmath
import numpy as np
import pytest

from micrograd import Value, jit, ops
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.program import Access, Apply, Program, Role
from micrograd.jit.passes.forward import jacobian
from micrograd.jit.passes.reverse import GRADIENT, gradient
from micrograd.jit.passes.simplify import simplify
from micrograd.ops import Op

from ...checks import same
from ...test_ops import function_of

EXACT: dict[Op, Callable[..., Any]] = {}
"""The functions of all ops for mpmath; comparisons are constant almost everywhere."""


def expanded(op: Op, *operands: Any) -> Any:
    """What an op is expanded to, in mpmath."""
    assert op.expand is not None
    symbols = [Access(name) for name in "xyz"[: op.arity]]
    known = dict(zip(symbols, operands, strict=True))

    def value(e: Any) -> Any:
        if isinstance(e, Apply):
            return EXACT.get(e.op, e.op.eval)(*map(value, e.args))
        return known[e] if isinstance(e, Access) else mpmath.mpf(e)

    return value(op.expand(*symbols))


SAME: dict[Op, Callable[..., Any]] = {
    ops.add: lambda x, y: x + y,
    ops.sub: lambda x, y: x - y,
    ops.mul: lambda x, y: x * y,
    ops.div: lambda x, y: x / y,
    ops.neg: lambda x: -x,
    ops.pow: lambda x, y: x**y,
    ops.where: lambda c, x, y: x if c else y,
    ops.maximum: lambda x, y: x if x > y else y,
    ops.minimum: lambda x, y: x if x < y else y,
    ops.absolute: abs,
    ops.relu: lambda x: x if x > 0 else 0 * x,
    ops.sigmoid: lambda x: 1 / (1 + mpmath.exp(-x)),
    ops.softplus: lambda x: mpmath.log(1 + mpmath.exp(x)),
    ops.expm1: lambda x: mpmath.exp(x) - 1,
    ops.log1p: lambda x: mpmath.log(1 + x),
}
"""Functions for mpmath that it does not have by the op's name."""
for _name, _op in ops.OPS.items():
    if _op.differentiable and (_op in SAME or hasattr(mpmath, _name)):
        EXACT[_op] = SAME.get(_op) or getattr(mpmath, _name)
    elif _op.differentiable and _op.expand is not None:
        EXACT[_op] = functools.partial(expanded, _op)

POSITIVE = (ops.log, ops.sqrt, ops.log1p, ops.pow)
POINTS = 6
WAYS = ["interpreted", "compiled", "strict"]


def operands(op: Op) -> list[tuple[float, ...]]:
    """Ordinary points of the function's domain."""
    random = Random(op.name)
    low = 0.1 if op in POSITIVE else -0.9
    return [tuple(random.uniform(low, 0.9) for _ in range(op.arity)) for _ in range(POINTS)]


class Derivatives:
    """The partials of `op` up to the third, by one way of computing them.

    interpreted   programs: reverse, and forward over it twice
    compiled      kernels: the Hessian, and that of each rule of the op
    """

    def __init__(self, op: Op, way: str) -> None:
        self.op, self.way = op, way
        n = op.arity
        if way == "interpreted":
            program = Program()
            wrt = [(f"x{i}", 0) for i in range(n)]
            for name, _ in wrt:
                program.declare(name, Role.INPUT, 1)
            program.declare("out", Role.OUTPUT, 1)
            program.assign(Access("out"), Apply(op, tuple(Access(name) for name, _ in wrt)))
            first = gradient(program, ("out", 0), wrt)
            grid, cube = (np.indices((k, n)).reshape(2, -1) for k in (n, n * n))
            second = jacobian(first, wrt, GRADIENT, "second", grid)
            third = jacobian(second, wrt, "second", "third", cube)
            self.programs = [simplify(p) for p in (first, second, third)]
            return
        strict = way == "strict"
        self.kernel = jit(function_of(op), dtype="f64", strict=strict)
        self.rules = [
            None if rule is None else jit(_rule(op, i), dtype="f64", strict=strict).hessian
            for i, rule in enumerate(op.vjp)
        ]

    def at(self, point: Sequence[float]) -> list[Any]:
        """Arrays of one, two and three axes."""
        n = self.op.arity
        if self.way == "interpreted":
            given = {f"x{i}": [x] for i, x in enumerate(point)}
            found = [next(iter(interpret(p, given).values())) for p in self.programs]
            return [v.reshape((n,) * k) for k, v in enumerate(found, 1)]
        zero = np.zeros((n, n))
        third = [zero if rule is None else rule(*point) for rule in self.rules]
        partials = (self.kernel.grad(*point), self.kernel.hessian(*point), third)
        # of one parameter they are numbers
        return [np.reshape(v, (n,) * k) for k, v in enumerate(partials, 1)]


@functools.cache
def derivatives(op: Op, way: str) -> Derivatives:
    return Derivatives(op, way)


def _rule(op: Op, i: int) -> Callable[..., Any]:
    """The partial by operand `i`, as a function of as many parameters as the op has operands."""

    def partial(*xs: Any) -> Any:
        # adding zeros makes it a function of all operands, whichever the rule reads
        return op.vjp[i](1.0, op(*xs), *xs) + sum(0.0 * x for x in xs)  # type: ignore[misc]

    return {
        1: lambda x: partial(x),
        2: lambda x, y: partial(x, y),
        3: lambda x, y, z: partial(x, y, z),
    }[op.arity]


def test_no_op_is_left_out() -> None:
    missing = [op for op in ops.OPS.values() if op.differentiable and op not in EXACT]
    assert missing == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("op", EXACT, ids=lambda op: op.name)
def test_partials_up_to_the_third(op: Op, way: str) -> None:
    for point in operands(op):
        for k, found in enumerate(derivatives(op, way).at(point), 1):
            for place in itertools.product(range(op.arity), repeat=k):
                orders = [place.count(i) for i in range(op.arity)]
                if op is ops.where and orders[0]:
                    expected = 0.0
                else:
                    with mpmath.workdps(60):
                        x = tuple(map(mpmath.mpf, point))
                        exact = mpmath.diff(EXACT[op], x, tuple(orders), h=mpmath.mpf("1e-15"))
                        expected = float(exact.real if hasattr(exact, "real") else exact)
                # a few roundings of terms that are up to some hundreds here
                assert found[place] == pytest.approx(expected, rel=1e-11, abs=1e-11), (
                    op.name, point, place,
                )  # fmt: skip


# --- where rules choose ---------------------------------------------------------------------


def power_partials(x: float, y: float) -> dict[tuple[int, int], float]:
    """The partials of x**y by x, i times, and y, j times, for x > 0."""

    def by_base(i: int) -> Callable[[Any], Any]:
        return lambda t: mpmath.ff(t, i) * mpmath.mpf(x) ** (t - i)

    with mpmath.workdps(60):
        return {
            (i, j): float(mpmath.diff(by_base(i), y, j, h=mpmath.mpf("1e-15")))
            for i in range(4)
            for j in range(4 - i)
        }


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("y", [0.0, -0.0, 1.0, 2.0, 3.0, -1.0, 0.5])
@pytest.mark.parametrize("x", [2.0, 0.5, 1.0, 7.25])
def test_powers_of_positive_numbers(x: float, y: float, way: str) -> None:
    expected = power_partials(x, y)
    for k, found in enumerate(derivatives(ops.pow, way).at((x, y)), 1):
        for place in itertools.product((0, 1), repeat=k):
            partial = expected[place.count(0), place.count(1)]
            assert found[place] == pytest.approx(partial, rel=1e-12, abs=1e-12), place


def falling(n: float, k: int) -> float:
    return math.prod(n - i for i in range(k))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("n", [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, -1.0, -2.0])
@pytest.mark.parametrize("x", [0.0, -0.0, -1.0, -2.0, -0.5, 3.0])
def test_whole_powers_of_any_number(x: float, n: float, way: str) -> None:
    """By the base alone: x**n is a polynomial, whether n is a literal or a number given."""
    expected = [falling(n, k) * ops.pow(x, n - k) if falling(n, k) else 0.0 for k in (1, 2, 3)]
    for k, found in enumerate(derivatives(ops.pow, way).at((x, n))):
        assert found[(0,) * (k + 1)] == pytest.approx(expected[k], rel=1e-14, abs=0.0), k
    strict = way == "strict"
    literal = jit(lambda x: x**n, dtype="f64", strict=strict)
    slope = jit(lambda x: ops.pow.vjp[0](1.0, x**n, x, n) + 0.0 * x, dtype="f64", strict=strict)  # type: ignore[misc]
    if way != "interpreted":
        found = (literal.grad(x), literal.hessian(x), slope.hessian(x))
        numbers = [float(np.ravel(v)[0]) for v in found]
        assert numbers == pytest.approx(expected, rel=1e-14, abs=0.0)
    v = Value(x)
    (v**n).backward()
    assert v.grad == expected[0]
    v, w = Value(x), Value(n)
    (v**w).backward()
    assert v.grad == expected[0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("y", [3.5, 4.0, 7.0])
def test_powers_of_zero_that_vanish_with_their_partials(y: float, way: str) -> None:
    for found in derivatives(ops.pow, way).at((0.0, y)):
        assert not np.any(found)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("y", [0.0, 0.5, 1.0, 2.0])
def test_zero_to_a_power_is_flat_in_the_exponent(y: float, way: str) -> None:
    first, second, third = derivatives(ops.pow, way).at((0.0, y))
    assert first[1] == second[1, 1] == third[1, 1, 1] == 0.0


def test_an_exponent_of_zero_whose_reciprocal_base_overflows() -> None:
    for x in (5e-324, -1e-310, 0.0, -0.0, math.inf, math.nan):
        v, w = Value(x), Value(0.0)
        (v**w).backward()
        assert v.grad == 0.0
        for strict in (False, True):
            assert jit(lambda a, n: a**n, dtype="f64", strict=strict).grad(x, 0.0)[0] == 0.0
        kernel = jit(lambda a, n: a**n, dtype="f32")
        assert kernel.grad(np.float32(x), 0.0)[0] == 0.0


@pytest.mark.parametrize("op", [ops.maximum, ops.minimum], ids=lambda op: op.name)
def test_nothing_flows_to_the_side_that_is_not_taken(op: Op) -> None:
    """Not even 0 * inf: the slope of the square root is infinite at 0."""
    sign = 1.0 if op is ops.maximum else -1.0
    x, y = Value(0.0), Value(-1.0 * sign)
    ops.sqrt(op(x, y)).backward()
    assert (x.grad, y.grad) == (math.inf, 0.0)
    for strict in (False, True):
        kernel = jit(lambda x, y: ops.sqrt(op(x, y)), dtype="f64", strict=strict)
        assert kernel.grad(0.0, -1.0 * sign) == (math.inf, 0.0)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("op", [ops.maximum, ops.minimum, ops.absolute, ops.relu], ids=str)
def test_what_is_linear_on_both_sides_has_no_second_derivative(op: Op, way: str) -> None:
    for point in itertools.product((0.0, -0.0, 1.0, -2.0), repeat=op.arity):
        _, second, third = derivatives(op, way).at(point)
        assert not np.any(second)
        assert not np.any(third)


def test_a_tie_of_nan_is_nan() -> None:
    for op in (ops.maximum, ops.minimum):
        x, y = Value(math.nan), Value(1.0)
        (op(x, y) * math.nan).backward()
        assert same(x.grad, math.nan)
        assert same(y.grad, math.nan)
