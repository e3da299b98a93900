"""Value: micrograd's interface and numbers, on graphs of any depth, without cycles or recursion."""

from __future__ import annotations

import gc
import math
import weakref
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from micrograd import Value, ops, where
from micrograd.errors import DataError, GraphError

from .checks import same


def readme(a: Any, b: Any, relu: Callable[[Any], Any]) -> Any:
    """The expression of micrograd's README."""
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + relu(b + a)
    d += 3 * d + relu(b - a)
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    return g


def sanity(x: Any, relu: Callable[[Any], Any]) -> Any:
    """The expression of micrograd's test_sanity_check."""
    z = 2 * x + 2 + x
    q = relu(z) + z * x
    h = relu(z * z)
    return h + q + q * x


# --- micrograd's own tests, rewritten -------------------------------------------------------


def test_sanity_check() -> None:
    x = Value(-4.0)
    y = sanity(x, Value.relu)
    y.backward()
    assert (y.data, x.grad) == (-20.0, 46.0)


def test_more_ops() -> None:
    a, b = Value(-4.0), Value(2.0)
    g = readme(a, b, Value.relu)
    g.backward()
    assert f"{g.data:.4f} {a.grad:.4f} {b.grad:.4f}" == "24.7041 138.8338 645.5773"


def test_against_pytorch() -> None:
    torch = pytest.importorskip("torch")
    cases: list[tuple[Callable[..., Any], tuple[float, ...]]] = [
        (sanity, (-4.0,)),
        (readme, (-4.0, 2.0)),
        (lambda x, y, relu: (x / y) ** 3 - 2**y + relu(x * y), (1.5, 0.75)),
        (lambda x, y, relu: 1 / (3 - x) * (y - 2) / x**-0.5, (1.5, 0.75)),
    ]
    for f, numbers in cases:
        values = list(map(Value, numbers))
        tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers]
        ours, theirs = f(*values, Value.relu), f(*tensors, torch.relu)
        ours.backward()
        theirs.backward()
        # 1e-14: `x / y` and pow may each be rounded once more on one side
        assert ours.data == pytest.approx(theirs.item(), rel=1e-14)
        for v, t in zip(values, tensors, strict=True):
            assert v.grad == pytest.approx(t.grad.item(), rel=1e-14)


ELEMENTARY = [op for op in ops.OPS.values() if op.arity == 1 and op.name not in ("neg", "abs")]


@pytest.mark.parametrize("op", ELEMENTARY, ids=lambda op: op.name)
def test_op_against_pytorch(op: ops.Op) -> None:
    torch = pytest.importorskip("torch")
    f = getattr(torch, op.name, None) or getattr(torch.nn.functional, op.name, None)
    if f is None:
        pytest.skip("PyTorch does not have it")
    for x in (0.3, 0.9, -0.6):
        v, t = Value(x), torch.tensor(x, dtype=torch.float64, requires_grad=True)
        ours, theirs = op(v), f(t)
        ours.backward()
        if theirs.requires_grad:  # detach() of PyTorch is no function of its operand
            theirs.backward()
        gradient = 0.0 if t.grad is None else t.grad.item()
        # 4 ulp is what vector libraries promise; the derivative is a few operations more
        assert ours.data == pytest.approx(theirs.item(), rel=1e-15, nan_ok=True)
        assert v.grad == pytest.approx(gradient, rel=1e-14, nan_ok=True)


# --- expressions that broke relatives of this project ---------------------------------------


