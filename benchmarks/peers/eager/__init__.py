"""Single operations on arrays, as a user writes them: eager Tensors, and NumPy.

A setting has an `operation` of the table, and a `size`: how many numbers the arrays have. An answer
is the ends of the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

SHAPES = {1: (), 16: (4, 4), 1000: (20, 50), 100_000: (250, 400), 1_000_000: (1000, 1000)}
"""By size."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What is computed: with Tensors `x`, `y`, `m`, `v` and arrays `i`, `j`, `k`; with NumPy, the
    same names are arrays.

    calls   of NumPy, each of which is an operation
    axes    that it needs
    """

    name: str
    ours: str
    numpy: str
    calls: int = 1
    axes: int = 0
    most: int = 1_000_000


def _each(names: dict[str, str]) -> Iterator[Operation]:
    for name, numpy in names.items():
        yield Operation(name, f"x.{name}()", numpy, numpy.count("np.") + numpy.count(" "))


def _same(axes: int, *codes: str, calls: int = 1) -> Iterator[Operation]:
    """Code that is the same for both."""
    for code in codes:
        yield Operation(code, code, code, calls, axes)


OPERATIONS = {
    o.name: o
    for o in (
        *_same(0, "x + y", "x - y", "x * y", "x / y", "x ** y", "x ** 2", "-x", "abs(x)"),
        *_same(0, "x + 1.5", "2 * x", "1.0 / x", "x < y", "x == y"),
        *(Operation(f"x {s} array", f"x {s} a", f"x {s} a") for s in "+*"),
        Operation("array * x", "a * x", "a * x"),
        Operation("np.exp(x)", "np.exp(x)", "np.exp(x)"),
        *_each(
            {
                **{f: f"np.{f}(x)" for f in ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos")},
                **{f: f"np.{f}(x)" for f in ("tan", "tanh", "sinh", "cosh")},
                "asin": "np.arcsin(x)",
                "acos": "np.arccos(x)",
                "atan": "np.arctan(x)",
                "relu": "np.maximum(x,0)",
            }
        ),
        Operation("sigmoid", "x.sigmoid()", "1 / (1 + np.exp(-x))", 4),
        Operation("softplus", "x.softplus()", "np.log1p(np.exp(x))", 2),
        Operation("atan2", "micrograd.atan2(x, y)", "np.arctan2(x, y)"),
        Operation("maximum", "micrograd.maximum(x, y)", "np.maximum(x, y)"),
        Operation("minimum", "micrograd.minimum(x, 0.5)", "np.minimum(x, 0.5)"),
        Operation("where", "micrograd.where(x < y, x, 0.0)", "np.where(x < y, x, 0.0)", 2),
        Operation("clip", "x.clip(0.3, 0.7)", "x.clip(0.3, 0.7)"),
        Operation("astype", 'x.astype("float64")', "x.astype(np.float64)"),
        *_same(0, "x.sum()", "x.mean()", "x.max()", "x.prod()", "x.var()"),
        *_same(2, "x.sum(0)", "x.sum(1, keepdims=True)", "x.mean(1)", "x.max(1)", "x.min(0)"),
        *_same(2, "x.var(0)", "x.std(1)", "x.argmax(1)", "x.argmin()"),
        Operation("softmax", "x.softmax()", "softmax(x)", 5, 2),
        Operation("log_softmax", "x.log_softmax()", "log_softmax(x)", 6, 2),
        Operation("logsumexp", "x.logsumexp(1)", "logsumexp(x)", 7, 2),
        *_same(1, "x.reshape(-1)", "x.flatten()", "x.squeeze()"),
        *_same(2, "x.T", "x.swapaxes(0, 1)", "x.transpose(1, 0)"),
        Operation("expand_dims", "x.expand_dims(1)", "np.expand_dims(x, 1)", 1, 2),
        Operation("broadcast_to", "v.broadcast_to(x.shape)", "np.broadcast_to(v, x.shape)", 1, 2),
        Operation("flip", "x.flip(1)", "np.flip(x, 1)", 1, 2),
        Operation("split", "x.split(2)", "np.split(x, 2)", 1, 2),
        Operation("pad", "pad(x, 1)", "np.pad(x, 1)", 1, 2),
        *_same(2, "x[1]", "x[1:3]", "x[:, 1]", "x[1, 2]", "x[..., ::-1]", "x[None]"),
        *_same(2, "x[i]", "x[i, j]", "x[:, j]", "x.take(i, 0)"),
        *_same(2, "x[x > 0.5]", calls=2),
        Operation("concat", "concat([x, y])", "np.concatenate([x, y])", 1, 2),
        Operation("stack", "stack([x, y])", "np.stack([x, y])", 1, 2),
        *_same(2, "x @ m", "x @ v", "v @ m"),
        Operation("x @ m.T", "x @ m.T", "x @ m.T", 2, 2),
        Operation("outer", "v.outer(v)", "np.outer(v, v)", 1, 2),
        Operation("einsum", 'einsum("ij,ij->i", x, y)', 'np.einsum("ij,ij->i", x, y)', 1, 2),
        Operation("matrix einsum", 'einsum("ij,jk->ik", x, m)', "np.matmul(x, m)", 1, 2),
    )
}
"""Single operations."""

CHAINS = {"a chain of 10 layers of tanh": 102, "a network 64-32-10": 35}
"""Backward passes, and how many calls of NumPy they are, forward and back."""


def arrays(size: int, dtype: Any = np.float32) -> dict[str, Any]:
    """The operands, of numbers between 0.1 and 0.9; indices are of axes of them."""
    rng = np.random.default_rng(1)
    shape = SHAPES[size]

    def numbers(*shape: int) -> Any:
        return np.asarray(rng.uniform(0.1, 0.9, shape).astype(np.float32), dtype)

    names = {"x": numbers(*shape), "y": numbers(*shape), "a": numbers(*shape)}
    if shape:
        names |= {"m": numbers(shape[1], shape[1]), "v": numbers(shape[1])}
        names["i"] = rng.integers(0, shape[0], shape[0])
        names["j"] = rng.integers(0, shape[1], shape[0])
    return names


def ends(result: Any) -> list[float]:
    """Some of the numbers of a result."""
    last = result[-1] if isinstance(result, list) else result
    flat = np.ravel(last)
    return [float(x) for x in (*flat[:24], *flat[-24:])]


def network(dtype: Any = np.float32) -> dict[str, Any]:
    """The parameters and a batch of 32 of the network."""
    rng = np.random.default_rng(1)
    shapes = {"w1": (64, 32), "b1": (32,), "w2": (32, 10), "b2": (10,), "x": (32, 64)}
    names = {n: (0.1 * rng.normal(size=s)).astype(np.float32) for n, s in shapes.items()}
    names["y"] = np.eye(10, dtype=np.float32)[rng.integers(0, 10, 32)]
    return {name: np.asarray(x, dtype) for name, x in names.items()}


def reference(setting: dict[str, Any]) -> list[float]:
    """The answer, in float64."""
    from . import numpy

    return ends(numpy.evaluated(setting, np.float64)())
