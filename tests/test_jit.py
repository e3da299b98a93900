"""What is compiled computes what the interpreter computes: values, functions, models, options."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lowering.bindings import context, ir
from micrograd import Value, grad, jit, value_and_grad
from micrograd.errors import SignatureError
from micrograd.jit import Kernel
from micrograd.nn import MLP, Layer, Neuron

from .cases import README, compilations, network, plain_readme
from .checks import all_same

# --- the seed's tests --------------------------------------------------------------------------


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


# --- values ------------------------------------------------------------------------------------


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
    with pytest.raises(SignatureError, match="with respect to what"):
        kernel.grad()
    assert jit(a * 2, wrt=[]).grad() == ()


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


# --- functions ---------------------------------------------------------------------------------


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
    assert kernel.value_and_grad(2.0) == (12.0, 12.0)


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


# --- options -----------------------------------------------------------------------------------


def test_dtype_spellings() -> None:
    x = Value(0.1)
    for spelling in ("f32", "float32", np.float32, np.dtype("f4")):
        assert jit(x, dtype=spelling)() == float(np.float32(0.1))
    for spelling in ("f64", "float64", np.float64, float):
        assert jit(x, dtype=spelling)() == 0.1


def test_functions_compute_in_float64_and_values_and_models_in_float32() -> None:
    """Functions take Python's floats and give them; Values print what micrograd's JIT printed."""
    x = Value(0.1)
    assert jit(x)() == jit(x, wrt=[x])(0.1) == float(np.float32(0.1))
    assert jit(Neuron(2))._options.dtype == jit(MLP(2, [1]))._options.dtype == np.float32
    for kernel in (jit(lambda x: x), jit()(lambda x: x), jit(lambda x: x, dtype=None)):
        assert kernel(0.1) == 0.1
        assert kernel(np.array([0.1])).dtype == np.float64
    h = 1e-7  # smaller than float32 can see beside 1
    f = jit(lambda x: x * x)
    assert (f(1.0 + h) - f(1.0)) / h == pytest.approx(2.0, rel=1e-6)
    assert grad(lambda x: x * x * 0.05)(1.0) == 0.1
    assert jit(lambda x: x, dtype="f32")(0.1) == float(np.float32(0.1))


def test_strict_neither_fuses_nor_reassociates() -> None:
    def f(x: Any, y: Any, z: Any) -> Any:
        return x * y + z

    args = (1.0 + 2.0**-30, 1.0 - 2.0**-30, -1.0)  # fused, the product keeps its -2**-60
    strict = jit(f, dtype="f64", strict=True)
    assert strict(*args) == f(*args) == 0.0
    assert "fastmath" not in str(strict)
    big = [1e16, 1.0, -1e16, 1.0]
    in_turn = ((big[0] + big[1]) + big[2]) + big[3]  # `sum` of floats is compensated since 3.12
    assert jit(lambda v: sum(v), dtype="f64", strict=True)(big) == in_turn == 1.0


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

    assert jit(f, wrt="y", dtype="f64").grad(2.0, 5.0) == 6.0
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