@pytest.mark.parametrize(
    ("f", "x", "y", "value", "dx", "dy"),
    [
        pytest.param(lambda x, y: x * x, 3.0, 1.0, 9.0, 6.0, 0.0, id="x*x"),
        pytest.param(lambda x, y: x + x, 3.0, 1.0, 6.0, 2.0, 0.0, id="x+x"),
        pytest.param(lambda x, y: x - x, 3.0, 1.0, 0.0, 0.0, 0.0, id="x-x"),
        pytest.param(lambda x, y: x / x, 3.0, 1.0, 1.0, 0.0, 0.0, id="x div x"),
        pytest.param(lambda x, y: (x + y) ** 2, 3.0, 1.0, 16.0, 8.0, 8.0, id="(x+y)**2"),
        pytest.param(lambda x, y: x / y, 3.0, 2.0, 1.5, 0.5, -0.75, id="a div b"),
        pytest.param(lambda x, y: 3 - x, 1.0, 1.0, 2.0, -1.0, 0.0, id="3 - x"),
        pytest.param(lambda x, y: 3 / x, 2.0, 1.0, 1.5, -0.75, 0.0, id="3 div x"),
        pytest.param(lambda x, y: -x - -y, 2.0, 1.0, -1.0, -1.0, 1.0, id="-x - -y"),
        pytest.param(lambda x, y: +x, 2.0, 1.0, 2.0, 1.0, 0.0, id="+x"),
        pytest.param(lambda x, y: abs(x), -2.0, 1.0, 2.0, -1.0, 0.0, id="abs"),
        pytest.param(lambda x, y: (x > y) * x, 2.0, 1.0, 2.0, 1.0, 0.0, id="comparison * x"),
        pytest.param(lambda x, y: sum([x, y]), 2.0, 1.0, 3.0, 1.0, 1.0, id="sum"),
    ],
)
def test_expression(
    f: Callable[..., Any], x: float, y: float, value: float, dx: float, dy: float
) -> None:
    a, b = Value(x), Value(y)
    result = f(a, b)
    result.backward()
    assert (result.data, a.grad, b.grad) == (value, dx, dy)


@pytest.mark.parametrize("exponent", [2, 3, -1, 0.5, 0, 1, -2.0])
def test_power_value_number(exponent: float) -> None:
    x = Value(1.7)
    y = x**exponent
    y.backward()
    assert y.data == 1.7**exponent
    assert x.grad == exponent * 1.7 ** (exponent - 1)


def test_power_value_value() -> None:
    x, y = Value(1.7), Value(2.3)
    (x**y).backward()
    assert (x.grad, y.grad) == (2.3 * 1.7**1.3, 1.7**2.3 * math.log(1.7))


def test_power_number_value() -> None:
    y = Value(2.3)
    z = 1.7**y
    z.backward()
    assert (z.data, y.grad) == (1.7**2.3, 1.7**2.3 * math.log(1.7))


def test_power_with_itself() -> None:
    x = Value(2.0)
    (x**x).backward()
    assert x.grad == 4.0 * (1.0 + math.log(2.0))


def test_relu_of_nan_is_nan() -> None:
    x = Value(math.nan)
    assert math.isnan(x.relu().data)
    assert same(Value(-0.0).relu().data, -0.0)


def test_comparisons_and_where() -> None:
    x, y = Value(2.0), Value(3.0)
    made = (x < y, x <= 2, x > y, 3 >= x, 5 > x)  # noqa: SIM300  reflected on purpose
    assert [v.data for v in made] == [1.0, 1.0, 0.0, 1.0, 1.0]
    assert x < y  # a Value has a truth value, so `if` works outside jit
    assert not x > y
    z = where(x < y, x * y, y)
    z.backward()
    assert (z.data, x.grad, y.grad) == (6.0, 3.0, 2.0)
    assert ops.maximum(x, y).data == max(x, y).data == 3.0
    assert x == x
    assert x != Value(2.0)  # identity, so that Values are keys of dicts
    assert len([*{x, y}, x]) == 3


# --- interface of micrograd 0.1.0 -----------------------------------------------------------


def test_representation() -> None:
    x = Value(-4.0)
    assert repr(x) == "Value(data=-4.0, grad=0)"
    (x**2).backward()
    assert repr(x) == "Value(data=-4.0, grad=-8.0)"
    assert repr(Value(3)) == "Value(data=3.0, grad=0)"


