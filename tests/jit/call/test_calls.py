"""Kernels are called with containers, arrays and live parameters, from Python and from C."""

from __future__ import annotations

import ctypes
import gc
import math
import random
import re
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from micrograd import Value, jit, sin
from micrograd.jit import Kernel
from micrograd.nn import Layer

from ...cases import README, compilations, network, plain_readme

# --- containers and arrays ---------------------------------------------------------------------

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
        assert (value, found) == (expected, partials)
        assert type(found) is type(partials)


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
    expected = [[v.data for v in layer(list(row))] for row in X]
    np.testing.assert_array_equal(found, expected)


# --- live parameters ---------------------------------------------------------------------------


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
    assert repr(w) == "Value(data=5.0, grad=0, label='w')"
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


# --- what C sees -------------------------------------------------------------------------------

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
