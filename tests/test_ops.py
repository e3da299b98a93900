"""The op table: every property here is asked of every entry, so a new op is tested by itself."""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest

import micrograd
from micrograd import Value, jit, ops
from micrograd.errors import DataError
from micrograd.jit.ir.program import Access, Apply
from micrograd.ops import BY_UFUNC, OPS, Op
from micrograd.traced import Traced

from .checks import SPECIAL, check_derivative, operand_tuples, points, same, ulps

every_op = pytest.mark.parametrize("op", OPS.values(), ids=OPS.keys())
with_ufunc = pytest.mark.parametrize(
    "op", [op for op in OPS.values() if op.ufunc], ids=[n for n, op in OPS.items() if op.ufunc]
)


def function_of(op: Op) -> Callable[..., Any]:
    """The op as a Python function of named parameters, which is what jit takes."""
    return {1: lambda x: op(x), 2: lambda x, y: op(x, y), 3: lambda x, y, z: op(x, y, z)}[op.arity]


# --- eval ---------------------------------------------------------------------------------


@every_op
def test_eval_is_total(op: Op) -> None:
    for operands in operand_tuples(op):
        assert type(op.eval(*operands)) is float, operands


@with_ufunc
def test_eval_is_numpys_function(op: Op) -> None:
    f = getattr(np, op.ufunc or "")
    # NumPy's own vector functions promise 4 ulp; maximum(0.0, -0.0) may have either sign there
    zeros_signed = not op.orders_zeros
    for operands in operand_tuples(op) + list(points(op, 100)):
        if op is ops.pow and operands[1] == 0.5:
            continue  # NumPy takes the square root, which differs from C's pow at -0.0 and -inf
        with np.errstate(all="ignore"):
            expected = float(f(*map(np.float64, operands)))
        found = op.eval(*operands)
        # of what is rounded at most once there is one right result
        assert ulps(found, expected) <= (4 if op.ulps > 0.5 else 0), (operands, found, expected)
        if zeros_signed and expected == 0.0:
            assert same(found, expected), (operands, found, expected)