def test_op_strings() -> None:
    x, y = Value(2.0), Value(3.0)
    made = [x + y, x * y, x**2, x**-1, x**1.5, x.relu(), x - y, x / y, -x, x**y, x]
    assert [v._op for v in made] == [
        "+", "*", "**2", "**-1", "**1.5", "ReLU", "-", "/", "neg", "**", "",
    ]  # fmt: skip


def test_previous_are_the_operands_in_order() -> None:
    x, y = Value(2.0), Value(3.0)
    assert (x - y)._prev == (x, y)
    assert (y - x)._prev == (y, x)
    assert (x * x)._prev == (x, x)
    assert (x**2)._prev == (x,)
    assert x._prev == ()
    one, same_x = (1 - x)._prev
    assert (one.data, same_x) == (1.0, x)


def test_label() -> None:
    assert Value(3, "a").label == Value(3, label="a").label == "a"
    assert Value(3, "a")._prev == ()
    x = Value(1.0)
    assert x.label == ""
    x.label = "weight"
    assert x.label == "weight"


def test_data_becomes_a_float() -> None:
    for number in (3, True, np.float32(3), np.int64(3), np.array(3.0)):
        assert type(Value(number).data) is float


def test_a_number_made_of_a_value_would_lose_the_gradient() -> None:
    """As in micrograd, whose Values math's functions do not take."""
    a = Value(1.0)
    takers: list[Callable[[], Any]] = [
        lambda: a * math.exp(a),  # type: ignore[arg-type]
        lambda: float(a),  # type: ignore[arg-type]
        lambda: np.array([a, a], dtype=float),
        lambda: np.float64(a),  # type: ignore[arg-type]
        lambda: math.fsum([a, a]),  # type: ignore[list-item]
        lambda: Value(a),
        lambda: "%.3f" % a,  # noqa: UP031
    ]
    for taker in takers:
        with pytest.raises(
            TypeError, match=r"test_engine\.py:\d+: float\(\) .*micrograd\.exp.*\.data"
        ):
            taker()
    with pytest.raises(TypeError, match=r"int\(\) of a Value .*\.data"):
        int(a)  # type: ignore[call-overload]
    assert (a * a.exp()).data == (a * np.exp(a)).data == math.e


def test_a_value_is_formatted_as_its_number() -> None:
    assert f"{Value(1.23456):.3f}, {Value(-2.0):8.1e}, {Value(3.0)}" == (
        "1.235, -2.0e+00, Value(data=3.0, grad=0)"
    )


def test_a_complex_or_masked_number_is_no_value() -> None:
    for number in (1j, np.complex64(2), np.array(3j), np.ma.masked, np.ma.array(1.0, mask=False)):
        with pytest.raises(DataError, match="a Value holds one real number"):
            Value(number)
        with pytest.raises(DataError, match="a Value holds one real number"):
            Value(1.0) + number


def test_equality_compares_with_numbers_and_tells_values_apart() -> None:
    a, same = Value(2.0), Value(2.0)
    for two in (2.0, 2, np.float32(2), np.float64(2), np.int64(2), Fraction(2), Decimal(2)):
        assert (a == two).data == (two == a).data == 1.0
        assert (a != two).data == (two != a).data == 0.0
    assert (a == 3.0).data == 0.0
    assert (a == True).data == 0.0  # noqa: E712
    assert a in (1.0, 2.0)
    assert a not in (1.0, 3.0)
    assert [2.0, a].index(a) == 0
    assert a == a
    assert not a != a  # noqa: SIM202
    assert (a == same) is False
    assert (a != same) is True
    assert a not in [same]
    assert len({a, same, a}) == 2
    assert {a: 1, same: 2}[same] == 2
    for other in (None, "2.0", [2.0], 2j, object()):
        assert (a == other) is False
        assert (a != other) is True
    assert (np.array([a, 1.0]) == 2.0).tolist() == [True, False]
    assert [v.data for v in a == np.array([2.0, 1.0])] == [1.0, 0.0]


