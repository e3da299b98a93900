"""This project's Tensors, eager."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import micrograd
from benchmarks.peers import Prepared, python_loop
from benchmarks.peers.eager import CHAINS, OPERATIONS, arrays, ends, network
from benchmarks.peers.eager.numpy import LAYERS
from benchmarks.peers.ours import versions
from micrograd import Tensor
from micrograd.tensor import concat, einsum, pad, stack

__all__ = ["CONTESTANTS", "versions"]

FUNCTIONS = {"concat": concat, "einsum": einsum, "pad": pad, "stack": stack}


def chain(x: Any, y: Any, a: Any, **_: Any) -> Any:
    """The gradient by `y` of the sum of layers of tanh(h y + a)."""
    h = x
    for _ in range(LAYERS):
        h = (h * y + a).tanh()
    return gradient(h.sum(), [y, a])


def trained(w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    """The gradient by `w1` of the cross-entropy of a network, and by the other parameters."""
    z = (x @ w1 + b1).relu() @ w2 + b2
    return gradient(-(z.log_softmax(1) * y).sum(1).mean(), [w1, b1, w2, b2])


def gradient(loss: Any, parameters: list[Any]) -> Any:
    """By the first parameter, when all are computed."""
    for p in parameters:
        p.grad = None
    loss.backward()
    return parameters[0].grad


def evaluated(setting: dict[str, Any]) -> Callable[[], Any]:
    """What is computed."""
    name, recorded = setting["operation"], setting.get("recorded", False)
    if name in CHAINS:
        of_network = name.startswith("a network")
        names = network() if of_network else arrays(setting["size"])
        leaves = {n: Tensor(v, requires_grad=n[0] in "wbya") for n, v in names.items()}
        if of_network:
            leaves["y"] = leaves["y"].detach()
        function = trained if of_network else chain
        return lambda: function(**leaves)
    names = arrays(setting["size"])
    of_tensors = {n: Tensor(v, requires_grad=recorded) for n, v in names.items() if n in "xymv"}
    names |= {**of_tensors, **FUNCTIONS, "micrograd": micrograd, "np": np}
    code: Any = eval(f"lambda: {OPERATIONS[name].ours}", names)
    return code  # type: ignore[no-any-return]


def operation(setting: dict[str, Any]) -> Prepared:
    """One evaluation; `recorded`: of what requires a gradient."""
    once = evaluated(setting)
    result = once()
    last = result[-1] if isinstance(result, list) else result
    return Prepared(ends(last.detach().numpy()), python_loop("once()", once=once))


CONTESTANTS = {"operation": operation}
