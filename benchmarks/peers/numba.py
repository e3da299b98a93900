"""numba: the gradient written by hand, as it differentiates nothing."""

from __future__ import annotations

import random
from time import perf_counter
from typing import Any

import numba
import numpy as np

from benchmarks import workloads
from benchmarks.peers import Clock, Prepared, flat, python_loop

_DTYPES = {"f32": np.float32, "f64": np.float64}
fast = numba.njit(fastmath=True)


def versions() -> dict[str, str]:
    """Of numba and its LLVM binding."""
    from importlib.metadata import version

    return {"numba": version("numba"), "llvmlite": version("llvmlite")}


fast(lambda x: x + 1.0)(1.0)  # what is loaded once per process is no part of compiling


@fast
def _relu(x: float) -> float:
    return x if x > 0 else 0.0


@fast
def _value(a: float, b: float) -> float:
    c = 3.0 * a + 4.0 * b + 3.0
    d = 12.0 * (a * b + b * b * b) + 4.0 * _relu(b + a) + _relu(b - a)
    f = (c - d) ** 2
    return f / 2.0 + 10.0 / f


@fast
def _value_and_grad(a: float, b: float) -> tuple[float, float, float]:
    c = 3.0 * a + 4.0 * b + 3.0
    d = 12.0 * (a * b + b * b * b) + 4.0 * _relu(b + a) + _relu(b - a)
    e = c - d
    f = e * e
    de = (0.5 - 10.0 / (f * f)) * 2.0 * e
    plus = 4.0 if b + a > 0 else 0.0
    minus = 1.0 if b - a > 0 else 0.0
    da = de * (3.0 - (12.0 * b + plus - minus))
    db = de * (4.0 - (12.0 * (a + 3.0 * b * b) + plus + minus))
    return f / 2.0 + 10.0 / f, da, db


def call(setting: dict[str, Any]) -> Prepared:
    """Value and partial derivatives."""
    a, b = setting["a"], setting["b"]
    clock = Clock()
    value, *partials = _value_and_grad(a, b)
    phases = {"first": clock()}
    return Prepared(
        flat(value, partials), python_loop("f(a, b)", f=_value_and_grad, a=a, b=b), phases
    )


def call_value(setting: dict[str, Any]) -> Prepared:
    """The value."""
    a, b = setting["a"], setting["b"]
    return Prepared([_value(a, b)], python_loop("f(a, b)", f=_value, a=a, b=b))


def _layers(numbers: list[float], nin: int, nouts: Any, dtype: Any) -> list[Any]:
    """Weights and bias per layer, contiguous."""
    found: list[Any] = []
    position = 0
    for n, outs in zip((nin, *nouts), nouts, strict=False):
        rows = np.array(numbers[position : position + outs * (n + 1)], dtype).reshape(outs, n + 1)
        position += outs * (n + 1)
        found += [np.ascontiguousarray(rows[:, :-1]), np.ascontiguousarray(rows[:, -1])]
    return found


@fast
def _dense(w: Any, b: Any, x: Any) -> Any:
    y = b.copy()
    for j in range(w.shape[0]):
        for i in range(w.shape[1]):
            y[j] += w[j, i] * x[i]
        if y[j] < 0:
            y[j] = 0
    return y


@fast
def _w7(w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any, w4: Any, b4: Any, x: Any) -> float:
    h = _dense(w3, b3, _dense(w2, b2, _dense(w1, b1, x)))
    score = b4[0]
    for i in range(h.size):
        score += w4[0, i] * h[i]
    return score  # type: ignore[no-any-return]


def w7(setting: dict[str, Any]) -> Prepared:
    """Inference; the list becomes an array first, as numba is used."""
    dtype = _DTYPES[setting["dtype"]]
    parameters = workloads.parameters_of(*workloads.W7, seed=workloads.W7_SEED)
    layers, x = _layers(parameters, *workloads.W7, dtype), setting["x"]

    def once() -> float:
        return float(_w7(*layers, np.array(x, dtype)))

    clock = Clock()
    answer = [once()]
    return Prepared(answer, python_loop("once()", once=once), {"first": clock()})


