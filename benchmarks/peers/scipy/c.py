"""C by hand: c/rosenbrock.c, as a LowLevelCallable, through ctypes, and by a loop in C."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from scipy import LowLevelCallable, integrate

from benchmarks.native import Driver, library
from benchmarks.peers import Prepared, flat, python_loop
from benchmarks.peers.c import versions

__all__ = ["CONTESTANTS", "versions"]


def quad(setting: dict[str, Any]) -> Prepared:
    """An integral."""
    square = library("rosenbrock.c", "double").square
    square.restype, square.argtypes = ctypes.c_double, [ctypes.c_double]
    f = LowLevelCallable(square)
    run = python_loop("quad(f, 0.0, 1.0)", quad=integrate.quad, f=f)
    return Prepared([integrate.quad(f, 0.0, 1.0)[0]], run)


def callback(setting: dict[str, Any]) -> Prepared:
    """What `minimize` would call: the value and the gradient at once."""
    x, n = np.array(setting["point"]), len(setting["point"])
    loaded = library("rosenbrock.c", "double")
    call = loaded.value_and_grad
    pointer = np.ctypeslib.ndpointer(np.float64, flags="C_CONTIGUOUS")
    call.restype, call.argtypes = ctypes.c_double, [pointer, pointer, ctypes.c_long]

    def both(x: Any) -> Any:
        gradient = np.empty(n)
        return call(x, gradient, n), gradient

    return Prepared(flat(*both(x)), python_loop("f(x)", f=both, x=x))


def hessian(setting: dict[str, Any]) -> Prepared:
    """The entries alone."""
    n = len(setting["point"])
    loaded = library("rosenbrock.c", "double", f"-DN={n}")
    address = ctypes.cast(loaded.hessian, ctypes.c_void_p).value
    assert address is not None
    prototype = f"void hessian(const double x[{n}], double entries[{3 * n - 2}])"
    driver = Driver(address, prototype, [setting["point"], None])

    def run(count: int, loaded: Any = loaded) -> float:
        return driver.run(count)

    return Prepared(driver.answer(), run)


CONTESTANTS = {f.__name__: f for f in (quad, callback, hessian)}
