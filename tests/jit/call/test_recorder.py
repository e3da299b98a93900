"""What machine code records of a function is what Python's definitions record, op for op."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from micrograd import Value, jit, nn, ops, traced
from micrograd.errors import TraceError
from micrograd.jit.trace.compiling import compiling
from micrograd.jit.trace.nodes import nodes
from micrograd.jit.trace.trace import trace
from micrograd.operands import own_operands

from ...taped import KNOWN, begun, needs_tapes, same

pytestmark = needs_tapes

P = [Value(float(k), label=f"p{k}") for k in range(3)]
COMPUTED = P[0] * P[1]


class Own(Value):
    """A Value of a user's class."""


class Odd:
    """Knows what to do with a Value."""

    def __radd__(self, other: Any) -> str:
        return "odd"

    __rsub__ = __rmul__ = __rtruediv__ = __rpow__ = __radd__


# --- op for op ------------------------------------------------------------------------------

NUMBERS: list[Any] = [
    *(2.0, -0.0, float("inf"), np.float64(2.5), np.float32(0.1)),
    *(3, 0, -7, 2**29, 2**31, -(2**31), 2**70, 10**400, True, False, np.int8(3), np.bool_(True)),
    Fraction(1, 3),
]
OTHERS: list[Any] = [
    *("a", b"b", None, [1.0], (), {}, 1j, np.complex128(1j), Odd(), object, Decimal(1)),
    *(np.array([1.0, 2.0]), np.array(3.0), np.array([P[0], 2.0], dtype=object)),
    *(np.datetime64("2020-01-01"), P[0], COMPUTED, Own(3.0)),
]
OPERATORS: list[Callable[[Any, Any], Any]] = [
    lambda x, y: x + y,
    lambda x, y: x - y,
    lambda x, y: x * y,
    lambda x, y: x / y,
    lambda x, y: x**y,
    lambda x, y: x < y,
    lambda x, y: x <= y,
    lambda x, y: x > y,
    lambda x, y: x >= y,
    lambda x, y: x == y,
    lambda x, y: x != y,
    lambda x, y: x // y,
    lambda x, y: x @ y,
    lambda x, y: x & y,
    ops.maximum,
    ops.atan2,
    lambda x, y: x.minimum(y) if isinstance(x, Value) else ops.minimum(x, y),
    lambda x, y: ops.where(x, y, 1.0),
    lambda x, y: ops.where(y, 2, x),
]


def as_list(made: Any) -> Any:
    return made.reshape(-1).tolist() if isinstance(made, np.ndarray) else made


@pytest.mark.parametrize("k", range(len(OPERATORS)))
def test_operators_of_whatever(k: int) -> None:
    operator = OPERATORS[k]
    for other in [*NUMBERS, *OTHERS]:
        same(lambda x, y, z, o=other: as_list(operator(x, o)))
        same(lambda x, y, z, o=other: as_list(operator(o, x)))
        same(lambda x, y, z, o=other: as_list(operator(x * y, o)))
        same(lambda x, y, z, o=other: as_list(operator(o, x * y)))
    same(lambda x, y, z: [operator(x, y), operator(y, x), operator(x, x), operator(x * y, z)])


@pytest.mark.parametrize("op", [op for op in ops.OPS.values() if op.emittable], ids=str)
def test_every_op(op: ops.Op) -> None:
    def f(x: Any, y: Any, z: Any) -> Any:
        a = x + y
        made = [op(*[a, x, y][: op.arity]), op(*[1.5, 2, x][-op.arity :])]
        made.append(op(*[P[1], a, COMPUTED][: op.arity]) if op.arity > 1 else op(a))
        method = getattr(a, op.name, None)
        if method is not None and not op.choice:
            made.append(method(*[y, z][: op.arity - 1]))
        return made

    assert same(f) == 0


ERRORS: list[Callable[[Any, Any], Any]] = [
    lambda x, y: bool(x * y),
    lambda x, y: float(x * y),
    lambda x, y: int(x * y),
    lambda x, y: [1, 2][x * y],
    lambda x, y: hash(x * y),
    lambda x, y: (x * y).shape,
    lambda x, y: (x * y)[0],
    lambda x, y: pow(x * y, 2, 3),
    lambda x, y: pow(2, x * y, 3),
    lambda x, y: pow(2, 3, x * y),
    lambda x, y: (x * y).tanh(3),
    lambda x, y: (x * y).tanh(y=3),
    lambda x, y: (x * y).maximum(),
    lambda x, y: (x * y).maximum(x, y),
    lambda x, y: (x * y).maximum(other=x),
    lambda x, y: ops.exp(),
    lambda x, y: ops.exp(x * y, y),
    lambda x, y: ops.exp(x=x * y),
    lambda x, y: ops.exp([x * y]),
    lambda x, y: ops.maximum(),
    lambda x, y: ops.maximum([x * y]),
    lambda x, y: ops.where(x * y),
    lambda x, y: ops.where(x * y, "a", "b"),
    lambda x, y: f"{x * y:.3f}",
    lambda x, y: (x * y).backward(),
    lambda x, y: sorted([x * y, x]),
    lambda x, y: round(x * y),
    lambda x, y: np.floor(x * y),
    lambda x, y: setattr(x * y, "data", 1.0),
    lambda x, y: setattr(x * y, "other", 1.0),
]


