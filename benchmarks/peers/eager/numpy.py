"""NumPy: the same operations, and gradients written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers import Prepared, python_loop
from benchmarks.peers.eager import CHAINS, OPERATIONS, arrays, ends, network
from benchmarks.peers.numpy import versions

__all__ = ["CONTESTANTS", "versions"]

LAYERS = 10


def softmax(x: Any) -> Any:
    """Of each row."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def log_softmax(x: Any) -> Any:
    """Of each row."""
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def logsumexp(x: Any) -> Any:
    """Of each row."""
    top = x.max(1, keepdims=True)
    return (np.log(np.exp(x - top).sum(1, keepdims=True)) + top)[:, 0]


def chain(x: Any, y: Any, a: Any, **_: Any) -> Any:
    """The gradient by `y` of the sum of layers of tanh(h y + a)."""
    kept = [x]
    for _ in range(LAYERS):
        kept.append(np.tanh(kept[-1] * y + a))
    kept[-1].sum()
    ct = np.ones_like(x)
    by_y, by_a = np.zeros_like(y), np.zeros_like(a)
    for before, after in zip(kept[-2::-1], kept[:0:-1], strict=True):
        ct = ct * (1 - after * after)
        by_a = by_a + ct
        by_y = by_y + ct * before
        ct = ct * y
    return by_y


def trained(w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    """The gradient by `w1` of the cross-entropy of a network, and by the other parameters."""
    a = x @ w1 + b1
    h = np.maximum(a, 0)
    z = log_softmax(h @ w2 + b2)
    -(z * y).sum(1).mean()
    dz = y * x.dtype.type(-1 / 32)
    dz = dz - np.exp(z) * dz.sum(1, keepdims=True)
    dz.sum(0)
    h.T @ dz
    da = (dz @ w2.T) * (a > 0)
    da.sum(0)
    return x.T @ da


def evaluated(setting: dict[str, Any], dtype: Any = np.float32) -> Callable[[], Any]:
    """What is computed."""
    name = setting["operation"]
    if name in CHAINS:
        of_network = name.startswith("a network")
        names = network(dtype) if of_network else arrays(setting["size"], dtype)
        function = trained if of_network else chain
        return lambda: function(**names)
    names = {**arrays(setting["size"], dtype), "np": np}
    functions = {"softmax": softmax, "log_softmax": log_softmax, "logsumexp": logsumexp}
    code: Any = eval(f"lambda: {OPERATIONS[name].numpy}", {**names, **functions})
    return code  # type: ignore[no-any-return]


def operation(setting: dict[str, Any]) -> Prepared:
    """One evaluation."""
    once = evaluated(setting)
    return Prepared(ends(once()), python_loop("once()", once=once))


CONTESTANTS = {"operation": operation}