REFERENCES: dict[str, Callable[[Decimal], Decimal]] = {
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
    "softplus": lambda x: (1 + x.exp()).ln() if x < 100 else x + (-x).exp(),
    "tanh": lambda x: 1 - 2 / ((2 * x).exp() + 1),
    "expm1": lambda x: x.exp() - 1,
    "log1p": lambda x: (1 + x).ln() if x > -1 else Decimal(0),
    "relu": lambda x: max(x, Decimal(0)),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_eval_against_arithmetic_of_400_digits(name: str) -> None:
    with localcontext() as context:
        context.prec = 400  # 1 + x of a number as small as 1e-300 loses nothing
        for x in (1e-300, -1e-300, 1e-20, -1e-9, 0.3, -0.7, 5.0, -20.0, 37.0, -40.0, 300.0, -300.0):
            if name == "log1p" and x <= -1.0:
                continue
            expected = float(REFERENCES[name](Decimal(x)))
            # libm states at most 2 ulp for each function, expansions here are of at most three
            assert ulps(OPS[name](x), expected) <= 4, (x, OPS[name](x), expected)


def test_erf_against_its_series() -> None:
    with localcontext() as context:
        context.prec = 60
        for x in (1e-10, 0.1, -0.5, 1.0, -2.0, 3.0):
            term = total = Decimal(x)
            for n in range(1, 200):
                term *= -(Decimal(x) ** 2) / n
                total += term / (2 * n + 1)
            expected = float(total * 2 / Decimal(math.pi).sqrt())
            # the double nearest to pi is off by 4e-17 of it, far less than half an ulp
            assert ulps(ops.erf(x), expected) <= 2, x


@pytest.mark.parametrize(
    ("op", "x", "expected"),
    [
        (ops.tanh, 1000.0, 1.0),
        (ops.tanh, -1000.0, -1.0),
        (ops.sigmoid, -1000.0, 0.0),
        (ops.sigmoid, 1000.0, 1.0),
        (ops.softplus, 1000.0, 1000.0),
        (ops.softplus, -1000.0, 0.0),
        (ops.expm1, 1e-300, 1e-300),
        (ops.log1p, 1e-300, 1e-300),
    ],
    ids=str,
)
def test_stable(op: Op, x: float, expected: float) -> None:
    assert op(x) == expected
    v = Value(x)
    op(v).backward()
    assert math.isfinite(v.grad)
    for dtype in ("f64", "f32"):
        kernel = jit(function_of(op), dtype=dtype)
        number = np.float64 if dtype == "f64" else np.float32
        assert kernel(x) == float(number(expected))  # 1e-300 is 0 in f32


@pytest.mark.parametrize(
    ("op", "operands", "expected"),
    [
        (ops.div, (1.0, 0.0), math.inf),
        (ops.div, (1.0, -0.0), -math.inf),
        (ops.div, (0.0, 0.0), math.nan),
        (ops.log, (0.0,), -math.inf),
        (ops.log, (-1.0,), math.nan),
        (ops.sqrt, (-1.0,), math.nan),
        (ops.sqrt, (-0.0,), -0.0),
        (ops.pow, (-8.0, 1 / 3), math.nan),
        (ops.pow, (0.0, -1.0), math.inf),
        (ops.pow, (-0.0, -1.0), -math.inf),
        (ops.pow, (-0.0, -2.0), math.inf),
        (ops.pow, (-1e200, 3.0), -math.inf),
        (ops.pow, (-1e200, 2.0), math.inf),
        (ops.pow, (math.nan, 0.0), 1.0),
        (ops.pow, (1.0, math.nan), 1.0),
        (ops.exp, (1000.0,), math.inf),
        (ops.sinh, (-1000.0,), -math.inf),
        (ops.sin, (math.inf,), math.nan),
        (ops.relu, (math.nan,), math.nan),
        (ops.relu, (-0.0,), -0.0),
        (ops.maximum, (-0.0, 0.0), 0.0),
        (ops.minimum, (0.0, -0.0), -0.0),
        (ops.maximum, (math.nan, 1.0), math.nan),
        (ops.ne, (math.nan, math.nan), 1.0),
        (ops.eq, (math.nan, math.nan), 0.0),
        (ops.where, (math.nan, 1.0, 2.0), 1.0),
        (ops.where, (-0.0, 1.0, 2.0), 2.0),
        (ops.where, (0.0, math.nan, 2.0), 2.0),
    ],
    ids=str,
)
def test_ieee_result(op: Op, operands: tuple[float, ...], expected: float) -> None:
    assert same(op(*operands), expected)


# --- derivatives --------------------------------------------------------------------------


@every_op
def test_derivative_against_central_differences(op: Op) -> None:
    check_derivative(op)


@pytest.mark.parametrize(
    ("op", "i"),
    [(op, i) for op in OPS.values() for i in range(op.arity)],
    ids=lambda p: p.name if isinstance(p, Op) else str(p),
)
def test_a_wrong_derivative_is_noticed(op: Op, i: int) -> None:
    """The test of the test: each rule in turn is replaced by one that is 1 in 1000 off."""
    rule = op.vjp[i]

    def wrong(ct: float, out: float, *operands: float) -> float:
        return ct * 0.001 if rule is None else rule(ct, out, *operands) * 1.001 + ct * 1e-4

    broken = replace(op, vjp=(*op.vjp[:i], wrong, *op.vjp[i + 1 :]))
    with pytest.raises(AssertionError, match=f"{op.name}, operand {i}"):
        check_derivative(broken)


@every_op
def test_rules_drive_floats_and_values_alike(op: Op) -> None:
    for operands in points(op, 5, seed=1):
        out = op.eval(*operands)
        for rule in op.vjp:
            if rule is not None:
                on_floats = rule(1.7, out, *operands)
                on_values = rule(Value(1.7), Value(out), *map(Value, operands))
                on_values = on_values.data if isinstance(on_values, Value) else on_values
                assert same(float(on_floats), on_values)


@pytest.mark.parametrize(
    ("expression", "x", "expected"),
    [
        (lambda x: x.relu(), 0.0, 0.0),
        (abs, 0.0, 0.0),
        (lambda x: ops.maximum(x, 0.0), 0.0, 0.5),
        (lambda x: ops.minimum(x, x), 2.0, 1.0),
        (lambda x: x**2, 0.0, 0.0),
        (lambda x: x**1, 0.0, 1.0),
        (lambda x: x**0, 0.0, 0.0),
        (lambda x: 0.0**x, 2.0, 0.0),
        (lambda x: ops.where(x > 0, x, math.inf), 1.0, 1.0),
        (lambda x: ops.where(x > 0, ops.log(x), 0.0), 2.0, 0.5),
        (lambda x: ops.sqrt(x), 0.0, math.inf),
    ],
)
def test_derivative_at_the_kink(
    expression: Callable[[Value], Value], x: float, expected: float
) -> None:
    v = Value(x)
    expression(v).backward()
    assert v.grad == expected
    assert jit(expression_of(expression), dtype="f64").grad(x) == expected


def expression_of(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A builtin such as abs as a Python function."""
    return lambda x: f(x)


def test_nothing_flows_through_a_comparison() -> None:
    """A structural zero is not walked: 0 * inf would be nan."""
    x = Value(0.0)
    y = ops.where(x / 0.0 > 1.0, 1.0, 2.0) + x
    y.backward()
    assert x.grad == 1.0


# --- compiled -----------------------------------------------------------------------------


@every_op
@pytest.mark.parametrize(
    ("dtype", "strict", "bound"),
    # strict f64 calls the very functions that eval calls. Elsewhere: 4 ulp, for the compiler's own
    # expansions and for an expansion into three operations in f32
    [("f64", True, 0), ("f64", False, 4), ("f32", False, 4)],
    ids=["f64-strict", "f64", "f32"],
)
def test_compiled_is_eval(op: Op, dtype: str, strict: bool, bound: int) -> None:
    number = np.float64 if dtype == "f64" else np.float32
    with np.errstate(over="ignore", under="ignore"):
        columns = np.array(operand_tuples(op) + list(points(op, 64))).T.astype(number)
    kernel = jit(function_of(op), dtype=dtype, strict=strict)
    found = kernel(*columns)
    assert found.dtype == number
    if op.ulps <= 0.5:
        bound = 0
    for k, operands in enumerate(zip(*columns.tolist(), strict=True)):
        with np.errstate(over="ignore", under="ignore"):
            expected = float(number(op.eval(*operands)))
        assert ulps(found[k], expected, number) <= bound, (operands, found[k], expected)
        if bound == 0 or (expected == 0.0 and found[k] == 0.0):
            assert same(found[k], expected), (operands, found[k], expected)


@every_op
def test_one_call_is_one_row_of_the_mapped_call(op: Op) -> None:
    kernel = jit(function_of(op), dtype="f64", strict=True)
    for operands in operand_tuples(op)[::7]:
        assert same(kernel(*operands), op.eval(*operands)), operands


@every_op
def test_compiled_gradient_is_the_eager_one(op: Op) -> None:
    kernel = jit(function_of(op), wrt=list("xyz"[: op.arity]), dtype="f64", strict=True).grad
    for operands in operand_tuples(op)[::5] + list(points(op, 20)):
        values = list(map(Value, operands))
        op(*values).backward()
        # a comparison has no gradient: eager leaves the int 0 there
        for v, partial in zip(values, kernel(*operands), strict=True):
            assert v.grad == partial or (math.isnan(v.grad) and math.isnan(partial)), operands


# --- facts ------------------------------------------------------------------------------------
#
# Each is asked of the function; passes read them, and a wrong one would be a wrong number.


def check_neutral(op: Op) -> None:
    for k, number in enumerate(op.neutral):
        if number is None:
            continue
        for x in SPECIAL:
            operands = [x, x]
            operands[k] = number
            assert same(op.eval(*operands), x), operands
            assert op.is_neutral(k, number)
            assert not op.is_neutral(k, -number)
        rule = op.vjp[1 - k]
        operands = [0.7, 0.7]
        operands[k] = number
        assert rule is not None
        assert rule(1.7, 0.7, *operands) == 1.7


def check_identity(op: Op) -> None:
    if op.identity is not None:
        for x in SPECIAL:
            assert same(op.eval(op.identity, x), x), x
            assert same(op.eval(x, op.identity), x), x
        for x, y, z in itertools.product((-3.0, -1.0, 2.0, 5.0), repeat=3):
            assert op.eval(op.eval(x, y), z) == op.eval(x, op.eval(y, z))


def check_coefficients(op: Op) -> None:
    if op.coefficients:
        assert set(op.coefficients) <= {1.0, -1.0}
        for operands in points(op, 100):
            terms = [c * x for c, x in zip(op.coefficients, operands, strict=True)]
            assert op.eval(*operands) == math.fsum(terms)


def check_exponents(op: Op) -> None:
    if op.exponents:
        assert len(op.exponents) == op.arity == 2
        assert set(op.exponents) <= {1, -1}
        for operands in points(op, 100):
            factors = [x**e for e, x in zip(op.exponents, operands, strict=True)]
            # the product of two rounded factors, of which an inverse is one
            assert ulps(op.eval(*operands), math.prod(factors)) <= 2


def check_repeats(op: Op) -> None:
    if op.repeats is not None:
        for n in range(6):
            for x in (-3.0, 0.5, 2.0, 7.0):
                again = functools.reduce(op.repeats.eval, [x] * n, op.repeats.identity)
                assert op.eval(x, float(n)) == again
        for x in SPECIAL:
            assert op.eval(x, 0.0) == op.repeats.identity


def check_choice(op: Op) -> None:
    if op.choice:
        for c, x, y in operand_tuples(op):
            assert same(op.eval(c, x, y), x if c != 0.0 else y)


def check_positive(op: Op) -> None:
    if op.keeps_positive:
        for x in [*SPECIAL, *(x for (x,) in points(op, 100))]:
            assert (op.eval(x) > 0.0) == (x > 0.0), x


def check_sign(op: Op) -> None:
    if op.positive:
        for operands in [*operand_tuples(op), *points(op, 400)]:
            result = op.eval(*operands)
            assert math.isnan(result) or math.copysign(1.0, result) > 0.0, operands


def check_turning(op: Op) -> None:
    for x, y in ((0.5, 2.0), (1.25, 3.0), (0.125, 0.75)):
        if op.exponential:
            assert op.eval(x + y) == pytest.approx(op.eval(x) * op.eval(y))
            assert op.eval(1.0) == pytest.approx(math.e)
        if op.logarithmic:
            assert op.eval(x * y) == pytest.approx(op.eval(x) + op.eval(y))
            assert op.eval(math.e) == pytest.approx(1.0)


def check_expansion(op: Op) -> None:
    if op.nonexpansive:
        for operands, others in zip(points(op, 400), points(op, 400, seed=1), strict=True):
            apart = max(abs(x - y) for x, y in zip(operands, others, strict=True))
            # the differences are rounded once
            assert abs(op.eval(*operands) - op.eval(*others)) <= apart * (1 + 2**-52)


def check_exactness(op: Op) -> None:
    if op.ulps == 0.0:  # of numbers of 24 bits
        for operands in points(op, 100):
            short = [float(np.float32(x)) for x in operands]
            assert op.eval(*short) == float(np.float32(op.eval(*short)))


FACTS = [
    check_neutral, check_identity, check_coefficients, check_exponents, check_repeats,
    check_choice, check_positive, check_sign, check_turning, check_expansion, check_exactness,
]  # fmt: skip


@every_op
@pytest.mark.parametrize("check", FACTS, ids=lambda check: check.__name__)
def test_facts_hold(op: Op, check: Callable[[Op], None]) -> None:
    check(op)


WRONG: list[tuple[Callable[[Op], None], Op, dict[str, Any]]] = [
    (check_neutral, ops.add, {"neutral": (0.0, None)}),
    (check_neutral, ops.maximum, {"neutral": (0.0, None)}),
    (check_identity, ops.sub, {"identity": 0.0}),
    (check_identity, ops.mul, {"identity": -1.0}),
    (check_coefficients, ops.sub, {"coefficients": (1.0, 1.0)}),
    (check_coefficients, ops.absolute, {"coefficients": (1.0,)}),
    (check_exponents, ops.div, {"exponents": (1, 1)}),
    (check_repeats, ops.atan2, {"repeats": ops.mul}),
    (check_choice, ops.where, {"eval": lambda c, x, y: y if c != 0.0 else x}),
    (check_positive, ops.absolute, {"keeps_positive": True}),
    (check_sign, ops.relu, {"positive": True}),
    (check_turning, ops.expm1, {"exponential": True}),
    (check_turning, ops.sqrt, {"logarithmic": True}),
    (check_expansion, ops.exp, {"nonexpansive": True}),
    (check_exactness, ops.sqrt, {"ulps": 0.0}),
]


@pytest.mark.parametrize(
    ("check", "op", "facts"), WRONG, ids=[f"{op.name}-{next(iter(f))}" for _, op, f in WRONG]
)
def test_a_wrong_fact_is_noticed(
    check: Callable[[Op], None], op: Op, facts: dict[str, Any]
) -> None:
    """The test of the test."""
    with pytest.raises(AssertionError):
        check(replace(op, **facts))


@every_op
def test_what_is_cheap_is_one_operation(op: Op) -> None:
    """And none that waits: those take as long as ten others."""
    if op.cheap:
        assert op.libm is None
        assert op.mlir not in ("llvm.fdiv", "llvm.intr.sqrt")
    if op.cheap and op.expand is not None:
        assert len(str(op.expand(*map(Access, "xyz"[: op.arity])))) < 40


@every_op
def test_what_contracts_is_marked(op: Op) -> None:
    for strict in (False, True):
        text = str(jit(function_of(op), dtype="f64", strict=strict))
        if op.mlir is not None:
            assert ("fastmath<contract>" in text) == (op.contracts and not strict)


# --- Values, arrays, NumPy ----------------------------------------------------------------


@every_op
def test_eager_is_eval(op: Op) -> None:
    for operands in operand_tuples(op)[::3]:
        v = op(*map(Value, operands))
        assert same(v.data, op.eval(*operands))
        assert v._op == op.label or op is ops.pow


@with_ufunc
def test_numpy_function_on_values(op: Op) -> None:
    f = getattr(np, op.ufunc or "")
    rows = list(points(op, 4))
    for operands in rows:
        v = f(*map(Value, operands))
        assert v._entry is op
        assert same(v.data, op(*operands))
    columns = [list(map(Value, column)) for column in zip(*rows, strict=True)]
    with np.errstate(all="ignore"):
        result = f(*[np.array(column, dtype=object) for column in columns])
    expected = [op(*operands) for operands in rows]
    numbers = [v.data if isinstance(v, Value) else float(v) for v in result]
    assert all(map(same, numbers, expected))
    # on arrays of objects NumPy decides comparisons itself, and maximum by comparing
    if op.differentiable and op not in (ops.maximum, ops.minimum):
        assert all(v._entry is op for v in result)


@every_op
def test_op_maps_over_arrays(op: Op) -> None:
    columns = np.array(list(points(op, 6))).T.reshape(op.arity, 2, 3)
    result = op(*columns)
    assert result.shape == (2, 3)
    assert same(float(result[1, 2]), op(*[float(c[1, 2]) for c in columns]))


@every_op
def test_op_maps_over_arrays_beside_values(op: Op) -> None:
    """Whichever operand is the array."""
    rows = list(points(op, 3))
    for k in range(op.arity):
        operands: list[Any] = list(map(Value, rows[0]))
        operands[k] = np.array([row[k] for row in rows])
        result = op(*operands)
        assert result.shape == (3,)
        expected = op.eval(*rows[0][:k], rows[2][k], *rows[0][k + 1 :])
        last = result[2]
        assert same(last.data if isinstance(last, Value) else last, expected)


@pytest.mark.parametrize(
    "number", [np.float64(2.5), np.float32(2.5), np.int64(2), np.array(2.5), 2]
)
@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow", "lt", "le", "gt", "ge"])
def test_number_of_any_kind_on_either_side(number: Any, name: str) -> None:
    f = getattr(operator, name)
    x = Value(1.5)
    for result, expected in (
        (f(number, x), float(f(float(number), 1.5))),
        (f(x, number), float(f(1.5, float(number)))),
    ):
        assert isinstance(result, Value)
        assert result.data == expected


def test_values_in_arrays_compute() -> None:
    xs = np.array([Value(1.0), Value(2.0)])
    total = (
        np.exp(xs).sum() + (xs @ np.array([3.0, 4.0])) + np.sum(Value(2.0) * np.array([1.0, 2.0]))
    )
    total.backward()
    assert total.data == math.exp(1.0) + math.exp(2.0) + 11.0 + 6.0
    assert [v.grad for v in xs] == [math.exp(1.0) + 3.0, math.exp(2.0) + 4.0]


def test_numpy_function_without_an_op_is_refused() -> None:
    with pytest.raises(TypeError, match="cbrt"):
        np.cbrt(Value(8.0))
    with pytest.raises(TypeError):
        np.add.accumulate(Value(8.0))


# --- the table ----------------------------------------------------------------------------


@every_op
def test_entry_is_complete(op: Op) -> None:
    assert len(op.vjp) == op.arity
    assert sum(x is not None for x in (op.mlir, op.predicate, op.libm, op.expand)) == 1
    assert op.emittable
    assert op.formula in repr(op)
    if op.ufunc:
        assert BY_UFUNC[op.ufunc] is op
        assert getattr(np, op.ufunc).nin == op.arity


@every_op
def test_commutative_ops_commute(op: Op) -> None:
    if op.commutative:
        for x, y in operand_tuples(op):
            assert same(op.eval(x, y), op.eval(y, x))


@every_op
def test_expansion_is_eval(op: Op) -> None:
    if op.expand is not None:
        for operands in operand_tuples(op):
            assert same(op.expand(*operands), op.eval(*operands)), operands


@pytest.mark.parametrize("name", [n for n in OPS if n in micrograd.__all__] + ["absolute"], ids=str)
def test_op_is_public(name: str) -> None:
    assert isinstance(getattr(micrograd, name), Op)


def test_functions_are_exported_and_operators_are_not() -> None:
    names = {name for name, op in vars(ops).items() if isinstance(op, Op) and op.operator is None}
    # of two Values, == and != compare which they are, so there are functions too
    assert sorted(names | {"absolute", "eq", "ne"}) == ops.__all__
    assert set(ops.__all__) <= set(micrograd.__all__)


@every_op
def test_operators_and_methods_are_the_op(op: Op) -> None:
    numbers = next(points(op, 1))
    for values in (
        list(map(Value, numbers)),
        [Traced(name) for name in "xyz"[: op.arity]],
        [Access(name) for name in "xyz"[: op.arity]],
    ):
        for name in filter(None, (op.operator, op.name if op.operator is None else None)):
            if op.choice or (op.predicate and op.commutative):
                continue
            made: Any = getattr(values[0], name)(*values[1:])
            assert (made.op if isinstance(made, Apply) else made._entry) is op


def test_a_new_op_is_one_entry() -> None:
    """Defined once, an op is eager, differentiated and compiled."""
    swish = ops.define(
        "swish",
        formula="x sigmoid(x)",
        vjp=(lambda ct, out, x: ct * (ops.sigmoid(x) + out * (1.0 - ops.sigmoid(x))),),
        expand=lambda x: x * ops.sigmoid(x),
    )
    try:
        check_derivative(swish)
        x = Value(0.7)
        swish(x).backward()
        kernel = jit(lambda x: swish(x), dtype="f64", strict=True)
        assert kernel.value_and_grad(0.7) == (swish(0.7), x.grad)
    finally:
        del OPS["swish"]


def test_maximum_and_minimum_take_any_number_of_operands() -> None:
    numbers = [3.0, -1.0, 7.0, 7.0, 2.0]
    for op, of in ((ops.maximum, max), (ops.minimum, min)):
        for n in range(1, 6):
            assert op(*numbers[:n]) == of(numbers[:n])
            values = list(map(Value, numbers[:n]))
            op(*values).backward()
            assert sum(v.grad for v in values) == 1.0
            kernel = jit(lambda xs, op=op: op(*xs))
            assert kernel(numbers[:n]) == of(numbers[:n])
            assert kernel.grad(numbers[:n]) == [v.grad for v in values]
        assert math.isnan(op(1.0, math.nan, 2.0))
        with pytest.raises(TypeError, match=rf"takes numbers, .*: {op.name}\(\*xs\)"):
            op(numbers)
        with pytest.raises(TypeError, match=f"{op.name} takes 2 operands, got 0"):
            op()
    with pytest.raises(TypeError, match="add takes 2 operands, got 3"):
        ops.add(1.0, 2.0, 3.0)


def test_define_refuses_a_second_entry_and_an_empty_one() -> None:
    with pytest.raises(ValueError, match="tanh is defined twice"):
        ops.define("tanh", formula="", vjp=(None,), eval=math.tanh)
    with pytest.raises(ValueError, match="give eval=, or expand="):
        ops.define("nothing", formula="", vjp=(None,))
    assert "nothing" not in OPS


def test_op_counts_its_operands() -> None:
    with pytest.raises(TypeError, match="atan2 takes 2 operands, got 1"):
        ops.atan2(1.0)


@pytest.mark.parametrize("bad", ["1.0", None, b"1", 1j, [1.0], np.ones(2)])
def test_as_float_refuses(bad: Any) -> None:
    with pytest.raises(DataError, match="one real number, got"):
        ops.as_float(bad)


def test_as_float_takes_every_real_number() -> None:
    assert [ops.as_float(x) for x in (True, 3, np.float32(0.5), np.array(2.0), 10**400)] == [
        1.0, 3.0, 0.5, 2.0, math.inf,
    ]  # fmt: skip
    assert len(SPECIAL) == len(set(map(repr, SPECIAL)))
