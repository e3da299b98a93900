"""CasADi: scalar symbols (SX), reverse mode, evaluated by its virtual machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import casadi
import numpy as np

from benchmarks import workloads
from benchmarks.peers import Clock, Prepared, python_loop


def versions() -> dict[str, str]:
    """Of CasADi."""
    return {"casadi": casadi.__version__}


class Symbol:
    """A CasADi scalar with the methods that the shared programs use."""

    __slots__ = ("x",)

    def __init__(self, x: Any) -> None:
        self.x = x

    def __add__(self, other: Any) -> Symbol:
        return Symbol(self.x + (other.x if isinstance(other, Symbol) else other))

    def __mul__(self, other: Any) -> Symbol:
        return Symbol(self.x * (other.x if isinstance(other, Symbol) else other))

    def __sub__(self, other: Any) -> Symbol:
        return Symbol(self.x - (other.x if isinstance(other, Symbol) else other))

    def __rmul__(self, other: float) -> Symbol:
        return Symbol(other * self.x)

    def __radd__(self, other: float) -> Symbol:
        return Symbol(other + self.x)

    def __truediv__(self, other: float) -> Symbol:
        return Symbol(self.x / other)

    def __rtruediv__(self, other: float) -> Symbol:
        return Symbol(other / self.x)

    def __neg__(self) -> Symbol:
        return Symbol(-self.x)

    def __pow__(self, n: int) -> Symbol:
        return Symbol(self.x**n)

    def relu(self) -> Symbol:
        """Rectify."""
        return Symbol(casadi.fmax(self.x, 0))


def _compiled(trace: Callable[[list[Symbol]], Symbol], numbers: list[float]) -> Prepared:
    """Value and partial derivatives through `buffer()`, which skips CasADi's Python conversions."""
    clock = Clock()
    inputs = casadi.SX.sym("x", len(numbers))
    root = trace([Symbol(inputs[k]) for k in range(len(numbers))])
    phases = {"trace": clock()}
    gradient = casadi.gradient(root.x, inputs)
    f = casadi.Function("f", [inputs], [root.x, casadi.densify(gradient)])
    buffer, call = f.buffer()
    x, value, partials = np.array(numbers, np.float64), np.zeros(1), np.zeros(len(numbers))
    buffer.set_arg(0, memoryview(x))
    buffer.set_res(0, memoryview(value))
    buffer.set_res(1, memoryview(partials))
    call()
    phases["first"] = clock()
    kept = (f, buffer, x, value, partials)
    run = python_loop("call()", call=call, kept=kept)
    return Prepared([*value.tolist(), *partials.tolist()], run, phases)


def call(setting: dict[str, Any]) -> Prepared:
    """Value and partial derivatives, by an ordinary call, as Python floats."""
    numbers = [setting["a"], setting["b"]]
    a, b = casadi.SX.sym("a"), casadi.SX.sym("b")
    root = workloads.readme(Symbol(a), Symbol(b)).x
    both = [root, casadi.gradient(root, a), casadi.gradient(root, b)]
    f = casadi.Function("f", [a, b], both)

    def once() -> list[float]:
        return [float(v) for v in f(*numbers)]

    return Prepared(once(), python_loop("once()", once=once))


def w7(setting: dict[str, Any]) -> Prepared:
    """Inference, by an ordinary call; in float64, which is all that CasADi computes in."""
    parameters = iter(workloads.parameters_of(*workloads.W7, seed=workloads.W7_SEED))
    nin, nouts = workloads.W7
    x = casadi.SX.sym("x", nin)
    outputs = x
    for k, outs in enumerate(nouts):
        rows = [[next(parameters) for _ in range(outputs.numel() + 1)] for _ in range(outs)]
        w = casadi.DM(rows)
        outputs = casadi.mtimes(w[:, :-1], outputs) + w[:, -1]
        outputs = casadi.fmax(outputs, 0) if k + 1 < len(nouts) else outputs
    f, numbers = casadi.Function("f", [x], [outputs]), setting["x"]

    def once() -> float:
        return float(f(numbers))

    return Prepared([once()], python_loop("once()", once=once))


def irregular(setting: dict[str, Any]) -> Prepared:
    """A random DAG."""
    dag = workloads.Dag(setting["n"], setting.get("window", 0))
    return _compiled(lambda x: dag.build(x, lambda v: Symbol(casadi.tanh(v.x))), dag.inputs)


def chain(setting: dict[str, Any]) -> Prepared:
    """A chain of dependent ops."""
    return _compiled(lambda x: workloads.chain(x[0], setting["n"]), [setting["x"]])


def recurrence(setting: dict[str, Any]) -> Prepared:
    """A pendulum."""

    def trace(x: list[Symbol]) -> Any:
        steps = setting["steps"]
        return workloads.pendulum(x[0], x[1], steps, lambda v: Symbol(casadi.sin(v.x)))

    return _compiled(trace, [setting["angle"], setting["speed"]])


CONTESTANTS = {f.__name__: f for f in (call, w7, irregular, chain, recurrence)}