def test_made_by_hand_as_micrograd_allows() -> None:
    x, y = Value(2.0), Value(5.0)
    z = Value(10.0, (x, y), "*")
    z.backward()
    assert (z._op, x.grad, y.grad) == ("*", 5.0, 2.0)
    assert Value(2.0, (x, 0), "+")._prev[0] is x
    with pytest.raises(GraphError, match="'foo' is not in the op table"):
        Value(1.0, (x,), "foo").backward()


def test_methods_and_backprop_alias() -> None:
    x = Value(0.5)
    y = x.exp() + x.tanh() + x.log() + x.sin() + x.sqrt() + x.sigmoid() + x.arctan()
    y.backprop()
    s = 1 / (1 + math.exp(-0.5))
    expected = math.exp(0.5) + (1 - math.tanh(0.5) ** 2) + 2 + math.cos(0.5)
    expected += 0.5 / math.sqrt(0.5) + s * (1 - s) + 1 / 1.25
    # 1e-15: the terms are summed in another order
    assert x.grad == pytest.approx(expected, rel=1e-15)


def test_print_branch(capsys: pytest.CaptureFixture[str]) -> None:
    a, b = Value(2.0, label="a"), Value(3.0)
    c = a * b
    c.label = "c"
    d = c + c / 2
    d.backward()
    d.print_branch()
    assert capsys.readouterr().out.splitlines() == [
        "+        data=9.0 grad=1",
        "  c *    data=6.0 grad=1.5",
        "    a    data=2.0 grad=4.5",
        "    leaf data=3.0 grad=3.0",
        "  /      data=3.0 grad=1.0",
        "    c * (above)",
        "    2.0",
    ]


def test_printed_numbers_are_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    x, y = Value(-1000.25, label="x"), Value(1e-30, label="a longer name")
    z = x * y + float("inf")
    z.grad = -1.5
    z.print_branch()
    assert capsys.readouterr().out.splitlines() == [
        "+                 data=  inf           grad=-1.5",
        "  *               data=   -1.00025e-27 grad= 0",
        "    x             data=-1000.25        grad= 0",
        "    a longer name data=1e-30           grad= 0",
        "  inf",
    ]


def test_long_names_do_not_move_all_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    x = Value(1.0, label="x" * 100)
    (x * 2.0).print_branch()
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first == "*" + " " * 59 + " data=2.0 grad=0"
    assert second == "  " + "x" * 100 + " data=1.0 grad=0"


def test_label_is_printed() -> None:
    assert repr(Value(3, "a")) == "Value(data=3.0, grad=0, label='a')"
    assert str(Value(3, label="it's")) == """Value(data=3.0, grad=0, label="it's")"""


@pytest.mark.parametrize("symbol", ["+=", "-=", "*=", "/=", "**="])
def test_assignments_keep_the_label(symbol: str) -> None:
    names = {"x": Value(2.0, label="x")}
    first = names["x"]
    exec(f"x {symbol} 3.0", names)
    x = names["x"]
    assert x is not first
    assert (x.label, first.label) == ("x", "x")
    assert x.data == eval(f"2.0 {symbol[:-1]} 3.0")
    assert (first * 2.0).label == ""


def test_assignments_without_a_label_and_with_arrays() -> None:
    x = Value(2.0)
    x += 1
    assert x.label == ""
    y: Any = Value(2.0, label="y")
    y += np.array([1.0, 2.0])
    assert [v.data for v in y] == [3.0, 4.0]
    z = Value(2.0, label="z")
    with pytest.raises(DataError):
        z -= "text"


