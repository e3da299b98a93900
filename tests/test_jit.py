"""Kernels: what is compiled computes what the interpreter computes, however it is called."""

from __future__ import annotations

import ctypes
import gc
import math
import random
import re
import threading
import weakref
from collections import namedtuple
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lowering
import micrograd
from lowering.bindings import context, ir
from micrograd import Value, exp, grad, jit, sin, tanh, value_and_grad, where
from micrograd.jit import Kernel
from micrograd.jit.graph import FIRST_OP
from micrograd.jit.program import Apply, Expr
from micrograd.nn import MLP, Layer, Neuron

from .checks import all_same
from .test_engine import readme

README = (24.70408163265306, (138.83381924198252, 645.5772594752186))
"""The README expression at (-4, 2) and its partials, as PyPI micrograd 0.1.0 prints them."""


def plain_readme(a: Any, b: Any) -> Any:
    return readme(a, b, micrograd.relu)


def network(seed: int, nin: int, nouts: Sequence[int]) -> MLP:
    random.seed(seed)
    return MLP(nin, nouts)


def compilations(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A list that grows by one with every compilation."""
    made: list[Any] = []
    compile_ = lowering.compile

    def counted(*args: Any, **kwargs: Any) -> Any:
        made.append(args)
        return compile_(*args, **kwargs)

    monkeypatch.setattr(lowering, "compile", counted)
    return made


# --- the seed's tests -----------------------------------------------------------------------


def test_value() -> None:
    a, b = Value(4.0), Value(2.0)
    c = a + b
    d = a + c
    assert math.isclose(d.data, jit(d)(), abs_tol=1e-04)


def test_mlp() -> None:
    net = network(10, 2, [1])
    args = [-30.0, -20.0]
    assert math.isclose(net(args).data, jit(net)(args), abs_tol=1e-04)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Neuron(10),
        lambda: Neuron(10, nonlin=False),
        lambda: Layer(10, 1),
        lambda: Layer(10, 4),
        lambda: MLP(10, [30, 20, 10, 1]),
        lambda: MLP(10, [5, 3]),
    ],
    ids=["neuron", "linear", "layer-1", "layer-4", "mlp-1", "mlp-3"],
)
def test_model(make: Callable[[], Any]) -> None:
    random.seed(10)
    model = make()
    args = random.sample(range(-100, 100), 10)
    expected = model(args)
    numbers = [v.data for v in expected] if isinstance(expected, list) else expected.data
    found = jit(model)(args)
    assert type(found) is type(numbers)
    # f32 carries 24 bits: 6e-8 a rounding, about a hundred of them, on sums up to 3000
    assert found == pytest.approx(numbers, rel=1e-5, abs=1e-2)
    assert jit(model, dtype="f64", strict=True)(args) == numbers


def test_printed_form() -> None:
    a, b = Value(4.0), Value(2.0)
    text = str(jit(a + b))
    assert text.startswith("module {\n  llvm.func @main() -> f32 attributes {llvm.emit_c_interface")
    assert re.search(
        r"llvm\.func @_mlir_ciface_main\(\) -> f32 attributes \{llvm\.emit_c_interface", text
    )
    assert "llvm.call @main() : () -> f32" in text
    assert text.endswith("}")


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_printed_form_is_a_module_that_verifies(dtype: str) -> None:
    model = jit(network(1, 3, [4, 2]), dtype=dtype)
    f = jit(plain_readme, dtype=dtype)
    for kernel in (model, f, f.grad, f.value_and_grad):
        with context():
            module = ir.Module.parse(str(kernel))
            assert module.operation.verify()
            assert str(module).rstrip() == str(kernel)
        assert "llvm.func @main(" in str(kernel)
    assert re.search(rf"@main\(.*\) -> {dtype} attributes {{llvm.emit_c_interface", str(f))


# --- values ---------------------------------------------------------------------------------


def test_readme_expression() -> None:
    a, b = Value(-4.0), Value(2.0)
    g = plain_readme(a, b)
    kernel = jit(g, wrt=[a, b], dtype="f64", strict=True)
    assert kernel(-4.0, 2.0) == README[0]
    assert kernel.value_and_grad(-4.0, 2.0) == README
    assert kernel.grad(-4.0, 2.0) == README[1]
    f32 = jit(g, wrt=[a, b])
    # 1e-6: f32 rounds to 6e-8, some thirty operations
    assert f32(-4, 2) == pytest.approx(README[0], rel=1e-6)
    assert f32.grad(-4, 2) == pytest.approx(README[1], rel=1e-6)


def test_leaves_of_wrt_are_read_live_without_arguments() -> None:
    a, b = Value(-4.0), Value(2.0)
    g = plain_readme(a, b)
    kernel = jit(g, wrt=[a, b], dtype="f64")
    assert kernel() == pytest.approx(README[0], rel=1e-14)  # 1e-14: products may be fused
    a.data = 1.0
    assert kernel() == pytest.approx(plain_readme(1.0, 2.0), rel=1e-14)
    assert kernel.grad() == pytest.approx(kernel.grad(1.0, 2.0), rel=1e-14)


def test_value_without_wrt_is_closed() -> None:
    a = Value(4.0)
    kernel = jit(a * 2)
    assert kernel() == 8.0
    a.data = 5.0
    assert kernel() == 8.0
    assert kernel.grad() == ()


def test_wrt_of_one_leaf_and_labels_as_names() -> None:
    x, y = Value(2.0, label="speed"), Value(3.0)
    kernel = jit(x * y, wrt=x)
    assert repr(kernel) == "<kernel value(speed) -> float32>"
    assert kernel(5.0) == kernel(speed=5.0) == 15.0
    assert repr(jit(x * y, wrt=[y, x])) == "<kernel value(x0, speed) -> float32>"


def test_value_that_is_a_leaf() -> None:
    x = Value(3.0)
    assert jit(x)() == 3.0
    assert jit(x, wrt=[x]).value_and_grad(7.0) == (7.0, (1.0,))


# --- functions ------------------------------------------------------------------------------


def test_function_and_its_gradient() -> None:
    kernel = jit(plain_readme, dtype="f64", strict=True)
    assert (kernel(-4.0, 2.0), kernel.grad(-4.0, 2.0)) == README
    assert grad(plain_readme, dtype="f64", strict=True)(-4.0, 2.0) == README[1]
    assert value_and_grad(plain_readme, dtype="f64", strict=True)(-4.0, 2.0) == README


def test_results_are_python_floats() -> None:
    kernel = jit(lambda x, y: x * y)
    assert type(kernel(2, 3)) is float
    value, partials = kernel.value_and_grad(np.float32(2), np.int64(3))
    assert [type(v) for v in (value, *partials)] == [float] * 3
    assert kernel(Value(2.0), True) == 2.0


def test_decorator() -> None:
    @jit
    def f(x: Any) -> Any:
        """Doubles."""
        return x * 2

    @jit(dtype="f64", strict=True)
    def g(x: Any) -> Any:
        return x / 3

    assert isinstance(f, Kernel)
    assert (f.__name__, f.__doc__) == ("f", "Doubles.")
    assert f(4) == 8.0
    assert g(1.0) == 1.0 / 3.0
    assert repr(g) == "<kernel g(x) -> float64>"


def test_defaults_and_keywords() -> None:
    def f(x: Any, scale: Any = 2.0, shift: Any = 1, *, squared: bool = True) -> Any:
        return (x * x if squared else x) * scale + shift

    kernel = jit(f, dtype="f64")
    assert kernel(3.0) == 19.0
    assert kernel(3.0, 10.0) == 91.0
    assert kernel(3.0, shift=0.0) == kernel(shift=0, x=3.0) == 18.0
    assert kernel.grad(3.0) == (12.0, 9.0, 1.0)


def test_twelve_arguments_keep_their_order() -> None:
    names = [f"a{k}" for k in range(12)]
    scope: dict[str, Any] = {}
    terms = " + ".join(f"{name}*{10**k}" for k, name in enumerate(names))
    exec(f"def f({', '.join(names)}): return {terms}", scope)
    kernel = jit(scope["f"], dtype="f64")
    args = [float(k % 10) for k in range(12)]
    assert kernel(*args) == scope["f"](*args)
    assert kernel.grad(*args) == tuple(10.0**k for k in range(12))
    assert kernel(**dict(zip(names[::-1], args[::-1], strict=True))) == kernel(*args)
    leaves = [Value(x) for x in args]
    by_value = jit(scope["f"](*leaves), wrt=leaves[::-1], dtype="f64")
    assert by_value.grad(*args[::-1]) == tuple(10.0**k for k in range(12))[::-1]


def test_unused_argument_has_gradient_zero() -> None:
    kernel = jit(lambda x, unused, y: x * y)
    assert kernel(2.0, 1e30, 3.0) == 6.0
    assert kernel.grad(2.0, math.nan, 3.0) == (3.0, 0.0, 2.0)
    assert jit(lambda xs, y: xs[0] * y).grad([1.0, 2.0], 3.0) == ([3.0, 0.0], 1.0)


@pytest.mark.parametrize(
    "name", ["t1", "p0", "out", "grad", "main", "malloc", "part0", "ct_x", "zero1"]
)
def test_argument_named_as_the_compiler_names_things(name: str) -> None:
    w = Value(3.0)
    scope: dict[str, Any] = {"w": w}
    exec(f"def f({name}): return {name} * {name} * w", scope)
    kernel = jit(scope["f"], dtype="f64")
    assert kernel.value_and_grad(2.0) == (12.0, (12.0,))


def test_constant_and_repeated_outputs() -> None:
    kernel = jit(lambda x: [x, x, 1.0, x + 1, 2])
    assert kernel(5.0) == [5.0, 5.0, 1.0, 6.0, 2.0]


def test_function_is_traced_once_per_structure(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def f(xs: Any) -> Any:
        calls.append(len(xs))
        return sum(xs)

    made = compilations(monkeypatch)
    kernel = jit(f)
    for _ in range(3):
        assert kernel([1.0, 2.0]) == 3.0
        assert kernel([1.0, 2.0, 3.0]) == 6.0
    assert calls == [2, 3]
    assert len(made) == 2


# --- containers and arrays ------------------------------------------------------------------

Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("f", "argument", "expected", "partials"),
    [
        pytest.param(lambda v: v[0] * v[1], [2.0, 3.0], 6.0, [3.0, 2.0], id="list"),
        pytest.param(lambda v: v[0] * v[1], (2.0, 3), 6.0, (3.0, 2.0), id="tuple"),
        pytest.param(
            lambda v: v["b"] / v["a"], {"b": 3, "a": 2}, 1.5, {"b": 0.5, "a": -0.75}, id="dict"
        ),
        pytest.param(lambda v: v.x - v.y, Point(2.0, 3.0), -1.0, Point(1.0, -1.0), id="namedtuple"),
        pytest.param(
            lambda v: v[0]["w"][1] * v[1].y,
            [{"w": [1.0, 2.0], "b": 7.0}, Point(0.0, 4.0)],
            8.0,
            [{"w": [0.0, 4.0], "b": 0.0}, Point(0.0, 2.0)],
            id="nested",
        ),
        pytest.param(lambda v: sum(v), [1.0], 1.0, [1.0], id="one"),
    ],
)
def test_container(f: Callable[[Any], Any], argument: Any, expected: float, partials: Any) -> None:
    kernel = jit(f)
    for _ in range(2):  # the second call finds the structure compiled
        assert kernel(argument) == expected
        value, found = kernel.value_and_grad(argument)
        assert (value, found) == (expected, (partials,))
        assert type(found[0]) is type(partials)


def test_results_in_containers() -> None:
    kernel = jit(lambda x, y: {"sum": x + y, "both": Point(x, [y, x * y])})
    assert kernel(2.0, 3.0) == {"sum": 5.0, "both": Point(2.0, [3.0, 6.0])}


def test_array_parameter_by_annotation() -> None:
    @jit(dtype="f64")
    def f(a: np.ndarray, x: float) -> Any:
        return (a * x).sum() + a[1, 0]

    a = np.array([[1.0, 2.0], [3.0, 4.0]])
    value, (da, dx) = f.value_and_grad(a, 2.0)
    assert (value, dx) == (23.0, 10.0)
    np.testing.assert_array_equal(da, [[2.0, 2.0], [3.0, 2.0]])


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_arrays_are_mapped_over(dtype: str) -> None:
    kernel = jit(lambda x, y: x * y + 1, dtype=dtype)
    number = np.dtype(f"f{int(dtype[1:]) // 8}")
    x = np.arange(6.0).reshape(2, 3)
    y = np.array([10.0, 20.0, 30.0])
    result = kernel(x, y)
    assert result.dtype == number
    np.testing.assert_array_equal(result, x * y + 1)
    np.testing.assert_array_equal(kernel(x, 2), x * 2 + 1)
    np.testing.assert_array_equal(kernel(x[:, :1], y), x[:, :1] * y + 1)
    np.testing.assert_array_equal(kernel(x.T, y[:2]), x.T * y[:2] + 1)
    np.testing.assert_array_equal(kernel(x[:, ::-2], 1.0), x[:, ::-2] + 1)
    np.testing.assert_array_equal(kernel(x.astype(np.float32), x.astype(int)), x * x + 1)
    assert kernel(np.empty(0), 1.0).shape == (0,)
    assert kernel(np.empty((2, 0)), np.empty((1, 0))).shape == (2, 0)
    assert kernel(np.array(2.0), 3.0) == 7.0
    assert np.ndim(kernel(np.array(2.0), 3.0)) == 0


def test_gradients_are_mapped_over() -> None:
    kernel = jit(lambda x, y: x * y, dtype="f64")
    x, y = np.arange(3.0), np.array([[5.0], [6.0]])
    value, (dx, dy) = kernel.value_and_grad(x, y)
    np.testing.assert_array_equal(value, x * y)
    np.testing.assert_array_equal(dx, np.broadcast_to(y, (2, 3)))
    np.testing.assert_array_equal(dy, np.broadcast_to(x, (2, 3)))
    dx, dy = kernel.grad(x, 7.0)
    np.testing.assert_array_equal(dx, [7.0, 7.0, 7.0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_out_receives_the_result(dtype: Any) -> None:
    kernel = jit(lambda x: x * 2, dtype=dtype)
    x = np.arange(4.0)
    out = np.zeros(4, dtype=dtype)
    assert kernel(x, out=out) is out
    np.testing.assert_array_equal(out, x * 2)
    other = np.zeros(8)[::2]  # another type, and strided: it is converted into
    assert kernel(x, out=other) is other
    np.testing.assert_array_equal(other, x * 2)


def test_out_may_overlap_an_argument() -> None:
    kernel = jit(lambda x: x + 1, dtype="f64")
    x = np.zeros(5)
    kernel(x, out=x)
    np.testing.assert_array_equal(x, np.ones(5))
    kernel(x[:-1], out=x[1:])  # written in place, each sum would feed the next
    np.testing.assert_array_equal(x, [1.0, 2.0, 2.0, 2.0, 2.0])


def test_arrays_in_containers_are_mapped_over() -> None:
    kernel = jit(lambda v, s: v[0] * v[1] + s, dtype="f64")
    np.testing.assert_array_equal(kernel([np.arange(3.0), 2.0], 1.0), [1.0, 3.0, 5.0])


def test_model_takes_a_row_or_rows() -> None:
    net = network(7, 2, [4, 1])
    kernel = jit(net, dtype="f64", strict=True)
    X = np.random.default_rng(0).normal(size=(5, 2))
    expected = [net(list(row)).data for row in X]
    assert kernel(X[0]) == kernel(list(X[0])) == kernel(tuple(X[0])) == expected[0]
    np.testing.assert_array_equal(kernel(X), expected)
    np.testing.assert_array_equal(kernel(X.reshape(5, 1, 2)), np.reshape(expected, (5, 1)))
    assert kernel(np.empty((0, 2))).shape == (0,)


def test_layer_of_several_outputs_on_rows() -> None:
    random.seed(2)
    layer = Layer(2, 3)
    X = np.random.default_rng(1).normal(size=(4, 2))
    found = jit(layer, dtype="f64", strict=True)(X)
    assert len(found) == 3
    for k, column in enumerate(found):
        np.testing.assert_array_equal(column, [layer(list(row))[k].data for row in X])


# --- options --------------------------------------------------------------------------------


def test_dtype_spellings() -> None:
    x = Value(0.1)
    for spelling in ("f32", "float32", np.float32, np.dtype("f4")):
        assert jit(x, dtype=spelling)() == float(np.float32(0.1))
    for spelling in ("f64", "float64", np.float64, float):
        assert jit(x, dtype=spelling)() == 0.1
    assert jit(x)() == float(np.float32(0.1))


def test_strict_neither_fuses_nor_reassociates() -> None:
    def f(x: Any, y: Any, z: Any) -> Any:
        return x * y + z

    args = (1.0 + 2.0**-30, 1.0 - 2.0**-30, -1.0)  # fused, the product keeps its -2**-60
    strict = jit(f, dtype="f64", strict=True)
    assert strict(*args) == f(*args) == 0.0
    assert "fastmath" not in str(strict)
    big = [1e16, 1.0, -1e16, 1.0]
    assert jit(lambda v: sum(v), dtype="f64", strict=True)(big) == sum(big)


def test_default_mode_keeps_nan_inf_and_signed_zero() -> None:
    """Reassociation and contraction are allowed, and nothing else."""
    kernel = jit(lambda x, y: [x * 0.0, x - x, x + 0.0, -0.0 + x, x / x, 0.0 - x], dtype="f64")
    found = kernel(math.inf, 0.0)
    assert all_same(found, [math.nan, math.nan, math.inf, math.inf, math.nan, -math.inf])
    found = kernel(-0.0, 0.0)
    assert all_same(found, [-0.0, 0.0, 0.0, -0.0, math.nan, 0.0])
    reduction = jit(lambda v: sum(v) * v[0])
    assert reduction([2.0] * 8) == 32.0
    text = str(reduction).lower()
    assert not re.search(r"nnan|ninf|nsz|arcp|afn|<fast>", text)


def test_wrt_of_a_function() -> None:
    w = Value(3.0)

    def f(x: Any, y: Any) -> Any:
        return w * x * y

    assert jit(f, wrt="y", dtype="f64").grad(2.0, 5.0) == (6.0,)
    assert jit(f, wrt=["y", "x"], dtype="f64").grad(2.0, 5.0) == (6.0, 15.0)
    assert jit(f, wrt=[w], dtype="f64").grad(2.0, 5.0) == (10.0,)
    assert jit(f, wrt=["x", w], dtype="f64").value_and_grad(2.0, 5.0) == (30.0, (15.0, 10.0))


def test_freeze_bakes_parameters_in() -> None:
    w = Value(3.0)
    live, frozen = jit(lambda x: w * x), jit(lambda x: w * x, freeze=True)
    assert (live(2.0), frozen(2.0)) == (6.0, 6.0)
    w.data = 5.0
    assert (live(2.0), frozen(2.0)) == (10.0, 6.0)
    assert "@p0" not in str(frozen)
    net = network(1, 2, [3, 1])
    assert jit(net, freeze=True, dtype="f64", strict=True)([1.0, 2.0]) == net([1.0, 2.0]).data


# --- live parameters ------------------------------------------------------------------------


def test_python_trains_and_the_kernel_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made = compilations(monkeypatch)
    net = network(4, 2, [4, 1])
    kernel = jit(net, dtype="f64", strict=True)
    x = [0.5, -1.5]
    for _ in range(5):
        loss = (net(x) - 1.0) ** 2
        assert kernel(x) == net(x).data
        net.zero_grad()
        loss.backward()
        for p in net.parameters():
            p.data -= 0.05 * p.grad
    assert kernel(x) == net(x).data
    assert len(made) == 1


def test_compiled_gradient_trains_as_the_interpreter() -> None:
    xs = [[2, 3, -1], [3, -1, 0.5], [0.5, 1, 1], [1, 1, -1]]
    ys = [1, -1, -1, 1]

    def train(compiled: bool) -> list[float]:
        net = network(1337, 3, [4, 4, 1])

        def loss() -> Any:
            return sum((net(x) - y) ** 2 for x, y in zip(xs, ys, strict=True))

        kernel = jit(loss, wrt=net.parameters(), dtype="f64", strict=True).value_and_grad
        losses = []
        for _ in range(20):
            if compiled:
                value, partials = kernel()
            else:
                result = loss()
                net.zero_grad()
                result.backward()
                value, partials = result.data, [p.grad for p in net.parameters()]
            for p, g in zip(net.parameters(), partials, strict=True):
                p.data -= 0.01 * g
            losses.append(value)
        return losses

    assert train(compiled=True) == train(compiled=False)


def test_model_gradient_is_of_its_parameters() -> None:
    net = network(4, 2, [3, 1])
    x = [0.5, -1.5]
    value, partials = jit(net, dtype="f64", strict=True).value_and_grad(x)
    out = net(x)
    out.backward()
    assert value == out.data
    assert list(partials) == [p.grad for p in net.parameters()]


def test_two_kernels_share_parameters() -> None:
    w, b = Value(2.0), Value(1.0)
    one = jit(lambda x: w * x + b)
    two = jit(lambda x: w - x)
    three = jit(lambda x: b * Value(4.0) * x)
    w.data, b.data = 3.0, -1.0
    assert (one(1.0), two(1.0), three(1.0)) == (2.0, 2.0, -4.0)
    del one
    w.data = 7.0
    assert two(1.0) == 6.0


def test_a_live_parameter_is_still_a_value() -> None:
    w = Value(2.0, label="w")
    kernel = jit(lambda x: w * x)
    kernel(1.0)
    w.data = 5
    assert repr(w) == "Value(data=5.0, grad=0)"
    (w * w).backward()
    assert w.grad == 10.0
    w.data -= 1.0
    assert kernel(2.0) == 8.0
    assert isinstance(w, Value)
    with pytest.raises(TypeError, match="one real number"):
        w.data = "3"  # type: ignore[assignment]


def test_parameters_outlive_their_values() -> None:
    """The kernel keeps the buffer that it reads."""

    def make() -> Kernel:
        w = Value(2.0)
        kernel = jit(w * Value(1.0), wrt=[w])
        kernel()
        return kernel  # type: ignore[no-any-return]

    kernel = make()
    gc.collect()
    junk = [np.full(1, 9.0) for _ in range(1000)]
    assert kernel() == 2.0
    assert len(junk) == 1000


# --- what C sees ----------------------------------------------------------------------------

C_TYPES = {"double": ctypes.c_double, "float": ctypes.c_float, "void": None}


def c_function(kernel: Kernel) -> Any:
    """`main`, called as its C declaration says."""
    declared = re.fullmatch(r"(\w+) main\((.*)\)", kernel.signature)
    assert declared
    arguments = [] if declared[2] == "void" else declared[2].split(", ")
    types = []
    for text in arguments:
        number = C_TYPES[text.removeprefix("const ").split()[0]]
        types.append(ctypes.POINTER(number) if "[" in text else number)  # type: ignore[arg-type,type-var]
    return ctypes.CFUNCTYPE(C_TYPES[declared[1]], *types)(kernel.address)


def doubles(*numbers: float) -> Any:
    return (ctypes.c_double * len(numbers))(*numbers)


def test_main_through_ctypes() -> None:
    kernel = jit(plain_readme, dtype="f64", strict=True)
    assert kernel.signature == "double main(double a, double b)"
    assert c_function(kernel)(-4.0, 2.0) == README[0]
    assert kernel.grad.signature == "void main(double a, double b, double grad[2])"
    partials = doubles(0.0, 0.0)
    c_function(kernel.grad)(-4.0, 2.0, partials)
    assert tuple(partials) == README[1]
    partials = doubles(0.0, 0.0)
    assert c_function(kernel.value_and_grad)(-4.0, 2.0, partials) == README[0]
    assert tuple(partials) == README[1]


def test_main_through_ctypes_with_arrays_and_f32() -> None:
    net = network(1, 2, [3, 2])
    kernel = jit(net)
    assert kernel.signature == "void main(const float x[2], float out[2])"
    out = (ctypes.c_float * 2)()
    c_function(kernel)((ctypes.c_float * 2)(0.5, 1.5), out)
    assert list(out) == kernel([0.5, 1.5])
    a = Value(4.0)
    assert jit(a * 2).signature == "float main(void)"
    assert c_function(jit(a * 2))() == 8.0


def test_scipy_low_level_callable() -> None:
    scipy = pytest.importorskip("scipy")
    quad = pytest.importorskip("scipy.integrate").quad
    kernel = jit(lambda x: sin(x), dtype="f64")
    pointer = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(kernel.address)
    area, _ = quad(scipy.LowLevelCallable(pointer), 0.0, math.pi)
    assert area == pytest.approx(2.0, abs=1e-10)  # quad asks itself for 1.5e-8


def test_c_interface_symbol_computes_the_same() -> None:
    kernel = jit(lambda x: x * 3, dtype="f64")
    native = kernel._shown.native
    assert native is not None
    f = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(native.address("_mlir_ciface_main"))
    assert f(2.0) == 6.0


# --- what is emitted ------------------------------------------------------------------------


def test_stages() -> None:
    kernel = jit(plain_readme)
    stages = kernel.stages()
    names = ["graph", "program", "simplified", "schedule", "mlir", "llvm_ir", "assembly"]
    assert [name for name in stages if name in names] == names
    assert all(isinstance(text, str) and text for text in stages.values())
    assert "input a[0]" in stages["graph"]
    assert "out" in stages["program"]
    assert stages["mlir"] == str(kernel)
    assert "define float @main(float" in re.sub(r"noundef |dso_local ", "", stages["llvm_ir"])
    assert "main" in stages["assembly"]


def test_node_used_twice_is_emitted_once() -> None:
    def f(x: Any, y: Any) -> Any:
        s = x + y
        e = exp(s)
        return e * e + e

    text = str(jit(f))
    assert text.count("llvm.call @expf") + text.count("llvm.intr.exp") <= 1
    assert text.count("llvm.fmul") == 1
    assert text.count("llvm.fadd") == 2


def test_equal_nodes_are_emitted_once() -> None:
    text = str(jit(lambda x, y: tanh(x * y) / (1.0 + tanh(x * y))))
    assert text.count("llvm.fmul") <= 1
    assert text.count("llvm.fdiv") <= 1


def runs(kernel: Kernel) -> dict[str, int]:
    """How often a call of the kernel runs each op."""
    counts: dict[str, int] = {}
    for s in kernel._shown.program.body:
        stack: list[Expr] = [s.expr]
        while stack:
            e = stack.pop()
            if isinstance(e, Apply):
                counts[e.op.name] = counts.get(e.op.name, 0) + s.points
                stack.extend(e.args)
    return counts


def test_mlp_of_the_seed_emits_each_node_once() -> None:
    net = network(10, 10, [30, 20, 10, 1])
    kernel = jit(net)
    graph = kernel._shown.graph
    products = 10 * 30 + 30 * 20 + 20 * 10 + 10
    neurons = 30 + 20 + 10 + 1
    assert len(graph) == 10 + 2 * products + products + neurons + (neurons - 1) - neurons + neurons
    assert len(graph) == 3461
    assert len(graph) == kernel.stages()["graph"].count(" = ")
    counts = runs(kernel)
    assert counts["mul"] == products == 1110
    assert counts["relu"] == 60
    assert sum(code >= FIRST_OP for code in graph.codes) == products * 2 + 60


# --- life and death -------------------------------------------------------------------------


def test_dropped_kernel_frees_its_machine_code() -> None:
    gc.collect()
    gc.disable()
    try:
        kernel = jit(lambda x: x * x)
        kernel(2.0)
        kernel(np.ones(3))
        kernel.value_and_grad(2.0)
        native = weakref.ref(kernel._shown.native)
        derived = weakref.ref(kernel.value_and_grad._shown.native)
        assert native() is not None
        del kernel
        assert native() is None
        assert derived() is None
    finally:
        gc.enable()


def resident() -> int:
    """The bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_compilations_do_not_pile_up() -> None:
    if not Path("/proc/self/statm").exists():
        pytest.skip("reads the memory of this process from /proc")

    def compile_some(n: int) -> None:
        for k in range(n):
            c = float(k)
            assert jit(lambda x, c=c: x * x + c, dtype="f64")(2.0) == 4.0 + c  # type: ignore[misc]

    compile_some(50)
    gc.collect()
    before = resident()
    compile_some(150)
    gc.collect()
    # a kernel of this size leaves 100 kB behind if nothing of it is freed: 15 MB. Pools of the
    # allocator may grow a little
    assert resident() - before < 8 << 20


def test_derived_kernels_are_made_once() -> None:
    kernel = jit(lambda x: x * x)
    assert kernel.grad is kernel.grad
    assert kernel.value_and_grad is kernel.value_and_grad
    assert kernel.grad is not kernel.value_and_grad


def test_closing_frees_derived_kernels_too() -> None:
    kernel = jit(lambda x: x * x)
    gradient = kernel.grad
    gradient(2.0)
    native = gradient._shown.native
    assert native is not None
    kernel.close()
    with pytest.raises(lowering.ModuleClosed):
        native.address("main")


# --- threads --------------------------------------------------------------------------------


def in_threads(n: int, work: Callable[[int], Any]) -> list[Any]:
    """What `work` gives in each of n threads that start together."""
    results: list[Any] = [None] * n
    start = threading.Barrier(n)

    def run(k: int) -> None:
        start.wait()
        try:
            results[k] = work(k)
        except BaseException as error:
            results[k] = error

    threads = [threading.Thread(target=run, args=(k,)) for k in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def test_several_threads_call_and_compile_one_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    made = compilations(monkeypatch)
    kernel = jit(plain_readme, dtype="f64", strict=True)

    def work(k: int) -> list[tuple[float, float]]:
        return [
            (kernel(float(-4 - i % 3), 2.0 + k), plain_readme(float(-4 - i % 3), 2.0 + k))
            for i in range(200)
        ]

    for pairs in in_threads(4, work):
        assert all(found == expected for found, expected in pairs)
    assert len(made) == 1


def test_several_threads_map_one_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    made = compilations(monkeypatch)
    kernel = jit(plain_readme, dtype="f64", strict=True)
    a = np.linspace(-4.0, -3.0, 1000)
    expected = [plain_readme(x, 2.0) for x in a]

    def work(k: int) -> bool:
        return all(kernel(a, 2.0).tolist() == expected for _ in range(20))

    assert in_threads(4, work) == [True] * 4
    assert len(made) == 2  # the single call and the loop


def test_several_threads_compile_at_once() -> None:
    def work(k: int) -> float:
        kernel = jit(lambda x: x * float(k) + tanh(x), dtype="f64", strict=True)
        return float(kernel(0.5)) + float(kernel.grad(0.5)[0])

    expected = [0.5 * k + math.tanh(0.5) + (k + (1 - math.tanh(0.5) ** 2)) for k in range(4)]
    # 1e-15: the gradient's two terms are added in another order here
    assert in_threads(4, work) == pytest.approx(expected, rel=1e-15)


def test_threads_with_structures_of_their_own() -> None:
    kernel = jit(lambda v: sum(x * x for x in v), dtype="f64")

    def work(k: int) -> bool:
        v = [1.0] * (k + 1)
        return all(kernel(v) == k + 1 for _ in range(100)) and kernel(np.array(v).tolist()) == k + 1

    assert in_threads(4, work) == [True] * 4


# --- size -----------------------------------------------------------------------------------


def random_graph(n: int, seed: int) -> tuple[list[Value], Value]:
    """A random DAG of n nodes over 20 leaves, all sinks summed (WORKLOADS.md, `irregular`)."""
    rng = random.Random(seed)
    leaves = [Value(rng.uniform(-1, 1)) for _ in range(20)]
    values, used = list(leaves), set()
    for _ in range(n):
        x, y = rng.choice(values), rng.choice(values[-50:])
        used |= {x, y}
        kind = rng.random()
        if kind < 0.1:
            values.append(tanh(x - y))
        elif kind < 0.4:
            values.append((x * y * 0.5).tanh() if kind < 0.12 else x * y * 0.5)
        elif kind < 0.5:
            values.append((x + y).relu())
        else:
            values.append((x + y) * 0.5)
    total: Any = sum(v for v in values if v not in used)
    return leaves, total


def test_random_graph_of_ten_thousand_nodes() -> None:
    leaves, total = random_graph(5000, 3)
    kernel = jit(total, wrt=leaves, dtype="f64", strict=True)
    assert len(kernel._shown.graph) > 10_000
    total.backward()
    numbers = [v.data for v in leaves]
    value, partials = kernel.value_and_grad(*numbers)
    assert value == total.data
    assert list(partials) == [v.grad for v in leaves]


def test_random_graph_in_default_mode() -> None:
    leaves, total = random_graph(1500, 4)
    total.backward()
    kernel = jit(total, wrt=leaves, dtype="f64")
    value, partials = kernel.value_and_grad(*(v.data for v in leaves))
    # fusing spares a rounding of 1e-16 of a node of size 1; there are 4500, with slopes up to 1
    assert value == pytest.approx(total.data, abs=1e-12)
    assert list(partials) == pytest.approx([v.grad for v in leaves], abs=1e-12)


def test_recurrence_in_time() -> None:
    def pendulum(angle: Any, speed: Any) -> Any:
        for _ in range(300):
            angle, speed = angle + 0.001 * speed, speed - 0.001 * sin(angle)
        return angle

    x, y = Value(1.0), Value(0.5)
    result = pendulum(x, y)
    result.backward()
    kernel = jit(pendulum, dtype="f64", strict=True)
    assert kernel.value_and_grad(1.0, 0.5) == (result.data, (x.grad, y.grad))
    fused = jit(pendulum, dtype="f64").value_and_grad(1.0, 0.5)
    # 300 steps, a few roundings of 1e-16 each
    assert fused[0] == pytest.approx(result.data, rel=1e-12)
    assert fused[1] == pytest.approx((x.grad, y.grad), rel=1e-12)


def test_log_softmax_over_many() -> None:
    """Reductions by maximum and by sum, and a gradient through both."""

    def loss(v: list[Any]) -> Any:
        top = v[0]
        for x in v[1:]:
            top = micrograd.maximum(top, x)
        return micrograd.log(sum(exp(x - top) for x in v)) + top - v[3]

    numbers = [math.sin(k) for k in range(60)]
    leaves = [Value(x) for x in numbers]
    result = loss(leaves)
    result.backward()
    value, (partials,) = jit(loss, dtype="f64").value_and_grad(numbers)
    # exp may be 4 ulp off, 60 terms
    assert value == pytest.approx(result.data, rel=1e-13)
    assert partials == pytest.approx([v.grad for v in leaves], rel=1e-12, abs=1e-15)


def test_names_of_the_compiler_in_a_program_of_loops() -> None:
    def f(v: list[Any], c0: Any, index0: Any, t1: Any) -> Any:
        return sum(x * c0 * index0 + t1 * float(k % 3) for k, x in enumerate(v))

    v = [float(k % 5) for k in range(100)]
    kernel = jit(f, dtype="f64")
    assert kernel(v, 2.0, 3.0, 1.0) == f(v, 2.0, 3.0, 1.0) == 1299.0
    assert kernel.grad(v, 2.0, 3.0, 1.0) == ([6.0] * 100, 600.0, 400.0, 99.0)


def test_chain_of_five_thousand() -> None:
    x = y = Value(0.7)
    for k in range(2500):
        y = (y * 1.0001 + 0.01).tanh() if k % 50 == 0 else y * 1.0001 + 0.01
    y.backward()
    kernel = jit(y, wrt=[x], dtype="f64", strict=True)
    assert kernel.value_and_grad(0.7) == (y.data, (x.grad,))


def test_diamonds_compiled() -> None:
    x = y = Value(1.0)
    for _ in range(100):
        y = y + y
    assert jit(y, wrt=[x], dtype="f64").value_and_grad(1.0) == (2.0**100, (2.0**100,))


def test_where_computes_both_sides() -> None:
    kernel = jit(lambda x: where(x > 0, micrograd.log(x), -1.0), dtype="f64", strict=True)
    assert kernel(-3.0) == -1.0
    assert kernel.value_and_grad(2.0) == (math.log(2.0), (0.5,))


def test_moons_loss_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo's loss over ten samples: strict compiled == eager, and f32 is near."""
    X: npt.NDArray[np.float64] = np.random.default_rng(5).normal(size=(10, 2))
    y = np.where(X[:, 0] * X[:, 1] > 0, 1, -1)
    net = network(1337, 2, [16, 16, 1])

    def loss() -> Any:
        scores = [net(list(row)) for row in X]
        losses = [(1 + -yi * s).relu() for yi, s in zip(y, scores, strict=True)]
        return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in net.parameters())

    total = loss()
    total.backward()
    expected = [p.grad for p in net.parameters()]
    value, partials = jit(loss, wrt=net.parameters(), dtype="f64", strict=True).value_and_grad()
    assert value == total.data
    assert list(partials) == expected
    value, partials = jit(loss, wrt=net.parameters()).value_and_grad()
    assert value == pytest.approx(total.data, rel=1e-5)
    # f32 rounds to 6e-8 and some thousand terms of size up to 10 are summed
    assert list(partials) == pytest.approx(expected, rel=1e-4, abs=1e-5)
