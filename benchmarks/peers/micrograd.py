"""PyPI's micrograd, the reference interpreter: build, forward and backward anew every time."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from benchmarks import workloads
from benchmarks.peers import Prepared, flat, python_loop
from micrograd.engine import Value
from micrograd.nn import MLP


def versions() -> dict[str, str]:
    """Of micrograd."""
    from importlib.metadata import version

    return {"micrograd": version("micrograd")}


def _interpreted(
    build: Callable[[], tuple[Any, list[Any]]], setting: dict[str, Any], backward: bool = True
) -> Prepared:
    leaves: list[Any] = []

    def once() -> Any:
        root, found = build()
        if backward:
            root.backward()
        leaves[:] = found
        return root

    value = once().data
    answer = flat(value, (v.grad for v in leaves)) if backward else [value]
    return Prepared(answer, python_loop("once()", once=once, gc=setting["gc"]))


def readme(setting: dict[str, Any]) -> Prepared:
    """The README expression."""

    def build() -> tuple[Any, list[Any]]:
        a, b = Value(setting["a"]), Value(setting["b"])
        return workloads.readme(a, b), [a, b]

    return _interpreted(build, setting)


def moons(setting: dict[str, Any]) -> Prepared:
    """The loss of the demo."""
    random.seed(1337)
    model = MLP(2, [16, 16, 1])

    def build() -> tuple[Any, list[Any]]:
        model.zero_grad()
        loss = workloads.moons_loss(model, Value, setting["points"], setting["labels"])
        return loss, model.parameters()

    return _interpreted(build, setting)


def w7(setting: dict[str, Any]) -> Prepared:
    """Inference."""
    random.seed(workloads.W7_SEED)
    model = MLP(10, [30, 20, 10, 1])
    x = setting["x"]
    return _interpreted(lambda: (model(x), []), setting, backward=False)


CONTESTANTS = {f.__name__: f for f in (readme, moons, w7)}