def test_names_of_micrograd_with_recursion() -> None:
    x = Value(3.0)
    y = x * x + 1.0
    assert (y.operator, [v.data for v in y.prev]) == ("+", [9.0, 1.0])
    assert y.prev[0].prev == (x, x)
    assert (x.operator, x.prev) == ("", ())


@pytest.mark.parametrize("bad", ["3", None, b"3", [1.0], 1j, object()])
def test_bad_data(bad: Any) -> None:
    with pytest.raises(DataError, match="a Value holds one real number, got"):
        Value(bad)
    with pytest.raises(DataError, match="a Value holds one real number, got"):
        Value(1.0) + bad


# --- backward -------------------------------------------------------------------------------


def test_leaves_accumulate_over_graphs() -> None:
    x = Value(3.0)
    (x * x).backward()
    (x * 2).backward()
    assert x.grad == 8.0


def test_second_backward_is_idempotent_inside() -> None:
    x = Value(3.0)
    y = x * x
    z = y * y + y
    z.backward()
    inside = y.grad
    assert (inside, x.grad) == (19.0, 114.0)
    z.backward()
    assert (y.grad, z.grad) == (inside, 1.0)
    assert x.grad == 2 * 114.0  # a leaf accumulates; an interior Value does not


def test_backward_on_a_leaf() -> None:
    x = Value(3.0)
    x.backward()
    x.backward()
    assert x.grad == 1.0


def test_gradient_keeps_the_sign_of_zero() -> None:
    x, y = Value(-0.0), Value(1.0)
    z = -(x * y)
    z.backward()
    assert same(y.grad, 0.0)  # 0 + (-1 * -0.0)
    w = x * y  # its cotangent is -1 * 0.0: were sums begun at 0.0, the sign would be lost
    u = w * -0.0
    u.backward()
    assert same(w.grad, -0.0)


def test_cycle_made_by_hand() -> None:
    x = Value(2.0, label="x")
    y = x * 2
    z = y + 1
    y._operands = (z, 2.0)
    with pytest.raises(GraphError, match=r"cycle through .*op '\*'.*do not assign their operands"):
        z.backward()


def test_cycle_with_itself_is_named_by_its_label() -> None:
    y = Value(2.0) * 2
    y.label = "y"
    y._operands = (y, 2.0)
    with pytest.raises(GraphError, match="cycle through 'y' "):
        y.backward()


# --- size and memory ------------------------------------------------------------------------


def test_diamonds_of_depth_1000() -> None:
    """2**1000 paths, 1000 nodes."""
    x = Value(1.0)
    y = x
    for _ in range(1000):
        y = y + y
    y.backward()
    assert y.data == x.grad == 2.0**1000


def test_chain_of_a_million_nodes() -> None:
    x = y = Value(1.0)
    leaf = weakref.ref(x)
    for _ in range(500_000):
        y = (y + 1.0) * 1.0
    assert y.data == 500_001.0
    y.backward()
    assert x.grad == 1.0
    del x, y  # a million destructors, one inside the other, must not overflow the stack
    assert leaf() is None


def graph_of_everything() -> Value:
    x, y = Value(0.3), Value(0.4)
    terms = [op(*[x, y, x][: op.arity]) for op in ops.OPS.values()]
    total: Any = sum(terms) + x**2 + 2**y + (x - y) / 3
    return total  # type: ignore[no-any-return]


def test_graph_is_freed_by_reference_counting() -> None:
    gc.collect()
    gc.disable()
    try:
        root = graph_of_everything()
        root.backward()
        seen = [weakref.ref(v) for v in root._prev]
        alive = weakref.ref(root)
        del root
        assert alive() is None
        assert all(r() is None for r in seen)
    finally:
        gc.enable()


def test_no_reference_cycles() -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            graph_of_everything().backward()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_values_have_no_dict() -> None:
    assert not hasattr(Value(1.0), "__dict__")
    with pytest.raises(AttributeError):
        Value(1.0).dta = 3.0  # type: ignore[attr-defined]
