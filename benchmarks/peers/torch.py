"""PyTorch, eager, one thread: arrays where the program is regular, scalars where it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from benchmarks import workloads
from benchmarks.peers import Clock, Prepared, flat, python_loop

torch.set_num_threads(1)
_DTYPES = {"f32": torch.float32, "f64": torch.float64}


def versions() -> dict[str, str]:
    """Of PyTorch."""
    return {"torch": torch.__version__}


def _scalar(x: float) -> Any:
    return torch.tensor(x, dtype=torch.float64, requires_grad=True)


def call(setting: dict[str, Any]) -> Prepared:
    """Value and partial derivatives, as Python floats."""
    numbers = setting["a"], setting["b"]

    def once() -> tuple[float, tuple[float, float]]:
        a, b = map(_scalar, numbers)
        value = workloads.readme(a, b)
        value.backward()
        return value.item(), (a.grad.item(), b.grad.item())

    return Prepared(flat(*once()), python_loop("once()", once=once))


def _layers(numbers: list[float], nin: int, nouts: Any, dtype: Any) -> list[Any]:
    found, position = [], 0
    for n, outs in zip((nin, *nouts), nouts, strict=False):
        rows = torch.tensor(numbers[position : position + outs * (n + 1)], dtype=dtype)
        rows = rows.reshape(outs, n + 1)
        found += [rows[:, :-1].contiguous(), rows[:, -1].contiguous()]
        position += outs * (n + 1)
    return found


def _mlp(layers: list[Any], x: Any) -> Any:
    for k in range(0, len(layers), 2):
        x = torch.nn.functional.linear(x, layers[k], layers[k + 1])
        x = x.relu() if k + 2 < len(layers) else x
    return x


def w7(setting: dict[str, Any]) -> Prepared:
    """Inference; a list in, a float out."""
    dtype, x = _DTYPES[setting["dtype"]], setting["x"]
    parameters = workloads.parameters_of(*workloads.W7, seed=workloads.W7_SEED)
    layers = _layers(parameters, *workloads.W7, dtype)

    def once() -> float:
        with torch.inference_mode():
            return float(_mlp(layers, torch.tensor(x, dtype=dtype)).item())

    return Prepared([once()], python_loop("once()", once=once))


def _stepped(loss: Callable[[], Any], layers: list[Any]) -> Prepared:
    for w in layers:
        w.requires_grad_(True)

    def once() -> Any:
        for w in layers:
            w.grad = None
        value = loss()
        value.backward()
        return value

    clock = Clock()
    value = once().item()
    phases = {"first": clock()}
    grads = []
    for w, b in zip(layers[::2], layers[1::2], strict=True):
        grads += torch.cat([w.grad, b.grad[:, None]], dim=1).reshape(-1).tolist()
    return Prepared(flat(value, grads), python_loop("once()", once=once), phases)


def moons(setting: dict[str, Any]) -> Prepared:
    """The demo's loss and gradient."""
    dtype = _DTYPES[setting["dtype"]]
    points = torch.tensor(setting["points"], dtype=dtype)
    labels = torch.tensor(setting["labels"], dtype=dtype)
    parameters = workloads.parameters_of(*workloads.MOONS, seed=1337)
    layers = _layers(parameters, *workloads.MOONS, dtype)

    def loss() -> Any:
        margins = (1.0 - labels * _mlp(layers, points)[:, 0]).relu()
        return margins.mean() + 1e-4 * sum((w * w).sum() for w in layers)

    return _stepped(loss, layers)


def mlp_h(setting: dict[str, Any]) -> Prepared:
    """The score and gradient of a larger network."""
    h = setting["h"]
    parameters = workloads.parameters_of(h, (h, h, 1), seed=h)
    x = torch.tensor(setting["x"], dtype=torch.float64)
    layers = _layers(parameters, h, (h, h, 1), torch.float64)
    return _stepped(lambda: _mlp(layers, x)[0], layers)


def irregular(setting: dict[str, Any]) -> Prepared:
    """A random DAG, from the scalar code: built, run and differentiated anew every time."""
    dag = workloads.Dag(setting["n"])

    def once() -> tuple[float, list[float]]:
        inputs = list(map(_scalar, dag.inputs))
        value = dag.build(inputs, torch.tanh)
        value.backward()
        return value.item(), [0.0 if x.grad is None else x.grad.item() for x in inputs]

    clock = Clock()
    answer = flat(*once())
    return Prepared(answer, python_loop("once()", once=once), {"first": clock()})


CONTESTANTS = {f.__name__: f for f in (call, w7, moons, mlp_h, irregular)}
