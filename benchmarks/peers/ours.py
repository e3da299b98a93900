"""This project: the interpreter, and kernels called from Python and from C."""

from __future__ import annotations

import random
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks import workloads
from benchmarks.native import Driver
from benchmarks.peers import Clock, Prepared, flat, python_loop
from micrograd import Value, __version__, fit, jit, sin, tanh
from micrograd.nn import MLP
from micrograd.optim import SGD, linear

WHOLE = 1000
"""Samples that are traced as one loss; more are given to `fit` as data."""

jit(tanh(Value(1.0)))()  # what is loaded once per process is no part of compiling


def versions() -> dict[str, str]:
    """Of this project and of what it compiles with."""
    from importlib.metadata import version

    return {"micrograd-mlir": __version__, "llvmlite": version("llvmlite")}


def size(kernel: Any) -> dict[str, int]:
    """How large its stages are: what was traced, the program of the value, the LLVM IR."""
    shown = kernel._shown
    return {
        "nodes": len(shown.graph),
        "statements": len(shown.program.statements),
        "LLVM IR lines": shown.native.llvm_ir.count("\n"),
    }


# -- call -----------------------------------------------------------------------------------------


def _readme(setting: dict[str, Any]) -> tuple[Any, list[float]]:
    numbers = [setting["a"], setting["b"]]
    a, b = (Value(x, label=s) for x, s in zip(numbers, "ab", strict=True))
    return jit(workloads.readme(a, b), wrt=[a, b], dtype=setting["dtype"]), numbers


def call(setting: dict[str, Any]) -> Prepared:
    """Value and partial derivatives, called from Python."""
    clock = Clock()
    kernel, (a, b) = _readme(setting)
    trace = clock()
    f = kernel.value_and_grad
    answer = flat(*f(a, b))
    phases = {"trace": trace, "first": clock()}
    return Prepared(answer, python_loop("f(a, b)", f=f, a=a, b=b), phases)


def call_c(setting: dict[str, Any]) -> Prepared:
    """Value and partial derivatives, called by a loop in C."""
    kernel, (a, b) = _readme(setting)
    f = kernel.value_and_grad
    f(a, b)
    return _driven(f, [a, b, None])


def call_value(setting: dict[str, Any]) -> Prepared:
    """The value alone, called from Python."""
    f, (a, b) = _readme(setting)
    return Prepared([f(a, b)], python_loop("f(a, b)", f=f, a=a, b=b))


def _driven(kernel: Any, arguments: list[Any], **more: Any) -> Prepared:
    """A compiled kernel, its `main` called by address by a loop in C."""
    driver = Driver(kernel.address, kernel.signature, arguments)
    return Prepared(driver.answer(), _holding(driver.run, kernel), **more)


def _holding(run: Callable[[int], float], kernel: Any) -> Callable[[int], float]:
    """The same, keeping the kernel, whose code goes when it is dropped."""

    def held(count: int, kernel: Any = kernel) -> float:
        return run(count)

    return held


# -- the interpreter ------------------------------------------------------------------------------


def _interpreted(build: Callable[[], tuple[Any, list[Any]]], setting: dict[str, Any]) -> Prepared:
    """Build, forward and backward, as micrograd does it."""
    leaves: list[Any] = []

    def once() -> Any:
        root, found = build()
        root.backward()
        leaves[:] = found
        return root

    value = once().data
    answer = flat(value, (v.grad for v in leaves))
    return Prepared(answer, python_loop("once()", once=once, gc=setting["gc"]))


def interpret_readme(setting: dict[str, Any]) -> Prepared:
    """The README expression, interpreted."""

    def build() -> tuple[Any, list[Any]]:
        a, b = Value(setting["a"]), Value(setting["b"])
        return workloads.readme(a, b), [a, b]

    return _interpreted(build, setting)


def _moons(setting: dict[str, Any]) -> tuple[Any, Any]:
    random.seed(1337)
    model = MLP(*workloads.MOONS)
    return model, workloads.moons_loss(model, Value, setting["points"], setting["labels"])


def interpret_moons(setting: dict[str, Any]) -> Prepared:
    """The loss of the demo, interpreted."""
    random.seed(1337)
    model = MLP(*workloads.MOONS)

    def build() -> tuple[Any, list[Any]]:
        model.zero_grad()
        loss = workloads.moons_loss(model, Value, setting["points"], setting["labels"])
        return loss, model.parameters()

    return _interpreted(build, setting)


# -- inference ------------------------------------------------------------------------------------


def _w7(setting: dict[str, Any]) -> tuple[Any, list[int]]:
    random.seed(workloads.W7_SEED)
    model = MLP(*workloads.W7)
    return model, random.sample(range(-100, 100), 10)


def w7(setting: dict[str, Any]) -> Prepared:
    """Inference, a list in, from Python."""
    model, x = _w7(setting)
    clock = Clock()
    f = jit(model, dtype=setting["dtype"])
    answer = [f(x)]
    return Prepared(answer, python_loop("f(x)", f=f, x=x), {"first": clock()})


def w7_c(setting: dict[str, Any]) -> Prepared:
    """Inference, called by a loop in C."""
    model, x = _w7(setting)
    f = jit(model, dtype=setting["dtype"])
    f(x)
    return _driven(f, [x])


def w7_interpreted(setting: dict[str, Any]) -> Prepared:
    """Inference, interpreted."""
    model, x = _w7(setting)
    return Prepared([model(x).data], python_loop("model(x)", model=model, x=x, gc=setting["gc"]))