def _moons(p: Any, points: Any, labels: Any, grad: Any) -> float:
    n, h = points.shape[0], 16
    zero = p[0] * 0
    h1, h2, d1, d2 = np.empty_like(p[:h]), np.empty_like(p[:h]), p[:h] * 0, p[:h] * 0
    w2, turned = np.empty_like(p[: h * h]), np.empty_like(p[: h * h])
    for j in range(h):
        for i in range(h):
            w2[h * j + i] = turned[h * i + j] = p[48 + 17 * j + i]
    dw2 = w2 * 0
    grad[:] = 0
    loss = zero
    for s in range(n):
        for j in range(h):
            x = p[3 * j] * points[s, 0] + p[3 * j + 1] * points[s, 1] + p[3 * j + 2]
            h1[j] = x if x > 0 else zero
            h2[j] = p[48 + 17 * j + 16]
            d1[j] = 0
        for i in range(h):
            for j in range(h):
                h2[j] += turned[h * i + j] * h1[i]
        score = p[336]
        for j in range(h):
            h2[j] = h2[j] if h2[j] > 0 else zero
            score += h2[j] * p[320 + j]
        margin = 1 - labels[s] * score
        slope = zero
        if margin > 0:
            loss += margin
            slope = -labels[s] / points.dtype.type(n)
        grad[336] += slope
        for j in range(h):
            grad[320 + j] += slope * h2[j]
            d2[j] = slope * p[320 + j] if h2[j] > 0 else zero
            grad[48 + 17 * j + 16] += d2[j]
        for j in range(h):
            for i in range(h):
                dw2[h * j + i] += d2[j] * h1[i]
                d1[i] += d2[j] * w2[h * j + i]
        for i in range(h):
            d = d1[i] if h1[i] > 0 else zero
            grad[3 * i] += d * points[s, 0]
            grad[3 * i + 1] += d * points[s, 1]
            grad[3 * i + 2] += d
    for j in range(h):
        for i in range(h):
            grad[48 + 17 * j + i] = dw2[h * j + i]
    alpha = points.dtype.type(1e-4)
    squares = zero
    for k in range(337):
        squares += p[k] * p[k]
        grad[k] += 2 * alpha * p[k]
    return loss / points.dtype.type(n) + alpha * squares  # type: ignore[no-any-return]


def _timed(f: Any, *arguments: Any) -> tuple[float, Any]:
    """The value, and a loop around the function that numba compiles as well."""

    @fast
    def many(count: int, *arguments: Any) -> float:
        total = 0.0
        for _ in range(count):
            total += f(*arguments)
        return total

    value = float(f(*arguments))
    many(1, *arguments)

    def run(count: int) -> float:
        began = perf_counter()
        many(count, *arguments)
        return perf_counter() - began

    return value, run


def moons(setting: dict[str, Any]) -> Prepared:
    """The demo's loss and gradient."""
    dtype = _DTYPES[setting["dtype"]]
    p = np.array(workloads.parameters_of(*workloads.MOONS, seed=1337), dtype)
    points, labels = np.array(setting["points"], dtype), np.array(setting["labels"], dtype)
    grad = np.zeros_like(p)
    compiled = fast(_moons)
    clock = Clock()
    compiled(p, points, labels, grad)
    phases = {"first": clock()}
    value, run = _timed(compiled, p, points, labels, grad)
    return Prepared(flat(value, grad), run, phases)


def _mlp(w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any, x: Any, grad: Any) -> float:
    h = x.size
    y = _dense(w1, b1, x)
    z, dy = _dense(w2, b2, y), np.zeros_like(x)
    score = b3[0]
    base = 2 * h * (h + 1)
    for j in range(h):
        score += w3[0, j] * z[j]
        grad[base + j] = z[j]
    grad[base + h] = 1
    for j in range(h):
        d = w3[0, j] if z[j] > 0 else 0.0
        row = grad[h * (h + 1) + j * (h + 1) :]
        for i in range(h):
            row[i] = d * y[i]
            dy[i] += d * w2[j, i]
        row[h] = d
    for j in range(h):
        d = dy[j] if y[j] > 0 else 0.0
        row = grad[j * (h + 1) :]
        for i in range(h):
            row[i] = d * x[i]
        row[h] = d
    return score  # type: ignore[no-any-return]


def mlp_h(setting: dict[str, Any]) -> Prepared:
    """The score and gradient of a larger network."""
    h = setting["h"]
    random.seed(h)
    parameters = workloads.parameters_of(h, (h, h, 1))
    arguments = [*_layers(parameters, h, (h, h, 1), np.float64), np.array(setting["x"])]
    grad = np.zeros(len(parameters))
    compiled = fast(_mlp)
    clock = Clock()
    compiled(*arguments, grad)
    phases = {"first": clock()}
    value, run = _timed(compiled, *arguments, grad)
    return Prepared(flat(value, grad), run, phases)


CONTESTANTS = {f.__name__: f for f in (call, call_value, w7, moons, mlp_h)}
