"""This project: compiled callbacks, and a sparse Hessian as a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import integrate

from benchmarks.peers import Clock, Prepared, flat, python_loop
from benchmarks.peers.ours import versions
from micrograd import jit
from micrograd.scipy import low_level_callable
from micrograd.scipy.flat import flat as of_array
from micrograd.scipy.flat import unknowns
from micrograd.scipy.minimizing import ValueAndGradient

__all__ = ["CONTESTANTS", "versions"]


def rosenbrock(x: np.ndarray) -> Any:
    """Rosenbrock's function."""
    return sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def quad(setting: dict[str, Any]) -> Prepared:
    """An integral."""
    f = low_level_callable(lambda x: x * x)
    run = python_loop("quad(f, 0.0, 1.0)", quad=integrate.quad, f=f)
    return Prepared([integrate.quad(f, 0.0, 1.0)[0]], run)


def callback(setting: dict[str, Any]) -> Prepared:
    """What `minimize` calls."""
    x, numbers = unknowns(setting["point"], "x0", as_array=True)
    both = ValueAndGradient(of_array(rosenbrock, x, scalar=True))
    answer = flat(both.value(numbers), both.gradient(numbers))
    points = [numbers, numbers + 1e-9]  # no two calls in a row are at one point
    code = "for x in points: f(x); g(x)"
    run = python_loop(code, points=points, f=both.value, g=both.gradient)
    return Prepared(answer, lambda count: run((count + 1) // 2) * count / (count + 1 & ~1))


def hessian(setting: dict[str, Any]) -> Prepared:
    """A sparse matrix."""
    x, clock = np.array(setting["point"]), Clock()
    kernel = jit(rosenbrock).sparse_hessian
    found = kernel(x)
    phases = {"first": clock()}
    run = python_loop("f(x)", f=kernel, x=x)
    return Prepared(found.data.tolist(), run, phases, {"entries": found.nnz})


CONTESTANTS = {f.__name__: f for f in (quad, callback, hessian)}