# -- value and gradient of large graphs -----------------------------------------------------------


def _compiled(trace: Callable[[], tuple[Any, list[Any]]], setting: dict[str, Any]) -> Prepared:
    """A traced value and its gradient, for leaves read live."""
    clock = Clock()
    root, leaves = trace()
    phases = {"trace": clock()}
    how = {"dtype": setting["dtype"], "strict": setting.get("strict", False)}
    kernel = jit(root, wrt=leaves, **how).value_and_grad
    kernel()
    phases["first"] = clock()
    facts = size(kernel)
    if setting["from"] == "C":
        return _driven(kernel, [None], phases=phases, facts=facts)
    out = np.empty(len(leaves), {"f32": np.float32, "f64": np.float64}[setting["dtype"]])
    answer = flat(*kernel(out=out))
    run = python_loop("kernel(out=out)", kernel=kernel, out=out)
    return Prepared(answer, run, phases, facts)


def moons(setting: dict[str, Any]) -> Prepared:
    """The loss of the demo and all 337 partial derivatives."""

    def trace() -> tuple[Any, list[Any]]:
        model, loss = _moons(setting)
        return loss, model.parameters()

    return _compiled(trace, setting)


def mlp_h(setting: dict[str, Any]) -> Prepared:
    """The score of a larger network on one input, for all parameters."""

    def trace() -> tuple[Any, list[Any]]:
        h = setting["h"]
        random.seed(h)
        model = MLP(h, [h, h, 1])
        return model(list(map(Value, setting["x"]))), model.parameters()

    return _compiled(trace, setting)


def irregular(setting: dict[str, Any]) -> Prepared:
    """A random DAG, for its inputs."""
    dag = workloads.Dag(setting["n"], setting.get("window", 0))

    def trace() -> tuple[Any, list[Any]]:
        inputs = list(map(Value, dag.inputs))
        return dag.build(inputs, tanh), inputs

    return _compiled(trace, setting)


def chain(setting: dict[str, Any]) -> Prepared:
    """A chain of dependent ops, for its start."""

    def trace() -> tuple[Any, list[Any]]:
        x = Value(setting["x"])
        return workloads.chain(x, setting["n"]), [x]

    return _compiled(trace, setting)


def recurrence(setting: dict[str, Any]) -> Prepared:
    """A pendulum, for its initial state."""

    def trace() -> tuple[Any, list[Any]]:
        state = [Value(setting["angle"]), Value(setting["speed"])]
        return workloads.pendulum(state[0], state[1], setting["steps"], sin), state

    return _compiled(trace, setting)


def fit_moons(setting: dict[str, Any]) -> Prepared:
    """Training by `fit`: the loop alone, as it tells itself; `first` is a call, compiling included.

    The one place that knows how `fit` is called.
    """
    steps, dtype, n = setting["steps"], setting["dtype"], len(setting["labels"])
    numbers = {"f32": np.float32, "f64": np.float64}[dtype]
    clock, phases = Clock(), {}
    if n <= WHOLE and setting["form"] == "whole":  # the loss of the demo, scalar by scalar
        model, loss = _moons(setting)
        parameters = model.parameters()
        phases["trace"] = clock()
        target, how = jit(loss, wrt=parameters, dtype=dtype), {}
    else:
        random.seed(1337)
        target = MLP(*workloads.MOONS)
        parameters = target.parameters()
        how = {
            "data": (np.array(setting["points"], numbers), np.array(setting["labels"], numbers)),
            "loss": lambda score, y: (1 + -y * score).relu(),
            "regularization": lambda: 1e-4 * sum(p * p for p in parameters),
            "batch_size": setting.get("size", n),
            "seed": setting.get("seed", 0),
            "dtype": dtype,
            "threads": setting.get("threads", 1),
        }
    start = [p.data for p in parameters]
    rate = setting["rate"] if setting["form"] == "epoch" else linear(1.0, 0.1, steps)

    def once() -> Any:
        for p, x in zip(parameters, start, strict=True):
            p.data = x
        return fit(target, SGD(parameters, lr=rate), steps=steps, **how)

    answer = [*once().losses, sum(p.data**2 for p in parameters)]
    phases["first"] = clock()
    return Prepared(answer, lambda count: sum(once().seconds for _ in range(count)), phases)


def cold(setting: dict[str, Any]) -> Prepared:
    """A Python started, the demo imported, traced, compiled and evaluated; then it ends."""
    import json
    import subprocess
    import sys

    program = (
        "import json, sys\n"
        "from benchmarks.peers import ours\n"
        "print(json.dumps(ours.moons(json.load(sys.stdin)).answer))\n"
    )
    place = str(workloads.__file__).rsplit("/benchmarks/", 1)[0]

    def once() -> list[float]:
        said = subprocess.run(
            [sys.executable, "-P", "-c", f"import sys; sys.path.append({place!r})\n{program}"],
            input=json.dumps({**setting, "from": "Python"}),
            capture_output=True,
            text=True,
        )
        if said.returncode:
            raise RuntimeError(f"the new process failed: {said.stderr.strip()[-300:]}")
        answer: list[float] = json.loads(said.stdout)
        return answer

    def run(count: int) -> float:
        began = perf_counter()
        for _ in range(count):
            once()
        return perf_counter() - began

    return Prepared(once(), run)


CONTESTANTS = {
    f.__name__: f
    for f in (
        *(call, call_c, call_value, interpret_readme, interpret_moons, w7, w7_c, w7_interpreted),
        *(moons, mlp_h, irregular, chain, recurrence, cold),
    )
}
