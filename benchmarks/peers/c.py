"""C by hand: c/*.c, compiled here and called by the same loop in C as our kernels are."""

from __future__ import annotations

import ctypes
import math
from typing import Any

from benchmarks import workloads
from benchmarks.native import Driver, compiler_version, extension, library
from benchmarks.peers import Clock, Prepared, flat, python_loop

_REAL = {"f32": "float", "f64": "double"}


def versions() -> dict[str, str]:
    """Of the compiler."""
    return {"compiler": compiler_version() or "none"}


def _address(function: Any) -> int:
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address


def _doubles(numbers: list[float]) -> ctypes.Array[ctypes.c_double]:
    return (ctypes.c_double * len(numbers))(*numbers)


def hypot(setting: dict[str, Any]) -> Prepared:
    """The yardstick of a call from Python: another function of two floats."""
    a, b = setting["a"], setting["b"]
    return Prepared([math.hypot(a, b)], python_loop("f(a, b)", f=math.hypot, a=a, b=b))


def call(setting: dict[str, Any]) -> Prepared:
    """A CPython extension module: value and partial derivatives."""
    f: Any = extension("extension.c", "byhand")
    a, b = setting["a"], setting["b"]
    answer = flat(*f.value_and_grad(a, b))
    return Prepared(answer, python_loop("f(a, b)", f=f.value_and_grad, a=a, b=b))


def call_value(setting: dict[str, Any]) -> Prepared:
    """A CPython extension module: the value."""
    f: Any = extension("extension.c", "byhand")
    a, b = setting["a"], setting["b"]
    return Prepared([f.value(a, b)], python_loop("f(a, b)", f=f.value, a=a, b=b))


def call_c(setting: dict[str, Any]) -> Prepared:
    """Value and partial derivatives, from C."""
    loaded = library("call.c", "double")
    prototype = "double value_and_grad(double a, double b, double grad[2])"
    arguments = [setting["a"], setting["b"], None]
    return _driven(loaded, Driver(_address(loaded.value_and_grad), prototype, arguments))


def _driven(loaded: Any, driver: Driver, **more: Any) -> Prepared:
    def run(count: int, loaded: Any = loaded) -> float:
        return driver.run(count)

    return Prepared(driver.answer(), run, **more)


def w7(setting: dict[str, Any]) -> Prepared:
    """Inference."""
    real = _REAL[setting["dtype"]]
    loaded = library("w7.c", real)
    parameters = workloads.parameters_of(*workloads.W7, seed=workloads.W7_SEED)
    loaded.set_parameters(_doubles(parameters))
    driver = Driver(_address(loaded.w7), f"{real} w7(const {real} x[10])", [setting["x"]])
    return _driven(loaded, driver)


def w7_list(setting: dict[str, Any]) -> Prepared:
    """Inference by a CPython extension module: a list in, a float out."""
    f: Any = extension("extension.c", "byhand", f"-DW7_REAL={_REAL[setting['dtype']]}")
    f.set_parameters(workloads.parameters_of(*workloads.W7, seed=workloads.W7_SEED))
    x = setting["x"]
    return Prepared([f.w7(x)], python_loop("f(x)", f=f.w7, x=x))


def _moons(setting: dict[str, Any], source: str) -> Prepared:
    real = _REAL[setting["dtype"]]
    clock = Clock()
    loaded = library(source, real)
    phases = {"compile": clock()}
    points = [x for point in setting["points"] for x in point]
    labels = setting["labels"]
    loaded.set_data(ctypes.c_long(len(labels)), _doubles(points), _doubles(labels))
    prototype = f"{real} moons(const {real} p[337], {real} grad[337])"
    arguments = [workloads.parameters_of(*workloads.MOONS, seed=1337), None]
    return _driven(loaded, Driver(_address(loaded.moons), prototype, arguments), phases=phases)


def moons(setting: dict[str, Any]) -> Prepared:
    """The demo's loss and gradient, vectorised by hand for float32."""
    return _moons(setting, "moons.c")


def moons_lanes(setting: dict[str, Any]) -> Prepared:
    """The demo's loss and gradient, vectorised by hand for either dtype."""
    return _moons(setting, "moons_lanes.c")


def moons_plain(setting: dict[str, Any]) -> Prepared:
    """The demo's loss and gradient, plain loops."""
    return _moons(setting, "moons_plain.c")


def mlp_h(setting: dict[str, Any]) -> Prepared:
    """The score and gradient of a larger network, loops."""
    real, h = _REAL[setting["dtype"]], setting["h"]
    clock = Clock()
    loaded = library("mlp.c", real, f"-Dh={h}")
    phases = {"compile": clock()}
    parameters = workloads.parameters_of(h, (h, h, 1), seed=h)
    n = len(parameters)
    prototype = f"{real} mlp(const {real} p[{n}], const {real} x[{h}], {real} grad[{n}])"
    arguments = [parameters, setting["x"], None]
    return _driven(loaded, Driver(_address(loaded.mlp), prototype, arguments), phases=phases)


CONTESTANTS = {
    f.__name__: f
    for f in (hypot, call, call_value, call_c, w7, w7_list, moons, moons_lanes, moons_plain, mlp_h)
}