KNOWN.extend([*OPERATORS, *ERRORS])


@pytest.mark.parametrize("k", range(len(ERRORS)))
def test_errors(k: int) -> None:
    same(lambda x, y, z: ERRORS[k](x, y))


def test_methods_without_anything() -> None:
    def f(x: Any, y: Any, z: Any) -> Any:
        for _ in range(20):
            with pytest.raises(TypeError, match="argument"):
                type(x).tanh()
        return x + y

    same(f)


def test_a_value_of_a_function_that_is_over() -> None:
    uses: list[Callable[[Any, Any], Any]] = [
        lambda a, b: a + 1,
        lambda a, b: 1 / b,
        lambda a, b: ops.exp(a),
        lambda a, b: a.tanh(),
        lambda a, b: -b,
        lambda a, b: a < b,
    ]
    texts: dict[bool, list[str]] = {False: [], True: []}
    for tape in (False, True):
        scope, (x, y, _) = begun(tape)
        with compiling(scope):
            made = [x * y, x + 2.0]
        for use in uses:
            with pytest.raises(TraceError, match="escaped from it") as error:
                use(*made)
            texts[tape].append(str(error.value).partition(": ")[2])
    assert texts[True] == texts[False]


def test_values_of_two_functions() -> None:
    def f(x: Any, y: Any, z: Any) -> Any:
        scope, (a, b, _) = begun(True)
        with compiling(scope):
            made = [a * b, x * a, a * x, (a * b) + (x * y)]
        with pytest.raises(TraceError, match="belongs to f"):
            trace(made, {"a": [a, b]}, ())
        return x + y

    same(f)


# --- what a traced Value says of itself -------------------------------------------------------


def test_operands_label_gradient_and_place() -> None:
    scope, (x, y, _) = begun(True)
    with compiling(scope):
        for _ in range(2):
            a: Any = x * 2.5 + y
        b: Any = -a + COMPUTED
        assert a._entry is ops.add
        assert a._op == "+"
        assert repr(a) == "Traced(+)"
        assert own_operands(a) is None
        product, second = a._operands
        assert second is y
        assert product._op == "*"
        assert product._operands[0] is x
        assert product._operands[1] == 2.5
        assert b._prev[1] is COMPUTED
        assert b._prev[0]._op == "neg"
        assert a.grad == 0
        assert a.label == ""
        a.label, a.grad = "sum", 3.0
        assert b._operands[0]._operands[0].label == "sum"
        assert a.grad == 3.0
        code, _ = a._site
        assert code is test_operands_label_gradient_and_place.__code__
        order = [v._serial for v in nodes([b])]
        assert order == sorted(order)
        assert a._serial in order
    found = trace([b], {"x": [x, y]}, None)
    assert "sum" in found.graph.labels.values()
    assert repr(b._operands[0]) == "Traced(neg)"
    assert repr(x) == "Traced(x)"


# --- programs ---------------------------------------------------------------------------------


def program(seed: int) -> Callable[..., Any]:
    rng = random.Random(seed)
    steps = [
        lambda a, b: a + b,
        lambda a, b: a * b - 1,
        lambda a, b: 0.5 / a,
        lambda a, b: ops.tanh(a) + b.data,
        lambda a, b: a.sigmoid() * P[rng.randrange(3)],
        lambda a, b: sum([a, b, P[0], 2]),
        lambda a, b: np.sum(np.array([a, b, 1.5], dtype=object)),
        lambda a, b: ops.maximum(a, b, COMPUTED, 0.0),
        lambda a, b: ops.where(a < b, a, Value(1.0) * b),
        lambda a, b: nn.MLP(2, [2, 1])([a, b]) if rng.random() < 0.2 else abs(a) ** 2,
    ]

    def f(*arguments: Any) -> Any:
        rng.seed(seed)
        random.seed(seed)
        pool = [arguments[0] * 1.0]
        for k in range(rng.randrange(2, 40)):
            a, b = (rng.choice([*pool[-4:], *arguments]) for _ in range(2))
            pool.append(rng.choice(steps)(a, b))
            if rng.random() < 0.1:
                pool[-1].label = f"v{k}"
            if rng.random() < 0.1:
                pool[-1] += b
        return [pool[-1], *rng.sample([*pool, *arguments, 1.5], 3)]

    return f


@pytest.mark.parametrize("seed", range(60))
def test_random_programs(seed: int) -> None:
    same(program(seed))


def test_kernels_of_long_functions_switch_to_a_tape(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(xs: list[float]) -> Any:
        total: Any = 0.0
        for x in xs:
            total = total + x * ops.tanh(x) - P[1] * x
        return total

    numbers = [0.01 * k for k in range(400)]
    monkeypatch.setattr(traced, "MANY", traced._recorded + 700)
    scopes = []
    monkeypatch.setattr(traced, "BEGIN", [*traced.BEGIN, scopes.append])
    kernel = jit(f)
    found = kernel(numbers), str(kernel._latest.graph)
    assert len(scopes) == 1
    assert 1290 < scopes[0].tape._rows_count <= 1300
    monkeypatch.setattr(traced, "MANY", sys.maxsize)
    again = jit(f)
    assert (again(numbers), str(again._latest.graph)) == found
